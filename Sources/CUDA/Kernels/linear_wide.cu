// A linear layer's product on Hopper, with what a library does not do in passing: a low-rank product that is summed with it in
// f32, dropped elements of that, and a gated activation of the result or its addition to a residual.
//
// y [rows, columns] = low · bᵀ + x · wᵀ, x [rows, depth], w [columns, depth], low [rows, rank], b [columns, rank]; where TURNED
// x · w and low · b, w [depth, columns], b [rank, columns]. All bf16, summed in f32 in the order of the columns of [low | x].
//
// Compile-time: TURNED. MASKED, 1 where low's product is multiplied by `factor` and a mask, of bits as `low_rank_reduce` leaves
// them, before the rest is added. GATED, 1 where there are two of w and b, for gates and for ups, and y is silu(gate) · up of
// what they give, both rounded first, which KEPT writes too. ADDED, 1 where y, rounded, is added to `residual`. PARTED, 1 where
// what the product gives, rounded, is the gradient of silu(gate) · up: y has those of gates and, `columns` beside them, of ups,
// which stand like that in `gates`, that may be y itself; `columns` is then a multiple of 64. LOSS, 1 where y is wanted for its
// losses alone and not written: of each row's 256 columns the largest and the sum of exponentials below it go to `parts`, and
// the target's to `chosen`.
//
// Two thread blocks, a cluster, share 256 columns of w, each with 128 rows of x: each brings half of w for both. Four warps bring
// what eight multiply, 64 of the depth at a time. A tile's results wait in registers, rounded, and are written while the next
// one's products are under way, so that these need not wait for that.
//
// Grid: (2 · clusters), which share out tiles of 256 × 256 among them; where at most half of the clusters would have one in the
// last round, it is shared by two of them, each with half of its rows. Threads: 384.

constexpr int stages = 4, step = 64;
constexpr int left_bytes = 128 * step * 2, right_bytes = 256 * step * 2, stage_bytes = left_bytes + right_bytes;
// A warp's results on their way out: `buffers` times 16 rows of 64.
constexpr int chunk_bytes = 16 * 64 * 2, buffers = 2;
// Steps from one writing to the next: time enough for what is added to arrive.
[[maybe_unused]] constexpr int pace = ADDED ? 4 : 1;
// Columns of y in a tile.
constexpr int width = GATED ? 128 : 256;

// To the same place of both thread blocks, and both their barriers.
__device__ __forceinline__ void copy_box_to_both(u32 target, const Map &map, int column, int row, u32 barrier) {
  asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster "
               "[%0], [%1, {%2, %3}], [%4], %5;\n" ::"r"(target),
               "l"(&map), "r"(column), "r"(row), "r"(barrier), "h"((u16)3)
               : "memory");
}
__device__ __forceinline__ void write_box(const Map &map, u32 source, int column, int row) {
  asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%0, {%1, %2}], [%3];\n"
               "cp.async.bulk.commit_group;\n" ::"l"(&map),
               "r"(column), "r"(row), "r"(source)
               : "memory");
}
template <int LEFT> __device__ __forceinline__ void await_writes() {
  asm volatile("cp.async.bulk.wait_group.read %0;\n" ::"n"(LEFT) : "memory");
}
__device__ __forceinline__ void arrive_at(u32 barrier, u32 rank) {
  asm volatile("{\n.reg .b32 there;\nmapa.shared::cluster.u32 there, %0, %1;\n"
               "mbarrier.arrive.shared::cluster.b64 _, [there];\n}\n" ::"r"(barrier),
               "r"(rank)
               : "memory");
}
__device__ __forceinline__ void store_matrices(u32 target, u32 a, u32 b, u32 c, u32 d) {
  asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};\n" ::"r"(target), "r"(a), "r"(b), "r"(c), "r"(d)
               : "memory");
}

__device__ __forceinline__ void load_matrices(u32 (&r)[4], u32 from) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];\n"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(from)
               : "memory");
}

// Sixteen of the depth of a tile of w.
__device__ __forceinline__ u64 right_factor(u32 tile, int place) {
#if TURNED
  return down<step>(tile, place);
#else
  return across<256>(tile, 0, place);
#endif
}

// Where a tile lies. Those under way at a time have few rows and few columns, so that what they share is in the cache: `high`
// of them stand above each other.
struct Tile {
  int row, column;
  __device__ __forceinline__ Tile(int number, int pairs, int beside, int high) {
    int strip = number / (high * beside), within = number - strip * (high * beside), first = strip * high;
    int count = min(high, pairs - first);
    row = (first + within % count) * 256;
    column = within / count * width;
  }
};

extern "C" __global__ void __cluster_dims__(2, 1, 1) __launch_bounds__(384, 1) linear_wide(
    const __grid_constant__ Map x, const __grid_constant__ Map low, const __grid_constant__ Map w, const __grid_constant__ Map b,
    const __grid_constant__ Map w_up, const __grid_constant__ Map b_up, const __grid_constant__ Map residual,
    const __grid_constant__ Map gates, const __grid_constant__ Map ups, const __grid_constant__ Map y,
    const u8 *__restrict__ bits, i64 bits_stride, int rows, int columns, int depth, int rank, float factor,
    const int *__restrict__ targets, float2 *__restrict__ parts, float *__restrict__ chosen, int high) {
  u8 *shared = aligned_shared();
  u32 tiles = shared_address(shared), staging = tiles + stages * stage_bytes;
  u32 full = staging + 8 * buffers * chunk_bytes, empty = full + stages * 8, arrived = empty + stages * 8;
  u32 self;
  asm volatile("mov.u32 %0, %%cluster_ctarank;\n" : "=r"(self));
  if (threadIdx.x == 0) {
    for (int i = 0; i < stages; i++) {
      start_counting(full + i * 8, 1);
      // The eight warps of both blocks.
      start_counting(empty + i * 8, 16);
    }
    for (int i = 0; i < 8; i++) start_counting(arrived + i * 8, 1);
    asm volatile("fence.mbarrier_init.release.cluster;\n" ::: "memory");
  }
  meet_cluster();
  await_predecessor();

  int pairs = (rows + 255) / 256, beside = (columns + width - 1) / width, count = pairs * beside;
  // Tiles that two clusters share. Where something is added there are no registers left for that.
  int clusters = gridDim.x / 2, halved = !ADDED && count % clusters <= clusters / 2 ? count % clusters : 0;
  int whole = count - halved;
  int first_steps = (rank + step - 1) / step, steps = first_steps + (depth + step - 1) / step;
  int slot = 0;
  u32 parity = 0;
  auto advance = [&]() {
    if (++slot == stages) slot = 0, parity ^= 1;
  };

  if (threadIdx.x < 128) {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 24;\n");
    if (threadIdx.x == 0) {
      for (int number = blockIdx.x / 2; number < whole + 2 * halved; number += clusters) {
        Tile tile(number < whole ? number : whole + (number - whole) / 2, pairs, beside, high);
        int top = tile.row + (int)self * 128;
#pragma unroll 1
        for (int k = 0; k < steps; k++) {
          bool is_first = k < first_steps;
          const Map &left = is_first ? low : x;
          const Map &right = GATED && self ? (is_first ? b_up : w_up) : (is_first ? b : w);
          int place = (is_first ? k : k - first_steps) * step;
          u32 target = tiles + slot * stage_bytes, barrier = full + slot * 8;
          wait_for(empty + slot * 8, parity ^ 1);
          expect(barrier, stage_bytes);
          copy_box(target, left, place, top, barrier);
          target += left_bytes + self * (right_bytes / 2);
          if (TURNED) {
            copy_box_to_both(target, right, tile.column + (int)self * 128, place, barrier);
            copy_box_to_both(target + right_bytes / 4, right, tile.column + (int)self * 128 + 64, place, barrier);
          } else {
            copy_box_to_both(target, right, place, tile.column + (GATED ? 0 : (int)self * 128), barrier);
          }
          advance();
        }
      }
    }
  } else {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 240;\n");
    int group = threadIdx.x / 128 - 1, warp = threadIdx.x / 32 % 4, lane = threadIdx.x & 31;
#if !LOSS
    // What is still to be written, sixty-four columns at a time: of those first all gates, then all ups.
    u32 held[64] = {}, own = staging + (group * 4 + warp) * buffers * chunk_bytes;
    int held_parts = 0, held_row = 0, held_column = 0;
#if ADDED || PARTED
    u32 added = arrived + (group * 4 + warp) * 8;
#endif
#if PARTED
    // Of all parts, those of sixteen columns that are done.
    int quarters = 0;
    bool is_brought = false;
    // The next part's gates into the first buffer, its ups into the second, once what was there is written.
    auto bring = [&]() {
      if (lane == 0) {
        await_writes<0>();
        expect(added, 2 * chunk_bytes);
        copy_box(own, gates, held_column, held_row, added);
        copy_box(own + chunk_bytes, gates, columns + held_column, held_row, added);
      }
      is_brought = true;
    };
    // A quarter of the next part: gradients in the places of gates and ups. A whole part would take longer than the products
    // that are under way meanwhile.
    auto write = [&]() {
      if (!is_brought) bring();
      wait_for(added, quarters / 4 & 1);
      // A lane has the place of a row of eight of sixteen columns.
      u32 place = own + (lane & 15) * 128 + ((lane / 16) ^ (lane & 7) ^ 2 * (quarters & 3)) * 16, gate[4], up[4];
      load_matrices(gate, place);
      load_matrices(up, place + chunk_bytes);
#pragma unroll
      for (int i = 0; i < 4; i++) {
        u32 d = quarters & 2 ? (quarters & 1 ? held[12 + i] : held[8 + i]) : (quarters & 1 ? held[4 + i] : held[i]);
        float g[2] = {low_bf16(gate[i]), high_bf16(gate[i])}, u[2] = {low_bf16(up[i]), high_bf16(up[i])};
        part_gradient(low_bf16(d), g[0], u[0]);
        part_gradient(high_bf16(d), g[1], u[1]);
        gate[i] = pack_bf16(g[0], g[1]), up[i] = pack_bf16(u[0], u[1]);
      }
      store_matrices(place, gate[0], gate[1], gate[2], gate[3]);
      store_matrices(place + chunk_bytes, up[0], up[1], up[2], up[3]);
      if (++quarters & 3) return;
      publish();
      __syncwarp();
      if (lane == 0) {
        write_box(y, own, held_column, held_row);
        write_box(y, own + chunk_bytes, columns + held_column, held_row);
      }
#pragma unroll
      for (int i = 0; i + 16 < 64; i++) held[i] = held[i + 16];
      is_brought = false;
      held_column += 64;
      held_parts--;
    };
#else
    constexpr int words = width / 4;
    int buffer = 0;
#if ADDED
    // What the next part is added to, into the buffer that it will be written from.
    auto bring = [&]() {
      if (held_parts && held_column < columns && lane == 0) {
        await_writes<buffers - 1>();
        expect(added, chunk_bytes);
        copy_box(own + buffer * chunk_bytes, residual, held_column, held_row, added);
      }
    };
#endif
    // The next part: `word` of a number of two neighbours, and of what was brought into their place.
    auto put = [&](const Map &to, auto word) {
#if ADDED
      // Each buffer is every other one's turn, so its number is also the parity of what has arrived.
      wait_for(added, buffer);
#else
      if (lane == 0) await_writes<buffers - 1>();
      __syncwarp();
#endif
      // A lane stores a row of eight of sixteen columns.
      u32 target = own + buffer * chunk_bytes, first = target + (lane & 15) * 128 + ((lane / 16) ^ (lane & 7)) * 16;
#pragma unroll
      for (int n = 0; n < 8; n += 2) {
        u32 place = first ^ n * 16, out[4] = {};
#if ADDED
        load_matrices(out, place);
#endif
#pragma unroll
        for (int i = 0; i < 4; i++) out[i] = word(2 * n + i, out[i]);
        store_matrices(place, out[0], out[1], out[2], out[3]);
      }
      publish();
      __syncwarp();
      if (lane == 0) write_box(to, target, held_column, held_row);
      buffer = buffer + 1 < buffers ? buffer + 1 : 0;
    };
    auto write = [&]() {
      if (held_column < columns) {
#if KEPT
        put(gates, [&](int i, u32) { return held[i]; });
        put(ups, [&](int i, u32) { return held[words + i]; });
#endif
        put(y, [&](int i, [[maybe_unused]] u32 there) {
          u32 result = held[i];
#if GATED
          u32 up = held[words + i];
          result = pack_bf16(
              low_bf16(result) * (sigmoid(low_bf16(result)) * low_bf16(up)),
              high_bf16(result) * (sigmoid(high_bf16(result)) * high_bf16(up)));
#endif
#if ADDED
          result = pack_bf16(low_bf16(there) + low_bf16(result), high_bf16(there) + high_bf16(result));
#endif
          return result;
        });
      }
#pragma unroll
      for (int i = 0; i + 16 < words; i++) {
        held[i] = held[i + 16];
        if (GATED) held[words + i] = held[words + i + 16];
      }
      held_column += 64;
      held_parts--;
#if ADDED
      bring();
#endif
    };
#endif
#endif
    // Both blocks may be brought the next into a place that all have done with.
    auto leave = [&](int place) {
      if (lane < 2) arrive_at(empty + place * 8, lane);
    };
    for (int number = blockIdx.x / 2; number < whole + 2 * halved; number += clusters) {
      if (number >= whole && (number - whole) % 2 != group) {
        for (int k = 0; k < steps; k++) {
          wait_for(full + slot * 8, parity);
          __syncwarp();
          leave(slot);
          advance();
        }
        continue;
      }
      Tile tile(number < whole ? number : whole + (number - whole) / 2, pairs, beside, high);
      int top = tile.row + (int)self * 128 + group * 64;
      float sums[128];
      auto multiply = [&](int k) {
        wait_for(full + slot * 8, parity);
        u32 left = tiles + slot * stage_bytes, right = left + left_bytes;
        begin_products();
#pragma unroll
        for (int c = 0; c < step; c += 16)
          Wide<256>::multiply<TURNED>(
              sums, across<64>(left + group * 64 * 128, 0, c), right_factor(right, c), k + c > 0);
        commit_products();
      };
      int k = 0, last;
#if MASKED
      for (; k < first_steps; k++) {
        multiply(k);
        await_products<0>();
        leave(slot);
        advance();
      }
      if (first_steps) {
        int line = top + warp * 16 + lane / 4;
#pragma unroll
        for (int part = 0; part < 2; part++) {
          u32 kept[2] = {};
#pragma unroll
          for (int h = 0; h < 2; h++)
            if (line + 8 * h < rows && tile.column + part * 128 < columns)
              kept[h] = *reinterpret_cast<const u32 *>(
                  bits + (i64)(line + 8 * h) * bits_stride + (tile.column / 128 + part) * 16 + 4 * (lane & 3));
#pragma unroll
          for (int n = 0; n < 16; n++)
#pragma unroll
            for (int e = 0; e < 4; e++) {
              float &sum = sums[part * 64 + n * 4 + e];
              sum = kept[e / 2] >> (n + (e & 1) * 16) & 1 ? sum * factor : 0;
            }
        }
      }
#endif
      // One step's products are under way while the next one's begin.
      multiply(k);
      last = slot;
      advance();
#pragma unroll 1
      for (k++; k < steps; k++) {
        multiply(k);
#if PARTED
        // Of eight steps four write, and what the next part needs is asked for when the last one has gone.
        if (held_parts && k % 8 >= 4) write();
        if (held_parts && k % 8 == 1 && !is_brought) bring();
#elif !LOSS
        if (held_parts && k % pace == 0) write();
#endif
        await_products<1>();
        leave(last);
        last = slot;
        advance();
      }
      await_products<0>();
      leave(last);

#if LOSS
#pragma unroll
      for (int h = 0; h < 2; h++) {
        int row = top + warp * 16 + lane / 4 + 8 * h;
        int left = columns - tile.column - 2 * (lane & 3);
        int target = row < rows ? targets[row] - tile.column - 2 * (lane & 3) : -1;
        float largest = -infinity, sum = 0;
#pragma unroll
        for (int n = 0; n < 32; n++)
#pragma unroll
          for (int e = 0; e < 2; e++) {
            float v = sums[n * 4 + 2 * h + e];
            if (n * 8 + e == target) chosen[row] = v;
            if (n * 8 + e < left) largest = fmaxf(largest, v);
          }
        largest = fmaxf(largest, __shfl_xor_sync(~0u, largest, 1));
        largest = fmaxf(largest, __shfl_xor_sync(~0u, largest, 2));
#pragma unroll
        for (int n = 0; n < 32; n++)
#pragma unroll
          for (int e = 0; e < 2; e++)
            if (n * 8 + e < left) sum += __expf(sums[n * 4 + 2 * h + e] - largest);
        sum += __shfl_xor_sync(~0u, sum, 1);
        sum += __shfl_xor_sync(~0u, sum, 2);
        if (row < rows && (lane & 3) == 0) parts[(i64)row * beside + tile.column / 256] = make_float2(largest, sum);
      }
#else
#pragma unroll 1
      while (held_parts) write();
#pragma unroll
      for (int i = 0; i < 64; i++) held[i] = pack_bf16(sums[2 * i], sums[2 * i + 1]);
      held_parts = width / 64, held_row = top + warp * 16, held_column = tile.column;
#if PARTED
      held_parts = min(held_parts, (columns - held_column) / 64);
#endif
#if ADDED || PARTED
      bring();
#endif
#endif
    }
#if !LOSS
#pragma unroll 1
    while (held_parts) write();
#endif
    if (lane == 0) await_writes<0>();
  }
  // Neither block may end while the other still brings it something, or tells it that it is done.
  meet_cluster();
}
