// The products of a low-rank adapter beside a large one, x being read once and its dropout applied on the way to the tensor
// cores: what is masked never reaches memory. Each reads or writes one large matrix once, which is the least it can take.
//
// Compile-time: RANK, a multiple of 16 up to 128. RUNS, among how many pairs of warps columns are shared out, as shared memory
// and registers allow. MASKED, 1 where there is dropout; what survives is hashed out in the forward product, and kept for the
// backward ones as a bit an element: four words for 128 columns of a row, word t holding the columns 8i + 2t as bit i and
// 8i + 2t + 1 as bit 16 + i. That is how a warp's fragments yield and want them.
//
// `width` is a multiple of 64; rows of x, low and bits start at multiples of 16 bytes.

// low [rows, RANK] = factor · drop(x) · aᵀ, x [rows, width], a [RANK, width].
//
// Grid: (rows / 64). Two warps, of 32 rows each, take every RUNS-th run of 128 columns, 32 of them at a time through tiles
// of their own: runs need not wait for each other before all of them are summed.
extern "C" __global__ void __launch_bounds__(64 * RUNS, 1) low_rank_reduce(
    const bf16 *__restrict__ x, i64 x_stride, const bf16 *__restrict__ a, bf16 *__restrict__ low, i64 low_stride,
    u8 *__restrict__ bits, i64 bits_stride, int rows, int width, u32 key_low, u32 key_high, u32 thresholds, float factor) {
  constexpr int runs = RUNS, stages = 3, stage = (64 + RANK) * 32;
  extern __shared__ __align__(16) u8 shared[];
  int warp = threadIdx.x / 32, lane = threadIdx.x & 31, group = warp & 1, run = warp / 2;
  int first = blockIdx.x * 64, begin = run * 128;
  // As many for every run, whose last ones may find nothing: barriers are then met equally often, which tools that look for
  // races count on.
  int turns = (width + runs * 128 - 1) / (runs * 128) * 4;
  bf16 *tiles = reinterpret_cast<bf16 *>(shared) + run * stages * stage;

  // Where eight columns of a row of a tile lie: so turned that eight rows' fill all banks.
  auto place = [](int row, int octet) { return row * 32 + (octet ^ (row >> 1 & 3)) * 8; };
  int row = threadIdx.x % 64 / 4, octet = threadIdx.x & 3;
  auto fetch = [&](int turn) {
    if (turn < turns) {
      int column = turn / 4 * (runs * 128) + begin + turn % 4 * 32 + octet * 8;
      bool inside = column < width;
      bf16 *tile = tiles + turn % stages * stage;
#pragma unroll
      for (int r = row; r < 64; r += 16) {
        bool valid = inside && first + r < rows;
        copy_async_ahead(tile + place(r, octet), x + (valid ? (i64)(first + r) * x_stride + column : 0), valid);
      }
#pragma unroll
      for (int r = row; r < RANK; r += 16)
        copy_async_ahead(tile + place(64 + r, octet), a + (inside ? (i64)r * width + column : 0), inside);
    }
    commit_copies();
  };
  for (int s = 0; s < stages - 1; s++) fetch(s);

  // Rows top + m · 16, and eight further down.
  float sums[2][RANK / 8][4] = {};
#if MASKED
  u32 kept[4] = {};
  int top = first + group * 32 + lane / 4;
#endif
  for (int turn = 0; turn < turns; turn++) {
    bf16 *tile = tiles + turn % stages * stage;
    await_copies<stages - 2>();
    // The two warps of the run.
    asm volatile("bar.sync %0, 64;" ::"r"(run + 1) : "memory");
    // Into the tile that both have done with.
    fetch(turn + stages - 1);
#pragma unroll
    for (int p = 0; p < 2; p++) {
      u32 f[2][4];
#pragma unroll
      for (int m = 0; m < 2; m++) {
        load_matrices(f[m], tile + place(group * 32 + m * 16 + piece_row(), p * 2 + piece_column() / 8));
#if MASKED
        u32 column = turn / 4 * (runs * 128) + begin + turn % 4 * 32 + p * 16 + 2 * (lane & 3);
#pragma unroll
        for (int h = 0; h < 2; h++)
#pragma unroll
          for (int e = 0; e < 2; e++) {
            u32 number = (u32)(top + m * 16 + e * 8) * (u32)width + column + h * 8;
            u32 two = survivors(dropout_pair(number >> 1, key_low, key_high), thresholds);
            f[m][2 * h + e] = masked(f[m][2 * h + e], two);
            // One octet after the other comes in at the top and goes down.
            u32 &word = kept[2 * m + e];
            word = (word >> 1 & 0x7FFF7FFFu) | (two & 0x80008000u);
          }
#endif
      }
#pragma unroll
      for (int n = 0; n < RANK / 16; n++) {
        u32 b[4];
        load_matrices(b, tile + place(64 + n * 16 + factor_row(), p * 2 + factor_column() / 8));
#pragma unroll
        for (int m = 0; m < 2; m++) {
          multiply(sums[m][2 * n], f[m], b[0], b[1]);
          multiply(sums[m][2 * n + 1], f[m], b[2], b[3]);
        }
      }
    }
#if MASKED
    if (turn % 4 == 3)
#pragma unroll
      for (int i = 0; i < 4; i++)
        if (top + i * 8 < rows && turn / 4 * (runs * 128) + begin < width)
          *reinterpret_cast<u32 *>(
              bits + (i64)(top + i * 8) * bits_stride + (turn / 4 * runs + run) * 16 + 4 * (lane & 3)) = kept[i];
#endif
  }
  // All runs' sums, then out.
  await_copies<0>();
  __syncthreads();
  constexpr int pitch = RANK + 8;
  float *parts = reinterpret_cast<float *>(shared);
#pragma unroll
  for (int m = 0; m < 2; m++)
#pragma unroll
    for (int n = 0; n < RANK / 8; n++)
#pragma unroll
      for (int e = 0; e < 2; e++)
        *reinterpret_cast<float2 *>(
            parts + (run * 64 + group * 32 + m * 16 + e * 8 + lane / 4) * pitch + n * 8 + 2 * (lane & 3)) =
            make_float2(sums[m][n][2 * e], sums[m][n][2 * e + 1]);
  __syncthreads();
  for (int i = threadIdx.x; i < 64 * RANK / 4; i += 64 * runs) {
    int r = i / (RANK / 4), c = i % (RANK / 4) * 4;
    if (first + r >= rows) break;
    float4 sum = *reinterpret_cast<const float4 *>(parts + r * pitch + c);
#pragma unroll
    for (int s = 1; s < runs; s++) {
      float4 v = *reinterpret_cast<const float4 *>(parts + (s * 64 + r) * pitch + c);
      sum.x += v.x, sum.y += v.y, sum.z += v.z, sum.w += v.w;
    }
    uint2 four = make_uint2(pack_bf16(sum.x * factor, sum.y * factor), pack_bf16(sum.z * factor, sum.w * factor));
    *reinterpret_cast<uint2 *>(low + (i64)(first + r) * low_stride + c) = four;
  }
}

// parts[y] [RANK, width] = factor · lowᵀ · drop(x) over the rows of slice y: the gradient of A, in parts that `add_slices`
// sums.
//
// Grid: (width / 128, slices). Threads: 256. A warp takes 16 of a block's 128 columns.
extern "C" __global__ void __launch_bounds__(256) low_rank_gradient(
    const bf16 *__restrict__ low, i64 low_stride, const bf16 *__restrict__ x, i64 x_stride,
    const u8 *__restrict__ bits, i64 bits_stride, float *__restrict__ parts, int rows, int width, int slice,
    float factor) {
  constexpr int threads = 256, stages = 3, pitch = 128 + 8, low_pitch = RANK + 8;
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
#pragma unroll
    for (int k = 0; k < 64; k += 16) {
      u32 b[4];
      load_transposed(b, tile + (k + piece_row()) * pitch + warp * 16 + piece_column());
#if MASKED
      // A lane holds two rows of one column: the words of those rows, then the column's bit of either.
      const u32 *kept = reinterpret_cast<const u32 *>(low_tile + 64 * low_pitch) + (k + 2 * (lane & 3)) * 4 + lane / 8;
#pragma unroll
      for (int h = 0; h < 2; h++) {
        u32 one = kept[h * 32], next = kept[h * 32 + 4];
#pragma unroll
        for (int n = 0; n < 2; n++) b[2 * n + h] = masked(b[2 * n + h], one, next, warp * 2 + n, lane / 4 & 1);
      }
#endif
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
