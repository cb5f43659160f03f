#pragma once

// Vector instructions that Swift has no way to ask for. Inlined, they become what the importing module is compiled for.

typedef short olv_short16 __attribute__((ext_vector_type(16)));
typedef int olv_int8 __attribute__((ext_vector_type(8)));
typedef float olv_float8 __attribute__((ext_vector_type(8)));

/// Products of 16-bit numbers, those of neighbours added up.
static inline __attribute__((always_inline)) olv_int8 olv_pair_products(olv_short16 a, olv_short16 b) {
#if defined(__AVX2__)
  typedef short words __attribute__((vector_size(32)));
  return (olv_int8)__builtin_ia32_pmaddwd256((words)a, (words)b);
#else
  typedef short words __attribute__((vector_size(16)));
  typedef int numbers __attribute__((ext_vector_type(4)));
  olv_int8 result;
  result.lo = (numbers)__builtin_ia32_pmaddwd128((words)a.lo, (words)b.lo);
  result.hi = (numbers)__builtin_ia32_pmaddwd128((words)a.hi, (words)b.hi);
  return result;
#endif
}

static inline __attribute__((always_inline)) olv_float8 olv_floats(olv_int8 numbers) {
  return __builtin_convertvector(numbers, olv_float8);
}
