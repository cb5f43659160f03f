// delta `[heads, tokens]`: the product of each head's output with its gradient, what the softmax's backward subtracts.
//
// Grid: (tokens). Threads: 32 a head, any number of heads at a time.

extern "C" __global__ void attention_delta(
    const bf16 *__restrict__ dy, i64 dy_stride, const bf16 *__restrict__ y, i64 y_stride,
    float *__restrict__ delta, int heads) {
  i64 token = blockIdx.x;
  int lane = threadIdx.x & 31;
  for (int head = threadIdx.x / 32; head < heads; head += blockDim.x / 32) {
    const bf16 *a = dy + token * dy_stride + head * WIDTH, *b = y + token * y_stride + head * WIDTH;
    float sum = 0;
#if ALIGNED
    for (int c = lane * 2; c < WIDTH; c += 64) {
      u32 p = *reinterpret_cast<const u32 *>(a + c), r = *reinterpret_cast<const u32 *>(b + c);
      sum += low_bf16(p) * low_bf16(r) + high_bf16(p) * high_bf16(r);
    }
#else
    for (int c = lane; c < WIDTH; c += 32) sum += widen(a[c]) * widen(b[c]);
#endif
    for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(~0u, sum, step);
    if (lane == 0) delta[static_cast<i64>(head) * gridDim.x + token] = sum;
  }
}
