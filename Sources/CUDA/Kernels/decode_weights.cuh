// How a weight that is read once, as stored, goes to the tensor cores: 16 rows of it against rows of x, columns in whatever
// order unpacking yields: both factors have the same. A packed weight's code q enters as the bf16 number 128 + q, which is a
// matter of masks; what it stands for is put right once a unit, scale · (Σ (128 + q)·x − (128 + zero)·Σ x).
//
// Compile-time: BITS, 16 for a dense bf16 matrix, else 2, 3, 4 or 8. UNIT, columns that four lanes take together.
// HALF_SCALES, whether scales are f16, not f32.

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

#if HALF_SCALES
typedef f16 Scale;
#else
typedef float Scale;
#endif
