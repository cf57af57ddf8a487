// static-stripped - the same, without a symbol table.
// Flags  -static -s
#include "static.c"
