#include "inspect/heap/strata/samples.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <unordered_map>

namespace strata::strata_malloc {
namespace {

using abi::MallocSample;
using abi::MallocSamples;
using abi::MallocStack;

// The library itself has room for 2^17 records and 2^20 words.
constexpr std::uint32_t kMostRecords = 1u << 20;
constexpr std::uint32_t kMostWords = 1u << 22;
constexpr std::size_t kRecordsAtOnce = 4096;
constexpr int kLooks = 4;
// No block is longer than an address space of 47 bits, and no estimate than its share of 2^63.
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 47;
constexpr double kMostEstimate = 9e18;
constexpr std::uint32_t kHeaderWords = sizeof(MallocStack) / 8;

/// Whether the table is long enough to have it.
bool has_samples(const Table& table) {
  return table.layout.bytes >= offsetof(abi::MallocLayout, samples) + sizeof(MallocSamples);
}

class Reading {
 public:
  Reading(const PresentMemory& memory, const Table& table, SampledHeap& heap)
      : memory_(memory), table_(table), heap_(heap) {}

  void read(const MallocSamples& samples) {
    heap_.lost = samples.lost;
    heap_.lost_stacks = samples.lost_stacks;
    const std::uint32_t records =
        std::min({samples.used_records, samples.most_records, kMostRecords});
    const std::uint32_t words = std::min({samples.used_words, samples.most_words, kMostWords});
    const Range of_records =
        range_of(Address{samples.records}, Bytes{records * sizeof(MallocSample)});
    const Range of_words = range_of(Address{samples.stacks}, Bytes{words * sizeof(std::uint64_t)});
    // They lie in the malloc's own metadata, so no table leads elsewhere.
    if (samples.records % 8 != 0 || samples.stacks % 8 != 0 ||
        !table_.metadata.contains(of_records) || !table_.metadata.contains(of_words)) {
      heap_.unread += records;
      return;
    }
    read_stacks(of_words.start, words);
    for (std::uint32_t first = 0; first < records; first += kRecordsAtOnce) {
      const std::size_t count = std::min<std::size_t>(kRecordsAtOnce, records - first);
      read_records(of_records.start + Bytes{first * sizeof(MallocSample)}, count);
    }
  }

 private:
  template <class T>
  bool fill(Address from, std::vector<T>& into) {
    const auto bytes = std::as_writable_bytes(std::span(into));
    auto got = memory_.read(from, bytes);
    if (!got) return false;
    heap_.bytes_read += *got;
    return true;
  }

  void read_stacks(Address from, std::uint32_t count) {
    std::vector<std::uint64_t> words(count);
    if (!fill(from, words)) return;
    for (std::uint32_t at = 0; count - at >= kHeaderWords;) {
      MallocStack head;
      std::memcpy(&head, &words[at], sizeof head);
      const std::uint32_t room = count - at - kHeaderWords;
      if (head.depth > abi::kMostStackDepth || head.depth > room) break;
      SampledStack stack;
      for (std::uint32_t i = 0; i < head.depth; ++i) {
        stack.callers.push_back(Address{words[at + kHeaderWords + i]});
      }
      stack.bytes = std::min(static_cast<double>(head.bytes), kMostEstimate);
      stack.blocks = static_cast<double>(head.blocks) / static_cast<double>(abi::kSampledBlock);
      indices_.emplace(at, heap_.stacks.size());
      heap_.stacks.push_back(std::move(stack));
      at += kHeaderWords + head.depth;
      // The first one is that of lost ones; behind it one of no depth is memory that is not there.
      if (head.depth == 0 && at > kHeaderWords) break;
    }
  }

  /// Those that are twice the same are taken; the others are looked at again.
  void read_records(Address from, std::size_t count) {
    std::vector<MallocSample> before(count), after(count);
    if (!fill(from, before) || !fill(from, after)) {
      heap_.unread += count;
      return;
    }
    for (std::size_t i = 0; i < count; ++i) {
      MallocSample a = before[i], b = after[i];
      const Address at = from + Bytes{i * sizeof a};
      int looks = 0;
      while (!is_at_rest(a, b) && ++looks < kLooks) {
        a = b;
        b = memory_.value<MallocSample>(at).value_or(MallocSample{});
      }
      if (is_at_rest(a, b)) {
        add(a);
      } else {
        ++heap_.unread;
      }
    }
  }
  static bool is_at_rest(const MallocSample& a, const MallocSample& b) {
    return a.sequence % 2 == 0 && a.sequence == b.sequence && a.address == b.address;
  }

  void add(const MallocSample& record) {
    if (record.address == 0) return;
    const auto stack = indices_.find(record.stack);
    const bool makes_sense = table_.all.contains(Address{record.address}) && record.bytes > 0 &&
                             record.bytes < kMostBytes && record.asked <= record.bytes &&
                             record.mean > 0 && stack != indices_.end();
    if (!makes_sense) {
      // A stack that was written after its table was read is met again on the next look.
      ++heap_.unread;
      return;
    }
    heap_.live.push_back({Address{record.address}, Bytes{record.bytes}, Bytes{record.asked},
                          Bytes{record.mean}, record.time, record.thread, stack->second});
  }

  const PresentMemory& memory_;
  const Table& table_;
  SampledHeap& heap_;
  std::unordered_map<std::uint32_t, std::size_t> indices_;  // by a stack's first word
};

}  // namespace

double Sample::weight() const {
  const double chance =
      -std::expm1(-static_cast<double>(bytes.value) / static_cast<double>(mean.value));
  return chance > 0 ? std::min(1 / chance, kMostEstimate / static_cast<double>(bytes.value)) : 1;
}

std::optional<Address> mailbox_of(const Table& table) {
  if (!has_samples(table)) return std::nullopt;
  return table.at + Bytes{offsetof(abi::MallocLayout, samples) + offsetof(MallocSamples, wanted)};
}

SampledHeap read_samples(const PresentMemory& memory, const Table& table) {
  SampledHeap heap;
  heap.known = has_samples(table);
  if (!heap.known) return heap;
  const Address at = table.at + Bytes{offsetof(abi::MallocLayout, samples)};
  const MallocSamples samples = memory.value<MallocSamples>(at).value_or(table.layout.samples);
  heap.wanted = Bytes{samples.wanted};
  heap.begun = samples.records != 0;
  if (heap.begun) Reading(memory, table, heap).read(samples);
  return heap;
}

}  // namespace strata::strata_malloc
