// Causal attention of ragged sequences, a block of queries a thread block, keys and values streamed past it.
//
// Keys come rotated already; queries are rotated here. The keys of a block's sequence stand at rows `key_start…` of their
// tensor, and query i of the sequence has position `offset + i`: 0 for whole sequences, the tokens held before for a
// sequence that is being continued.
//
// `log_sum_exp [heads, tokens]` is in units of log 2. Rotated queries go to `rotated`, laid out like y, where given.
//
// Paper: Dao, "FlashAttention-2" (2023), algorithm 1.
//
// Grid: (runs, heads). Threads: 128.

constexpr int threads = 128;
constexpr int warps = 4;
// 16-row pieces a warp: two share what is read of keys and values, where registers allow.
constexpr int pieces = columns <= 128 ? 2 : 1;
constexpr int rows = warps * 16 * pieces;
constexpr int keys = 64;

extern "C" __global__ void __launch_bounds__(threads, columns <= 128 ? 2 : 1) attention_forward(
    const bf16 *__restrict__ q, i64 q_stride, const bf16 *__restrict__ k, i64 k_stride,
    const bf16 *__restrict__ v, i64 v_stride, bf16 *__restrict__ y, i64 y_stride, float *__restrict__ log_sum_exp,
    bf16 *__restrict__ rotated,
    const Run *__restrict__ runs, Rotary rotary, int tokens, int share, int window, float scale, int key_start,
    int offset) {
  extern __shared__ __align__(16) u8 shared[];
  bf16 *query_tile = reinterpret_cast<bf16 *>(shared);
  bf16 *key_tile = query_tile + rows * pitch;
  bf16 *value_tile = key_tile + keys * pitch;

  Run run = runs[blockIdx.x];
  int head = blockIdx.y, group = head / share;
  int warp = threadIdx.x / 32, lane = threadIdx.x & 31;
  // Keys may stand in another tensor than the queries' sequence.
  i64 base = key_start < 0 ? run.start : key_start;
  const bf16 *key_source = k + base * k_stride + group * WIDTH;
  const bf16 *value_source = v + base * v_stride + group * WIDTH;
  int length = offset + run.length;
  int last = min(run.first + rows, run.length) - 1;
  int lowest = window > 0 ? max(0, offset + run.first - window + 1) : 0;
  int first_tile = lowest / keys, end_tile = (offset + last) / keys + 1;

  load_tile<rows, threads>(
      query_tile, q + run.start * q_stride + head * WIDTH, q_stride, run.first, run.length);
  commit_copies();
  load_tile<keys, threads>(key_tile, key_source, k_stride, first_tile * keys, length);
  commit_copies();
  await_copies<1>();
  __syncthreads();
  rotate_tile<threads>(
      threadIdx.x, rotary, run.table, offset + run.first, last - run.first + 1,
      [=](int row, int column) { return query_tile + row * pitch + column; });

  if (rotated) {
    __syncthreads();
    bf16 *to = rotated + (run.start + run.first) * (static_cast<i64>(gridDim.y) * WIDTH) + head * WIDTH;
    for (int i = threadIdx.x; i < (last - run.first + 1) * WIDTH; i += threads)
      to[i / WIDTH * (static_cast<i64>(gridDim.y) * WIDTH) + i % WIDTH] = query_tile[i / WIDTH * pitch + i % WIDTH];
  }
  float output[pieces][columns / 8][4] = {};
  float top[pieces][2], total[pieces][2] = {};
  for (int p = 0; p < pieces; p++) top[p][0] = top[p][1] = -infinity;
  // exp(x) = 2^(x · log₂e)
  float factor = scale * 1.4426950408889634f;
  int row = warp * 16 * pieces;
  int mine = offset + run.first + row + lane / 4;

  for (int tile = first_tile; tile < end_tile; tile++) {
    await_copies<0>();
    __syncthreads();
    load_tile<keys, threads>(value_tile, value_source, v_stride, tile * keys, length);
    commit_copies();

    float scores[pieces][keys / 8][4] = {};
#pragma unroll
    for (int c = 0; c < columns; c += 16) {
      u32 a[pieces][4];
#pragma unroll
      for (int p = 0; p < pieces; p++)
        load_matrices(a[p], query_tile + (row + 16 * p + piece_row()) * pitch + c + piece_column());
#pragma unroll
      for (int n = 0; n < keys; n += 16) {
        u32 b[4];
        load_matrices(b, key_tile + (n + factor_row()) * pitch + c + factor_column());
#pragma unroll
        for (int p = 0; p < pieces; p++) {
          multiply(scores[p][n / 8], a[p], b[0], b[1]);
          multiply(scores[p][n / 8 + 1], a[p], b[2], b[3]);
        }
      }
    }

    int first_key = tile * keys;
    bool edge = first_key + keys > offset + run.first + 1 ||
                (window > 0 && first_key <= offset + last - window);
    if (edge) {
#pragma unroll
      for (int p = 0; p < pieces; p++)
#pragma unroll
        for (int n = 0; n < keys / 8; n++)
#pragma unroll
          for (int e = 0; e < 4; e++) {
            int key = first_key + n * 8 + (lane & 3) * 2 + (e & 1);
            int query = mine + 16 * p + (e & 2) * 4;
            if (key > query || (window > 0 && key <= query - window))
              scores[p][n][e] = -infinity;
          }
    }

#pragma unroll
    for (int p = 0; p < pieces; p++)
#pragma unroll
      for (int h = 0; h < 2; h++) {
        float most = top[p][h];
#pragma unroll
        for (int n = 0; n < keys / 8; n++)
          most = fmaxf(most, fmaxf(scores[p][n][2 * h], scores[p][n][2 * h + 1]));
        most = fmaxf(most, __shfl_xor_sync(~0u, most, 1));
        most = fmaxf(most, __shfl_xor_sync(~0u, most, 2));
        // A row that has seen no key yet.
        float shift = most == -infinity ? 0.0f : most * factor;
        float fade = exp2_fast(top[p][h] * factor - shift);
        top[p][h] = most;
        float sum = 0;
#pragma unroll
        for (int n = 0; n < keys / 8; n++)
#pragma unroll
          for (int e = 2 * h; e < 2 * h + 2; e++) {
            scores[p][n][e] = exp2_fast(scores[p][n][e] * factor - shift);
            sum += scores[p][n][e];
          }
        total[p][h] = total[p][h] * fade + sum;
#pragma unroll
        for (int n = 0; n < columns / 8; n++) {
          output[p][n][2 * h] *= fade;
          output[p][n][2 * h + 1] *= fade;
        }
      }

    await_copies<0>();
    __syncthreads();
    if (tile + 1 < end_tile) {
      load_tile<keys, threads>(key_tile, key_source, k_stride, (tile + 1) * keys, length);
      commit_copies();
    }
#pragma unroll
    for (int n = 0; n < keys; n += 16) {
      u32 a[pieces][4];
#pragma unroll
      for (int p = 0; p < pieces; p++) {
        a[p][0] = pack_bf16(scores[p][n / 8][0], scores[p][n / 8][1]);
        a[p][1] = pack_bf16(scores[p][n / 8][2], scores[p][n / 8][3]);
        a[p][2] = pack_bf16(scores[p][n / 8 + 1][0], scores[p][n / 8 + 1][1]);
        a[p][3] = pack_bf16(scores[p][n / 8 + 1][2], scores[p][n / 8 + 1][3]);
      }
#pragma unroll
      for (int c = 0; c < columns; c += 16) {
        u32 b[4];
        load_transposed(b, value_tile + (n + piece_row()) * pitch + c + piece_column());
#pragma unroll
        for (int p = 0; p < pieces; p++) {
          multiply(output[p][c / 8], a[p], b[0], b[1]);
          multiply(output[p][c / 8 + 1], a[p], b[2], b[3]);
        }
      }
    }
  }

  // Only this warp reads and writes its own query rows from here on.
  __syncwarp();
#pragma unroll
  for (int p = 0; p < pieces; p++)
#pragma unroll
    for (int h = 0; h < 2; h++) {
      float sum = total[p][h];
      sum += __shfl_xor_sync(~0u, sum, 1);
      sum += __shfl_xor_sync(~0u, sum, 2);
      float inverse = sum > 0 ? 1 / sum : 0;
      int local = row + 16 * p + 8 * h + lane / 4;
      int index = run.first + local;
      if (log_sum_exp && (lane & 3) == 0 && index < run.length)
        log_sum_exp[static_cast<i64>(head) * tokens + run.start + index] = factor * top[p][h] + log2f(sum);
#pragma unroll
      for (int n = 0; n < columns / 8; n++)
        *reinterpret_cast<u32 *>(query_tile + local * pitch + n * 8 + (lane & 3) * 2) =
            pack_bf16(output[p][n][2 * h] * inverse, output[p][n][2 * h + 1] * inverse);
    }
  __syncwarp();
  bf16 *target = y + (run.start + run.first) * y_stride + head * WIDTH;
#if WIDTH % 8 == 0
  constexpr int units = WIDTH / 8;
  for (int i = lane; i < 16 * pieces * units; i += 32) {
    int local = row + i / units, unit = i % units;
    if (run.first + local < run.length)
      *reinterpret_cast<uint4 *>(target + local * y_stride + unit * 8) =
          *reinterpret_cast<const uint4 *>(query_tile + local * pitch + unit * 8);
  }
#else
  for (int i = lane; i < 16 * pieces * WIDTH; i += 32) {
    int local = row + i / WIDTH, column = i % WIDTH;
    if (run.first + local < run.length) target[local * y_stride + column] = query_tile[local * pitch + column];
  }
#endif
}
