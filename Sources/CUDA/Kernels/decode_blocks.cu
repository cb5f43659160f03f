// One token through decoder blocks, from its embedding to what the last block adds: one launch for all of them.
//
// A token does little with every weight, so what counts is that weights never stop coming. Some warps of a thread block do
// nothing but copy the pieces that the others will need, in their order, into SLOTS places of shared memory, however far the
// work has got: between two products all thread blocks must wait for each other, and for what stands between them, and the
// copies go on meanwhile, into the next product and the next decoder block. With so much under way, whoever asks for anything
// else waits long: norms, keys and values are asked for well before they are needed.
//
// A tile is 16 rows of a product: 16 neighbours, or 8 of the gate and the 8 of up that belong to them, which one thread block
// then joins. Tiles of all products one after another are dealt out to the thread blocks in turn, and a thread block's pieces
// of them (256 bytes of each row) to its warps, so that nobody gets more than another by more than one in all.
//
// Packed weights: codes are bytes to the tensor cores, 16 rows of them, and so is x, each unit of 128 columns as whole numbers
// of 14 bits and a sign, by a power of two, in two digits. Four units' digits fill the eight columns of a product, so that a
// lane ends with the sums of one unit, exact: Σ (q − zero)·scale·x = scale · (step · Σ q·n − zero · Σ x).
//
// Numbers that all thread blocks need (x behind a norm) each works out for itself, from the same sums in the same order.
//
// Compile-time: WIDTH and HEADS as cached_attention.cuh wants them. BITS, 4 or 16. HALF_SCALES, whether scales are f16, not
// f32. WORKERS and
// COPIERS, warps of either kind. SLOTS, a multiple of both. HIDDEN, INTERMEDIATE, QUERIES and KEYS, the widths of the model's activations. SHARE, query heads of a
// group. PARTS, matrices that the weights of a decoder block are in.
//
// Grid: as many as run at once. Threads: 32 · (WORKERS + COPIERS + 1). Launched so that all do run at once, and early: weights
// come while the kernels before it still run.

// x as `work` reads it.
struct Input {
  bf16 *x;
#if BITS < 16
  // A sixteenth of what the whole numbers of a unit count, and the unit's sum.
  float *steps, *sums;
#endif

  // Eight columns. All lanes of a warp call it, `octet` running with the lane.
  __device__ __forceinline__ void put(uint4 v, int octet, int columns) const {
    bool inside = octet < columns / 8;
#if BITS == 16
    if (inside) reinterpret_cast<uint4 *>(x)[octet] = v;
#else
    float e[8];
    load8(reinterpret_cast<const bf16 *>(&v), e);
    // As bits: what is no number is larger than any.
    u32 top = 0;
#pragma unroll
    for (int j = 0; j < 8; j++) top = max(top, __float_as_uint(e[j]) & 0x7FFFFFFF);
#pragma unroll
    for (int distance = 8; distance > 0; distance /= 2) top = max(top, __shfl_xor_sync(~0u, top, distance));
    u32 exponent = max(top >> 23, 20);
    float step = exponent == 255 ? __uint_as_float(0x7FC00000) : __uint_as_float((exponent - 17) << 23);
    float inverse = __uint_as_float((267 - exponent) << 23);
    u32 low[8], high[8];
    // Of the whole numbers, as the codes meet them: rounding then weighs q − zero, not q alone.
    float sum = 0;
#pragma unroll
    for (int j = 0; j < 8; j++) {
      // The whole number stands in the lower bits; digits are −128…127.
      float number = fmaf(e[j], inverse, 12582912.f);
      sum += number - 12582912.f;
      low[j] = __float_as_uint(number);
      high[j] = low[j] + 128;
    }
#pragma unroll
    for (int distance = 8; distance > 0; distance /= 2) sum += __shfl_xor_sync(~0u, sum, distance);
    sum *= 16 * step;
    auto bytes = [](u32 a, u32 b, u32 c, u32 d, u32 pick) {
      return __byte_perm(__byte_perm(a, b, pick), __byte_perm(c, d, pick), 0x5410);
    };
    // A word of codes yields the even columns, then the odd ones.
    uint2 digits[2];
    digits[0].x = bytes(high[0], high[2], high[4], high[6], 0x51);
    digits[0].y = bytes(high[1], high[3], high[5], high[7], 0x51);
    digits[1].x = bytes(low[0], low[2], low[4], low[6], 0x40);
    digits[1].y = bytes(low[1], low[3], low[5], low[7], 0x40);
    int number = octet % 16, word = number & 3;
    u8 *place = reinterpret_cast<u8 *>(x) + octet / 16 * 256 + word / 2 * 64 + number / 4 * 16 + (word & 1) * 8;
    if (inside) {
      *reinterpret_cast<uint2 *>(place) = digits[0];
      *reinterpret_cast<uint2 *>(place + 128) = digits[1];
      if (number == 0) {
        steps[octet / 16] = step;
        sums[octet / 16] = sum;
      }
    }
#endif
  }
};

__device__ __forceinline__ void multiply_bytes(int (&c)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32 "
               "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};\n"
               : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// The products of a piece, number `piece` of its rows, with x: of rows g and g + 8 of the tile, in the lanes with t = 0.
// `extra` is what stands beside it.
__device__ __forceinline__ float2 work(const u8 *slot, const u8 *extra, const Input &input, int piece) {
  int lane = threadIdx.x & 31, t = lane & 3;
  slot += lane * 16;
  float2 result;
#if BITS == 16
  const uint4 *x = reinterpret_cast<const uint4 *>(input.x + piece * 128) + t;
  float even[4] = {}, odd[4] = {};
#pragma unroll
  for (int u = 0; u < 4; u++) {
    uint4 p = *reinterpret_cast<const uint4 *>(slot + u * 512);
    uint4 r = *reinterpret_cast<const uint4 *>(slot + u * 512 + code_bytes / 2);
    // Every column of the product gets x; one of them is looked at.
    uint4 f = x[u * 4];
    u32 first[4] = {p.x, r.x, p.y, r.y}, second[4] = {p.z, r.z, p.w, r.w};
    multiply(even, first, f.x, f.y);
    multiply(odd, second, f.z, f.w);
  }
  result = make_float2(even[0] + odd[0], even[2] + odd[2]);
#else
  // The columns of a product are the digits of four units, those of unit u in a lane with t = u. Each unit's codes meet all of
  // them, and what comes of another's digits is not looked at.
  const uint4 *x = reinterpret_cast<const uint4 *>(reinterpret_cast<const u8 *>(input.x) + piece * 1024 + lane / 4 * 128) + t;
  uint4 digits[2] = {x[0], x[4]};
  int upper, lower;
#pragma unroll
  for (int u = 0; u < 4; u++) {
    uint4 a = *reinterpret_cast<const uint4 *>(slot + u * 512);
    uint4 b = *reinterpret_cast<const uint4 *>(slot + u * 512 + code_bytes / 2);
    // Codes of even columns; those of odd ones, 16 times too large.
    constexpr u32 even = 0x0F0F0F0F, odd = 0xF0F0F0F0;
    u32 e[2][4] = {{a.x & even, b.x & even, a.y & even, b.y & even}, {a.z & even, b.z & even, a.w & even, b.w & even}};
    u32 o[2][4] = {{a.x & odd, b.x & odd, a.y & odd, b.y & odd}, {a.z & odd, b.z & odd, a.w & odd, b.w & odd}};
    int small[4] = {}, large[4] = {};
#pragma unroll
    for (int i = 0; i < 2; i++) {
      multiply_bytes(small, e[i], digits[i].x, digits[i].z);
      multiply_bytes(large, o[i], digits[i].y, digits[i].w);
    }
    int first = (small[0] * 16 + large[0]) * 256 + (small[1] * 16 + large[1]);
    int second = (small[2] * 16 + large[2]) * 256 + (small[3] * 16 + large[3]);
    if (u == 0 || t == u) upper = first, lower = second;
  }
  const Scale *scales = reinterpret_cast<const Scale *>(extra) + lane;
  const u8 *zeros = extra + 64 * sizeof(Scale) + lane;
  float step = input.steps[piece * 4 + t], sum = input.sums[piece * 4 + t];
  float z0 = zeros[0], z1 = zeros[32];
  result.x = widen(scales[0]) * (step * (float)upper - z0 * sum);
  result.y = widen(scales[32]) * (step * (float)lower - z1 * sum);
#pragma unroll
  for (int distance = 1; distance < 4; distance *= 2) {
    result.x += __shfl_xor_sync(~0u, result.x, distance);
    result.y += __shfl_xor_sync(~0u, result.y, distance);
  }
#endif
  return result;
}

// What products give is its own sign that it is there: it lands where 0xFFFF stood, which is no number that rounding gives,
// and whoever needs it reads until it is something else. There are two places for everything, of which decoder blocks use one
// after the other. When a thread block has all of what a product gave, all thread blocks have used all of what came before,
// since each has a part in every product: then what a thread block wrote into the other place, it wipes out, and that is
// done before it writes anything that others wait for before they look there again.
struct Exchange {
  static constexpr int projected = 0, attended = projected + QUERIES + 2 * KEYS, added = attended + QUERIES,
                       activated = added + HIDDEN, delta = activated + INTERMEDIATE, size = delta + HIDDEN;
  bf16 *base;
  // Decoder blocks that earlier passes went through: what the last of them left is wiped out like everything else.
  int turn;
  __device__ __forceinline__ bf16 *place(int block, int what) const { return base + ((block + turn) & 1) * size + what; }
  __device__ __forceinline__ static int of(int product) {
    return product == ATTENTION_INPUT ? projected : product == ATTENTION_OUTPUT ? added : product == MLP_INPUT ? activated : delta;
  }
};

__device__ __forceinline__ bool is_there(uint4 v) {
  // Whether no half of a word is all ones.
  auto missing = [](u32 x) { return (~x - 0x00010001u) & x & 0x80008000u; };
  return (missing(v.x) | missing(v.y) | missing(v.z) | missing(v.w)) == 0;
}
__device__ __forceinline__ uint4 look(const bf16 *p) {
  uint4 v;
  asm volatile("ld.relaxed.gpu.global.v4.u32 {%0, %1, %2, %3}, [%4];\n" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(__cvta_generic_to_global(p))
               : "memory");
  return v;
}

// A barrier of the workers and the warp that wipes out; the same for who need not wait.
template <int barrier> __device__ __forceinline__ void meet_others() {
  asm volatile("bar.sync %0, %1;\n" ::"n"(barrier), "n"(32 * (WORKERS + 1)) : "memory");
}
template <int barrier> __device__ __forceinline__ void leave_others() {
  asm volatile("bar.arrive %0, %1;\n" ::"n"(barrier), "n"(32 * (WORKERS + 1)) : "memory");
}

// Vectors of eight of the residual stream that a thread holds.
constexpr int held = (HIDDEN / 8 + threads - 1) / threads;
constexpr int ring_bytes = SLOTS * (code_bytes + extra_bytes);

#if BITS < 16
// Scales and zeros of a matrix that are a product's rows from `first` on. Where `joined` is not 0, rows from there on stand beside
// those before it.
struct Part {
  const Scale *scales;
  const u8 *zeros;
  u8 *target;
  int rows, groups, first, joined;
};
// As pieces have them: for every four groups of every tile of 16 rows 64 scales and 64 zeros. Grid: (rows / 8 of the largest
// part, parts). Threads: any.
extern "C" __global__ void pack_scales(const Part *parts, int midpoint) {
  auto [scales, zeros, target, rows, groups, first, joined] = parts[blockIdx.y];
  if (blockIdx.x >= rows / 8) return;
  int half = first / 8 + blockIdx.x, tile = half / 2, side = half & 1;
  // Rows of the gate are the first halves of tiles, those of up the second.
  if (joined) side = half >= joined / 8, tile = half - side * (joined / 8);
  for (int i = threadIdx.x; i < 8 * groups; i += blockDim.x) {
    int row = i / groups, group = i % groups, place = side * 32 + row * 4 + group % 4;
    i64 from = (i64)(blockIdx.x * 8 + row) * groups + group;
    u8 *to = target + (i64)(tile * (groups / 4) + group / 4) * (64 * (sizeof(Scale) + 1));
    reinterpret_cast<Scale *>(to)[place] = scales[from];
    to[64 * sizeof(Scale) + place] = zeros ? zeros[from] : midpoint;
  }
}
#endif

extern "C" __global__ void __launch_bounds__(32 * (WORKERS + COPIERS + 1), 1) decode_blocks(
    const Map *__restrict__ maps, const Others *__restrict__ all_others, int block_count,
    const __grid_constant__ Layout layout, const bf16 *x, bf16 *residual, bf16 *delta, bf16 *exchanged, int *turn,
    const u8 *following, i64 following_bytes,
    int norm_type, float epsilon, const float *cosine, const float *sine, int half, i64 cache_stride,
    const int *base, int first, int window, float scale, float *partial, int *counters, int most_parts, int part_tokens) {
  // Asked only whether all thread blocks can run at once.
  if (block_count == 0) return;
  let_successor_begin();
  extern __shared__ __align__(128) u8 shared[];
  __shared__ float warp_sums[WORKERS];
  __shared__ __align__(8) u64 barriers[2 * SLOTS];
  int warp = threadIdx.x / 32, lane = threadIdx.x & 31;
  Others *others = reinterpret_cast<Others *>(shared + ring_bytes);
  // Then x with what pieces give, or what attention needs.
  u8 *room = reinterpret_cast<u8 *>(others + block_count);

  constexpr int everyone = 32 * (WORKERS + COPIERS + 1);
  for (int i = threadIdx.x; i < block_count * (int)(sizeof(Others) / 8); i += everyone)
    reinterpret_cast<u64 *>(others)[i] = reinterpret_cast<const u64 *>(all_others)[i];
  // The copy engine has its own view of descriptors in memory: an earlier model's may have stood where these do.
  for (int i = threadIdx.x; i < block_count * PARTS; i += everyone)
    asm volatile("fence.proxy.tensormap::generic.acquire.sys [%0], 128;\n" ::"l"(maps + i) : "memory");
  if (threadIdx.x < SLOTS) {
    start_counting(shared_address(barriers + threadIdx.x), 1);
    start_counting(shared_address(barriers + SLOTS + threadIdx.x), 1);
  }
  // And of what was written to shared memory.
  asm volatile("fence.proxy.async.shared::cta;\n" ::: "memory");
  __syncthreads();

  Slots slots = {shared_address(shared), shared_address(shared + SLOTS * code_bytes), shared_address(barriers),
                 shared_address(barriers + SLOTS), 0, 0};

  // Weights were there long before.
  if (warp >= WORKERS && warp < WORKERS + COPIERS) {
    if (lane > 0) return;
    int piece = slots.slot = warp - WORKERS, under_way = 0;
    Slots earlier = slots;
#pragma unroll 1
    for (int block = 0; block < block_count; block++, maps += PARTS) {
      int tile = blockIdx.x;
      auto copy = [&](auto product) {
        Own own(tile, tiles_of[product.value]);
        piece = copy_product<product.value>(
            slots, earlier, under_way, maps, others[block].scales[product.value], layout, own, piece);
        tile = own.next;
      };
      copy(Number<ATTENTION_INPUT>());
      copy(Number<ATTENTION_OUTPUT>());
      copy(Number<MLP_INPUT>());
      copy(Number<MLP_OUTPUT>());
    }
    // While the last products are under way memory would have nothing to do.
    constexpr int some = 8192;
    for (i64 place = (i64)(blockIdx.x * COPIERS + warp - WORKERS) * some; place + some <= following_bytes;
         place += (i64)gridDim.x * COPIERS * some)
      asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;\n" ::"l"(__cvta_generic_to_global(following + place)), "n"(some));
    return;
  }

  await_predecessor();
  Exchange exchange = {exchanged, *turn};
  int position = first + (base ? *base : 0);
  constexpr int groups = KEYS / WIDTH, slices = SHARE / HEADS;
  int seen = window > 0 ? min(window, position + 1) : position + 1;
  int context_parts = min(most_parts, (seen + part_tokens - 1) / part_tokens), jobs = groups * slices * context_parts;

  if (warp == WORKERS + COPIERS) {
#pragma unroll 1
    for (int block = 0; block < block_count; block++) {
      const uint4 nothing = make_uint4(~0u, ~0u, ~0u, ~0u);
      meet_others<2>();
      int tile = blockIdx.x;
      for (int product = 0; product < products; product++) {
        Own own(tile, tiles_of[product]);
        tile = own.next;
        int vectors = product == MLP_INPUT ? 1 : 2;
        // What the last product of the block before gave is in use until now.
        int which = product == MLP_OUTPUT ? block : block + 1;
        uint4 *place = reinterpret_cast<uint4 *>(exchange.place(which, Exchange::of(product)));
        for (int i = lane; i < own.count * vectors; i += 32)
          place[(own.first + i / vectors * gridDim.x) * vectors + i % vectors] = nothing;
      }
      for (int job = blockIdx.x; job < jobs; job += gridDim.x)
        if (job % context_parts == 0 && lane < HEADS * WIDTH / 8)
          reinterpret_cast<uint4 *>(
              exchange.place(block + 1, Exchange::attended) + job / context_parts * HEADS * WIDTH)[lane] = nothing;
      __threadfence();
      leave_others<3>();
    }
    return;
  }
  slots.slot = warp;
  AttentionRoom<WORKERS> &attention = *reinterpret_cast<AttentionRoom<WORKERS> *>(room);
  Input input;
  input.x = reinterpret_cast<bf16 *>(room);
  float *results = reinterpret_cast<float *>(input.x + widest);
#if BITS < 16
  input.steps = results;
  input.sums = results + widest / unit;
  results += 2 * (widest / unit);
#endif
  uint4 stream[held];
#pragma unroll
  for (int h = 0; h < held; h++) {
    int octet = threadIdx.x + h * threads;
    stream[h] = octet < HIDDEN / 8 ? reinterpret_cast<const uint4 *>(x)[octet] : make_uint4(0, 0, 0, 0);
  }
  // The weights of a norm wait in the cache, not here: shared memory is for pieces.
  int norm_bytes = norm_type == BF16 ? 16 : 32;
  auto ask_for_norm = [&](const void *weight) {
#pragma unroll
    for (int h = 0; h < held; h++) {
      int octet = threadIdx.x + h * threads;
      if (octet < HIDDEN / 8) ask_for(static_cast<const u8 *>(weight) + octet * norm_bytes);
    }
  };
  // x behind a norm, to which `more` is added first.
  auto normalize = [&](const void *weight, const bf16 *more) {
    // On their way while `more` is awaited.
    uint4 norm[held][2];
#pragma unroll
    for (int h = 0; h < held; h++) {
      int octet = threadIdx.x + h * threads;
      if (octet >= HIDDEN / 8) continue;
      const uint4 *from = reinterpret_cast<const uint4 *>(static_cast<const u8 *>(weight) + octet * norm_bytes);
      norm[h][0] = from[0];
      if (norm_type != BF16) norm[h][1] = from[1];
    }
    float v[held][8], squares = 0;
#pragma unroll
    for (int h = 0; h < held; h++) {
      int octet = threadIdx.x + h * threads;
      load8(reinterpret_cast<const bf16 *>(&stream[h]), v[h]);
      if (more && octet < HIDDEN / 8) {
        float d[8];
        uint4 added = look(more + octet * 8);
        while (!is_there(added)) added = look(more + octet * 8);
        load8(reinterpret_cast<const bf16 *>(&added), d);
#pragma unroll
        for (int j = 0; j < 8; j++) v[h][j] = widen(to_bf16(v[h][j] + d[j]));
        store8(reinterpret_cast<bf16 *>(&stream[h]), v[h]);
      }
#pragma unroll
      for (int j = 0; j < 8; j++) squares += v[h][j] * v[h][j];
    }
    squares = warp_sum(squares);
    if (lane == 0) warp_sums[warp] = squares;
    sync_warps<WORKERS>();
    squares = warp_sum(lane < WORKERS ? warp_sums[lane] : 0);
    float inverse = 1 / sqrtf(squares / HIDDEN + epsilon);
#pragma unroll
    for (int h = 0; h < held; h++) {
      int octet = threadIdx.x + h * threads;
      uint4 y = make_uint4(0, 0, 0, 0);
      if (octet < HIDDEN / 8) {
        float w[8];
        if (norm_type == BF16) {
          load8(reinterpret_cast<const bf16 *>(norm[h]), w);
        } else {
#pragma unroll
          for (int j = 0; j < 8; j++) w[j] = reinterpret_cast<const float *>(norm[h])[j];
        }
#pragma unroll
        for (int j = 0; j < 8; j++) w[j] *= v[h][j] * inverse;
        store8(reinterpret_cast<bf16 *>(&y), w);
      }
      input.put(y, octet, HIDDEN);
    }
  };
  auto gather = [&](const bf16 *from, int columns) {
    constexpr int batch = 4;
    for (int start = 0; start < columns / 8; start += batch * threads) {
      uint4 v[batch];
#pragma unroll
      for (int k = 0; k < batch; k++) {
        int octet = start + k * threads + threadIdx.x;
        v[k] = octet < columns / 8 ? look(from + octet * 8) : make_uint4(0, 0, 0, 0);
      }
      for (bool all = false; !all;) {
        all = true;
#pragma unroll
        for (int k = 0; k < batch; k++)
          if (!is_there(v[k])) {
            v[k] = look(from + (start + k * threads + threadIdx.x) * 8);
            all = false;
          }
      }
#pragma unroll
      for (int k = 0; k < batch; k++)
        if (start + k * threads < columns / 8) input.put(v[k], start + k * threads + threadIdx.x, columns);
    }
  };
  // This thread block's tiles of a product, whose x stands ready.
  int piece = warp;
  auto multiply_by = [&](int product, const Own &own, bf16 *y) {
    int pieces = pieces_of[product], count = own.count * pieces, within = piece % pieces;
    for (; piece < count; piece += WORKERS) {
      slots.wait_full();
      float2 result =
          work(shared + slots.slot * code_bytes, shared + SLOTS * code_bytes + slots.slot * extra_bytes, input, within);
      if ((lane & 3) == 0) {
        results[piece * 16 + lane / 4] = result.x;
        results[piece * 16 + lane / 4 + 8] = result.y;
      }
      __syncwarp();
      if (lane == 0) arrive(slots.empty + slots.slot * 8);
      slots.advance(WORKERS);
      within += WORKERS;
      while (within >= pieces) within -= pieces;
    }
    piece -= count;
    if (product == ATTENTION_OUTPUT) meet_others<3>(); else sync_warps<WORKERS>();
    // A warp a tile, two lanes a row.
    bool joins = product == MLP_INPUT;
    for (int tile = warp; tile < own.count; tile += WORKERS) {
      const float *from = results + (tile * pieces + lane / 16) * 16 + lane % 16;
      float sum = 0;
#pragma unroll 4
      for (int p = lane / 16; p < pieces; p += 2, from += 32) sum += *from;
      sum += __shfl_xor_sync(~0u, sum, 16);
      float up = __shfl_down_sync(~0u, sum, 8);
      int rows = 16;
      if (joins) {
        // Rounded like what a product writes.
        float gate = widen(to_bf16(sum));
        sum = gate * __fdividef(1.f, 1.f + __expf(-gate)) * widen(to_bf16(up));
        rows = 8;
      }
      if (lane < rows) y[(own.first + tile * gridDim.x) * rows + lane] = to_bf16(sum);
    }
  };

  ask_for_norm(others[0].norms[0]);
  int tile = blockIdx.x;
#pragma unroll 1
  for (int step = 0; step < block_count * products; step++) {
    int block = step / products, product = step % products;
    const Others &other = others[block];
    if (product == 0) tile = blockIdx.x;
    Own own(tile, tiles_of[product]);
    tile = own.next;
    if (product == ATTENTION_INPUT) {
      normalize(other.norms[0], step > 0 ? exchange.place(block - 1, Exchange::delta) : nullptr);
    } else if (product == MLP_INPUT) {
      normalize(other.norms[1], exchange.place(block, Exchange::added));
    } else {
      gather(
          exchange.place(block, product == ATTENTION_OUTPUT ? Exchange::attended : Exchange::activated),
          columns_of[product]);
    }
    sync_warps<WORKERS>();
    if (product == ATTENTION_INPUT) {
      ask_for_norm(other.norms[1]);
      // Keys and values of this thread block's first job: a line of each at a time, two a thread.
      constexpr int lines = (WIDTH * 2 + 127) / 128;
      int job = blockIdx.x, part = job % context_parts, group = job / context_parts / slices;
      int length = ((seen + context_parts - 1) / context_parts + 31) / 32 * 32;
#pragma unroll 1
      for (int line = threadIdx.x; line < 2 * threads; line += threads) {
        int token = position + 1 - seen + part * length + line / lines;
        if (job < jobs && token < position && line / lines < length) {
          i64 place = token * cache_stride + group * WIDTH + min(line % lines * 64, WIDTH - 1);
          ask_for(other.keys + place);
          ask_for(other.values + place);
        }
      }
    } else if (product == MLP_INPUT && block + 1 < block_count) {
      ask_for_norm(others[block + 1].norms[0]);
    }
    multiply_by(
        product, own, step + 1 == block_count * products ? delta : exchange.place(block, Exchange::of(product)));
    if (product == ATTENTION_INPUT) {
      leave_others<2>();
      const bf16 *projected = exchange.place(block, Exchange::projected);
      NewToken token = {projected, projected + QUERIES, projected + QUERIES + KEYS, other.keys, cache_stride,
                        other.values, cache_stride, exchange.place(block, Exchange::attended), cosine, sine, half, SHARE,
                        position, window, scale, partial, counters};
      sync_warps<WORKERS>();
      for (int job = blockIdx.x; job < jobs; job += gridDim.x) {
        attend_to_cache<WORKERS, true>(
            token, attention, job % context_parts, context_parts, job / context_parts / slices, groups,
            job / context_parts % slices);
        sync_warps<WORKERS>();
      }
    }
  }
  if (blockIdx.x == 0) {
#pragma unroll
    for (int h = 0; h < held; h++) {
      int octet = threadIdx.x + h * threads;
      if (octet < HIDDEN / 8) reinterpret_cast<uint4 *>(residual)[octet] = stream[h];
    }
    // All have read it: each has had a part in what this one has read.
    if (threadIdx.x == 0) *turn = (exchange.turn + block_count) & 1;
  }
}
