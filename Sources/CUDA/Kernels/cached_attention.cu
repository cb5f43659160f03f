// Attention of one new token to the keys and values held, and to itself; its own are rotated and appended on the way.
//
// Keys and values are read once for up to HEADS query heads that share them, by thread blocks that each take a part of the
// context; the last one to finish puts the parts together, always in the same order. The token's position is read from
// the device where `base` is given, so that a recorded graph can be replayed for every token.
//
// Compile-time: HEADS, the query heads a block serves.
//
// Grid: (parts, groups, share / HEADS). Threads: 128.

constexpr int warps = 4;
constexpr int units = WIDTH / 8;
// Four lanes share a key; each takes every fourth unit of 16 bytes.
constexpr int mine = (units + 3) / 4;

extern "C" __global__ void __launch_bounds__(128) cached_attention(
    const bf16 *__restrict__ q, const bf16 *__restrict__ k, const bf16 *__restrict__ v, bf16 *keys, i64 key_stride,
    bf16 *values, i64 value_stride, bf16 *__restrict__ y, const float *__restrict__ cosine,
    const float *__restrict__ sine, int half, int first, const int *__restrict__ base, int share, int window,
    float scale, float *__restrict__ partial, int *__restrict__ counters) {
  __shared__ __align__(16) float query[HEADS][WIDTH];
  __shared__ float sums[warps][HEADS][WIDTH];
  __shared__ float tops[warps][HEADS], totals[warps][HEADS];
  __shared__ __align__(16) bf16 new_key[WIDTH], new_value[WIDTH];
  __shared__ float fades[HEADS][64], sum_of[HEADS];
  __shared__ int last_arrived;
  int arrived;

  await_predecessor();
  int position = first + (base ? *base : 0);
  int group = blockIdx.y, head = group * share + blockIdx.z * HEADS;
  int warp = threadIdx.x / 32, lane = threadIdx.x & 31, t = lane & 3;
  int lowest = window > 0 ? max(0, position - window + 1) : 0;
  int count = position + 1 - lowest;
  // Parts are multiples of what the block reads at a time.
  int length = ((count + gridDim.x - 1) / gridDim.x + 31) / 32 * 32;
  int start = lowest + blockIdx.x * length, end = min(start + length, position + 1);

  // What lies in the cache is on its way while the new token is turned.
  const bf16 *key_source = keys + group * WIDTH, *value_source = values + group * WIDTH;
  struct Pair {
    uint4 key[mine], value[mine];
  };
  auto load = [&](Pair &p, int i) {
#pragma unroll
    for (int u = 0; u < mine; u++) {
      bool inside = i < min(end, position) && t + 4 * u < units;
      p.key[u] = inside ? *reinterpret_cast<const uint4 *>(key_source + i * key_stride + (t + 4 * u) * 8)
                        : make_uint4(0, 0, 0, 0);
      p.value[u] = inside ? *reinterpret_cast<const uint4 *>(value_source + i * value_stride + (t + 4 * u) * 8)
                          : make_uint4(0, 0, 0, 0);
    }
  };
  // Keys and values under way, as registers allow.
  constexpr int depth = HEADS == 1 ? 3 : 1, step = warps * 8;
  Pair pairs[depth];
  int i = start + warp * 8 + lane / 4;
#pragma unroll
  for (int d = 0; d < depth; d++) load(pairs[d], i + d * step);

  const float *c = cosine + (i64)position * half, *s = sine + (i64)position * half;
  auto turned = [&](const bf16 *x, int i) {
    float value = widen(x[i]);
    if (i < half) return value * c[i] - widen(x[i + half]) * s[i];
    if (i < 2 * half) return value * c[i - half] + widen(x[i - half]) * s[i - half];
    return value;
  };
#pragma unroll
  for (int i = threadIdx.x; i < HEADS * WIDTH; i += 128) {
    // Rounded like the keys, so that one token at a time gives what many at once give.
    float value = widen(to_bf16(turned(q + (head + i / WIDTH) * WIDTH, i % WIDTH)));
    query[i / WIDTH][i % WIDTH] = value * scale * 1.4426950408889634f;
  }
  bool has_new = start <= position && position < end;
  if (has_new) {
    for (int i = threadIdx.x; i < WIDTH; i += 128) {
      new_key[i] = to_bf16(turned(k + group * WIDTH, i));
      new_value[i] = v[group * WIDTH + i];
      keys[position * key_stride + group * WIDTH + i] = new_key[i];
      values[position * value_stride + group * WIDTH + i] = new_value[i];
    }
  }
  __syncthreads();

  float top[HEADS], total[HEADS] = {}, output[HEADS][mine * 8] = {};
#pragma unroll
  for (int h = 0; h < HEADS; h++) top[h] = -infinity;
  // With one head its query stays in registers.
  float4 kept[mine][2];
  if (HEADS == 1)
#pragma unroll
    for (int u = 0; u < mine; u++)
#pragma unroll
      for (int e = 0; e < 2; e++)
        kept[u][e] = t + 4 * u < units ? reinterpret_cast<const float4 *>(&query[0][(t + 4 * u) * 8])[e]
                                       : make_float4(0, 0, 0, 0);
  while (i - lane / 4 < end) {
#pragma unroll
    for (int d = 0; d < depth; d++) {
      Pair &pair = pairs[d];
      if (i == position) {
#pragma unroll
        for (int u = 0; u < mine; u++)
          if (t + 4 * u < units) {
            pair.key[u] = *reinterpret_cast<const uint4 *>(new_key + (t + 4 * u) * 8);
            pair.value[u] = *reinterpret_cast<const uint4 *>(new_value + (t + 4 * u) * 8);
          }
      }
#pragma unroll
      for (int h = 0; h < HEADS; h++) {
        float score = 0;
#pragma unroll
        for (int u = 0; u < mine; u++)
          if (t + 4 * u < units) {
            float x[8];
            load8(reinterpret_cast<const bf16 *>(&pair.key[u]), x);
            const float4 *p = HEADS == 1 ? kept[u] : reinterpret_cast<const float4 *>(&query[h][(t + 4 * u) * 8]);
            float4 a = p[0], b = p[1];
            score += x[0] * a.x + x[1] * a.y + x[2] * a.z + x[3] * a.w + x[4] * b.x + x[5] * b.y + x[6] * b.z +
                     x[7] * b.w;
          }
        score += __shfl_xor_sync(~0u, score, 1);
        score += __shfl_xor_sync(~0u, score, 2);
        if (i < end) {
          float most = fmaxf(top[h], score);
          float fade = exp2_fast(top[h] - most), weight = exp2_fast(score - most);
          top[h] = most;
          total[h] = total[h] * fade + weight;
#pragma unroll
          for (int u = 0; u < mine; u++) {
            float x[8];
            load8(reinterpret_cast<const bf16 *>(&pair.value[u]), x);
#pragma unroll
            for (int e = 0; e < 8; e++) output[h][u * 8 + e] = output[h][u * 8 + e] * fade + weight * x[e];
          }
        }
      }
      load(pair, i + depth * step);
      i += step;
    }
  }

  // The eight keys of a warp, then the four warps, then the parts.
#pragma unroll
  for (int h = 0; h < HEADS; h++) {
    float most = top[h];
    for (int step = 4; step < 32; step *= 2) most = fmaxf(most, __shfl_xor_sync(~0u, most, step));
    float fade = most == -infinity ? 0 : exp2_fast(top[h] - most);
    float sum = total[h] * fade;
    for (int step = 4; step < 32; step *= 2) sum += __shfl_xor_sync(~0u, sum, step);
#pragma unroll
    for (int i = 0; i < mine * 8; i++) {
      float x = output[h][i] * fade;
      for (int step = 4; step < 32; step *= 2) x += __shfl_xor_sync(~0u, x, step);
      int column = (t + i / 8 * 4) * 8 + i % 8;
      if (lane < 4 && column < WIDTH) sums[warp][h][column] = x;
    }
    if (lane == 0) {
      tops[warp][h] = most;
      totals[warp][h] = sum;
    }
  }
  __syncthreads();
  int heads = gridDim.y * share, parts = gridDim.x;
  for (int i = threadIdx.x; i < HEADS * WIDTH; i += 128) {
    int h = i / WIDTH, column = i % WIDTH;
    float most = fmaxf(fmaxf(tops[0][h], tops[1][h]), fmaxf(tops[2][h], tops[3][h]));
    float sum = 0, x = 0;
#pragma unroll
    for (int w = 0; w < warps; w++) {
      float fade = tops[w][h] == -infinity ? 0 : exp2_fast(tops[w][h] - most);
      sum += totals[w][h] * fade;
      x += sums[w][h][column] * fade;
    }
    if (parts == 1) {
      y[(head + h) * WIDTH + column] = to_bf16(x / sum);
    } else {
      float *place = partial + ((i64)blockIdx.x * heads + head + h) * (WIDTH + 2);
      place[column] = x;
      if (column == 0) {
        place[WIDTH] = most;
        place[WIDTH + 1] = sum;
      }
    }
  }
  if (parts == 1) return;
  // The barriers make what all threads wrote part of what the counter's change publishes, and of what it acquires.
  __syncthreads();
  int *counter = counters + blockIdx.y * gridDim.z + blockIdx.z;
  if (threadIdx.x == 0)
    asm volatile("atom.add.acq_rel.gpu.global.s32 %0, [%1], 1;\n" : "=r"(arrived) : "l"(counter) : "memory");
  if (threadIdx.x == 0) last_arrived = arrived;
  __syncthreads();
  if (last_arrived != parts - 1) return;
  if (threadIdx.x == 0) *counter = 0;
  // At most 64 parts: a warp knows how much of each is left.
  i64 distance = (i64)heads * (WIDTH + 2);
  for (int h = warp; h < HEADS; h += warps) {
    const float *place = partial + (i64)(head + h) * (WIDTH + 2) + WIDTH;
    float a = lane < parts ? __ldcg(place + lane * distance) : -infinity;
    float b = lane + 32 < parts ? __ldcg(place + (lane + 32) * distance) : -infinity;
    float x = lane < parts ? __ldcg(place + lane * distance + 1) : 0;
    float z = lane + 32 < parts ? __ldcg(place + (lane + 32) * distance + 1) : 0;
    float most = warp_max(fmaxf(a, b));
    a = a == -infinity ? 0 : exp2_fast(a - most);
    b = b == -infinity ? 0 : exp2_fast(b - most);
    fades[h][lane] = a;
    fades[h][lane + 32] = b;
    float sum = warp_sum(x * a + z * b);
    if (lane == 0) sum_of[h] = sum;
  }
  __syncthreads();
  for (int i = threadIdx.x; i < HEADS * WIDTH; i += 128) {
    int h = i / WIDTH, column = i % WIDTH;
    const float *place = partial + (i64)(head + h) * (WIDTH + 2) + column;
    float x = 0;
#pragma unroll 8
    for (int p = 0; p < parts; p++) x += __ldcg(place + p * distance) * fades[h][p];
    y[(head + h) * WIDTH + column] = to_bf16(x / sum_of[h]);
  }
}
