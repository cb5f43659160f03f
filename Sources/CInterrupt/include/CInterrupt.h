#pragma once
// The interrupt flag: set by the SIGINT handler, polled by the engine. Async-signal-safe by construction.

/// Installs the SIGINT handler (without SA_RESTART). The first signal raises the flag, a second one before
/// `olv_interrupt_clear` ends the process with status 130.
void olv_interrupt_install(void);
/// Installs a handler of a signal that the calling thread, and no other, takes: on a stack of its own, because oneDNN's
/// products for AVX2 point the stack's register at the heap while they run, and what lies below would be overwritten.
/// `flags` are those of `sigaction`.
void olv_signal_handle(int number, void (*handler)(int), int flags);
/// 1 when an interrupt is pending, else 0.
int olv_interrupt_pending(void);
/// Raises the flag as the signal would (for tests).
void olv_interrupt_raise(void);
/// Forgets a pending interrupt.
void olv_interrupt_clear(void);
