#pragma once
// A driver, compiler and product library that do nothing but keep books, over the host's memory: what the host side of the
// CUDA backend is tested with where there is no GPU.

#include "CCUDA.h"

#pragma clang assume_nonnull begin

typedef struct {
  // What the machine is like.
  int version;
  int devices;
  /// Compute capability of each device, 90 for 9.0.
  int capabilities[4];
  /// What cuInit returns, and what taking a device's context returns.
  int init_status;
  int context_status[4];
  /// Bytes on a card, and bytes that other processes hold.
  size_t memory;
  size_t others;
  /// Whether the compiler refuses every kernel; whether loading machine code that begins with 'x' fails.
  int refuses;
  /// Whether the card can make blocks run at once, and what asking it to returns.
  int cooperative;
  int cooperative_status;
  /// The status that waiting for the stream returns.
  int wait_status;
  // What happened.
  size_t taken;
  int allocations;
  int frees;
  int launches;
  int compilations;
  int waits;
} olv_fake;

/// The one machine there is.
olv_fake *olv_fake_machine(void);
/// A machine with one good card of 1 GiB.
void olv_fake_reset(void);

void olv_fake_fill(olv_driver *driver, olv_compiler *compiler, olv_products *products);

#pragma clang assume_nonnull end
