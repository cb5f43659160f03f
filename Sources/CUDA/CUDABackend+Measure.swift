import Runtime
import Tensor

extension KernelSource {
  static let measure = KernelSource("measure", PackageResources.measure_cu)
}

extension CUDABackend {
  /// The quadratic forms are sums of D∘(D·H), the product with 10 bits after the point: an error far below what the
  /// figure is reported with.
  public func roundingError(_ matrix: PackedMatrix, of weight: Tensor, hessian: Tensor?) throws
    -> RoundingError
  {
    let name = "roundingError"
    let (rows, columns) = (matrix.rows, matrix.columns)
    try check(weight, name, "weight", rows: rows, columns: columns)
    if let hessian { try check(hessian, name, "hessian", rows: columns, columns: columns, .f32) }
    let difference = try dequantize(matrix, as: .f32, name)
    let copy = try make([rows, columns], .f32)
    let tiles = RowTiles(rows: rows, columns: columns)
    try launch(
      .measure, "subtract", grid: tiles.grid, block: 256, difference, weight, weight.stride,
      weight.dtype.code, copy, Int32(columns), tiles.count)
    var pairs = [(difference, difference), (copy, copy)]
    if let hessian {
      for tensor in [difference, copy] {
        let weighed = try make([rows, columns], .f32)
        try multiply(
          tensor.factor, hessian.factor, into: weighed, arithmetic: .tensor32, name)
        pairs.append((tensor, weighed))
      }
    }
    let sums = try dots(pairs, name)
    return RoundingError(
      difference: sums[0], weight: sums[1], differenceProxy: hessian == nil ? nil : sums[2],
      weightProxy: hessian == nil ? nil : sums[3])
  }

  /// Σ a·b of each pair of equally long, contiguous f32 tensors, in f64.
  func dots(_ pairs: [(Tensor, Tensor)], _ operation: String) throws -> [Double] {
    let totals = try make([pairs.count, 2], .f32)
    for (index, (a, b)) in pairs.enumerated() {
      let blocks = (a.count + 4095) / 4096
      let sums = try make([max(blocks, 1), 2], .f32)
      try launch(.measure, "dot", grid: Extent(blocks), block: 256, a, b, a.count, sums)
      try launch(
        .optimizer, "add_up", grid: 1, block: 1024, sums, blocks, totals.rows(index..<index + 1))
    }
    return try download(totals, as: Double.self, operation)
  }

  public func scaled(_ matrix: Tensor, rows: Tensor?, columns: Tensor?) throws -> Tensor {
    let name = "scaled"
    try check(matrix, name, "matrix", rows: nil, columns: nil)
    for (factors, count) in [(rows, matrix.rows), (columns, matrix.columns)] {
      guard let factors else { continue }
      try require(
        factors.count == count && factors.isContiguous && factors.dtype == .f32, name,
        expected: "factors f32 [\(count)]", found: factors.summary)
      try check(factors, name, "factors")
    }
    let y = try make([matrix.rows, matrix.columns], .f32)
    let tiles = RowTiles(rows: matrix.rows, columns: matrix.columns)
    try launch(
      .measure, "scaled", grid: tiles.grid, block: 256, matrix, matrix.stride, matrix.dtype.code,
      rows, columns, y, Int32(matrix.columns), tiles.count)
    return y
  }

  public func addMagnitudes(_ x: Tensor, into sums: Tensor) throws {
    let name = "addMagnitudes"
    let width = x.columns
    try check(x, name, "x", rows: nil, columns: nil)
    try require(
      sums.count == width && sums.isContiguous && sums.dtype == .f32, name,
      expected: "sums f32 [\(width)]", found: sums.summary)
    try check(sums, name, "sums")
    let parts = (x.rows + 255) / 256
    let partial = try make([max(parts, 1), width], .f32)
    try launch(
      .measure, "column_magnitudes", grid: Extent((width + 255) / 256, parts), block: 256, x,
      x.stride, x.dtype.code, Int32(x.rows), Int32(width), partial)
    try addParts(partial, parts, into: sums, adds: true)
  }

  public func relativeMagnitudes(_ weight: Tensor, group: Int?) throws -> Tensor {
    let name = "relativeMagnitudes"
    let (rows, columns) = (weight.rows, weight.columns)
    let width = group ?? columns
    try check(weight, name, "weight", rows: nil, columns: nil)
    try require(
      width > 0 && columns % width == 0, name,
      expected: "a group that divides \(columns) columns", found: "\(width)")
    let groups = columns / width
    let largest = try make([rows, groups], .f32)
    let faults = try make([1], .i32)
    try fill(faults, with: 0)
    try launch(
      .measure, "group_magnitudes", grid: Extent((rows * groups + 3) / 4), block: 128, weight,
      weight.stride, weight.dtype.code, Int32(rows), Int32(columns), Int32(width), largest, faults)
    let parts = (rows + 255) / 256
    let partial = try make([max(parts, 1), columns], .f32)
    try launch(
      .measure, "relative_magnitudes", grid: Extent((columns + 255) / 256, parts), block: 256,
      weight, weight.stride, weight.dtype.code, Int32(rows), Int32(columns), Int32(width), largest,
      partial)
    let result = try make([columns], .f32)
    try addParts(partial, parts, into: result, adds: false)
    guard try download(faults, as: Int32.self, name)[0] == 0 else {
      throw NotFinite(operation: name, what: "weight")
    }
    return result
  }

  func addParts(_ partial: Tensor, _ parts: Int, into total: Tensor, adds: Bool) throws {
    try launch(
      .measure, "add_parts", grid: Extent((total.count + 255) / 256), block: 256, partial,
      Int32(parts), Int32(total.count), total, Int32(adds ? 1 : 0))
  }
}
