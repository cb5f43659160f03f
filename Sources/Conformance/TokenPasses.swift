import Tensor

/// Decoder blocks to be passed by one token after the other.
struct PassCase: Sendable {
  var hidden: Int
  var intermediate: Int
  var shape: AttentionShape
  /// Of the weights; nil for bf16.
  var grid: Grid?
  /// Whether queries, keys and values have matrices of their own, and gate and up.
  var isSplit = false
  /// Tokens, of which the first and the last are compared.
  var tokens = 5
  /// Tokens before them, whose keys and values are there already.
  var held = 0
  /// Decoder blocks.
  var blocks = 2

  var name: String {
    (grid.map { "\($0.bits) bits, \($0.scaleType) scales" } ?? "bf16")
      + ", \(shape.heads)/\(shape.keyValueHeads) heads of \(shape.width), \(tokens) tokens behind \(held)"
  }

  static let all = [
    PassCase(
      hidden: 256, intermediate: 640, shape: AttentionShape(heads: 4, keyValueHeads: 4, width: 96)),
    PassCase(
      hidden: 384, intermediate: 1024,
      shape: AttentionShape(heads: 6, keyValueHeads: 2, width: 64, window: 30), isSplit: true,
      tokens: 70),
    PassCase(
      hidden: 512, intermediate: 1536,
      shape: AttentionShape(heads: 4, keyValueHeads: 2, width: 128),
      grid: Grid(bits: 4, group: 128, symmetric: false, scaleType: .f16), isSplit: true, tokens: 40),
    PassCase(
      hidden: 1536, intermediate: 3072,
      shape: AttentionShape(heads: 16, keyValueHeads: 16, width: 96),
      grid: Grid(bits: 4, group: 128, symmetric: true, scaleType: .f32), blocks: 5),
    // So much to attend to that several thread blocks share a head.
    PassCase(
      hidden: 512, intermediate: 1024,
      shape: AttentionShape(heads: 8, keyValueHeads: 2, width: 64),
      grid: Grid(bits: 4, group: 128, symmetric: false, scaleType: .f16), tokens: 3, held: 1100,
      blocks: 4),
    PassCase(
      hidden: 256, intermediate: 512,
      shape: AttentionShape(heads: 4, keyValueHeads: 4, width: 64, window: 700), tokens: 3,
      held: 900,
      blocks: 4),
    PassCase(
      hidden: 2560, intermediate: 3584,
      shape: AttentionShape(heads: 16, keyValueHeads: 4, width: 64),
      grid: Grid(bits: 4, group: 128, symmetric: false, scaleType: .f16), tokens: 230),
  ]
}

extension Trial {
  /// A weight `[rows, columns]` on both sides.
  private mutating func weight(_ rows: Int, _ columns: Int, _ grid: Grid?) throws -> (
    device: Weight, reference: Weight
  ) {
    let scale = 1 / Float(columns).squareRoot()
    guard let grid else {
      let pair = try tensor([rows, columns], .bf16, scale: scale)
      return (.dense(pair.device), .dense(pair.reference))
    }
    let (found, wanted) = try packed(
      rows: rows, columns: columns, grid, ordered: false, scale: scale)
    return (.packed(found), .packed(wanted))
  }

  /// A token passes all blocks in one go, and operation by operation on the reference.
  mutating func check(_ item: PassCase, on device: any ReplayingBackend) throws {
    let (shape, hidden, middle) = (item.shape, item.hidden, item.intermediate)
    let (queries, keys) = (shape.heads * shape.width, shape.keyValueHeads * shape.width)
    let capacity = item.held + item.tokens + 3
    let tables = try rotary(capacity, shape.width, base: 100, threshold: .max)
    var (mine, believed): ([TokenBlock], [TokenBlock]) = ([], [])
    for _ in 0..<item.blocks {
      func norm() throws -> Pair {
        try pair(Tensor(numbers(hidden, scale: 0.3).map { 1 + $0 }, shape: [hidden]), .bf16)
      }
      let (first, second) = (try norm(), try norm())
      let inputs = try (item.isSplit ? [queries, keys, keys] : [queries + 2 * keys]).map {
        try weight($0, hidden, item.grid)
      }
      let output = try weight(hidden, queries, item.grid)
      let wide = try (item.isSplit ? [middle, middle] : [2 * middle]).map {
        try weight($0, hidden, item.grid)
      }
      let down = try weight(hidden, middle, item.grid)
      let before = (try activation(item.held + 1, keys), try activation(item.held + 1, keys))
      func cache(_ backend: any Backend, _ side: (Pair) -> Tensor) throws -> KeyValueCache {
        let cache = KeyValueCache(
          keys: try backend.make([capacity, keys], backend.activation),
          values: try backend.make([capacity, keys], backend.activation))
        for (held, all) in [(before.0, cache.keys), (before.1, cache.values)] {
          try backend.copy(side(held), into: all.rows(0..<item.held + 1))
        }
        cache.count = item.held
        return cache
      }
      mine.append(
        TokenBlock(
          inputNorm: first.device, postNorm: second.device, attentionInput: inputs.map(\.device),
          attentionOutput: output.device, mlpInput: wide.map(\.device), mlpOutput: down.device,
          cache: try cache(device, \.device)))
      believed.append(
        TokenBlock(
          inputNorm: first.reference, postNorm: second.reference,
          attentionInput: inputs.map(\.reference), attentionOutput: output.reference,
          mlpInput: wide.map(\.reference), mlpOutput: down.reference,
          cache: try cache(reference, \.reference)))
    }
    let position = try pair(Tensor([0], shape: [1]), .i32).device
    guard
      let pass = try device.tokenPass(
        mine, head: mine[0].mlpInput[0], table: tables.device.short, position: position,
        shape: shape, epsilon: 1e-5)
    else { return }
    for token in 0..<item.tokens {
      let x = try activation(1, hidden)
      try device.write([Int32(item.held + token)], into: position)
      let found = try pass(x.device)
      let wanted = try reference.pass(
        x.reference, believed, table: tables.reference.short, shape: shape)
      guard token + 1 == item.tokens || token == 0 else { continue }
      try expect(
        "token \(token), residual", found.residual, wanted.residual, within: Tolerance.halves)
      try expect("token \(token), delta", found.delta, wanted.delta, within: 2 * Tolerance.halves)
    }
    for (a, b) in zip(mine, believed) {
      try expect(
        "keys", a.cache.keys.rows(0..<item.held + item.tokens),
        b.cache.keys.rows(0..<item.held + item.tokens),
        within: 2 * Tolerance.halves)
      try expect(
        "values", a.cache.values.rows(0..<item.held + item.tokens),
        b.cache.values.rows(0..<item.held + item.tokens),
        within: 2 * Tolerance.halves)
    }
  }
}

extension Backend {
  /// What a token's pass computes, one operation at a time.
  fileprivate func pass(
    _ x: Tensor, _ blocks: [TokenBlock], table: RotaryTable, shape: AttentionShape
  ) throws -> (residual: Tensor, delta: Tensor) {
    var (x, delta): (Tensor, Tensor?) = (x, nil)
    func linear(_ x: Tensor, _ weight: Weight) throws -> Tensor {
      try self.linear(x, weight, bias: nil, adapter: nil, precision: .f32).y
    }
    func parts(_ x: Tensor, _ weights: [Weight], _ widths: [Int]) throws -> [Tensor] {
      let outputs = try weights.map { try linear(x, $0) }
      if outputs.count > 1 { return outputs }
      var first = 0
      return widths.map { width in
        defer { first += width }
        return outputs[0].columns(first..<first + width)
      }
    }
    let (queries, keys) = (shape.heads * shape.width, shape.keyValueHeads * shape.width)
    for block in blocks {
      var norm = try rmsNorm(
        x, adding: delta, weight: block.inputNorm, epsilon: 1e-5, as: activation)
      let qkv = try parts(norm.y, block.attentionInput, [queries, keys, keys])
      let attended = try attention(
        q: qkv[0], k: qkv[1], v: qkv[2], table: table, cache: block.cache, shape: shape)
      norm = try rmsNorm(
        norm.sum, adding: try linear(attended, block.attentionOutput), weight: block.postNorm,
        epsilon: 1e-5, as: activation)
      let middle = block.mlpOutput.columns
      let wide = try parts(norm.y, block.mlpInput, [middle, middle])
      delta = try linear(try swiGLU(gate: wide[0], up: wide[1], as: activation), block.mlpOutput)
      x = norm.sum
    }
    return (x, delta ?? x)
  }
}
