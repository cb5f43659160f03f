// The weights that packed codes stand for. Codes of a row are a little-endian bit stream; element (i, j) is
// (code − zero) · scale of row i and group index[j], or j / group.

struct Packed {
  const u8 *codes;
  const void *scales;
  const u8 *zeros;
  const int *index;
  int rows, columns, bits, group, groups, bytes_per_row, half_scales, midpoint;
};

template <typename T> __device__ __forceinline__ void dequantize_any(const Packed &m, T *y) {
  int blocks = (m.columns + 255) / 256;
  i64 row = blockIdx.x / blocks;
  int j = (blockIdx.x % blocks) * 256 + threadIdx.x;
  if (j >= m.columns) return;
  int bit = j * m.bits, shift = bit & 7;
  const u8 *at = m.codes + row * m.bytes_per_row + (bit >> 3);
  int window = at[0];
  if (shift + m.bits > 8) window |= at[1] << 8;
  int code = (window >> shift) & ((1 << m.bits) - 1);
  i64 g = row * m.groups + (m.index ? m.index[j] : j / m.group);
  float scale = m.half_scales ? widen(((const f16 *)m.scales)[g]) : ((const float *)m.scales)[g];
  int zero = m.zeros ? m.zeros[g] : m.midpoint;
  y[row * m.columns + j] = narrow<T>((float)(code - zero) * scale);
}

extern "C" __global__ void dequantize_f32(Packed m, float *y) { dequantize_any(m, y); }
extern "C" __global__ void dequantize_bf16(Packed m, bf16 *y) { dequantize_any(m, y); }

// Four bits, whole words of eight codes within a group: 32 codes a thread, read and written 16 bytes at a time.
extern "C" __global__ void dequantize4_bf16(Packed m, bf16 *y) {
  int blocks = (m.columns / 32 + 127) / 128;
  i64 row = blockIdx.x / blocks;
  int part = (blockIdx.x % blocks) * 128 + threadIdx.x;
  int j = part * 32;
  if (j >= m.columns) return;
  uint4 words = *(const uint4 *)(m.codes + row * m.bytes_per_row + part * 16);
  bf16 *to = y + row * m.columns + j;
  u32 w[4] = {words.x, words.y, words.z, words.w};
#pragma unroll
  for (int k = 0; k < 4; k++) {
    i64 g = row * m.groups + (j + k * 8) / m.group;
    float scale = m.half_scales ? widen(((const f16 *)m.scales)[g]) : ((const float *)m.scales)[g];
    int zero = m.zeros ? m.zeros[g] : m.midpoint;
    float v[8];
#pragma unroll
    for (int c = 0; c < 8; c++) v[c] = (float)((int)(w[k] >> (4 * c) & 15) - zero) * scale;
    store8(to + k * 8, v);
  }
}
