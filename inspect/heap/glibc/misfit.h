// inspect/heap/glibc/misfit.h - a C library of glibc's whose malloc is none of those that are
// known: that it is there, and how far what must hold of an arena does hold.
//
//     main_arena   never touched      bins 0, next leads to itself       nobody's malloc: no misfit
//                  initialised        its top is its own bin             likewise
//                  anything else      what fits best is told             a misfit
//
// Only modules that bear glibc's name are asked, or a program without any other module where most
// of an arena's bins are found: other allocators' lists link back to themselves too.
//
// Errors  none.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "inspect/heap/anonymous.h"
#include "inspect/heap/peek.h"

namespace strata::glibc {

/// Of a module in whose `statics` no main arena was found: a sentence that says what of glibc's
/// malloc does not fit, or that its words could not be read; nothing where no malloc of glibc's was
/// ever used there.
std::optional<std::string> find_misfit(Peek& peek, const HeapScene& scene,
                                       const AnonymousMemory& memory, const Module& module,
                                       const std::vector<StaticWords>& statics);

/// The first of `notes` that find_misfit() wrote; null where there is none.
const std::string* misfit_among(const std::vector<std::string>& notes);

}  // namespace strata::glibc
