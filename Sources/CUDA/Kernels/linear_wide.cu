// A linear layer's product on Hopper, with what a library does not do in passing: a low-rank product that is summed with it in
// f32, dropped elements of that, and a gated activation of the result.
//
// y [rows, columns] = low · bᵀ + x · wᵀ, x [rows, depth], w [columns, depth], low [rows, rank], b [columns, rank]; where TURNED
// x · w and low · b, w [depth, columns], b [rank, columns]. All bf16, summed in f32 in the order of the columns of [low | x].
//
// Compile-time: TURNED. MASKED, 1 where low's product is multiplied by `factor` and a mask, of bits as `low_rank_reduce` leaves
// them, before the rest is added. GATED, 1 where there are two of w and b, for gates and for ups, and y is silu(gate) · up of
// what they give, both rounded first. LOSS, 1 where y is wanted for its losses alone and not written: of each row's 256 columns
// the largest and the sum of exponentials below it go to `parts`, and the target's to `chosen`.
//
// Two thread blocks, a cluster, share 256 columns of w, each with 128 rows of x: each brings half of w for both. Four warps bring
// what eight multiply, 64 of the depth at a time.
//
// Grid: (2 · clusters), which share out tiles of 256 × 256 among them. Threads: 384.

constexpr int stages = 4, step = 64;
constexpr int left_bytes = 128 * step * 2, right_bytes = 256 * step * 2, stage_bytes = left_bytes + right_bytes;
// A warp's results on their way out: `buffers` times 16 rows of 64.
constexpr int chunk_bytes = 16 * 64 * 2, buffers = 2;
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
__device__ __forceinline__ void meet_cluster() {
  asm volatile("barrier.cluster.arrive.release;\nbarrier.cluster.wait.acquire;\n" ::: "memory");
}
__device__ __forceinline__ void store_matrices(u32 target, u32 a, u32 b, u32 c, u32 d) {
  asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};\n" ::"r"(target), "r"(a), "r"(b), "r"(c), "r"(d)
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

// Where a tile lies. Those under way at a time have few rows and few columns, so that what they share is in the cache.
struct Tile {
  int row, column;
  __device__ __forceinline__ Tile(int number, int pairs, int beside) {
    constexpr int high = 8;
    int group = number / (high * beside), within = number - group * (high * beside), first = group * high;
    int count = min(high, pairs - first);
    row = (first + within % count) * 256;
    column = within / count * width;
  }
};

extern "C" __global__ void __cluster_dims__(2, 1, 1) __launch_bounds__(384, 1) linear_wide(
    const __grid_constant__ Map x, const __grid_constant__ Map low, const __grid_constant__ Map w, const __grid_constant__ Map b,
    const __grid_constant__ Map w_up, const __grid_constant__ Map b_up, const __grid_constant__ Map y,
    const u8 *__restrict__ bits, i64 bits_stride, int rows, int columns, int depth, int rank, float factor, const int *__restrict__ targets, float2 *__restrict__ parts,
    float *__restrict__ chosen) {
  u8 *shared = aligned_shared();
  u32 tiles = shared_address(shared), staging = tiles + stages * stage_bytes;
  u32 full = staging + 8 * buffers * chunk_bytes, empty = full + stages * 8;
  u32 self;
  asm volatile("mov.u32 %0, %%cluster_ctarank;\n" : "=r"(self));
  if (threadIdx.x == 0) {
    for (int i = 0; i < stages; i++) {
      start_counting(full + i * 8, 1);
      // The eight warps of both blocks.
      start_counting(empty + i * 8, 16);
    }
    asm volatile("fence.mbarrier_init.release.cluster;\n" ::: "memory");
  }
  meet_cluster();
  await_predecessor();

  int pairs = (rows + 255) / 256, beside = (columns + width - 1) / width, count = pairs * beside;
  int first_steps = (rank + step - 1) / step, steps = first_steps + (depth + step - 1) / step;
  int slot = 0;
  u32 parity = 0;
  auto advance = [&]() {
    if (++slot == stages) slot = 0, parity ^= 1;
  };

  if (threadIdx.x < 128) {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 40;\n");
    if (threadIdx.x == 0) {
      for (int number = blockIdx.x / 2; number < count; number += gridDim.x / 2) {
        Tile tile(number, pairs, beside);
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
    asm volatile("setmaxnreg.inc.sync.aligned.u32 232;\n");
    int group = threadIdx.x / 128 - 1, warp = threadIdx.x / 32 % 4, lane = threadIdx.x & 31;
    [[maybe_unused]] u32 own = staging + (group * 4 + warp) * buffers * chunk_bytes;
    [[maybe_unused]] int buffer = 0;
    // Both blocks may be brought the next into a place that all have done with.
    auto leave = [&](int place) {
      if (lane < 2) arrive_at(empty + place * 8, lane);
    };
    for (int number = blockIdx.x / 2; number < count; number += gridDim.x / 2) {
      Tile tile(number, pairs, beside);
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
          u32 words[2] = {};
#pragma unroll
          for (int h = 0; h < 2; h++)
            if (line + 8 * h < rows && tile.column + part * 128 < columns)
              words[h] = *reinterpret_cast<const u32 *>(
                  bits + (i64)(line + 8 * h) * bits_stride + (tile.column / 128 + part) * 16 + 4 * (lane & 3));
#pragma unroll
          for (int n = 0; n < 16; n++)
#pragma unroll
            for (int e = 0; e < 4; e++) {
              float &sum = sums[part * 64 + n * 4 + e];
              sum = words[e / 2] >> (n + (e & 1) * 16) & 1 ? sum * factor : 0;
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
      // Sixty-four columns of the result, the numbers of which `at(n, e)` gives as sums are kept.
      auto write = [&](int column, auto at) {
        if (column >= columns) return;
        if (lane == 0) await_writes<buffers - 1>();
        __syncwarp();
        // A lane stores a row of eight of sixteen columns.
        u32 target = own + buffer * chunk_bytes;
        int line = lane & 15;
#pragma unroll
        for (int n = 0; n < 8; n += 2)
          store_matrices(
              target + line * 128 + ((n + lane / 16) ^ (line & 7)) * 16, pack_bf16(at(n, 0), at(n, 1)),
              pack_bf16(at(n, 2), at(n, 3)), pack_bf16(at(n + 1, 0), at(n + 1, 1)), pack_bf16(at(n + 1, 2), at(n + 1, 3)));
        publish();
        __syncwarp();
        if (lane == 0) write_box(y, target, column, top + warp * 16);
        buffer = buffer + 1 < buffers ? buffer + 1 : 0;
      };
#pragma unroll
      for (int part = 0; part < width / 64; part++) {
        int column = tile.column + part * 64;
#if GATED
        write(column, [&](int n, int e) {
          float g = widen(to_bf16(sums[part * 32 + n * 4 + e])), u = widen(to_bf16(sums[64 + part * 32 + n * 4 + e]));
          return g * (sigmoid(g) * u);
        });
#else
        write(column, [&](int n, int e) { return sums[part * 32 + n * 4 + e]; });
#endif
      }
#endif
    }
    if (lane == 0) await_writes<0>();
  }
  // Neither block may end while the other still brings it something, or tells it that it is done.
  meet_cluster();
}
