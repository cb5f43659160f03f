#pragma once
// What the processor can do, asked once with CPUID (and XGETBV, so that the system saves the registers too).

/// The x86-64 level (2, 3 or 4) whose instructions all exist here.
int olv_cpu_level(void);
/// 1 where products of bf16 vectors exist (AVX512_BF16 or AMX_BF16).
int olv_cpu_bf16(void);
/// Writes the processor's own name, at most 48 bytes and a zero.
void olv_cpu_name(char name[49]);

/// Processors that this process may run on.
int olv_cpu_count(void);

/// Tells the core that the thread is spinning.
static inline void olv_cpu_pause(void) { __builtin_ia32_pause(); }
