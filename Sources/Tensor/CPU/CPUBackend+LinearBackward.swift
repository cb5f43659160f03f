import CPUKernels

extension CPUBackend {
  public func linearBackward(
    _ dy: Tensor, x: Tensor, weight: Weight, adapter: AdapterTerm?, reduced: Tensor?,
    precision: Precision, needsInput: Bool
  ) throws -> LinearGradients {
    let name = "linearBackward"
    let (n, inputs, outputs) = (x.rows, weight.columns, weight.rows)
    try require(x, name, "x", rows: nil, columns: inputs)
    try require(dy, name, "dy", rows: n, columns: outputs)
    let type = factorType(precision)
    let dy = dy.dtype == .bf16 && type == .f32 ? try convert(dy, to: .f32) : dy
    let term = try adapter.map {
      try AdapterFactors($0, inputs: inputs, outputs: outputs, type, forward: false, self)
    }
    let upstream = try LinearUpstream(dy, term, type, self)
    let sums = try term.map {
      try factorSums($0, upstream, x: x, reduced: reduced, inputs: inputs, type, name)
    }
    let split = RowSplit(rows: n, threads: threads)
    if !split.fused || !needsInput {
      try parallelSteps(split.count) { upstream.prepare(split[$0], $1) }
    }
    // What a task has prepared of its rows is best summed up while it lies in the cache.
    let isAlong = needsInput && split.fused && split.ranges == sums?.parts
    let dx = try needsInput ? make([n, inputs], .f32) : nil
    if let dx {
      try inputGradient(
        upstream, weight, term, split, type, sums: isAlong ? sums : nil,
        into: try dx.floats(name), name)
    }
    guard let sums else { return LinearGradients(dx: dx, da: nil, db: nil) }
    let (da, db) = try sums.finish(self, areMade: isAlong)
    withExtendedLifetime((upstream, reduced, x)) {}
    return LinearGradients(dx: dx, da: da, db: db)
  }

  private func factorSums(
    _ term: AdapterFactors, _ upstream: LinearUpstream, x: Tensor, reduced: Tensor?, inputs: Int,
    _ type: DType, _ name: String
  ) throws -> FactorSums {
    guard let reduced, let g = upstream.g else {
      throw ShapeMismatch(operation: name, expected: "the reduced input", found: "none")
    }
    let (n, width) = (x.rows, term.keptColumns(inputs: inputs, type))
    try require(
      reduced.shape == [n, width] && reduced.dtype == type && reduced.isContiguous, name,
      expected: "the reduced input [\(n), \(width)] \(type.rawValue)", found: reduced.summary)
    let kept = UnsafeRawPointer(try reduced.bytes(name))
    let masked =
      try width > term.rank
      ? Factor(kept, type, stride: inputs) : Factor(x.floats(name), .f32, stride: x.rowStride)
    let low = Factor(
      kept + term.keptOffset(rows: n, inputs: inputs, type), type, stride: term.rank)
    return try FactorSums(
      g: g, masked: masked, low: low, dy: upstream.dy, rows: n, inputs: inputs,
      outputs: upstream.outputs, rank: term.rank, scale: term.scale, self)
  }

  /// `dx = dy · W + drop(g · A)`, and what `sums` wants of the same rows.
  private func inputGradient(
    _ upstream: LinearUpstream, _ weight: Weight, _ term: AdapterFactors?, _ split: RowSplit,
    _ type: DType, sums: FactorSums?, into target: UnsafeMutablePointer<Float>, _ name: String
  ) throws {
    let (inputs, outputs) = (weight.columns, weight.rows)
    try eachPanel(of: weight, as: type, name) { rows, panel in
      let (first, last) = (rows.lowerBound == 0, rows.upperBound == outputs)
      let tiles =
        split.fused
        ? split.tiles(columns: inputs)
        : ProductTiles(
          rows: upstream.rows, columns: inputs, depth: rows.count, threads: threads)
      try parallelSteps(tiles.count) { task, workspace in
        let (height, width) = tiles[task]
        if split.fused, first { upstream.prepare(height, workspace) }
        for part in width.parts(of: Self.partWidth(width.count)) {
          let corner = target + height.lowerBound * inputs + part.lowerBound
          workspace.multiply(
            m: height.count, n: part.count, k: rows.count,
            upstream.dy.from(row: height.lowerBound, column: rows.lowerBound),
            panel.from(row: 0, column: part.lowerBound), corner, stride: inputs,
            beta: first ? 0 : 1)
          guard last, let term, let g = upstream.g else { continue }
          let low = g.from(row: height.lowerBound, column: 0)
          let a = term.a.from(row: 0, column: part.lowerBound)
          guard let mask = term.mask else {
            workspace.multiply(
              m: height.count, n: part.count, k: term.rank, low, a, corner, stride: inputs,
              beta: 1)
            continue
          }
          let branch = workspace.floats(0, height.count * part.count)
          workspace.multiply(
            m: height.count, n: part.count, k: term.rank, low, a, branch, stride: part.count)
          for i in 0..<height.count {
            let index = (term.firstRow + height.lowerBound + i) * inputs + part.lowerBound
            workspace.kernels.addSurvivors(
              branch + i * part.count, 1, mask, UInt32(truncatingIfNeeded: index),
              corner + i * inputs, part.count)
          }
        }
        if last { sums?.make(task, workspace) }
      }
    }
  }
}

/// What a linear layer's backward multiplies with.
private struct LinearUpstream {
  let rows: Int
  /// dy `[n, out]`.
  let dy: Factor
  /// dy · B `[n, rank]`, B scaled.
  let g: Factor?
  private let term: AdapterFactors?
  private let type: DType
  let outputs: Int
  private let source: UnsafeMutableRawPointer
  private let stride: Int
  private let narrow: UnsafeMutablePointer<UInt16>?
  private let low: UnsafeMutableRawPointer?
  private let owners: [Tensor]

  init(_ dy: Tensor, _ term: AdapterFactors?, _ type: DType, _ backend: CPUBackend) throws {
    let name = "linearBackward"
    (rows, outputs, self.term, self.type) = (dy.rows, dy.columns, term, type)
    source = try dy.dtype == type ? dy.bytes(name) : UnsafeMutableRawPointer(dy.floats(name))
    stride = dy.rowStride
    let upstream = try type == dy.dtype ? dy : backend.make([dy.rows, dy.columns], type)
    let reduced = try term.map { try backend.make([dy.rows, $0.rank], type) }
    owners = [upstream] + (reduced.map { [$0] } ?? [])
    narrow = type == dy.dtype ? nil : try upstream.bytes(name).assumingMemoryBound(to: UInt16.self)
    self.dy = Factor(try upstream.bytes(name), type, stride: upstream.rowStride)
    low = try reduced?.bytes(name)
    g = low.map { Factor($0, type, stride: term?.rank ?? 0) }
  }

  /// Converts and reduces some rows.
  func prepare(_ rows: Range<Int>, _ workspace: Workspace) {
    let kernels = workspace.kernels
    if let narrow {
      for row in rows {
        kernels.narrowToBF16(
          source.assumingMemoryBound(to: Float.self) + row * stride, 1, narrow + row * outputs,
          outputs)
      }
    }
    guard let term, let low else { return }
    let target = low + rows.lowerBound * term.rank * type.size
    let floats =
      type == .f32
      ? target.assumingMemoryBound(to: Float.self)
      : workspace.floats(1, rows.count * term.rank)
    workspace.multiply(
      m: rows.count, n: term.rank, k: outputs, dy.from(row: rows.lowerBound, column: 0), term.b,
      floats, stride: term.rank)
    if type != .f32 {
      kernels.narrowToBF16(
        floats, 1, target.assumingMemoryBound(to: UInt16.self), rows.count * term.rank)
    }
  }
}
