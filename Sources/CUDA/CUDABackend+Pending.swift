import Tensor

// What GPUs cannot do yet. The backend is offered to nobody while this file is here.
extension CUDABackend {
  public func embedding(_ table: Tensor, ids: [Int32]) throws -> Tensor {
    throw NotOnThisDevice(operation: "embedding")
  }
  public func linear(
    _ x: Tensor, _ weight: Weight, bias: Tensor?, adapter: AdapterTerm?, precision: Precision
  ) throws -> LinearOutput { throw NotOnThisDevice(operation: "linear") }
  public func linearBackward(
    _ dy: Tensor, x: Tensor, weight: Weight, adapter: AdapterTerm?, reduced: Tensor?,
    precision: Precision, needsInput: Bool
  ) throws -> LinearGradients { throw NotOnThisDevice(operation: "linearBackward") }
  public func rmsNorm(_ x: Tensor, adding delta: Tensor?, weight: Tensor, epsilon: Float) throws
    -> NormOutput
  { throw NotOnThisDevice(operation: "rmsNorm") }
  public func rmsNormBackward(
    _ dy: Tensor, sum: Tensor, weight: Tensor, inverse: Tensor, adding dSum: Tensor?
  ) throws -> Tensor { throw NotOnThisDevice(operation: "rmsNormBackward") }
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
  public func swiGLU(gate: Tensor, up: Tensor) throws -> Tensor {
    throw NotOnThisDevice(operation: "swiGLU")
  }
  public func swiGLUBackward(_ dy: Tensor, gate: Tensor, up: Tensor, dGate: Tensor, dUp: Tensor)
    throws
  { throw NotOnThisDevice(operation: "swiGLUBackward") }
  public func add(_ a: Tensor, _ b: Tensor) throws -> Tensor {
    throw NotOnThisDevice(operation: "add")
  }
  public func accumulate(_ source: Tensor, into target: Tensor) throws {
    throw NotOnThisDevice(operation: "accumulate")
  }
  public func crossEntropy(
    _ x: Tensor, head: Weight, targets: [Int32], gradient: Float?, precision: Precision
  ) throws -> LossOutput { throw NotOnThisDevice(operation: "crossEntropy") }
  public func product(
    _ a: Tensor, transposed transposeA: Bool, _ b: Tensor, transposed transposeB: Bool,
    alpha: Float, beta: Float, into c: Tensor?
  ) throws -> Tensor { throw NotOnThisDevice(operation: "product") }
  public func sumOfSquares(_ tensors: [Tensor]) throws -> Double {
    throw NotOnThisDevice(operation: "sumOfSquares")
  }
  public func adamW(
    _ parameters: [AdamWParameter], settings: AdamWSettings, step: Int, gradientScale: Float
  ) throws { throw NotOnThisDevice(operation: "adamW") }
  public func gram(_ x: Tensor, alpha: Float, into hessian: Tensor, precision: Precision) throws {
    throw NotOnThisDevice(operation: "gram")
  }
  public func dequantize(_ matrix: PackedMatrix) throws -> Tensor {
    throw NotOnThisDevice(operation: "dequantize")
  }
  public func round(_ weight: Tensor, to grid: Grid, rule: ScaleRule, limits: Tensor?) throws
    -> PackedMatrix
  { throw NotOnThisDevice(operation: "round") }
  public func roundingError(_ matrix: PackedMatrix, of weight: Tensor, hessian: Tensor?) throws
    -> RoundingError
  { throw NotOnThisDevice(operation: "roundingError") }
  public func inverseFactor(_ hessian: Tensor, order: ColumnOrder?, damping: Float) throws
    -> InverseFactor
  { throw NotOnThisDevice(operation: "inverseFactor") }
  public func gptq(_ weight: Tensor, factor: InverseFactor, to grid: Grid, rule: ScaleRule) throws
    -> PackedMatrix
  { throw NotOnThisDevice(operation: "gptq") }
  public func scaled(_ matrix: Tensor, rows: Tensor?, columns: Tensor?) throws -> Tensor {
    throw NotOnThisDevice(operation: "scaled")
  }
  public func addMagnitudes(_ x: Tensor, into sums: Tensor) throws {
    throw NotOnThisDevice(operation: "addMagnitudes")
  }
  public func relativeMagnitudes(_ weight: Tensor, group: Int?) throws -> Tensor {
    throw NotOnThisDevice(operation: "relativeMagnitudes")
  }
  public func scaledRoundingCost(
    _ weight: Tensor, scale: Tensor, to grid: Grid, rule: ScaleRule, hessian: Tensor
  ) throws -> Double { throw NotOnThisDevice(operation: "scaledRoundingCost") }
  public func clippingLimits(_ weight: Tensor, to grid: Grid, rule: ScaleRule, hessian: Tensor)
    throws -> Tensor
  { throw NotOnThisDevice(operation: "clippingLimits") }
}
