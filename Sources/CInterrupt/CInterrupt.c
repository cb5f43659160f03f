#include "CInterrupt.h"
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static volatile sig_atomic_t pending = 0;

static void on_interrupt(int signal_number) {
  (void)signal_number;
  if (pending) _exit(130);
  pending = 1;
}

// Room for a processor's widest registers (AMX's take 8 KiB), and for a handler that calls nothing.
static char stack[1 << 16] __attribute__((aligned(64)));

void olv_signal_handle(int number, void (*handler)(int), int flags) {
  stack_t current;
  if (sigaltstack(NULL, &current) == 0 && current.ss_flags & SS_DISABLE) {
    stack_t own = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&own, NULL);
  }
  struct sigaction action = {0};
  action.sa_handler = handler;
  action.sa_flags = flags | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, NULL);
}

void olv_interrupt_install(void) { olv_signal_handle(SIGINT, on_interrupt, 0); }

int olv_interrupt_pending(void) { return pending != 0; }
void olv_interrupt_raise(void) { pending = 1; }
void olv_interrupt_clear(void) { pending = 0; }
