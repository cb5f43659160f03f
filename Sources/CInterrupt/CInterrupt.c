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

void olv_interrupt_install(void) {
  struct sigaction action = {0};
  action.sa_handler = on_interrupt;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
}

int olv_interrupt_pending(void) { return pending != 0; }
void olv_interrupt_raise(void) { pending = 1; }
void olv_interrupt_clear(void) { pending = 0; }
