#pragma once
// zlib, as it is.
#include <zlib.h>
