// malloc/report.h - a program's last words, as it misuses its memory or can have none: one line,
// and abort().
// Threads any number at once; no memory is asked for.
#pragma once

namespace strata::alloc {

/// "strata malloc: free(0x7f…): WHAT".
[[noreturn, gnu::cold, gnu::noinline]] void die(const char* call, const void* address,
                                                const char* what);

/// "strata malloc: free_sized(0x7f…): GIVEN bytes were given, and the block has HAS".
[[noreturn, gnu::cold, gnu::noinline]] void die_of_size(const char* call, const void* address,
                                                        unsigned long given, unsigned long has);

/// "strata malloc: WHAT".
[[noreturn, gnu::cold, gnu::noinline]] void give_up(const char* what);

/// "strata malloc: WHERE: 'ABOUT' WHAT", and goes on. `about` has `bytes` bytes.
[[gnu::cold, gnu::noinline]] void warn(const char* where, const char* about, unsigned long bytes,
                                       const char* what);

}  // namespace strata::alloc
