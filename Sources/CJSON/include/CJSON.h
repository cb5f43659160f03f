#pragma once
// json-c, as it is. The JSON module turns its tree into Swift values.
#include <json-c/json.h>
