#include "malloc/frame_rules.h"

#include <dlfcn.h>
#include <link.h>

#include "malloc/probed_bytes.h"

namespace strata::alloc {
namespace {

#ifdef DLFO_STRUCT_HAS_EH_DBASE
// Looked up and not linked, or the library would need glibc 2.35; and before there are threads, for
// looking up takes a lock that who loads a library holds.
using FindObject = int (*)(void*, dl_find_object*);
constinit FindObject find_object = nullptr;
[[gnu::constructor]] void find_finder() {
  find_object = reinterpret_cast<FindObject>(dlsym(RTLD_DEFAULT, "_dl_find_object"));
}
#endif

constexpr unsigned kMostRemembered = 4;
constexpr std::uint8_t kPointersToUs = 0x1b;  // DW_EH_PE_pcrel | sdata4
constexpr std::uint8_t kCount = 0x03;         // udata4
constexpr std::uint8_t kRows = 0x3b;          // DW_EH_PE_datarel | sdata4

struct Search {
  std::uintptr_t pc;
  LoadedModule* module;
};

int look_at(dl_phdr_info* of, std::size_t, void* search_of) {
  const Search& search = *static_cast<Search*>(search_of);
  bool is_here = false;
  std::uintptr_t table = 0, start = ~std::uintptr_t{0}, end = 0;
  for (int i = 0; i < of->dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = of->dlpi_phdr[i];
    const std::uintptr_t from = of->dlpi_addr + header.p_vaddr;
    if (header.p_type == PT_GNU_EH_FRAME) table = from;
    if (header.p_type != PT_LOAD) continue;
    is_here |= search.pc >= from && search.pc - from < header.p_memsz;
    if (from < start) start = from;
    if (from + header.p_memsz > end) end = from + header.p_memsz;
  }
  if (is_here) *search.module = {start, end, table};
  return is_here ? 1 : 0;
}

/// Where the description of `pc` begins; 0 where there is none.
std::uintptr_t find_description(std::uintptr_t pc, const LoadedModule& module, Probe& probe) {
  if (module.table < module.start || module.table >= module.end) return 0;
  ProbedBytes head(probe, module.table, module.end);
  if (head.u8() != 1 || head.u8() != kPointersToUs || head.u8() != kCount || head.u8() != kRows) {
    return 0;
  }
  head.skip(4);
  const std::uint64_t count = head.number(4);
  const std::uintptr_t rows = head.at();
  if (head.is_bad() || count == 0 || count > (module.end - rows) / 8) return 0;
  const auto start_of = [&](std::uint64_t row) {
    std::uint64_t word = 0;
    if (!probe.read_bytes(rows + row * 8, 8, word)) return std::uint64_t{0};
    return word;
  };
  const auto address = [&](std::uint64_t offset) {
    return module.table + static_cast<std::uintptr_t>(static_cast<std::int32_t>(offset));
  };
  std::uint64_t low = 0, high = count;
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    (address(start_of(middle)) <= pc ? low : high) = middle;
  }
  return address(start_of(low) >> 32);
}

/// What many functions' descriptions share.
struct Common {
  std::uint64_t code_unit = 0;
  std::int64_t data_unit = 0;
  std::uint64_t return_register = 0;
  std::uint8_t encoding = 0;
  bool has_more = false;  ///< descriptions have bytes besides
  bool is_signal = false;
  std::uintptr_t instructions = 0, end = 0;
};

/// Of a record, its end; behind its length. 0 where it is none.
std::uintptr_t end_of(ProbedBytes& bytes, const LoadedModule& module) {
  const std::uint64_t length = bytes.number(4);
  // All ones: of more than 4 GiB, which no module is.
  if (bytes.is_bad() || length == 0 || length > module.end - bytes.at()) return 0;
  return bytes.at() + length;
}

bool read_common(std::uintptr_t at, const LoadedModule& module, Probe& probe, Common& common) {
  if (at < module.start || at >= module.end) return false;
  ProbedBytes bytes(probe, at, module.end);
  common.end = end_of(bytes, module);
  if (common.end == 0 || bytes.number(4) != 0) return false;
  const std::uint8_t version = bytes.u8();
  if (version != 1 && version != 3) return false;
  char more[8] = {};
  unsigned count = 0;
  for (char c; (c = static_cast<char>(bytes.u8())) != 0;) {
    if (count + 1 == sizeof more) return false;
    more[count++] = c;
  }
  common.code_unit = bytes.uleb();
  common.data_unit = bytes.sleb();
  common.return_register = version == 1 ? bytes.u8() : bytes.uleb();
  common.has_more = more[0] == 'z';
  if (count > 0 && !common.has_more) return false;
  const std::uint64_t length = common.has_more ? bytes.uleb() : 0;
  const std::uintptr_t behind = bytes.at() + length;
  for (unsigned i = 1; i < count; ++i) {
    if (more[i] == 'R') {
      common.encoding = bytes.u8();
    } else if (more[i] == 'P') {
      bytes.pointer(bytes.u8());
    } else if (more[i] == 'L') {
      bytes.u8();
    } else if (more[i] == 'S') {
      common.is_signal = true;
    } else {
      break;  // and what follows is passed over, by its length
    }
  }
  if (bytes.is_bad() || behind < bytes.at() || behind > common.end) return false;
  common.instructions = behind;
  return true;
}

/// Plays call frame instructions.
class Player {
 public:
  Player(const Common& common, std::uintptr_t start, std::uintptr_t pc, FrameRules& rules)
      : common_(common), at_(start), pc_(pc), rules_(rules) {}

  /// False for what cannot be.
  bool play(ProbedBytes bytes) {
    while (!bytes.is_over() && at_ <= pc_) {
      if (!step(bytes)) return false;
    }
    return !bytes.is_bad();
  }
  void keep_initial() { initial_ = rules_; }

 private:
  bool step(ProbedBytes& bytes) {
    const std::uint8_t byte = bytes.u8();
    const unsigned low = byte & 0x3f;
    std::uint64_t base = 0;
    switch (byte >> 6) {
      case 1:
        return advance(low);
      case 2:
        return set(low, FrameRule::kAt, scaled(bytes.uleb()));
      case 3:
        return restore(low);
    }
    switch (low) {
      case 0x00:  // nothing
        return true;
      case 0x01:  // set_loc
        at_ = bytes.pointer(common_.encoding);
        return true;
      case 0x02:
        return advance(bytes.number(1));
      case 0x03:
        return advance(bytes.number(2));
      case 0x04:
        return advance(bytes.number(4));
      case 0x05:  // offset_extended
        return set(bytes.uleb(), bytes, FrameRule::kAt, Operand::kScaledUleb);
      case 0x06:
        return restore(bytes.uleb());
      case 0x07:
        return set(bytes.uleb(), FrameRule::kUnknown, 0);
      case 0x08:
        return set(bytes.uleb(), FrameRule::kSame, 0);
      case 0x09:
        return set(bytes.uleb(), bytes, FrameRule::kRegister, Operand::kUleb);
      case 0x0a:  // remember_state
        if (remembered_ == kMostRemembered) return false;
        stack_[remembered_++] = rules_;
        return true;
      case 0x0b:
        if (remembered_ == 0) return false;
        rules_ = stack_[--remembered_];
        return true;
      case 0x0c:  // def_cfa
        base = bytes.uleb();
        return frame(base, static_cast<std::int64_t>(bytes.uleb()));
      case 0x0d:
        return frame(bytes.uleb(), rules_.frame.value);
      case 0x0e:
        return frame(rules_.base, static_cast<std::int64_t>(bytes.uleb()));
      case 0x0f:
        rules_.frame = {FrameRule::kExpression, static_cast<std::int64_t>(bytes.at())};
        bytes.skip(bytes.uleb());
        return true;
      case 0x10:
        return set_expression(bytes.uleb(), bytes, FrameRule::kAtExpression);
      case 0x11:  // offset_extended_sf
        return set(bytes.uleb(), bytes, FrameRule::kAt, Operand::kScaledSleb);
      case 0x12:  // def_cfa_sf
        base = bytes.uleb();
        return frame(base, scaled(static_cast<std::uint64_t>(bytes.sleb())));
      case 0x13:
        return frame(rules_.base, scaled(static_cast<std::uint64_t>(bytes.sleb())));
      case 0x14:
        return set(bytes.uleb(), bytes, FrameRule::kSum, Operand::kScaledUleb);
      case 0x15:
        return set(bytes.uleb(), bytes, FrameRule::kSum, Operand::kScaledSleb);
      case 0x16:
        return set_expression(bytes.uleb(), bytes, FrameRule::kExpression);
      case 0x2e:  // GNU_args_size
        bytes.uleb();
        return true;
      default:
        return false;
    }
  }

  enum class Operand { kUleb, kScaledUleb, kScaledSleb };

  std::int64_t scaled(std::uint64_t factor) const {
    return static_cast<std::int64_t>(factor * static_cast<std::uint64_t>(common_.data_unit));
  }
  bool advance(std::uint64_t units) {
    at_ += units * common_.code_unit;
    return true;
  }
  bool set(std::uint64_t number, FrameRule::Kind kind, std::int64_t value) {
    // Of others, as of vectors, nothing is asked.
    if (number < machine::kRegisters) rules_.of[number] = {kind, value};
    return true;
  }
  bool set(std::uint64_t number, ProbedBytes& bytes, FrameRule::Kind kind, Operand operand) {
    const std::uint64_t read =
        operand == Operand::kScaledSleb ? static_cast<std::uint64_t>(bytes.sleb()) : bytes.uleb();
    return set(number, kind,
               operand == Operand::kUleb ? static_cast<std::int64_t>(read) : scaled(read));
  }
  bool set_expression(std::uint64_t number, ProbedBytes& bytes, FrameRule::Kind kind) {
    const auto at = static_cast<std::int64_t>(bytes.at());
    bytes.skip(bytes.uleb());
    return set(number, kind, at);
  }
  bool restore(std::uint64_t number) {
    if (number < machine::kRegisters) rules_.of[number] = initial_.of[number];
    return true;
  }
  bool frame(std::uint64_t base, std::int64_t offset) {
    if (base >= machine::kRegisters) return false;
    rules_.base = static_cast<unsigned>(base);
    rules_.frame = {FrameRule::kSum, offset};
    return true;
  }

  const Common& common_;
  std::uintptr_t at_;
  const std::uintptr_t pc_;
  FrameRules& rules_;
  FrameRules initial_;
  FrameRules stack_[kMostRemembered];
  unsigned remembered_ = 0;
};

}  // namespace

bool find_module(std::uintptr_t pc, LoadedModule& module) {
#ifdef DLFO_STRUCT_HAS_EH_DBASE
  if (find_object != nullptr) {
    dl_find_object found;
    if (find_object(reinterpret_cast<void*>(pc), &found) != 0) return false;
    module = {reinterpret_cast<std::uintptr_t>(found.dlfo_map_start),
              reinterpret_cast<std::uintptr_t>(found.dlfo_map_end),
              reinterpret_cast<std::uintptr_t>(found.dlfo_eh_frame)};
    return true;
  }
#endif
  // It takes a lock of the loader's, as throwing an exception does there.
  Search search{pc, &module};
  return dl_iterate_phdr(look_at, &search) != 0;
}

bool find_rules(std::uintptr_t pc, const LoadedModule& module, Probe& probe, FrameRules& rules) {
  const std::uintptr_t at = find_description(pc, module, probe);
  if (at < module.start || at >= module.end) return false;
  ProbedBytes bytes(probe, at, module.end);
  const std::uintptr_t end = end_of(bytes, module);
  if (end == 0) return false;
  const std::uintptr_t here = bytes.at();
  const std::uint64_t back = bytes.number(4);
  Common common;
  if (back == 0 || back > here - module.start || !read_common(here - back, module, probe, common)) {
    return false;
  }
  const std::uintptr_t start = bytes.pointer(common.encoding);
  const std::uint64_t length = bytes.pointer(common.encoding & 0x0f);
  if (bytes.is_bad() || pc < start || pc - start >= length) return false;
  if (common.has_more) bytes.skip(bytes.uleb());
  if (bytes.is_bad() || bytes.at() > end || common.return_register != machine::kReturn) {
    return false;
  }
  rules = {};
  rules.is_signal = common.is_signal;
  Player player(common, start, pc, rules);
  if (!player.play({probe, common.instructions, common.end})) return false;
  player.keep_initial();
  return player.play({probe, bytes.at(), end}) && rules.frame.kind != FrameRule::kUnknown;
}

}  // namespace strata::alloc
