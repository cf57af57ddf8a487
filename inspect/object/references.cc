#include "inspect/object/references.h"

#include <algorithm>

namespace strata {
namespace {

// So many words ahead a cache line is asked for: memory answers in the time that these take.
constexpr std::size_t kAhead = 24;

}  // namespace

bool References::keep(std::uint64_t word, std::uint8_t granule, std::uint8_t flags,
                      std::vector<Word>& in) const {
  const BlockMap::Place place = map_.place_of(word);
  if (place.number == BlockMap::kNowhere) return false;
  if (place.aligned) flags |= kAligned;
  if (place.second_half) flags |= kSecondHalf;
  in.push_back({place.number, granule, flags});
  return true;
}

void References::scan(Address from, std::span<const std::uint64_t> words, Batch& batch) const {
  const BlockNumber first = map_.number_of(from);
  if (first == BlockMap::kNowhere) return;
  const std::size_t odd = from.value % 16 / 8;
  map_.bands().each_in(words, [&](std::size_t i) {
    const BlockNumber at = first + static_cast<BlockNumber>((i + odd) / 2);
    const auto before = static_cast<std::uint32_t>(batch.words_.size());
    if (!keep(words[i], static_cast<std::uint8_t>(at % BlockMap::kPageGranules),
              (i + odd) % 2 != 0 ? kSecondWord : 0, batch.words_)) {
      return;
    }
    const std::uint32_t page = at / BlockMap::kPageGranules;
    if (batch.pages_.empty() || batch.pages_.back().page != page) {
      batch.pages_.push_back({page, before});
    }
  });
}

void References::scan_apart(std::span<const std::uint64_t> words, Batch& batch) const {
  map_.bands().each_in(words, [&](std::size_t i) { keep(words[i], 0, 0, batch.words_); });
}

void References::add(const Batch& batch) {
  if (words_.size() + batch.words_.size() > ~std::uint32_t{0}) {
    is_full_ = true;
    return;
  }
  for (const Batch::Page& found : batch.pages_) {
    while (page_ < found.page) {
      first_[++page_] = static_cast<std::uint32_t>(words_.size() + found.first);
    }
  }
  words_.append(batch.words_);
}

void References::add_apart(std::size_t chunk, const Batch& batch) {
  apart_.append(batch.words_);
  apart_first_[chunk + 1] = apart_.size();
}

void References::resolve() {
  while (page_ + 1 < first_.size()) first_[++page_] = static_cast<std::uint32_t>(words_.size());
  for (std::size_t i = 1; i < apart_first_.size(); ++i) {
    apart_first_[i] = std::max(apart_first_[i], apart_first_[i - 1]);
  }
  resolve_words();
  resolve_apart();
}

bool References::resolve(Word& word) const {
  const BlockMap::Found found = map_.find(place(word));
  word.leads_to = found.block;
  word.flags = found.exact ? kExact : 0;
  return found.block != BlockMap::kNowhere;
}

void References::resolve_words() {
  std::size_t kept = 0, i = 0;
  BlockNumber last_owner = BlockMap::kNowhere, owner_end = 0;
  std::size_t begin = 0;
  for (std::size_t page = 0; page + 1 < first_.size(); ++page) {
    const std::size_t end = first_[page + 1];
    first_[page] = static_cast<std::uint32_t>(begin);
    for (; i < end; ++i) {
      if (i + kAhead < words_.size()) map_.prefetch(place(words_[i + kAhead]));
      Word word = words_[i];
      auto at = static_cast<BlockNumber>(page * BlockMap::kPageGranules + word.granule);
      // Words come by address, so most are of the same block as the last one.
      const bool is_same = last_owner != BlockMap::kNowhere && at > last_owner && at < owner_end;
      if (!is_same) {
        last_owner = map_.owner(
            at, (word.flags & kSecondWord) != 0 ? BlockMap::Half::kSecond : BlockMap::Half::kFirst);
        if (last_owner != BlockMap::kNowhere) owner_end = map_.end(last_owner);
      }
      if (last_owner == BlockMap::kNowhere || !resolve(word)) continue;
      if (word.leads_to == last_owner) continue;  // a block that holds itself is held by nobody
      // Its word of the next one's first granule: one page back that may be, and then the last of
      // that page it is.
      if (at >= owner_end) at = owner_end - 1;
      const std::size_t own_page = at / BlockMap::kPageGranules;
      word.granule = static_cast<std::uint8_t>(at % BlockMap::kPageGranules);
      words_[kept++] = word;
      if (own_page < page) first_[page] = static_cast<std::uint32_t>(kept);
    }
    begin = kept;
  }
  first_.back() = static_cast<std::uint32_t>(kept);
  words_.shrink(kept);
}

void References::resolve_apart() {
  std::size_t kept = 0, i = 0;
  for (std::size_t chunk = 0; chunk + 1 < apart_first_.size(); ++chunk) {
    const std::size_t end = apart_first_[chunk + 1];
    apart_first_[chunk] = kept;
    for (; i < end; ++i) {
      if (i + kAhead < apart_.size()) map_.prefetch(place(apart_[i + kAhead]));
      Word word = apart_[i];
      if (resolve(word) && word.leads_to != map_.apart_block(chunk)) apart_[kept++] = word;
    }
  }
  apart_first_.back() = kept;
  apart_.shrink(kept);
}

}  // namespace strata
