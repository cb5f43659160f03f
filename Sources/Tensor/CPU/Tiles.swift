import CPUKernels
import CPUKernelsV2
import CPUKernelsV3
import CPUKernelsV4
import Runtime

/// Rows in a tile.
let tileRows = 16

extension Processor {
  /// The tile kernels compiled for this processor.
  var tiles: any TileKernels.Type {
    switch level {
    case 4: CPUKernelsV4.CompiledKernels.self
    case 3: CPUKernelsV3.CompiledKernels.self
    default: CPUKernelsV2.CompiledKernels.self
    }
  }
}

extension TileGrid {
  init(_ grid: Grid, _ rule: ScaleRule) {
    self.init(
      maximum: Float(grid.maximum), midpoint: Float(grid.midpoint), symmetric: grid.symmetric,
      half: grid.scaleType == .f16, shrinks: rule == .mse ? 80 : 0)
  }
}

/// A weight as strips of 16 rows, of which a tile holds one.
struct Strips {
  let rows: Int
  let columns: Int
  private let source: RowSource
  private let kernels: any Kernels.Type
  private let tiles: any TileKernels.Type

  init(_ weight: Weight, _ operation: String, _ backend: CPUBackend) throws {
    rows = weight.rows
    columns = weight.columns
    source = try RowSource(weight, operation)
    kernels = backend.kernels
    tiles = backend.processor.tiles
  }

  var count: Int { (rows + tileRows - 1) / tileRows }
  /// Floats in a tile.
  var size: Int { tileRows * columns }

  /// The rows of strip `index`.
  func rows(of index: Int) -> Range<Int> {
    index * tileRows..<min((index + 1) * tileRows, rows)
  }

  /// Fills a tile; false where a weight is not finite. `scratch` holds as much as the tile.
  func load(
    _ index: Int, _ tile: UnsafeMutablePointer<Float>, _ scratch: UnsafeMutablePointer<Float>
  )
    -> Bool
  {
    let range = rows(of: index)
    for row in range {
      source.write(
        row: row, scratch + (row - range.lowerBound) * columns, as: .f32, kernels)
    }
    return tiles.loadTile(scratch, columns, range.count, columns, tile)
  }
}

/// What went wrong in a task, where nothing can be thrown.
enum TileFault: UInt8 {
  case none, weight, scale

  /// - Throws: `NotFinite` for the first fault.
  static func check(_ faults: [TileFault], _ operation: String) throws {
    switch faults.first(where: { $0 != .none }) {
    case nil, .some(.none): return
    case .weight: throw NotFinite(operation: operation, what: "weight")
    case .scale: throw NotFinite(operation: operation, what: "scales")
    }
  }
}

extension CPUBackend {
  /// Shares out strips in ranges of at most `most`, and returns what each range yields, in order: so that sums come out
  /// the same on any number of threads.
  ///
  /// - Throws: `Cancelled`.
  func parallelStrips<Result>(
    _ count: Int, most: Int, initial: Result, _ body: (Range<Int>, Workspace) -> Result
  ) throws -> [Result] {
    guard count > 0 else { return [] }
    let tasks = (count + most - 1) / most
    var results = [Result](repeating: initial, count: tasks)
    results.withUnsafeMutableBufferPointer { buffer in
      nonisolated(unsafe) let results = buffer
      parallel(tasks) { task, workspace in
        if Interrupt.isPending { return }
        results[task] = body(task * most..<min((task + 1) * most, count), workspace)
      }
    }
    try Interrupt.check()
    return results
  }
}

/// A packed matrix under construction.
struct PackedOutput {
  let rows: Int
  let columns: Int
  let grid: Grid
  let groups: Int
  private let codes: Tensor
  private let scales: Tensor
  private let zeros: Tensor?
  private let bytesPerRow: Int
  private let codeBytes: UnsafeMutablePointer<UInt8>
  private let scaleBytes: UnsafeMutableRawPointer
  private let zeroBytes: UnsafeMutablePointer<UInt8>?

  /// - Throws: `ShapeMismatch` for a grid that does not fit the matrix.
  init(rows: Int, columns: Int, grid: Grid, _ operation: String, _ backend: CPUBackend) throws {
    try require(
      [2, 3, 4, 8].contains(grid.bits), operation, expected: "2, 3, 4 or 8 bits",
      found: "\(grid.bits)")
    let width = grid.width(columns: columns)
    try require(
      columns > 0 && width > 0 && columns % width == 0, operation,
      expected: "a group that divides \(columns) columns", found: "\(width)")
    try require(
      grid.scaleType == .f32 || grid.scaleType == .f16, operation,
      expected: "scales in f32 or f16", found: grid.scaleType.rawValue)
    self.rows = rows
    self.columns = columns
    self.grid = grid
    groups = columns / width
    bytesPerRow = PackedMatrix.bytesPerRow(columns: columns, bits: grid.bits)
    codes = try backend.make([rows, bytesPerRow], .u8)
    scales = try backend.make([rows, groups], grid.scaleType)
    zeros = grid.symmetric ? nil : try backend.make([rows, groups], .u8)
    codeBytes = try codes.bytes(operation).assumingMemoryBound(to: UInt8.self)
    scaleBytes = try scales.bytes(operation)
    zeroBytes = try zeros.map { try $0.bytes(operation).assumingMemoryBound(to: UInt8.self) }
  }

  /// Writes a strip: its codes (16 bytes a place, column j at `places[j]`), scales and zero points (a vector a group,
  /// group g's at `targets[g]` of the row).
  func write(
    _ range: Range<Int>, codes: UnsafePointer<UInt8>, places: UnsafePointer<Int32>?,
    scales: UnsafePointer<Float>, zeros: UnsafePointer<Float>, targets: [Int32]?,
    _ tiles: any TileKernels.Type
  ) -> TileFault {
    tiles.packTile(
      codes, places, range.count, columns, grid.bits, codeBytes + range.lowerBound * bytesPerRow,
      bytesPerRow)
    let half = grid.scaleType == .f16
    for group in 0..<groups {
      let target = targets.map { Int($0[group]) } ?? group
      for lane in 0..<range.count {
        let scale = scales[tileRows * group + lane]
        guard scale.isFinite else { return .scale }
        let place = (range.lowerBound + lane) * groups + target
        if half {
          scaleBytes.assumingMemoryBound(to: Float16.self)[place] = Float16(scale)
        } else {
          scaleBytes.assumingMemoryBound(to: Float.self)[place] = scale
        }
        if let zeroBytes { zeroBytes[place] = UInt8(zeros[tileRows * group + lane]) }
      }
    }
    return .none
  }

  func matrix(groupIndex: Tensor? = nil) -> PackedMatrix {
    PackedMatrix(
      rows: rows, columns: columns, grid: grid, codes: codes, scales: scales, zeros: zeros,
      groupIndex: groupIndex)
  }
}
