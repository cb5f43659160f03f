// `attention_forward` with Hopper's products; the same arguments, semantics and sums.
//
// Two groups of four warps take 64 queries each; while one computes weights, the other's products run.
//
// Grid: (runs, heads). Threads: 256.

constexpr int threads = 256;
constexpr int rows = 128;
constexpr int keys = 64;

extern "C" __global__ void __launch_bounds__(threads, 2) attention_forward(
    const bf16 *__restrict__ q, i64 q_stride, const bf16 *__restrict__ k, i64 k_stride,
    const bf16 *__restrict__ v, i64 v_stride, bf16 *__restrict__ y, i64 y_stride, float *__restrict__ log_sum_exp,
    bf16 *__restrict__ rotated,
    const Run *__restrict__ runs, Rotary rotary, int tokens, int share, int window, float scale, int key_start,
    int offset) {
  u8 *shared = aligned_shared();
  constexpr int key_bytes = keys * WIDTH * 2;
  u8 *query_tile = shared, *key_tiles = query_tile + rows * WIDTH * 2, *value_tiles = key_tiles + 2 * key_bytes;

  Run run = runs[blockIdx.x];
  int head = blockIdx.y, group = head / share;
  int warp = threadIdx.x / 32, lane = threadIdx.x & 31;
  i64 base = key_start < 0 ? run.start : key_start;
  const bf16 *key_source = k + base * k_stride + group * WIDTH;
  const bf16 *value_source = v + base * v_stride + group * WIDTH;
  int length = offset + run.length;
  int last = min(run.first + rows, run.length) - 1;
  int lowest = window > 0 ? max(0, offset + run.first - window + 1) : 0;
  int first_tile = lowest / keys, end_tile = (offset + last) / keys + 1;

  auto load = [&](int tile) {
    int slot = tile & 1;
    load_wide<keys, threads>(key_tiles + slot * key_bytes, key_source, k_stride, tile * keys, length);
    load_wide<keys, threads>(value_tiles + slot * key_bytes, value_source, v_stride, tile * keys, length);
    commit_copies();
  };
  load_wide<rows, threads>(query_tile, q + run.start * q_stride + head * WIDTH, q_stride, run.first, run.length);
  commit_copies();
  load(first_tile);
  await_copies<1>();
  __syncthreads();
  rotate_tile<threads>(
      rotary, run.table, offset + run.first, last - run.first + 1,
      [=](int row, int column) { return reinterpret_cast<bf16 *>(query_tile + place<rows>(row, column)); });

  if (rotated) {
    __syncthreads();
    bf16 *to = rotated + (run.start + run.first) * ((i64)gridDim.y * WIDTH) + head * WIDTH;
    for (int i = threadIdx.x; i < (last - run.first + 1) * (WIDTH / 8); i += threads) {
      int line = i / (WIDTH / 8), column = i % (WIDTH / 8) * 8;
      *reinterpret_cast<uint4 *>(to + line * ((i64)gridDim.y * WIDTH) + column) =
          *reinterpret_cast<const uint4 *>(query_tile + place<rows>(line, column));
    }
  }
  float output[WIDTH / 2] = {};
  float top[2] = {-infinity, -infinity}, total[2] = {};
  float factor = scale * 1.4426950408889634f;
  int row = warp * 16;
  int mine = offset + run.first + row + lane / 4;
  u32 query_address = shared_address(query_tile);

  for (int tile = first_tile; tile < end_tile; tile++) {
    await_copies<0>();
    publish();
    __syncthreads();
    if (tile + 1 < end_tile) load(tile + 1);
    u32 key_address = shared_address(key_tiles + (tile & 1) * key_bytes);
    u32 value_address = shared_address(value_tiles + (tile & 1) * key_bytes);

    float scores[keys / 2];
    begin_products();
#pragma unroll
    for (int c = 0; c < WIDTH; c += 16)
      Wide<keys>::multiply(
          scores, across<rows>(query_address, warp / 4 * 64, c), across<keys>(key_address, 0, c), c > 0);
    commit_products();
    await_products<0>();

    int first_key = tile * keys;
    bool edge = first_key + keys > offset + run.first + 1 || (window > 0 && first_key <= offset + last - window);
    if (edge) {
#pragma unroll
      for (int i = 0; i < keys / 2; i++) {
        int key = first_key + i / 4 * 8 + (lane & 3) * 2 + (i & 1);
        int query = mine + (i & 2) * 4;
        if (key > query || (window > 0 && key <= query - window)) scores[i] = -infinity;
      }
    }
#pragma unroll
    for (int h = 0; h < 2; h++) {
      float most = top[h];
#pragma unroll
      for (int i = 2 * h; i < keys / 2; i += 4) most = fmaxf(most, fmaxf(scores[i], scores[i + 1]));
      most = fmaxf(most, __shfl_xor_sync(~0u, most, 1));
      most = fmaxf(most, __shfl_xor_sync(~0u, most, 2));
      // A row that has seen no key yet.
      float shift = most == -infinity ? 0.0f : most * factor;
      float fade = exp2_fast(top[h] * factor - shift);
      top[h] = most;
      float sum = 0;
#pragma unroll
      for (int i = 2 * h; i < keys / 2; i += 4) {
        scores[i] = exp2_fast(scores[i] * factor - shift);
        scores[i + 1] = exp2_fast(scores[i + 1] * factor - shift);
        sum += scores[i] + scores[i + 1];
      }
      total[h] = total[h] * fade + sum;
#pragma unroll
      for (int i = 2 * h; i < WIDTH / 2; i += 4) {
        output[i] *= fade;
        output[i + 1] *= fade;
      }
    }
    u32 weights[keys / 16][4];
#pragma unroll
    for (int n = 0; n < keys / 16; n++)
#pragma unroll
      for (int i = 0; i < 4; i++)
        weights[n][i] = pack_bf16(scores[n * 8 + i * 2], scores[n * 8 + i * 2 + 1]);
    begin_products();
#pragma unroll
    for (int n = 0; n < keys; n += 16)
      Wide<WIDTH>::multiply<1>(output, weights[n / 16], down<keys>(value_address, n), 1);
    commit_products();
    await_products<0>();
  }

  // The group's queries are no longer needed; its warps stage what they write in their places.
  __syncthreads();
#pragma unroll
  for (int h = 0; h < 2; h++) {
    float sum = total[h];
    sum += __shfl_xor_sync(~0u, sum, 1);
    sum += __shfl_xor_sync(~0u, sum, 2);
    float inverse = sum > 0 ? 1 / sum : 0;
    int local = row + 8 * h + lane / 4, index = run.first + local;
    if (log_sum_exp && (lane & 3) == 0 && index < run.length)
      log_sum_exp[(i64)head * tokens + run.start + index] = factor * top[h] + log2f(sum);
#pragma unroll
    for (int n = 0; n < WIDTH / 8; n++)
      *reinterpret_cast<u32 *>(query_tile + place<rows>(local, n * 8 + (lane & 3) * 2)) =
          pack_bf16(output[n * 4 + 2 * h] * inverse, output[n * 4 + 2 * h + 1] * inverse);
  }
  __syncwarp();
  bf16 *target = y + (run.start + run.first) * y_stride + head * WIDTH;
  constexpr int units = WIDTH / 8;
  for (int i = lane; i < 16 * units; i += 32) {
    int local = row + i / units, unit = i % units;
    if (run.first + local < run.length)
      *reinterpret_cast<uint4 *>(target + local * y_stride + unit * 8) =
          *reinterpret_cast<const uint4 *>(query_tile + place<rows>(local, unit * 8));
  }
}
