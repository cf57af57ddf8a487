#include "inspect/target/core.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/printable.h"
#include "inspect/target/core_absences.h"
#include "inspect/target/core_images.h"
#include "inspect/target/core_layout.h"
#include "inspect/target/core_notes.h"
#include "inspect/target/elf_image.h"
#include "inspect/target/regular_file.h"

namespace strata {
namespace {

// Twice the mappings of the most generous vm.max_map_count in use (1,048,576): 112 MiB of headers.
constexpr std::size_t kMostSegments = std::size_t{2} << 20;
constexpr std::size_t kLongestPath = 4096;

class Core final : public Target {
 public:
  Core(File file, Identity identity) : file_(std::move(file)), identity_(std::move(identity)) {}

  /// Reads headers and notes; once, before anyone else sees the core.
  Result<void> read_headers(const struct stat& status);

  const Identity& identity() const override { return identity_; }
  Result<std::vector<Mapping>> read_mappings() const override { return mappings_; }
  Result<std::vector<Thread>> read_threads() const override { return notes_.threads; }
  Result<std::vector<AuxiliaryEntry>> read_auxiliary_vector() const override {
    return notes_.auxiliary_vector;
  }
  Result<Bytes> read_memory(Address from, std::span<std::byte> into) const override;
  Result<File> open_mapped_file(const Mapping& mapping) const override {
    return images_->open(mapping);
  }
  Result<File> open_kernel_file(const std::string& name) const override { return no_kernel(name); }
  Result<std::string> read_kernel_text(const std::string& name) const override {
    return no_kernel(name);
  }
  std::vector<std::string> absences() const override { return absences_; }
  bool is_cut_off() const override { return cut_off_; }

  std::vector<CoreExtent> extents() const;
  std::optional<CoreSignal> signal() const { return notes_.signal; }

 private:
  /// What the core file itself holds at `from`, up to the end of that segment.
  Result<Bytes> read_held(Address from, std::span<std::byte> into) const;
  void identify();
  std::string read_path(Address from) const;
  void protect_headerless();
  void name_absences(Bytes size, bool count_deduced, Problems& problems);
  static Failure no_kernel(const std::string& name) {
    return fail(Cause::kUnsupported,
                "a core file holds no page tables and nothing else of /proc/PID, so there is no "
                "{} to read",
                printable(name));
  }

  File file_;
  Identity identity_;
  CoreNotes notes_;
  std::vector<CoreSegment> segments_;
  std::vector<Mapping> mappings_;
  std::unique_ptr<CoreImages> images_;
  std::vector<std::string> absences_;
  bool unwritten_as_in_file_ = false;
  bool cut_off_ = false;
};

/// Whether the file ends before what its headers say is in it.
bool ends_early(std::span<const Elf64_Phdr> headers, Bytes size) {
  return std::ranges::any_of(headers, [&](const Elf64_Phdr& header) {
    return header.p_filesz > saturating_sub(size, Bytes{header.p_offset}).value;
  });
}

Result<void> Core::read_headers(const struct stat& status) {
  const Bytes size{static_cast<std::uint64_t>(status.st_size)};
  const ImageBytes image = [this](Bytes offset, std::span<std::byte> into) {
    return read_at(file_, offset, into);
  };
  auto headers = read_elf_image(image, "the file", kMostSegments);
  if (!headers) return pass(headers);
  if (headers->header.e_type != ET_CORE) {
    return fail(Cause::kUsage, "the file is an ELF file, but no core (e_type {}, a core's is {})",
                headers->header.e_type, ET_CORE);
  }
  auto segments = arrange_segments(headers->segments, size);
  if (!segments) return pass(segments);
  segments_ = std::move(*segments);
  cut_off_ = headers->count_deduced || ends_early(headers->segments, size);

  Problems problems;
  auto notes = read_core_notes(image, headers->segments, problems);
  if (!notes) return pass(notes);
  notes_ = std::move(*notes);
  mappings_ = join_mappings(segments_, notes_.files, problems);
  unwritten_as_in_file_ = holds_written_memory(segments_);
  images_ = std::make_unique<CoreImages>(
      std::exchange(notes_.files, {}),
      [this](Address from, std::span<std::byte> into) { return read_held(from, into); },
      status.st_mtim);
  protect_headerless();
  identify();
  name_absences(size, headers->count_deduced, problems);
  return {};
}

void Core::protect_headerless() {
  for (Mapping& mapping : mappings_) {
    if (find_in(segments_, mapping.range.start) != nullptr) continue;
    const auto protection = images_->find_protection(mapping);
    if (!protection) continue;
    mapping.readable = protection->readable;
    mapping.writable = protection->writable;
    mapping.executable = protection->executable;
  }
}

void Core::identify() {
  const auto& auxiliary = notes_.auxiliary_vector;
  std::optional<Address> main_stack_pointer;
  if (notes_.process) {
    identity_.pid = notes_.process->pid;
    identity_.name = notes_.process->name;
    identity_.command_line = notes_.process->command_line;
    // gdb takes the base name of all that stands where argv[0] was, which a program that writes its
    // title there fills with more: "redis-server unixsocket:/run/r.sock".
    const std::string title = identity_.command_line.substr(0, identity_.command_line.find(' '));
    const std::string base = title.substr(title.rfind('/') + 1);
    if (notes_.by_gdb && !base.empty()) identity_.name = base.substr(0, kLongestName);
    const auto main = std::ranges::find(notes_.threads, identity_.pid, &Thread::tid);
    if (main != notes_.threads.end()) {
      if (!notes_.by_gdb) main->name = identity_.name;
      main_stack_pointer = main->stack_pointer;
    }
  }
  label_mappings(mappings_, auxiliary, main_stack_pointer);

  // What holds the entry point is what /proc/PID/exe would have named; AT_EXECFN is what execve(2)
  // was given: relative perhaps, or a script.
  for (const std::uint64_t type : {AT_ENTRY, AT_PHDR}) {
    const auto address = find_auxiliary(auxiliary, type);
    if (address && identity_.executable.empty()) {
      identity_.executable = images_->find_path(Address{*address});
    }
  }
  const auto given = find_auxiliary(auxiliary, AT_EXECFN);
  if (given && identity_.executable.empty()) identity_.executable = read_path(Address{*given});
  if (!notes_.process) {
    const std::string& path = identity_.executable;
    identity_.name = path.substr(path.rfind('/') + 1).substr(0, kLongestName);
  }
}

std::string Core::read_path(Address from) const {
  std::string path(kLongestPath, '\0');
  const auto got = read_memory(from, std::as_writable_bytes(std::span(path)));
  const std::size_t length = got ? strnlen(path.data(), got->value) : 0;
  return got && length < got->value ? path.substr(0, length) : std::string();
}

void Core::name_absences(Bytes size, bool count_deduced, Problems& problems) {
  absences_.push_back(
      "a core file holds no page tables: what was resident, swapped, dirty or huge is not known, "
      "nor which mappings were shared");
  for (std::string& sentence : name_missing_memory(segments_, mappings_, size)) {
    absences_.push_back(std::move(sentence));
  }
  if (count_deduced) {
    absences_.push_back(
        "the end of the core file, which counts its program headers, is cut off; the count was "
        "deduced from where the notes begin");
  }
  if (notes_.by_gdb) {
    absences_.push_back(
        "gdb wrote this core and calls every mapping readable: guard pages look like r--p; and the "
        "process's name is that of its first argument, which need not be the one it bore");
  }
  if (!notes_.process) absences_.push_back("the core names no process: its PID is not known");
  if (notes_.threads.empty()) absences_.push_back("the core names no threads and no registers");
  absences_.push_back(
      fmt::format("a core file does not record the names of threads{}, nor where [heap] is",
                  notes_.by_gdb ? "" : " other than the first"));
  if (notes_.process && notes_.process->command_line_cut) {
    absences_.push_back(fmt::format("of the command line a core records the first {} bytes",
                                    notes_.process->command_line.size()));
  }
  for (std::string& sentence : problems.take()) absences_.push_back(std::move(sentence));
}

Result<Bytes> Core::read_held(Address from, std::span<std::byte> into) const {
  const CoreSegment* segment = find_in(segments_, from);
  if (segment == nullptr) return Bytes{};
  const Bytes skip = from - segment->range.start;
  const Bytes there = saturating_sub(segment->present, skip);
  return read_at(file_, segment->file_offset + skip,
                 into.first(std::min<std::size_t>(into.size(), there.value)));
}

Result<Bytes> Core::read_memory(Address from, std::span<std::byte> into) const {
  std::size_t done = 0;
  while (done < into.size()) {
    const Address at = from + Bytes{done};
    auto held = read_held(at, into.subspan(done));
    if (!held) {
      if (done > 0) break;
      return pass(held, fmt::format("reading memory at {:#x} from {}", at.value,
                                    printable(identity_.origin)));
    }
    done += held->value;
    if (held->value > 0) continue;
    const Mapping* mapping = find_in(mappings_, at);
    if (mapping == nullptr || !unwritten_as_in_file_) break;
    // What the core once held and lost may have differed from the file.
    const CoreSegment* segment = find_in(segments_, at);
    if (segment != nullptr && at - segment->range.start < segment->recorded) break;
    const Bytes wanted = std::min(Bytes{into.size() - done}, mapping->range.end - at);
    const Bytes got = images_->read(*mapping, at, into.subspan(done, wanted.value));
    if (got == Bytes{}) break;
    done += got.value;
  }
  return Bytes{done};
}

std::vector<CoreExtent> Core::extents() const {
  std::vector<CoreExtent> extents;
  extents.reserve(mappings_.size());
  for (const Mapping& mapping : mappings_) {
    CoreExtent extent{mapping.range, {}};
    if (const CoreSegment* segment = find_in(segments_, mapping.range.start)) {
      extent.in_file =
          intersection(mapping.range, range_of(segment->range.start, segment->present)).size();
    }
    extents.push_back(extent);
  }
  return extents;
}

/// What a compressed core starts with, and what undoes it.
std::string_view find_decompressor(std::span<const std::byte> start) {
  struct Magic {
    std::string_view bytes, program;
  };
  using namespace std::string_view_literals;
  constexpr Magic kMagics[] = {{"\x28\xb5\x2f\xfd"sv, "zstd -d"},
                               {"\x1f\x8b"sv, "gunzip"},
                               {"\xfd\x37zXZ"sv, "xz -d"},
                               {"\x04\x22\x4d\x18"sv, "lz4 -d"}};
  const std::string_view text(reinterpret_cast<const char*>(start.data()), start.size());
  for (const Magic& magic : kMagics) {
    if (text.starts_with(magic.bytes)) return magic.program;
  }
  return {};
}

Result<File> open_core_file(const std::string& path, struct stat& status) {
  auto held = hold_file(AT_FDCWD, path);
  if (!held) return pass(held);
  auto file = open_held(*held, path);
  status = held->status;
  if (file || S_ISREG(status.st_mode)) return file;
  return Failure(Error{Cause::kUsage,
                       file.error().message,
                       {},
                       "name a core file; one that comes through a pipe or lies in an archive must "
                       "be saved as a file first"});
}

/// Says which file it was and what to do.
Error explain(Error error, const std::string& path, std::string_view decompressor) {
  error.context.push_back("while reading the core file " + printable(path));
  if (!decompressor.empty()) {
    return std::move(error).with_help(
        fmt::format("the file is compressed: unpack it with `{}`, or take it by `coredumpctl dump`",
                    decompressor));
  }
  switch (error.cause) {
    case Cause::kUsage:
      return std::move(error).with_help("name a core file, as `gcore PID` or a crash leaves it");
    case Cause::kUnsupported:
      return std::move(error).with_help(
          "look at it with gdb, or with strata on a 64-bit machine of the core's own architecture");
    case Cause::kCorrupt:
      return std::move(error).with_help(
          "take the core again with enough disk and `ulimit -c unlimited`");
    default:
      return error;
  }
}

}  // namespace

Result<std::unique_ptr<Target>> open_core(const std::string& path) {
  struct stat status{};
  auto file = open_core_file(path, status);
  if (!file) return pass(file);
  if (status.st_size == 0) {
    return Failure(
        explain(Error{Cause::kCorrupt, printable(path) + " is empty", {}, {}}, path, {}));
  }
  std::byte start[16];
  auto got = read_at(*file, Bytes{}, start);
  if (!got) return pass(got, "while reading the core file " + printable(path));
  Identity identity;
  identity.kind = TargetKind::kCore;
  identity.origin = path;
  auto core = std::make_unique<Core>(std::move(*file), std::move(identity));
  auto read = core->read_headers(status);
  if (!read) {
    return Failure(explain(std::move(read.error()), path,
                           find_decompressor(std::span(start).first(got->value))));
  }
  return core;
}

bool looks_like_core(const std::string& path) {
  struct stat status{};
  auto file = open_core_file(path, status);
  if (!file) return false;
  std::byte start[64];
  const auto got = read_at(*file, Bytes{}, start);
  return got && starts_like_core(std::span(start).first(got->value));
}

std::vector<CoreExtent> core_extents(const Target& target) {
  const auto* core = dynamic_cast<const Core*>(&target);
  return core != nullptr ? core->extents() : std::vector<CoreExtent>();
}

std::optional<CoreSignal> core_signal(const Target& target) {
  const auto* core = dynamic_cast<const Core*>(&target);
  return core != nullptr ? core->signal() : std::nullopt;
}

}  // namespace strata
