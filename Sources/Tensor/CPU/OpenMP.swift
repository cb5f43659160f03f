import Glibc

/// The OpenMP runtime that the libraries of products bring along.
///
/// The backend's own threads share out the work and each calls products of one thread. What a shell asks OpenMP for on
/// behalf of other programs is no use here: with `OMP_NUM_THREADS=8` every product gets eight threads, and with
/// `OMP_PROC_BIND` or `GOMP_CPU_AFFINITY` the runtime ties the program to one processor as soon as it is loaded. Measured
/// on two cores, an evaluation took 2.4 times and twice as long.
enum OpenMP {
  /// Takes away what the environment says. To be called before a library is opened that may read it.
  static func restrain() {
    setenv("OMP_NUM_THREADS", "1", 1)
    setenv("OMP_WAIT_POLICY", "passive", 1)
    for name in ["OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY"] {
      unsetenv(name)
    }
  }
}
