// Which elements of an adapter's input survive dropout.

// Whether element `index` survives: the hash of the index and the stream's key that every backend computes, its upper 24
// bits against the threshold.
__device__ __forceinline__ bool survives(u32 index, u32 low, u32 high, u32 threshold) {
  u32 z = index ^ low;
  z ^= z >> 16;
  z *= 0x7FEB352Du;
  z ^= z >> 15;
  z *= 0x846CA68Bu;
  z ^= z >> 16;
  z ^= high;
  z *= 0x9E3779B1u;
  z ^= z >> 15;
  return (z >> 8) >= threshold;
}

// Eight neighbours, zero but for those whose bit of `kept` is set.
__device__ __forceinline__ uint4 masked(uint4 v, u32 kept) {
  u32 *words = reinterpret_cast<u32 *>(&v);
#pragma unroll
  for (int i = 0; i < 4; i++) {
    u32 two = kept >> (2 * i);
    words[i] &= ((two & 1) | (two & 2) << 15) * 0xFFFFu;
  }
  return v;
}
