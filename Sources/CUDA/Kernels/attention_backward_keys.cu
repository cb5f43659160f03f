// The gradients of keys and values: a block of keys a thread block, the queries that see them streamed past it, query
// heads that share the keys one after another. Nothing is added across thread blocks, so the sums have one order.
//
// q `[tokens, heads · WIDTH]` and k `[tokens, groups · WIDTH]` are rotated and contiguous. Everything is held transposed, keys
// down, queries across: the weights then are the left factors of both products as they stand in registers.
//
// Paper: Dao, "FlashAttention-2" (2023), algorithm 2.
//
// Grid: (runs of keys, groups). Threads: 32 · KEY_WARPS.

#ifndef KEY_WARPS
#define KEY_WARPS 4
#endif

constexpr int threads = 32 * KEY_WARPS;
constexpr int keys = 16 * KEY_WARPS;
constexpr int queries = 64;
// Whether a warp keeps its keys in registers rather than reading them again for each block of queries.
constexpr bool held = columns <= 96;

extern "C" __global__ void __launch_bounds__(threads, columns <= 128 ? 8 / KEY_WARPS : 1) attention_backward_keys(
    const bf16 *__restrict__ q, const bf16 *__restrict__ k, const bf16 *__restrict__ v, i64 v_stride,
    const bf16 *__restrict__ dy, i64 dy_stride, const float *__restrict__ log_sum_exp,
    const float *__restrict__ delta, bf16 *__restrict__ dk, i64 dk_stride, bf16 *__restrict__ dv, i64 dv_stride,
    const Run *__restrict__ runs, Rotary rotary, int tokens, int share, int window, float scale) {
  extern __shared__ __align__(16) u8 shared[];
  bf16 *key_tile = reinterpret_cast<bf16 *>(shared);
  bf16 *value_tile = key_tile + keys * pitch;
  bf16 *query_tiles = value_tile + keys * pitch;
  bf16 *slope_tiles = query_tiles + 2 * queries * pitch;
  float *sum_tiles = reinterpret_cast<float *>(slope_tiles + 2 * queries * pitch);
  float *delta_tiles = sum_tiles + 2 * queries;

  Run run = runs[blockIdx.x];
  int group = blockIdx.y, heads = gridDim.y * share;
  int warp = threadIdx.x / 32, lane = threadIdx.x & 31;
  i64 k_stride = static_cast<i64>(gridDim.y) * WIDTH, q_stride = static_cast<i64>(heads) * WIDTH;
  int first_tile = run.first / queries;
  int end_query = window > 0 ? min(run.length, run.first + keys - 1 + window) : run.length;
  int tiles = (end_query + queries - 1) / queries - first_tile;

  auto load = [&](int slot, int head, int tile) {
    int first = (first_tile + tile) * queries;
    load_tile<queries, threads>(
        query_tiles + slot * queries * pitch, q + run.start * q_stride + head * WIDTH, q_stride, first, run.length);
    load_tile<queries, threads>(
        slope_tiles + slot * queries * pitch, dy + run.start * dy_stride + head * WIDTH, dy_stride, first,
        run.length);
    for (int i = threadIdx.x; i < queries; i += threads) {
      bool valid = first + i < run.length;
      i64 place = static_cast<i64>(head) * tokens + run.start + first + i;
      copy_word_async(sum_tiles + slot * queries + i, log_sum_exp + (valid ? place : 0), valid);
      copy_word_async(delta_tiles + slot * queries + i, delta + (valid ? place : 0), valid);
    }
    commit_copies();
  };

  load_tile<keys, threads>(key_tile, k + run.start * k_stride + group * WIDTH, k_stride, run.first, run.length);
  load_tile<keys, threads>(value_tile, v + run.start * v_stride + group * WIDTH, v_stride, run.first, run.length);
  load(0, group * share, 0);

  float key_sums[columns / 8][4] = {}, value_sums[columns / 8][4] = {};
  u32 key_pieces[held ? columns / 16 : 1][4];
  float factor = scale * 1.4426950408889634f;
  int row = warp * 16;
  int mine = run.first + row + lane / 4;

  int head = group * share, end_head = head + share, tile = 0, slot = 0;
  while (head < end_head) {
    await_copies<0>();
    __syncthreads();
    int next_tile = tile + 1 < tiles ? tile + 1 : 0, next_head = next_tile > 0 ? head : head + 1;
    if (next_head < end_head) load(slot ^ 1, next_head, next_tile);
    if (held && tile == 0 && head == group * share)
#pragma unroll
      for (int c = 0; c < columns; c += 16)
        load_matrices(key_pieces[held ? c / 16 : 0], key_tile + (row + piece_row()) * pitch + c + piece_column());

    const bf16 *query_tile = query_tiles + slot * queries * pitch;
    const bf16 *slope_tile = slope_tiles + slot * queries * pitch;
    const float *sums = sum_tiles + slot * queries, *deltas = delta_tiles + slot * queries;
    int first_query = (first_tile + tile) * queries;

    float weights[queries / 8][4] = {};
#pragma unroll
    for (int c = 0; c < columns; c += 16) {
      u32 a[4];
      if (held) {
#pragma unroll
        for (int i = 0; i < 4; i++) a[i] = key_pieces[held ? c / 16 : 0][i];
      } else {
        load_matrices(a, key_tile + (row + piece_row()) * pitch + c + piece_column());
      }
#pragma unroll
      for (int n = 0; n < queries; n += 16) {
        u32 b[4];
        load_matrices(b, query_tile + (n + factor_row()) * pitch + c + factor_column());
        multiply(weights[n / 8], a, b[0], b[1]);
        multiply(weights[n / 8 + 1], a, b[2], b[3]);
      }
    }
    float slopes[queries / 8][4] = {};
#pragma unroll
    for (int c = 0; c < columns; c += 16) {
      u32 a[4];
      load_matrices(a, value_tile + (row + piece_row()) * pitch + c + piece_column());
#pragma unroll
      for (int n = 0; n < queries; n += 16) {
        u32 b[4];
        load_matrices(b, slope_tile + (n + factor_row()) * pitch + c + factor_column());
        multiply(slopes[n / 8], a, b[0], b[1]);
        multiply(slopes[n / 8 + 1], a, b[2], b[3]);
      }
    }

    bool edge = first_query < run.first + keys - 1 || (window > 0 && first_query + queries > run.first + window);
#pragma unroll
    for (int n = 0; n < queries / 8; n++) {
      int column = n * 8 + (lane & 3) * 2;
      float2 sum = *reinterpret_cast<const float2 *>(sums + column);
      float2 mean = *reinterpret_cast<const float2 *>(deltas + column);
#pragma unroll
      for (int e = 0; e < 4; e++) {
        float p = exp2_fast(weights[n][e] * factor - (e & 1 ? sum.y : sum.x));
        if (edge) {
          int key = mine + (e & 2) * 4, query = first_query + column + (e & 1);
          if (key > query || (window > 0 && key <= query - window)) p = 0;
        }
        weights[n][e] = p;
        slopes[n][e] = p * (slopes[n][e] - (e & 1 ? mean.y : mean.x)) * scale;
      }
    }

#pragma unroll
    for (int n = 0; n < queries; n += 16) {
      u32 a[4], d[4];
#pragma unroll
      for (int i = 0; i < 4; i++) {
        a[i] = pack_bf16(weights[n / 8 + i / 2][i % 2 * 2], weights[n / 8 + i / 2][i % 2 * 2 + 1]);
        d[i] = pack_bf16(slopes[n / 8 + i / 2][i % 2 * 2], slopes[n / 8 + i / 2][i % 2 * 2 + 1]);
      }
#pragma unroll
      for (int c = 0; c < columns; c += 16) {
        u32 b[4];
        load_transposed(b, slope_tile + (n + piece_row()) * pitch + c + piece_column());
        multiply(value_sums[c / 8], a, b[0], b[1]);
        multiply(value_sums[c / 8 + 1], a, b[2], b[3]);
        load_transposed(b, query_tile + (n + piece_row()) * pitch + c + piece_column());
        multiply(key_sums[c / 8], d, b[0], b[1]);
        multiply(key_sums[c / 8 + 1], d, b[2], b[3]);
      }
    }
    tile = next_tile;
    head = next_head;
    slot ^= 1;
  }

  await_copies<0>();
  float *staged = reinterpret_cast<float *>(shared);
  constexpr int staged_pitch = columns + 4;
  int valid = min(keys, run.length - run.first);
#pragma unroll
  for (int part = 0; part < 2; part++) {
    __syncthreads();
#pragma unroll
    for (int n = 0; n < columns / 8; n++)
#pragma unroll
      for (int e = 0; e < 4; e++)
        staged[(row + lane / 4 + (e & 2) * 4) * staged_pitch + n * 8 + (lane & 3) * 2 + (e & 1)] =
            part ? key_sums[n][e] : value_sums[n][e];
    __syncthreads();
    i64 stride = part ? dk_stride : dv_stride;
    bf16 *target = (part ? dk : dv) + (run.start + run.first) * stride + group * WIDTH;
    write_turned_back<threads>(
        target, stride, staged, staged_pitch, part ? &rotary : nullptr, run.table, run.first, valid);
  }
}
