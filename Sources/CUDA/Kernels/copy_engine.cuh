// The tensor copy engine of cards from compute capability 9.0 on, and the barriers that count what it has brought.

// How the engine sees a matrix: what `cuTensorMapEncodeTiled` writes.
struct __align__(64) Map {
  u64 words[16];
};

// A place is filled by copies that one lane announces, and left by warps. Whoever waits names which filling or leaving it is, by its parity.
__device__ __forceinline__ void start_counting(u32 barrier, int arrivals) {
  asm volatile("mbarrier.init.shared.b64 [%0], %1;\n" ::"r"(barrier), "r"(arrivals) : "memory");
}
__device__ __forceinline__ void wait_for(u32 barrier, u32 parity) {
  asm volatile("{\n.reg .pred done;\nagain:\nmbarrier.try_wait.parity.shared.b64 done, [%0], %1;\n@!done bra again;\n}\n" ::"r"(
                   barrier),
               "r"(parity)
               : "memory");
}
// One arrival, and so many bytes to come.
__device__ __forceinline__ void expect(u32 barrier, int bytes) {
  asm volatile("{\n.reg .b64 state;\nmbarrier.arrive.expect_tx.shared.b64 state, [%0], %1;\n}\n" ::"r"(barrier), "r"(bytes)
               : "memory");
}
__device__ __forceinline__ void arrive(u32 barrier) {
  asm volatile("{\n.reg .b64 state;\nmbarrier.arrive.shared.b64 state, [%0];\n}\n" ::"r"(barrier) : "memory");
}
// A box of a matrix, from (row, column) on.
__device__ __forceinline__ void copy_box(u32 target, const Map &map, int column, int row, u32 barrier) {
  asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3}], [%4];\n" ::"r"(
                   target),
               "l"(&map), "r"(column), "r"(row), "r"(barrier)
               : "memory");
}
// All threads of a cluster of blocks, which then see what the others had written.
__device__ __forceinline__ void meet_cluster() {
  asm volatile("barrier.cluster.arrive.release;\nbarrier.cluster.wait.acquire;\n" ::: "memory");
}
