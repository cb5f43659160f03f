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
  /// The step that yields scores, and the one that goes on by itself with the likeliest token.
  private var recorded: RecordedStep?
  private var recordedChoice: RecordedStep?
  /// Whether recording was tried and this model's steps cannot be.
  private var isUnrecordable = false

  /// A step of one token that the backend can do again.
  private struct RecordedStep {
    var recording: any Recording
    /// i32 `[2]`: the token, and its position.
    var inputs: Tensor
    /// i32 `[capacity]`: what was chosen after the token at each place, where the device chooses.
    var history: Tensor?
    /// What runs its decoder blocks, where the device has something quicker than their operations one by one.
    var pass: (any TokenPass)?
    /// Tokens in all up to which it serves.
    var limit: Int
  }
  /// The token that choosing was begun after, and how many are to come.
  private var begun: (token: Int32, count: Int)?
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
    let logits = try replay(pending, total) ?? run(pending)
    ids += new
    return logits
  }

  /// A step of one token from a recording, which is made where there is none yet; nil where the backend has none to offer.
  private func replay(_ new: [Int32], _ total: Int) throws -> [Float]? {
    guard new.count == 1, total > 1, !isUnrecordable,
      let backend = model.backend as? any ReplayingBackend, let cache = caches.first
    else { return nil }
    try checkRange(new[0])
    try Interrupt.check()
    if recorded.map({ total > $0.limit }) ?? true {
      recorded = nil
      recorded = try record(backend, new[0], total, chooses: false)
    }
    guard let recorded else { return nil }
    try backend.write([new[0], Int32(cache.count)], into: recorded.inputs)
    try recorded.recording.replay()
    for cache in caches { cache.count += 1 }
    return try backend.read(recorded.recording.output)
  }

  /// Begins to read `token` and to go on with the likeliest tokens, without waiting for any: the next `count` of them, of
  /// which the last is chosen but not read. `chosen` waits for them. False where the backend cannot, or not so far.
  ///
  /// - Precondition: What was begun before has been waited for, and `token` is the last of it.
  /// - Throws: as `read`.
  public func beginChoosing(after token: Int32, count: Int) throws -> Bool {
    let total = ids.count + count
    guard count > 0, !ids.isEmpty, !isUnrecordable,
      let backend = model.backend as? any ReplayingBackend,
      ids.count > model.config.rope.threshold || total <= model.config.rope.threshold
    else { return false }
    try checkRange(token)
    try Interrupt.check()
    try reserve(total)
    let held = caches[0].count
    var rest = count
    if recordedChoice.map({ total > $0.limit }) ?? true {
      recordedChoice = nil
      // What is recorded is done once first: that was the first token.
      recordedChoice = try record(backend, token, total, chooses: true)
      rest -= 1
    } else if let inputs = recordedChoice?.inputs {
      try backend.write([token, Int32(held)], into: inputs)
    }
    guard let recorded = recordedChoice, total <= recorded.limit else { return false }
    for _ in 0..<rest { try recorded.recording.replay() }
    begun = (token, count)
    return true
  }

  /// Waits for what was begun: the tokens chosen.
  ///
  /// - Throws: `NotFinite` where a score is NaN.
  public func chosen() throws -> [Int32] {
    guard let (token, count) = begun, let history = recordedChoice?.history else { return [] }
    begun = nil
    let held = caches[0].count
    let part = Tensor(
      history.storage, shape: [count], dtype: .i32, offset: held, rowStride: count)
    let chosen = try model.backend.read(part).map { Int32($0) }
    guard chosen.allSatisfy({ $0 >= 0 }) else {
      throw NotFinite(operation: "sample", what: "best score")
    }
    for cache in caches { cache.count = held + count }
    ids += [token] + chosen.dropLast()
    return chosen
  }

  private func checkRange(_ token: Int32) throws {
    guard token >= 0, Int(token) < model.config.vocabulary else {
      throw TokenOutOfRange(id: Int(token), vocabulary: model.config.vocabulary)
    }
  }

  private func record(
    _ backend: any ReplayingBackend, _ token: Int32, _ total: Int, chooses: Bool
  ) throws -> RecordedStep? {
    let (held, capacity) = (caches[0].count, caches[0].capacity)
    let threshold = model.config.rope.threshold
    // One table serves a recording: it ends where the other one begins.
    let limit = total > threshold ? capacity : min(capacity, threshold)
    let table = try model.rotary.tables(length: limit).table(length: limit)
    let inputs = try backend.make([2], .i32)
    try backend.write([token, Int32(held)], into: inputs)
    let position = Tensor(inputs.storage, shape: [1], dtype: .i32, offset: 1, rowStride: 1)
    let id = Tensor(inputs.storage, shape: [1], dtype: .i32, offset: 0, rowStride: 1)
    let history = chooses ? try backend.make([capacity + 1], .i32) : nil
    let pass = try tokenBlocks().flatMap {
      try backend.tokenPass(
        $0, head: model.head, table: table, position: position,
        shape: model.config.attentionShape, epsilon: model.config.epsilon)
    }
    for cache in caches { cache.position = position }
    defer {
      for cache in caches {
        cache.position = nil
        cache.count = held
      }
    }
    do {
      let recording = try backend.record {
        for cache in caches { cache.count = held }
        let x = try backend.embedding(model.embedding, at: id)
        let scores = try step(x, table, pass)
        guard let history else { return try backend.convert(scores, to: .f32) }
        try backend.advance(inputs, by: scores, history: history)
        return scores
      }
      return RecordedStep(
        recording: recording, inputs: inputs, history: history, pass: pass, limit: limit)
    } catch is ShapeMismatch {
      // Heads of a width that no recordable kernel serves: token by token then.
      isUnrecordable = true
      return nil
    }
  }

  private func run(_ new: [Int32]) throws -> [Float] {
    let count = (caches.first?.count ?? 0) + new.count
    let table = try model.rotary.tables(length: count).table(length: count)
    return try model.backend.read(try step(try model.embed(new), table))
  }

  /// The scores of what follows the last of the tokens whose embeddings are x.
  private func step(_ embedded: Tensor, _ table: RotaryTable, _ pass: (any TokenPass)? = nil)
    throws -> Tensor
  {
    if let pass {
      let (x, delta) = try pass(embedded)
      let hidden = try model.execution().rmsNorm(
        x, adding: delta, weight: model.norm, epsilon: model.config.epsilon)
      return try model.logits(hidden.y)
    }
    let shape = model.config.attentionShape
    let execution = model.execution()
    var x = embedded
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
    let last = x.rows - 1..<x.rows
    let hidden = try execution.rmsNorm(
      x.rows(last), adding: delta?.rows(last), weight: model.norm, epsilon: model.config.epsilon)
    return try model.logits(hidden.y)
  }

  /// The blocks as a token's pass takes them; nil where a linear is more than its weight, or packed and asked for in f32,
  /// which the pass does not compute with.
  private func tokenBlocks() -> [TokenBlock]? {
    func isServed(_ linear: Linear) -> Bool {
      guard linear.adapter == nil, linear.bias == nil else { return false }
      if case .packed = linear.weight { return model.precision == .bf16 }
      return true
    }
    guard model.blocks.allSatisfy({ $0.linears.allSatisfy(isServed) }) else { return nil }
    return zip(model.blocks, caches).map { block, cache in
      func weights(_ stage: Stage) -> [Weight] {
        block.linears(of: stage).map { block.linears[$0].weight }
      }
      return TokenBlock(
        inputNorm: block.inputNorm, postNorm: block.postNorm,
        attentionInput: weights(.attentionInput), attentionOutput: weights(.attentionOutput)[0],
        mlpInput: weights(.mlpInput), mlpOutput: weights(.mlpOutput)[0], cache: cache)
    }
  }

  /// Room for `count` tokens in every cache; growing doubles, so that a token costs little on average.
  private func reserve(_ count: Int) throws {
    if let cache = caches.first, cache.capacity >= count { return }
    // A recording holds the caches' addresses.
    (recorded, recordedChoice) = (nil, nil)
    let room = model.backend is any ReplayingBackend ? 512 : 64
    let capacity = max(count + room, (caches.first?.capacity ?? 0) * 2)
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
    // What the device has chosen ahead, where it does so by itself: as much as takes a thirtieth of a second, so that the text
    // still flows. It goes on while what it has chosen is read here.
    var ahead: ArraySlice<Int32> = []
    var (stretch, isUnderWay) = (8, false)
    let clock = ContinuousClock()
    var begin = clock.now
    func goOn(after last: Int32, done: Int) throws {
      guard done < tokens else { return }
      begin = clock.now
      isUnderWay = try decoding.beginChoosing(after: last, count: min(stretch, tokens - done))
    }
    while result.ids.count < tokens {
      try Interrupt.check()
      if ahead.isEmpty, sampling.temperature <= 0, next.count == 1, let last = next.first {
        if !isUnderWay { try goOn(after: last, done: result.ids.count) }
        if isUnderWay {
          ahead = try decoding.chosen()[...]
          isUnderWay = false
          let each = (clock.now - begin) / .seconds(1) / Double(ahead.count)
          stretch = max(8, min(2 * stretch, Int(min(64, 1 / 30 / max(each, 1e-9)))))
          if let last = ahead.last, !ahead.contains(where: stop.contains) {
            try goOn(after: last, done: result.ids.count + ahead.count)
          }
        }
      }
      let id =
        try ahead.popFirst()
        ?? sampling.choose(try decoding.read(next), index: result.ids.count)
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
