#pragma once
// nettle's SHA-2, as it is; it takes the processor's own instructions where there are some.
#include <nettle/sha2.h>
