// The clipping limit of each group of up to 128 weights: of its largest magnitude and smaller ones in equal steps the one
// whose rounding costs least, d·H·dᵀ with the group's own block of the Hessian.
//
// Grid: (rows / 64, groups). Threads: 64, a row each.

constexpr int rows_per_block = 64;
constexpr int most = 128;

extern "C" __global__ void __launch_bounds__(rows_per_block) clipping_limits(
    const void *__restrict__ weight, i64 stride, int type, Grid grid, int rows, int width,
    const float *__restrict__ hessian, i64 hessian_stride, float step, int steps, float *__restrict__ limits,
    int *__restrict__ fault) {
  extern __shared__ __align__(16) float shared[];
  float *h = shared, *tile = shared + most * most;
  int group = blockIdx.y, start = group * width;
  int padded = (width + 15) / 16 * 16;
  for (int i = threadIdx.x; i < padded * padded; i += rows_per_block) {
    int a = i / padded, b = i % padded;
    h[a * most + b] = a < width && b < width ? hessian[(start + a) * hessian_stride + start + b] : 0;
  }
  i64 row = blockIdx.x * rows_per_block + threadIdx.x;
  bool valid = row < rows;
  const i64 base = valid ? row * stride + start : start;
  float *d = tile + threadIdx.x;
  for (int j = width; j < padded; j++) d[j * rows_per_block] = 0;
  __syncthreads();

  float widest = 0, check = 0;
  for (int j = 0; j < width; j++) {
    float w = load_any(weight, base + j, type);
    widest = fmaxf(widest, fabsf(w));
    check += w * 0;
  }
  if (check != 0) atomicOr(fault, 1);
  float least = infinity, best = widest;
  for (int number = 0; number < steps; number++) {
    float bound = __fmul_rn(widest, __fsub_rn(1.0f, __fmul_rn(static_cast<float>(number), step)));
    float low = 0, high = 0;
    for (int j = 0; j < width; j++) {
      float x = fminf(fmaxf(load_any(weight, base + j, type), -bound), bound);
      low = fminf(low, x);
      high = fmaxf(high, x);
    }
    settle_range(low, high, grid);
    float scale, zero;
    find_scale(low, high, grid, scale, zero);
    if (grid.shrinks > 0) {
      float fewest = infinity, best_scale = scale, best_zero = zero;
      for (int shrink = 0; shrink <= grid.shrinks; shrink++) {
        float part = kept_part(shrink), error = 0;
        find_scale(__fmul_rn(low, part), __fmul_rn(high, part), grid, scale, zero);
        for (int j = 0; j < width; j++) {
          float x = fminf(fmaxf(load_any(weight, base + j, type), -bound), bound);
          float v = __fsub_rn(value_of(code_of(x, scale, zero, grid.largest), scale, zero), x);
          error = __fmaf_rn(v, v, error);
        }
        if (error < fewest) {
          fewest = error;
          best_scale = scale;
          best_zero = zero;
        }
      }
      scale = best_scale;
      zero = best_zero;
    }
    for (int j = 0; j < width; j++) {
      float w = load_any(weight, base + j, type);
      float x = fminf(fmaxf(w, -bound), bound);
      d[j * rows_per_block] = __fsub_rn(value_of(code_of(x, scale, zero, grid.largest), scale, zero), w);
    }
    // Columns in sixteens: the square on the diagonal in full, what lies right of it twice.
    float cost = 0;
    for (int i = 0; i < padded; i += 16) {
      float sums[16] = {};
      auto add = [&](int j) {
        float x = d[j * rows_per_block];
#pragma unroll
        for (int c = 0; c < 16; c += 4) {
          float4 f = *reinterpret_cast<const float4 *>(h + j * most + i + c);
          sums[c] += x * f.x;
          sums[c + 1] += x * f.y;
          sums[c + 2] += x * f.z;
          sums[c + 3] += x * f.w;
        }
      };
#pragma unroll 4
      for (int j = i + 16; j < padded; j++) add(j);
#pragma unroll
      for (int c = 0; c < 16; c++) sums[c] += sums[c];
#pragma unroll 4
      for (int j = i; j < i + 16; j++) add(j);
#pragma unroll
      for (int c = 0; c < 16; c++) cost += sums[c] * d[(i + c) * rows_per_block];
    }
    if (cost < least) {
      least = cost;
      best = bound;
    }
  }
  if (valid) limits[row * gridDim.y + group] = best;
}
