// The likeliest token, and what the next step of a recorded generation needs of it. One block.

// inputs: the token and its position. The place of the largest of `count` scores, bf16 or f32 (the first of equals), becomes
// the next token, and history[position] holds it; −1 there where a score is NaN or none is finite.
extern "C" __global__ void __launch_bounds__(1024) advance(
    const void *scores, int type, int count, int *inputs, int *history) {
  __shared__ float tops[32];
  __shared__ int places[32];
  __shared__ int broken;
  let_successor_begin();
  if (threadIdx.x == 0) broken = 0;
  await_predecessor();
  __syncthreads();
  float top = -infinity;
  int place = count;
  bool bad = false;
  auto meet = [&](float v, int i) {
    bad |= v != v;
    if (v > top) top = v, place = i;
  };
  // Many scores on their way at once.
  int done = 0;
  if (type == BF16 && aligned16(scores)) {
    done = count / 8 * 8;
#pragma unroll 4
    for (int i = threadIdx.x * 8; i < done; i += 8192) {
      float v[8];
      load8(static_cast<const bf16 *>(scores) + i, v);
#pragma unroll
      for (int j = 0; j < 8; j++) meet(v[j], i + j);
    }
  }
#pragma unroll 16
  for (int i = done + threadIdx.x; i < count; i += 1024) meet(load_any(scores, i, type), i);
  if (bad) broken = 1;
  auto better = [](float a, int i, float b, int j) { return a > b || (a == b && i < j); };
  for (int step = 16; step > 0; step >>= 1) {
    float other = __shfl_xor_sync(~0u, top, step);
    int there = __shfl_xor_sync(~0u, place, step);
    if (better(other, there, top, place)) top = other, place = there;
  }
  int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  if (lane == 0) tops[warp] = top, places[warp] = place;
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int w = 1; w < 32; w++)
      if (better(tops[w], places[w], top, place)) top = tops[w], place = places[w];
    bool valid = !broken && place < count && isfinite(top);
    int position = inputs[1];
    history[position] = valid ? place : -1;
    inputs[0] = valid ? place : 0;
    inputs[1] = position + 1;
  }
}
