// `attention_backward_keys` with Hopper's products; the same arguments and semantics. Each group of four warps has 64 keys.
//
// Grid: (runs of keys, groups). Threads: 128 · KEY_GROUPS.

constexpr int threads = 128 * KEY_GROUPS;
constexpr int keys = 64 * KEY_GROUPS;
constexpr int queries = 64;
// Whether a warp's keys stay in registers: with wide heads shared memory has its hands full.
constexpr bool keeps = WIDTH > 64;
// Whether products still run when the next tile's begin; for that wide heads have no registers.
constexpr bool overlaps = WIDTH <= 96;
// Tiles of queries: one that products may still read, the one at hand, and the one that is coming.
constexpr int stages = 3;

extern "C" __global__ void __launch_bounds__(threads, 2 / KEY_GROUPS) attention_backward_keys(
    const bf16 *__restrict__ q, const bf16 *__restrict__ k, const bf16 *__restrict__ v, i64 v_stride,
    const bf16 *__restrict__ dy, i64 dy_stride, const float *__restrict__ log_sum_exp,
    const float *__restrict__ delta, bf16 *__restrict__ dk, i64 dk_stride, bf16 *__restrict__ dv, i64 dv_stride,
    const Run *__restrict__ runs, Rotary rotary, int tokens, int share, int window, float scale) {
  u8 *shared = aligned_shared();
  constexpr int query_bytes = queries * WIDTH * 2;
  u8 *key_tile = shared, *value_tile = key_tile + keys * WIDTH * 2;
  u8 *query_tiles = value_tile + keys * WIDTH * 2, *slope_tiles = query_tiles + stages * query_bytes;
  float *sum_tiles = reinterpret_cast<float *>(slope_tiles + stages * query_bytes);
  float *delta_tiles = sum_tiles + stages * queries;

  Run run = runs[blockIdx.x];
  int group = blockIdx.y, heads = gridDim.y * share;
  int warp = threadIdx.x / 32, lane = threadIdx.x & 31;
  i64 k_stride = (i64)gridDim.y * WIDTH, q_stride = (i64)heads * WIDTH;
  int first_tile = run.first / queries;
  int end_query = window > 0 ? min(run.length, run.first + keys - 1 + window) : run.length;
  int tiles = (end_query + queries - 1) / queries - first_tile;

  auto load = [&](int slot, int head, int tile) {
    int first = (first_tile + tile) * queries;
    load_wide<queries, threads>(
        query_tiles + slot * query_bytes, q + run.start * q_stride + head * WIDTH, q_stride, first, run.length);
    load_wide<queries, threads>(
        slope_tiles + slot * query_bytes, dy + run.start * dy_stride + head * WIDTH, dy_stride, first, run.length);
    for (int i = threadIdx.x; i < queries; i += threads) {
      bool valid = first + i < run.length;
      i64 place = (i64)head * tokens + run.start + first + i;
      copy_word_async(sum_tiles + slot * queries + i, log_sum_exp + (valid ? place : 0), valid);
      copy_word_async(delta_tiles + slot * queries + i, delta + (valid ? place : 0), valid);
    }
    commit_copies();
  };
  load_wide<keys, threads>(key_tile, k + run.start * k_stride + group * WIDTH, k_stride, run.first, run.length);
  load_wide<keys, threads>(value_tile, v + run.start * v_stride + group * WIDTH, v_stride, run.first, run.length);
  commit_copies();
  load(0, group * share, 0);

  // Made by the first tile's products.
  float key_sums[WIDTH / 2], value_sums[WIDTH / 2];
  int begun = 0;
  float factor = scale * 1.4426950408889634f;
  int row = warp * 16;
  int mine = run.first + row + lane / 4;
  u32 key_address = shared_address(key_tile), value_address = shared_address(value_tile);
  u32 held[keeps ? WIDTH / 16 : 1][4];
  if (keeps) {
    await_copies<1>();
    __syncthreads();
#pragma unroll
    for (int c = 0; c < WIDTH; c += 16)
      load_matrices(held[keeps ? c / 16 : 0], key_tile + place<keys>(row + piece_row(), c + piece_column()));
  }

  int head = group * share, end_head = head + share, tile = 0, slot = 0;
  while (head < end_head) {
    await_copies<0>();
    publish();
    __syncthreads();
    int next_tile = tile + 1 < tiles ? tile + 1 : 0, next_head = next_tile > 0 ? head : head + 1;
    int next_slot = slot + 1 < stages ? slot + 1 : 0;
    if (next_head < end_head) load(next_slot, next_head, next_tile);
    u32 query_address = shared_address(query_tiles + slot * query_bytes);
    u32 slope_address = shared_address(slope_tiles + slot * query_bytes);
    const float *sums = sum_tiles + slot * queries, *deltas = delta_tiles + slot * queries;
    int first_query = (first_tile + tile) * queries;

    float weights[queries / 2], slopes[queries / 2];
    begin_products();
#pragma unroll
    for (int c = 0; c < WIDTH; c += 16)
      if (keeps)
        Wide<queries>::multiply<0>(weights, held[keeps ? c / 16 : 0], across<queries>(query_address, 0, c), c > 0);
      else
        Wide<queries>::multiply(
            weights, across<keys>(key_address, warp / 4 * 64, c), across<queries>(query_address, 0, c), c > 0);
    commit_products();
#pragma unroll
    for (int c = 0; c < WIDTH; c += 16)
      Wide<queries>::multiply(
          slopes, across<keys>(value_address, warp / 4 * 64, c), across<queries>(slope_address, 0, c), c > 0);
    commit_products();
    await_products<1>();

    bool edge = first_query < run.first + keys - 1 || (window > 0 && first_query + queries > run.first + window);
#pragma unroll
    for (int n = 0; n < queries / 8; n++) {
      int column = n * 8 + (lane & 3) * 2;
      float2 sum = *reinterpret_cast<const float2 *>(sums + column);
#pragma unroll
      for (int e = 0; e < 4; e++) {
        float p = exp2_fast(weights[n * 4 + e] * factor - (e & 1 ? sum.y : sum.x));
        if (edge) {
          int key = mine + (e & 2) * 4, query = first_query + column + (e & 1);
          if (key > query || (window > 0 && key <= query - window)) p = 0;
        }
        weights[n * 4 + e] = p;
      }
    }
    u32 a[queries / 16][4], d[queries / 16][4];
#pragma unroll
    for (int n = 0; n < queries / 16; n++)
#pragma unroll
      for (int i = 0; i < 4; i++) a[n][i] = pack_bf16(weights[n * 8 + i * 2], weights[n * 8 + i * 2 + 1]);
    await_products<0>();
#pragma unroll
    for (int n = 0; n < queries / 8; n++) {
      float2 mean = *reinterpret_cast<const float2 *>(deltas + n * 8 + (lane & 3) * 2);
#pragma unroll
      for (int e = 0; e < 4; e++)
        slopes[n * 4 + e] = weights[n * 4 + e] * (slopes[n * 4 + e] - (e & 1 ? mean.y : mean.x)) * scale;
    }
#pragma unroll
    for (int n = 0; n < queries / 16; n++)
#pragma unroll
      for (int i = 0; i < 4; i++) d[n][i] = pack_bf16(slopes[n * 8 + i * 2], slopes[n * 8 + i * 2 + 1]);
    begin_products();
#pragma unroll
    for (int n = 0; n < queries; n += 16)
      Wide<WIDTH>::multiply<1>(value_sums, a[n / 16], down<queries>(slope_address, n), n > 0 ? 1 : begun);
#pragma unroll
    for (int n = 0; n < queries; n += 16)
      Wide<WIDTH>::multiply<1>(key_sums, d[n / 16], down<queries>(query_address, n), n > 0 ? 1 : begun);
    commit_products();
    if (!overlaps) await_products<0>();
    tile = next_tile;
    head = next_head;
    slot = next_slot;
    begun = 1;
  }
  await_products<0>();

  await_copies<0>();
  float *staged = reinterpret_cast<float *>(shared);
  constexpr int staged_pitch = WIDTH + 4;
  int valid = min(keys, run.length - run.first);
#pragma unroll
  for (int part = 0; part < 2; part++) {
    __syncthreads();
#pragma unroll
    for (int n = 0; n < WIDTH / 8; n++)
#pragma unroll
      for (int e = 0; e < 4; e++)
        staged[(row + lane / 4 + (e & 2) * 4) * staged_pitch + n * 8 + (lane & 3) * 2 + (e & 1)] =
            part ? key_sums[n * 4 + e] : value_sums[n * 4 + e];
    __syncthreads();
    i64 stride = part ? dk_stride : dv_stride;
    bf16 *target = (part ? dk : dv) + (run.start + run.first) * stride + group * WIDTH;
    write_turned_back<threads>(
        target, stride, staged, staged_pitch, part ? &rotary : nullptr, run.table, run.first, valid);
  }
}
