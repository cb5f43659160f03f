// The steps of GPTQ's factor U = R⁻¹ of a damped Hessian H = R·Rᵀ that are no matrix products.
//
// Everything is computed on J·H·J, J the reversal, whose lower Cholesky factor L and its inverse M give U = J·M·J.

// a = J·P·H·Pᵀ·J with the damping on its diagonal; `order[place]` is the column at a place, place itself where null.
//
// Grid: (n / 256, n). Threads: 256.
extern "C" __global__ void factor_gather(
    const float *__restrict__ hessian, i64 stride, const int *__restrict__ order, float added, float *__restrict__ a,
    int n) {
  int j = blockIdx.x * 256 + threadIdx.x, i = blockIdx.y;
  if (j >= n) return;
  int row = n - 1 - i, column = n - 1 - j;
  if (order) {
    row = order[row];
    column = order[column];
  }
  float value = hessian[row * stride + column];
  // An input that was always 0 counts as 1.
  if (i == j) value = (value <= 0 ? 1 : value) + added;
  a[static_cast<i64>(i) * n + j] = value;
}

// The inverse of the Cholesky factor of one block on the diagonal, at most 128 × 128, zeros above its diagonal. Only the
// block's lower triangle is read. `*fault` becomes 1 where the block is not positive definite.
//
// Each thread holds 8 × 8 elements, 16 apart. What step k has passed belongs to the inverse, what it has not to the rest of the
// matrix; one rank-1 update serves both.
//
// Grid: 1. Threads: 256.
extern "C" __global__ void __launch_bounds__(256, 1) factor_block(
    const float *__restrict__ a, float *__restrict__ m, i64 stride, int count, int *__restrict__ fault) {
  __shared__ float column_lines[2][128], row_lines[2][128];
  int tx = threadIdx.x & 15, ty = threadIdx.x / 16;
  float x[8][8];
#pragma unroll
  for (int p = 0; p < 8; p++)
#pragma unroll
    for (int q = 0; q < 8; q++) {
      int i = ty + 16 * p, j = tx + 16 * q;
      int high = max(i, j), low = min(i, j);
      x[p][q] = high < count ? a[high * stride + low] : i == j;
    }
#pragma unroll
  for (int block = 0; block < 8; block++) {
    for (int inner = 0; inner < 16; inner++) {
      int k = block * 16 + inner;
      float *column = column_lines[k & 1], *row = row_lines[k & 1];
      if (tx == inner)
#pragma unroll
        for (int p = 0; p < 8; p++) column[ty + 16 * p] = x[p][block];
      if (ty == inner)
#pragma unroll
        for (int q = 0; q < 8; q++) row[tx + 16 * q] = x[block][q];
      __syncthreads();
      float pivot = column[k];
      if (!(pivot > 0 && pivot <= 3.402823466e38f)) {
        if (threadIdx.x == 0) *fault = 1;
        pivot = 1;
      }
      float inverse = 1 / sqrtf(pivot);
      float c[8], r[8];
#pragma unroll
      for (int p = 0; p < 8; p++) {
        int i = ty + 16 * p;
        c[p] = i > k ? column[i] * inverse : 0;
      }
#pragma unroll
      for (int q = 0; q < 8; q++) {
        int j = tx + 16 * q;
        r[q] = (j == k ? 1 : j < k ? row[j] : column[j]) * inverse;
      }
      // Column k turns into one of the inverse, row k is done.
      if (tx == inner)
#pragma unroll
        for (int p = 0; p < 8; p++)
          if (ty + 16 * p > k) x[p][block] = 0;
      if (ty == inner)
#pragma unroll
        for (int q = 0; q < 8; q++)
          if (tx + 16 * q <= k) x[block][q] = r[q];
#pragma unroll
      for (int p = 0; p < 8; p++)
#pragma unroll
        for (int q = 0; q < 8; q++) x[p][q] -= c[p] * r[q];
    }
  }
#pragma unroll
  for (int p = 0; p < 8; p++)
#pragma unroll
    for (int q = 0; q < 8; q++) {
      int i = ty + 16 * p, j = tx + 16 * q;
      if (i < count && j < count) m[i * stride + j] = j <= i ? x[p][q] : 0;
    }
}

// upper = J·m·J, zeros below the diagonal.
//
// Grid: (n / 256, n). Threads: 256.
extern "C" __global__ void factor_reverse(const float *__restrict__ m, float *__restrict__ upper, int n) {
  int j = blockIdx.x * 256 + threadIdx.x, i = blockIdx.y;
  if (j >= n) return;
  upper[static_cast<i64>(i) * n + j] = j < i ? 0 : m[static_cast<i64>(n - 1 - i) * n + n - 1 - j];
}
