// Reads a HotSpot VM by the tables that it exports for this purpose; what they leave out is found
// by records that the tables lead to.
#include <algorithm>

#include "inspect/heap/exports.h"
#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/jvm_metaspace.h"
#include "inspect/heap/jvm_reservations.h"
#include "inspect/heap/jvm_structs.h"

namespace strata {
namespace {

constexpr Bytes kLargestHeap{std::uint64_t{1} << 46};
constexpr std::size_t kMostCodeHeaps = 16;
// The VM's code: 13 MiB and more, some 5 MiB in a minimal build.
constexpr Bytes kLeastCode = 3_MiB;

class JvmSurvey {
 public:
  JvmSurvey(const HeapScene& scene, const Module& libjvm)
      : scene_(scene), libjvm_(libjvm), peek_(scene) {}

  HeapSurvey run();

 private:
  /// The word in a field of the object at `object`.
  std::optional<std::uint64_t> field(Address object, std::string_view type, std::string_view name) {
    const auto offset = structs_->offset(type, name);
    return offset ? peek_.word(object + *offset) : std::nullopt;
  }
  std::optional<std::uint64_t> static_word(std::string_view type, std::string_view name) {
    const auto address = structs_->address(type, name);
    return address ? peek_.word(*address) : std::nullopt;
  }

  void claim_java_heap();
  void claim_code_cache();
  void claim_virtual_space(Address space, std::string_view account, std::string_view why);
  void claim_archive();
  void claim_metaspace();
  void claim_card_table();
  void claim_reservations();
  /// Claims what the range holds of memory, mapping by mapping.
  void claim(Range range, std::string_view account, std::string_view why);

  const HeapScene& scene_;
  const Module& libjvm_;
  Peek peek_;
  std::optional<JvmStructs> structs_;
  std::vector<StaticWords> statics_;
  Address heap_;
  std::vector<Range> taken_;
  HeapSurvey survey_;
};

void JvmSurvey::claim(Range range, std::string_view account, std::string_view why) {
  const AccountId held = scene_.chart.open({"heap", "JVM", account});
  const AccountId archive = scene_.chart.open({"heap", "JVM", "CDS archive"});
  const EvidenceId evidence = scene_.chart.because(why);
  taken_.push_back(range);
  for (Address at = range.start; at < range.end;) {
    const Mapping* const mapping = scene_.space.find_mapping(at);
    if (mapping == nullptr) break;  // a lying record, or a mapping that has gone
    const Range part = intersection(range, {at, mapping->range.end});
    at = part.end;
    if (scene_.space.find_module(part.start) != nullptr) continue;
    // A file within the heap, as within the class space, is an archive mapped there.
    const AccountId part_account = mapping->has_file() && !mapping->shared ? archive : held;
    const bool holds_memory = mapping->readable || mapping->writable || mapping->executable;
    survey_.claims.push_back(
        {part, part_account, evidence, holds_memory ? Rank::kHeap : Rank::kRuntimeRegion});
  }
}

void JvmSurvey::claim_java_heap() {
  const auto heap = static_word("Universe", "_collectedHeap");
  const auto reserved = structs_->offset("CollectedHeap", "_reserved");
  if (!heap || *heap == 0 || !reserved) return;
  heap_ = Address{*heap};
  const Address region = heap_ + *reserved;
  const auto start = field(region, "MemRegion", "_start");
  const auto words = field(region, "MemRegion", "_word_size");
  if (start && words && *words > 0 && *words <= kLargestHeap.value / 8) {
    const Range range = range_of(Address{*start}, Bytes{*words * 8});
    if (scene_.space.find_mapping(range.start) != nullptr) {
      claim(range, "Java heap", "Universe::_collectedHeap reserved it");
    }
  }
  // ZGC maps one memfd several times, at addresses that no table gives.
  for (const Mapping& mapping : scene_.space.mappings) {
    if (mapping.shared && mapping.name.starts_with("/memfd:java_heap")) {
      survey_.claims.push_back({mapping.range, scene_.chart.open({"heap", "JVM", "Java heap"}),
                                scene_.chart.because("the VM named this memfd java_heap"),
                                Rank::kHeap});
    }
  }
}

void JvmSurvey::claim_virtual_space(Address space, std::string_view account, std::string_view why) {
  const auto low = field(space, "VirtualSpace", "_low_boundary");
  const auto high = field(space, "VirtualSpace", "_high_boundary");
  if (!low || !high) return;
  const Range range{Address{*low}, Address{*high}};
  if (range.size() <= 4_GiB && is_anonymous(scene_.space, range)) claim(range, account, why);
}

void JvmSurvey::claim_code_cache() {
  const auto heaps = static_word("CodeCache", "_heaps");
  if (!heaps) return;
  auto length = field(Address{*heaps}, "GrowableArrayBase", "_len");
  if (!length) length = field(Address{*heaps}, "GenericGrowableArray", "_len");
  const auto elements = field(Address{*heaps}, "GrowableArray<int>", "_data");
  if (!length || !elements) return;
  const std::size_t count = std::min<std::size_t>(*length & 0xffffffff, kMostCodeHeaps);
  for (std::size_t i = 0; i < count; ++i) {
    const auto code_heap = peek_.word(Address{*elements} + Bytes{i * 8});
    const auto memory = structs_->offset("CodeHeap", "_memory");
    const auto map = structs_->offset("CodeHeap", "_segmap");
    if (!code_heap) continue;
    if (memory) {
      claim_virtual_space(Address{*code_heap} + *memory, "code cache",
                          "a code heap that CodeCache::_heaps lists");
    }
    if (map) {
      claim_virtual_space(Address{*code_heap} + *map, "code cache",
                          "the segment map of a code heap that CodeCache::_heaps lists");
    }
  }
}

void JvmSurvey::claim_archive() {
  const auto base = static_word("MetaspaceObj", "_shared_metaspace_base");
  const auto top = static_word("MetaspaceObj", "_shared_metaspace_top");
  if (!base || !top || *base == 0) return;
  const Range range{Address{*base}, Address{*top}};
  if (range.empty() || range.size() > 4_GiB) return;
  if (scene_.space.find_mapping(range.start) == nullptr) return;
  claim(range, "CDS archive", "MetaspaceObj::_shared_metaspace_base to _top");
}

void JvmSurvey::claim_metaspace() {
  const auto nodes = find_jvm_metaspace(scene_.space, peek_, libjvm_, statics_);
  for (const JvmMetaspaceNode& node : nodes) {
    const bool is_class_space = node.name == "class-space";
    claim(node.range, is_class_space ? "compressed class space" : "metaspace",
          fmt::format("a node of the metaspace context \"{}\" that libjvm points to", node.name));
  }
  if (nodes.empty()) survey_.notes.push_back("the JVM's metaspace was not found");
}

void JvmSurvey::claim_card_table() {
  const auto barrier = static_word("BarrierSet", "_barrier_set");
  if (!barrier) return;
  const auto table = field(Address{*barrier}, "CardTableBarrierSet", "_card_table");
  if (!table) return;
  const auto map = field(Address{*table}, "CardTable", "_byte_map");
  const auto size = field(Address{*table}, "CardTable", "_byte_map_size");
  if (!map || !size || *size == 0) return;
  const Range range{round_down(Address{*map}, page_size()),
                    round_up(Address{*map} + Bytes{*size}, page_size())};
  if (range.size() > 1_GiB * 1024 || !is_anonymous(scene_.space, range)) return;
  claim(range, "GC structures", "CardTable::_byte_map of the VM's barrier set");
}

void JvmSurvey::claim_reservations() {
  Bytes size = 1_KiB;
  for (const std::string_view type : {"CollectedHeap", "G1CollectedHeap", "ParallelScavengeHeap",
                                      "SerialHeap", "ShenandoahHeap"}) {
    size = std::max(size, structs_->size(type).value_or(Bytes{}));
  }
  for (const Range& range : find_jvm_reservations(scene_.space, peek_, heap_, size, statics_,
                                                  std::vector<Range>(taken_))) {
    claim(range, "GC structures", "a reservation whose record the collected heap leads to");
  }
}

HeapSurvey JvmSurvey::run() {
  structs_ = JvmStructs::read(scene_.memory, peek_, libjvm_);
  if (!structs_) {
    survey_.notes.push_back("a Java VM is here, and its table of structures could not be read");
  } else {
    statics_ = read_static_words(peek_, libjvm_);
    claim_java_heap();
    claim_code_cache();
    claim_archive();
    claim_metaspace();
    if (heap_ != Address{}) {
      claim_card_table();
      claim_reservations();
    }
    if (survey_.claims.empty()) {
      survey_.notes.push_back("a Java VM is here, and has set up no heap yet");
    }
  }
  if (peek_.exhausted()) {
    survey_.notes.push_back("reading the JVM's structures stopped at a limit of 64 MiB");
  }
  survey_.bytes_read = peek_.bytes_read();
  return std::move(survey_);
}

}  // namespace

HeapSurvey survey_jvm(const HeapScene& scene) {
  for (const Module& module : scene.space.modules) {
    if (code_size(module) < kLeastCode) continue;
    Peek peek(scene);
    // The table for the serviceability agent: whatever holds it is a HotSpot VM.
    if (exports(peek, module, "gHotSpotVMStructs")) return JvmSurvey(scene, module).run();
  }
  return {};
}

}  // namespace strata
