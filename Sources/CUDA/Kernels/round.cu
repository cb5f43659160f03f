// Weights rounded to the nearest code of their group, one warp a group; and codes packed into bit streams.
//
// Quotients and sums are rounded one by one, as everywhere: a product fused with a sum would move ties.

struct Grid {
  float largest, midpoint;
  int symmetric, half_scales, shrinks;
};

// Faults that a launch may find.
enum { WEIGHT_FAULT = 1, SCALE_FAULT = 2 };

struct ScaleZero { float scale, zero; };

__device__ __forceinline__ ScaleZero grid_of(float low, float high, const Grid &grid) {
  float scale = __fdiv_rn(__fsub_rn(high, low), grid.largest);
  if (grid.half_scales) {
    float stored = widen(to_f16(scale));
    // Never 0: the smallest f16 instead.
    scale = stored > 0x1p-24f ? stored : 0x1p-24f;
  }
  if (grid.symmetric) return {scale, grid.midpoint};
  float zero = rintf(fminf(fmaxf(__fsub_rn(0, __fdiv_rn(low, scale)), 0.f), grid.largest));
  return {scale, zero};
}

__device__ __forceinline__ float code_of(float w, float scale, float zero, float largest) {
  return rintf(fminf(fmaxf(__fadd_rn(__fdiv_rn(w, scale), zero), 0.f), largest));
}

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
  if (grid.symmetric) {
    high = fmaxf(high, -low);
    low = -high;
  }
  if (low == high) low = -1, high = 1;
  ScaleZero best = grid_of(low, high, grid);
  if (grid.shrinks) {
    float least = infinity;
    for (int step = 0; step <= grid.shrinks; step++) {
      float part = __fsub_rn(1, __fmul_rn((float)step, 0.01f));
      ScaleZero trial = grid_of(__fmul_rn(low, part), __fmul_rn(high, part), grid);
      float error = 0;
      for (int j = lane; j < group; j += 32) {
        float w = clamped(load_any(weight, start + j, type), limit);
        float code = code_of(w, trial.scale, trial.zero, grid.largest);
        float d = __fsub_rn(__fmul_rn(__fsub_rn(code, trial.zero), trial.scale), w);
        error = fmaf(d, d, error);
      }
      error = warp_sum(error);
      if (error < least) {
        least = error;
        best = trial;
      }
    }
  }
  if (lane == 0) {
    if (!isfinite(best.scale)) atomicOr(faults, SCALE_FAULT);
    if (grid.half_scales) ((f16 *)scales)[number] = to_f16(best.scale);
    else ((float *)scales)[number] = best.scale;
    if (zeros) zeros[number] = (u8)best.zero;
  }
  u8 *to = codes + row * columns + (i64)place * group;
  for (int j = lane; j < group; j += 32)
    to[j] = (u8)code_of(
        clamped(load_any(weight, start + j, type), limit), best.scale, best.zero, grid.largest);
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
