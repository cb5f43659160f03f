import CPUKernels

/// The kernels as this module's processor level compiles them.
///
/// These files are compiled once per level. They use pointers and SIMD values only: anything generic that was not
/// inlined would become a symbol shared between the levels, and might carry instructions that a processor lacks.
public enum CompiledKernels: Kernels {}

typealias Vector = SIMD16<Float>
typealias Words = SIMD16<UInt32>
/// Lanes of a vector.
let lanes = 16
