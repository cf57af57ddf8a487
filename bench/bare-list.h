// bench/bare-list.h - takes from and gives to the calling thread's own list of free blocks.
#pragma once

extern "C" {
/// Null where the list is empty.
void* bare_take();
/// `memory` has room for a pointer.
void bare_give(void* memory);
}
