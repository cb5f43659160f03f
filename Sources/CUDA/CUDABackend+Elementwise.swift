import Tensor

extension KernelSource {
  static let embedding = KernelSource("embedding", PackageResources.embedding_cu)
  static let swiGLU = KernelSource("swiglu", PackageResources.swiglu_cu)
  static let add = KernelSource("add", PackageResources.add_cu)
}

/// Blocks of 256 threads over the rows of a matrix, none of which reaches into another row.
struct RowTiles {
  /// Blocks a row.
  let blocks: Int
  let rows: Int

  /// - Parameter each: Elements that a thread takes.
  init(rows: Int, columns: Int, each: Int = 1) {
    (self.rows, blocks) = (rows, max(1, (columns + 256 * each - 1) / (256 * each)))
  }

  var grid: Extent { Extent(rows * blocks) }
  var count: Int32 { Int32(blocks) }
}

extension CUDABackend {
  public func embedding(_ table: Tensor, ids: [Int32]) throws -> Tensor {
    let name = "embedding"
    try check(table, name, "table", rows: nil, columns: nil)
    for id in ids where id < 0 || Int(id) >= table.rows {
      throw ShapeMismatch(operation: name, expected: "ids below \(table.rows)", found: "\(id)")
    }
    return try embedding(table, at: try upload(ids, .i32, name))
  }

  public func swiGLU(gate: Tensor, up: Tensor, as type: DType) throws -> Tensor {
    let (n, width) = (gate.rows, gate.columns)
    try check(gate, "swiGLU", "gate", rows: nil, columns: nil, .bf16)
    try check(up, "swiGLU", "up", rows: n, columns: width, .bf16)
    let y = try make([n, width], .bf16)
    let vectors = gate.hasVectors && up.hasVectors
    let tiles = RowTiles(rows: n, columns: width, each: vectors ? 8 : 1)
    try launch(
      .swiGLU, vectors ? "swiglu_vectors" : "swiglu", grid: tiles.grid, block: 256,
      early: true, gate,
      gate.stride, up, up.stride, y, y.stride, Int32(width), tiles.count)
    return y
  }

  public func swiGLUBackward(_ dy: Tensor, gate: Tensor, up: Tensor, dGate: Tensor, dUp: Tensor)
    throws
  {
    let name = "swiGLUBackward"
    let (n, width) = (gate.rows, gate.columns)
    let all = [("dy", dy), ("gate", gate), ("up", up), ("dGate", dGate), ("dUp", dUp)]
    for (label, tensor) in all { try check(tensor, name, label, rows: n, columns: width, .bf16) }
    let vectors = all.allSatisfy { $0.1.hasVectors }
    let tiles = RowTiles(rows: n, columns: width, each: vectors ? 8 : 1)
    try launch(
      .swiGLU, vectors ? "swiglu_backward_vectors" : "swiglu_backward", grid: tiles.grid,
      block: 256, dy, dy.stride, gate, gate.stride, up, up.stride, dGate, dGate.stride, dUp,
      dUp.stride, Int32(width), tiles.count)
  }

  /// Of the type of both, or f32.
  public func add(_ a: Tensor, _ b: Tensor) throws -> Tensor {
    try require(a.shape == b.shape, "add", expected: a.summary, found: b.summary)
    let y = try make(a.shape, a.dtype == b.dtype ? a.dtype : .f32)
    try addRows(a, b, into: y, "add")
    return y
  }

  public func accumulate(_ source: Tensor, into target: Tensor) throws {
    try require(
      source.shape == target.shape, "accumulate", expected: target.summary, found: source.summary)
    copies.forget(target)
    try addRows(target, source, into: target, "accumulate")
  }

  private func addRows(_ a: Tensor, _ b: Tensor, into y: Tensor, _ name: String) throws {
    for tensor in [a, b, y] {
      try check(tensor, name, "the tensors")
      try require(
        tensor.dtype.isFloat, name, expected: "floating-point numbers", found: tensor.summary)
    }
    let all = [a, b, y]
    let each = y.dtype == .bf16 ? 8 : 4
    if all.allSatisfy({
      $0.dtype == y.dtype && $0.isContiguous && $0.address % 16 == 0 && $0.count % each == 0
    }), y.dtype != .f16 {
      try launch(
        .add, y.dtype == .bf16 ? "add_bf16" : "add_f32",
        grid: Extent((y.count / each + 255) / 256), block: 256, a, b, y, y.count)
      return
    }
    let tiles = RowTiles(rows: y.rows, columns: y.columns)
    try launch(
      .add, "add_any", grid: tiles.grid, block: 256, a, a.stride, a.dtype.code, b, b.stride,
      b.dtype.code, y, y.stride, y.dtype.code, Int32(y.columns), tiles.count)
  }
}
