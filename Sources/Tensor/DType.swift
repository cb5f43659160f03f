/// How the elements of a tensor are stored.
public enum DType: String, Sendable, Hashable, CaseIterable {
  case f32, f16, bf16, i32, u8

  /// Bytes per element.
  public var size: Int {
    switch self {
    case .f32, .i32: 4
    case .f16, .bf16: 2
    case .u8: 1
    }
  }

  /// Whether the elements are floating-point numbers.
  public var isFloat: Bool { self == .f32 || self == .f16 || self == .bf16 }
}

/// The precision of the inputs of matrix products; sums are always f32.
public enum Precision: String, Sendable, Hashable, CaseIterable {
  case f32, bf16
}
