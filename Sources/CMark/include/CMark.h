#pragma once
// libcmark, the CommonMark reference implementation, as it is.
#include <cmark.h>
