#include "inspect/heap/peek.h"

#include <algorithm>
#include <cstring>

#include "inspect/space/shelf.h"

namespace strata {
namespace {

// 2 MiB: a walk that touches more than this at a time has no locality worth remembering.
constexpr std::size_t kRememberedPages = 512;
// The largest .data and .bss worth looking through; Chromium's is a fifth of it.
constexpr Bytes kStaticLimit = 32_MiB;

}  // namespace

std::optional<Bytes> Peek::read_present(Address from, std::span<std::byte> into) {
  if (bytes_read_ >= budget_) {
    exhausted_ = true;
    return std::nullopt;
  }
  const auto got = memory_.read(from, into);
  if (!got) return std::nullopt;
  bytes_read_ += *got;
  return *got;
}

bool Peek::read(Address from, std::span<std::byte> into) {
  const auto got = read_present(from, into);
  return got && got->value == into.size();
}

bool Peek::read_words(Address from, std::span<std::uint64_t> into) {
  return read_present(from, std::as_writable_bytes(into)).has_value();
}

const Peek::Page* Peek::page(Address start) {
  if (const auto known = pages_.find(start.value); known != pages_.end()) {
    return known->second.get();
  }
  if (pages_.size() >= kRememberedPages) pages_.clear();
  auto fresh = std::make_unique<Page>();
  if (!read(start, *fresh)) fresh.reset();
  return pages_.emplace(start.value, std::move(fresh)).first->second.get();
}

bool Peek::copy(Address from, std::span<std::byte> into) {
  if (from + Bytes{into.size()} < from) return false;
  std::size_t done = 0;
  while (done < into.size()) {
    const Address at = from + Bytes{done};
    const Address start = round_down(at, Bytes{kPage});
    const Page* const bytes = page(start);
    if (bytes == nullptr) return false;
    const std::size_t offset = (at - start).value;
    const std::size_t part = std::min(into.size() - done, kPage - offset);
    std::memcpy(into.data() + done, bytes->data() + offset, part);
    done += part;
  }
  return true;
}

const Peek::Page* Peek::constant_page(Address start) {
  if (const Page* const resident = page(start)) return resident;
  if (const auto known = constants_.find(start.value); known != constants_.end()) {
    return known->second.get();
  }
  if (constants_.size() >= kRememberedPages) constants_.clear();
  auto fresh = std::make_unique<Page>();
  const Mapping* const mapping = space_.find_mapping(start);
  bool filled = false;
  // An absent page was never touched or is swapped out; written pages may only be the latter.
  if (mapping != nullptr && mapping->has_file() && !mapping->writable) {
    const Module* const module = space_.find_module(start);
    if (module != nullptr && module->file) {
      const auto got = module->file->read(memory_.target(), *mapping,
                                          mapping->offset + (start - mapping->range.start), *fresh);
      filled = got && got->value > 0;
    }
  }
  if (!filled) fresh.reset();
  return constants_.emplace(start.value, std::move(fresh)).first->second.get();
}

std::optional<std::uint64_t> Peek::constant_word(Address from) {
  const Address start = round_down(from, Bytes{kPage});
  const std::size_t offset = (from - start).value;
  const Page* const bytes = constant_page(start);
  if (bytes == nullptr || offset > kPage - 8) return std::nullopt;
  std::uint64_t word;
  std::memcpy(&word, bytes->data() + offset, sizeof word);
  return word;
}

std::optional<std::string> Peek::constant_string(Address from, std::size_t limit) {
  std::string text;
  while (text.size() < limit) {
    const Address at = from + Bytes{text.size()};
    const Address start = round_down(at, Bytes{kPage});
    const Page* const bytes = constant_page(start);
    if (bytes == nullptr) return std::nullopt;
    const char* const first = reinterpret_cast<const char*>(bytes->data()) + (at - start).value;
    const std::size_t room =
        std::min(limit - text.size(), kPage - static_cast<std::size_t>((at - start).value));
    const std::size_t length = ::strnlen(first, room);
    text.append(first, length);
    if (length < room) return text;
  }
  return std::nullopt;
}

std::vector<StaticWords> read_static_words(Peek& peek, const Module& module) {
  std::vector<StaticWords> all;
  for (const Segment& segment : module.segments) {
    if (!segment.writable) continue;
    const Range range{round_up(segment.range.start, 8_B), round_down(segment.range.end, 8_B)};
    if (range.empty() || range.size() > kStaticLimit) continue;
    StaticWords words{range.start, std::vector<std::uint64_t>(range.size() / 8_B)};
    if (peek.read_words(range.start, words.words)) all.push_back(std::move(words));
  }
  return all;
}

bool is_anonymous(const Space& space, Range range) {
  if (range.empty()) return false;
  Address at = range.start;
  while (at < range.end) {
    const Mapping* const mapping = space.find_mapping(at);
    if (mapping == nullptr || mapping->has_file() || mapping->shared) return false;
    if (space.find_module(at) != nullptr) return false;
    at = mapping->range.end;
  }
  return true;
}

const Mapping* find_writable_anonymous(const Space& space, Address address) {
  const Mapping* const mapping = space.find_mapping(address);
  if (mapping == nullptr || mapping->has_file() || mapping->shared || !mapping->writable) {
    return nullptr;
  }
  return space.find_module(address) == nullptr ? mapping : nullptr;
}

Bytes read_limit_for_records(const Space& space) {
  Bytes mapped;
  for (const Mapping& m : space.mappings) {
    if (m.writable) mapped += m.range.size();
  }
  return std::clamp(Bytes{mapped.value / 32}, 256_MiB, 4_GiB);
}

}  // namespace strata
