#include <array>

#include "inspect/heap/heap_reader.h"
#include "inspect/heap/heap_readers_list.h"

namespace strata {
namespace {

constexpr std::array kReaders = {
    HeapReader{"glibc", survey_glibc},
    HeapReader{"jemalloc", survey_jemalloc},
    HeapReader{"tcmalloc", survey_tcmalloc},
    HeapReader{"mimalloc", survey_mimalloc},
    HeapReader{"pymalloc", survey_pymalloc},
    HeapReader{"v8", survey_v8},
    HeapReader{"go", survey_go},
    HeapReader{"jvm", survey_jvm},
};

}  // namespace

std::span<const HeapReader> heap_readers() { return kReaders; }

}  // namespace strata
