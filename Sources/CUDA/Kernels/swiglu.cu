// silu(gate) · up and its gradient. A block takes 256 neighbours of a row, or 256 vectors of eight where rows allow it.

extern "C" __global__ void swiglu_vectors(
    const bf16 *gate, i64 gate_stride, const bf16 *up, i64 up_stride, bf16 *y, i64 y_stride,
    int width, int blocks) {
  await_predecessor();
  i64 row = blockIdx.x / blocks;
  int i = ((blockIdx.x % blocks) * 256 + threadIdx.x) * 8;
  if (i >= width) return;
  float g[8], u[8];
  load8(gate + row * gate_stride + i, g);
  load8(up + row * up_stride + i, u);
#pragma unroll
  for (int j = 0; j < 8; j++) g[j] *= sigmoid(g[j]) * u[j];
  store8(y + row * y_stride + i, g);
}

extern "C" __global__ void swiglu(
    const bf16 *gate, i64 gate_stride, const bf16 *up, i64 up_stride, bf16 *y, i64 y_stride,
    int width, int blocks) {
  await_predecessor();
  i64 row = blockIdx.x / blocks;
  int i = (blockIdx.x % blocks) * 256 + threadIdx.x;
  if (i >= width) return;
  float g = widen(gate[row * gate_stride + i]);
  y[row * y_stride + i] = to_bf16(g * (sigmoid(g) * widen(up[row * up_stride + i])));
}

extern "C" __global__ void swiglu_backward_vectors(
    const bf16 *dy, i64 dy_stride, const bf16 *gate, i64 gate_stride, const bf16 *up,
    i64 up_stride, bf16 *d_gate, i64 d_gate_stride, bf16 *d_up, i64 d_up_stride, int width,
    int blocks) {
  i64 row = blockIdx.x / blocks;
  int i = ((blockIdx.x % blocks) * 256 + threadIdx.x) * 8;
  if (i >= width) return;
  float d[8], g[8], u[8];
  load8(dy + row * dy_stride + i, d);
  load8(gate + row * gate_stride + i, g);
  load8(up + row * up_stride + i, u);
#pragma unroll
  for (int j = 0; j < 8; j++) part_gradient(d[j], g[j], u[j]);
  store8(d_gate + row * d_gate_stride + i, g);
  store8(d_up + row * d_up_stride + i, u);
}

extern "C" __global__ void swiglu_backward(
    const bf16 *dy, i64 dy_stride, const bf16 *gate, i64 gate_stride, const bf16 *up,
    i64 up_stride, bf16 *d_gate, i64 d_gate_stride, bf16 *d_up, i64 d_up_stride, int width,
    int blocks) {
  i64 row = blockIdx.x / blocks;
  int i = (blockIdx.x % blocks) * 256 + threadIdx.x;
  if (i >= width) return;
  float g = widen(gate[row * gate_stride + i]), u = widen(up[row * up_stride + i]);
  part_gradient(widen(dy[row * dy_stride + i]), g, u);
  d_gate[row * d_gate_stride + i] = to_bf16(g);
  d_up[row * d_up_stride + i] = to_bf16(u);
}
