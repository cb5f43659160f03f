// Sums of two tensors; y may be a. The vector kernels take whole tensors, eight bf16 or four f32 numbers a thread.

extern "C" __global__ void add_bf16(const bf16 *a, const bf16 *b, bf16 *y, i64 count) {
  i64 i = ((i64)blockIdx.x * 256 + threadIdx.x) * 8;
  if (i >= count) return;
  float x[8], z[8];
  load8(a + i, x);
  load8(b + i, z);
#pragma unroll
  for (int j = 0; j < 8; j++) x[j] += z[j];
  store8(y + i, x);
}

extern "C" __global__ void add_f32(const float *a, const float *b, float *y, i64 count) {
  i64 i = ((i64)blockIdx.x * 256 + threadIdx.x) * 4;
  if (i >= count) return;
  float4 x = *(const float4 *)(a + i), z = *(const float4 *)(b + i);
  x.x += z.x, x.y += z.y, x.z += z.z, x.w += z.w;
  *(float4 *)(y + i) = x;
}

extern "C" __global__ void add_any(
    const void *a, i64 a_stride, int a_type, const void *b, i64 b_stride, int b_type, void *y,
    i64 y_stride, int y_type, int width, int blocks) {
  i64 row = blockIdx.x / blocks;
  int i = (blockIdx.x % blocks) * 256 + threadIdx.x;
  if (i >= width) return;
  store_any(y, row * y_stride + i, y_type,
            load_any(a, row * a_stride + i, a_type) + load_any(b, row * b_stride + i, b_type));
}
