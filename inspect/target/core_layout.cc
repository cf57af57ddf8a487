#include "inspect/target/core_layout.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <unordered_map>

namespace strata {
namespace {

// A name is copied into every mapping of its file; a core of 100 MiB could ask for 8 GiB of that.
constexpr std::size_t kMostNameBytes = std::size_t{256} << 20;

/// Hands out the mappings between two sorted lists' edges.
class Joiner {
 public:
  explicit Joiner(Problems& problems) : problems_(problems) {}

  void add(Range range, const CoreSegment* segment, const CoreFile* file) {
    if (range.empty()) return;
    Mapping mapping;
    mapping.range = range;
    if (segment != nullptr) {
      mapping.readable = segment->readable;
      mapping.writable = segment->writable;
      mapping.executable = segment->executable;
    }
    if (file != nullptr) {
      mapping.offset = file->offset + (range.start - file->range.start);
      mapping.deleted = file->deleted;
      mapping.inode = number_of(file->path);
      if (name_bytes_ + file->path.size() <= kMostNameBytes) {
        name_bytes_ += file->path.size();
        mapping.name = file->path;
      } else if (!std::exchange(names_cut_, true)) {
        problems_.add(
            "the paths in note NT_FILE are longer than 256 MiB together; those at the "
            "highest addresses are not shown");
      }
    }
    mappings_.push_back(std::move(mapping));
  }

  std::vector<Mapping> take() { return std::move(mappings_); }

 private:
  std::uint64_t number_of(std::string_view path) {
    return numbers_.try_emplace(path, numbers_.size() + 1).first->second;
  }

  Problems& problems_;
  std::vector<Mapping> mappings_;
  std::unordered_map<std::string_view, std::uint64_t> numbers_;
  std::size_t name_bytes_ = 0;
  bool names_cut_ = false;
};

void label(std::vector<Mapping>& mappings, Address address, std::string_view name) {
  const Mapping* found = find_in(mappings, address);
  if (found == nullptr || found->has_file() || !found->name.empty()) return;
  mappings[static_cast<std::size_t>(found - mappings.data())].name = name;
}

}  // namespace

Result<std::vector<CoreSegment>> arrange_segments(std::span<const Elf64_Phdr> headers,
                                                  Bytes core_size) {
  constexpr std::uint64_t kLargest = std::numeric_limits<std::int64_t>::max();
  std::vector<CoreSegment> segments;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    const Elf64_Phdr& header = headers[i];
    if (header.p_type != PT_LOAD || header.p_memsz == 0) continue;
    if (header.p_memsz > std::numeric_limits<std::uint64_t>::max() - header.p_vaddr ||
        header.p_filesz > header.p_memsz || header.p_filesz > kLargest ||
        header.p_offset > kLargest - header.p_filesz) {
      return fail(Cause::kCorrupt,
                  "program header {} of the core cannot be so: {:#x} bytes at {:#x}, of them {:#x} "
                  "in the file at {:#x}",
                  i, header.p_memsz, header.p_vaddr, header.p_filesz, header.p_offset);
    }
    CoreSegment segment;
    segment.range = range_of(Address{header.p_vaddr}, Bytes{header.p_memsz});
    segment.file_offset = Bytes{header.p_offset};
    segment.recorded = Bytes{header.p_filesz};
    segment.present = std::min(segment.recorded, saturating_sub(core_size, segment.file_offset));
    segment.readable = (header.p_flags & PF_R) != 0;
    segment.writable = (header.p_flags & PF_W) != 0;
    segment.executable = (header.p_flags & PF_X) != 0;
    segments.push_back(segment);
  }
  std::ranges::sort(segments, {}, [](const CoreSegment& s) { return s.range.start; });
  const auto overlap = std::ranges::adjacent_find(
      segments,
      [](const CoreSegment& a, const CoreSegment& b) { return a.range.overlaps(b.range); });
  if (overlap != segments.end()) {
    return fail(Cause::kCorrupt,
                "two program headers of the core overlap: {:#x}-{:#x} and {:#x}-{:#x}",
                overlap->range.start.value, overlap->range.end.value,
                std::next(overlap)->range.start.value, std::next(overlap)->range.end.value);
  }
  return segments;
}

std::vector<Mapping> join_mappings(const std::vector<CoreSegment>& segments,
                                   const std::vector<CoreFile>& files, Problems& problems) {
  constexpr Address kEnd{std::numeric_limits<std::uint64_t>::max()};
  Joiner joiner(problems);
  auto segment = segments.begin();
  auto file = files.begin();
  Address at;
  while (segment != segments.end() || file != files.end()) {
    const Range s = segment != segments.end() ? segment->range : Range{kEnd, kEnd};
    const Range f = file != files.end() ? file->range : Range{kEnd, kEnd};
    at = std::max(at, std::min(s.start, f.start));
    const bool in_segment = s.contains(at);
    const bool in_file = f.contains(at);
    // The nearest edge above: of what `at` is in its end, of what is still ahead its start.
    const Address next = std::min(in_segment ? s.end : s.start, in_file ? f.end : f.start);
    joiner.add({at, next}, in_segment ? &*segment : nullptr, in_file ? &*file : nullptr);
    at = next;
    if (segment != segments.end() && s.end <= at) ++segment;
    if (file != files.end() && f.end <= at) ++file;
  }
  return joiner.take();
}

void label_mappings(std::vector<Mapping>& mappings, const std::vector<AuxiliaryEntry>& auxiliary,
                    std::optional<Address> main_stack_pointer) {
  // The page's address is part of the x86-64 ABI (vsyscall(2) in vdso(7)).
  constexpr Address kVsyscall{0xffffffffff600000};
  label(mappings, kVsyscall, "[vsyscall]");
  if (const auto vdso = find_auxiliary(auxiliary, AT_SYSINFO_EHDR)) {
    label(mappings, Address{*vdso}, "[vdso]");
  }
  // execve(2) lays these at the top of the first stack; the stack pointer of the main thread may
  // point elsewhere, to an alternate signal stack.
  auto stack = find_auxiliary(auxiliary, AT_RANDOM);
  if (!stack) stack = find_auxiliary(auxiliary, AT_EXECFN);
  if (!stack && main_stack_pointer) stack = main_stack_pointer->value;
  if (stack) label(mappings, Address{*stack}, "[stack]");
}

}  // namespace strata
