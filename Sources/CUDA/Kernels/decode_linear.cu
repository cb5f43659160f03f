// y = x · Wᵀ (+ bias) for one to eight rows of x: every weight is read once, as stored, and everything else is hidden
// behind that.
//
// A thread block takes 16 rows of W; its warps share out the columns. Weights go to the tensor cores as they lie in memory,
// 16 rows of them against the rows of x, columns in whatever order unpacking yields: both factors have the same. A packed
// weight's code q enters as the bf16 number 128 + q, which is a matter of masks; what it stands for is put right once a unit,
// scale · (Σ (128 + q)·x − (128 + zero)·Σ x).
//
// Compile-time: BITS, 16 for a dense bf16 matrix, else 2, 3, 4 or 8. UNIT, columns that four lanes take together: 128, or a
// smaller group. HALF_SCALES, whether scales are f16, not f32.
//
// Grid: (rows / 16). Threads: 256.

constexpr int warps = 8;
// Columns of a unit that a lane takes, and the words they fill.
constexpr int share = UNIT / 4;
constexpr int words = share * BITS / 32;

// Eight columns of a row as four pairs: a fragment of A, twice.
struct Eight {
  u32 pair[4];
};

__device__ __forceinline__ u32 pair_of(u32 low, u32 high) {
#if BITS == 8
  // 256 does not fit beside 128 + q, but every code by itself is exact.
  return pack_bf16((float)low, (float)high);
#else
  return (low | high << 16) + 0x43004300u;
#endif
}

// Octet number `o` of a lane's words.
__device__ __forceinline__ Eight unpack(const u32 *w, int o) {
  Eight x;
#if BITS == 16
#pragma unroll
  for (int i = 0; i < 4; i++) x.pair[i] = w[4 * o + i];
#elif BITS == 4
#pragma unroll
  for (int i = 0; i < 4; i++) x.pair[i] = (w[o] >> (4 * i) & 0x000F000Fu) | 0x43004300u;
#elif BITS == 8
#pragma unroll
  for (int i = 0; i < 4; i++) {
    u32 v = w[2 * o + i / 2] >> (16 * (i & 1));
    x.pair[i] = pair_of(v & 255, v >> 8 & 255);
  }
#elif BITS == 2
  u32 v = w[o / 2] >> (16 * (o & 1));
#pragma unroll
  for (int i = 0; i < 4; i++) x.pair[i] = pair_of(v >> (4 * i) & 3, v >> (4 * i + 2) & 3);
#else
  u32 low = w[o * 24 / 32], high = o * 24 % 32 > 8 ? w[o * 24 / 32 + 1] : 0;
  u32 v = __funnelshift_r(low, high, o * 24 % 32);
#pragma unroll
  for (int i = 0; i < 4; i++) x.pair[i] = pair_of(v >> (6 * i) & 7, v >> (6 * i + 3) & 7);
#endif
  return x;
}

// Eight columns of x in the order in which `unpack` yields those of a weight.
__device__ __forceinline__ uint4 arranged(uint4 x) {
#if BITS == 4
  return make_uint4(
      __byte_perm(x.x, x.z, 0x5410), __byte_perm(x.x, x.z, 0x7632), __byte_perm(x.y, x.w, 0x5410),
      __byte_perm(x.y, x.w, 0x7632));
#else
  return x;
#endif
}

// Where octet o of a unit stands in the copy of x: what a lane reads at once lies together, lanes side by side.
__device__ __forceinline__ int place_of(int o) {
#if BITS == 16
  return o;
#else
  return o % (share / 8) * 4 + o / (share / 8);
#endif
}

// A lane's words of one row and unit.
__device__ __forceinline__ void load_words(u32 (&w)[words], const u8 *row, int unit, int t) {
#if BITS == 16
  const uint4 *p = reinterpret_cast<const uint4 *>(row + (i64)unit * UNIT * 2) + t;
#pragma unroll
  for (int i = 0; i < words / 4; i++) {
    uint4 v = __ldg(p + 4 * i);
    w[4 * i] = v.x, w[4 * i + 1] = v.y, w[4 * i + 2] = v.z, w[4 * i + 3] = v.w;
  }
#else
  const u8 *p = row + ((i64)unit * UNIT + t * share) * BITS / 8;
  if (words % 4 == 0) {
#pragma unroll
    for (int i = 0; i < words / 4; i++) {
      uint4 v = __ldg(reinterpret_cast<const uint4 *>(p) + i);
      w[4 * i] = v.x, w[4 * i + 1] = v.y, w[4 * i + 2] = v.z, w[4 * i + 3] = v.w;
    }
  } else {
#pragma unroll
    for (int i = 0; i < words; i++) w[i] = __ldg(reinterpret_cast<const u32 *>(p) + i);
  }
#endif
}

#if HALF_SCALES
typedef f16 Scale;
#else
typedef float Scale;
#endif

// What a lane reads of a unit, not yet looked at.
struct Unit {
  u32 a[words], b[words];
#if BITS < 16
  Scale s0, s1;
  u8 z0, z1;
#endif
};

// Units that a warp works on; as many again are under way meanwhile.
constexpr int depth = BITS >= 8 ? 1 : 2;

extern "C" __global__ void __launch_bounds__(256, BITS >= 8 ? 2 : 3) decode_linear(
    const bf16 *__restrict__ x, i64 x_stride, int n, const u8 *__restrict__ weight, i64 row_bytes,
    const Scale *__restrict__ scales, const u8 *__restrict__ zeros, float midpoint, int group,
    const void *__restrict__ bias, int bias_type, bf16 *__restrict__ y, int rows, int columns) {
  extern __shared__ __align__(16) u8 shared[];
  bf16 *input = reinterpret_cast<bf16 *>(shared);
  int units = columns / UNIT;
  // Σ x of each unit, then each warp's part of the result.
  float *sums = reinterpret_cast<float *>(input + n * columns);
  float *parts = sums + 8 * units;

  int warp = threadIdx.x / 32, lane = threadIdx.x & 31, g = lane / 4, t = lane & 3;
  int top = min((int)blockIdx.x * 16 + g, rows - 1), bottom = min((int)blockIdx.x * 16 + g + 8, rows - 1);
  const u8 *upper = weight + top * row_bytes, *lower = weight + bottom * row_bytes;
#if BITS < 16
  int groups = (columns + group - 1) / group;
  i64 upper_group = (i64)top * groups, lower_group = (i64)bottom * groups;
#endif
  auto load = [&](Unit &u, int unit) {
    if (unit >= units) return;
    load_words(u.a, upper, unit, t);
    load_words(u.b, lower, unit, t);
#if BITS < 16
    int number = unit * UNIT / group;
    u.s0 = scales[upper_group + number];
    u.s1 = scales[lower_group + number];
    if (zeros) {
      u.z0 = zeros[upper_group + number];
      u.z1 = zeros[lower_group + number];
    }
#endif
  };
  Unit now[depth], next[depth];
#pragma unroll
  for (int d = 0; d < depth; d++) load(now[d], warp + d * warps);
#pragma unroll
  for (int d = 0; d < depth; d++) load(next[d], warp + (depth + d) * warps);

  constexpr int octets = UNIT / 8, batch = 4;
  int all = n * columns / 8;
  for (int start = 0; start < all; start += 256 * batch) {
    uint4 v[batch];
#pragma unroll
    for (int k = 0; k < batch; k++) {
      int i = start + k * 256 + threadIdx.x;
      int row = i / (columns / 8), octet = i % (columns / 8);
      v[k] = i < all ? *reinterpret_cast<const uint4 *>(x + row * x_stride + octet * 8) : make_uint4(0, 0, 0, 0);
    }
#pragma unroll
    for (int k = 0; k < batch; k++) {
      int i = start + k * 256 + threadIdx.x;
      if (start + k * 256 >= all) break;
      int row = i / (columns / 8), octet = i % (columns / 8);
      int place = octet / octets * octets + place_of(octet % octets);
      if (i < all) reinterpret_cast<uint4 *>(input + row * columns)[place] = arranged(v[k]);
#if BITS < 16
      float e[8];
      load8(reinterpret_cast<const bf16 *>(&v[k]), e);
      float sum = ((e[0] + e[1]) + (e[2] + e[3])) + ((e[4] + e[5]) + (e[6] + e[7]));
      for (int step = octets / 2; step > 0; step /= 2) sum += __shfl_xor_sync(~0u, sum, step);
      if (i < all && octet % octets == 0) sums[row * units + octet / octets] = sum;
#endif
    }
  }
  __syncthreads();

  float result[4] = {};
  for (int base = warp; base < units; base += warps * depth) {
#pragma unroll
    for (int d = 0; d < depth; d++) {
      int unit = base + d * warps;
      if (unit >= units) break;
      const Unit &u = now[d];
#if BITS < 16
      float sum[4] = {};
#endif
      const bf16 *source = input + g * columns + unit * UNIT + t * 8;
#pragma unroll
      for (int o = 0; o < share / 8; o++) {
        Eight p = unpack(u.a, o), r = unpack(u.b, o);
        uint4 f = g < n ? *reinterpret_cast<const uint4 *>(source + o * 32) : make_uint4(0, 0, 0, 0);
        u32 first[4] = {p.pair[0], r.pair[0], p.pair[1], r.pair[1]};
        u32 second[4] = {p.pair[2], r.pair[2], p.pair[3], r.pair[3]};
#if BITS == 16
        multiply(result, first, f.x, f.y);
        multiply(result, second, f.z, f.w);
#else
        multiply(sum, first, f.x, f.y);
        multiply(sum, second, f.z, f.w);
#endif
      }
#if BITS < 16
      constexpr float lift = BITS == 8 ? 0 : 128;
      float s0 = widen(u.s0), s1 = widen(u.s1);
      float z0 = (zeros ? u.z0 : midpoint) + lift, z1 = (zeros ? u.z1 : midpoint) + lift;
      float x0 = sums[2 * t * units + unit], x1 = sums[(2 * t + 1) * units + unit];
      result[0] += s0 * (sum[0] - z0 * x0);
      result[1] += s0 * (sum[1] - z0 * x1);
      result[2] += s1 * (sum[2] - z1 * x0);
      result[3] += s1 * (sum[3] - z1 * x1);
#endif
    }
#pragma unroll
    for (int d = 0; d < depth; d++) {
      now[d] = next[d];
      load(next[d], base + (2 * depth + d) * warps);
    }
  }
#pragma unroll
  for (int e = 0; e < 4; e++) parts[warp * 128 + (g + e / 2 * 8) * 8 + 2 * t + (e & 1)] = result[e];
  __syncthreads();
  if (threadIdx.x < 128) {
    // Neighbouring threads write neighbouring outputs of a row of x.
    int row = threadIdx.x % 16, column = threadIdx.x / 16;
    float sum = 0;
#pragma unroll
    for (int w = 0; w < warps; w++) sum += parts[w * 128 + row * 8 + column];
    int place = blockIdx.x * 16 + row;
    if (place < rows && column < n) {
      if (bias) sum += load_any(bias, place, bias_type);
      y[(i64)column * rows + place] = to_bf16(sum);
    }
  }
}
