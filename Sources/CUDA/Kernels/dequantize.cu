// The weights that packed codes stand for. Codes of a row are a little-endian bit stream; element (i, j) is
// (code − zero) · scale of row i and group index[j], or j / group.

struct Packed {
  const u8 *codes;
  const void *scales;
  const u8 *zeros;
  const int *index;
  int rows, columns, bits, group, groups, bytes_per_row, half_scales, midpoint;
};

template <typename T> __device__ __forceinline__ void dequantize_any(const Packed &m, T *y, i64 stride) {
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
  y[row * stride + j] = narrow<T>((float)(code - zero) * scale);
}

extern "C" __global__ void dequantize_f32(Packed m, float *y, i64 stride) { dequantize_any(m, y, stride); }
extern "C" __global__ void dequantize_bf16(Packed m, bf16 *y, i64 stride) { dequantize_any(m, y, stride); }

// Four bits, whole words of eight codes within a group. A thread takes up to four words, 128 apart, so that neighbours read and
// write side by side. A code q comes as the bf16 number 128 + q, which is a matter of masks where converting integers is slow;
// what is multiplied is q − zero, exactly.
extern "C" __global__ void __launch_bounds__(128) dequantize4_bf16(Packed m, bf16 *y, i64 stride) {
  constexpr int each = 4;
  int words = m.columns / 8, blocks = (words + each * 128 - 1) / (each * 128), group = m.group / 8;
  i64 row = blockIdx.x / blocks;
  int first = blockIdx.x % blocks * (each * 128) + threadIdx.x;
  const u32 *codes = reinterpret_cast<const u32 *>(m.codes + row * m.bytes_per_row);
  u32 w[each];
  float scale[each], lift[each];
#pragma unroll
  for (int k = 0; k < each; k++) {
    int word = first + k * 128;
    if (word >= words) break;
    w[k] = codes[word];
    i64 g = row * m.groups + word / group;
    scale[k] = m.half_scales ? widen(((const f16 *)m.scales)[g]) : ((const float *)m.scales)[g];
    lift[k] = 128.f + (float)(m.zeros ? m.zeros[g] : m.midpoint);
  }
#pragma unroll
  for (int k = 0; k < each; k++) {
    int word = first + k * 128;
    if (word >= words) break;
    float v[8];
#pragma unroll
    for (int c = 0; c < 4; c++) {
      u32 two = (w[k] >> (4 * c) & 0x000F000Fu) | 0x43004300u;
      v[c] = (low_bf16(two) - lift[k]) * scale[k];
      v[c + 4] = (high_bf16(two) - lift[k]) * scale[k];
    }
    store8(y + row * stride + word * 8, v);
  }
}
