// Which elements of an adapter's input survive dropout.

// The random numbers of the elements 2 · pair and 2 · pair + 1, the first in the lower half: the hash of the pair and the
// stream's key that every backend computes.
__device__ __forceinline__ u32 dropout_pair(u32 pair, u32 low, u32 high) {
  u32 z = pair ^ low;
  z ^= z >> 16;
  z *= 0x7FEB352Du;
  z ^= z >> 15 ^ high;
  z *= 0x846CA68Bu;
  return z ^ z >> 16;
}

// The top bits of both halves say which of two elements survives: those whose lower 15 bits reach the threshold, which
// `thresholds` holds in both halves. No half borrows from the other.
__device__ __forceinline__ u32 survivors(u32 numbers, u32 thresholds) { return (numbers | 0x80008000u) - thresholds; }

// Two neighbours, zero but for those whose half of `kept` has its top bit set.
__device__ __forceinline__ u32 masked(u32 two, u32 kept) {
  u32 mask;
  asm("prmt.b32 %0, %1, %1, 0xBB99;" : "=r"(mask) : "r"(kept));
  return two & mask;
}

// What bits of an adapter's input keep lies in four words for 128 columns of a row: word t holds the columns 8i + 2t as bit
// i and 8i + 2t + 1 as bit 16 + i. Here is column 2t + `odd` of octet `octet` in two rows whose words t are `one` and `next`.
__device__ __forceinline__ u32 masked(u32 two, u32 one, u32 next, int octet, int odd) {
  int distance = 31 - octet - 16 * odd;
  u32 mask;
  asm("prmt.b32 %0, %1, %2, 0xFFBB;" : "=r"(mask) : "r"(one << distance), "r"(next << distance));
  return two & mask;
}
