// delta `[heads, tokens]`: the product of each head's output with its gradient, what the softmax's backward subtracts.
//
// Grid: (tokens / 8, heads / 8). Threads: 256, a warp a head, for eight tokens.

extern "C" __global__ void attention_delta(
    const bf16 *__restrict__ dy, i64 dy_stride, const bf16 *__restrict__ y, i64 y_stride,
    float *__restrict__ delta, int tokens, int heads) {
  int lane = threadIdx.x & 31, head = blockIdx.y * 8 + threadIdx.x / 32;
  if (head >= heads) return;
  float *to = delta + static_cast<i64>(head) * tokens;
#if ALIGNED && WIDTH % 32 == 0
  // Four lanes a token.
  int token = blockIdx.x * 8 + lane / 4;
  float sum = 0;
  if (token < tokens) {
    const bf16 *a = dy + token * dy_stride + head * WIDTH, *b = y + token * y_stride + head * WIDTH;
#pragma unroll
    for (int c = (lane & 3) * 8; c < WIDTH; c += 32) {
      float p[8], r[8];
      load8(a + c, p);
      load8(b + c, r);
#pragma unroll
      for (int j = 0; j < 8; j++) sum += p[j] * r[j];
    }
  }
  sum += __shfl_xor_sync(~0u, sum, 1);
  sum += __shfl_xor_sync(~0u, sum, 2);
  if (token < tokens && (lane & 3) == 0) to[token] = sum;
#else
  for (int token = blockIdx.x * 8; token < min(tokens, static_cast<int>(blockIdx.x) * 8 + 8); token++) {
    const bf16 *a = dy + token * dy_stride + head * WIDTH, *b = y + token * y_stride + head * WIDTH;
    float sum = 0;
    for (int c = lane; c < WIDTH; c += 32) sum += widen(a[c]) * widen(b[c]);
    for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(~0u, sum, step);
    if (lane == 0) to[token] = sum;
  }
#endif
}
