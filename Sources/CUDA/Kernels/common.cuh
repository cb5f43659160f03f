// What all kernels share: types, loads and stores, reductions. Put in front of every source.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

// A bf16 or f16 number is its bits; arithmetic is f32.
struct bf16 { u16 bits; };
struct f16 { u16 bits; };

enum Type { F32 = 0, F16 = 1, BF16 = 2, I32 = 3, U8 = 4 };

#define infinity __int_as_float(0x7F800000)

__device__ __forceinline__ float widen(bf16 x) { return __uint_as_float((u32)x.bits << 16); }
__device__ __forceinline__ float widen(float x) { return x; }
__device__ __forceinline__ float widen(f16 x) {
  float y;
  asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
  return y;
}

// To nearest, ties to even.
__device__ __forceinline__ bf16 to_bf16(float x) {
  bf16 y;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
  return y;
}
__device__ __forceinline__ f16 to_f16(float x) {
  f16 y;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
  return y;
}
// `low` in the lower half of the word.
__device__ __forceinline__ u32 pack_bf16(float low, float high) {
  u32 y;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(high), "f"(low));
  return y;
}
__device__ __forceinline__ float low_bf16(u32 pair) { return __uint_as_float(pair << 16); }
__device__ __forceinline__ float high_bf16(u32 pair) { return __uint_as_float(pair & 0xFFFF0000u); }

template <typename T> __device__ __forceinline__ T narrow(float x);
template <> __device__ __forceinline__ float narrow<float>(float x) { return x; }
template <> __device__ __forceinline__ bf16 narrow<bf16>(float x) { return to_bf16(x); }
template <> __device__ __forceinline__ f16 narrow<f16>(float x) { return to_f16(x); }

// Eight neighbours, from 16 bytes of bf16.
__device__ __forceinline__ void load8(const bf16 *p, float *x) {
  uint4 v = *reinterpret_cast<const uint4 *>(p);
  x[0] = low_bf16(v.x), x[1] = high_bf16(v.x), x[2] = low_bf16(v.y), x[3] = high_bf16(v.y);
  x[4] = low_bf16(v.z), x[5] = high_bf16(v.z), x[6] = low_bf16(v.w), x[7] = high_bf16(v.w);
}
__device__ __forceinline__ void store8(bf16 *p, const float *x) {
  uint4 v;
  v.x = pack_bf16(x[0], x[1]), v.y = pack_bf16(x[2], x[3]);
  v.z = pack_bf16(x[4], x[5]), v.w = pack_bf16(x[6], x[7]);
  *reinterpret_cast<uint4 *>(p) = v;
}
// Whether rows of a matrix can be read eight bf16 numbers at a time.
__device__ __forceinline__ bool aligned16(const void *p) { return ((u64)p & 15) == 0; }

// An element of a tensor whose type is known at run time only.
__device__ __forceinline__ float load_any(const void *p, i64 i, int type) {
  switch (type) {
  case F32: return ((const float *)p)[i];
  case F16: return widen(((const f16 *)p)[i]);
  case BF16: return widen(((const bf16 *)p)[i]);
  case I32: return (float)((const int *)p)[i];
  default: return (float)((const u8 *)p)[i];
  }
}
// Integers are rounded to nearest even and clamped to their range; NaN becomes 0.
__device__ __forceinline__ void store_any(void *p, i64 i, int type, float x) {
  switch (type) {
  case F32: ((float *)p)[i] = x; break;
  case F16: ((f16 *)p)[i] = to_f16(x); break;
  case BF16: ((bf16 *)p)[i] = to_bf16(x); break;
  case I32: ((int *)p)[i] = x != x ? 0 : __float2int_rn(x); break;
  default: ((u8 *)p)[i] = x != x ? 0 : (u8)fminf(fmaxf(rintf(x), 0.f), 255.f);
  }
}

__device__ __forceinline__ float sigmoid(float x) { return __fdividef(1.f, 1.f + __expf(-x)); }
// Of gate and up their gradients, d that of silu(gate) · up. The slope of silu is s + g·s·(1 − s), s = sigmoid(g).
__device__ __forceinline__ void part_gradient(float d, float &gate, float &up) {
  float s = sigmoid(gate), silu = gate * s;
  gate = d * up * (s + silu * (1 - s));
  up = d * silu;
}

__device__ __forceinline__ float warp_sum(float x) {
  for (int step = 16; step > 0; step >>= 1) x += __shfl_xor_sync(~0u, x, step);
  return x;
}
__device__ __forceinline__ float warp_max(float x) {
  for (int step = 16; step > 0; step >>= 1) x = fmaxf(x, __shfl_xor_sync(~0u, x, step));
  return x;
}
__device__ __forceinline__ float warp_min(float x) {
  for (int step = 16; step > 0; step >>= 1) x = fminf(x, __shfl_xor_sync(~0u, x, step));
  return x;
}
__device__ __forceinline__ double warp_sum(double x) {
  for (int step = 16; step > 0; step >>= 1) x += __shfl_xor_sync(~0u, x, step);
  return x;
}

// The sum over all threads of a block, given to all of them. `scratch` holds 32 numbers and may be used again at once.
template <typename T> __device__ __forceinline__ T block_sum(T x, T *scratch) {
  int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, warps = (blockDim.x + 31) >> 5;
  x = warp_sum(x);
  if (lane == 0) scratch[warp] = x;
  __syncthreads();
  x = lane < warps ? scratch[lane] : (T)0;
  x = warp_sum(x);
  __syncthreads();
  return x;
}
__device__ __forceinline__ float block_max(float x, float *scratch) {
  int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, warps = (blockDim.x + 31) >> 5;
  x = warp_max(x);
  if (lane == 0) scratch[warp] = x;
  __syncthreads();
  x = lane < warps ? scratch[lane] : -infinity;
  x = warp_max(x);
  __syncthreads();
  return x;
}

// Where a kernel is launched early, it may begin before the one before it has ended (compute capability 9.0). Until this
// returns it may read only what was written earlier than that, and write nothing; the next one may then begin.
__device__ __forceinline__ void await_predecessor() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;\ngriddepcontrol.launch_dependents;\n" ::: "memory");
#endif
}

// Lets the next one begin sooner than that: as soon as all thread blocks of this one have begun and there is room.
__device__ __forceinline__ void let_successor_begin() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;\n" ::: "memory");
#endif
}
