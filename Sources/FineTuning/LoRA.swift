import Models
import Runtime
import Tensor

/// What adapter a fine-tune trains.
///
/// *Paper:* Hu et al., "LoRA" (2021); the scale of `rslora`: Kalajdzievski, "A rank stabilization scaling factor for
/// fine-tuning with LoRA" (2023); `dora`: Liu et al., "DoRA: weight-decomposed low-rank adaptation" (2024); `merge-aware`:
/// Bondarenko et al., "Low-rank quantization-aware training for LLMs" (2024).
public struct LoRA: Sendable, Hashable {
  public enum Method: String, Sendable, Hashable, CaseIterable {
    /// Scale α/r.
    case lora
    /// Scale α/√r, which keeps the size of updates at high ranks.
    case rslora
    /// Scale α/r, and each row of the adapted weight keeps a length that is trained apart from its direction.
    case dora
    /// Scale α/r, and every step computes with what merging the adapter into the quantized weight would give.
    case mergeAware = "merge-aware"
  }

  public var method: Method
  public var rank: Int
  public var alpha: Float
  /// Probability that an input element is hidden from the adapter during training.
  public var dropout: Float
  public var targets: AdapterTargets
  /// Seeds A, with a stream for each layer's name.
  public var seed: UInt64

  public init(
    method: Method = .lora, rank: Int = 64, alpha: Float = 16, dropout: Float = 0.05,
    targets: AdapterTargets = .all, seed: UInt64 = 42
  ) {
    self.method = method
    self.rank = rank
    self.alpha = alpha
    self.dropout = dropout
    self.targets = targets
    self.seed = seed
  }

  /// The factor of the adapter's output.
  public var scale: Float {
    switch method {
    case .lora, .dora, .mergeAware: alpha / Float(rank)
    case .rslora: alpha / Float(rank).squareRoot()
    }
  }

  /// `model` with a new adapter on every target: A Kaiming-uniform, B zero, so that nothing changes yet.
  ///
  /// - Throws: `UnknownTarget`; `AdapterPresent` where there is an adapter already; `NothingToMergeInto` where merge-aware
  ///   training finds a target that is not quantized.
  /// - Guarantee: A depends on the seed, the layer's name and its shape alone.
  public func attach(to model: Model) throws -> Model {
    guard rank > 0 else {
      throw ShapeMismatch(operation: "lora", expected: "rank of 1 or more", found: "\(rank)")
    }
    if let present = model.allLinears.first(where: { $0.adapter != nil }) {
      throw AdapterPresent(layer: present.name, rank: present.adapter?.rank ?? 0)
    }
    let chosen = try targets.choose(among: model.allLinears.map(\.name))
    var model = model
    for block in model.blocks.indices {
      for index in model.blocks[block].linears.indices {
        let linear = model.blocks[block].linears[index]
        guard chosen.contains(linear.name) else { continue }
        if method == .mergeAware, case .dense = linear.weight {
          throw NothingToMergeInto(layer: linear.name)
        }
        model.blocks[block].linears[index] = try fresh(for: linear, on: model.backend)
      }
    }
    return model
  }

  /// The linear with an adapter that changes nothing yet.
  private func fresh(for linear: Linear, on backend: any Backend) throws -> Linear {
    let (inputs, outputs) = (linear.weight.columns, linear.weight.rows)
    let a = try backend.place(
      uniform(
        [rank, inputs], bound: 1 / Float(inputs).squareRoot(),
        stream: RandomStream(seed: seed, purpose: "lora.A \(linear.name)")))
    let b = try backend.make([outputs, rank], .f32)
    try backend.fill(b, with: 0)
    // No branch of the input goes through a merge-aware adapter, so there is nothing that dropout could hide.
    var adapted = linear
    adapted.adapter = Adapter(
      a: a, b: b, rank: rank, alpha: alpha, scale: scale,
      dropout: method == .mergeAware ? 0 : dropout, isMergeAware: method == .mergeAware)
    return try completed(adapted, on: backend)
  }

  /// The linear with what the method puts beside the two factors, once these stand.
  func completed(_ linear: Linear, on backend: any Backend) throws -> Linear {
    method == .dora ? try linear.withMagnitude(on: backend) : linear
  }

  /// Numbers uniform in ±bound. PEFT's Kaiming-uniform initialization with a = √5 has the bound 1/√in.
  private func uniform(_ shape: [Int], bound: Float, stream: RandomStream) -> Tensor {
    let count = shape.reduce(1, *)
    var values = [Float](repeating: 0, count: count)
    values.withUnsafeMutableBufferPointer { values in
      for counter in 0..<(count + 3) / 4 {
        let words = stream.block(UInt64(counter))
        for lane in 0..<min(4, count - 4 * counter) {
          values[4 * counter + lane] = (Float(words[lane] >> 8) * 0x1p-23 - 1) * bound
        }
      }
    }
    return Tensor(values, shape: shape)
  }
}

extension Adapter {
  /// How it is trained.
  public var method: LoRA.Method {
    if isMergeAware { return .mergeAware }
    if magnitude != nil { return .dora }
    let isPlain = scale == LoRA(method: .lora, rank: rank, alpha: alpha).scale
    let isStabilized = scale == LoRA(method: .rslora, rank: rank, alpha: alpha).scale
    return isStabilized && !isPlain ? .rslora : .lora
  }
}

extension LoRA.Method {
  /// Whether `step` of a lineage says that an adapter was trained.
  public static func isTraining(_ step: String) -> Bool {
    allCases.contains { step.hasPrefix("\($0.rawValue) r") && step.hasSuffix(" steps") }
  }
}

/// A model that has an adapter where none is expected.
public struct AdapterPresent: Failure, Equatable {
  public var layer: String
  public var rank: Int

  public init(layer: String, rank: Int) {
    self.layer = layer
    self.rank = rank
  }

  public var message: String { "the model has an adapter already (rank \(rank) on \(layer))" }
  public var help: String? { "`merge` it, or remove it with `drop adapter`" }
}

/// Merge-aware training of a layer without a grid to merge into.
public struct NothingToMergeInto: Failure, Equatable {
  public var layer: String

  public init(layer: String) { self.layer = layer }

  public var message: String { "\(layer) is not quantized, so there is no grid to train on" }
  public var help: String? {
    "`quantize` first, name quantized layers with targets=, or use method=lora: float weights take an adapter up as it is"
  }
}
