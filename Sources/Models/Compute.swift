import Tensor

/// In which precision matrix products are computed: the `compute=` of a load.
public enum Compute: String, Sendable, CaseIterable {
  /// bf16 where the model's weights are bf16 and the device multiplies them at full speed, else f32.
  case auto
  case f32, bf16

  /// The precision for a model whose weights have type `dtype`.
  public func precision(of dtype: DType, on backend: any Backend) -> Precision {
    switch self {
    case .f32: .f32
    case .bf16: .bf16
    case .auto: dtype == .bf16 && backend.supports(.bf16) ? .bf16 : .f32
    }
  }
}
