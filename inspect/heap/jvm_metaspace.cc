#include "inspect/heap/jvm_metaspace.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

namespace strata {
namespace {

constexpr std::size_t kMostNodes = 16'384;  // of 64 MiB
constexpr std::size_t kNodeWords = 16;

struct List {
  std::string name;
  Address first_node;
};

std::optional<List> read_context(Peek& peek, const Module& libjvm, Address context) {
  const auto name = peek.word(context);
  const auto list = peek.word(context + 8_B);
  if (!name || !list || !libjvm.range.contains(Address{*name})) return std::nullopt;
  for (const Bytes at : {0_B, 8_B}) {  // without a vtable, and with one
    if (peek.word(Address{*list} + at) != *name) continue;
    const auto node = peek.word(Address{*list} + at + 8_B);
    const auto text = peek.constant_string(Address{*name}, 32);
    if (!node || !text || text->find("class-space") == std::string::npos) return std::nullopt;
    return List{*text, Address{*node}};
  }
  return std::nullopt;
}

/// A node's reservation, which it names twice: in bytes, then in words.
std::optional<Range> read_node(const Space& space, Peek& peek, Address node) {
  std::array<std::uint64_t, kNodeWords> words;
  for (std::size_t i = 0; i < kNodeWords; ++i) {
    const auto word = peek.word(node + Bytes{i * 8});
    if (!word) return std::nullopt;
    words[i] = *word;
  }
  const Range range = range_of(Address{words[1]}, Bytes{words[2]});
  if (words[1] % page_size().value != 0 || words[2] % page_size().value != 0) return std::nullopt;
  for (std::size_t i = 3; i + 1 < kNodeWords; ++i) {
    if (words[i] == words[1] && words[i + 1] == words[2] / 8) {
      return is_anonymous(space, range) ? std::optional(range) : std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace

std::vector<JvmMetaspaceNode> find_jvm_metaspace(const Space& space, Peek& peek,
                                                 const Module& libjvm,
                                                 const std::vector<StaticWords>& statics) {
  std::vector<JvmMetaspaceNode> nodes;
  std::set<Address> seen;
  for (const StaticWords& words : statics) {
    for (const std::uint64_t pointer : words.words) {
      if (pointer == 0 || pointer % 8 != 0) continue;
      if (find_writable_anonymous(space, Address{pointer}) == nullptr) continue;
      const auto list = read_context(peek, libjvm, Address{pointer});
      if (!list) continue;
      for (Address at = list->first_node; at.value != 0 && nodes.size() < kMostNodes;) {
        if (!seen.insert(at).second) break;
        const auto range = read_node(space, peek, at);
        if (!range) break;
        nodes.push_back({*range, list->name});
        at = Address{peek.word(at).value_or(0)};
      }
    }
  }
  return nodes;
}

}  // namespace strata
