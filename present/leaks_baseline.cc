#include "present/leaks_baseline.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/printable.h"
#include "present/leaks_view.h"

namespace strata {

Result<LeaksBaseline> LeaksBaseline::parse(const std::string& json) {
  const auto document = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  const auto refuse = [](const char* what) {
    return Failure(Error{Cause::kCorrupt,
                         std::string("the baseline is no output of strata leaks: ") + what,
                         {},
                         "make one with `strata leaks --json TARGET >FILE`"});
  };
  if (!document.is_object()) return refuse("it is not a JSON object");
  const auto schema = document.find("schema");
  if (schema == document.end() || *schema != "strata.leaks/1") {
    return refuse("its schema is not strata.leaks/1");
  }
  const auto leaks = document.find("leaks");
  if (leaks == document.end() || !leaks->is_array()) return refuse("it has no leaks[]");
  LeaksBaseline baseline;
  for (const auto& leak : *leaks) {
    if (!leak.is_object()) return refuse("a leak is no object");
    const auto usable = leak.find("usable_bytes"), kind = leak.find("kind"),
               type = leak.find("type");
    if (usable == leak.end() || !usable->is_number_unsigned() || kind == leak.end() ||
        !kind->is_string() || type == leak.end() || !(type->is_string() || type->is_null())) {
      return refuse("a leak lacks usable_bytes, kind or type");
    }
    ++baseline.known_[{usable->get<std::uint64_t>(), kind->get<std::string>(),
                       type->is_null() ? std::string() : type->get<std::string>()}];
  }
  return baseline;
}

std::uint64_t LeaksBaseline::take_known(LeakReport& report) const {
  auto left = known_;
  const auto is_known = [&](const FoundLeak& leak) {
    const auto found =
        left.find({leak.usable.value, name_of(leak.content.kind), printable(leak.type)});
    if (found == left.end() || found->second == 0) return false;
    --found->second;
    return true;
  };
  return std::erase_if(report.leaks, is_known);
}

}  // namespace strata
