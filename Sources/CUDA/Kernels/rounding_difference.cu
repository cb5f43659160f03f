// What rounding changes, and what that costs.

// d = round(w · scale) / scale − w, f32 `[rows, columns]`, a group of `width` columns a warp. With `clip` ≥ 0 each group is
// clamped first to that part of its largest magnitude.
//
// `*fault` becomes 1 where a weight is not finite.
//
// Grid: (rows, groups / 4). Threads: 128.
extern "C" __global__ void rounding_difference(
    const void *__restrict__ weight, i64 stride, int type, const float *__restrict__ scales, Grid grid, int columns,
    int width, float clip, float *__restrict__ limits, float *__restrict__ d, int *__restrict__ fault) {
  int group = blockIdx.y * 4 + threadIdx.x / 32, lane = threadIdx.x & 31;
  if (group * width >= columns) return;
  i64 row = blockIdx.x;
  int start = group * width;
  float bound = 3.402823466e38f;
  auto at = [&](int j) {
    float w = load_any(weight, row * stride + start + j, type);
    return scales ? __fmul_rn(w, scales[start + j]) : w;
  };
  // Groups of up to 256 stay in registers.
  constexpr int held = 8;
  bool fits = width <= 32 * held;
  float x[held] = {};
  float low = 0, high = 0, check = 0;
#pragma unroll
  for (int i = 0; i < held; i++)
    if (fits && lane + 32 * i < width) x[i] = at(lane + 32 * i);
  auto each = [&](auto body) {
    if (fits) {
#pragma unroll
      for (int i = 0; i < held; i++)
        if (lane + 32 * i < width) body(lane + 32 * i, fminf(fmaxf(x[i], -bound), bound));
    } else {
      for (int j = lane; j < width; j += 32) body(j, fminf(fmaxf(at(j), -bound), bound));
    }
  };
  auto extremes = [&]() {
    low = high = 0;
    each([&](int, float v) {
      low = fminf(low, v);
      high = fmaxf(high, v);
    });
    for (int step = 16; step > 0; step /= 2) {
      low = fminf(low, __shfl_xor_sync(~0u, low, step));
      high = fmaxf(high, __shfl_xor_sync(~0u, high, step));
    }
  };
  if (fits) {
#pragma unroll
    for (int i = 0; i < held; i++) check += x[i] * 0;
  } else {
    for (int j = lane; j < width; j += 32) check += at(j) * 0;
  }
  if (check != 0) atomicOr(fault, 1);
  extremes();
  if (clip >= 0) {
    bound = __fmul_rn(fmaxf(high, -low), clip);
    if (limits && lane == 0) limits[row * ((columns + width - 1) / width) + group] = bound;
    extremes();
  }
  settle_range(low, high, grid);
  float scale, zero;
  find_scale(low, high, grid, scale, zero);
  if (grid.shrinks > 0) {
    float least = infinity, best_scale = scale, best_zero = zero;
    for (int step = 0; step <= grid.shrinks; step++) {
      float part = kept_part(step), error = 0;
      find_scale(__fmul_rn(low, part), __fmul_rn(high, part), grid, scale, zero);
      each([&](int, float v) {
        float difference = __fsub_rn(value_of(code_of(v, scale, zero, grid.largest), scale, zero), v);
        error = __fmaf_rn(difference, difference, error);
      });
      for (int shift = 16; shift > 0; shift /= 2) error += __shfl_xor_sync(~0u, error, shift);
      if (error < least) {
        least = error;
        best_scale = scale;
        best_zero = zero;
      }
    }
    scale = best_scale;
    zero = best_zero;
  }
  each([&](int j, float v) {
    float w = load_any(weight, row * stride + start + j, type);
    float value = value_of(code_of(v, scale, zero, grid.largest), scale, zero);
    if (scales) value = __fdiv_rn(value, scales[start + j]);
    d[row * columns + start + j] = __fsub_rn(value, w);
  });
}

// Where a row's product with `e` is less than the least so far, it and the row's limit are kept. d and e
// `[rows, width]` with rows `stride` apart.
//
// Grid: (rows). Threads: 128.
extern "C" __global__ void keep_better(
    const float *__restrict__ d, i64 stride, const float *__restrict__ e, i64 e_stride, int width,
    const float *__restrict__ limits, float *__restrict__ least, float *__restrict__ best, int groups, int group,
    int first) {
  __shared__ float sums[4];
  i64 row = blockIdx.x;
  float sum = 0;
  for (int j = threadIdx.x; j < width; j += 128) sum += d[row * stride + j] * e[row * e_stride + j];
  for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(~0u, sum, step);
  if ((threadIdx.x & 31) == 0) sums[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x == 0) {
    sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    i64 place = row * groups + group;
    if (first || sum < least[place]) {
      least[place] = sum;
      best[place] = limits[place];
    }
  }
}
