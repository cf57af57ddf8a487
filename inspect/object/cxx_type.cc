#include "inspect/object/cxx_type.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "inspect/object/cxx_name.h"

namespace strata {
namespace {

constexpr Bytes kWord = 8_B;
// Templates of templates have names of a few KiB; one that is longer is none.
constexpr std::size_t kLongestMangled = 16'384;
// Of what is kept; the rest of a name tells nobody anything.
constexpr std::size_t kLongestName = 4096;
// A base lies in its object: this is far above what any class has for members.
constexpr std::uint64_t kMostOffsetToTop = 1u << 20;
constexpr std::size_t kMostAnswers = 65'536;
constexpr Bytes kMostNames = 16_MiB;
// In most_work_to_demangle()'s units: the names of all libraries of a Debian take a sixth.
constexpr std::uint64_t kMostWork = 1u << 30;

constexpr std::array<std::string_view, 3> kClassDescribers = {
    "N10__cxxabiv117__class_type_infoE",
    "N10__cxxabiv120__si_class_type_infoE",
    "N10__cxxabiv121__vmi_class_type_infoE",
};

/// The one of `sorted` that covers `address`; null where none does.
template <class T>
const T* find_covering(const std::vector<T>& sorted, Address address) {
  auto next = std::upper_bound(sorted.begin(), sorted.end(), address,
                               [](Address a, const T& item) { return a < item.range.start; });
  if (next == sorted.begin()) return nullptr;
  --next;
  return next->range.contains(address) ? &*next : nullptr;
}

bool is_aligned(Address address) { return address.value % kWord.value == 0; }

/// What a mangled name can be made of: identifiers in ASCII or UTF-8, no spaces and no controls.
bool can_be_mangled(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7F;
  });
}

}  // namespace

CxxTypes::CxxTypes(Peek& peek, const Space& space) : peek_(peek) {
  for (const Module& module : space.modules) {
    const bool has_constants_apart =
        std::any_of(module.segments.begin(), module.segments.end(),
                    [](const Segment& s) { return !s.writable && !s.executable; });
    for (const Segment& segment : module.segments) {
      // Where a segment is written at all, the file has its words as they were before.
      add_settled(space, segment.range,
                  segment.writable ? Words::kInMemoryAlone : Words::kInFileToo);
      if (!segment.executable) continue;
      code_.push_back(
          {segment.range, has_constants_apart ? Holds::kCodeAlone : Holds::kConstantsToo});
    }
    if (!module.relro) add_unprotected(space, module);
  }
  const auto by_address = [](const auto& a, const auto& b) { return a.range < b.range; };
  std::sort(constants_.begin(), constants_.end(), by_address);
  std::sort(code_.begin(), code_.end(), by_address);
}

// A segment is written while it is relocated; then the loader takes that right from its relro part.
// So what counts is the mapping.
void CxxTypes::add_settled(const Space& space, Range range, Words words) {
  for (Address at = range.start; at < range.end;) {
    const Mapping* const mapping = space.find_mapping(at);
    if (mapping == nullptr) return;
    if (mapping->readable && !mapping->writable) {
      constants_.push_back({intersection(mapping->range, range), words});
    }
    at = mapping->range.end;
  }
}

// A module that was linked without relro stays writable as a whole; then its sections tell.
void CxxTypes::add_unprotected(const Space& space, const Module& module) {
  for (const Section& section : module.sections) {
    if (!section.name.starts_with(".data.rel.ro")) continue;
    const Mapping* const mapping = space.find_mapping(section.range.start);
    if (mapping == nullptr || !mapping->writable) continue;
    constants_.push_back({section.range, Words::kInMemoryAlone});
  }
}

const CxxTypes::Constants* CxxTypes::find_constants(Address address) const {
  return find_covering(constants_, address);
}

const CxxTypes::Code* CxxTypes::find_code(Address address) const {
  return find_covering(code_, address);
}

std::optional<Address> CxxTypes::pointer_at(Address address) {
  const Constants* const where = find_constants(address);
  if (where == nullptr || !is_aligned(address)) return std::nullopt;
  const auto word =
      where->words == Words::kInFileToo ? peek_.constant_word(address) : peek_.word(address);
  if (!word) return std::nullopt;
  return Address{*word};
}

/// What the vtable says around its address point; nothing where one part of it does not hold.
std::optional<Address> CxxTypes::find_type_info(Address vptr) {
  const auto first_function = pointer_at(vptr);
  // Null: the destructor of an abstract class, which nobody calls.
  if (!first_function || (first_function->value != 0 && find_code(*first_function) == nullptr)) {
    return std::nullopt;
  }
  const auto offset_to_top = pointer_at(vptr - kWord * 2);
  if (!offset_to_top || !is_aligned(*offset_to_top) ||
      std::uint64_t{0} - offset_to_top->value > kMostOffsetToTop) {
    return std::nullopt;
  }
  const auto type_info = pointer_at(vptr - kWord);
  if (!type_info || type_info->value == 0) return std::nullopt;
  return type_info;
}

std::optional<std::string> CxxTypes::read_name(Address type_info) {
  const auto start = pointer_at(type_info + kWord);
  if (!start) return std::nullopt;
  // A name in memory that the program writes is none.
  if (find_constants(*start) == nullptr) return std::nullopt;
  auto name = peek_.constant_string(*start, kLongestMangled);
  if (!name) return std::nullopt;
  if (name->starts_with('*')) name->erase(0, 1);
  if (!can_be_mangled(*name)) return std::nullopt;
  return name;
}

/// Whether the object at `type_info` is of a class that describes classes.
bool CxxTypes::describes_class(Address type_info) {
  const auto vptr = pointer_at(type_info);
  if (!vptr) return false;
  if (const auto known = describes_class_.find(vptr->value); known != describes_class_.end()) {
    return known->second;
  }
  const auto describer = find_type_info(*vptr);
  const auto name = describer ? read_name(*describer) : std::nullopt;
  const bool result = name && std::find(kClassDescribers.begin(), kClassDescribers.end(), *name) !=
                                  kClassDescribers.end();
  if (describes_class_.size() >= kMostAnswers) describes_class_.clear();
  describes_class_.emplace(vptr->value, result);
  return result;
}

/// In a table of type_infos one follows the other, as a function follows one in a vtable. Where
/// constants lie in one segment with code, only what stands there tells them apart.
bool CxxTypes::is_table_of_types(Address vptr) {
  const auto next = pointer_at(vptr);
  if (!next) return false;
  const Code* const code = find_code(*next);
  return code != nullptr && code->holds == Holds::kConstantsToo && describes_class(*next);
}

const std::string* CxxTypes::keep(std::string mangled) {
  if (const auto known = by_mangled_.find(mangled); known != by_mangled_.end()) {
    return known->second;
  }
  if (kept_ >= kMostNames) {
    left_out_ = true;
    return nullptr;
  }
  std::string name = mangled;
  const std::uint64_t work = most_work_to_demangle(mangled);
  if (work <= kMostWorkPerName && work_ + work <= kMostWork) {
    work_ += work;
    if (auto readable = demangled_type(mangled)) name = std::move(*readable);
  }
  if (name.size() > kLongestName) name = name.substr(0, kLongestName) + "...";
  kept_ += Bytes{name.size() + mangled.size()};
  const std::string* const kept = &*names_.insert(std::move(name)).first;
  by_mangled_.emplace(std::move(mangled), kept);
  return kept;
}

const std::string* CxxTypes::read_type(Address vptr) {
  const auto type_info = find_type_info(vptr);
  if (!type_info || !describes_class(*type_info) || is_table_of_types(vptr)) return nullptr;
  auto name = read_name(*type_info);
  return name ? keep(std::move(*name)) : nullptr;
}

const std::string* CxxTypes::type_of(Address vptr) {
  // Nearly all words of plain data end here, and are not worth remembering.
  if (!is_aligned(vptr) || find_constants(vptr) == nullptr) return nullptr;
  if (const auto known = answers_.find(vptr.value); known != answers_.end()) return known->second;
  const std::string* const type = read_type(vptr);
  if (answers_.size() >= kMostAnswers) answers_.clear();
  answers_.emplace(vptr.value, type);
  return type;
}

}  // namespace strata
