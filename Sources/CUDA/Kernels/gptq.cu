// GPTQ's walk over the columns of a matrix.
//
// Paper: Frantar et al., "GPTQ" (2022), algorithm 1.

// w[row][place] = weight[row][order[place]], f32; columns marked `dead` become 0. `*fault` becomes 1 where a weight is not
// finite.
//
// Grid: (columns / 256, rows). Threads: 256.
extern "C" __global__ void gptq_gather(
    const void *__restrict__ weight, i64 stride, int type, const int *__restrict__ order, const u8 *__restrict__ dead,
    float *__restrict__ w, int columns, int *__restrict__ fault) {
  int place = blockIdx.x * 256 + threadIdx.x;
  i64 row = blockIdx.y;
  if (place >= columns) return;
  int column = order ? order[place] : place;
  float value = load_any(weight, row * stride + column, type);
  if (!(fabsf(value) <= 3.402823466e38f)) atomicOr(fault, 1);
  w[row * columns + place] = dead && dead[column] ? 0 : value;
}

// Rows of a thread block, one a thread.
constexpr int rows_per_block = 64;
constexpr int most = 128;
// Columns that a thread holds in registers at a time; groups are whole multiples of it.
#ifndef STEP
#define STEP 16
#endif

// Rounds the columns `start…start+count` (at most 128) in turn, each error spread over those after it within the block.
// What the columns behind the block must make good is left in `errors [rows, 128]`: w −= errors · u.
//
// u: the rows of the factor from `start` on, its diagonal in column 0. The grid of each place is that of group
// `groups[place]` where given; otherwise groups of `width` columns begin at `start`, are found here from the weights as they
// are by then, and stored at `slots[n]` (n, where null) of each row of `scales`, `zeros [rows, group_count]`.
//
// Grid: (rows / 64). Threads: 64.
extern "C" __global__ void __launch_bounds__(rows_per_block) gptq_block(
    const float *__restrict__ w, int columns, int rows, int start, int count, const float *__restrict__ u, i64 u_stride,
    Grid grid, int width, const int *__restrict__ groups, const int *__restrict__ slots, float *__restrict__ scales,
    u8 *__restrict__ zeros, int group_count, u8 *__restrict__ codes, float *__restrict__ errors,
    int *__restrict__ fault) {
  extern __shared__ __align__(16) u8 shared[];
  float *factor = reinterpret_cast<float *>(shared);
  constexpr int pitch = rows_per_block + 1;
  float *tile = factor + most * most;

  int first = blockIdx.x * rows_per_block;
  for (int i = threadIdx.x; i < most * most; i += rows_per_block) {
    int row = i / most, column = i % most;
    // Beyond the block: an identity.
    factor[i] = row < count && column < count ? (row <= column ? u[row * u_stride + column] : 0) : row == column;
  }
  for (int i = threadIdx.x; i < rows_per_block * most; i += rows_per_block) {
    int row = i / most, column = i % most;
    tile[column * pitch + row] =
        column < count && first + row < rows ? w[static_cast<i64>(first + row) * columns + start + column] : 0;
  }
  __syncthreads();

  float *mine = tile + threadIdx.x;
  i64 row = first + threadIdx.x;
  bool valid = row < rows;
  float scale = 1, zero = grid.midpoint;
  for (int s = 0; s < count; s += STEP) {
    if (!groups && s % width == 0) {
      float low = 0, high = 0;
      for (int j = s; j < s + width; j++) {
        float x = mine[j * pitch];
        low = fminf(low, x);
        high = fmaxf(high, x);
      }
      settle_range(low, high, grid);
      find_scale(low, high, grid, scale, zero);
      if (grid.shrinks > 0) {
        float least = infinity;
        for (int step = 0; step <= grid.shrinks; step++) {
          float trial_scale, trial_zero, error = 0, part = kept_part(step);
          find_scale(__fmul_rn(low, part), __fmul_rn(high, part), grid, trial_scale, trial_zero);
          for (int j = s; j < s + width; j++) {
            float x = mine[j * pitch];
            float d = __fsub_rn(value_of(code_of(x, trial_scale, trial_zero, grid.largest), trial_scale, trial_zero), x);
            error = __fmaf_rn(d, d, error);
          }
          if (error < least) {
            least = error;
            scale = trial_scale;
            zero = trial_zero;
          }
        }
      }
      if (valid) {
        int number = (start + s) / width;
        i64 place = row * group_count + (slots ? slots[number] : number);
        if (!(scale <= 3.402823466e38f)) atomicOr(fault, 2);
        scales[place] = scale;
        if (zeros) zeros[place] = static_cast<u8>(zero);
      }
    }
    float x[STEP], e[STEP], steps[STEP], zero_points[STEP];
#pragma unroll
    for (int i = 0; i < STEP; i++) {
      x[i] = mine[(s + i) * pitch];
      steps[i] = scale;
      zero_points[i] = zero;
      if (groups && valid && s + i < count) {
        i64 place = row * group_count + groups[start + s + i];
        steps[i] = scales[place];
        if (zeros) zero_points[i] = zeros[place];
      }
    }
    u8 byte[STEP];
#pragma unroll
    for (int i = 0; i < STEP; i++) {
      const float *line = factor + (s + i) * most + s;
      float code = code_of(x[i], steps[i], zero_points[i], grid.largest);
      byte[i] = static_cast<u8>(code);
      e[i] = __fdiv_rn(__fsub_rn(x[i], value_of(code, steps[i], zero_points[i])), line[i]);
#pragma unroll
      for (int j = i + 1; j < STEP; j++) x[j] = __fmaf_rn(-e[i], line[j], x[j]);
    }
#pragma unroll
    for (int i = 0; i < STEP; i++) mine[(s + i) * pitch] = e[i];
    if (valid) {
      u8 *target = codes + row * columns + start + s;
#pragma unroll
      for (int i = 0; i < STEP; i++)
        if (s + i < count) target[i] = byte[i];
    }
    // The rest of the block, four columns at a time where they line up.
    int j = s + STEP;
    for (; j + 4 <= most && j % 4 == 0 && j < count; j += 4) {
      float a = mine[j * pitch], b = mine[(j + 1) * pitch], c = mine[(j + 2) * pitch], d = mine[(j + 3) * pitch];
#pragma unroll
      for (int i = 0; i < STEP; i++) {
        float4 f = *reinterpret_cast<const float4 *>(factor + (s + i) * most + j);
        a = __fmaf_rn(-e[i], f.x, a);
        b = __fmaf_rn(-e[i], f.y, b);
        c = __fmaf_rn(-e[i], f.z, c);
        d = __fmaf_rn(-e[i], f.w, d);
      }
      mine[j * pitch] = a;
      mine[(j + 1) * pitch] = b;
      mine[(j + 2) * pitch] = c;
      mine[(j + 3) * pitch] = d;
    }
    for (; j < count; j++) {
      float a = mine[j * pitch];
#pragma unroll
      for (int i = 0; i < STEP; i++) a = __fmaf_rn(-e[i], factor[(s + i) * most + j], a);
      mine[j * pitch] = a;
    }
  }
  __syncthreads();
  for (int i = threadIdx.x; i < rows_per_block * most; i += rows_per_block) {
    int r = i / most, column = i % most;
    if (first + r < rows && column < count)
      errors[static_cast<i64>(first + r) * most + column] = tile[column * pitch + r];
  }
}
