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

// Eight neighbours' angles, and two runs of eight numbers turned by them.
struct Turn {
  float c[8], s[8];

  __device__ __forceinline__ Turn(const float *cosine, const float *sine) {
#pragma unroll
    for (int j = 0; j < 8; j += 4) {
      *reinterpret_cast<float4 *>(c + j) = __ldg(reinterpret_cast<const float4 *>(cosine + j));
      *reinterpret_cast<float4 *>(s + j) = __ldg(reinterpret_cast<const float4 *>(sine + j));
    }
  }
  __device__ __forceinline__ void forth(float (&a)[8], float (&b)[8]) const {
#pragma unroll
    for (int j = 0; j < 8; j++) {
      float x = a[j], y = b[j];
      a[j] = x * c[j] - y * s[j];
      b[j] = y * c[j] + x * s[j];
    }
  }
  __device__ __forceinline__ void back(float (&a)[8], float (&b)[8]) const {
#pragma unroll
    for (int j = 0; j < 8; j++) {
      float x = a[j], y = b[j];
      a[j] = x * c[j] + y * s[j];
      b[j] = y * c[j] - x * s[j];
    }
  }
};

// Turns the rows of a tile in place, row r by the angles of position `position + r`. `at(row, column)` is the address of an
// element; eight columns from a multiple of eight on lie together. `thread` is this one's number among THREADS.
template <int THREADS, typename Place>
__device__ __forceinline__ void rotate_tile(int thread, const Rotary &rotary, int table, int position, int rows, Place at) {
  const float *cosine = rotary.cosine(table), *sine = rotary.sine(table);
  int half = rotary.half;
  if (half % 8 == 0) {
    int units = half / 8;
#pragma unroll 3
    for (int i = thread; i < rows * units; i += THREADS) {
      int row = i / units, column = i % units * 8;
      i64 angle = (i64)(position + row) * half + column;
      Turn turn(cosine + angle, sine + angle);
      float a[8], b[8];
      load8(at(row, column), a);
      load8(at(row, column + half), b);
      turn.forth(a, b);
      store8(at(row, column), a);
      store8(at(row, column + half), b);
    }
    return;
  }
  for (int i = thread; i < rows * half; i += THREADS) {
    int row = i / half, column = i % half;
    i64 angle = (i64)(position + row) * half + column;
    float c = cosine[angle], s = sine[angle];
    bf16 *p = at(row, column), *r = at(row, column + half);
    float a = widen(*p), b = widen(*r);
    *p = to_bf16(a * c - b * s);
    *r = to_bf16(b * c + a * s);
  }
}

// Writes rows of f32 sums as bf16, turned back by their angles where `rotary` is given.
template <int THREADS>
__device__ __forceinline__ void write_turned_back(
    bf16 *target, i64 stride, const float *sums, int sum_pitch, const Rotary *rotary, int table, int position,
    int rows) {
  int half = rotary ? rotary->half : 0;
#if ALIGNED
  if (half % 8 == 0) {
    // A unit of eight with the one it turns with, then the units that pass.
    int units = half / 8, all = WIDTH / 8 - units;
#pragma unroll 3
    for (int i = threadIdx.x; i < rows * all; i += THREADS) {
      int row = i / all, unit = i % all;
      const float *line = sums + row * sum_pitch;
      bf16 *to = target + row * stride;
      int column = (unit < units ? unit : unit + units) * 8;
      float a[8], b[8];
#pragma unroll
      for (int j = 0; j < 8; j += 4)
        *reinterpret_cast<float4 *>(a + j) = *reinterpret_cast<const float4 *>(line + column + j);
      if (unit < units) {
        i64 angle = (i64)(position + row) * half + column;
        Turn turn(rotary->cosine(table) + angle, rotary->sine(table) + angle);
#pragma unroll
        for (int j = 0; j < 8; j += 4)
          *reinterpret_cast<float4 *>(b + j) = *reinterpret_cast<const float4 *>(line + column + half + j);
        turn.back(a, b);
        store8(to + column + half, b);
      }
      store8(to + column, a);
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
