#include "inspect/space/chart.h"

#include <algorithm>

namespace strata {
namespace {

std::size_t index(AccountId account) { return static_cast<std::size_t>(account); }

}  // namespace

Chart::Chart() {
  nodes_.push_back({AccountId::kRoot, ""});
  sentences_.emplace_back();
}

AccountId Chart::open(AccountId parent, std::string_view name) {
  const auto found = children_.find(Key{static_cast<std::uint32_t>(parent), name});
  if (found != children_.end()) return found->second;
  const AccountId account{static_cast<std::uint32_t>(nodes_.size())};
  nodes_.push_back({parent, std::string(name)});
  children_.emplace(Key{static_cast<std::uint32_t>(parent), nodes_.back().name}, account);
  return account;
}

AccountId Chart::open(std::initializer_list<std::string_view> path) {
  AccountId account = AccountId::kRoot;
  for (const std::string_view name : path) account = open(account, name);
  return account;
}

std::optional<AccountId> Chart::find(std::initializer_list<std::string_view> path) const {
  std::optional<AccountId> account = AccountId::kRoot;
  for (const std::string_view name : path) {
    if (account) account = find(*account, name);
  }
  return account;
}

std::optional<AccountId> Chart::find(AccountId parent, std::string_view name) const {
  const auto found = children_.find(Key{static_cast<std::uint32_t>(parent), name});
  return found == children_.end() ? std::nullopt : std::optional(found->second);
}

EvidenceId Chart::because(std::string_view sentence) {
  const auto found = sentence_ids_.find(sentence);
  if (found != sentence_ids_.end()) return found->second;
  const EvidenceId id{static_cast<std::uint32_t>(sentences_.size())};
  sentences_.emplace_back(sentence);
  sentence_ids_.emplace(sentences_.back(), id);
  return id;
}

AccountId Chart::parent(AccountId account) const { return nodes_[index(account)].parent; }

const std::string& Chart::name(AccountId account) const { return nodes_[index(account)].name; }

const std::string& Chart::sentence(EvidenceId evidence) const {
  return sentences_[static_cast<std::size_t>(evidence)];
}

std::vector<std::string> Chart::path(AccountId account) const {
  std::vector<std::string> names;
  for (; account != AccountId::kRoot; account = parent(account)) names.push_back(name(account));
  std::reverse(names.begin(), names.end());
  return names;
}

bool Chart::is_under(AccountId account, AccountId ancestor) const {
  // Parents are opened before their children, so the walk up only ever meets smaller numbers.
  while (account > ancestor) account = parent(account);
  return account == ancestor;
}

}  // namespace strata
