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
  Thread thread;
  parse_syscall(text, thread);
  require(thread.stack_pointer.has_value() == thread.instruction_pointer.has_value());
  require(!thread.stack_pointer || text.find("0x") != std::string_view::npos);
  if (const auto pid = inner_pid(text)) {
    require(*pid > 0 && text.find("\nNSpid:\t") != std::string_view::npos);
  }
  const auto entries = parse_auxiliary_vector(text);
  require(entries.size() <= size / 16);
  for (const AuxiliaryEntry& entry : entries) require(entry.type != 0);
  return 0;
}
