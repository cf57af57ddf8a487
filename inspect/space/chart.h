// inspect/space/chart.h - the chart of accounts: the tree of names that bytes are booked under.
// Names and evidence are stored once and passed around as numbers, so that a claim is 32 bytes
// and a heap of 100 million chunks can stream past.
//
//     resident ─┬─ heap ── glibc ── main arena
//               ├─ code and data ── libc.so.6 ── .text
//               └─ …
//
// Threads one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace strata {

/// An account in a Chart; the root is 0.
enum class AccountId : std::uint32_t { kRoot = 0 };
/// A sentence saying why, in a Chart; 0 is "no more is known than the mapping itself".
enum class EvidenceId : std::uint32_t { kNone = 0 };

class Chart {
 public:
  Chart();
  // The maps look into the names; a copy's would look into the original's.
  Chart(Chart&&) noexcept = default;
  Chart& operator=(Chart&&) noexcept = default;

  /// The account `name` under `parent`, opened where it does not exist yet. Names may hold any
  /// bytes; they are made printable when shown.
  AccountId open(AccountId parent, std::string_view name);
  /// A whole path from the root: open({"heap", "glibc", "main arena"}).
  AccountId open(std::initializer_list<std::string_view> path);
  /// The account of a path, where it was opened.
  std::optional<AccountId> find(std::initializer_list<std::string_view> path) const;
  std::optional<AccountId> find(AccountId parent, std::string_view name) const;
  EvidenceId because(std::string_view sentence);

  AccountId parent(AccountId account) const;
  const std::string& name(AccountId account) const;
  const std::string& sentence(EvidenceId evidence) const;
  std::vector<std::string> path(AccountId account) const;
  /// Whether `account` is `ancestor` or below it.
  bool is_under(AccountId account, AccountId ancestor) const;
  /// Opened accounts are numbered without gaps, parents before children.
  std::size_t size() const { return nodes_.size(); }

 private:
  struct Node {
    AccountId parent;
    std::string name;
  };
  struct Key {
    std::uint32_t parent;
    std::string_view name;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const {
      return std::hash<std::string_view>{}(key.name) * 31 + key.parent;
    }
  };
  std::deque<Node> nodes_;  // a deque, so that names stay where Key::name looks
  std::unordered_map<Key, AccountId, KeyHash> children_;
  std::deque<std::string> sentences_;
  std::unordered_map<std::string_view, EvidenceId> sentence_ids_;
};

}  // namespace strata
