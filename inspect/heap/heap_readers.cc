#include <array>

#include "inspect/heap/heap_reader.h"
#include "inspect/heap/heap_readers_list.h"

namespace strata {
namespace {

constexpr auto kLeaves = HeapReader::Files::kLeaves;
constexpr std::array kReaders = {
    HeapReader{"glibc", survey_glibc, kLeaves},
    HeapReader{"strata", survey_strata_malloc},
    HeapReader{"jemalloc", survey_jemalloc, kLeaves},
    HeapReader{"tcmalloc", survey_tcmalloc, kLeaves},
    HeapReader{"mimalloc", survey_mimalloc, kLeaves},
    HeapReader{"pymalloc", survey_pymalloc},
    HeapReader{"v8", survey_v8},
    HeapReader{"cppgc", survey_cppgc},
    HeapReader{"partitionalloc", survey_partitionalloc},
    HeapReader{"go", survey_go},
    HeapReader{"jvm", survey_jvm},
};

}  // namespace

std::span<const HeapReader> heap_readers() { return kReaders; }

}  // namespace strata
