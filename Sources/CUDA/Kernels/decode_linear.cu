// y = x · Wᵀ (+ bias) for one to eight rows of x: every weight is read once, as stored, and everything else is hidden
// behind that.
//
// A thread block takes 16 rows of W; its warps share out the columns. decode_weights.cuh says how weights are read.
//
// Compile-time, beside what decode_weights.cuh wants: SPAN, units in a group. WARPS, among which the columns are shared out:
// as many as it takes to keep the card busy, and no more, so that all blocks run at once.
//
// Grid: (rows / 16). Threads: 32 · WARPS.

// A lane's words of one row and unit, `p` being where the lane's begin.
__device__ __forceinline__ void load_words(u32 (&w)[words], const u8 *p) {
  // Of a dense matrix four lanes take 64 bytes side by side, then the next.
  constexpr int next = BITS == 16 ? 4 : 1;
  if (words % 4 == 0) {
#pragma unroll
    for (int i = 0; i < words / 4; i++) {
      uint4 v = __ldg(reinterpret_cast<const uint4 *>(p) + i * next);
      w[4 * i] = v.x, w[4 * i + 1] = v.y, w[4 * i + 2] = v.z, w[4 * i + 3] = v.w;
    }
  } else {
#pragma unroll
    for (int i = 0; i < words; i++) w[i] = __ldg(reinterpret_cast<const u32 *>(p) + i);
  }
}

// What a lane reads of a unit, not yet looked at.
struct Unit {
  u32 a[words], b[words];
#if BITS < 16
  Scale s0, s1;
  u8 z0, z1;
#endif
};

extern "C" __global__ void __launch_bounds__(32 * WARPS, (BITS == 8 ? 16 : 24) / WARPS) decode_linear(
    const bf16 *__restrict__ x, i64 x_stride, int n, const u8 *__restrict__ weight, i64 row_bytes,
    const Scale *__restrict__ scales, const u8 *__restrict__ zeros, float midpoint, int groups,
    const void *__restrict__ bias, int bias_type, const float *__restrict__ addend, bf16 *__restrict__ y, int rows, int columns) {
  extern __shared__ __align__(16) u8 shared[];
  let_successor_begin();
  bf16 *input = reinterpret_cast<bf16 *>(shared);
  int units = columns / UNIT;
  // Σ x of each unit, then each warp's part of the result.
  float *sums = reinterpret_cast<float *>(input + n * columns);
  float *parts = sums + 8 * units;

  // Rows of x that there are not.
  bf16 *nothing = reinterpret_cast<bf16 *>(parts + WARPS * 128);

  int warp = threadIdx.x / 32, lane = threadIdx.x & 31, g = lane / 4, t = lane & 3;
  int top = min((int)blockIdx.x * 16 + g, rows - 1), bottom = min((int)blockIdx.x * 16 + g + 8, rows - 1);
  // A warp takes two units side by side, then skips those of the other warps.
  constexpr int unit_bytes = UNIT * BITS / 8, step = 2 * WARPS;
  int begin = 2 * warp * unit_bytes + (BITS == 16 ? t * 16 : t * (unit_bytes / 4));
  const u8 *upper = weight + top * row_bytes + begin, *lower = weight + bottom * row_bytes + begin;
#if BITS < 16
  const Scale *upper_scales = scales + (i64)top * groups, *lower_scales = scales + (i64)bottom * groups;
  const u8 *upper_zeros = zeros + (i64)top * groups, *lower_zeros = zeros + (i64)bottom * groups;
#endif
  auto load = [&](Unit &u, int unit, int ahead) {
    if (unit >= units) return;
    load_words(u.a, upper + ahead);
    load_words(u.b, lower + ahead);
#if BITS < 16
    u.s0 = upper_scales[unit / SPAN];
    u.s1 = lower_scales[unit / SPAN];
    if (zeros) {
      u.z0 = upper_zeros[unit / SPAN];
      u.z1 = lower_zeros[unit / SPAN];
    }
#endif
  };
  // Weights are on their way while x is awaited and brought into order.
  Unit even_unit, odd_unit;
  load(even_unit, 2 * warp, 0);
  load(odd_unit, 2 * warp + 1, unit_bytes);
  if (threadIdx.x < 4) reinterpret_cast<u32 *>(nothing)[threadIdx.x] = 0;
  await_predecessor();

  constexpr int octets = UNIT / 8, batch = 4, threads = 32 * WARPS;
  int all = columns / 8;
  for (int row = 0; row < n; row++)
    for (int start = 0; start < all; start += batch * threads) {
      uint4 v[batch];
#pragma unroll
      for (int k = 0; k < batch; k++) {
        int octet = min(start + k * threads + (int)threadIdx.x, all - 1);
        v[k] = *reinterpret_cast<const uint4 *>(x + row * x_stride + octet * 8);
      }
#pragma unroll
      for (int k = 0; k < batch; k++) {
        if (start + k * threads >= all) break;
        int octet = start + k * threads + threadIdx.x;
        int place = octet / octets * octets + place_of(octet % octets);
        if (octet < all) reinterpret_cast<uint4 *>(input + row * columns)[place] = arranged(v[k]);
#if BITS < 16
        float e[8];
        load8(reinterpret_cast<const bf16 *>(&v[k]), e);
        float sum = ((e[0] + e[1]) + (e[2] + e[3])) + ((e[4] + e[5]) + (e[6] + e[7]));
#pragma unroll
        for (int distance = octets / 2; distance > 0; distance /= 2) sum += __shfl_xor_sync(~0u, sum, distance);
        if (octet < all && octet % octets == 0) sums[row * units + octet / octets] = sum;
#endif
      }
    }
  __syncthreads();

  float result[4] = {};
  const bf16 *source = g < n ? input + g * columns + t * 8 : nothing;
  // From unit to unit and from octet to octet.
  int stride = g < n ? UNIT : 0, distance = g < n ? 32 : 0;
  auto work = [&](const Unit &u, int unit) {
    // Two chains of products, so that one need not wait for the other.
    float even[4] = {}, odd[4] = {};
#pragma unroll
    for (int o = 0; o < share / 8; o++) {
      Eight p = unpack(u.a, o), r = unpack(u.b, o);
      uint4 f = *reinterpret_cast<const uint4 *>(source + unit * stride + o * distance);
      u32 first[4] = {p.pair[0], r.pair[0], p.pair[1], r.pair[1]};
      u32 second[4] = {p.pair[2], r.pair[2], p.pair[3], r.pair[3]};
      multiply(even, first, f.x, f.y);
      multiply(odd, second, f.z, f.w);
    }
#if BITS == 16
#pragma unroll
    for (int e = 0; e < 4; e++) result[e] += even[e] + odd[e];
#else
    constexpr float lift = BITS == 8 ? 0 : 128;
    float s0 = widen(u.s0), s1 = widen(u.s1);
    float z0 = (zeros ? u.z0 : midpoint) + lift, z1 = (zeros ? u.z1 : midpoint) + lift;
    float x0 = sums[2 * t * units + unit], x1 = sums[(2 * t + 1) * units + unit];
    result[0] += s0 * (even[0] + odd[0] - z0 * x0);
    result[1] += s0 * (even[1] + odd[1] - z0 * x1);
    result[2] += s1 * (even[2] + odd[2] - z1 * x0);
    result[3] += s1 * (even[3] + odd[3] - z1 * x1);
#endif
  };
  for (int unit = 2 * warp; unit < units; unit += step) {
    work(even_unit, unit);
    load(even_unit, unit + step, step * unit_bytes);
    if (unit + 1 < units) work(odd_unit, unit + 1);
    load(odd_unit, unit + step + 1, (step + 1) * unit_bytes);
    upper += step * unit_bytes;
    lower += step * unit_bytes;
  }
#pragma unroll
  for (int e = 0; e < 4; e++) parts[warp * 128 + (g + e / 2 * 8) * 8 + 2 * t + (e & 1)] = result[e];
  __syncthreads();
  if (threadIdx.x < 128) {
    // Neighbouring threads write neighbouring outputs of a row of x.
    int row = threadIdx.x % 16, column = threadIdx.x / 16;
    float sum = 0;
#pragma unroll
    for (int w = 0; w < WARPS; w++) sum += parts[w * 128 + row * 8 + column];
    int place = blockIdx.x * 16 + row;
    if (place < rows && column < n) {
      if (bias) sum += load_any(bias, place, bias_type);
      if (addend) sum += addend[(i64)column * rows + place];
      y[(i64)column * rows + place] = to_bf16(sum);
    }
  }
}
