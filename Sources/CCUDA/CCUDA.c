#include "CCUDA.h"

#include <dlfcn.h>
#include <stdio.h>

void *olv_cuda_open(const char *path, char *error, size_t error_bytes) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library && error_bytes > 0) {
    const char *text = dlerror();
    snprintf(error, error_bytes, "%s", text ? text : "unknown error");
  }
  return library;
}

#define FILL(member, symbol, parameters)                                                          \
  {                                                                                               \
    void *found = dlsym(library, symbol);                                                         \
    if (!found) return symbol;                                                                    \
    table->member = (int(*) parameters)found;                                                     \
  }

const char *olv_driver_fill(void *library, olv_driver *table) {
  OLV_DRIVER_FUNCTIONS(FILL)
  return NULL;
}

const char *olv_compiler_fill(void *library, olv_compiler *table) {
  OLV_COMPILER_FUNCTIONS(FILL)
  return NULL;
}

const char *olv_products_fill(void *library, olv_products *table) {
  OLV_PRODUCT_FUNCTIONS(FILL)
  return NULL;
}

const char *olv_solver_fill(void *library, olv_solver *table) {
  OLV_SOLVER_FUNCTIONS(FILL)
  return NULL;
}

int olv_launch_early(
    const olv_driver *table, olv_handle function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
    unsigned block_y, unsigned block_z, unsigned shared, int cooperative, olv_handle stream, void **parameters) {
  // CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION, _COOPERATIVE.
  olv_launch_attribute attributes[] = {{.number = 6, .value = {1}}, {.number = 2, .value = {1}}};
  olv_launch_configuration configuration = {
      .grid_x = grid_x, .grid_y = grid_y, .grid_z = grid_z, .block_x = block_x, .block_y = block_y,
      .block_z = block_z, .shared = shared, .stream = stream, .attributes = attributes,
      .count = cooperative ? 2 : 1};
  return table->launch_extended(&configuration, function, parameters, NULL);
}
