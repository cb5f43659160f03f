// The products of a low-rank adapter beside a large one, x being read once and its dropout applied on the way to the tensor
// cores: what is masked never reaches memory. Each reads or writes one large matrix once, which is the least it can take.
//
// Compile-time: RANK, a multiple of 16 up to 128. MASKED, 1 where there is dropout; what survives is hashed out in the
// forward product, and kept for the backward ones as a bit an element: bit j of byte i of a row is column 8i + j's.
//
// `width` is a multiple of 64; rows of x, dx and low start at multiples of 16 bytes, rows of bits at such of 16.

constexpr int threads = 256;

// low [rows, RANK] = factor · drop(x) · aᵀ, x [rows, width], a [RANK, width].
//
// Grid: (rows / 64). A block's eight warps are four groups of 16 rows by two halves of each 64 columns.
extern "C" __global__ void __launch_bounds__(threads) low_rank_reduce(
    const bf16 *__restrict__ x, i64 x_stride, const bf16 *__restrict__ a, bf16 *__restrict__ low, i64 low_stride,
    u8 *__restrict__ bits, i64 bits_stride, int rows, int width, u32 key_low, u32 key_high, u32 threshold,
    float factor) {
  constexpr int stages = 4, chunk = 64, pitch = chunk + 8, stage = (64 + RANK) * pitch;
  extern __shared__ __align__(16) u8 shared[];
  bf16 *tiles = reinterpret_cast<bf16 *>(shared);
  int first = blockIdx.x * 64, chunks = width / chunk;
  int row = threadIdx.x / 8, unit = threadIdx.x % 8;
  int warp = threadIdx.x / 32, lane = threadIdx.x & 31, group = warp & 3, half = warp / 4;

  auto fetch = [&](int number) {
    if (number < chunks) {
      bf16 *tile = tiles + number % stages * stage, *factor_tile = tile + 64 * pitch;
      int column = number * chunk + unit * 8;
#pragma unroll
      for (int r = row; r < 64; r += 32) {
        bool valid = first + r < rows;
        copy_async(tile + r * pitch + unit * 8, x + (valid ? (i64)(first + r) * x_stride + column : 0), valid);
      }
#pragma unroll
      for (int r = row; r < RANK; r += 32)
        copy_async(factor_tile + r * pitch + unit * 8, a + (i64)r * width + column, true);
    }
    commit_copies();
  };
  for (int s = 0; s < stages - 1; s++) fetch(s);

  float sums[RANK / 8][4] = {};
  for (int number = 0; number < chunks; number++) {
    bf16 *tile = tiles + number % stages * stage;
    await_copies<stages - 2>();
#if MASKED
    // A thread masks what it has copied itself, and need wait for nobody to see that.
#pragma unroll
    for (int r = row; r < 64; r += 32) {
      uint4 *place = reinterpret_cast<uint4 *>(tile + r * pitch + unit * 8);
      uint4 v = *place;
      u32 index = (u32)((i64)(first + r) * width + number * chunk + unit * 8), kept = 0;
#pragma unroll
      for (int j = 0; j < 8; j++) kept |= survives(index + j, key_low, key_high, threshold) ? 1u << j : 0u;
      *place = masked(v, kept);
      if (first + r < rows) bits[(i64)(first + r) * bits_stride + number * 8 + unit] = (u8)kept;
    }
#endif
    __syncthreads();
    // Into the tile that all have done with.
    fetch(number + stages - 1);
    const bf16 *factor_tile = tile + 64 * pitch;
#pragma unroll
    for (int p = 0; p < 2; p++) {
      int k = (half * 2 + p) * 16;
      u32 f[4];
      load_matrices(f, tile + (group * 16 + piece_row()) * pitch + k + piece_column());
#pragma unroll
      for (int n = 0; n < RANK / 16; n++) {
        u32 b[4];
        load_matrices(b, factor_tile + (n * 16 + factor_row()) * pitch + k + factor_column());
        multiply(sums[2 * n], f, b[0], b[1]);
        multiply(sums[2 * n + 1], f, b[2], b[3]);
      }
    }
  }
  // The halves' sums, then out.
  await_copies<0>();
  __syncthreads();
  float4 *parts = reinterpret_cast<float4 *>(shared) + group * (RANK / 8) * 32 + lane;
  if (half == 1)
#pragma unroll
    for (int n = 0; n < RANK / 8; n++) parts[n * 32] = make_float4(sums[n][0], sums[n][1], sums[n][2], sums[n][3]);
  __syncthreads();
  if (half == 1) return;
  int upper = first + group * 16 + lane / 4;
#pragma unroll
  for (int n = 0; n < RANK / 8; n++) {
    float4 other = parts[n * 32];
    int column = n * 8 + 2 * (lane & 3);
    if (upper < rows)
      *reinterpret_cast<u32 *>(low + (i64)upper * low_stride + column) =
          pack_bf16((sums[n][0] + other.x) * factor, (sums[n][1] + other.y) * factor);
    if (upper + 8 < rows)
      *reinterpret_cast<u32 *>(low + (i64)(upper + 8) * low_stride + column) =
          pack_bf16((sums[n][2] + other.z) * factor, (sums[n][3] + other.w) * factor);
  }
}

// parts[y] [RANK, width] = factor · lowᵀ · drop(x) over the rows of slice y: the gradient of A, in parts that `add_slices`
// sums.
//
// Grid: (width / 128, slices). A warp takes 16 of a block's 128 columns.
extern "C" __global__ void __launch_bounds__(threads) low_rank_gradient(
    const bf16 *__restrict__ low, i64 low_stride, const bf16 *__restrict__ x, i64 x_stride,
    const u8 *__restrict__ bits, i64 bits_stride, float *__restrict__ parts, int rows, int width, int slice,
    float factor) {
  constexpr int stages = 3, pitch = 128 + 8, low_pitch = RANK + 8;
  // x, low, and 16 bytes of bits a row.
  constexpr int stage = 64 * (pitch + low_pitch + 8);
  extern __shared__ __align__(16) u8 shared[];
  bf16 *tiles = reinterpret_cast<bf16 *>(shared);
  int left = blockIdx.x * 128, begin = blockIdx.y * slice, end = min(rows, begin + slice);
  int chunks = (end - begin + 63) / 64;
  int warp = threadIdx.x / 32, lane = threadIdx.x & 31;
  int row = threadIdx.x / 16, unit = threadIdx.x % 16;
  bool inside = left + unit * 8 < width;

  auto fetch = [&](int number) {
    if (number < chunks) {
      bf16 *tile = tiles + number % stages * stage, *low_tile = tile + 64 * pitch;
      int top = begin + number * 64;
#pragma unroll
      for (int r = row; r < 64; r += threads / 16) {
        bool valid = inside && top + r < end;
        copy_async(tile + r * pitch + unit * 8, x + (valid ? (i64)(top + r) * x_stride + left + unit * 8 : 0), valid);
      }
      for (int i = threadIdx.x; i < 64 * (RANK / 8); i += threads) {
        int r = i / (RANK / 8), u = i % (RANK / 8);
        bool valid = top + r < end;
        copy_async(low_tile + r * low_pitch + u * 8, low + (valid ? (i64)(top + r) * low_stride + u * 8 : 0), valid);
      }
#if MASKED
      if (threadIdx.x < 64) {
        int r = threadIdx.x;
        bool valid = top + r < end;
        copy_async(low_tile + 64 * low_pitch + r * 8, bits + (valid ? (i64)(top + r) * bits_stride + left / 8 : 0), valid);
      }
#endif
    }
    commit_copies();
  };
  for (int s = 0; s < stages - 1; s++) fetch(s);

  float sums[RANK / 16][2][4] = {};
  for (int number = 0; number < chunks; number++) {
    bf16 *tile = tiles + number % stages * stage, *low_tile = tile + 64 * pitch;
    await_copies<stages - 2>();
    __syncthreads();
    fetch(number + stages - 1);
#if MASKED
    const u8 *kept = reinterpret_cast<const u8 *>(low_tile + 64 * low_pitch);
#pragma unroll
    for (int r = row; r < 64; r += threads / 16) {
      uint4 *place = reinterpret_cast<uint4 *>(tile + r * pitch + unit * 8);
      *place = masked(*place, kept[r * 16 + unit]);
    }
    __syncthreads();
#endif
#pragma unroll
    for (int k = 0; k < 64; k += 16) {
      u32 b[4];
      load_transposed(b, tile + (k + piece_row()) * pitch + warp * 16 + piece_column());
#pragma unroll
      for (int m = 0; m < RANK / 16; m++) {
        u32 f[4];
        load_transposed(f, low_tile + (k + factor_row()) * low_pitch + m * 16 + factor_column());
        multiply(sums[m][0], f, b[0], b[1]);
        multiply(sums[m][1], f, b[2], b[3]);
      }
    }
  }
  float *target = parts + (i64)blockIdx.y * RANK * width;
#pragma unroll
  for (int m = 0; m < RANK / 16; m++)
#pragma unroll
    for (int n = 0; n < 2; n++) {
      int column = left + warp * 16 + n * 8 + 2 * (lane & 3), r = m * 16 + lane / 4;
      if (column >= width) continue;
      *reinterpret_cast<float2 *>(target + (i64)r * width + column) =
          make_float2(sums[m][n][0] * factor, sums[m][n][1] * factor);
      *reinterpret_cast<float2 *>(target + (i64)(r + 8) * width + column) =
          make_float2(sums[m][n][2] * factor, sums[m][n][3] * factor);
    }
}

// y = the sum of `slices` arrays that lie one behind the other, four numbers a thread.
extern "C" __global__ void add_slices(const float *__restrict__ parts, float *__restrict__ y, int slices, i64 count) {
  i64 i = ((i64)blockIdx.x * 256 + threadIdx.x) * 4;
  if (i >= count) return;
  float4 sum = *reinterpret_cast<const float4 *>(parts + i);
  for (int s = 1; s < slices; s++) {
    float4 v = *reinterpret_cast<const float4 *>(parts + s * count + i);
    sum.x += v.x, sum.y += v.y, sum.z += v.z, sum.w += v.w;
  }
  *reinterpret_cast<float4 *>(y + i) = sum;
}

// dx [rows, width] = drop(factor · low · a): what comes back to x through the adapter.
//
// Grid: (width / 128, rows / 64). A block's eight warps are four groups of 16 rows by two of 64 columns.
extern "C" __global__ void __launch_bounds__(threads, 4) low_rank_input(
    const bf16 *__restrict__ low, i64 low_stride, const bf16 *__restrict__ a, const u8 *__restrict__ bits,
    i64 bits_stride, bf16 *__restrict__ dx, i64 dx_stride, int rows, int width, float factor) {
  constexpr int pitch = 128 + 8, low_pitch = RANK + 8;
  extern __shared__ __align__(16) u8 shared[];
  // 16 bytes of bits a row, then the factors; the result takes the factors' place.
#if MASKED
  u8 *kept = shared;
#endif
  bf16 *low_tile = reinterpret_cast<bf16 *>(shared + 64 * 16), *factor_tile = low_tile + 64 * low_pitch;
  int left = blockIdx.x * 128, top = blockIdx.y * 64;
  int warp = threadIdx.x / 32, lane = threadIdx.x & 31, group = warp & 3, side = warp / 4;
#pragma unroll
  for (int i = threadIdx.x; i < 64 * (RANK / 8); i += threads) {
    int r = i / (RANK / 8), u = i % (RANK / 8);
    bool valid = top + r < rows;
    copy_async(low_tile + r * low_pitch + u * 8, low + (valid ? (i64)(top + r) * low_stride + u * 8 : 0), valid);
  }
#pragma unroll
  for (int i = threadIdx.x; i < RANK * 16; i += threads) {
    int r = i / 16, u = i % 16;
    bool valid = left + u * 8 < width;
    copy_async(factor_tile + r * pitch + u * 8, a + (valid ? (i64)r * width + left + u * 8 : 0), valid);
  }
#if MASKED
  if (threadIdx.x < 64) {
    bool valid = top + threadIdx.x < rows;
    copy_async(kept + threadIdx.x * 16, bits + (valid ? (i64)(top + threadIdx.x) * bits_stride + left / 8 : 0), valid);
  }
#endif
  commit_copies();
  await_copies<0>();
  __syncthreads();

  float sums[8][4] = {};
#pragma unroll
  for (int k = 0; k < RANK; k += 16) {
    u32 f[4];
    load_matrices(f, low_tile + (group * 16 + piece_row()) * low_pitch + k + piece_column());
#pragma unroll
    for (int n = 0; n < 4; n++) {
      u32 b[4];
      load_transposed(b, factor_tile + (k + piece_row()) * pitch + side * 64 + n * 16 + piece_column());
      multiply(sums[2 * n], f, b[0], b[1]);
      multiply(sums[2 * n + 1], f, b[2], b[3]);
    }
  }
  // Through shared memory, so that whole lines are written.
  __syncthreads();
  bf16 *out = low_tile;
#pragma unroll
  for (int n = 0; n < 8; n++) {
    bf16 *place = out + (group * 16 + lane / 4) * pitch + side * 64 + n * 8 + 2 * (lane & 3);
    *reinterpret_cast<u32 *>(place) = pack_bf16(sums[n][0] * factor, sums[n][1] * factor);
    *reinterpret_cast<u32 *>(place + 8 * pitch) = pack_bf16(sums[n][2] * factor, sums[n][3] * factor);
  }
  __syncthreads();
#pragma unroll
  for (int i = threadIdx.x; i < 64 * 16; i += threads) {
    int r = i / 16, u = i % 16;
    if (top + r >= rows || left + u * 8 >= width) continue;
    uint4 v = *reinterpret_cast<const uint4 *>(out + r * pitch + u * 8);
#if MASKED
    v = masked(v, kept[r * 16 + u]);
#endif
    *reinterpret_cast<uint4 *>(dx + (i64)(top + r) * dx_stride + left + u * 8) = v;
  }
}
