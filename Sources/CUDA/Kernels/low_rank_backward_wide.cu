// What comes back through an adapter's B on Hopper, for which dy is read once:
//
// low [rows, 64] = dy · b, dy [rows, columns], b [columns, 64]; and the gradient of B [columns, 64] = factor · dyᵀ · reduced,
// reduced [rows, 64]. All factors bf16, sums f32.
//
// The one sums over columns and the other over rows, so that a thread block, which has some of either, has parts of both: it
// keeps its columns' gradient in registers while it goes down its rows, and at each 64 rows gives away what is low's. Two blocks
// beside each other, a cluster, make one sum of that before it reaches memory: a thread keeps half of its numbers, to which those
// of the other block's thread are added, and sends it the others.

constexpr int stages = 2, step = 64, width = 512, threads = 256;
constexpr int chunk_bytes = step * 128, dy_bytes = width / 64 * chunk_bytes, stage_bytes = dy_bytes + chunk_bytes;
constexpr int b_bytes = width * 128;
// What a block is sent of 64 rows' low.
constexpr int sent_bytes = step * 32 * 4;

// Four numbers to an address that the other block has, where a barrier counts what has come.
__device__ __forceinline__ void send(u32 target, u32 barrier, u32 rank, float x, float y, float z, float w) {
  asm volatile("{\n.reg .b32 there, counter;\nmapa.shared::cluster.u32 there, %0, %2;\nmapa.shared::cluster.u32 counter, %1, %2;\n"
               "st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.v4.f32 [there], {%3, %4, %5, %6}, [counter];\n}\n" ::"r"(
                   target),
               "r"(barrier), "r"(rank), "f"(x), "f"(y), "f"(z), "f"(w)
               : "memory");
}

// low_parts[x] [rows, 64] of the columns of cluster x, b_parts[y] [columns, 64] of the rows of slice y.
//
// Grid: (columns / 512, an even number; slices of `slice` rows, a multiple of 64). Threads: 256, of which the first half
// multiplies by the first 32 columns of b, and `reduced` by the first 256 of dy, the second by the others.
extern "C" __global__ void __cluster_dims__(2, 1, 1) __launch_bounds__(threads, 1) low_rank_backward(
    const __grid_constant__ Map dy, const __grid_constant__ Map reduced, const __grid_constant__ Map b,
    float *__restrict__ low_parts, float *__restrict__ b_parts, int rows, int columns, int slice) {
  u32 b_tile = shared_address(aligned_shared()), tiles = b_tile + b_bytes, sent = tiles + stages * stage_bytes;
  u32 full = sent + 2 * sent_bytes, received = full + stages * 8;
  int self = blockIdx.x & 1, left = blockIdx.x * width;
  int begin = blockIdx.y * slice, count = (min(rows - begin, slice) + step - 1) / step;
  int group = threadIdx.x / 128, warp = threadIdx.x / 32 % 4, lane = threadIdx.x & 31;
  int line = warp * 16 + lane / 4, two = 2 * (lane & 3);

  auto fetch = [&](int number) {
    u32 target = tiles + number % stages * stage_bytes, barrier = full + number % stages * 8;
    expect(barrier, stage_bytes + (number == 0 ? b_bytes : 0));
    int top = begin + number * step;
    if (number == 0)
      for (int i = 0; i < width / 64; i++) copy_box(b_tile + i * chunk_bytes, b, 0, left + i * 64, barrier);
    for (int i = 0; i < width / 64; i++) copy_box(target + i * chunk_bytes, dy, left + i * 64, top, barrier);
    copy_box(target + dy_bytes, reduced, 0, top, barrier);
  };
  if (threadIdx.x == 0) {
    for (int i = 0; i < stages; i++) start_counting(full + i * 8, 1);
    for (int i = 0; i < 2; i++) start_counting(received + i * 8, 1);
    asm volatile("fence.mbarrier_init.release.cluster;\n" ::: "memory");
    for (int i = 0; i < min(stages, count); i++) fetch(i);
  }
  meet_cluster();

  // What comes for one 64 rows lands where what came for the last but one has been read: before the other block sends this it
  // has got what here was sent after that.
  auto place = [&](int number, int i) { return sent + (number & 1) * sent_bytes + (i * threads + threadIdx.x) * 16; };
  float kept[8];
  auto collect = [&](int number) {
    wait_for(received + (number & 1) * 8, number / 2 & 1);
    float *target = low_parts + ((i64)(blockIdx.x / 2) * rows + begin + number * step + line) * 64 + group * 32 + self * 16 + two;
    int left_rows = rows - begin - number * step - line;
#pragma unroll
    for (int i = 0; i < 2; i++) {
      float4 v;
      asm volatile("ld.shared.v4.f32 {%0, %1, %2, %3}, [%4];\n"
                   : "=f"(v.x), "=f"(v.y), "=f"(v.z), "=f"(v.w)
                   : "r"(place(number, i))
                   : "memory");
      const float(&own)[4] = reinterpret_cast<const float(&)[4]>(kept[4 * i]);
      if (left_rows > 0) *reinterpret_cast<float2 *>(target + i * 8) = make_float2(own[0] + v.x, own[1] + v.y);
      if (left_rows > 8) *reinterpret_cast<float2 *>(target + i * 8 + 8 * 64) = make_float2(own[2] + v.z, own[3] + v.w);
    }
  };

  float sums[128];
  for (int number = 0; number < count; number++) {
    u32 tile = tiles + number % stages * stage_bytes;
    if (threadIdx.x == 0) expect(received + (number & 1) * 8, sent_bytes);
    wait_for(full + number % stages * 8, number / stages & 1);
    float some[16];
    begin_products();
#pragma unroll
    for (int c = 0; c < width; c += 16)
      Wide<32>::multiply<1>(some, across<step>(tile, 0, c), down<width>(b_tile + group * 64, c), c > 0);
    commit_products();
#pragma unroll
    for (int r = 0; r < step; r += 16)
      Wide<256>::multiply<1, 1>(
          sums, down<step>(tile + dy_bytes, r), down<step>(tile + group * (dy_bytes / 2), r), number + r > 0);
    commit_products();
    // Meanwhile the last rows'.
    if (number > 0) collect(number - 1);
    await_products<1>();
#pragma unroll
    for (int i = 0; i < 2; i++) {
      float other[4];
#pragma unroll
      for (int e = 0; e < 4; e++) {
        float first = some[4 * i + e], second = some[8 + 4 * i + e];
        kept[4 * i + e] = self ? second : first;
        other[e] = self ? first : second;
      }
      send(place(number, i), received + (number & 1) * 8, self ^ 1, other[0], other[1], other[2], other[3]);
    }
    await_products<0>();
    __syncthreads();
    if (threadIdx.x == 0 && number + stages < count) fetch(number + stages);
  }
  collect(count - 1);

  float *target = b_parts + ((i64)blockIdx.y * columns + left + group * 256 + two) * 64 + line;
  int left_columns = columns - left - group * 256 - two;
#pragma unroll
  for (int n = 0; n < 32; n++)
#pragma unroll
    for (int e = 0; e < 2; e++) {
      if (n * 8 + e >= left_columns) continue;
      target[(n * 8 + e) * 64] = sums[n * 4 + e];
      target[(n * 8 + e) * 64 + 8] = sums[n * 4 + 2 + e];
    }
  // Neither block may end while the other still sends to it.
  meet_cluster();
}

// low, of `low_count` numbers, from its parts, and the gradient of B, of `b_count`, from its own, times `factor`; four numbers
// a thread, first low's.
extern "C" __global__ void low_rank_sums(
    const float *__restrict__ low_parts, int low_number, i64 low_count, bf16 *__restrict__ low,
    const float *__restrict__ b_parts, int b_number, i64 b_count, float *__restrict__ b, float factor) {
  i64 i = ((i64)blockIdx.x * 256 + threadIdx.x) * 4;
  bool is_low = i < low_count;
  if (!is_low) i -= low_count;
  i64 count = is_low ? low_count : b_count;
  if (i >= count) return;
  const float *parts = (is_low ? low_parts : b_parts) + i;
  float4 sum = *reinterpret_cast<const float4 *>(parts);
  int number = is_low ? low_number : b_number;
#pragma unroll 4
  for (int s = 1; s < number; s++) {
    float4 v = *reinterpret_cast<const float4 *>(parts + s * count);
    sum.x += v.x, sum.y += v.y, sum.z += v.z, sum.w += v.w;
  }
  if (is_low)
    *reinterpret_cast<uint2 *>(low + i) = make_uint2(pack_bf16(sum.x, sum.y), pack_bf16(sum.z, sum.w));
  else
    *reinterpret_cast<float4 *>(b + i) = make_float4(sum.x * factor, sum.y * factor, sum.z * factor, sum.w * factor);
}
