// Attention of one new token, as cached_attention.cuh has it. The token's position is read from the device where `base` is
// given, so that a recorded graph can be replayed for every token.
//
// Grid: (parts, groups, share / HEADS). Threads: 128.

extern "C" __global__ void __launch_bounds__(128) cached_attention(
    const bf16 *q, const bf16 *k, const bf16 *v, bf16 *keys, i64 key_stride, bf16 *values, i64 value_stride, bf16 *y,
    const float *cosine, const float *sine, int half, int first, const int *base, int share, int window, float scale,
    float *partial, int *counters) {
  __shared__ AttentionRoom<4> room;
  await_predecessor();
  NewToken token = {q, k, v, keys, key_stride, values, value_stride, y, cosine, sine, half, share,
                    first + (base ? *base : 0), window, scale, partial, counters};
  attend_to_cache<4, false>(token, room, blockIdx.x, gridDim.x, blockIdx.y, gridDim.y, blockIdx.z);
}
