#include "cli/common.h"

#include <cerrno>
#include <charconv>
#include <cstdio>

#include "base/printable.h"
#include "cli/open_target.h"
#include "present/json.h"
#include "present/progress_line.h"
#include "present/text.h"

namespace strata {

Result<std::chrono::microseconds> parse_freeze_limit(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const double scale = unit == "ms" ? 1e3 : unit == "s" ? 1e6 : 0;
  constexpr double kLongest = 60e6;
  // So written that "nan", which from_chars() takes for a number, is refused too.
  if (error != std::errc{} || !(number * scale >= 1 && number * scale <= kLongest)) {
    return Failure(Error{Cause::kUsage,
                         fmt::format("--freeze-limit {} is not a time", printable(text)),
                         {},
                         "write 200ms or 2s, at most 60s"});
  }
  return std::chrono::microseconds(static_cast<std::int64_t>(number * scale));
}

Result<Address> parse_address(const std::string& text) {
  std::string_view digits = text;
  if (digits.starts_with("0x") || digits.starts_with("0X")) digits.remove_prefix(2);
  Address address;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), address.value, 16);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) {
    return Failure(Error{Cause::kUsage,
                         fmt::format("{} is not an address", printable(text)),
                         {},
                         "write it in hexadecimal, as 0x7ffd5a1c2e40"});
  }
  return address;
}

Result<Bytes> parse_bytes(std::string_view option, const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const int shift = unit.empty() ? 0 : unit == "K" ? 10 : unit == "M" ? 20 : unit == "G" ? 30 : -1;
  if (error != std::errc{} || shift < 0 || number > (std::uint64_t{1} << 62) >> shift) {
    return Failure(Error{Cause::kUsage,
                         fmt::format("{} {} is not a size", option, printable(text)),
                         {},
                         "write 4096, 64K, 10M or 2G"});
  }
  return Bytes{number << shift};
}

Result<std::optional<std::chrono::microseconds>> freeze_limit_of(const Invocation& invocation) {
  using std::chrono::microseconds;
  if (!invocation.has("--freeze")) {
    if (invocation.has("--freeze-limit")) {
      return Failure(Error{
          Cause::kUsage, "--freeze-limit means nothing without --freeze", {}, "add --freeze"});
    }
    return std::optional<microseconds>();
  }
  auto limit = parse_freeze_limit(invocation.value("--freeze-limit").value_or("1s"));
  if (!limit) return pass(limit);
  return std::optional(*limit);
}

Result<Explanation> explain_target(const Invocation& invocation, ExplainOptions options) {
  auto freeze_limit = freeze_limit_of(invocation);
  if (!freeze_limit) return pass(freeze_limit);
  options.freeze_limit = *freeze_limit;
  auto means = probe_means();
  if (!means) return pass(means);
  auto target = open_target(invocation.argument(0));
  if (!target) return pass(target);
  if (options.freeze_limit && (*target)->identity().kind == TargetKind::kCore) {
    return Failure(
        Error{Cause::kUsage, "a core file stands still by itself", {}, "leave out --freeze"});
  }
  ProgressLine line;
  options.progress = [&](std::string_view step, double done) { line.show(step, done); };
  return explain(**target, *means, options);
}

Result<void> show(const Document& document, const Invocation& invocation) {
  const Sink standard_output = [](std::string_view piece) -> Result<void> {
    if (std::fwrite(piece.data(), 1, piece.size(), stdout) != piece.size() ||
        std::fflush(stdout) != 0) {
      return fail_errno(errno, "write to standard output");
    }
    return {};
  };
  return invocation.has("--json") ? write_json(document, standard_output)
                                  : write_text(document, style_of_stdout(), standard_output);
}

}  // namespace strata
