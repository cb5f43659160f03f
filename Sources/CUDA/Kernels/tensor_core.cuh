// Tensor cores and asynchronous copies (compute capability 8.0 and up).
//
// A warp's fragments of `m16n8k16`, with g = lane / 4 and t = lane % 4: of A [16, 16] register 0 holds (g, 2t…2t+1), 1
// row g+8, 2 column 2t+8, 3 both; of B [16, 8] register 0 holds (2t…2t+1, g), 1 row 2t+8; of C [16, 8] the numbers 0 and 1
// are (g, 2t…2t+1), 2 and 3 those of row g+8.

__device__ __forceinline__ u32 shared_address(const void *p) {
  return static_cast<u32>(__cvta_generic_to_shared(p));
}

// Sixteen bytes from global to shared memory; zeros where `valid` is false.
__device__ __forceinline__ void copy_async(void *target, const void *source, bool valid) {
  int bytes = valid ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(shared_address(target)),
               "l"(__cvta_generic_to_global(source)), "r"(bytes)
               : "memory");
}
// The same where the 128 bytes around will all be asked for soon: they come into the cache together.
__device__ __forceinline__ void copy_async_ahead(void *target, const void *source, bool valid) {
  int bytes = valid ? 16 : 0;
  asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;\n" ::"r"(shared_address(target)),
               "l"(__cvta_generic_to_global(source)), "r"(bytes)
               : "memory");
}
// `copy_async` for four bytes.
__device__ __forceinline__ void copy_word_async(void *target, const void *source, bool valid) {
  int bytes = valid ? 4 : 0;
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;\n" ::"r"(shared_address(target)),
               "l"(__cvta_generic_to_global(source)), "r"(bytes)
               : "memory");
}
__device__ __forceinline__ void commit_copies() { asm volatile("cp.async.commit_group;\n" ::: "memory"); }
// Waits until at most `N` groups of copies are under way.
template <int N> __device__ __forceinline__ void await_copies() {
  asm volatile("cp.async.wait_group %0;\n" ::"n"(N) : "memory");
}

__device__ __forceinline__ void load_matrices(u32 (&r)[4], const void *p) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];\n"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(p))
               : "memory");
}
__device__ __forceinline__ void load_transposed(u32 (&r)[4], const void *p) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];\n"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(p))
               : "memory");
}

// c += a · b
__device__ __forceinline__ void multiply(float (&c)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
               "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};\n"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ __forceinline__ float exp2_fast(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;\n" : "=f"(y) : "f"(x));
  return y;
}

// Where a lane's row of a 16 × 16 piece stands for `load_matrices` as A (and for `load_transposed` as B, rows being k).
__device__ __forceinline__ int piece_row() { return threadIdx.x & 15; }
__device__ __forceinline__ int piece_column() { return (threadIdx.x & 16) >> 1; }
// The same for `load_matrices` as two pieces of B, rows being n: registers 0 and 1 are the first eight rows' B.
__device__ __forceinline__ int factor_row() { return (threadIdx.x & 7) + ((threadIdx.x & 16) >> 1); }
__device__ __forceinline__ int factor_column() { return threadIdx.x & 8; }
