// The gradient of queries: a block of queries a thread block, the keys and values they see streamed past it.
//
// q `[tokens, heads · WIDTH]` and k `[tokens, groups · WIDTH]` are rotated and contiguous. The weights are computed a second
// time here; in exchange no gradient is added across thread blocks, and the sums have one order.
//
// Grid: (runs of queries, heads). Threads: 128.

constexpr int threads = 128;
constexpr int pieces = columns <= 128 ? 2 : 1;
constexpr int rows = 64 * pieces;
constexpr int keys = 32;

extern "C" __global__ void __launch_bounds__(threads, columns <= 128 ? 2 : 1) attention_backward_queries(
    const bf16 *__restrict__ q, const bf16 *__restrict__ k, const bf16 *__restrict__ v, i64 v_stride,
    const bf16 *__restrict__ dy, i64 dy_stride, const float *__restrict__ log_sum_exp,
    const float *__restrict__ delta, bf16 *__restrict__ dq, i64 dq_stride, const Run *__restrict__ runs,
    Rotary rotary, int tokens, int share, int window, float scale) {
  extern __shared__ __align__(16) u8 shared[];
  bf16 *query_tile = reinterpret_cast<bf16 *>(shared);
  bf16 *slope_tile = query_tile + rows * pitch;
  bf16 *key_tiles = slope_tile + rows * pitch;
  bf16 *value_tiles = key_tiles + 2 * keys * pitch;

  Run run = runs[blockIdx.x];
  int head = blockIdx.y, group = head / share;
  int warp = threadIdx.x / 32, lane = threadIdx.x & 31;
  i64 q_stride = static_cast<i64>(gridDim.y) * WIDTH;
  i64 k_stride = static_cast<i64>(gridDim.y) / share * WIDTH;
  const bf16 *key_source = k + run.start * k_stride + group * WIDTH;
  const bf16 *value_source = v + run.start * v_stride + group * WIDTH;
  int last = min(run.first + rows, run.length) - 1;
  int lowest = window > 0 ? max(0, run.first - window + 1) : 0;
  int first_tile = lowest / keys, end_tile = last / keys + 1;

  auto load = [&](int tile) {
    int slot = tile & 1;
    load_tile<keys, threads>(key_tiles + slot * keys * pitch, key_source, k_stride, tile * keys, run.length);
    load_tile<keys, threads>(value_tiles + slot * keys * pitch, value_source, v_stride, tile * keys, run.length);
    commit_copies();
  };
  load_tile<rows, threads>(query_tile, q + run.start * q_stride + head * WIDTH, q_stride, run.first, run.length);
  load_tile<rows, threads>(slope_tile, dy + run.start * dy_stride + head * WIDTH, dy_stride, run.first, run.length);
  load(first_tile);

  float factor = scale * 1.4426950408889634f;
  int row = warp * 16 * pieces;
  int mine = run.first + row + lane / 4;
  float sums[pieces][2], means[pieces][2];
#pragma unroll
  for (int p = 0; p < pieces; p++)
#pragma unroll
    for (int h = 0; h < 2; h++) {
      int index = mine + 16 * p + 8 * h;
      bool valid = index < run.length;
      i64 place = static_cast<i64>(head) * tokens + run.start + index;
      sums[p][h] = valid ? log_sum_exp[place] : 0;
      means[p][h] = valid ? delta[place] : 0;
    }
  float output[pieces][columns / 8][4] = {};

  for (int tile = first_tile; tile < end_tile; tile++) {
    await_copies<0>();
    __syncthreads();
    if (tile + 1 < end_tile) load(tile + 1);
    const bf16 *key_tile = key_tiles + (tile & 1) * keys * pitch;
    const bf16 *value_tile = value_tiles + (tile & 1) * keys * pitch;

    float weights[pieces][keys / 8][4] = {}, slopes[pieces][keys / 8][4] = {};
#pragma unroll
    for (int c = 0; c < columns; c += 16) {
      u32 a[pieces][4], d[pieces][4];
#pragma unroll
      for (int p = 0; p < pieces; p++) {
        load_matrices(a[p], query_tile + (row + 16 * p + piece_row()) * pitch + c + piece_column());
        load_matrices(d[p], slope_tile + (row + 16 * p + piece_row()) * pitch + c + piece_column());
      }
#pragma unroll
      for (int n = 0; n < keys; n += 16) {
        u32 b[4];
        load_matrices(b, key_tile + (n + factor_row()) * pitch + c + factor_column());
#pragma unroll
        for (int p = 0; p < pieces; p++) {
          multiply(weights[p][n / 8], a[p], b[0], b[1]);
          multiply(weights[p][n / 8 + 1], a[p], b[2], b[3]);
        }
        load_matrices(b, value_tile + (n + factor_row()) * pitch + c + factor_column());
#pragma unroll
        for (int p = 0; p < pieces; p++) {
          multiply(slopes[p][n / 8], d[p], b[0], b[1]);
          multiply(slopes[p][n / 8 + 1], d[p], b[2], b[3]);
        }
      }
    }

    int first_key = tile * keys;
    bool edge = first_key + keys > run.first + 1 || (window > 0 && first_key <= last - window);
#pragma unroll
    for (int p = 0; p < pieces; p++)
#pragma unroll
      for (int n = 0; n < keys / 8; n++)
#pragma unroll
        for (int e = 0; e < 4; e++) {
          float w = exp2_fast(weights[p][n][e] * factor - sums[p][e / 2]);
          if (edge) {
            int key = first_key + n * 8 + (lane & 3) * 2 + (e & 1);
            int query = mine + 16 * p + (e & 2) * 4;
            if (key > query || (window > 0 && key <= query - window)) w = 0;
          }
          slopes[p][n][e] = w * (slopes[p][n][e] - means[p][e / 2]) * scale;
        }

#pragma unroll
    for (int n = 0; n < keys; n += 16) {
      u32 a[pieces][4];
#pragma unroll
      for (int p = 0; p < pieces; p++)
#pragma unroll
        for (int i = 0; i < 4; i++)
          a[p][i] = pack_bf16(slopes[p][n / 8 + i / 2][i % 2 * 2], slopes[p][n / 8 + i / 2][i % 2 * 2 + 1]);
#pragma unroll
      for (int c = 0; c < columns; c += 16) {
        u32 b[4];
        load_transposed(b, key_tile + (n + piece_row()) * pitch + c + piece_column());
#pragma unroll
        for (int p = 0; p < pieces; p++) {
          multiply(output[p][c / 8], a[p], b[0], b[1]);
          multiply(output[p][c / 8 + 1], a[p], b[2], b[3]);
        }
      }
    }
  }

  await_copies<0>();
  __syncthreads();
  float *staged = reinterpret_cast<float *>(shared);
  constexpr int staged_pitch = columns + 4;
#pragma unroll
  for (int p = 0; p < pieces; p++)
#pragma unroll
    for (int n = 0; n < columns / 8; n++)
#pragma unroll
      for (int e = 0; e < 4; e++)
        staged[(row + 16 * p + lane / 4 + (e & 2) * 4) * staged_pitch + n * 8 + (lane & 3) * 2 + (e & 1)] =
            output[p][n][e];
  __syncthreads();
  write_turned_back<threads>(
      dq + (run.start + run.first) * dq_stride + head * WIDTH, dq_stride, staged, staged_pitch, &rotary, run.table,
      run.first, last - run.first + 1);
}
