import CPUKernels

extension CPUBackend {
  public func linear(
    _ x: Tensor, _ weight: Weight, bias: Tensor?, adapter: AdapterTerm?, precision: Precision
  ) throws -> LinearOutput {
    let name = "linear"
    let (n, inputs, outputs) = (x.rows, weight.columns, weight.rows)
    try require(x, name, "x", rows: nil, columns: inputs)
    var bias = bias
    if let values = bias {
      try require(
        values.count == outputs && values.isContiguous, name, expected: "bias [\(outputs)]",
        found: values.summary)
      bias = values.dtype == .f32 ? values : try convert(values, to: .f32)
    }
    let type = factorType(precision)
    let y = try make([n, outputs], .f32)
    if n <= Self.fewRows, adapter?.survivors == nil {
      let kept = try fewRows(x, weight, bias: bias, adapter: adapter, type: type, into: y)
      return LinearOutput(y: y, reduced: kept)
    }
    let target = try y.floats(name)
    let offsets = try bias?.floats(name)
    let term = try adapter.map {
      try AdapterFactors($0, inputs: inputs, outputs: outputs, type, self)
    }
    let split = RowSplit(rows: n, threads: pool.count)
    let input = try LinearInput(
      x, term, type, staysInTask: split.fused && isOnePanel(weight, as: type), self)
    if !split.fused { try parallelSteps(split.count) { _ = input.prepare(split[$0], $1) } }
    try eachPanel(of: weight, as: type, name) { rows, panel in
      let prepares = split.fused && rows.lowerBound == 0
      let tiles =
        split.fused
        ? split.tiles(columns: rows.count)
        : ProductTiles(rows: n, columns: rows.count, depth: inputs, threads: pool.count)
      try parallelSteps(tiles.count) { task, workspace in
        let (height, width) = tiles[task]
        let (x, reduced) =
          prepares ? input.prepare(height, workspace) : input.prepared(height)
        for part in width.parts(of: 512) {
          let column = rows.lowerBound + part.lowerBound
          let corner = target + height.lowerBound * outputs + column
          if let offsets {
            for i in 0..<height.count {
              (corner + i * outputs).update(from: offsets + column, count: part.count)
            }
          }
          workspace.multiply(
            m: height.count, n: part.count, k: inputs, x,
            panel.from(row: part.lowerBound, column: 0).transpose, corner, stride: outputs,
            beta: offsets == nil ? 0 : 1)
          if let term, let reduced {
            workspace.multiply(
              m: height.count, n: part.count, k: term.rank, reduced,
              term.b.from(row: column, column: 0).transpose, corner, stride: outputs, beta: 1)
          }
        }
      }
    }
    withExtendedLifetime(bias) {}
    return LinearOutput(y: y, reduced: input.kept)
  }
}

/// The rows of a layer's input shared out to threads.
struct RowSplit {
  private let tiles: ProductTiles
  /// Whether there are rows enough for every thread to take some through all of the layer's columns: what a task makes
  /// of its rows then stays in its cache. Otherwise columns are shared out too, after the rows were prepared.
  let fused: Bool

  init(rows: Int, threads: Int) {
    // A depth at which no tile is too little work.
    tiles = ProductTiles(rows: rows, columns: 1, depth: 1 << 20, threads: threads)
    fused = tiles.height >= 64 || threads == 1
  }

  var count: Int { tiles.count }
  subscript(index: Int) -> Range<Int> { tiles[index].rows }

  /// The same rows, each with all of `columns`.
  func tiles(columns: Int) -> ProductTiles {
    ProductTiles(rows: tiles.rows, columns: columns, height: tiles.height, width: max(columns, 1))
  }
}

extension Range<Int> {
  /// The range in parts of `length`, the last one perhaps shorter.
  func parts(of length: Int) -> [Range<Int>] {
    stride(from: lowerBound, to: upperBound, by: length).map {
      $0..<Swift.min($0 + length, upperBound)
    }
  }
}

/// The input of a linear layer as its products take it, and as its adapter does.
private struct LinearInput {
  /// What the backward needs: with f32 factors and no dropout `drop(x)·Aᵀ [n, rank]`, without its 1/(1−p); else
  /// `[n, in + rank]`, drop(x) in front of that, in the factors' type.
  let kept: Tensor?
  private let x: Tensor
  private let term: AdapterFactors?
  private let type: DType
  private let source: UnsafeMutablePointer<Float>
  private let keptBytes: UnsafeMutableRawPointer?
  /// Where bf16 copies of x lie that outlive their task.
  private let narrow: Tensor?
  private let narrowBytes: UnsafeMutablePointer<UInt16>?
  private let inputs: Int

  init(
    _ x: Tensor, _ term: AdapterFactors?, _ type: DType, staysInTask: Bool, _ backend: CPUBackend
  ) throws {
    let name = "linear"
    (self.x, self.term, self.type, inputs) = (x, term, type, x.columns)
    source = try x.floats(name)
    kept = try term.map {
      try backend.make([x.rows, $0.keptColumns(inputs: x.columns, type)], type)
    }
    keptBytes = try kept?.bytes(name)
    let copies = type != .f32 && (term == nil || term?.mask != nil)
    narrow = try copies && !staysInTask ? backend.make([x.rows, x.columns], type) : nil
    narrowBytes = try narrow?.bytes(name).assumingMemoryBound(to: UInt16.self)
  }

  /// Converts, masks and reduces some rows.
  ///
  /// - Returns: The factors of the products, from the first of the rows.
  func prepare(_ rows: Range<Int>, _ workspace: Workspace) -> (x: Factor, reduced: Factor?) {
    let kernels = workspace.kernels
    var result = prepared(rows)
    if type != .f32, term == nil || term?.mask != nil {
      let target =
        narrowBytes.map { $0 + rows.lowerBound * inputs }
        ?? workspace.halves(0, rows.count * inputs)
      for row in rows {
        kernels.narrowToBF16(
          source + row * x.rowStride, 1, target + (row - rows.lowerBound) * inputs, inputs)
      }
      result.x = Factor(target, type, stride: inputs)
    }
    guard let term, let keptBytes, let kept else { return result }
    let stride = kept.columns
    let first = keptBytes + rows.lowerBound * stride * type.size
    var masked = result.x
    if stride > term.rank {
      for row in rows {
        kernels.drop(
          source + row * x.rowStride, term.mask, UInt32(truncatingIfNeeded: row * inputs),
          first + (row - rows.lowerBound) * stride * type.size, type, inputs)
      }
      masked = Factor(first, type, stride: stride)
    }
    let low = first + (stride - term.rank) * type.size
    if type == .f32 {
      workspace.multiply(
        m: rows.count, n: term.rank, k: inputs, masked, term.a.transpose,
        low.assumingMemoryBound(to: Float.self), stride: stride)
    } else {
      let floats = workspace.floats(1, rows.count * term.rank)
      workspace.multiply(
        m: rows.count, n: term.rank, k: inputs, masked, term.a.transpose, floats,
        stride: term.rank)
      let halves = low.assumingMemoryBound(to: UInt16.self)
      for i in 0..<rows.count {
        kernels.narrowToBF16(floats + i * term.rank, 1, halves + i * stride, term.rank)
      }
    }
    return result
  }

  /// The factors of rows that were prepared by a task before.
  func prepared(_ rows: Range<Int>) -> (x: Factor, reduced: Factor?) {
    let first = rows.lowerBound
    var factor = Factor(source, type, stride: x.rowStride)
    var reduced: Factor?
    if let term, let kept, let keptBytes {
      let all = Factor(keptBytes, type, stride: kept.columns)
      reduced = all.from(row: first, column: kept.columns - term.rank)
      if type != .f32 { factor = all }
    }
    if let narrowBytes { factor = Factor(narrowBytes, type, stride: inputs) }
    return (factor.from(row: first, column: 0), reduced)
  }
}
