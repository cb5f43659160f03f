// Tiles of 128 rows of a head that one lane brings and warps leave, two of a kind in turn.
struct Ring {
  static constexpr int bytes = 128 * WIDTH * 2;
  u32 tiles, full, empty;
  int count = 0;

  // Two tiles, and four barriers.
  __device__ __forceinline__ Ring(u32 tiles, u32 barriers) : tiles(tiles), full(barriers), empty(barriers + 16) {}
  __device__ __forceinline__ void start(int warps) const {
    for (int i = 0; i < 2; i++) {
      start_counting(full + i * 8, 1);
      start_counting(empty + i * 8, warps);
    }
  }
  __device__ __forceinline__ int slot() const { return count & 1; }
  __device__ __forceinline__ u32 parity() const { return count >> 1 & 1; }
  __device__ __forceinline__ u32 tile() const { return tiles + slot() * bytes; }

  // Rows from `row` on, once the tile's place is free. Those of other sequences may be among them; beyond the tensor there are zeros.
  __device__ __forceinline__ void bring(const Map &map, int row, int head) {
    u32 barrier = full + slot() * 8;
    wait_for(empty + slot() * 8, parity() ^ 1);
    expect(barrier, bytes);
    asm volatile(
        "cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3, %4}], [%5];\n" ::"r"(tile()),
        "l"(&map), "r"(0), "r"(row), "r"(head * (WIDTH / CHUNK)), "r"(barrier)
        : "memory");
    count++;
  }
  __device__ __forceinline__ void await_tile() const { wait_for(full + slot() * 8, parity()); }
  __device__ __forceinline__ void leave() {
    if ((threadIdx.x & 31) == 0) arrive(empty + slot() * 8);
    count++;
  }
};
