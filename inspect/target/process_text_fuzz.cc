// The small texts of /proc/PID may say anything: what is taken from them stands in them.
#include <cstdint>
#include <cstdlib>

#include "inspect/target/process_text.h"

namespace {

void require(bool condition) {
  if (!condition) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace strata;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const std::string_view fields = fields_after_comm(text);
  require(fields.empty() || (text.ends_with(fields) && fields.find(')') == std::string_view::npos));
  if (parse_blocked_call(text)) require(text.find("0x") != std::string_view::npos);
  if (const auto head = parse_stat_head(text)) {
    require(head->parent >= 0 && head->state == fields[0]);
    require(text.find(head->name) != std::string_view::npos);
  }
  const auto children = parse_children(text);
  require(children.size() <= size / 2 + 1);
  for (const pid_t child : children) require(child > 0);
  if (first_number(text, "\nUid:")) require(text.find("\nUid:") != std::string_view::npos);
  if (const auto pid = inner_pid(text)) {
    require(*pid > 0 && text.find("\nNSpid:\t") != std::string_view::npos);
  }
  const auto entries = parse_auxiliary_vector(text);
  require(entries.size() <= size / 16);
  for (const AuxiliaryEntry& entry : entries) require(entry.type != 0);
  return 0;
}
