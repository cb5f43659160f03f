// What a token's pass through decoder blocks (decode_blocks.cu) multiplies by, piece by piece: where pieces lie, which of them a
// thread block has, and how they come into its shared memory.

#if HALF_SCALES
typedef f16 Scale;
#else
typedef float Scale;
#endif

// What a decoder block has beside its matrices. The tensor copy engine sees one of those, rows of so many bytes, as
// [rows, bytes / 64, 64], of which it copies 4 × 8 × 64 bytes, 256 of eight rows, in shared memory those of the eight rows side by
// side, 64 bytes of each.
//
// Scales and zeros of a product's pieces as `pack_scales` writes them.
struct Others {
  const void *norms[2];
  bf16 *keys, *values;
  const u8 *scales[4];
};
// Of a product the first of its matrices, and the rows, multiples of 8, at which the second and third begin.
struct Layout {
  int begin[4], second[4], third[4];
};

constexpr int threads = 32 * WORKERS;
constexpr int products = 4;
enum { ATTENTION_INPUT, ATTENTION_OUTPUT, MLP_INPUT, MLP_OUTPUT };
__constant__ int columns_of[products] = {HIDDEN, QUERIES, HIDDEN, INTERMEDIATE};
__constant__ int tiles_of[products] = {
    (QUERIES + 2 * KEYS) / 16, HIDDEN / 16, 2 * INTERMEDIATE / 16, HIDDEN / 16};

// A piece is 256 bytes of each of 16 rows. Beside it four scales and four zeros of each row, in the order of lanes.
constexpr int piece_columns = 256 * 8 / BITS, code_bytes = 4096;
#if BITS < 16
constexpr int unit = 128;
constexpr int extra_bytes = 64 * ((int)sizeof(Scale) + 1);
#else
constexpr int extra_bytes = 0;
#endif
// Pieces of a tile.
__constant__ int pieces_of[products] = {
    HIDDEN / piece_columns, QUERIES / piece_columns, HIDDEN / piece_columns, INTERMEDIATE / piece_columns};

template <int number> struct Number {
  static constexpr int value = number;
};
constexpr int most(int a, int b) { return a > b ? a : b; }
constexpr int widest = most(most(HIDDEN, QUERIES), INTERMEDIATE);

// Of a product's tiles those of this thread block: the first, how many, and which is the first of the next product.
struct Own {
  int first, count, next;
  __device__ __forceinline__ Own(int first, int tiles)
      : first(first), count(first < tiles ? (tiles - first + (int)gridDim.x - 1) / (int)gridDim.x : 0),
        next(first + count * (int)gridDim.x - tiles) {}
};

__device__ __forceinline__ void copy_bulk(u32 target, const void *source, int bytes, u32 barrier) {
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];\n" ::"r"(target),
               "l"(__cvta_generic_to_global(source)), "r"(bytes), "r"(barrier)
               : "memory");
}
__device__ __forceinline__ void copy_eight_rows(u32 target, const Map *map, int row, int column, u32 barrier) {
  asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
               "[%0], [%1, {%2, %3, %4}], [%5];\n" ::"r"(target),
               "l"(map), "r"(0), "r"(row), "r"(column), "r"(barrier)
               : "memory");
}
__device__ __forceinline__ void ask_for(const void *p) { asm volatile("prefetch.global.L2 [%0];\n" ::"l"(p)); }

// The places of pieces, and which of them a warp is at. Of a copier's pieces no more than LIMIT are under way: that keeps
// memory busy, and more would only make others wait longer.
struct Slots {
  u32 places, extras, full, empty;
  int slot;
  u32 parity;
  __device__ __forceinline__ void advance(int warps) {
    slot += warps;
    if (slot >= SLOTS) slot -= SLOTS, parity ^= 1;
  }
  __device__ __forceinline__ u32 place() const { return places + slot * code_bytes; }
  __device__ __forceinline__ u32 extra() const { return extras + slot * extra_bytes; }
  __device__ __forceinline__ void wait_full() const { wait_for(full + slot * 8, parity); }
  __device__ __forceinline__ void wait_empty() const { wait_for(empty + slot * 8, parity ^ 1); }
};

// Copies a product's pieces, from piece `piece` on: how far it comes beyond the product's last.
template <int product>
__device__ __forceinline__ int copy_product(
    Slots &slots, Slots &earlier, int &under_way, const Map *maps, const u8 *scales, const Layout &layout, const Own &own,
    int piece) {
  constexpr int columns = product == ATTENTION_OUTPUT ? QUERIES : product == MLP_OUTPUT ? INTERMEDIATE : HIDDEN;
  constexpr int pieces = columns / piece_columns;
  int count = own.count * pieces;
  maps += layout.begin[product];
  auto copy = [&](int row, int piece, u32 target, u32 barrier) {
    const Map *map = maps;
    if (PARTS > products && row >= layout.third[product]) {
      row -= layout.third[product];
      map += 2;
    } else if (PARTS > products && row >= layout.second[product]) {
      row -= layout.second[product];
      map += 1;
    }
    copy_eight_rows(target, map, row, piece * 4, barrier);
  };
#pragma unroll 1
  for (; piece < count; piece += COPIERS) {
    int number = piece / pieces, within = piece - number * pieces, tile = own.first + number * gridDim.x;
    u32 full = slots.full + slots.slot * 8;
    if (under_way == LIMIT) {
      earlier.wait_full();
      earlier.advance(COPIERS);
    } else {
      under_way++;
    }
    slots.wait_empty();
    expect(full, code_bytes + extra_bytes);
    copy(product == MLP_INPUT ? tile * 8 : tile * 16, within, slots.place(), full);
    copy(product == MLP_INPUT ? INTERMEDIATE + tile * 8 : tile * 16 + 8, within, slots.place() + code_bytes / 2, full);
    if (BITS < 16) copy_bulk(slots.extra(), scales + (tile * pieces + within) * extra_bytes, extra_bytes, full);
    slots.advance(COPIERS);
  }
  return piece - count;
}
