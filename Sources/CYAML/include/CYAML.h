#pragma once
// libyaml, as it is.
#include <yaml.h>
