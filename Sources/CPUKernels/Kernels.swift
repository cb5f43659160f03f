/// The hot loops of the CPU backend. One source, compiled for x86-64 levels 2, 3 and 4; the backend takes the highest
/// that the processor has.
///
/// Everything is f32 unless said otherwise; rows are contiguous. Kernels check nothing: the backend has.
public protocol Kernels {
  typealias Floats = UnsafePointer<Float>
  typealias MutableFloats = UnsafeMutablePointer<Float>
  /// The bits of bf16 or f16 numbers.
  typealias Halves = UnsafePointer<UInt16>
  typealias MutableHalves = UnsafeMutablePointer<UInt16>

  // MARK: Elementwise

  /// `y = a + b`; y may be a or b.
  static func add(_ a: Floats, _ b: Floats, _ y: MutableFloats, _ count: Int)
  /// `y = factor · x`; y may be x.
  static func scale(_ x: Floats, _ factor: Float, _ y: MutableFloats, _ count: Int)
  /// Rows side by side, each times its factor, to rows `stride` floats apart.
  static func scaleRows(
    _ x: Floats, _ factors: Floats, _ y: MutableFloats, _ stride: Int, _ width: Int, _ rows: Int)
  /// `y += factor · x`.
  static func addScaled(_ x: Floats, _ factor: Float, _ y: MutableFloats, _ count: Int)
  /// `y = exp(x)` to about an ulp; x is clamped to −87.3…88.3.
  static func exp(_ x: Floats, _ y: MutableFloats, _ count: Int)
  /// `y = silu(gate) · up`.
  static func swiGLU(_ gate: Floats, _ up: Floats, _ y: KernelOutput, _ count: Int)
  /// Both gradients are written in the same type.
  static func swiGLUBackward(
    _ dy: Floats, _ gate: Floats, _ up: Floats, _ dGate: KernelOutput, _ dUp: KernelOutput,
    _ count: Int)

  /// `y[j][i] = factor · x[i][j]`: the transpose of a matrix, rows `xStride` and `yStride` floats apart.
  static func transpose(
    _ x: Floats, _ xStride: Int, _ rows: Int, _ columns: Int, _ factor: Float, _ y: MutableFloats,
    _ yStride: Int)

  // MARK: Normalization

  /// `sum = x + delta` (without delta x is normalized and sum not written), `y = sum / rms · weight`; returns 1/rms.
  static func rmsNorm(
    _ x: Floats, _ delta: Floats?, _ weight: Floats, _ epsilon: Float, _ sum: MutableFloats?,
    _ y: KernelOutput, _ count: Int
  ) -> Float
  static func rmsNormBackward(
    _ dy: Floats, _ sum: Floats, _ weight: Floats, _ inverse: Float, _ dSum: Floats?,
    _ dx: MutableFloats, _ count: Int)

  // MARK: Attention

  /// Turns the first `2 · half` elements of each row by its position's angles, back for a `direction` of −1, and copies
  /// the rest. Rows of angles follow each other. y may be x.
  static func rotate(
    _ x: Floats, _ xStride: Int, _ cosine: Floats, _ sine: Floats, _ direction: Float,
    _ y: KernelOutput, _ yStride: Int, _ half: Int, _ width: Int, _ rows: Int)
  /// One query against `count` keys and values, `keyStride` and `valueStride` floats apart:
  /// `y = softmax(scale · q·kᵀ) · v`. Returns the log-sum-exp of the scaled scores; `scores` holds `count` floats.
  static func attendRow(
    _ q: Floats, _ k: Floats, _ keyStride: Int, _ v: Floats, _ valueStride: Int, _ count: Int,
    _ width: Int, _ scale: Float, _ scores: MutableFloats, _ y: MutableFloats
  ) -> Float
  /// Rows of scores to unnormalised weights: `exp(scale · (s − max))` for the keys that a row sees, zeros for the rest of
  /// its length. In place, or as bf16 in `narrow`. Also the log-sum-exp of the scaled scores, `step` floats apart, and the
  /// inverses of the weights' sums.
  static func attentionWeights(
    _ scores: MutableFloats, _ narrow: MutableHalves?, _ rows: AttentionRows,
    _ sums: MutableFloats, _ inverses: MutableFloats)
  /// Rows of scores and of the weights' gradients to weights p and the scores' gradients
  /// `scale · p · (gradient − dot)`; zeros for keys that are not seen. In place, or as bf16.
  static func attentionSlopes(
    _ scores: MutableFloats, _ gradients: MutableFloats, _ narrowScores: MutableHalves?,
    _ narrowGradients: MutableHalves?, _ rows: AttentionRows, _ sums: Floats, _ dots: Floats)

  // MARK: Reductions

  static func dot(_ a: Floats, _ b: Floats, _ count: Int) -> Float
  static func dotBF16(_ a: Floats, _ b: Halves, _ count: Int) -> Float
  static func dotF16(_ a: Floats, _ b: Halves, _ count: Int) -> Float
  /// x in the form that rows of codes like `row`, of which only the shape counts, are multiplied with; see `PackedInput`.
  static func arrange(_ x: Floats, _ row: PackedRow, _ y: PackedInput)
  /// The dot product of the weights that a row of codes stands for, without making them.
  static func dot(_ row: PackedRow, _ x: PackedInput) -> Float
  static func sumOfSquares(_ x: Floats, _ count: Int) -> Double
  /// The log-sum-exp of a row of logits.
  static func logSumExp(_ logits: Floats, _ count: Int) -> Float
  /// `y = factor · exp(x − logSumExp)`; y may be x.
  static func softmax(
    _ x: Floats, _ logSumExp: Float, _ factor: Float, _ y: KernelOutput, _ count: Int)
  /// Of two rows of logits: KL(reference ‖ logits), both negative log-likelihoods of `target`, 1 where the largest stand at
  /// one place; four numbers.
  static func divergence(
    _ logits: Floats, _ reference: Floats, _ target: Int, _ result: MutableFloats, _ count: Int)

  // MARK: Optimizer

  static func adamW(
    _ value: MutableFloats, _ gradient: Floats, _ first: MutableFloats, _ second: MutableFloats,
    _ factors: AdamWFactors, _ count: Int)

  // MARK: Conversion

  /// `factor · x`, rounded to nearest even.
  static func narrowToBF16(_ x: Floats, _ factor: Float, _ y: MutableHalves, _ count: Int)
  static func widenBF16(_ x: Halves, _ y: MutableFloats, _ count: Int)
  /// Rounds to nearest even; what is too large becomes infinite.
  static func narrowToF16(_ x: Floats, _ y: MutableHalves, _ count: Int)
  static func widenF16(_ x: Halves, _ y: MutableFloats, _ count: Int)
  /// The weights that a row of codes stands for.
  static func dequantize(_ row: PackedRow, _ y: MutableFloats)
  static func dequantizeToBF16(_ row: PackedRow, _ y: MutableHalves)

  // MARK: Dropout

  /// `y = x` where element `index + i` survives, else 0.
  static func drop(
    _ x: Floats, _ mask: DropoutMask, _ index: UInt32, _ y: MutableFloats, _ count: Int)
  static func dropToBF16(
    _ x: Floats, _ mask: DropoutMask, _ index: UInt32, _ y: MutableHalves, _ count: Int)
  /// The same for what is bf16 already.
  static func dropBF16(
    _ x: Halves, _ mask: DropoutMask, _ index: UInt32, _ y: MutableHalves, _ count: Int)
  /// `y += factor · x` where element `index + i` survives.
  static func addSurvivors(
    _ x: Floats, _ factor: Float, _ mask: DropoutMask, _ index: UInt32, _ y: MutableFloats,
    _ count: Int)
}

/// Where a kernel writes what it computed in f32: as it is, or rounded to bf16, to nearest even.
public enum KernelOutput {
  case floats(UnsafeMutablePointer<Float>)
  case halves(UnsafeMutablePointer<UInt16>)

  @inlinable
  public static func + (output: KernelOutput, count: Int) -> KernelOutput {
    switch output {
    case .floats(let address): .floats(address + count)
    case .halves(let address): .halves(address + count)
    }
  }
}

/// Rows of attention scores that follow each other: queries against a stretch of keys.
public struct AttentionRows: Sendable {
  public var count: Int
  /// Keys in a row, a multiple of 16.
  public var length: Int
  /// Where the first query stands among the keys; a query sees those up to itself, at most `window`.
  public var position: Int
  public var window: Int
  public var scale: Float
  /// From one row's sums to the next row's.
  public var step: Int

  public init(
    count: Int, length: Int, position: Int, window: Int, scale: Float, step: Int
  ) {
    self.count = count
    self.length = length
    self.position = position
    self.window = window
    self.scale = scale
    self.step = step
  }
}

/// A dropout mask: which elements of a stream survive.
public struct DropoutMask: Sendable {
  public var key: UInt64
  /// Elements whose 15-bit number is below this are dropped.
  public var threshold: UInt32

  public init(key: UInt64, threshold: UInt32) {
    self.key = key
    self.threshold = threshold
  }
}

/// One AdamW step's numbers: `value −= rate · (m̂ / (√v̂ + ε) + decay · value)`, bias corrections folded in.
public struct AdamWFactors: Sendable {
  public var beta1: Float
  public var beta2: Float
  public var epsilon: Float
  /// What the gradient is multiplied by first (clipping, averaging).
  public var gradientScale: Float
  /// rate / (1 − β₁ᵗ)
  public var rate: Float
  /// 1 / √(1 − β₂ᵗ)
  public var secondScale: Float
  /// 1 − rate · decay
  public var keep: Float

  public init(
    beta1: Float, beta2: Float, epsilon: Float, gradientScale: Float, rate: Float,
    secondScale: Float, keep: Float
  ) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.gradientScale = gradientScale
    self.rate = rate
    self.secondScale = secondScale
    self.keep = keep
  }
}

/// One row of a quantized matrix.
public struct PackedRow {
  /// A little-endian bit stream.
  public var codes: UnsafePointer<UInt8>
  public var bits: Int
  public var columns: Int
  /// Columns that share a scale; the groups follow each other unless there is a `groupIndex`.
  public var group: Int
  public var scales: UnsafeRawPointer
  public var halfScales: Bool
  public var zeros: UnsafePointer<UInt8>?
  /// The zero point where `zeros` is nil.
  public var midpoint: Int
  public var groupIndex: UnsafePointer<Int32>?

  public init(
    codes: UnsafePointer<UInt8>, bits: Int, columns: Int, group: Int, scales: UnsafeRawPointer,
    halfScales: Bool, zeros: UnsafePointer<UInt8>?, midpoint: Int,
    groupIndex: UnsafePointer<Int32>?
  ) {
    self.codes = codes
    self.bits = bits
    self.columns = columns
    self.group = group
    self.scales = scales
    self.halfScales = halfScales
    self.zeros = zeros
    self.midpoint = midpoint
    self.groupIndex = groupIndex
  }
}
