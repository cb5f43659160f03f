#define _GNU_SOURCE
#include "PseudoTerminal.h"
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

int olv_pty_start(
    const char *path, char *const arguments[], char *const environment[], int rows, int columns, pid_t *child) {
  struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
  int terminal;
  *child = forkpty(&terminal, NULL, NULL, &size);
  if (*child < 0) return -1;
  if (*child == 0) {
    // Whatever the test's process ignores or blocks, the program starts as from a shell.
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGINT, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    for (int file = 3; file < 1024; file++) close(file);
    execve(path, arguments, environment);
    _exit(127);
  }
  return terminal;
}

int olv_pty_resize(int terminal, int rows, int columns) {
  struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
  return ioctl(terminal, TIOCSWINSZ, &size);
}

// What becomes of a process that installs olv's handler and does something: what it ends with, or 128 and its signal.
static int status_of(void (*install)(void), void (*act)(void)) {
  pid_t child = fork();
  if (child < 0) return -1;
  if (child == 0) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    // Swift's own handler of crashes would let the process go on.
    signal(SIGSEGV, SIG_DFL);
    install();
    act();
    _exit(0);
  }
  int status;
  if (waitpid(child, &status, 0) != child) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void interrupt_twice(void) {
  raise(SIGINT);
  raise(SIGINT);
}

int olv_interrupted_twice(void (*install)(void)) { return status_of(install, interrupt_twice); }

static void interrupt_oneself(void) { syscall(SYS_kill, getpid(), SIGINT); }

static void interrupt_on_little_stack(void) {
  // What this needs of the dynamic linker happens now, on the ordinary stack.
  syscall(SYS_kill, getpid(), 0);
  long page = sysconf(_SC_PAGESIZE);
  char *room = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED || mprotect(room, page, PROT_NONE) != 0) _exit(1);
  ucontext_t back, little;
  getcontext(&little);
  little.uc_stack.ss_sp = room + page;
  // Enough for a call of the system, not for a signal's frame: that holds at least 1,100 bytes.
  little.uc_stack.ss_size = 768;
  little.uc_link = &back;
  makecontext(&little, interrupt_oneself, 0);
  swapcontext(&back, &little);
}

int olv_interrupted_on_little_stack(void (*install)(void)) {
  return status_of(install, interrupt_on_little_stack);
}
