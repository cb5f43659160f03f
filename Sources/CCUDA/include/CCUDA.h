#pragma once
// The parts of NVIDIA's libraries that olv calls, as tables of functions that are filled at run time: nothing of CUDA is
// needed to build. Signatures, struct sizes and constants are facts from NVIDIA's public documentation of the CUDA driver
// API, NVRTC, cuBLAS, cuBLASLt and cuSOLVER (versions 12 and 13, which agree in everything named here).

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

typedef void *_Nullable olv_handle;
typedef uint64_t olv_address;

/// CUlaunchAttribute: a number, and a value of up to 64 bytes.
typedef struct {
  int number;
  char padding[4];
  uint64_t value[8];
} olv_launch_attribute;

/// CUlaunchConfig.
typedef struct {
  unsigned grid_x, grid_y, grid_z, block_x, block_y, block_z, shared;
  olv_handle stream;
  olv_launch_attribute *attributes;
  unsigned count;
} olv_launch_configuration;

/// The driver API, libcuda.so.1. Functions return 0 (CUDA_SUCCESS) or an error.
#define OLV_DRIVER_FUNCTIONS(F)                                                                   \
  F(init, "cuInit", (unsigned flags))                                                             \
  F(driver_version, "cuDriverGetVersion", (int *version))                                         \
  F(device_count, "cuDeviceGetCount", (int *count))                                               \
  F(device_get, "cuDeviceGet", (int *device, int ordinal))                                        \
  F(device_name, "cuDeviceGetName", (char *name, int length, int device))                         \
  F(device_attribute, "cuDeviceGetAttribute", (int *value, int attribute, int device))            \
  F(device_memory, "cuDeviceTotalMem_v2", (size_t *bytes, int device))                            \
  F(context_retain, "cuDevicePrimaryCtxRetain", (olv_handle *_Nonnull context, int device))                \
  F(context_release, "cuDevicePrimaryCtxRelease_v2", (int device))                                \
  F(context_set, "cuCtxSetCurrent", (olv_handle context))                                         \
  F(memory_info, "cuMemGetInfo_v2", (size_t *free, size_t *total))                                \
  F(memory_allocate, "cuMemAlloc_v2", (olv_address *address, size_t bytes))                       \
  F(memory_free, "cuMemFree_v2", (olv_address address))                                           \
  F(host_allocate, "cuMemAllocHost_v2", (void *_Nullable *_Nonnull address, size_t bytes))        \
  F(host_free, "cuMemFreeHost", (void *address))                                                  \
  F(copy_to_device, "cuMemcpyHtoDAsync_v2",                                                       \
    (olv_address target, const void *source, size_t bytes, olv_handle stream))                    \
  F(copy_to_host, "cuMemcpyDtoHAsync_v2",                                                         \
    (void *target, olv_address source, size_t bytes, olv_handle stream))                          \
  F(copy_on_device, "cuMemcpyDtoDAsync_v2",                                                       \
    (olv_address target, olv_address source, size_t bytes, olv_handle stream))                    \
  F(set_bytes, "cuMemsetD8Async",                                                                 \
    (olv_address target, unsigned char value, size_t bytes, olv_handle stream))                   \
  F(set_words, "cuMemsetD32Async",                                                                \
    (olv_address target, unsigned value, size_t count, olv_handle stream))                        \
  F(stream_create, "cuStreamCreate", (olv_handle *_Nonnull stream, unsigned flags))                        \
  F(stream_destroy, "cuStreamDestroy_v2", (olv_handle stream))                                    \
  F(stream_wait, "cuStreamSynchronize", (olv_handle stream))                                      \
  F(stream_query, "cuStreamQuery", (olv_handle stream))                                           \
  F(capture_begin, "cuStreamBeginCapture_v2", (olv_handle stream, int mode))                      \
  F(capture_end, "cuStreamEndCapture", (olv_handle stream, olv_handle *_Nonnull graph))                    \
  F(graph_instantiate, "cuGraphInstantiateWithFlags",                                             \
    (olv_handle *_Nonnull executable, olv_handle graph, unsigned long long flags))                         \
  F(graph_launch, "cuGraphLaunch", (olv_handle executable, olv_handle stream))                    \
  F(graph_destroy, "cuGraphDestroy", (olv_handle graph))                                          \
  F(graph_executable_destroy, "cuGraphExecDestroy", (olv_handle executable))                      \
  F(module_load, "cuModuleLoadData", (olv_handle *_Nonnull module, const void *image))                     \
  F(module_unload, "cuModuleUnload", (olv_handle module))                                         \
  F(module_function, "cuModuleGetFunction",                                                       \
    (olv_handle *_Nonnull function, olv_handle module, const char *name))                                  \
  F(function_set, "cuFuncSetAttribute", (olv_handle function, int attribute, int value))          \
  F(function_get, "cuFuncGetAttribute", (int *value, int attribute, olv_handle function))         \
  F(occupancy, "cuOccupancyMaxActiveBlocksPerMultiprocessor",                                     \
    (int *blocks, olv_handle function, int threads, size_t shared))                               \
  F(launch, "cuLaunchKernel",                                                                     \
    (olv_handle function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,    \
     unsigned block_y, unsigned block_z, unsigned shared, olv_handle stream,                      \
     void *_Nullable *_Nullable parameters, void *_Nullable *_Nullable extra))                    \
  F(launch_cooperative, "cuLaunchCooperativeKernel",                                              \
    (olv_handle function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,    \
     unsigned block_y, unsigned block_z, unsigned shared, olv_handle stream,                      \
     void *_Nullable *_Nullable parameters))                                                      \
  F(launch_extended, "cuLaunchKernelEx",                                                          \
    (const olv_launch_configuration *configuration, olv_handle function,                          \
     void *_Nullable *_Nullable parameters, void *_Nullable *_Nullable extra))                    \
  F(tensor_map_tiled, "cuTensorMapEncodeTiled",                                                   \
    (void *map, int type, unsigned rank, void *address, const uint64_t *sizes,                    \
     const uint64_t *strides, const unsigned *box, const unsigned *element_strides,               \
     int interleave, int swizzle, int promotion, int fill))                                       \
  F(event_create, "cuEventCreate", (olv_handle *_Nonnull event, unsigned flags))                           \
  F(event_destroy, "cuEventDestroy_v2", (olv_handle event))                                       \
  F(event_record, "cuEventRecord", (olv_handle event, olv_handle stream))                         \
  F(event_wait, "cuEventSynchronize", (olv_handle event))                                         \
  F(event_elapsed, "cuEventElapsedTime", (float *milliseconds, olv_handle start, olv_handle end)) \
  F(error_name, "cuGetErrorName", (int error, const char *_Nullable *_Nonnull name))              \
  F(error_text, "cuGetErrorString", (int error, const char *_Nullable *_Nonnull text))

/// The run-time compiler, libnvrtc. Functions return 0 or an error.
#define OLV_COMPILER_FUNCTIONS(F)                                                                 \
  F(version, "nvrtcVersion", (int *major, int *minor))                                            \
  F(create, "nvrtcCreateProgram",                                                                 \
    (olv_handle *_Nonnull program, const char *source, const char *name, int headers,                      \
     const char *_Nullable const *_Nullable header_sources,                                       \
     const char *_Nullable const *_Nullable header_names))                                        \
  F(compile, "nvrtcCompileProgram",                                                               \
    (olv_handle program, int count, const char *_Nullable const *_Nullable options))              \
  F(code_size, "nvrtcGetCUBINSize", (olv_handle program, size_t *bytes))                          \
  F(code, "nvrtcGetCUBIN", (olv_handle program, char *code))                                      \
  F(log_size, "nvrtcGetProgramLogSize", (olv_handle program, size_t *bytes))                      \
  F(log, "nvrtcGetProgramLog", (olv_handle program, char *log))                                   \
  F(destroy, "nvrtcDestroyProgram", (olv_handle *_Nonnull program))

/// Matrix products, libcublasLt. Functions return 0 or a status; `version` returns the library's, as a size_t of which an
/// int holds all.
#define OLV_PRODUCT_FUNCTIONS(F)                                                                  \
  F(version, "cublasLtGetVersion", (void))                                                        \
  F(create, "cublasLtCreate", (olv_handle *_Nonnull handle))                                               \
  F(destroy, "cublasLtDestroy", (olv_handle handle))                                              \
  F(matmul, "cublasLtMatmul",                                                                     \
    (olv_handle handle, olv_handle operation, const void *alpha, olv_address a, olv_handle layout_a, \
     olv_address b, olv_handle layout_b, const void *beta, olv_address c, olv_handle layout_c,    \
     olv_address d, olv_handle layout_d, const void *_Nullable algorithm, olv_address workspace,  \
     size_t workspace_bytes, olv_handle stream))                                                  \
  F(operation_create, "cublasLtMatmulDescCreate", (olv_handle *_Nonnull operation, int compute, int scale)) \
  F(operation_destroy, "cublasLtMatmulDescDestroy", (olv_handle operation))                       \
  F(operation_set, "cublasLtMatmulDescSetAttribute",                                              \
    (olv_handle operation, int attribute, const void *value, size_t bytes))                       \
  F(layout_create, "cublasLtMatrixLayoutCreate",                                                  \
    (olv_handle *_Nonnull layout, int type, uint64_t rows, uint64_t columns, int64_t leading))             \
  F(layout_destroy, "cublasLtMatrixLayoutDestroy", (olv_handle layout))                           \
  F(layout_set, "cublasLtMatrixLayoutSetAttribute",                                               \
    (olv_handle layout, int attribute, const void *value, size_t bytes))                          \
  F(preference_create, "cublasLtMatmulPreferenceCreate", (olv_handle *_Nonnull preference))                \
  F(preference_destroy, "cublasLtMatmulPreferenceDestroy", (olv_handle preference))               \
  F(preference_set, "cublasLtMatmulPreferenceSetAttribute",                                       \
    (olv_handle preference, int attribute, const void *value, size_t bytes))                      \
  F(heuristic, "cublasLtMatmulAlgoGetHeuristic",                                                  \
    (olv_handle handle, olv_handle operation, olv_handle layout_a, olv_handle layout_b,           \
     olv_handle layout_c, olv_handle layout_d, olv_handle preference, int wanted, void *results,  \
     int *found))

/// Factorizations, libcusolver. Functions return 0 or a status.
#define OLV_SOLVER_FUNCTIONS(F)                                                                   \
  F(create, "cusolverDnCreate", (olv_handle *_Nonnull handle))                                             \
  F(destroy, "cusolverDnDestroy", (olv_handle handle))                                            \
  F(set_stream, "cusolverDnSetStream", (olv_handle handle, olv_handle stream))                    \
  F(cholesky_size, "cusolverDnSpotrf_bufferSize",                                                 \
    (olv_handle handle, int triangle, int n, olv_address a, int leading, int *elements))          \
  F(cholesky, "cusolverDnSpotrf",                                                                 \
    (olv_handle handle, int triangle, int n, olv_address a, int leading, olv_address workspace,   \
     int elements, olv_address info))                                                             \
  F(triangular_inverse_size, "cusolverDnXtrtri_bufferSize",                                       \
    (olv_handle handle, int triangle, int diagonal, int64_t n, int type, olv_address a,           \
     int64_t leading, size_t *device_bytes, size_t *host_bytes))                                  \
  F(triangular_inverse, "cusolverDnXtrtri",                                                       \
    (olv_handle handle, int triangle, int diagonal, int64_t n, int type, olv_address a,           \
     int64_t leading, olv_address workspace, size_t device_bytes, void *_Nullable host_workspace, \
     size_t host_bytes, olv_address info))

#define OLV_MEMBER(name, symbol, parameters) int (*_Nonnull name) parameters;
typedef struct {
  OLV_DRIVER_FUNCTIONS(OLV_MEMBER)
} olv_driver;
typedef struct {
  OLV_COMPILER_FUNCTIONS(OLV_MEMBER)
} olv_compiler;
typedef struct {
  OLV_PRODUCT_FUNCTIONS(OLV_MEMBER)
} olv_products;
typedef struct {
  OLV_SOLVER_FUNCTIONS(OLV_MEMBER)
} olv_solver;
#undef OLV_MEMBER

/// Opens the library at `path` (a name is looked up as the loader does). NULL where it cannot be opened; then `error` has
/// the loader's words.
void *_Nullable olv_cuda_open(const char *path, char *error, size_t error_bytes);

/// Fill a table from an opened library. NULL, or the name of a function that the library lacks.
const char *_Nullable olv_driver_fill(void *library, olv_driver *table);
const char *_Nullable olv_compiler_fill(void *library, olv_compiler *table);
const char *_Nullable olv_products_fill(void *library, olv_products *table);
const char *_Nullable olv_solver_fill(void *library, olv_solver *table);

/// Launches a kernel that may begin before the one before it on the stream has ended (programmatic dependent launch); it
/// waits for that one itself. Where `cooperative`, all its blocks run at once.
int olv_launch_early(
    const olv_driver *table, olv_handle function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
    unsigned block_y, unsigned block_z, unsigned shared, int cooperative, olv_handle stream,
    void *_Nullable *_Nullable parameters);

#pragma clang assume_nonnull end
