import Glibc
import Testing

@testable import Tensor

@Suite struct AttentionTests {
  let backend: CPUBackend
  init() throws { backend = try CPUBackend(threads: 3) }

  /// Attention with rotary embedding, in double precision.
  struct Reference {
    var shape: AttentionShape
    var segments: Segments
    /// Angles by position and index, for a sequence of so many tokens.
    var cosine: (Int) -> Matrix
    var sine: (Int) -> Matrix

    func rotate(_ x: Matrix, heads: Int) -> Matrix {
      var y = x
      for s in 0..<segments.count {
        let (c, n) = (cosine(segments[s].count), sine(segments[s].count))
        for i in segments[s] {
          let position = i - segments[s].lowerBound
          for head in 0..<heads {
            for e in 0..<c.columns {
              let (first, second) = (head * shape.width + e, head * shape.width + e + c.columns)
              y[i, first] = x[i, first] * c[position, e] - x[i, second] * n[position, e]
              y[i, second] = x[i, second] * c[position, e] + x[i, first] * n[position, e]
            }
          }
        }
      }
      return y
    }

    func callAsFunction(_ q: Matrix, _ k: Matrix, _ v: Matrix) -> Matrix {
      let (queries, keys) = (rotate(q, heads: shape.heads), rotate(k, heads: shape.keyValueHeads))
      var y = Matrix(q.rows, q.columns)
      for s in 0..<segments.count {
        for i in segments[s] {
          for head in 0..<shape.heads {
            let group = head * shape.keyValueHeads / shape.heads * shape.width
            let first = max(segments[s].lowerBound, i - (shape.window ?? .max - 1) + 1)
            var weights = (first...i).map { j in
              (0..<shape.width).reduce(0) {
                $0 + queries[i, head * shape.width + $1] * keys[j, group + $1]
              } * Double(shape.scale)
            }
            let top = weights.max() ?? 0
            weights = weights.map { exp($0 - top) }
            let total = weights.reduce(0, +)
            for e in 0..<shape.width {
              y[i, head * shape.width + e] =
                zip(first...i, weights).reduce(0) { $0 + v[$1.0, group + e] * $1.1 } / total
            }
          }
        }
      }
      return y
    }
  }

  struct Case: CustomTestStringConvertible {
    var lengths: [Int]
    var shape: AttentionShape
    var rotary: Int
    var testDescription: String {
      "\(lengths) \(shape.heads)/\(shape.keyValueHeads)×\(shape.width)"
    }
  }

  static let cases = [
    Case(lengths: [1], shape: AttentionShape(heads: 1, keyValueHeads: 1, width: 8), rotary: 8),
    Case(
      lengths: [3, 1, 17], shape: AttentionShape(heads: 4, keyValueHeads: 2, width: 16),
      rotary: 16),
    Case(
      lengths: [65, 2], shape: AttentionShape(heads: 6, keyValueHeads: 2, width: 20), rotary: 12),
    Case(
      lengths: [70, 33, 150],
      shape: AttentionShape(heads: 2, keyValueHeads: 1, width: 32, window: 40), rotary: 32),
    Case(
      lengths: [40], shape: AttentionShape(heads: 3, keyValueHeads: 3, width: 5, scale: 0.7),
      rotary: 4),
  ]

  /// Two tables; sequences of more than 64 tokens use the second.
  func rotary(_ width: Int, positions: Int) throws -> (Rotary, (Int) -> Matrix, (Int) -> Matrix) {
    func angles(_ base: Double, _ f: @escaping (Double) -> Double) -> Matrix {
      Matrix(positions, width / 2) {
        Double(Float(f(Double($0) / pow(base, Double($1) * 2 / Double(width)))))
      }
    }
    let (short, long) = (100.0, 7.0)
    let rotary = Rotary(
      short: RotaryTable(
        cosine: try backend.tensor(angles(short, cos)), sine: try backend.tensor(angles(short, sin))
      ),
      long: RotaryTable(
        cosine: try backend.tensor(angles(long, cos)), sine: try backend.tensor(angles(long, sin))),
      threshold: 64)
    return (
      rotary, { angles($0 > 64 ? long : short, cos) }, { angles($0 > 64 ? long : short, sin) }
    )
  }

  @Test(arguments: cases, [Precision.f32, .bf16])
  func forward(_ test: Case, precision: Precision) throws {
    let segments = Segments(lengths: test.lengths)
    let (rotary, cosine, sine) = try rotary(test.rotary, positions: 200)
    let reference = Reference(
      shape: test.shape, segments: segments, cosine: cosine, sine: sine)
    let shape = test.shape
    let q = Matrix.random(segments.tokens, shape.heads * shape.width, seed: 1, range: 2)
    let k = Matrix.random(segments.tokens, shape.keyValueHeads * shape.width, seed: 2, range: 2)
    let v = Matrix.random(segments.tokens, shape.keyValueHeads * shape.width, seed: 3)
    let expected = reference(q, k, v)
    // bf16: scores of a few units are off by their 2⁻⁸, so are the weights.
    let tolerance = precision == .f32 ? 1e-5 : 5e-2
    for keep in [false, true] {
      let output = try backend.attention(
        q: try backend.view(q), k: try backend.tensor(k), v: try backend.view(v), rotary: rotary,
        segments: segments, shape: shape, precision: precision, keep: keep)
      #expect(try backend.matrix(output.y).distance(expected) < tolerance)
      #expect((output.saved != nil) == keep)
    }
  }

  @Test(arguments: cases)
  func backwardIsTheSlopeOfForward(_ test: Case) throws {
    let shape = test.shape
    let lengths = test.lengths.map { min($0, 70) }
    let segments = Segments(lengths: lengths)
    let (rotary, cosine, sine) = try rotary(test.rotary, positions: 100)
    let reference = Reference(shape: shape, segments: segments, cosine: cosine, sine: sine)
    let tokens = segments.tokens
    let q = Matrix.random(tokens, shape.heads * shape.width, seed: 1, range: 2)
    let k = Matrix.random(tokens, shape.keyValueHeads * shape.width, seed: 2, range: 2)
    let v = Matrix.random(tokens, shape.keyValueHeads * shape.width, seed: 3)
    let dy = Matrix.random(tokens, shape.heads * shape.width, seed: 4)
    for precision in [Precision.f32, .bf16] {
      let value = try backend.view(v)
      let output = try backend.attention(
        q: try backend.tensor(q), k: try backend.view(k), v: value, rotary: rotary,
        segments: segments, shape: shape, precision: precision, keep: true)
      let dq = try backend.view(Matrix(q.rows, q.columns))
      let dk = try backend.view(Matrix(k.rows, k.columns))
      let dv = try backend.view(Matrix(v.rows, v.columns))
      try backend.attentionBackward(
        try backend.view(dy), output: output.y, saved: try #require(output.saved), v: value,
        rotary: rotary, segments: segments, shape: shape, precision: precision, dq: dq, dk: dk,
        dv: dv)
      let tolerance = precision == .f32 ? 1e-5 : 2e-2
      #expect(slopeError(try backend.matrix(dq), at: q) { reference($0, k, v).dot(dy) } < tolerance)
      #expect(slopeError(try backend.matrix(dk), at: k) { reference(q, $0, v).dot(dy) } < tolerance)
      #expect(slopeError(try backend.matrix(dv), at: v) { reference(q, k, $0).dot(dy) } < tolerance)
      // As bf16 they are the same, rounded.
      let halves = try [dq, dk, dv].map { try backend.make($0.shape, .bf16) }
      try backend.attentionBackward(
        try backend.view(dy), output: output.y, saved: try #require(output.saved), v: value,
        rotary: rotary, segments: segments, shape: shape, precision: precision, dq: halves[0],
        dk: halves[1], dv: halves[2])
      for (half, full) in zip(halves, [dq, dk, dv]) {
        #expect(
          try backend.read(half) == backend.read(try backend.convert(full, to: .bf16)))
      }
    }
  }

  @Test func cachedAttentionEqualsAttentionTokenByToken() throws {
    for window in [nil, 9] {
      let shape = AttentionShape(heads: 6, keyValueHeads: 2, width: 12, window: window)
      let (rotary, _, _) = try rotary(12, positions: 64)
      let length = 37
      let q = try backend.view(Matrix.random(length, 72, seed: 1, range: 2))
      let k = try backend.view(Matrix.random(length, 24, seed: 2, range: 2))
      let v = try backend.view(Matrix.random(length, 24, seed: 3))
      let whole = try backend.attention(
        q: q, k: k, v: v, rotary: rotary, segments: Segments(lengths: [length]), shape: shape,
        precision: .f32, keep: false)
      let expected = try backend.matrix(whole.y)
      let cache = KeyValueCache(
        keys: try backend.make([40, 24], .f32), values: try backend.make([40, 24], .f32))
      var start = 0
      for count in [5, 1, 1, 20, 1, 9] {
        let rows = start..<start + count
        let y = try backend.attention(
          q: q.rows(rows), k: k.rows(rows), v: v.rows(rows), table: rotary.short, cache: cache,
          shape: shape)
        #expect(try backend.matrix(y).distance(expected.rows(rows)) < 1e-5)
        start += count
        #expect(cache.count == start)
      }
      #expect(throws: ShapeMismatch.self) {
        try backend.attention(
          q: q.rows(0..<4), k: k.rows(0..<4), v: v.rows(0..<4), table: rotary.short, cache: cache,
          shape: shape)
      }
    }
  }

  @Test func sequencesLongerThanTheTableAreErrors() throws {
    let shape = AttentionShape(heads: 1, keyValueHeads: 1, width: 8)
    let (rotary, _, _) = try rotary(8, positions: 10)
    let x = try backend.tensor(Matrix.random(11, 8, seed: 1))
    #expect(throws: ShapeMismatch.self) {
      try backend.attention(
        q: x, k: x, v: x, rotary: rotary, segments: Segments(lengths: [11]), shape: shape,
        precision: .f32, keep: false)
    }
    #expect(throws: ShapeMismatch.self) {
      try backend.attention(
        q: x, k: x, v: x, rotary: rotary, segments: Segments(lengths: [5]), shape: shape,
        precision: .f32, keep: false)
    }
  }
}
