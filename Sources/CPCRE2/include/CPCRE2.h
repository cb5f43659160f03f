#pragma once
// PCRE2 with 8-bit code units, as it is.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
