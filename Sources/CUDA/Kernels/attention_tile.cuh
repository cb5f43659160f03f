// What the attention kernels share: tiles of one head's rows in shared memory, and rotary embedding.
//
// Compile-time: WIDTH, the width of a head; ALIGNED, 1 where every row of every tensor starts at a multiple of 16 bytes.

enum {
  // Columns of a tile, a multiple of what one product takes; those beyond WIDTH are zeros.
  columns = (WIDTH + 15) / 16 * 16,
  // An odd number of 16-byte units from row to row keeps `ldmatrix` free of bank conflicts.
  pitch = columns + 8
};

// A run of tokens that one thread block works on.
struct Run {
  int start;   // the first token of the sequence, in the tensors of queries
  int length;  // tokens of the sequence
  int first;   // the first row or key of this block, counted from `start`
  int table;   // 0: the short rotary table, 1: the long one
};

struct Rotary {
  const float *short_cosine, *short_sine, *long_cosine, *long_sine;
  int half;  // angles a position

  __device__ __forceinline__ const float *cosine(int table) const { return table ? long_cosine : short_cosine; }
  __device__ __forceinline__ const float *sine(int table) const { return table ? long_sine : short_sine; }
};

// Rows `first…first+ROWS` of a head into a tile; rows at `limit` and beyond are zeros.
template <int ROWS, int THREADS>
__device__ __forceinline__ void load_tile(bf16 *tile, const bf16 *source, i64 stride, int first, int limit) {
#if ALIGNED
  constexpr int units = columns / 8;
  for (int i = threadIdx.x; i < ROWS * units; i += THREADS) {
    int row = i / units, unit = i % units;
    bool valid = first + row < limit && unit * 8 < WIDTH;
    copy_async(tile + row * pitch + unit * 8, source + (valid ? (first + row) * stride + unit * 8 : 0), valid);
  }
#else
  for (int i = threadIdx.x; i < ROWS * columns; i += THREADS) {
    int row = i / columns, column = i % columns;
    bool valid = first + row < limit && column < WIDTH;
    tile[row * pitch + column] = valid ? source[(first + row) * stride + column] : bf16{0};
  }
#endif
}

// Turns the rows of a tile in place, row r by the angles of position `position + r`.
template <int THREADS>
__device__ __forceinline__ void rotate_tile(bf16 *tile, const Rotary &rotary, int table, int position, int rows) {
  const float *cosine = rotary.cosine(table), *sine = rotary.sine(table);
  int half = rotary.half;
  if (half % 2 == 0) {
    int pairs = half / 2;
    for (int i = threadIdx.x; i < rows * pairs; i += THREADS) {
      int row = i / pairs, column = i % pairs * 2;
      i64 angle = (i64)(position + row) * half + column;
      float2 c = *reinterpret_cast<const float2 *>(cosine + angle), s = *reinterpret_cast<const float2 *>(sine + angle);
      u32 *p = reinterpret_cast<u32 *>(tile + row * pitch + column), *r = p + pairs;
      float a = low_bf16(*p), b = high_bf16(*p), x = low_bf16(*r), y = high_bf16(*r);
      *p = pack_bf16(a * c.x - x * s.x, b * c.y - y * s.y);
      *r = pack_bf16(x * c.x + a * s.x, y * c.y + b * s.y);
    }
    return;
  }
  for (int i = threadIdx.x; i < rows * half; i += THREADS) {
    int row = i / half, column = i % half;
    i64 angle = (i64)(position + row) * half + column;
    float c = cosine[angle], s = sine[angle];
    bf16 *p = tile + row * pitch + column;
    float a = widen(p[0]), b = widen(p[half]);
    p[0] = to_bf16(a * c - b * s);
    p[half] = to_bf16(b * c + a * s);
  }
}

// Writes rows of f32 sums as bf16, turned back by their angles where `rotary` is given.
template <int THREADS>
__device__ __forceinline__ void write_turned_back(
    bf16 *target, i64 stride, const float *sums, int sum_pitch, const Rotary *rotary, int table, int position,
    int rows) {
  int half = rotary ? rotary->half : 0;
#if ALIGNED
  if (half % 2 == 0) {
    for (int i = threadIdx.x; i < rows * (WIDTH / 2); i += THREADS) {
      int row = i / (WIDTH / 2), column = i % (WIDTH / 2) * 2;
      const float *line = sums + row * sum_pitch;
      float2 value = *reinterpret_cast<const float2 *>(line + column);
      if (column < 2 * half) {
        bool low = column < half;
        int place = low ? column : column - half;
        i64 angle = (i64)(position + row) * half + place;
        float2 c = *reinterpret_cast<const float2 *>(rotary->cosine(table) + angle);
        float2 s = *reinterpret_cast<const float2 *>(rotary->sine(table) + angle);
        float2 other = *reinterpret_cast<const float2 *>(line + (low ? column + half : place));
        float sign = low ? 1 : -1;
        value.x = value.x * c.x + sign * other.x * s.x;
        value.y = value.y * c.y + sign * other.y * s.y;
      }
      *reinterpret_cast<u32 *>(target + row * stride + column) = pack_bf16(value.x, value.y);
    }
    return;
  }
#endif
  for (int i = threadIdx.x; i < rows * WIDTH; i += THREADS) {
    int row = i / WIDTH, column = i % WIDTH;
    float value = sums[row * sum_pitch + column];
    if (column < 2 * half) {
      bool low = column < half;
      int place = low ? column : column - half;
      i64 angle = (i64)(position + row) * half + place;
      float c = rotary->cosine(table)[angle], s = rotary->sine(table)[angle];
      float other = sums[row * sum_pitch + (low ? column + half : place)];
      value = low ? value * c + other * s : value * c - other * s;
    }
    target[row * stride + column] = to_bf16(value);
  }
}
