#if canImport(Glibc)
  import Glibc
#endif

/// The natural logarithm of one number, once per row: the C library's is fast enough.
@inline(__always)
func logarithm(_ x: Float) -> Float { logf(x) }

@inline(__always)
func logarithm(_ x: Double) -> Double { log(x) }
