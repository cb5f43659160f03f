/// The operations that a device implements. Everything above works through this protocol alone.
///
/// Activations are rank-2 tensors `[tokens, width]` of the backend's `activation` type; sequences of a batch are laid end
/// to end. Results are new tensors unless a requirement says "into". Calls may return before the work is done; `read`
/// waits. Sums are f32 at least.
///
/// Adding an operation means one requirement here, one file per backend, and one differentiable function in
/// `Operations/`.
public protocol Backend: AnyObject, Sendable {
  var device: Device { get }
  /// The type of activations: f32 on a CPU, bf16 on a GPU.
  var activation: DType { get }
  /// The type in which a training pass holds what only products read: they then need not convert it, and give the same.
  func operand(_ precision: Precision) -> DType
  /// Whether products in `precision` run at full speed here.
  func supports(_ precision: Precision) -> Bool
  /// What determines the last bits of results: the hardware, and the libraries that compute on it. Equal text, equal
  /// bytes.
  var arithmetic: String { get }

  // MARK: Memory

  /// An uninitialised tensor.
  func make(_ shape: [Int], _ dtype: DType) throws -> Tensor
  /// Gives memory that is kept for reuse back to the system.
  func trim()
  /// The tensor on this device. Host tensors are returned as they are by a CPU and copied by a GPU.
  func place(_ host: Tensor) throws -> Tensor
  /// The elements as f32 on the host, row by row.
  func read(_ tensor: Tensor) throws -> [Float]
  /// `source` converted to `dtype`, contiguous. f32 → bf16 and f16 round to nearest even.
  func convert(_ source: Tensor, to dtype: DType) throws -> Tensor
  /// Copies `source` into the equally shaped view `target` of the same type.
  func copy(_ source: Tensor, into target: Tensor) throws
  func fill(_ target: Tensor, with value: Float) throws
  /// Element i of the contiguous `target` becomes a number of mean 0 from word i of `stream`; see `RandomNumbers`.
  func fill(_ target: Tensor, from stream: RandomStream, deviation: Float) throws

  // MARK: Lanes

  /// Passes that may run side by side, each on a thread of its own: more than one pass keeps the device busier than one
  /// at a time. 0 where operations follow each other, as on a GPU.
  var lanes: Int { get }
  /// The backend that this one rehearses for, which is itself where it computes.
  var standsFor: any Backend { get }
  /// Runs `body` for each of `0..<tasks`, as many at a time as there are lanes; operations that it calls then take one
  /// thread each.
  ///
  /// - Throws: What a task throws (the others are then not begun), `Cancelled`.
  func concurrently(_ tasks: Int, _ body: (Int) throws -> Void) throws

  /// A weight of the products' type that many passes will read: the same, laid out for that beside what it is where that
  /// is of use, for products with its transpose and, for the way back, with itself. Each takes as much memory again.
  func packed(_ weight: Tensor, bothWays: Bool) -> Tensor
  /// An adapter whose factors stay as they are for several passes, with what each would make of them anew. Where the
  /// factors' values change, `forms` are to be renewed.
  func prepared(_ term: AdapterTerm, precision: Precision) throws -> AdapterTerm

  // MARK: Operations

  /// Rows `ids` of `table [vocabulary, width]`: `[ids.count, width]`.
  func embedding(_ table: Tensor, ids: [Int32]) throws -> Tensor

  /// `y = x · Wᵀ + b + scale · (drop(x) · Aᵀ) · Bᵀ`: x `[n, in]` → y `[n, out]`.
  func linear(
    _ x: Tensor, _ weight: Weight, bias: Tensor?, adapter: AdapterTerm?, precision: Precision
  ) throws -> LinearOutput
  /// What `linear` would leave for its backward beside an adapter's x, without computing y.
  ///
  /// - Guarantee: bit for bit `LinearOutput.reduced`.
  func reduced(_ x: Tensor, _ adapter: AdapterTerm, precision: Precision) throws -> Tensor
  /// `y = silu(gate) · up` of what one weight `[2·width, in]` gives, gates first, with its adapter, or two weights
  /// `[width, in]` without any: x `[n, in]` → y `[n, width]`, bit for bit what `linear` and `swiGLU` give one after the other.
  /// Nil where there is no way to that but theirs.
  ///
  /// - Parameter keeps: Whether what `linear` gives is wanted too, for a backward.
  func gatedLinear(
    _ x: Tensor, _ weights: [Weight], adapter: AdapterTerm?, precision: Precision, keeps: Bool
  ) throws -> GatedOutput?
  /// `y = residual + linear(x)` with an adapter and no bias, bit for bit what `linear` and `add` give one after the other:
  /// x `[n, in]`, residual `[n, out]` → y `[n, out]`. Nil where there is no way to that but theirs.
  func residualLinear(
    _ x: Tensor, _ weight: Weight, adapter: AdapterTerm, adding residual: Tensor,
    precision: Precision
  ) throws -> LinearOutput?
  /// The gradients of `linear`. `dx` is nil where `needsInput` is false; `da`, `db` are nil without an adapter.
  func linearBackward(
    _ dy: Tensor, x: Tensor, weight: Weight, adapter: AdapterTerm?, reduced: Tensor?,
    precision: Precision, needsInput: Bool
  ) throws -> LinearGradients
  /// The gradients of `linear` with an adapter and of the `swiGLU` that gave it x, from `gateUp [n, 2·in]`, gates first: `dx` is
  /// gateUp's, bit for bit what `linearBackward` and `swiGLUBackward` give one after the other. Nil where there is no way to
  /// that but theirs.
  ///
  /// - Parameter overwrites: Whether `dx` is written over gateUp.
  func gatedInputBackward(
    _ dy: Tensor, x: Tensor, gateUp: Tensor, weight: Weight, adapter: AdapterTerm,
    reduced: Tensor?, precision: Precision, overwrites: Bool
  ) throws -> LinearGradients?

  /// `sum = x + delta` (x itself without delta), `y = sum / rms(sum) · weight`: x `[n, width]`, weight `[width]`.
  /// y is of `type`, an `operand` or the activation.
  func rmsNorm(_ x: Tensor, adding delta: Tensor?, weight: Tensor, epsilon: Float, as type: DType)
    throws -> NormOutput
  /// The gradient with respect to `sum`, plus `dSum` (what flows into `sum` from elsewhere) where given.
  func rmsNormBackward(
    _ dy: Tensor, sum: Tensor, weight: Tensor, inverse: Tensor, adding dSum: Tensor?
  ) throws -> Tensor

  /// Causal attention within each segment, rotary embedding included. q `[n, heads·width]`, k and v
  /// `[n, keyValueHeads·width]` may be views. Output `[n, heads·width]`. `saved` is nil unless `keep`.
  func attention(
    q: Tensor, k: Tensor, v: Tensor, rotary: Rotary, segments: Segments, shape: AttentionShape,
    precision: Precision, keep: Bool
  ) throws -> AttentionOutput
  /// Writes the gradients of `attention` into `dq`, `dk`, `dv`, which may be views, all operands or all activations.
  func attentionBackward(
    _ dy: Tensor, output: Tensor, saved: AttentionSaved, v: Tensor, rotary: Rotary,
    segments: Segments, shape: AttentionShape, precision: Precision, dq: Tensor, dk: Tensor,
    dv: Tensor
  ) throws
  /// Attention of new tokens of one sequence to `cache` and to themselves; appends them to `cache`. The first new token
  /// has position `cache.count`.
  func attention(
    q: Tensor, k: Tensor, v: Tensor, table: RotaryTable, cache: KeyValueCache,
    shape: AttentionShape
  ) throws -> Tensor

  /// `y = silu(gate) · up`, all `[n, width]`; gate and up may be views. y is of `type`, an `operand` or the activation.
  func swiGLU(gate: Tensor, up: Tensor, as type: DType) throws -> Tensor
  /// Writes the gradients of `swiGLU` into `dGate` and `dUp`, which may be views, both operands or both activations, and may
  /// be `gate` and `up` themselves.
  func swiGLUBackward(_ dy: Tensor, gate: Tensor, up: Tensor, dGate: Tensor, dUp: Tensor) throws

  /// `a + b`.
  func add(_ a: Tensor, _ b: Tensor) throws -> Tensor
  /// `target += source`, in place.
  func accumulate(_ source: Tensor, into target: Tensor) throws

  /// The negative log-likelihood of `targets` under softmax(x · headᵀ), without ever holding all logits.
  ///
  /// x `[n, width]`, head `[vocabulary, width]`, targets n ids, negative ones ignored (nll 0). With `gradient`, also
  /// dx = gradient · ∂(Σ nll)/∂x.
  func crossEntropy(
    _ x: Tensor, head: Weight, targets: [Int32], gradient: Float?, precision: Precision
  ) throws -> LossOutput

  /// How far the distributions of two models are apart, row by row of their scores `[n, vocabulary]`: f32 `[n, 4]` with
  /// KL(softmax(reference) ‖ softmax(logits)) in nats, the negative log-likelihood of the target under either (the logits'
  /// first), and 1 where both have their largest score at one place, the first of equals, else 0.
  ///
  /// - Guarantee: equal rows have a divergence of exactly 0.
  func divergence(_ logits: Tensor, from reference: Tensor, targets: [Int32]) throws -> Tensor

  // MARK: Plain linear algebra (f32)

  /// `alpha · op(a) · op(b) + beta · c`, f32. With `c` the result is written into it (and returned).
  func product(
    _ a: Tensor, transposed transposeA: Bool, _ b: Tensor, transposed transposeB: Bool,
    alpha: Float, beta: Float, into c: Tensor?
  ) throws -> Tensor

  // MARK: Adapters with magnitudes

  /// `x[i][j]` times `survivors` where the mask lets element i·width + j live (see `AdapterTerm.survives`), else times
  /// `hidden`; in x's type. With 1/(1−p) and 0 that is what dropout leaves of x.
  func masked(
    _ x: Tensor, by mask: RandomStream, dropout: Float, survivors: Float, hidden: Float
  ) throws -> Tensor
  /// `Σ_i a[i][j] · b[i][j]` for each column j, a and b `[n, width]`: f32 `[width]`.
  func columnDots(_ a: Tensor, _ b: Tensor) throws -> Tensor
  /// The Euclidean length of each row: f32 `[rows]`.
  func rowNorms(_ matrix: Tensor) throws -> Tensor

  // MARK: Optimizer

  /// The sum of squares of all elements of f32 tensors, in f64.
  func sumOfSquares(_ tensors: [Tensor]) throws -> Double
  /// One AdamW step over all parameters at once, in place.
  func adamW(
    _ parameters: [AdamWParameter], settings: AdamWSettings, step: Int, gradientScale: Float)
    throws

  // MARK: Quantization

  /// `hessian += alpha · xᵀ · x` (both triangles): x `[n, width]`, hessian f32 `[width, width]`.
  func gram(_ x: Tensor, alpha: Float, into hessian: Tensor, precision: Precision) throws
  /// The weights that the codes stand for, f32 `[rows, columns]`.
  func dequantize(_ matrix: PackedMatrix) throws -> Tensor
  /// Every weight rounded to the nearest code. With `limits`, f32 `[rows, groups]`, each group is clamped to ±limit first.
  ///
  /// A scale is (high − low) / (largest code), a zero point round(−low / scale), a code round(w / scale + zero), ties to
  /// even, all in f32, on the scale as stored; the range contains 0, and is −1…1 for a group of zeros.
  ///
  /// - Throws: `NotFinite` for the weight, or for a scale that its type cannot hold.
  func round(_ weight: Tensor, to grid: Grid, rule: ScaleRule, limits: Tensor?) throws
    -> PackedMatrix
  /// `matrix` with every code moved to the one nearest to its value plus `delta`, f32 `[rows, columns]`, ties to even and
  /// clamped to the grid; scales and zero points stay. A group whose scale is 0 stays as it is.
  func requantize(_ matrix: PackedMatrix, adding delta: Tensor) throws -> PackedMatrix
  /// How far `matrix` lies from `weight`, also as `hessian`, f32 `[columns, columns]`, weighs it; of that, what stands on
  /// and below the diagonal counts.
  func roundingError(_ matrix: PackedMatrix, of weight: Tensor, hessian: Tensor?) throws
    -> RoundingError

  /// The Cholesky factor of the damped inverse. λ is `damping` · mean(diag H), doubled until the Hessian is positive
  /// definite; rows without input count as 1 on the diagonal.
  ///
  /// - Parameter room: The factor's place in a `HessianSpace`, where `hessian` is of one: of the Hessian what stands on and
  ///   below its diagonal then stays as it is.
  /// - Throws: `NotFinite`, `NotPositiveDefinite`.
  func inverseFactor(
    _ hessian: Tensor, order: ColumnOrder?, damping: Float, into room: Tensor?
  ) throws -> InverseFactor
  /// Uninitialised room for a Hessian of `width` inputs and its inverse factor, together where the device can.
  func hessianSpace(_ width: Int) throws -> HessianSpace
  /// GPTQ: rounds column by column, in the factor's order, each error made good by the columns after it. Scales come
  /// from the weights as they are when their group is reached, or are found first for whole rows and a fixed grouping.
  func gptq(_ weight: Tensor, factor: InverseFactor, to grid: Grid, rule: ScaleRule) throws
    -> PackedMatrix

  /// `rows[i] · m[i][j] · columns[j]` as f32, factors 1 where nil.
  func scaled(_ matrix: Tensor, rows: Tensor?, columns: Tensor?) throws -> Tensor
  /// `sums[j] += Σ_i |x[i][j]|`: x `[n, width]`, sums f32 `[width]`.
  func addMagnitudes(_ x: Tensor, into sums: Tensor) throws
  /// `Σ_i |w_ij| / (largest |w_i·| of the group + 10⁻⁶)` for each column j: f32 `[columns]`.
  func relativeMagnitudes(_ weight: Tensor, group: Int?) throws -> Tensor
  /// The largest eigenvalues of a symmetric f32 `[n, n]` of which one triangle is read, descending, and their eigenvectors
  /// in the rows of f32 `[count, n]`. Computed on the host where a device does not say otherwise.
  ///
  /// - Throws: `NotFinite`, `ShapeMismatch`, `NoEigenvectors`, `MissingLibrary`.
  func eigenvectors(of symmetric: Tensor, count: Int) throws -> Eigenvectors
  /// What of `change`, f32 `[rows, columns]`, there is between two forms of one weight. Computed on the host where a device
  /// does not say otherwise.
  func survival(of change: Tensor, from before: Weight, to after: Weight) throws -> Survival

  /// tr D·H·Dᵀ with D = round(W·S)·S⁻¹ − W and S = diag(`scale`): what rounding scaled columns costs.
  func scaledRoundingCost(
    _ weight: Tensor, scale: Tensor, to grid: Grid, rule: ScaleRule, hessian: Tensor
  ) throws -> Double
  /// The clipping limit of each group, f32 `[rows, groups]`: of the group's largest magnitude and nine smaller ones in
  /// steps of 5 %, the one with the least d·H·dᵀ, H the group's own block of the Hessian.
  func clippingLimits(_ weight: Tensor, to grid: Grid, rule: ScaleRule, hessian: Tensor) throws
    -> Tensor
}

extension Backend {
  public func hessianSpace(_ width: Int) throws -> HessianSpace {
    HessianSpace(hessian: try make([width, width], .f32), factor: nil)
  }

  public func trim() {}

  public var lanes: Int { 0 }

  public var standsFor: any Backend { self }

  public func packed(_ weight: Tensor, bothWays: Bool) -> Tensor { weight }

  public func prepared(_ term: AdapterTerm, precision: Precision) throws -> AdapterTerm { term }

  public func concurrently(_ tasks: Int, _ body: (Int) throws -> Void) throws {
    for task in 0..<tasks { try body(task) }
  }

  public func eigenvectors(of symmetric: Tensor, count: Int) throws -> Eigenvectors {
    try Eigenvectors(of: symmetric, count: count, on: self)
  }

  public func survival(of change: Tensor, from before: Weight, to after: Weight) throws -> Survival
  {
    try Survival(of: change, from: before, to: after, on: self)
  }

  public func gatedLinear(
    _ x: Tensor, _ weights: [Weight], adapter: AdapterTerm?, precision: Precision, keeps: Bool
  ) throws -> GatedOutput? { nil }

  public func residualLinear(
    _ x: Tensor, _ weight: Weight, adapter: AdapterTerm, adding residual: Tensor,
    precision: Precision
  ) throws -> LinearOutput? { nil }

  public func gatedInputBackward(
    _ dy: Tensor, x: Tensor, gateUp: Tensor, weight: Weight, adapter: AdapterTerm,
    reduced: Tensor?, precision: Precision, overwrites: Bool
  ) throws -> LinearGradients? { nil }

  public func operand(_ precision: Precision) -> DType { activation }

  public var arithmetic: String { "\(device) \(device.name)" }
}

/// What a low-rank adapter adds to a linear layer.
///
/// *Paper:* Hu et al., "LoRA" (2021), eq. 3.
public struct AdapterTerm: Sendable {
  /// f32 `[rank, in]`.
  public var a: Tensor
  /// f32 `[out, rank]`.
  public var b: Tensor
  /// α/r, or α/√r for rank-stabilized LoRA.
  public var scale: Float
  /// Probability that an input element is zeroed on its way into A, taken to the nearest 2⁻¹⁵; survivors are scaled by
  /// 1/(1−p).
  public var dropout: Float
  /// The stream of the dropout mask, one per layer and step; element (i, j) of x uses number (firstRow + i)·in + j. Nil:
  /// no dropout.
  public var mask: RandomStream?
  /// Where x begins among the rows that share the stream. 0 on devices without lanes.
  public var firstRow = 0
  /// The factors as products read them, where they were made for several passes; see `Backend.prepared`.
  public var forms: AdapterForms?

  public init(a: Tensor, b: Tensor, scale: Float, dropout: Float = 0, mask: RandomStream? = nil) {
    self.a = a
    self.b = b
    self.scale = scale
    self.dropout = dropout
    self.mask = mask
  }

  public var rank: Int { a.rows }

  /// The change of the weight that the term stands for, scale · B·A: f32 `[out, in]`.
  public func delta(on backend: any Backend) throws -> Tensor {
    try backend.product(
      b, transposed: false, a, transposed: false, alpha: scale, beta: 0, into: nil)
  }

  /// `dropout` in units of 2⁻¹⁵, the nearest that is not certainty: elements whose 15-bit number is below it are dropped.
  public var dropoutThreshold: UInt32 { Self.threshold(dropout: dropout) }

  /// What survivors are multiplied by, so that the expectation is the input's.
  public var survivorScale: Float {
    mask == nil || dropout <= 0 ? 1 : 1 / (1 - Float(dropoutThreshold) * 0x1p-15)
  }

  /// The same of a probability that stands alone.
  public static func threshold(dropout: Float) -> UInt32 {
    UInt32(max(0, min((dropout * 0x1p15).rounded(), 0x1p15 - 1)))
  }

  /// Whether element `index` of the input survives dropout: the definition that every backend computes.
  ///
  /// Two neighbours share a 32-bit hash of half their index and the stream's key, 15 bits each: cheap enough for every
  /// element of every activation. The hash is Wellons' "lowbias32" (2018) with half the key in front and half in its middle.
  public static func survives(_ index: UInt32, key: UInt64, dropout: Float) -> Bool {
    var z = index >> 1 ^ UInt32(truncatingIfNeeded: key)
    z ^= z >> 16
    z &*= 0x7FEB_352D
    z ^= z >> 15 ^ UInt32(truncatingIfNeeded: key >> 32)
    z &*= 0x846C_A68B
    z ^= z >> 16
    let number = z >> (index & 1 == 0 ? 0 : 16) & 0x7FFF
    return number >= threshold(dropout: dropout)
  }
}

/// An adapter's factors in a backend's own forms, for the values that they had when these were made.
open class AdapterForms: @unchecked Sendable {
  public init() {}
  /// Takes the values that the factors have now. No pass may run meanwhile.
  open func renew() throws {}
}

public struct LinearOutput: Sendable {
  /// `[n, out]`.
  public var y: Tensor
  /// What the backward wants of `drop(x) · Aᵀ`, where there is an adapter, in the backend's own layout.
  public var reduced: Tensor?

  public init(y: Tensor, reduced: Tensor?) {
    self.y = y
    self.reduced = reduced
  }
}

public struct GatedOutput: Sendable {
  /// `[n, width]`.
  public var y: Tensor
  /// What the linear gives, `[n, 2·width]`, where it was to be kept.
  public var linear: LinearOutput?

  public init(y: Tensor, linear: LinearOutput?) {
    self.y = y
    self.linear = linear
  }
}

public struct LinearGradients: Sendable {
  public var dx: Tensor?
  public var da: Tensor?
  public var db: Tensor?

  public init(dx: Tensor?, da: Tensor?, db: Tensor?) {
    self.dx = dx
    self.da = da
    self.db = db
  }
}

public struct NormOutput: Sendable {
  /// `x + delta`.
  public var sum: Tensor
  public var y: Tensor
  /// f32 `[n]`: 1/rms of each row.
  public var inverse: Tensor

  public init(sum: Tensor, y: Tensor, inverse: Tensor) {
    self.sum = sum
    self.y = y
    self.inverse = inverse
  }
}

/// What attention keeps for its backward; the layout is the backend's own.
public struct AttentionSaved: Sendable {
  public var tensors: [Tensor]
  public init(_ tensors: [Tensor]) { self.tensors = tensors }
}

public struct AttentionOutput: Sendable {
  public var y: Tensor
  public var saved: AttentionSaved?

  public init(y: Tensor, saved: AttentionSaved?) {
    self.y = y
    self.saved = saved
  }
}

public struct LossOutput: Sendable {
  /// f32 `[n]`, nats; 0 where the target is ignored.
  public var nll: Tensor
  public var dx: Tensor?

  public init(nll: Tensor, dx: Tensor?) {
    self.nll = nll
    self.dx = dx
  }
}

/// A trainable tensor with its gradient and moments, all f32 of one shape.
public struct AdamWParameter: Sendable {
  public var value: Tensor
  public var gradient: Tensor
  public var first: Tensor
  public var second: Tensor

  public init(value: Tensor, gradient: Tensor, first: Tensor, second: Tensor) {
    self.value = value
    self.gradient = gradient
    self.first = first
    self.second = second
  }
}

/// *Paper:* Loshchilov and Hutter, "Decoupled weight decay regularization" (2019), algorithm 2.
public struct AdamWSettings: Sendable, Hashable {
  public var rate: Float
  public var beta1: Float = 0.9
  public var beta2: Float = 0.999
  public var epsilon: Float = 1e-8
  public var decay: Float = 0

  public init(rate: Float) { self.rate = rate }
}
