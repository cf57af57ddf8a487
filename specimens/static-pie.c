// static-pie - the same, and loaded anywhere.
// Flags  -static-pie -fPIE
#include "static.c"
