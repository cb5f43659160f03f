#pragma once
// The interrupt flag: set by the SIGINT handler, polled by the engine. Async-signal-safe by construction.

/// Installs the SIGINT handler (without SA_RESTART). The first signal raises the flag, a second one before
/// `olv_interrupt_clear` ends the process with status 130.
void olv_interrupt_install(void);
/// 1 when an interrupt is pending, else 0.
int olv_interrupt_pending(void);
/// Raises the flag as the signal would (for tests).
void olv_interrupt_raise(void);
/// Forgets a pending interrupt.
void olv_interrupt_clear(void);
