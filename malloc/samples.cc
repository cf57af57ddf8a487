#include "malloc/samples.h"

#include <cstring>

#include "abi/malloc_layout.h"
#include "malloc/chance.h"
#include "malloc/os.h"
#include "malloc/unwind.h"

namespace strata::alloc {

constinit Samples samples;

namespace {

constexpr std::uint32_t kHeaderWords = sizeof(abi::MallocStack) / 8;

abi::MallocSamples& table() { return strata_malloc_layout.samples; }

// Others look at these while they change.
template <class T>
void put(T& to, T value) {
  __atomic_store_n(&to, value, __ATOMIC_RELAXED);
}
template <class T>
void add_to(T& to, T value) {
  put(to, to + value);
}

std::uint64_t hash_of(const std::uint64_t* callers, std::uint32_t depth) {
  std::uint64_t hash = depth;
  for (std::uint32_t i = 0; i < depth; ++i) hash = mix(hash ^ callers[i]);
  return hash;
}

/// Writes a record such that a reader outside sees that it is being written.
void write(abi::MallocSample& record, const abi::MallocSample& from) {
  const std::uint32_t sequence = record.sequence;
  __atomic_store_n(&record.sequence, sequence + 1, __ATOMIC_RELAXED);
  __atomic_thread_fence(__ATOMIC_RELEASE);
  put(record.address, from.address);
  put(record.bytes, from.bytes);
  put(record.asked, from.asked);
  put(record.mean, from.mean);
  put(record.time, from.time);
  put(record.stack, from.stack);
  put(record.thread, from.thread);
  __atomic_store_n(&record.sequence, sequence + 2, __ATOMIC_RELEASE);
}

}  // namespace

void Samples::want(std::uint64_t mean) { put(table().wanted, mean); }

bool Samples::begin() {
  const Hold hold(lock_);
  if (heads_.load(std::memory_order_relaxed) != nullptr) return true;
  constexpr std::size_t kBothHeads = kHeads * sizeof(Head) + kStackHeads * sizeof(std::uint32_t);
  constexpr std::size_t kHeadBytes = (kBothHeads + os::kPage - 1) / os::kPage * os::kPage;
  constexpr std::size_t kRecordBytes = kMostRecords * sizeof(abi::MallocSample);
  static_assert(kRecordBytes % os::kPage == 0);
  static_assert(kHeadBytes + kRecordBytes + kMostWords * 8 <= kReserved);
  if (words_memory_.size() == 0) {
    heads_memory_.place(start_, kHeadBytes);
    records_memory_.place(heads_memory_.end(), kRecordBytes);
    words_memory_.place(records_memory_.end(), kMostWords * 8);
  }
  if (!heads_memory_.reach(heads_memory_.size()) || !words_memory_.reach(kHeaderWords * 8)) {
    return false;
  }
  auto* const heads = reinterpret_cast<Head*>(heads_memory_.start());
  stack_heads_ = reinterpret_cast<std::uint32_t*>(heads + kHeads);
  records_ = reinterpret_cast<abi::MallocSample*>(records_memory_.start());
  words_ = reinterpret_cast<std::uint64_t*>(words_memory_.start());
  std::uint64_t none = 0;
  if (drawn_.load(std::memory_order_relaxed) == 0) {
    drawn_.compare_exchange_strong(none, os::random() | 1, std::memory_order_relaxed);
  }
  // The first stack is that of samples for whose own there is no room.
  put(table().used_words, kHeaderWords);
  put(table().most_records, kMostRecords);
  put(table().most_words, kMostWords);
  put(table().stacks, std::uint64_t{words_memory_.start()});
  __atomic_store_n(&table().records, std::uint64_t{records_memory_.start()}, __ATOMIC_RELEASE);
  heads_.store(heads, std::memory_order_release);
  return true;
}

std::int64_t Samples::next_gap(std::uint64_t mean) {
  return draw_gap(mix(drawn_.fetch_add(0x9e3779b97f4a7c15, std::memory_order_relaxed)), mean);
}

std::size_t Samples::index_of(const void* block) {
  return mix(reinterpret_cast<std::uintptr_t>(block)) % kHeads;
}

/// The words at which a stack begins: one that is there already, or a new one; 0 without room.
std::uint32_t Samples::find_stack(const std::uint64_t* callers, std::uint32_t depth) {
  const std::uint64_t hash = hash_of(callers, depth);
  std::uint32_t& head = stack_heads_[hash % kStackHeads];
  for (std::uint32_t at = head; at != 0;) {
    const auto& stack = *reinterpret_cast<const abi::MallocStack*>(words_ + at);
    if (stack.hash == hash && stack.depth == depth &&
        std::memcmp(words_ + at + kHeaderWords, callers, depth * sizeof *callers) == 0) {
      return at;
    }
    at = stack.next;
  }
  const std::uint32_t at = table().used_words;
  if (depth == 0 || kMostWords - at < kHeaderWords + depth ||
      !words_memory_.reach((at + kHeaderWords + depth) * sizeof *words_)) {
    add_to(table().lost_stacks, std::uint64_t{1});
    return 0;
  }
  auto& stack = *reinterpret_cast<abi::MallocStack*>(words_ + at);
  put(stack.hash, hash);
  put(stack.next, head);
  put(stack.depth, depth);
  for (std::uint32_t i = 0; i < depth; ++i) put(words_[at + kHeaderWords + i], callers[i]);
  __atomic_store_n(&table().used_words, at + kHeaderWords + depth, __ATOMIC_RELEASE);
  head = at;
  return at;
}

abi::MallocSample* Samples::take_record() {
  if (free_ != 0) {
    abi::MallocSample& record = records_[free_ - 1];
    free_ = record.next;
    return &record;
  }
  const std::uint32_t used = table().used_records;
  if (used == kMostRecords || !records_memory_.reach((used + 1) * sizeof *records_)) return nullptr;
  __atomic_store_n(&table().used_records, used + 1, __ATOMIC_RELEASE);
  return &records_[used];
}

void Samples::link(abi::MallocSample& sample) {
  Head& head = head_of(reinterpret_cast<const void*>(sample.address));
  put(sample.next, head.load(std::memory_order_relaxed));
  head.store(static_cast<std::uint32_t>(&sample - records_) + 1, std::memory_order_relaxed);
}

bool Samples::add(void* block, std::size_t bytes, std::size_t asked, std::uint64_t mean) {
  std::uint64_t callers[abi::kMostStackDepth];
  const auto depth = static_cast<std::uint32_t>(capture_stack(callers, abi::kMostStackDepth));
  abi::MallocSample sample{};
  sample.address = reinterpret_cast<std::uintptr_t>(block);
  sample.bytes = bytes;
  sample.asked = asked;
  sample.mean = mean;
  sample.time = os::coarse_now();
  sample.thread = this_thread();
  const double size = static_cast<double>(bytes);
  const double chance = chance_within(size / static_cast<double>(mean));

  const Hold hold(lock_);
  sample.stack = find_stack(callers, depth);
  auto& stack = *reinterpret_cast<abi::MallocStack*>(words_ + sample.stack);
  add_to(stack.bytes, static_cast<std::uint64_t>(size / chance + 0.5));
  add_to(stack.blocks, static_cast<std::uint64_t>(double{abi::kSampledBlock} / chance + 0.5));
  abi::MallocSample* const record = take_record();
  if (record == nullptr) {
    add_to(table().lost, std::uint64_t{1});
    return false;
  }
  write(*record, sample);
  link(*record);
  return true;
}

bool Samples::take(const void* block, abi::MallocSample& sample) {
  if (!may_have(block)) return false;
  const auto address = reinterpret_cast<std::uintptr_t>(block);
  const Hold hold(lock_);
  Head& head = head_of(block);
  abi::MallocSample* before = nullptr;
  for (std::uint32_t number = head.load(std::memory_order_relaxed); number != 0;) {
    abi::MallocSample& record = records_[number - 1];
    const std::uint32_t next = record.next;
    if (record.address == address) {
      sample = record;
      if (before != nullptr) {
        put(before->next, next);
      } else {
        head.store(next, std::memory_order_relaxed);
      }
      write(record, {});
      put(record.next, free_);
      free_ = number;
      return true;
    }
    before = &record;
    number = next;
  }
  return false;
}

void Samples::put_back(const abi::MallocSample& sample) {
  const Hold hold(lock_);
  if (abi::MallocSample* const record = take_record()) {
    write(*record, sample);
    link(*record);
  }
}

}  // namespace strata::alloc
