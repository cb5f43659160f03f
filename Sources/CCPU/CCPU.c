#define _GNU_SOURCE
#include "CCPU.h"
#include <cpuid.h>
#include <sched.h>
#include <string.h>

int olv_cpu_level(void) {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
      !__builtin_cpu_supports("bmi") || !__builtin_cpu_supports("bmi2"))
    return 2;
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512cd") || !__builtin_cpu_supports("avx512dq") ||
      !__builtin_cpu_supports("avx512vl"))
    return 3;
  return 4;
}

int olv_cpu_bf16(void) {
  unsigned a, b, c, d;
  if (olv_cpu_level() < 4) return 0;
  if (__get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & (1u << 5))) return 1;  // AVX512_BF16
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & (1u << 22));         // AMX_BF16
}

void olv_cpu_name(char name[49]) {
  unsigned words[12] = {0};
  for (unsigned leaf = 0; leaf < 3; leaf++)
    __get_cpuid(0x80000002u + leaf, words + 4 * leaf, words + 4 * leaf + 1, words + 4 * leaf + 2,
                words + 4 * leaf + 3);
  memcpy(name, words, 48);
  name[48] = 0;
}

int olv_cpu_count(void) {
  cpu_set_t *set = CPU_ALLOC(8192);
  size_t size = CPU_ALLOC_SIZE(8192);
  if (!set) return 1;
  int count = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 1;
  CPU_FREE(set);
  return count > 0 ? count : 1;
}
