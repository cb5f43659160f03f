extension Operation {
  /// Prepares the operation on a real device: what is returned runs it once. Its inputs are random numbers of its shapes.
  ///
  /// - Throws: As the operation does.
  func trial(on backend: any Backend) throws -> () throws -> Tensor? {
    let maker = TrialMaker(backend)
    switch self {
    case .embedding(let form, let count):
      let table = try maker.tensor([form.rows, form.columns], form.dtype)
      let ids = (0..<count).map { Int32($0 * 7 % max(form.rows, 1)) }
      return { try backend.embedding(table, ids: ids) }
    case .linear(let n, let form, let input, let bias, let adapter, let precision):
      let x = try maker.tensor([n, form.columns], input)
      let weight = try maker.weight(form)
      let offsets = try bias ? maker.tensor([form.rows], .f32) : nil
      let term = try adapter.map { try maker.adapter($0, form) }
      return {
        try backend.linear(x, weight, bias: offsets, adapter: term, precision: precision).y
      }
    case .linearBackward(
      let n, let form, let input, let gradient, let adapter, let precision, let needsInput):
      let x = try maker.tensor([n, form.columns], input)
      let dy = try maker.tensor([n, form.rows], gradient)
      let weight = try maker.weight(form)
      let term = try adapter.map { try maker.adapter($0, form) }
      let reduced = try term.map {
        try backend.linear(x, weight, bias: nil, adapter: $0, precision: precision).reduced
      }
      return {
        let gradients = try backend.linearBackward(
          dy, x: x, weight: weight, adapter: term, reduced: reduced ?? nil, precision: precision,
          needsInput: needsInput)
        return gradients.dx ?? gradients.da
      }
    case .norm(let n, let width, let adds, let type):
      let x = try maker.tensor([n, width], backend.activation)
      let weight = try maker.tensor([width], .f32)
      return {
        try backend.rmsNorm(x, adding: adds ? x : nil, weight: weight, epsilon: 1e-5, as: type).y
      }
    case .normBackward(let n, let width, let adds):
      let x = try maker.tensor([n, width], backend.activation)
      let weight = try maker.tensor([width], .f32)
      let inverse = try backend.rmsNorm(
        x, adding: nil, weight: weight, epsilon: 1e-5, as: backend.activation
      ).inverse
      return {
        try backend.rmsNormBackward(
          x, sum: x, weight: weight, inverse: inverse, adding: adds ? x : nil)
      }
    case .attention(let segments, let shape, let precision, let keeps):
      let parts = try maker.attention(segments, shape)
      return {
        try backend.attention(
          q: parts.q, k: parts.k, v: parts.v, rotary: parts.rotary, segments: segments,
          shape: shape, precision: precision, keep: keeps
        ).y
      }
    case .attentionBackward(let segments, let shape, let precision, let type):
      let parts = try maker.attention(segments, shape)
      let output = try backend.attention(
        q: parts.q, k: parts.k, v: parts.v, rotary: parts.rotary, segments: segments,
        shape: shape, precision: precision, keep: true)
      let gradients = try [parts.q, parts.k, parts.v].map { try backend.make($0.shape, type) }
      return {
        if let saved = output.saved {
          try backend.attentionBackward(
            output.y, output: output.y, saved: saved, v: parts.v, rotary: parts.rotary,
            segments: segments, shape: shape, precision: precision, dq: gradients[0],
            dk: gradients[1], dv: gradients[2])
        }
        return gradients[0]
      }
    case .cachedAttention(let new, let held, let shape):
      let parts = try maker.attention(Segments(lengths: [held + new]), shape)
      let rows = held..<held + new
      return {
        let cache = KeyValueCache(keys: parts.k, values: parts.v)
        cache.count = held
        return try backend.attention(
          q: parts.q.rows(rows), k: parts.k.rows(rows), v: parts.v.rows(rows),
          table: parts.rotary.short, cache: cache, shape: shape)
      }
    case .swiGLU(let n, let width, let type):
      let x = try maker.tensor([n, 2 * width], backend.activation)
      return {
        try backend.swiGLU(
          gate: x.columns(0..<width), up: x.columns(width..<2 * width), as: type)
      }
    case .swiGLUBackward(let n, let width, let type):
      let x = try maker.tensor([n, 2 * width], backend.activation)
      let dy = try maker.tensor([n, width], backend.activation)
      let dx = try backend.make([n, 2 * width], type)
      return {
        try backend.swiGLUBackward(
          dy, gate: x.columns(0..<width), up: x.columns(width..<2 * width),
          dGate: dx.columns(0..<width), dUp: dx.columns(width..<2 * width))
        return dx
      }
    case .crossEntropy(let n, let form, let isTaped, let precision):
      let x = try maker.tensor([n, form.columns], backend.activation)
      let head = try maker.weight(form)
      let targets = (0..<n).map { Int32($0 * 7 % max(form.rows, 1)) }
      return {
        try backend.crossEntropy(
          x, head: head, targets: targets, gradient: isTaped ? 1 / Float(n) : nil,
          precision: precision
        ).nll
      }
    default: return try plainTrial(on: backend, maker)
    }
  }

  /// The same for operations on single tensors, and those of quantization.
  private func plainTrial(on backend: any Backend, _ maker: TrialMaker) throws -> () throws ->
    Tensor?
  {
    switch self {
    case .add(let count, let type):
      let x = try maker.tensor([count], type)
      return { try backend.add(x, x) }
    case .accumulate(let count, let type):
      let (x, y) = (try maker.tensor([count], type), try maker.tensor([count], type))
      return {
        try backend.accumulate(x, into: y)
        return y
      }
    case .product(let m, let n, let k, let transposesA, let transposesB):
      let a = try maker.tensor(transposesA ? [k, m] : [m, k], .f32)
      let b = try maker.tensor(transposesB ? [n, k] : [k, n], .f32)
      return {
        try backend.product(
          a, transposed: transposesA, b, transposed: transposesB, alpha: 1, beta: 0, into: nil)
      }
    case .sumOfSquares(let count, let tensors):
      let parts = try maker.parts(count, tensors)
      return {
        _ = try backend.sumOfSquares(parts)
        return nil
      }
    case .adamW(let count, let tensors):
      let parameters = try maker.parts(count, tensors).map { value in
        AdamWParameter(
          value: value, gradient: try maker.tensor(value.shape, .f32),
          first: try maker.zeros(value.shape), second: try maker.zeros(value.shape))
      }
      return {
        try backend.adamW(
          parameters, settings: AdamWSettings(rate: 1e-6), step: 1, gradientScale: 1)
        return parameters.first?.value
      }
    case .gram(let n, let width, let type, let precision):
      let (x, hessian) = (try maker.tensor([n, width], type), try maker.zeros([width, width]))
      return {
        try backend.gram(x, alpha: 1e-3, into: hessian, precision: precision)
        return hessian
      }
    case .dequantize(let form):
      let matrix = try maker.matrix(form)
      return { try backend.dequantize(matrix) }
    case .round(let form, let grid, let rule, let isLimited):
      let weight = try maker.tensor([form.rows, form.columns], form.dtype)
      let limits =
        try isLimited
        ? maker.constant([form.rows, grid.groups(columns: form.columns)], 1) : nil
      return { try backend.round(weight, to: grid, rule: rule, limits: limits).codes }
    case .requantize(let form):
      let matrix = try maker.matrix(form)
      let delta = try maker.tensor([form.rows, form.columns], .f32)
      return { try backend.requantize(matrix, adding: delta).codes }
    case .roundingError(let form, let type, let weighs):
      let matrix = try maker.matrix(form)
      let weight = try maker.tensor([form.rows, form.columns], type)
      let hessian = try weighs ? maker.hessian(form.columns) : nil
      return {
        _ = try backend.roundingError(matrix, of: weight, hessian: hessian)
        return nil
      }
    case .inverseFactor(let width):
      let hessian = try maker.hessian(width)
      return {
        try backend.inverseFactor(hessian, order: nil, damping: 0.01, into: nil).upper
      }
    case .gptq(let form, let grid, let rule, let grouping):
      let weight = try maker.tensor([form.rows, form.columns], form.dtype)
      let order = grouping.map {
        ColumnOrder(columns: (0..<Int32(form.columns)).map { $0 }, grouping: $0)
      }
      let factor = try backend.inverseFactor(
        maker.hessian(form.columns), order: order, damping: 0.01, into: nil)
      return { try backend.gptq(weight, factor: factor, to: grid, rule: rule).codes }
    case .scaled(let form, let rows, let columns):
      let matrix = try maker.tensor([form.rows, form.columns], form.dtype)
      let down = try rows ? maker.constant([form.rows], 1) : nil
      let across = try columns ? maker.constant([form.columns], 1) : nil
      return { try backend.scaled(matrix, rows: down, columns: across) }
    case .addMagnitudes(let n, let width, let type):
      let (x, sums) = (try maker.tensor([n, width], type), try maker.zeros([width]))
      return {
        try backend.addMagnitudes(x, into: sums)
        return sums
      }
    case .relativeMagnitudes(let form, let group):
      let weight = try maker.tensor([form.rows, form.columns], form.dtype)
      return { try backend.relativeMagnitudes(weight, group: group) }
    case .scaledRoundingCost(let form, let grid, let rule):
      let weight = try maker.tensor([form.rows, form.columns], form.dtype)
      let (hessian, scale) = (
        try maker.hessian(form.columns), try maker.constant([form.columns], 1)
      )
      return {
        _ = try backend.scaledRoundingCost(
          weight, scale: scale, to: grid, rule: rule, hessian: hessian)
        return nil
      }
    case .clippingLimits(let form, let grid, let rule):
      let weight = try maker.tensor([form.rows, form.columns], form.dtype)
      let hessian = try maker.hessian(form.columns)
      return { try backend.clippingLimits(weight, to: grid, rule: rule, hessian: hessian) }
    case .divergence(let n, let vocabulary):
      let x = try maker.tensor([n, vocabulary], .f32)
      let targets = [Int32](repeating: 0, count: n)
      return { try backend.divergence(x, from: x, targets: targets) }
    case .masked(let n, let width, let type):
      let x = try maker.tensor([n, width], type)
      return {
        try backend.masked(
          x, by: TrialMaker.stream, dropout: 0.1, survivors: 1.1, hidden: 0)
      }
    case .columnDots(let n, let width, let type):
      let x = try maker.tensor([n, width], type)
      return { try backend.columnDots(x, x) }
    case .rowNorms(let form):
      let matrix = try maker.tensor([form.rows, form.columns], form.dtype)
      return { try backend.rowNorms(matrix) }
    case .eigenvectors(let n, let count):
      let matrix = try maker.hessian(n)
      return { try backend.eigenvectors(of: matrix, count: count).vectors }
    case .survival(let form):
      let weight = try maker.weight(form)
      let change = try maker.tensor([form.rows, form.columns], .f32)
      return {
        _ = try backend.survival(of: change, from: weight, to: weight)
        return nil
      }
    case .convert(let count, let from, let to):
      let x = try maker.tensor([count], from)
      return { try backend.convert(x, to: to) }
    case .copy(let count, let type):
      let (x, y) = (try maker.tensor([count], type), try backend.make([count], type))
      return {
        try backend.copy(x, into: y)
        return y
      }
    case .fill(let count, let type):
      let x = try backend.make([count], type)
      return {
        try backend.fill(x, with: 0)
        return x
      }
    case .draw(let count, let type):
      let x = try backend.make([count], type)
      return {
        try backend.fill(x, from: TrialMaker.stream, deviation: 1)
        return x
      }
    case .read(let count, let type):
      let x = try maker.tensor([count], type)
      return {
        _ = try backend.read(x)
        return nil
      }
    default: return { nil }
    }
  }
}

/// Makes the inputs of trials.
private struct TrialMaker {
  static let stream = RandomStream(seed: 42, purpose: "trial")
  let backend: any Backend

  init(_ backend: any Backend) { self.backend = backend }

  func tensor(_ shape: [Int], _ type: DType) throws -> Tensor {
    let tensor = try backend.make(shape, type)
    if type.isFloat {
      try backend.fill(tensor, from: Self.stream, deviation: 0.02)
    } else {
      try backend.fill(tensor, with: 0)
    }
    return tensor
  }

  func constant(_ shape: [Int], _ value: Float) throws -> Tensor {
    let tensor = try backend.make(shape, .f32)
    try backend.fill(tensor, with: value)
    return tensor
  }

  func zeros(_ shape: [Int]) throws -> Tensor { try constant(shape, 0) }

  /// `count` elements in so many tensors.
  func parts(_ count: Int, _ tensors: Int) throws -> [Tensor] {
    try (0..<max(tensors, 1)).map { index in
      let (whole, rest) = count.quotientAndRemainder(dividingBy: max(tensors, 1))
      return try tensor([whole + (index < rest ? 1 : 0)], .f32)
    }
  }

  func matrix(_ form: WeightForm) throws -> PackedMatrix {
    let grid = form.grid ?? Grid(bits: 4, group: nil, symmetric: true)
    let matrix = try backend.round(
      tensor([form.rows, form.columns], .f32), to: grid, rule: .minmax, limits: nil)
    guard form.isIndexed else { return matrix }
    let width = grid.width(columns: form.columns)
    let index = try backend.convert(
      backend.place(Tensor((0..<form.columns).map { Float($0 / width) }, shape: [form.columns])),
      to: .i32)
    return PackedMatrix(
      rows: matrix.rows, columns: matrix.columns, grid: grid, codes: matrix.codes,
      scales: matrix.scales, zeros: matrix.zeros, groupIndex: index)
  }

  func weight(_ form: WeightForm) throws -> Weight {
    form.grid == nil
      ? .dense(try tensor([form.rows, form.columns], form.dtype)) : .packed(try matrix(form))
  }

  func adapter(_ form: AdapterForm, _ weight: WeightForm) throws -> AdapterTerm {
    AdapterTerm(
      a: try tensor([form.rank, weight.columns], .f32),
      b: try tensor([weight.rows, form.rank], .f32), scale: 1, dropout: form.drops ? 0.05 : 0,
      mask: form.drops ? Self.stream : nil)
  }

  /// Positive definite, as enough tokens make it.
  func hessian(_ width: Int) throws -> Tensor {
    let hessian = try zeros([width, width])
    try backend.gram(
      tensor([min(2 * width, 4096), width], backend.activation), alpha: 1, into: hessian,
      precision: .f32)
    return hessian
  }

  func attention(_ segments: Segments, _ shape: AttentionShape) throws -> (
    q: Tensor, k: Tensor, v: Tensor, rotary: Rotary
  ) {
    let (tokens, width) = (segments.tokens, shape.width)
    let angles = [max(segments.longest, 1), width / 2]
    return (
      try tensor([tokens, shape.heads * width], backend.activation),
      try tensor([tokens, shape.keyValueHeads * width], backend.activation),
      try tensor([tokens, shape.keyValueHeads * width], backend.activation),
      Rotary(
        short: RotaryTable(cosine: try constant(angles, 1), sine: try constant(angles, 0)))
    )
  }
}
