// inspect/heap/heap_readers_list.h - every heap reader, declared once: its file defines the survey,
// heap_readers.cc lists it.
#pragma once

#include "inspect/heap/heap_reader.h"

namespace strata {

HeapSurvey survey_glibc(const HeapScene& scene);
HeapSurvey survey_strata_malloc(const HeapScene& scene);
HeapSurvey survey_jemalloc(const HeapScene& scene);
HeapSurvey survey_tcmalloc(const HeapScene& scene);
HeapSurvey survey_mimalloc(const HeapScene& scene);
HeapSurvey survey_pymalloc(const HeapScene& scene);
HeapSurvey survey_v8(const HeapScene& scene);
HeapSurvey survey_cppgc(const HeapScene& scene);
HeapSurvey survey_partitionalloc(const HeapScene& scene);
HeapSurvey survey_go(const HeapScene& scene);
HeapSurvey survey_jvm(const HeapScene& scene);

}  // namespace strata
