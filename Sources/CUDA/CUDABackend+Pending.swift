import Tensor

// What GPUs cannot do yet. `auto` takes no GPU while this file is here.
extension CUDABackend {
  public func attention(
    q: Tensor, k: Tensor, v: Tensor, rotary: Rotary, segments: Segments, shape: AttentionShape,
    precision: Precision, keep: Bool
  ) throws -> AttentionOutput { throw NotOnThisDevice(operation: "attention") }
  public func attentionBackward(
    _ dy: Tensor, output: Tensor, saved: AttentionSaved, v: Tensor, rotary: Rotary,
    segments: Segments, shape: AttentionShape, precision: Precision, dq: Tensor, dk: Tensor,
    dv: Tensor
  ) throws { throw NotOnThisDevice(operation: "attentionBackward") }
  public func attention(
    q: Tensor, k: Tensor, v: Tensor, table: RotaryTable, cache: KeyValueCache,
    shape: AttentionShape
  ) throws -> Tensor { throw NotOnThisDevice(operation: "attention") }
  public func inverseFactor(_ hessian: Tensor, order: ColumnOrder?, damping: Float) throws
    -> InverseFactor
  { throw NotOnThisDevice(operation: "inverseFactor") }
  public func gptq(_ weight: Tensor, factor: InverseFactor, to grid: Grid, rule: ScaleRule) throws
    -> PackedMatrix
  { throw NotOnThisDevice(operation: "gptq") }
  public func scaledRoundingCost(
    _ weight: Tensor, scale: Tensor, to grid: Grid, rule: ScaleRule, hessian: Tensor
  ) throws -> Double { throw NotOnThisDevice(operation: "scaledRoundingCost") }
  public func clippingLimits(_ weight: Tensor, to grid: Grid, rule: ScaleRule, hessian: Tensor)
    throws -> Tensor
  { throw NotOnThisDevice(operation: "clippingLimits") }
}
