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
    let isFew = n <= Self.fewRows && adapter?.survivors == nil
    // An operand of these products is taken as it is.
    let x = x.dtype == .bf16 && (isFew || type == .f32) ? try convert(x, to: .f32) : x
    if isFew {
      let kept = try fewRows(x, weight, bias: bias, adapter: adapter, type: type, into: y)
      return LinearOutput(y: y, reduced: kept)
    }
    let target = try y.floats(name)
    let offsets = try bias?.floats(name)
    let term = try adapter.map {
      try AdapterFactors($0, inputs: inputs, outputs: outputs, type, forward: true, self)
    }
    let split = RowSplit(rows: n, threads: threads)
    let input = try LinearInput(
      x, term, type, staysInTask: split.fused && isOnePanel(weight, as: type), self)
    if !split.fused { try parallelSteps(split.count) { _ = input.prepare(split[$0], $1) } }
    try eachPanel(of: weight, as: type, rows: split.fused ? n : 0, name) { rows, panel in
      let prepares = split.fused && rows.lowerBound == 0
      let tiles =
        split.fused
        ? split.tiles(columns: rows.count)
        : ProductTiles(rows: n, columns: rows.count, depth: inputs, threads: threads)
      try parallelSteps(tiles.count) { task, workspace in
        let (height, width) = tiles[task]
        let (x, reduced) =
          prepares ? input.prepare(height, workspace) : input.prepared(height)
        for part in width.parts(of: Self.partWidth(width.count)) {
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

  /// How many of `columns` a product takes at once: all of them, as products are fastest where results are contiguous;
  /// but parts of a wide layer, which stay in the cache for what is added to them.
  static func partWidth(_ columns: Int) -> Int { columns <= 2048 ? max(columns, 1) : 512 }
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
  var ranges: [Range<Int>] { (0..<count).map { self[$0] } }

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
  /// drop(x) `[n, in]` and behind it that, in the factors' type.
  let kept: Tensor?
  private let x: Tensor
  private let term: AdapterFactors?
  private let type: DType
  private let source: UnsafeMutableRawPointer
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
    source = try x.dtype == type ? x.bytes(name) : UnsafeMutableRawPointer(x.floats(name))
    kept = try term.map {
      try backend.make([x.rows, $0.keptColumns(inputs: x.columns, type)], type)
    }
    keptBytes = try kept?.bytes(name)
    let copies = type != x.dtype && (term == nil || term?.mask != nil)
    narrow = try copies && !staysInTask ? backend.make([x.rows, x.columns], type) : nil
    narrowBytes = try narrow?.bytes(name).assumingMemoryBound(to: UInt16.self)
  }

  /// Converts, masks and reduces some rows.
  ///
  /// - Returns: The factors of the products, from the first of the rows.
  func prepare(_ rows: Range<Int>, _ workspace: Workspace) -> (x: Factor, reduced: Factor?) {
    let kernels = workspace.kernels
    var result = prepared(rows)
    if type != x.dtype, term == nil || term?.mask != nil {
      let target =
        narrowBytes.map { $0 + rows.lowerBound * inputs }
        ?? workspace.halves(0, rows.count * inputs)
      for row in rows {
        kernels.narrowToBF16(
          input(row).assumingMemoryBound(to: Float.self), 1,
          target + (row - rows.lowerBound) * inputs, inputs)
      }
      result.x = Factor(target, type, stride: inputs)
    }
    guard let term, let keptBytes, let kept else { return result }
    var masked = result.x
    if kept.columns > term.rank {
      let first = keptBytes + rows.lowerBound * inputs * type.size
      for row in rows {
        kernels.drop(
          input(row), x.dtype, term.mask,
          UInt32(truncatingIfNeeded: (term.firstRow + row) * inputs),
          first + (row - rows.lowerBound) * inputs * type.size, type, inputs)
      }
      masked = Factor(first, type, stride: inputs)
    }
    let low = lowBytes(keptBytes, term) + rows.lowerBound * term.rank * type.size
    let floats =
      type == .f32
      ? low.assumingMemoryBound(to: Float.self) : workspace.floats(1, rows.count * term.rank)
    workspace.multiply(
      m: rows.count, n: term.rank, k: inputs, masked, term.a.transpose, floats, stride: term.rank)
    if type != .f32 {
      kernels.narrowToBF16(
        floats, 1, low.assumingMemoryBound(to: UInt16.self), rows.count * term.rank)
    }
    return result
  }

  private func input(_ row: Int) -> UnsafeRawPointer {
    UnsafeRawPointer(source + row * x.rowStride * x.dtype.size)
  }

  private func lowBytes(_ kept: UnsafeMutableRawPointer, _ term: AdapterFactors)
    -> UnsafeMutableRawPointer
  {
    kept + term.keptOffset(rows: x.rows, inputs: inputs, type)
  }

  /// The factors of rows that were prepared by a task before.
  func prepared(_ rows: Range<Int>) -> (x: Factor, reduced: Factor?) {
    let first = rows.lowerBound
    var factor = Factor(source, type, stride: x.rowStride)
    var reduced: Factor?
    if let term, let keptBytes {
      reduced = Factor(lowBytes(keptBytes, term), type, stride: term.rank)
        .from(row: first, column: 0)
      if type != x.dtype { factor = Factor(keptBytes, type, stride: inputs) }
    }
    if let narrowBytes { factor = Factor(narrowBytes, type, stride: inputs) }
    return (factor.from(row: first, column: 0), reduced)
  }
}
