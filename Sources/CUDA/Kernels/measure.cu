// What quantization measures: differences, dot products, magnitudes, and scaled copies.

// d = dequantized − weight as f32, in place of the dequantized; and the weight as f32 where wanted.
extern "C" __global__ void subtract(
    float *d, const void *weight, i64 stride, int type, float *copy, int columns, int blocks) {
  i64 row = blockIdx.x / blocks;
  int j = (blockIdx.x % blocks) * 256 + threadIdx.x;
  if (j >= columns) return;
  float w = load_any(weight, row * stride + j, type);
  d[row * columns + j] -= w;
  if (copy) copy[row * columns + j] = w;
}

// Σ a·b of each block's 4096 elements, in f64.
extern "C" __global__ void dot(const float *a, const float *b, i64 count, double *sums) {
  __shared__ double scratch[32];
  i64 start = (i64)blockIdx.x * 4096, end = min(start + 4096, count);
  double sum = 0;
  for (i64 i = start + threadIdx.x; i < end; i += blockDim.x) sum += (double)a[i] * b[i];
  sum = block_sum(sum, scratch);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

// y = rows[i] · x · columns[j] as f32, factors 1 where null.
extern "C" __global__ void scaled(
    const void *x, i64 stride, int type, const float *row_factors, const float *column_factors,
    float *y, int columns, int blocks) {
  i64 row = blockIdx.x / blocks;
  int j = (blockIdx.x % blocks) * 256 + threadIdx.x;
  if (j >= columns) return;
  float v = load_any(x, row * stride + j, type) * (row_factors ? row_factors[row] : 1.f);
  y[row * columns + j] = column_factors ? v * column_factors[j] : v;
}

// sums[part][j] = Σ |x[i][j]| over the 256 rows of the part. A thread owns a column.
extern "C" __global__ void column_magnitudes(
    const void *x, i64 stride, int type, int rows, int columns, float *sums) {
  int j = blockIdx.x * 256 + threadIdx.x;
  if (j >= columns) return;
  int start = blockIdx.y * 256, end = min(start + 256, rows);
  float sum = 0;
  for (int i = start; i < end; i++) sum += fabsf(load_any(x, (i64)i * stride + j, type));
  sums[(i64)blockIdx.y * columns + j] = sum;
}

// sums[part][j] = Σ a[i][j] · b[i][j] over the 256 rows of the part.
extern "C" __global__ void column_dots(
    const void *a, i64 a_stride, int a_type, const void *b, i64 b_stride, int b_type, int rows,
    int columns, float *sums) {
  int j = blockIdx.x * 256 + threadIdx.x;
  if (j >= columns) return;
  int start = blockIdx.y * 256, end = min(start + 256, rows);
  float sum = 0;
  for (int i = start; i < end; i++)
    sum += load_any(a, (i64)i * a_stride + j, a_type) * load_any(b, (i64)i * b_stride + j, b_type);
  sums[(i64)blockIdx.y * columns + j] = sum;
}

// The length of each row: one block a row, summed in f64.
extern "C" __global__ void row_norms(
    const void *x, i64 stride, int type, int columns, float *norms) {
  __shared__ double scratch[32];
  i64 row = blockIdx.x;
  double sum = 0;
  for (int j = threadIdx.x; j < columns; j += blockDim.x) {
    double v = load_any(x, row * stride + j, type);
    sum += v * v;
  }
  sum = block_sum(sum, scratch);
  if (threadIdx.x == 0) norms[row] = (float)sqrt(sum);
}

// total[j] (+)= Σ sums[part][j], in order.
extern "C" __global__ void add_parts(const float *sums, int parts, int columns, float *total, int adds) {
  int j = blockIdx.x * 256 + threadIdx.x;
  if (j >= columns) return;
  float sum = adds ? total[j] : 0;
  for (int part = 0; part < parts; part++) sum += sums[(i64)part * columns + j];
  total[j] = sum;
}

// The largest magnitude of each group: one warp a group.
extern "C" __global__ void group_magnitudes(
    const void *weight, i64 stride, int type, int rows, int columns, int group, float *largest,
    int *faults) {
  int groups = columns / group, lane = threadIdx.x & 31;
  i64 number = (i64)blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32;
  if (number >= (i64)rows * groups) return;
  i64 start = number / groups * stride + number % groups * group;
  float high = 0;
  bool broken = false;
  for (int j = lane; j < group; j += 32) {
    float w = fabsf(load_any(weight, start + j, type));
    broken |= !isfinite(w);
    high = fmaxf(high, w);
  }
  high = warp_max(high);
  if (__any_sync(~0u, broken) && lane == 0) atomicOr(faults, 1);
  if (lane == 0) largest[number] = high;
}

// sums[part][j] = Σ |w_ij| / (largest of the group + 10⁻⁶) over the 256 rows of the part.
extern "C" __global__ void relative_magnitudes(
    const void *weight, i64 stride, int type, int rows, int columns, int group, const float *largest,
    float *sums) {
  int j = blockIdx.x * 256 + threadIdx.x;
  if (j >= columns) return;
  int groups = columns / group, place = j / group;
  int start = blockIdx.y * 256, end = min(start + 256, rows);
  float sum = 0;
  for (int i = start; i < end; i++)
    sum += fabsf(load_any(weight, (i64)i * stride + j, type)) /
           (largest[(i64)i * groups + place] + 1e-6f);
  sums[(i64)blockIdx.y * columns + j] = sum;
}

// Copies the upper triangle of a square matrix onto the lower one, 32 × 32 at a time.
extern "C" __global__ void mirror(float *h, i64 stride, int width) {
  __shared__ float tile[32][33];
  int row = blockIdx.y * 32, column = blockIdx.x * 32;
  if (column < row) return;
  for (int i = threadIdx.y; i < 32; i += 8) {
    int r = row + i, c = column + threadIdx.x;
    if (r < width && c < width) tile[i][threadIdx.x] = h[(i64)r * stride + c];
  }
  __syncthreads();
  for (int i = threadIdx.y; i < 32; i += 8) {
    int r = column + i, c = row + threadIdx.x;
    if (r < width && c < width && c < r) h[(i64)r * stride + c] = tile[threadIdx.x][i];
  }
}
