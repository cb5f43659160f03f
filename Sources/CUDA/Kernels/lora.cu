// The dropout mask of an adapter's input, and its scaled copy.

// y = x · factor where the element survives, else x · hidden, or 0 where that is 0; x of either type, y of its type. Element
// (i, j) has number i · width + j, which wraps at 32 bits.
extern "C" __global__ void drop_any(
    const void *x, i64 x_stride, void *y, int type, int width, int blocks, u32 low, u32 high,
    u32 thresholds, float factor, float hidden) {
  i64 row = blockIdx.x / blocks;
  int i = (blockIdx.x % blocks) * 256 + threadIdx.x;
  if (i >= width) return;
  float v = load_any(x, row * x_stride + i, type);
  float rest = hidden == 0 ? 0 : v * hidden;
  u32 number = (u32)(row * width + i), kept = survivors(dropout_pair(number >> 1, low, high), thresholds);
  store_any(y, row * width + i, type, kept >> (number & 1 ? 31 : 15) & 1 ? v * factor : rest);
}

// y = x · factor as bf16 or f32: an adapter's f32 master as its products take it.
extern "C" __global__ void working_copy(
    const float *x, i64 x_stride, void *y, int type, int width, int blocks, float factor) {
  i64 row = blockIdx.x / blocks;
  int i = (blockIdx.x % blocks) * 256 + threadIdx.x;
  if (i >= width) return;
  store_any(y, row * width + i, type, x[row * x_stride + i] * factor);
}

// y [columns, rows] = xᵀ, 32 × 32 at a time.
extern "C" __global__ void transpose(const float *x, float *y, int rows, int columns) {
  __shared__ float tile[32][33];
  int row = blockIdx.y * 32, column = blockIdx.x * 32;
  for (int i = threadIdx.y; i < 32; i += 8) {
    int r = row + i, c = column + threadIdx.x;
    if (r < rows && c < columns) tile[i][threadIdx.x] = x[(i64)r * columns + c];
  }
  __syncthreads();
  for (int i = threadIdx.y; i < 32; i += 8) {
    int r = column + i, c = row + threadIdx.x;
    if (r < columns && c < rows) y[(i64)r * rows + c] = tile[threadIdx.x][i];
  }
}
