#include "inspect/target/core_notes.h"

#include <signal.h>
#include <sys/procfs.h>
#include <sys/user.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/printable.h"
#include "base/reader.h"
#include "inspect/target/registers.h"

namespace strata {
namespace {

// A process of 100,000 threads has ten notes each; what is larger is made to cost us time.
constexpr std::size_t kMostNotes = 1 << 20;
// The kernel stops at 4 MiB by default, 16 MiB at most (core_file_note_size_limit).
constexpr Bytes kLargestFileNote = 64_MiB;
constexpr Bytes kLargestSmallNote = 64_KiB;
// PATH_MAX and the mark of a deleted file.
constexpr std::size_t kLongestPath = 4096 + 16;
constexpr std::size_t kMostProblems = 8;
// Of all threads, 64 MiB. A thread has ten or so; one note can stand in several segments, and so
// name any number of threads.
constexpr std::size_t kMostVectorWordsInAll = 1 << 23;

std::string text_of(const char* field, std::size_t size) { return {field, strnlen(field, size)}; }

using Contents = std::span<const std::byte>;

Result<CoreProcess> parse_process(Contents contents) {
  Reader reader(contents, "note NT_PRPSINFO");
  auto raw = reader.take<elf_prpsinfo>("process");
  if (!raw) return pass(raw);
  CoreProcess process;
  process.pid = raw->pr_pid;
  process.name = text_of(raw->pr_fname, kLongestName);
  process.command_line = text_of(raw->pr_psargs, sizeof raw->pr_psargs);
  process.command_line_cut = process.command_line.size() + 1 >= sizeof raw->pr_psargs;
  // The kernel turns the NUL behind the last argument into a space.
  while (process.command_line.ends_with(' ')) process.command_line.pop_back();
  return process;
}

Result<Thread> parse_thread(Contents contents) {
  Reader reader(contents, "note NT_PRSTATUS");
  auto raw = reader.take<elf_prstatus>("thread");
  if (!raw) return pass(raw);
  if (raw->pr_pid <= 0) {
    return fail(Cause::kCorrupt, "note NT_PRSTATUS names thread {}", raw->pr_pid);
  }
  Thread thread;
  thread.tid = raw->pr_pid;
  user_regs_struct all;
  static_assert(sizeof raw->pr_reg == sizeof all);
  std::memcpy(&all, &raw->pr_reg, sizeof all);
  const Registers registers = registers_of(all);
  thread.stack_pointer = Address{registers.stack_pointer};
  thread.instruction_pointer = Address{registers.instruction_pointer};
#if defined(__x86_64__)
  // On aarch64 it is in a note of its own, NT_ARM_TLS.
  thread.thread_pointer = Address{registers.thread_pointer};
#endif
  thread.registers.assign(std::begin(registers.general), std::end(registers.general));
  return thread;
}

/// NT_PRFPREG and NT_X86_XSTATE.
Result<std::vector<std::uint64_t>> parse_vectors(Contents contents) {
  std::uint64_t words[kMostVectorWords];
  return std::vector<std::uint64_t>(words, words + find_vector_words(contents, words));
}

/// NT_ARM_TLS: TPIDR, and TPIDR2 behind it by newer kernels.
Result<Address> parse_thread_pointer(Contents contents) {
  Reader reader(contents, "note NT_ARM_TLS");
  auto pointer = reader.take<std::uint64_t>("thread pointer");
  if (!pointer) return pass(pointer);
  return Address{*pointer};
}

Result<std::vector<AuxiliaryEntry>> parse_auxiliary_vector(Contents contents) {
  Reader reader(contents, "note NT_AUXV");
  std::vector<AuxiliaryEntry> entries;
  while (reader.left() > 0) {
    auto raw = reader.take<Elf64_auxv_t>("entry");
    if (!raw) return pass(raw);
    if (raw->a_type == AT_NULL) break;
    entries.push_back({raw->a_type, raw->a_un.a_val});
  }
  return entries;
}

Result<std::optional<CoreSignal>> parse_signal(Contents contents) {
  Reader reader(contents, "note NT_SIGINFO");
  auto raw = reader.take<siginfo_t>("signal");
  if (!raw) return pass(raw);
  if (raw->si_signo <= 0 || raw->si_signo >= NSIG) return std::nullopt;
  // gcore leaves the signal by which it stopped the process; none of these ever ended one.
  for (const int harmless : {SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, SIGCHLD}) {
    if (raw->si_signo == harmless) return std::nullopt;
  }
  CoreSignal signal;
  signal.number = raw->si_signo;
  signal.code = raw->si_code;
  const bool is_fault = raw->si_signo == SIGSEGV || raw->si_signo == SIGBUS ||
                        raw->si_signo == SIGILL || raw->si_signo == SIGFPE;
  // A fault that kill(2) sent has a sender where the address would be.
  if (is_fault && raw->si_code > 0 && raw->si_code != SI_KERNEL) {
    signal.fault_address = Address{reinterpret_cast<std::uint64_t>(raw->si_addr)};
  }
  return signal;
}

/// NT_FILE: count, unit of the offsets, count times (start, end, offset), count paths.
Result<void> parse_files(Contents contents, std::vector<CoreFile>& files, Problems& problems) {
  Reader reader(contents, "note NT_FILE");
  auto count = reader.take<std::uint64_t>("count");
  if (!count) return pass(count);
  auto unit = reader.take<std::uint64_t>("page size");
  if (!unit) return pass(unit);
  struct Entry {
    std::uint64_t start, end, offset;
  };
  if (*count > reader.left() / sizeof(Entry)) {
    return fail(Cause::kCorrupt, "note NT_FILE says {} files and has room for {}", *count,
                reader.left() / sizeof(Entry));
  }
  Reader paths = reader;
  if (auto past = paths.seek(reader.offset() + *count * sizeof(Entry)); !past) return pass(past);
  files.reserve(*count);
  for (std::uint64_t i = 0; i < *count; ++i) {
    auto entry = reader.take<Entry>("file");
    if (!entry) return pass(entry);
    auto path = paths.take_string("path");
    if (!path) return pass(path);
    CoreFile file;
    file.range = {Address{entry->start}, Address{entry->end}};
    const bool wraps = __builtin_mul_overflow(entry->offset, *unit, &file.offset.value);
    if (file.range.empty() || wraps || path->size() > kLongestPath) {
      problems.add(
          fmt::format("note NT_FILE: file {} cannot be so and was left out: {:#x} to {:#x}", i,
                      entry->start, entry->end));
      continue;
    }
    constexpr std::string_view kDeleted = " (deleted)";
    file.deleted = path->ends_with(kDeleted);
    file.path = path->substr(0, path->size() - (file.deleted ? kDeleted.size() : 0));
    files.push_back(std::move(file));
  }
  return {};
}

void sort_files(std::vector<CoreFile>& files, Problems& problems) {
  std::ranges::stable_sort(files, {}, [](const CoreFile& file) { return file.range.start; });
  std::size_t kept = 0;
  for (CoreFile& file : files) {
    if (kept > 0 && file.range.start < files[kept - 1].range.end) {
      problems.add(fmt::format("note NT_FILE: {} at {:#x} overlaps {} and was left out",
                               printable(file.path), file.range.start.value,
                               printable(files[kept - 1].path)));
      continue;
    }
    if (&files[kept] != &file) files[kept] = std::move(file);
    ++kept;
  }
  files.resize(kept);
}

void sort_threads(std::vector<Thread>& threads, Problems& problems) {
  std::ranges::stable_sort(threads, {}, &Thread::tid);
  const auto same = [](const Thread& a, const Thread& b) { return a.tid == b.tid; };
  const auto last = std::unique(threads.begin(), threads.end(), same);
  if (last == threads.end()) return;
  problems.add(fmt::format("{} notes NT_PRSTATUS name a thread that another one named before",
                           threads.end() - last));
  threads.erase(last, threads.end());
}

/// Sorts the notes by type; knows which of them were seen.
class NoteSorter {
 public:
  NoteSorter(const ImageBytes& core, CoreNotes& notes, Problems& problems)
      : core_(core), notes_(notes), problems_(problems) {}

  Result<bool> visit(const ElfNote& note) {
    if (note.owner == "GDB") notes_.by_gdb = true;
    if (note.owner == "LINUX" && note.type == NT_ARM_TLS && !notes_.threads.empty() &&
        !notes_.threads.back().thread_pointer) {
      // A thread's notes follow its NT_PRSTATUS.
      take(note, "note NT_ARM_TLS", kLargestSmallNote, parse_thread_pointer,
           [&](Address pointer) { notes_.threads.back().thread_pointer = pointer; });
    }
    if (note.owner == "LINUX" && note.type == NT_X86_XSTATE) take_vectors(note, "NT_X86_XSTATE");
    if (note.owner != "CORE") return true;
    switch (note.type) {
      case NT_PRSTATUS:
        take(note, "note NT_PRSTATUS", kLargestSmallNote, parse_thread,
             [&](Thread thread) { notes_.threads.push_back(std::move(thread)); });
        break;
      case NT_PRFPREG:
        take_vectors(note, "NT_PRFPREG");
        break;
      case NT_PRPSINFO:
        if (notes_.process) return true;
        take(note, "note NT_PRPSINFO", kLargestSmallNote, parse_process,
             [&](CoreProcess process) { notes_.process = std::move(process); });
        break;
      case NT_AUXV:
        if (!notes_.auxiliary_vector.empty()) return true;
        take(note, "note NT_AUXV", kLargestSmallNote, parse_auxiliary_vector,
             [&](std::vector<AuxiliaryEntry> v) { notes_.auxiliary_vector = std::move(v); });
        break;
      case NT_SIGINFO:
        // Of each thread there may be one; the first is of the thread that died.
        if (std::exchange(signal_seen_, true)) return true;
        take(note, "note NT_SIGINFO", kLargestSmallNote, parse_signal,
             [&](std::optional<CoreSignal> signal) { notes_.signal = signal; });
        break;
      case NT_FILE:
        if (std::exchange(files_seen_, true)) return true;
        // What was understood before the note went wrong stays.
        take(
            note, "note NT_FILE", kLargestFileNote,
            [&](Contents contents) -> Result<bool> {
              auto parsed = parse_files(contents, notes_.files, problems_);
              if (!parsed) return pass(parsed);
              return true;
            },
            [](bool) {});
        break;
      default:
        break;
    }
    return true;
  }

 private:
  template <class Parse, class Keep>
  void take(const ElfNote& note, std::string_view what, Bytes most, Parse parse, Keep keep) {
    auto contents = read_note(core_, note, what, most);
    if (!contents) return problems_.add(contents.error().message);
    auto parsed = parse(Contents(*contents));
    if (!parsed) return problems_.add(parsed.error().message);
    keep(std::move(*parsed));
  }

  /// Of the thread whose NT_PRSTATUS came last. NT_X86_XSTATE, which comes after NT_PRFPREG, has
  /// all that this has.
  void take_vectors(const ElfNote& note, std::string_view type) {
    if (notes_.threads.empty() || vector_words_ > kMostVectorWordsInAll) return;
    take(
        note, fmt::format("note {}", type), kLargestSmallNote, parse_vectors,
        [&](const std::vector<std::uint64_t>& words) {
          vector_words_ += words.size();
          if (vector_words_ > kMostVectorWordsInAll) {
            return problems_.add(
                "what threads had in their vector registers is more than can be kept, and was left "
                "out from some thread on");
          }
          notes_.threads.back().vectors = words;
        });
  }

  const ImageBytes& core_;
  CoreNotes& notes_;
  Problems& problems_;
  std::size_t vector_words_ = 0;
  bool signal_seen_ = false;
  bool files_seen_ = false;
};

}  // namespace

void Problems::add(std::string sentence) {
  if (sentences_.size() < kMostProblems) {
    sentences_.push_back(std::move(sentence));
  } else {
    ++left_out_;
  }
}

std::vector<std::string> Problems::take() {
  if (left_out_ > 0) sentences_.push_back(fmt::format("{} more such contradictions", left_out_));
  left_out_ = 0;
  return std::move(sentences_);
}

Result<CoreNotes> read_core_notes(const ImageBytes& core, std::span<const Elf64_Phdr> segments,
                                  Problems& problems) {
  CoreNotes notes;
  NoteSorter sorter(core, notes, problems);
  std::size_t budget = kMostNotes;
  for (const Elf64_Phdr& segment : segments) {
    if (segment.p_type != PT_NOTE) continue;
    auto walked = visit_notes(core, segment, "the core's notes", budget,
                              [&](const ElfNote& note) { return sorter.visit(note); });
    if (walked) continue;
    // Of a truncated core the first threads are still worth having.
    problems.add(std::move(walked.error().message));
    if (budget == 0) break;
  }
  // The kernel writes the thread that died first.
  if (notes.signal && !notes.threads.empty()) notes.signal->tid = notes.threads.front().tid;
  sort_files(notes.files, problems);
  sort_threads(notes.threads, problems);
  return notes;
}

std::optional<std::uint64_t> find_auxiliary(const std::vector<AuxiliaryEntry>& vector,
                                            std::uint64_t type) {
  const auto found = std::ranges::find(vector, type, &AuxiliaryEntry::type);
  if (found == vector.end()) return std::nullopt;
  return found->value;
}

}  // namespace strata
