// `attention_backward_queries` with Hopper's products; the same arguments and semantics. Two groups of four warps take 64
// queries each.
//
// Grid: (runs of queries, heads). Threads: 256.

constexpr int threads = 256;
constexpr int rows = 128;
constexpr int keys = 64;
// Whether a warp's queries and slopes stay in registers: with wide heads shared memory has its hands full.
constexpr bool keeps = WIDTH > 64;
// Whether products still run when the next tile's begin; a block that shares its multiprocessor has no registers for that.
constexpr bool overlaps = keeps;
// Tiles of keys: one that products may still read, the one at hand, and the one that is coming.
constexpr int stages = 3;

extern "C" __global__ void __launch_bounds__(threads, keeps ? 1 : 2) attention_backward_queries(
    const bf16 *__restrict__ q, const bf16 *__restrict__ k, const bf16 *__restrict__ v, i64 v_stride,
    const bf16 *__restrict__ dy, i64 dy_stride, const float *__restrict__ log_sum_exp,
    const float *__restrict__ delta, bf16 *__restrict__ dq, i64 dq_stride, const Run *__restrict__ runs,
    Rotary rotary, int tokens, int share, int window, float scale) {
  u8 *shared = aligned_shared();
  constexpr int key_bytes = keys * WIDTH * 2;
  u8 *query_tile = shared, *slope_tile = query_tile + rows * WIDTH * 2;
  u8 *key_tiles = slope_tile + rows * WIDTH * 2, *value_tiles = key_tiles + stages * key_bytes;

  Run run = runs[blockIdx.x];
  int head = blockIdx.y, group = head / share;
  int warp = threadIdx.x / 32, lane = threadIdx.x & 31;
  i64 q_stride = (i64)gridDim.y * WIDTH;
  i64 k_stride = (i64)gridDim.y / share * WIDTH;
  const bf16 *key_source = k + run.start * k_stride + group * WIDTH;
  const bf16 *value_source = v + run.start * v_stride + group * WIDTH;
  int last = min(run.first + rows, run.length) - 1;
  int lowest = window > 0 ? max(0, run.first - window + 1) : 0;
  int first_tile = lowest / keys, end_tile = last / keys + 1;

  auto load = [&](int tile) {
    int slot = tile % stages;
    load_wide<keys, threads>(key_tiles + slot * key_bytes, key_source, k_stride, tile * keys, run.length);
    load_wide<keys, threads>(value_tiles + slot * key_bytes, value_source, v_stride, tile * keys, run.length);
    commit_copies();
  };
  load_wide<rows, threads>(query_tile, q + run.start * q_stride + head * WIDTH, q_stride, run.first, run.length);
  load_wide<rows, threads>(
      slope_tile, dy + run.start * dy_stride + head * WIDTH, dy_stride, run.first, run.length);
  commit_copies();
  load(first_tile);

  float factor = scale * 1.4426950408889634f;
  int row = warp * 16;
  int mine = run.first + row + lane / 4;
  float sums[2], means[2];
#pragma unroll
  for (int h = 0; h < 2; h++) {
    int index = mine + 8 * h;
    bool valid = index < run.length;
    i64 place = (i64)head * tokens + run.start + index;
    sums[h] = valid ? log_sum_exp[place] : 0;
    means[h] = valid ? delta[place] : 0;
  }
  // Made by the first tile's products.
  float output[WIDTH / 2];
  u32 query_address = shared_address(query_tile), slope_address = shared_address(slope_tile);
  u32 held[keeps ? WIDTH / 16 : 1][4], held_slopes[keeps ? WIDTH / 16 : 1][4];
  if (keeps) {
    await_copies<1>();
    __syncthreads();
#pragma unroll
    for (int c = 0; c < WIDTH; c += 16) {
      load_matrices(held[keeps ? c / 16 : 0], query_tile + place<rows>(row + piece_row(), c + piece_column()));
      load_matrices(held_slopes[keeps ? c / 16 : 0], slope_tile + place<rows>(row + piece_row(), c + piece_column()));
    }
  }

  for (int tile = first_tile; tile < end_tile; tile++) {
    await_copies<0>();
    publish();
    __syncthreads();
    if (tile + 1 < end_tile) load(tile + 1);
    u32 key_address = shared_address(key_tiles + tile % stages * key_bytes);
    u32 value_address = shared_address(value_tiles + tile % stages * key_bytes);

    float weights[keys / 2], slopes[keys / 2];
    begin_products();
#pragma unroll
    for (int c = 0; c < WIDTH; c += 16)
      if (keeps)
        Wide<keys>::multiply<0>(weights, held[keeps ? c / 16 : 0], across<keys>(key_address, 0, c), c > 0);
      else
        Wide<keys>::multiply(
            weights, across<rows>(query_address, warp / 4 * 64, c), across<keys>(key_address, 0, c), c > 0);
    commit_products();
#pragma unroll
    for (int c = 0; c < WIDTH; c += 16)
      if (keeps)
        Wide<keys>::multiply<0>(slopes, held_slopes[keeps ? c / 16 : 0], across<keys>(value_address, 0, c), c > 0);
      else
        Wide<keys>::multiply(
            slopes, across<rows>(slope_address, warp / 4 * 64, c), across<keys>(value_address, 0, c), c > 0);
    commit_products();
    await_products<1>();

    int first_key = tile * keys;
    bool edge = first_key + keys > run.first + 1 || (window > 0 && first_key <= last - window);
#pragma unroll
    for (int i = 0; i < keys / 2; i++) {
      float w = exp2_fast(weights[i] * factor - sums[i / 2 % 2]);
      if (edge) {
        int key = first_key + i / 4 * 8 + (lane & 3) * 2 + (i & 1);
        int query = mine + (i & 2) * 4;
        if (key > query || (window > 0 && key <= query - window)) w = 0;
      }
      weights[i] = w;
    }
    await_products<0>();
    u32 a[keys / 16][4];
#pragma unroll
    for (int n = 0; n < keys / 16; n++)
#pragma unroll
      for (int i = 0; i < 4; i++) {
        int p = n * 8 + i * 2;
        float mean = means[i % 2];
        a[n][i] = pack_bf16(
            weights[p] * (slopes[p] - mean) * scale, weights[p + 1] * (slopes[p + 1] - mean) * scale);
      }
    begin_products();
#pragma unroll
    for (int n = 0; n < keys; n += 16)
      Wide<WIDTH>::multiply<1>(output, a[n / 16], down<keys>(key_address, n), n > 0 || tile > first_tile);
    commit_products();
    if (!overlaps) await_products<0>();
  }
  await_products<0>();

  await_copies<0>();
  __syncthreads();
  float *staged = reinterpret_cast<float *>(shared);
  constexpr int staged_pitch = WIDTH + 4;
#pragma unroll
  for (int n = 0; n < WIDTH / 8; n++)
#pragma unroll
    for (int e = 0; e < 4; e++)
      staged[(row + lane / 4 + (e & 2) * 4) * staged_pitch + n * 8 + (lane & 3) * 2 + (e & 1)] = output[n * 4 + e];
  __syncthreads();
  write_turned_back<threads>(
      dq + (run.start + run.first) * dq_stride + head * WIDTH, dq_stride, staged, staged_pitch, &rotary, run.table,
      run.first, last - run.first + 1);
}
