#include "FakeCUDA.h"

#include <stdlib.h>
#include <string.h>

static olv_fake machine;
static size_t sizes[4096];
static void *blocks[4096];

olv_fake *olv_fake_machine(void) { return &machine; }

void olv_fake_reset(void) {
  memset(&machine, 0, sizeof machine);
  // What an earlier machine held is forgotten, and freeing it then does nothing.
  memset(blocks, 0, sizeof blocks);
  machine.version = 12040;
  machine.devices = 1;
  for (int i = 0; i < 4; i++) machine.capabilities[i] = 90;
  machine.memory = (size_t)1 << 30;
  machine.cooperative = 1;
}

static olv_handle handle(int number) { return (olv_handle)(uintptr_t)(number + 1); }

static int init(unsigned flags) { return machine.init_status; }
static int driver_version(int *version) { return *version = machine.version, 0; }
static int device_count(int *count) { return *count = machine.devices, 0; }
static int device_get(int *device, int ordinal) { return *device = ordinal, 0; }
static int device_name(char *name, int length, int device) {
  strncpy(name, "Fake GPU", (size_t)length);
  return 0;
}
static int device_attribute(int *value, int attribute, int device) {
  switch (attribute) {
  case 75: *value = machine.capabilities[device] / 10; break;
  case 76: *value = machine.capabilities[device] % 10; break;
  case 16: *value = 100; break;
  case 38: *value = 50 << 20; break;
  case 95: *value = machine.cooperative; break;
  case 97: *value = 227 << 10; break;
  default: return 1;
  }
  return 0;
}
static int device_memory(size_t *bytes, int device) { return *bytes = machine.memory, 0; }
static int context_retain(olv_handle *context, int device) {
  *context = handle(device);
  return machine.context_status[device];
}
static int context_release(int device) { return 0; }
static int context_set(olv_handle context) { return 0; }
static int memory_info(size_t *free, size_t *total) {
  *total = machine.memory;
  *free = machine.memory - machine.taken - machine.others;
  return 0;
}
static int memory_allocate(olv_address *address, size_t bytes) {
  if (machine.taken + machine.others + bytes > machine.memory) return 2;
  for (int i = 0; i < 4096; i++) {
    if (blocks[i]) continue;
    blocks[i] = aligned_alloc(512, bytes);
    if (!blocks[i]) return 2;
    sizes[i] = bytes;
    machine.taken += bytes;
    machine.allocations++;
    *address = (olv_address)(uintptr_t)blocks[i];
    return 0;
  }
  return 2;
}
static int memory_free(olv_address address) {
  for (int i = 0; i < 4096; i++) {
    if (blocks[i] != (void *)(uintptr_t)address) continue;
    free(blocks[i]);
    blocks[i] = NULL;
    machine.taken -= sizes[i];
    machine.frees++;
    return 0;
  }
  return 1;
}
static int host_allocate(void **address, size_t bytes) { return (*address = malloc(bytes)) ? 0 : 2; }
static int host_free(void *address) { return free(address), 0; }
static int copy_to_device(olv_address target, const void *source, size_t bytes, olv_handle stream) {
  return memcpy((void *)(uintptr_t)target, source, bytes), 0;
}
static int copy_to_host(void *target, olv_address source, size_t bytes, olv_handle stream) {
  return memcpy(target, (void *)(uintptr_t)source, bytes), 0;
}
static int copy_on_device(olv_address target, olv_address source, size_t bytes, olv_handle stream) {
  return memmove((void *)(uintptr_t)target, (void *)(uintptr_t)source, bytes), 0;
}
static int set_bytes(olv_address target, unsigned char value, size_t bytes, olv_handle stream) {
  return memset((void *)(uintptr_t)target, value, bytes), 0;
}
static int set_words(olv_address target, unsigned value, size_t count, olv_handle stream) {
  for (size_t i = 0; i < count; i++) ((unsigned *)(uintptr_t)target)[i] = value;
  return 0;
}
static int stream_create(olv_handle *stream, unsigned flags) { return *stream = handle(9), 0; }
static int stream_destroy(olv_handle stream) { return 0; }
static int stream_wait(olv_handle stream) { return machine.waits++, machine.wait_status; }
static int stream_query(olv_handle stream) { return 0; }
static int capture_begin(olv_handle stream, int mode) { return 0; }
static int capture_end(olv_handle stream, olv_handle *graph) { return *graph = handle(5), 0; }
static int graph_instantiate(olv_handle *executable, olv_handle graph, unsigned long long flags) {
  return *executable = handle(6), 0;
}
static int graph_launch(olv_handle executable, olv_handle stream) { return machine.launches++, 0; }
static int graph_destroy(olv_handle graph) { return 0; }
static int graph_executable_destroy(olv_handle executable) { return 0; }
static int module_load(olv_handle *module, const void *image) {
  *module = handle(7);
  return ((const char *)image)[0] == 'x' ? 200 : 0;
}
static int module_unload(olv_handle module) { return 0; }
static int module_function(olv_handle *function, olv_handle module, const char *name) {
  return *function = handle(8), 0;
}
static int function_set(olv_handle function, int attribute, int value) { return 0; }
static int function_get(int *value, int attribute, olv_handle function) { return *value = 0, 0; }
static int occupancy(int *found, olv_handle function, int threads, size_t shared) {
  return *found = 1, 0;
}
static int launch(olv_handle function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                  unsigned bz, unsigned shared, olv_handle stream, void **parameters, void **extra) {
  return machine.launches++, 0;
}
static int launch_cooperative(olv_handle function, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
                              unsigned by, unsigned bz, unsigned shared, olv_handle stream,
                              void **parameters) {
  return machine.launches++, machine.cooperative_status;
}
static int launch_extended(const olv_launch_configuration *configuration, olv_handle function,
                           void **parameters, void **extra) {
  return machine.launches++, 0;
}
static int tensor_map_tiled(void *map, int type, unsigned rank, void *address, const uint64_t *counts,
                            const uint64_t *strides, const unsigned *box,
                            const unsigned *element_strides, int interleave, int swizzle,
                            int promotion, int fill) {
  return 0;
}
static int event_create(olv_handle *event, unsigned flags) { return *event = handle(4), 0; }
static int event_destroy(olv_handle event) { return 0; }
static int event_record(olv_handle event, olv_handle stream) { return 0; }
static int event_wait(olv_handle event) { return 0; }
static int event_elapsed(float *milliseconds, olv_handle start, olv_handle end) {
  return *milliseconds = 1, 0;
}
static int error_name(int error, const char **name) { return *name = "FAKE_ERROR", 0; }
static int error_text(int error, const char **text) { return *text = "something was wrong", 0; }

static int version(int *major, int *minor) { return *major = 12, *minor = 4, 0; }
static int create(olv_handle *program, const char *source, const char *name, int headers,
                  const char *const *sources, const char *const *names) {
  return *program = handle(3), 0;
}
static int compile(olv_handle program, int count, const char *const *options) {
  return machine.compilations++, machine.refuses ? 6 : 0;
}
static int code_size(olv_handle program, size_t *bytes) { return *bytes = 4, 0; }
static int code(olv_handle program, char *text) { return memcpy(text, "code", 4), 0; }
static int log_size(olv_handle program, size_t *bytes) { return *bytes = 16, 0; }
static int log_text(olv_handle program, char *text) { return strcpy(text, "line 1: no good"), 0; }
static int destroy(olv_handle *program) { return 0; }

static int products_create(olv_handle *pointer) { return *pointer = handle(2), 0; }
static int products_version(void) { return 120000; }
static int products_destroy(olv_handle pointer) { return 0; }

void olv_fake_fill(olv_driver *driver, olv_compiler *compiler, olv_products *products) {
#define SET(member, symbol, parameters) driver->member = member;
  OLV_DRIVER_FUNCTIONS(SET)
#undef SET
  compiler->version = version;
  compiler->create = create;
  compiler->compile = compile;
  compiler->code_size = code_size;
  compiler->code = code;
  compiler->log_size = log_size;
  compiler->log = log_text;
  compiler->destroy = destroy;
  // No test multiplies: a call of anything else is a mistake that shows at once.
  memset(products, 0, sizeof *products);
  products->version = products_version;
  products->create = products_create;
  products->destroy = products_destroy;
}
