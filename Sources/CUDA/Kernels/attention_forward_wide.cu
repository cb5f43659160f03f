// `attention_forward` with Hopper's products; the same semantics.
//
// Two groups of four warps take 64 queries each, and go through the keys 128 at a time: while one tile's weights are computed,
// the products of the values before it run, and the other group's. A lane of four warps more brings the tiles. A block goes
// through items, a run of queries with a head each, and the next one's tiles come while the results of the one before are written.
//
// q, k and v are seen as [heads · WIDTH / CHUNK, tokens, CHUNK].
//
// Grid: as many blocks as there are multiprocessors, or items. Threads: 384.

constexpr int rows = 128, keys = 128;
constexpr int tile_bytes = 128 * WIDTH * 2;

extern "C" __global__ void __launch_bounds__(384, 1) attention_forward(
    const __grid_constant__ Map q, const __grid_constant__ Map k, const __grid_constant__ Map v, bf16 *__restrict__ y,
    i64 y_stride, float *__restrict__ log_sum_exp, bf16 *__restrict__ rotated, const Run *__restrict__ runs, Rotary rotary,
    int tokens, int share, int window, float scale, int key_start, int offset, int heads, int count) {
  u8 *shared = aligned_shared();
  u32 base = shared_address(shared), barriers = base + 6 * tile_bytes;
  Ring query_ring(base, barriers), key_ring(base + 2 * tile_bytes, barriers + 32), value_ring(base + 4 * tile_bytes, barriers + 64);
  if (threadIdx.x == 0) {
    query_ring.start(8);
    key_ring.start(8);
    value_ring.start(8);
  }
  __syncthreads();

  // One head's runs after the other's, so that keys and values are in the cache; the longest first, and every other round
  // backwards, so that no block always has the longer ones.
  int items = count * heads;
  auto item_of = [&](int round) {
    int place = round & 1 ? gridDim.x - 1 - blockIdx.x : blockIdx.x;
    return round * (int)gridDim.x + place;
  };
  auto span = [&](const Run &run, int &first_tile, int &end_tile) {
    int last = min(run.first + rows, run.length) - 1;
    int lowest = window > 0 ? max(0, offset + run.first - window + 1) : 0;
    first_tile = lowest / keys, end_tile = (offset + last) / keys + 1;
  };

  if (threadIdx.x < 128) {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 40;\n");
    if (threadIdx.x == 0) {
      for (int round = 0, item; (item = item_of(round)) < items; round++) {
        Run run = runs[item % count];
        int head = item / count, first_tile, end_tile;
        span(run, first_tile, end_tile);
        int origin = key_start < 0 ? run.start : key_start;
        query_ring.bring(q, run.start + run.first, head);
        for (int tile = end_tile - 1; tile >= first_tile; tile--) {
          key_ring.bring(k, origin + tile * keys, head / share);
          value_ring.bring(v, origin + tile * keys, head / share);
        }
      }
    }
    return;
  }

  asm volatile("setmaxnreg.inc.sync.aligned.u32 232;\n");
  int side = threadIdx.x / 128 - 1, thread = threadIdx.x & 127, warp = thread / 32, lane = threadIdx.x & 31;
  auto meet = [&]() { asm volatile("bar.sync %0, 128;" ::"r"(side + 1) : "memory"); };
  float factor = scale * 1.4426950408889634f;
  // The groups take turns at asking for products, so that one's run while the other computes weights.
  auto await_turn = [&]() { asm volatile("bar.sync %0, 256;" ::"r"(side + 3) : "memory"); };
  auto pass_turn = [&]() { asm volatile("bar.arrive %0, 256;" ::"r"(4 - side) : "memory"); };
  if (side == 1) pass_turn();

  for (int round = 0, item; (item = item_of(round)) < items; round++) {
    Run run = runs[item % count];
    int head = item / count, first_tile, end_tile;
    span(run, first_tile, end_tile);
    int first = run.first + side * 64, valid = max(0, min(64, run.length - first));
    u8 *query_tile = shared + query_ring.slot() * tile_bytes;
    auto at = [=](int row, int column) { return reinterpret_cast<bf16 *>(query_tile + place<rows>(side * 64 + row, column)); };
    u32 query_address = query_ring.tile();
    query_ring.await_tile();
    rotate_tile<128>(thread, rotary, run.table, offset + first, valid, at);
    publish();
    meet();
    if (rotated) {
      bf16 *to = rotated + (run.start + first) * ((i64)heads * WIDTH) + head * WIDTH;
      for (int i = thread; i < valid * (WIDTH / 8); i += 128) {
        int line = i / (WIDTH / 8), column = i % (WIDTH / 8) * 8;
        *reinterpret_cast<uint4 *>(to + line * ((i64)heads * WIDTH) + column) =
            *reinterpret_cast<const uint4 *>(at(line, column));
      }
    }

    float output[WIDTH / 2] = {}, scores[keys / 2];
    u32 weights[keys / 16][4];
    float top[2] = {-infinity, -infinity}, total[2] = {}, fade[2];
    int mine = offset + first + warp * 16 + lane / 4;

    auto score = [&]() {
      key_ring.await_tile();
      begin_products();
#pragma unroll
      for (int c = 0; c < WIDTH; c += 16)
        Wide<keys>::multiply(scores, across<rows>(query_address, side * 64, c), across<keys>(key_ring.tile(), 0, c), c > 0);
      commit_products();
    };
    auto gather = [&]() {
      value_ring.await_tile();
      begin_products();
#pragma unroll
      for (int n = 0; n < keys; n += 16)
        Wide<WIDTH>::multiply<1>(output, weights[n / 16], down<keys>(value_ring.tile(), n), 1);
      commit_products();
    };
    // Scores to weights, and what the sums so far fade by.
    auto weigh = [&](int tile) {
      int first_key = tile * keys;
      bool edge = first_key + keys > offset + first + 1 || (window > 0 && first_key <= offset + first + 63 - window);
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
        fade[h] = exp2_fast(top[h] * factor - shift);
        top[h] = most;
        float sum = 0;
#pragma unroll
        for (int i = 2 * h; i < keys / 2; i += 4) {
          scores[i] = exp2_fast(scores[i] * factor - shift);
          scores[i + 1] = exp2_fast(scores[i + 1] * factor - shift);
          sum += scores[i] + scores[i + 1];
        }
        total[h] = total[h] * fade[h] + sum;
      }
    };
    auto pack = [&]() {
#pragma unroll
      for (int n = 0; n < keys / 16; n++)
#pragma unroll
        for (int i = 0; i < 4; i++) weights[n][i] = pack_bf16(scores[n * 8 + i * 2], scores[n * 8 + i * 2 + 1]);
    };

    // From the latest keys to the first.
    int tile = end_tile - 1;
    await_turn();
    score();
    pass_turn();
    await_products<0>();
    key_ring.leave();
    weigh(tile);
    pack();
    int present = offset + run.length - tile * keys;
    if (present < keys) {
      value_ring.await_tile();
      // What lies behind the sequence counts for nothing, even where it is no number.
      u8 *values = shared + (4 + value_ring.slot()) * tile_bytes;
      for (int i = thread; i < (keys - present) * (WIDTH / 8); i += 128)
        *reinterpret_cast<uint4 *>(values + place<keys>(present + i / (WIDTH / 8), i % (WIDTH / 8) * 8)) = make_uint4(0, 0, 0, 0);
      publish();
      meet();
    }
#pragma unroll 1
    for (tile--; tile >= first_tile; tile--) {
      await_turn();
      score();
      gather();
      pass_turn();
      await_products<1>();
      key_ring.leave();
      weigh(tile);
      settle(scores);
      await_products<0>();
      value_ring.leave();
#pragma unroll
      for (int i = 0; i < WIDTH / 2; i++) output[i] *= fade[i / 2 % 2];
      pack();
    }
    gather();
    await_products<0>();
    value_ring.leave();

    // The group's queries are no longer needed; its warps stage what they write in their places.
    meet();
#pragma unroll
    for (int h = 0; h < 2; h++) {
      float sum = total[h];
      sum += __shfl_xor_sync(~0u, sum, 1);
      sum += __shfl_xor_sync(~0u, sum, 2);
      float inverse = sum > 0 ? 1 / sum : 0;
      int local = warp * 16 + 8 * h + lane / 4;
      if (log_sum_exp && (lane & 3) == 0 && local < valid)
        log_sum_exp[(i64)head * tokens + run.start + first + local] = factor * top[h] + log2f(sum);
#pragma unroll
      for (int n = 0; n < WIDTH / 8; n++)
        *reinterpret_cast<u32 *>(at(local, n * 8 + (lane & 3) * 2)) =
            pack_bf16(output[n * 4 + 2 * h] * inverse, output[n * 4 + 2 * h + 1] * inverse);
    }
    __syncwarp();
    bf16 *target = y + (run.start + first) * y_stride + head * WIDTH;
    constexpr int units = WIDTH / 8;
    for (int i = lane; i < 16 * units; i += 32) {
      int local = warp * 16 + i / units, unit = i % units;
      if (local < valid)
        *reinterpret_cast<uint4 *>(target + local * y_stride + unit * 8) = *reinterpret_cast<const uint4 *>(at(local, unit * 8));
    }
    publish();
    __syncwarp();
    query_ring.leave();
  }
}
