// Rotary embedding of whole tensors: y = x turned by the angles of each token's position.
//
// x `[tokens, heads · WIDTH]` with rows `x_stride` apart, y likewise. Position of token i: `places[i]`, its top bit set
// where the i64 table applies, or `first + i` (plus what `*base` holds) without `places`.
//
// Grid: (tokens). Threads: any.

extern "C" __global__ void rotate(
    const bf16 *__restrict__ x, i64 x_stride, bf16 *__restrict__ y, i64 y_stride, Rotary rotary,
    const int *__restrict__ places, int first, const int *__restrict__ base, int heads, int y_row) {
  int token = blockIdx.x;
  int place = places ? places[token] : first + token + (base ? *base : 0);
  int table = places ? static_cast<u32>(place) >> 31 : 0;
  i64 position = place & 0x7fffffff;
  int half = rotary.half;
  const float *cosine = rotary.cosine(table) + position * half;
  const float *sine = rotary.sine(table) + position * half;
  const bf16 *from = x + token * x_stride;
  // A cache takes the token at its position; other targets in the order of the tokens.
  bf16 *to = y + (y_row ? position : static_cast<i64>(token)) * y_stride;
#if ALIGNED
  if (half % 8 == 0) {
    int units = half / 8, rest = (WIDTH - 2 * half) / 8;
    for (int i = threadIdx.x; i < heads * units; i += blockDim.x) {
      int column = i % units * 8, at = i / units * WIDTH + column;
      uint4 low = *reinterpret_cast<const uint4 *>(from + at);
      uint4 high = *reinterpret_cast<const uint4 *>(from + at + half);
      float c[8], s[8];
      for (int j = 0; j < 8; j += 4) {
        *reinterpret_cast<float4 *>(c + j) = *reinterpret_cast<const float4 *>(cosine + column + j);
        *reinterpret_cast<float4 *>(s + j) = *reinterpret_cast<const float4 *>(sine + column + j);
      }
      u32 *l = &low.x, *h = &high.x;
#pragma unroll
      for (int j = 0; j < 4; j++) {
        float a0 = low_bf16(l[j]), a1 = high_bf16(l[j]), b0 = low_bf16(h[j]), b1 = high_bf16(h[j]);
        l[j] = pack_bf16(a0 * c[2 * j] - b0 * s[2 * j], a1 * c[2 * j + 1] - b1 * s[2 * j + 1]);
        h[j] = pack_bf16(b0 * c[2 * j] + a0 * s[2 * j], b1 * c[2 * j + 1] + a1 * s[2 * j + 1]);
      }
      *reinterpret_cast<uint4 *>(to + at) = low;
      *reinterpret_cast<uint4 *>(to + at + half) = high;
    }
    for (int i = threadIdx.x; i < heads * rest; i += blockDim.x) {
      int at = i / rest * WIDTH + 2 * half + i % rest * 8;
      *reinterpret_cast<uint4 *>(to + at) = *reinterpret_cast<const uint4 *>(from + at);
    }
    return;
  }
#endif
  for (int i = threadIdx.x; i < heads * WIDTH; i += blockDim.x) {
    int column = i % WIDTH;
    float value = widen(from[i]);
    if (column < half) {
      value = value * cosine[column] - widen(from[i + half]) * sine[column];
    } else if (column < 2 * half) {
      value = value * cosine[column - half] + widen(from[i - half]) * sine[column - half];
    }
    to[i] = to_bf16(value);
  }
}
