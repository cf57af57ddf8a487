#include "inspect/heap/glibc/mmapped_choice.h"

#include <algorithm>
#include <functional>
#include <map>

namespace strata::glibc {
namespace {

constexpr std::size_t kChoicesLimit = 1'000'000;
// Each size that is left out of a choice is one level of recursion.
constexpr std::size_t kMostSizesLeftOut = 64;

/// Goes through the ways to leave out `left` of the candidates, `bytes` in all. Candidates of one
/// size are alike: where one may be left out each of them may.
class Choices {
 public:
  explicit Choices(const std::vector<MmappedCandidate>& candidates) {
    std::map<Bytes, std::size_t, std::greater<>> sizes;
    for (const MmappedCandidate& candidate : candidates) ++sizes[candidate.range.size()];
    for (const auto& [size, count] : sizes) groups_.push_back({size, count});
  }

  /// False where there are too many ways; then what was found is not all.
  bool try_all(std::size_t from, std::size_t left, Bytes bytes) {
    if (left == 0) {
      if (bytes == 0_B) keep();
      return true;
    }
    for (std::size_t i = from; i < groups_.size(); ++i) {
      if (++steps_ > kChoicesLimit || path_.size() >= kMostSizesLeftOut) return false;
      const Group& group = groups_[i];
      // Sizes fall from here on, so these bound what `left` of them can amount to.
      if (is_more(bytes, group.size, left) || is_less(bytes, groups_.back().size, left)) {
        return true;
      }
      path_.push_back(i);
      bool done = true;
      const std::size_t most = std::min<std::size_t>({group.count, left, bytes / group.size});
      for (std::size_t out = most; done && out > 0; --out) {
        done = try_all(i + 1, left - out, bytes - group.size * out);
      }
      path_.pop_back();
      if (!done) return false;
    }
    return true;
  }

  /// Whether `left` of the candidates with one of `size` among them can amount to `bytes`, by the
  /// smallest and the largest that there are. Asks no combination.
  bool could_leave_out(Bytes size, std::size_t left, Bytes bytes) const {
    if (left == 0 || size > bytes) return false;
    const Bytes others = bytes - size;
    return !is_less(others, groups_.back().size, left - 1) &&
           !is_more(others, groups_.front().size, left - 1);
  }

  bool any() const { return any_; }
  bool ever_left_out(Bytes size) const {
    return std::any_of(groups_.begin(), groups_.end(),
                       [&](const Group& group) { return group.size == size && group.ever_out; });
  }

 private:
  struct Group {
    Bytes size;
    std::size_t count = 0;
    bool ever_out = false;
  };

  /// `bytes` against `n` times `size`, whose product may overflow.
  static bool is_less(Bytes bytes, Bytes size, std::size_t n) { return bytes / size < n; }
  static bool is_more(Bytes bytes, Bytes size, std::size_t n) {
    return bytes > 0_B && (bytes - 1_B) / size >= n;
  }

  void keep() {
    any_ = true;
    for (const std::size_t i : path_) groups_[i].ever_out = true;
  }

  std::vector<Group> groups_;  // the largest size first
  std::vector<std::size_t> path_;
  std::size_t steps_ = 0;
  bool any_ = false;
};

}  // namespace

Bytes sum_of(const std::vector<MmappedCandidate>& candidates) {
  Bytes sum;
  for (const MmappedCandidate& candidate : candidates) sum += candidate.range.size();
  return sum;
}

std::optional<std::vector<Range>> choose_by_count(const std::vector<MmappedCandidate>& candidates,
                                                  std::uint32_t count, Bytes bytes) {
  const Bytes sum = sum_of(candidates);
  if (candidates.size() < count || sum < bytes) return std::nullopt;
  const std::size_t left = candidates.size() - count;
  Choices choices(candidates);
  const bool tried_all = choices.try_all(0, left, sum - bytes);
  if (tried_all && !choices.any()) return std::nullopt;
  std::map<Bytes, bool> is_sure;  // by size
  std::vector<Range> sure;
  for (const MmappedCandidate& candidate : candidates) {
    const Bytes size = candidate.range.size();
    auto known = is_sure.find(size);
    if (known == is_sure.end()) {
      const bool stays = tried_all ? !choices.ever_left_out(size)
                                   : !choices.could_leave_out(size, left, sum - bytes);
      known = is_sure.emplace(size, stays).first;
    }
    if (known->second) sure.push_back(candidate.range);
  }
  return sure;
}

}  // namespace strata::glibc
