// inspect/heap/exports.h - whether a module exports a name: what a program holds, whatever its file
// is called.
// Source  the GNU hash table (.gnu.hash), which answers in two or three reads of a module's
//         constants where the name is not there.
// Errors  none: a module without such a table, or with a broken one, exports nothing.
#pragma once

#include <string_view>

#include "inspect/heap/peek.h"

namespace strata {

bool exports(Peek& peek, const Module& module, std::string_view name);

/// The size of the largest executable segment. An interpreter or runtime has far more code than
/// what most modules of a process hold, so this is asked before anything is read.
Bytes code_size(const Module& module);

}  // namespace strata
