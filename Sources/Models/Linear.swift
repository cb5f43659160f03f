import Tensor

/// A low-rank adapter kept beside a frozen weight.
///
/// *Paper:* Hu et al., "LoRA" (2021), eq. 3.
public struct Adapter: Sendable {
  /// f32 `[rank, in]`.
  public var a: Tensor { didSet { forget() } }
  /// f32 `[out, rank]`.
  public var b: Tensor { didSet { forget() } }
  /// DoRA: the length of each row of the adapted weight. The factors then turn rows, and it stretches them.
  public var magnitude: Magnitude?
  public var rank: Int
  public var alpha: Float
  /// Factor of the low-rank term: α/r, or α/√r for rank-stabilized LoRA.
  public var scale: Float
  /// Probability of zeroing an input element on its way into A, in training only.
  public var dropout: Float
  /// Whether a quantized weight and the adapter count as their sum rounded on the weight's grid, as after merging.
  public var isMergeAware: Bool
  /// What passes would make of the factors anew, for the values that these have; nil while they change.
  var ready: Ready?

  enum Ready: Sendable {
    /// The factors as products read them.
    case factors(AdapterForms?)
    /// The sum with the weight, rounded on its grid.
    case merged(Weight)
  }

  private mutating func forget() {
    magnitude?.norms = nil
    ready = nil
  }

  public init(
    a: Tensor, b: Tensor, rank: Int, alpha: Float, scale: Float? = nil, dropout: Float = 0,
    isMergeAware: Bool = false, magnitude: Magnitude? = nil
  ) {
    self.a = a
    self.b = b
    self.magnitude = magnitude
    self.rank = rank
    self.alpha = alpha
    self.scale = scale ?? alpha / Float(rank)
    self.dropout = dropout
    self.isMergeAware = isMergeAware
  }

  /// What it adds to a linear layer, without dropout.
  public var term: AdapterTerm { AdapterTerm(a: a, b: b, scale: scale) }

  /// The tensors that training moves.
  public var tensors: [Tensor] { [a, b] + (magnitude.map { [$0.values] } ?? []) }

  public var byteCount: Int { tensors.reduce(0) { $0 + $1.byteCount } }

  public var parameterCount: Int { tensors.reduce(0) { $0 + $1.count } }
}

/// What makes the dropout masks of one training step reproducible. Evaluation has none.
public struct DropoutContext: Sendable, Hashable {
  public var seed: UInt64
  public var step: Int
  /// Where a pass begins among the rows that share the step's masks.
  public var firstRow: Int

  public init(seed: UInt64, step: Int, firstRow: Int = 0) {
    self.seed = seed
    self.step = step
    self.firstRow = firstRow
  }

  /// The mask stream of one layer in this step.
  public func stream(of layer: String) -> RandomStream {
    RandomStream(seed: seed, purpose: "dropout \(layer)", index: UInt64(bitPattern: Int64(step)))
  }
}

/// A linear layer: a weight `[out, in]`, float or quantized, and what stands beside it.
///
/// A value; the tensors it holds are shared, never written.
public struct Linear: Sendable {
  /// The full module path of the checkpoint: `model.layers.0.self_attn.qkv_proj`.
  public let name: String
  public var weight: Weight { didSet { adapter?.magnitude?.norms = nil } }
  /// `[out]`.
  public var bias: Tensor?
  public var adapter: Adapter?

  public init(name: String, weight: Weight, bias: Tensor? = nil, adapter: Adapter? = nil) {
    self.name = name
    self.weight = weight
    self.bias = bias
    self.adapter = adapter
  }

  public var inputs: Int { weight.columns }
  public var outputs: Int { weight.rows }

  /// x `[n, in]` → `[n, out]`; see `Execution.linear` for `isRead`.
  public func callAsFunction(
    _ x: Tensor, _ execution: Execution, dropout: DropoutContext? = nil, isRead: Bool = true
  ) throws -> Tensor {
    let term = term(dropout)
    if let adapter, let term {
      if adapter.isMergeAware, case .packed(let matrix) = weight {
        if case .merged(let sum) = adapter.ready {
          return try execution.linear(x, merging: adapter.term, as: sum, bias: bias)
        }
        return try execution.linear(x, merging: adapter.term, into: matrix, bias: bias)
      }
      if let magnitude = adapter.magnitude {
        return try execution.linear(
          x, weight, bias: bias, adapter: term, magnitude: magnitude)
      }
    }
    return try execution.linear(x, weight, bias: bias, adapter: term, isRead: isRead)
  }

  /// What the adapter adds, in training with its dropout.
  func term(_ dropout: DropoutContext?) -> AdapterTerm? {
    guard let adapter else { return nil }
    var term = adapter.term
    if let dropout, adapter.dropout > 0 {
      term.dropout = adapter.dropout
      term.mask = dropout.stream(of: name)
      term.firstRow = dropout.firstRow
    }
    if case .factors(let forms) = adapter.ready { term.forms = forms }
    return term
  }

  /// Whether it is no more than a weight and a low-rank product.
  private var isPlain: Bool {
    bias == nil && adapter?.isMergeAware != true && adapter?.magnitude == nil
  }

  /// `residual` plus what x `[n, in]` gives, in one pass, where there is one for this linear: with an adapter, and no more.
  func added(
    to residual: Tensor, _ x: Tensor, _ execution: Execution, dropout: DropoutContext?
  ) throws -> Tensor? {
    guard isPlain, let term = term(dropout) else { return nil }
    return try execution.linear(x, weight, adapter: term, adding: residual)
  }

  /// `silu(gate) · up` of x `[n, in]` in one pass, where there is one for these linears: one for gate and up, or two.
  static func gated(
    _ linears: [Linear], _ x: Tensor, _ execution: Execution, dropout: DropoutContext?
  ) throws -> Tensor? {
    let isServed = linears.allSatisfy {
      $0.isPlain && (linears.count == 1 || $0.adapter == nil)
    }
    guard isServed, let first = linears.first else { return nil }
    return try execution.gatedLinear(x, linears.map(\.weight), adapter: first.term(dropout))
  }
}

extension Linear {
  /// What the adapter adds to the weight, f32 `[out, in]`, dropout and rounding aside; nil without an adapter.
  public func delta(on backend: any Backend) throws -> Tensor? {
    guard let adapter else { return nil }
    guard let magnitude = adapter.magnitude else { return try adapter.term.delta(on: backend) }
    return try adapter.term.delta(of: weight, magnitude: magnitude, on: backend)
  }

  /// The linear with a magnitude for its adapter, the lengths that rows have now, so that it computes what it did.
  public func withMagnitude(on backend: any Backend) throws -> Linear {
    guard let adapter else { return self }
    var linear = self
    linear.adapter?.magnitude = Magnitude(
      try backend.rowNorms(adapter.term.sum(with: weight, on: backend)))
    return linear
  }

  /// The linear with the lengths of its rows measured, where its adapter divides by them. Otherwise every pass measures
  /// them, as training must, which for few tokens costs far more than the pass.
  public func settled(on backend: any Backend) throws -> Linear {
    guard let adapter, let magnitude = adapter.magnitude, magnitude.norms == nil else {
      return self
    }
    var linear = self
    linear.adapter?.magnitude?.norms = try backend.rowNorms(
      adapter.term.sum(with: weight, on: backend))
    return linear
  }
}

extension Model {
  /// The model with every linear settled.
  public func settled() throws -> Model { try mapLinears { try $0.settled(on: backend) } }
}
