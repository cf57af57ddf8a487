// What the kernel's own line says of each mapping, or a core's notes in its place: the weakest
// claim, which every byte has.
#include <algorithm>
#include <array>
#include <optional>

#include "inspect/space/claims.h"

namespace strata {
namespace {

struct Named {
  std::string_view prefix;
  std::array<std::string_view, 2> path;
  bool is_deleted = false;  // the kernel marks these; one that is not marked is a file of that name
};

// Mappings whose name alone says what they are; the first match wins. The name itself becomes the
// last part of the account.
constexpr Named kByName[] = {
    {"/memfd:", {"mapped", "memfd"}},
    {"/SYSV", {"mapped", "shared memory"}, true},
    {"/dev/shm/", {"mapped", "shared memory"}},
    {"/dev/zero", {"mapped", "shared memory"}},
    {"/anon_hugepage", {"mapped", "huge page pool"}},
    {"/dev/hugepages/", {"mapped", "huge page pool"}},
    {"anon_inode:", {"mapped", "devices"}},
    {"socket:", {"mapped", "devices"}},
    {"/dev/", {"mapped", "devices"}},
    {"/[aio]", {"mapped", "devices"}},
    {"[anon_shmem:", {"mapped", "shared memory"}},
    {"[anon:", {"mapped", "anonymous"}},
};

bool inaccessible(const Mapping& m) { return !m.readable && !m.writable && !m.executable; }

/// The last part of an account's path: the name, and what tells two of one name apart.
std::string last_name(const Mapping& m) {
  // "/dev/zero (deleted)" is what the kernel calls MAP_SHARED|MAP_ANONYMOUS memory.
  if (m.name == "/dev/zero" && m.deleted) {
    return fmt::format("anonymous, inode {}", m.inode);
  }
  if (m.name.starts_with("/SYSV") && m.deleted) {
    return fmt::format("System V, key 0x{}, id {}", m.name.substr(5), m.inode);
  }
  if (m.name.starts_with("/memfd:")) return m.name.substr(7);
  if (m.name.starts_with("[anon:") || m.name.starts_with("[anon_shmem:")) {
    const std::size_t colon = m.name.find(':');
    const std::size_t end = m.name.ends_with(']') ? m.name.size() - 1 : m.name.size();
    return m.name.substr(colon + 1, end - colon - 1);
  }
  return m.deleted ? m.name + " (deleted)" : m.name;
}

class MappingClaims {
 public:
  MappingClaims(const Space& space, TargetKind kind, Chart& chart)
      : space_(space), kind_(kind), chart_(chart) {}

  AccountId account(const Mapping& m) {
    // Where mappings are tens of thousands, nearly all are of one of these two.
    if (m.name.empty() && !m.has_file() && !m.shared) {
      return inaccessible(m) ? cached(reserved_, {"mapped", "reserved without access"})
                             : cached(unexplained_, {"unexplained"});
    }
    const bool labelled = m.inode == 0 && m.name.starts_with('[');
    if (m.is_labelled("[heap]")) return chart_.open({"heap", "brk area"});
    // Written pages of it are the process's own; only a shared mapping of it is shared memory.
    if (m.name == "/dev/zero" && !m.shared) return chart_.open({"mapped", "anonymous", m.name});
    if (m.is_labelled("[stack]")) return chart_.open({"stacks", "main", "touched"});
    if (labelled && (m.name.starts_with("[v") || m.name == "[uprobes]")) {
      return chart_.open({"code and data", m.name});
    }
    for (const Named& named : kByName) {
      if (m.name.starts_with(named.prefix) && (m.deleted || !named.is_deleted)) {
        return chart_.open({named.path[0], named.path[1], last_name(m)});
      }
    }
    if (m.has_file()) return file_account(m);
    if (m.shared) return chart_.open({"mapped", "shared memory", "anonymous"});
    return chart_.open({"mapped", "other", m.name});
  }

  EvidenceId evidence(const Mapping& m) {
    if (!m.name.empty()) return because_named(m);
    return inaccessible(m) ? by_access_ : EvidenceId::kNone;
  }

 private:
  /// A core names files alone; what else has a name was given it by what leads there.
  EvidenceId because_named(const Mapping& m) {
    if (kind_ == TargetKind::kProcess) return chart_.because("its name in /proc/PID/maps");
    if (m.has_file()) return chart_.because("its path in the core's note NT_FILE");
    if (m.name == "[vsyscall]") return chart_.because("where every x86-64 process has it");
    return chart_.because(
        "the core's auxiliary vector, or the first thread's stack pointer, leads there");
  }

  AccountId file_account(const Mapping& m) {
    const Module* const module = space_.find_module(m.range.start);
    if (module != nullptr && module->path == m.name) {
      // What the segments do not cover of the module's own pages.
      // As claim_modules() names them: modules of one name are told apart by their path.
      const auto same =
          std::count_if(space_.modules.begin(), space_.modules.end(),
                        [&](const Module& other) { return other.name == module->name; });
      return chart_.open({"code and data", same == 1 ? module->name : module->path, "padding"});
    }
    return chart_.open({"mapped", "files", last_name(m)});
  }

  /// Opened when it is first needed, so that no account is there that nothing is booked under.
  AccountId cached(std::optional<AccountId>& account,
                   std::initializer_list<std::string_view> path) {
    if (!account) account = chart_.open(path);
    return *account;
  }

  const Space& space_;
  TargetKind kind_;
  Chart& chart_;
  std::optional<AccountId> reserved_;
  std::optional<AccountId> unexplained_;
  EvidenceId by_access_ = chart_.because("no access (PROT_NONE)");
};

}  // namespace

std::vector<Claim> claim_mappings(const Space& space, TargetKind kind, Chart& chart) {
  MappingClaims claims(space, kind, chart);
  std::vector<Claim> out;
  out.reserve(space.mappings.size());
  for (const Mapping& m : space.mappings) {
    out.push_back({m.range, claims.account(m), claims.evidence(m), Rank::kMapping});
  }
  return out;
}

}  // namespace strata
