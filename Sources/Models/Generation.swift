import Runtime
import Tensor
import Tokenizers

/// What a generation gave.
public struct Generation: Sendable {
  public enum End: Sendable, Hashable {
    /// The model ended the text itself.
    case token(Int32)
    /// The wanted number of tokens was reached.
    case length
  }

  /// The new tokens, the ending one not included.
  public var ids: [Int32]
  public var text: String
  public var end: End
  public var promptTokens: Int
}

/// One sequence being continued token by token: keys and values of what was read are kept, so that a step costs one token.
public final class Decoding {
  private let model: Model
  private var caches: [KeyValueCache] = []
  /// The tokens read so far.
  public private(set) var ids: [Int32] = []

  public init(_ model: Model) { self.model = model }

  /// Reads more tokens: the scores of what follows the last of them.
  ///
  /// Where the sequence grows beyond the length up to which longrope uses its short factors, everything is read again
  /// with the long ones: keys are kept rotated.
  ///
  /// - Throws: `TokenOutOfRange`, `OutOfMemory`, `Cancelled`.
  public func read(_ new: [Int32]) throws -> [Float] {
    guard !new.isEmpty else {
      throw ShapeMismatch(operation: "decode", expected: "at least one token", found: "none")
    }
    let threshold = model.config.rope.threshold
    let total = ids.count + new.count
    let crosses = !ids.isEmpty && ids.count <= threshold && total > threshold
    let pending = crosses ? ids + new : new
    if crosses { for cache in caches { cache.count = 0 } }
    try reserve(total)
    let logits = try run(pending)
    ids += new
    return logits
  }

  private func run(_ new: [Int32]) throws -> [Float] {
    let count = (caches.first?.count ?? 0) + new.count
    let table = try model.rotary.tables(length: count).table(length: count)
    let shape = model.config.attentionShape
    let execution = model.execution()
    var x = try model.embed(new)
    var delta: Tensor?
    for (block, cache) in zip(model.blocks, caches) {
      try Interrupt.check()
      var state = try block.begin(x, adding: delta, execution, model)
      for stage in Stage.allCases {
        state = try block.advance(stage, state, execution, model, dropout: nil) { projections in
          let (q, k, v) = projections.views(shape)
          return try model.backend.attention(
            q: q, k: k, v: v, table: table, cache: cache, shape: shape)
        }
      }
      (x, delta) = (state.residual, state.delta)
    }
    let last = new.count - 1..<new.count
    let hidden = try execution.rmsNorm(
      x.rows(last), adding: delta?.rows(last), weight: model.norm, epsilon: model.config.epsilon)
    return try model.backend.read(try model.logits(hidden.y))
  }

  /// Room for `count` tokens in every cache; growing doubles, so that a token costs little on average.
  private func reserve(_ count: Int) throws {
    if let cache = caches.first, cache.capacity >= count { return }
    let capacity = max(count + 64, (caches.first?.capacity ?? 0) * 2)
    let width = model.config.kvHeads * model.config.headWidth
    let backend = model.backend
    func grown(_ old: Tensor?, _ held: Int) throws -> Tensor {
      let tensor = try backend.make([capacity, width], backend.activation)
      if let old, held > 0 { try backend.copy(old.rows(0..<held), into: tensor.rows(0..<held)) }
      return tensor
    }
    caches = try model.blocks.indices.map { place in
      let old = place < caches.count ? caches[place] : nil
      let held = old?.count ?? 0
      let cache = KeyValueCache(
        keys: try grown(old?.keys, held), values: try grown(old?.values, held))
      cache.count = held
      return cache
    }
  }
}

extension Model {
  /// Continues a prompt by up to `tokens` tokens.
  ///
  /// - Parameter onText: Receives the text as it becomes complete characters.
  /// - Throws: `TokenOutOfRange`, `NotFinite`, `OutOfMemory`, `Cancelled`, and what `onText` throws.
  public func generate(
    _ prompt: [Int32], tokens: Int, sampling: Sampling = Sampling(), stop: [Int32]? = nil,
    onText: (String) throws -> Void = { _ in }
  ) throws -> Generation {
    // An empty prompt starts like any text: with the token that begins or ends one.
    let start = prompt.isEmpty ? [tokenizer.bos ?? tokenizer.eos ?? 0] : prompt
    let stop = stop ?? (endTokens.isEmpty ? tokenizer.eos.map { [$0] } ?? [] : endTokens)
    let decoding = Decoding(self)
    var decoder = tokenizer.decoder(skipSpecial: true)
    var result = Generation(ids: [], text: "", end: .length, promptTokens: start.count)
    var next = start
    while result.ids.count < tokens {
      try Interrupt.check()
      let logits = try decoding.read(next)
      let id = try sampling.choose(logits, index: result.ids.count)
      if stop.contains(id) {
        result.end = .token(id)
        break
      }
      result.ids.append(id)
      let piece = decoder.append(id)
      if !piece.isEmpty {
        result.text += piece
        try onText(piece)
      }
      next = [id]
    }
    let rest = decoder.flush()
    if !rest.isEmpty {
      result.text += rest
      try onText(rest)
    }
    return result
  }
}
