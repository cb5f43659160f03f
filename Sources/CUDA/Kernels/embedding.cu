// Rows of a table. One block a token.

extern "C" __global__ void embedding(
    const void *table, i64 stride, int type, const int *ids, bf16 *y, int width) {
  let_successor_begin();
  await_predecessor();
  i64 row = (i64)ids[blockIdx.x] * stride;
  bf16 *to = y + (i64)blockIdx.x * width;
  const bf16 *from = (const bf16 *)table + row;
  if (type == BF16 && width % 8 == 0 && aligned16(from)) {
    for (int i = threadIdx.x; i < width / 8; i += blockDim.x)
      ((uint4 *)to)[i] = ((const uint4 *)from)[i];
  } else {
    for (int i = threadIdx.x; i < width; i += blockDim.x)
      to[i] = to_bf16(load_any(table, row + i, type));
  }
}
