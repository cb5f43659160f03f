// Root mean square normalization with the residual's addition, and its gradient. One block a row.
//
// The vector kernels hold a row in registers: one vector of eight a thread, or two. They want widths of a multiple of
// eight, rows that begin at 16 bytes, and weights in bf16 or f32; the others take anything.

__device__ __forceinline__ void load_weight8(const void *weight, int type, int i, float *w) {
  if (type == BF16) {
    load8((const bf16 *)weight + i, w);
  } else {
    const float4 *from = (const float4 *)((const float *)weight + i);
    float4 a = from[0], b = from[1];
    w[0] = a.x, w[1] = a.y, w[2] = a.z, w[3] = a.w;
    w[4] = b.x, w[5] = b.y, w[6] = b.z, w[7] = b.w;
  }
}

// sum = x + delta as bf16, y = sum · inverse · weight, inverse = 1 / √(mean(sum²) + ε). Without delta nothing is
// written to sum.
extern "C" __global__ void __launch_bounds__(1024) rms_norm_vectors(
    const bf16 *x, i64 x_stride, const bf16 *delta, i64 delta_stride, const void *weight,
    int weight_type, float epsilon, bf16 *sum, bf16 *y, i64 y_stride, float *inverse, int width) {
  __shared__ float scratch[32];
  let_successor_begin();
  await_predecessor();
  i64 row = blockIdx.x;
  float v[2][8];
  float squares = 0;
#pragma unroll
  for (int part = 0; part < 2; part++) {
    int i = (threadIdx.x + part * blockDim.x) * 8;
    if (i < width) {
      load8(x + row * x_stride + i, v[part]);
      if (delta) {
        float d[8];
        load8(delta + row * delta_stride + i, d);
#pragma unroll
        for (int j = 0; j < 8; j++) v[part][j] = widen(to_bf16(v[part][j] + d[j]));
        store8(sum + row * width + i, v[part]);
      }
#pragma unroll
      for (int j = 0; j < 8; j++) squares += v[part][j] * v[part][j];
    }
  }
  float total = block_sum(squares, scratch);
  float scale = 1 / sqrtf(total / width + epsilon);
  if (threadIdx.x == 0) inverse[row] = scale;
#pragma unroll
  for (int part = 0; part < 2; part++) {
    int i = (threadIdx.x + part * blockDim.x) * 8;
    if (i < width) {
      float w[8], out[8];
      load_weight8(weight, weight_type, i, w);
#pragma unroll
      for (int j = 0; j < 8; j++) out[j] = v[part][j] * scale * w[j];
      store8(y + row * y_stride + i, out);
    }
  }
}

extern "C" __global__ void rms_norm(
    const bf16 *x, i64 x_stride, const bf16 *delta, i64 delta_stride, const void *weight,
    int weight_type, float epsilon, bf16 *sum, bf16 *y, i64 y_stride, float *inverse, int width) {
  __shared__ float scratch[32];
  let_successor_begin();
  await_predecessor();
  i64 row = blockIdx.x;
  float squares = 0;
#pragma unroll 1
  for (int i = threadIdx.x; i < width; i += blockDim.x) {
    float v = widen(x[row * x_stride + i]);
    if (delta) {
      bf16 s = to_bf16(v + widen(delta[row * delta_stride + i]));
      sum[row * width + i] = s;
      v = widen(s);
    }
    squares += v * v;
  }
  float total = block_sum(squares, scratch);
  float scale = 1 / sqrtf(total / width + epsilon);
  if (threadIdx.x == 0) inverse[row] = scale;
#pragma unroll 1
  for (int i = threadIdx.x; i < width; i += blockDim.x) {
    // What this thread wrote above, it may read here.
    float v = widen(delta ? sum[row * width + i] : x[row * x_stride + i]);
    y[row * y_stride + i] = to_bf16(v * scale * load_any(weight, i, weight_type));
  }
}

// With x̂ = sum · inv and g = dy · w: dx = inv · (g − x̂ · mean(g · x̂)) + earlier.
extern "C" __global__ void __launch_bounds__(1024) rms_norm_backward_vectors(
    const bf16 *dy, i64 dy_stride, const bf16 *sum, i64 sum_stride, const void *weight,
    int weight_type, const float *inverse, const bf16 *earlier, i64 earlier_stride, bf16 *dx,
    int width) {
  __shared__ float scratch[32];
  i64 row = blockIdx.x;
  float g[2][8], s[2][8];
  uint4 e[2];
  float products = 0;
#pragma unroll
  for (int part = 0; part < 2; part++) {
    int i = (threadIdx.x + part * blockDim.x) * 8;
    if (i < width) {
      float w[8];
      load8(dy + row * dy_stride + i, g[part]);
      load8(sum + row * sum_stride + i, s[part]);
      // On its way while the others are summed.
      if (earlier) e[part] = *reinterpret_cast<const uint4 *>(earlier + row * earlier_stride + i);
      load_weight8(weight, weight_type, i, w);
#pragma unroll
      for (int j = 0; j < 8; j++) {
        g[part][j] *= w[j];
        products += g[part][j] * s[part][j];
      }
    }
  }
  float total = block_sum(products, scratch);
  float scale = inverse[row];
  float back = -total / width * scale * scale * scale;
#pragma unroll
  for (int part = 0; part < 2; part++) {
    int i = (threadIdx.x + part * blockDim.x) * 8;
    if (i < width) {
      float out[8];
#pragma unroll
      for (int j = 0; j < 8; j++) out[j] = g[part][j] * scale + s[part][j] * back;
      if (earlier) {
        float more[8];
        load8(reinterpret_cast<const bf16 *>(&e[part]), more);
#pragma unroll
        for (int j = 0; j < 8; j++) out[j] += more[j];
      }
      store8(dx + row * width + i, out);
    }
  }
}

extern "C" __global__ void rms_norm_backward(
    const bf16 *dy, i64 dy_stride, const bf16 *sum, i64 sum_stride, const void *weight,
    int weight_type, const float *inverse, const bf16 *earlier, i64 earlier_stride, bf16 *dx,
    int width) {
  __shared__ float scratch[32];
  i64 row = blockIdx.x;
  float products = 0;
#pragma unroll 1
  for (int i = threadIdx.x; i < width; i += blockDim.x)
    products += widen(dy[row * dy_stride + i]) * load_any(weight, i, weight_type) *
                widen(sum[row * sum_stride + i]);
  float total = block_sum(products, scratch);
  float scale = inverse[row];
  float back = -total / width * scale * scale * scale;
#pragma unroll 1
  for (int i = threadIdx.x; i < width; i += blockDim.x) {
    float out = widen(dy[row * dy_stride + i]) * load_any(weight, i, weight_type) * scale +
                widen(sum[row * sum_stride + i]) * back;
    if (earlier) out += widen(earlier[row * earlier_stride + i]);
    dx[row * width + i] = to_bf16(out);
  }
}
