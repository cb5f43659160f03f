#pragma once
// A program on a pseudo-terminal: forking is nothing that Swift can do.
#include <sys/types.h>

/// Starts a program on a new terminal of so many rows and columns. Gives the terminal's other end, or -1.
int olv_pty_start(const char *path, char *const arguments[], char *const environment[], int rows, int columns, pid_t *child);

/// Changes the terminal's size, which the program is told by a signal.
int olv_pty_resize(int terminal, int rows, int columns);

/// The status of a process that installs olv's handler and is interrupted twice: what it ends with.
int olv_interrupted_twice(void (*install)(void));

/// The status of a process that installs olv's handler and is interrupted while its stack's register points at memory that is
/// too small for a signal's frame, as oneDNN's products do: 0 where nothing was written there.
int olv_interrupted_on_little_stack(void (*install)(void));
