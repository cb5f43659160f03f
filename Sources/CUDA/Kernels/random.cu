// Random numbers by place: number i is (the sum of the bytes of word i − 510) · factor, word i being that of the Philox
// 4×32-10 stream with this key. A thread computes one block of four words.

extern "C" __global__ void fill_random(void *target, int type, i64 count, u64 key, float factor) {
  i64 number = (i64)blockIdx.x * 256 + threadIdx.x;
  if (number * 4 >= count) return;
  u32 x = (u32)number, y = (u32)(number >> 32), z = 0, w = 0;
  u32 k0 = (u32)key, k1 = (u32)(key >> 32);
#pragma unroll
  for (int round = 0; round < 10; round++) {
    u32 high0 = __umulhi(x, 0xD2511F53u), low0 = x * 0xD2511F53u;
    u32 high1 = __umulhi(z, 0xCD9E8D57u), low1 = z * 0xCD9E8D57u;
    x = high1 ^ y ^ k0;
    y = low1;
    z = high0 ^ w ^ k1;
    w = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  u32 words[4] = {x, y, z, w};
#pragma unroll
  for (int lane = 0; lane < 4; lane++) {
    i64 i = number * 4 + lane;
    if (i < count) {
      int sum = __dp4a(words[lane], 0x01010101u, 0u);
      store_any(target, i, type, __fmul_rn((float)(sum - 510), factor));
    }
  }
}
