// Attention of one new token to the keys and values held, and to itself; its own are rotated and appended on the way.
//
// Keys and values are read once for up to HEADS query heads that share them, by thread blocks that each take a part of the
// context; the last one to finish puts the parts together, always in the same order.
//
// Compile-time: WIDTH, elements of a head. HEADS, the query heads a block serves.

struct NewToken {
  // Rows of the token: queries, keys and values of all heads.
  const bf16 *q, *k, *v;
  bf16 *keys;
  i64 key_stride;
  bf16 *values;
  i64 value_stride;
  bf16 *y;
  const float *cosine, *sine;
  // Half of the elements that turn; the query heads of a group.
  int half, share;
  // At which place it stands; to how many tokens it attends, 0 for all.
  int position, window;
  float scale;
  // f32 [parts, heads, WIDTH + 2], and an int that is 0 for every group and slice.
  float *partial;
  int *counters;
};

// Shared memory of a block of `warps` warps.
template <int warps> struct AttentionRoom {
  __align__(16) float query[HEADS][WIDTH];
  float sums[warps][HEADS][WIDTH];
  float tops[warps][HEADS], totals[warps][HEADS];
  __align__(16) bf16 new_key[WIDTH];
  __align__(16) bf16 new_value[WIDTH];
  float fades[HEADS][64], sum_of[HEADS];
  int last_arrived;
};

// Two numbers that another block may write while this kernel runs; where `awaits` that is so, 0xFFFF stands there until then.
template <bool awaits> __device__ __forceinline__ float2 load_fresh(const bf16 *p, const bf16 *q) {
  bf16 x, y;
  do {
    asm volatile("ld.relaxed.gpu.global.u16 %0, [%1];\n" : "=h"(x.bits) : "l"(__cvta_generic_to_global(p)) : "memory");
    asm volatile("ld.relaxed.gpu.global.u16 %0, [%1];\n" : "=h"(y.bits) : "l"(__cvta_generic_to_global(q)) : "memory");
  } while (awaits && (x.bits == 0xFFFF || y.bits == 0xFFFF));
  return make_float2(widen(x), widen(y));
}

// A barrier of the first `warps` warps of a block.
template <int warps> __device__ __forceinline__ void sync_warps() {
  asm volatile("bar.sync 1, %0;\n" ::"n"(32 * warps) : "memory");
}

// Part `part` of `parts` (64 at most) of the context, for the HEADS query heads number `slice` of group `group`.
template <int warps, bool awaits>
__device__ __forceinline__ void attend_to_cache(
    const NewToken &token, AttentionRoom<warps> &room, int part, int parts, int group, int groups, int slice) {
  constexpr int threads = 32 * warps, units = WIDTH / 8;
  // Four lanes share a key; each takes every fourth unit of 16 bytes.
  constexpr int mine = (units + 3) / 4;
  int head = group * token.share + slice * HEADS;
  int warp = threadIdx.x / 32, lane = threadIdx.x & 31, t = lane & 3;
  int lowest = token.window > 0 ? max(0, token.position - token.window + 1) : 0;
  int count = token.position + 1 - lowest;
  // Parts are multiples of what the block reads at a time.
  int length = ((count + parts - 1) / parts + 31) / 32 * 32;
  int start = lowest + part * length, end = min(start + length, token.position + 1);

  // What lies in the cache is on its way while the new token is turned.
  const bf16 *key_source = token.keys + group * WIDTH, *value_source = token.values + group * WIDTH;
  struct Pair {
    uint4 key[mine], value[mine];
  };
  auto load = [&](Pair &p, int i) {
#pragma unroll
    for (int u = 0; u < mine; u++) {
      bool inside = i < min(end, token.position) && t + 4 * u < units;
      p.key[u] = inside ? *reinterpret_cast<const uint4 *>(key_source + i * token.key_stride + (t + 4 * u) * 8)
                        : make_uint4(0, 0, 0, 0);
      p.value[u] = inside ? *reinterpret_cast<const uint4 *>(value_source + i * token.value_stride + (t + 4 * u) * 8)
                          : make_uint4(0, 0, 0, 0);
    }
  };
  // Keys and values under way, as registers allow.
  constexpr int depth = HEADS > 1 ? 1 : warps > 4 ? 1 : 3, step = warps * 8;
  Pair pairs[depth];
  int i = start + warp * 8 + lane / 4;
#pragma unroll
  for (int d = 0; d < depth; d++) load(pairs[d], i + d * step);

  const float *c = token.cosine + (i64)token.position * token.half, *s = token.sine + (i64)token.position * token.half;
  auto turned = [&](const bf16 *x, int i) {
    int half = token.half, column = i < half ? i : i - half;
    bool turns = i < 2 * half;
    float cosine = turns ? c[column] : 1, sine = turns ? i < half ? -s[column] : s[column] : 0;
    float2 pair = load_fresh<awaits>(x + i, x + (turns ? i < half ? i + half : i - half : i));
    return pair.x * cosine + pair.y * sine;
  };
  auto passed = [&](const bf16 *x) { return load_fresh<awaits>(x, x).x; };
  bool has_new = start <= token.position && token.position < end;
  // The queries, and where the part has it the new key and value.
#pragma unroll
  for (int place = threadIdx.x; place < (HEADS + 2) * WIDTH; place += threads) {
    int h = place / WIDTH, i = place % WIDTH;
    if (h < HEADS) {
      // Rounded like the keys, so that one token at a time gives what many at once give.
      float value = widen(to_bf16(turned(token.q + (head + h) * WIDTH, i)));
      room.query[h][i] = value * token.scale * 1.4426950408889634f;
    } else if (has_new) {
      bool is_key = h == HEADS;
      bf16 value = is_key ? to_bf16(turned(token.k + group * WIDTH, i)) : to_bf16(passed(token.v + group * WIDTH + i));
      (is_key ? room.new_key : room.new_value)[i] = value;
      (is_key ? token.keys + token.position * token.key_stride
              : token.values + token.position * token.value_stride)[group * WIDTH + i] = value;
    }
  }
  sync_warps<warps>();

  float top[HEADS], total[HEADS] = {}, output[HEADS][mine * 8] = {};
#pragma unroll
  for (int h = 0; h < HEADS; h++) top[h] = -infinity;
  while (i - lane / 4 < end) {
#pragma unroll
    for (int d = 0; d < depth; d++) {
      Pair &pair = pairs[d];
      if (i == token.position) {
#pragma unroll
        for (int u = 0; u < mine; u++)
          if (t + 4 * u < units) {
            pair.key[u] = *reinterpret_cast<const uint4 *>(room.new_key + (t + 4 * u) * 8);
            pair.value[u] = *reinterpret_cast<const uint4 *>(room.new_value + (t + 4 * u) * 8);
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
            const float4 *p = reinterpret_cast<const float4 *>(&room.query[h][(t + 4 * u) * 8]);
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

  // The eight keys of a warp, then the warps, then the parts.
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
      if (lane < 4 && column < WIDTH) room.sums[warp][h][column] = x;
    }
    if (lane == 0) {
      room.tops[warp][h] = most;
      room.totals[warp][h] = sum;
    }
  }
  sync_warps<warps>();
  int heads = groups * token.share;
  for (int i = threadIdx.x; i < HEADS * WIDTH; i += threads) {
    int h = i / WIDTH, column = i % WIDTH;
    float most = room.tops[0][h];
#pragma unroll
    for (int w = 1; w < warps; w++) most = fmaxf(most, room.tops[w][h]);
    float sum = 0, x = 0;
#pragma unroll
    for (int w = 0; w < warps; w++) {
      float fade = room.tops[w][h] == -infinity ? 0 : exp2_fast(room.tops[w][h] - most);
      sum += room.totals[w][h] * fade;
      x += room.sums[w][h][column] * fade;
    }
    if (parts == 1) {
      token.y[(head + h) * WIDTH + column] = to_bf16(x / sum);
    } else {
      float *place = token.partial + ((i64)part * heads + head + h) * (WIDTH + 2);
      place[column] = x;
      if (column == 0) {
        place[WIDTH] = most;
        place[WIDTH + 1] = sum;
      }
    }
  }
  if (parts == 1) return;
  // The barriers make what all threads wrote part of what the counter's change publishes, and of what it acquires.
  sync_warps<warps>();
  int *counter = token.counters + group * (token.share / HEADS) + slice;
  int arrived;
  // The last one sets it back to zero.
  if (threadIdx.x == 0)
    asm volatile("atom.inc.acq_rel.gpu.global.u32 %0, [%1], %2;\n" : "=r"(arrived) : "l"(counter), "r"(parts - 1) : "memory");
  if (threadIdx.x == 0) room.last_arrived = arrived;
  sync_warps<warps>();
  if (room.last_arrived != parts - 1) return;
  // At most 64 parts: a warp knows how much of each is left.
  i64 distance = (i64)heads * (WIDTH + 2);
  for (int h = warp; h < HEADS; h += warps) {
    const float *place = token.partial + (i64)(head + h) * (WIDTH + 2) + WIDTH;
    float a = lane < parts ? __ldcg(place + lane * distance) : -infinity;
    float b = lane + 32 < parts ? __ldcg(place + (lane + 32) * distance) : -infinity;
    float x = lane < parts ? __ldcg(place + lane * distance + 1) : 0;
    float z = lane + 32 < parts ? __ldcg(place + (lane + 32) * distance + 1) : 0;
    float most = warp_max(fmaxf(a, b));
    a = a == -infinity ? 0 : exp2_fast(a - most);
    b = b == -infinity ? 0 : exp2_fast(b - most);
    room.fades[h][lane] = a;
    room.fades[h][lane + 32] = b;
    float sum = warp_sum(x * a + z * b);
    if (lane == 0) room.sum_of[h] = sum;
  }
  sync_warps<warps>();
  for (int i = threadIdx.x; i < HEADS * WIDTH; i += threads) {
    int h = i / WIDTH, column = i % WIDTH;
    const float *place = token.partial + (i64)(head + h) * (WIDTH + 2) + column;
    float x = 0;
#pragma unroll 8
    for (int p = 0; p < parts; p++) x += __ldcg(place + p * distance) * room.fades[h][p];
    token.y[(head + h) * WIDTH + column] = to_bf16(x / room.sum_of[h]);
  }
}
