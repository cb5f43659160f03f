// Weights rounded to the nearest code of their group, one warp a group; and codes packed into bit streams.

// Faults that a launch may find.
enum { WEIGHT_FAULT = 1, SCALE_FAULT = 2 };

__device__ __forceinline__ float clamped(float w, float limit) { return fminf(fmaxf(w, -limit), limit); }

// codes u8 [rows, columns], scales [rows, groups] f32 or f16, zeros u8 [rows, groups] or null.
extern "C" __global__ void round_groups(
    const void *weight, i64 stride, int type, int rows, int columns, int group, const float *limits,
    i64 limit_stride, Grid grid, u8 *codes, void *scales, u8 *zeros, int *faults) {
  int groups = columns / group, lane = threadIdx.x & 31;
  i64 number = (i64)blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32;
  if (number >= (i64)rows * groups) return;
  i64 row = number / groups;
  int place = number % groups;
  i64 start = row * stride + (i64)place * group;
  float limit = limits ? limits[row * limit_stride + place] : infinity;
  float low = 0, high = 0;
  bool broken = false;
  for (int j = lane; j < group; j += 32) {
    float w = load_any(weight, start + j, type);
    broken |= !isfinite(w);
    w = clamped(w, limit);
    low = fminf(low, w);
    high = fmaxf(high, w);
  }
  low = warp_min(low);
  high = warp_max(high);
  if (__any_sync(~0u, broken)) {
    if (lane == 0) atomicOr(faults, WEIGHT_FAULT);
    return;
  }
  settle_range(low, high, grid);
  float scale, zero;
  find_scale(low, high, grid, scale, zero);
  if (grid.shrinks) {
    float least = infinity, trial_scale, trial_zero;
    for (int step = 0; step <= grid.shrinks; step++) {
      float part = kept_part(step), error = 0;
      find_scale(__fmul_rn(low, part), __fmul_rn(high, part), grid, trial_scale, trial_zero);
      for (int j = lane; j < group; j += 32) {
        float w = clamped(load_any(weight, start + j, type), limit);
        float code = code_of(w, trial_scale, trial_zero, grid.largest);
        float d = __fsub_rn(value_of(code, trial_scale, trial_zero), w);
        error = fmaf(d, d, error);
      }
      error = warp_sum(error);
      if (error < least) {
        least = error;
        scale = trial_scale;
        zero = trial_zero;
      }
    }
  }
  if (lane == 0) {
    if (!isfinite(scale)) atomicOr(faults, SCALE_FAULT);
    if (grid.half_scales) ((f16 *)scales)[number] = to_f16(scale);
    else ((float *)scales)[number] = scale;
    if (zeros) zeros[number] = (u8)zero;
  }
  u8 *to = codes + row * columns + (i64)place * group;
  for (int j = lane; j < group; j += 32)
    to[j] = (u8)code_of(
        clamped(load_any(weight, start + j, type), limit), scale, zero, grid.largest);
}

// One byte of a row's bit stream a thread. The code of column j stands at places[j] of its row, or at j.
extern "C" __global__ void pack_codes(
    const u8 *codes, const int *places, int columns, int bits, u8 *packed, int bytes_per_row) {
  int blocks = (bytes_per_row + 255) / 256;
  i64 row = blockIdx.x / blocks;
  int byte = (blockIdx.x % blocks) * 256 + threadIdx.x;
  if (byte >= bytes_per_row) return;
  const u8 *from = codes + row * columns;
  int begin = byte * 8, value = 0;
  for (int j = begin / bits; j < columns && j * bits < begin + 8; j++) {
    int code = from[places ? places[j] : j], shift = j * bits - begin;
    value |= shift >= 0 ? code << shift : code >> -shift;
  }
  packed[row * bytes_per_row + byte] = (u8)value;
}
