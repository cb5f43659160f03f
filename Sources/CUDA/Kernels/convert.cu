// Conversion between any two types, and filling. A block takes 1024 neighbours of a row; blocks in y walk over rows.

extern "C" __global__ void convert(
    const void *source, i64 source_stride, int source_type, void *target, i64 target_stride,
    int target_type, i64 rows, i64 columns) {
  i64 start = (i64)blockIdx.x * 1024 + threadIdx.x;
  for (i64 row = blockIdx.y; row < rows; row += gridDim.y) {
#pragma unroll 1
    for (int part = 0; part < 4; part++) {
      i64 column = start + part * 256;
      if (column < columns) {
        i64 from = row * source_stride + column, to = row * target_stride + column;
        // Of equal types the bits are copied, integers beyond 2^24 too.
        if (source_type == target_type) {
          if (source_type == F32 || source_type == I32) ((u32 *)target)[to] = ((const u32 *)source)[from];
          else if (source_type == U8) ((u8 *)target)[to] = ((const u8 *)source)[from];
          else ((u16 *)target)[to] = ((const u16 *)source)[from];
        } else {
          store_any(target, to, target_type, load_any(source, from, source_type));
        }
      }
    }
  }
}

extern "C" __global__ void fill(
    void *target, i64 stride, int type, i64 rows, i64 columns, float value) {
  i64 start = (i64)blockIdx.x * 1024 + threadIdx.x;
  for (i64 row = blockIdx.y; row < rows; row += gridDim.y)
    for (i64 column = start; column < columns && column < (i64)(blockIdx.x + 1) * 1024; column += 256)
      store_any(target, row * stride + column, type, value);
}

// differ = 1 where two arrays are not the same, word for word.
extern "C" __global__ void compare(const u32 *a, const u32 *b, i64 words, int *differ) {
  bool same = true;
  for (i64 i = (i64)blockIdx.x * 256 + threadIdx.x; i < words; i += (i64)gridDim.x * 256) same &= a[i] == b[i];
  if (!same) *differ = 1;
}
