// The grid of codes that a group of weights shares: its scale, its zero point, and what rounding to it gives.
//
// The arithmetic is that of the CPU, operation by operation (quotients, no fused products where the CPU has none), so that both
// choose the same codes.

struct Grid {
  float largest;   // the largest code
  float midpoint;  // the zero point of a symmetric grid
  int symmetric;
  int half_scales;  // scales are kept as f16
  int shrinks;      // smaller ranges tried, in steps of 1 %
};

__device__ __forceinline__ float code_of(float w, float scale, float zero, float largest) {
  return rintf(fminf(fmaxf(__fadd_rn(__fdiv_rn(w, scale), zero), 0.0f), largest));
}
__device__ __forceinline__ float value_of(float code, float scale, float zero) {
  return __fmul_rn(__fsub_rn(code, zero), scale);
}

// The scale and zero point of a range.
__device__ __forceinline__ void find_scale(float low, float high, const Grid &grid, float &scale, float &zero) {
  scale = __fdiv_rn(__fsub_rn(high, low), grid.largest);
  // Never 0: the smallest f16 instead.
  if (grid.half_scales) scale = fmaxf(widen(to_f16(scale)), 5.9604644775390625e-8f);
  zero = grid.symmetric ? grid.midpoint
                        : rintf(fminf(fmaxf(-__fdiv_rn(low, scale), 0.0f), grid.largest));
}

// The range of a group whose extremes are `low` ≤ 0 ≤ `high`.
__device__ __forceinline__ void settle_range(float &low, float &high, const Grid &grid) {
  if (grid.symmetric) {
    high = fmaxf(high, -low);
    low = -high;
  }
  if (low == high) {
    low = -1;
    high = 1;
  }
}

// The part of the range that trial number `step` keeps.
__device__ __forceinline__ float kept_part(int step) { return __fsub_rn(1.0f, __fmul_rn(static_cast<float>(step), 0.01f)); }
