import Models
import Tensor

/// A block whose inputs are scaled down and whose weights are scaled up for it, so that it computes the same.
///
/// A stage's input is divided by its scales where it is produced: in a norm's weight, in the rows of the value
/// projection (each serving all query heads that share it), in the rows of the up projection. Adapters are scaled with
/// the weights that they stand beside.
struct AWQFolding {
  private let block: Block
  private let config: ModelConfig
  private let backend: any Backend
  private let columns: [Tensor?]
  private let rows: [Tensor?]
  /// The block with its norms scaled, and its linears as they were.
  let norms: Block

  init(_ block: Block, _ scales: AWQScales, _ config: ModelConfig, _ backend: any Backend) throws {
    self.block = block
    self.config = config
    self.backend = backend
    var columns = [Tensor?](repeating: nil, count: block.linears.count)
    for stage in Stage.allCases {
      let factors = try scales[stage].map { try backend.vector($0) }
      for place in block.linears(of: stage) { columns[place] = factors }
    }
    self.columns = columns

    var rows = [Tensor?](repeating: nil, count: block.linears.count)
    func divide(_ source: (place: Int, rows: Range<Int>)?, by scales: [Float]?) throws {
      guard let source, let scales else { return }
      var factors = [Float](repeating: 1, count: block.linears[source.place].outputs)
      for (row, scale) in zip(source.rows, scales) { factors[row] = 1 / scale }
      rows[source.place] = try backend.vector(factors)
    }
    let sharing = HeadSharing(config)
    let valueScales = scales[.attentionOutput].map { all in
      var scales = [Float](repeating: 1, count: sharing.rows)
      for (index, scale) in all.enumerated() { scales[sharing.row(of: index)] = scale }
      return scales
    }
    try divide(Self.values(block, config), by: valueScales)
    try divide(Self.up(block), by: scales[.mlpOutput])
    self.rows = rows

    var norms = block
    norms.inputNorm = try Self.divided(block.inputNorm, by: scales[.attentionInput], backend)
    norms.postNorm = try Self.divided(block.postNorm, by: scales[.mlpInput], backend)
    self.norms = norms
  }

  /// Where the values come from: the linear and its rows.
  static func values(_ block: Block, _ config: ModelConfig) -> (place: Int, rows: Range<Int>)? {
    guard let last = block.linears(of: .attentionInput).last else { return nil }
    let end = block.linears[last].outputs
    return (last, end - config.kvHeads * config.headWidth..<end)
  }

  /// Where the up projection is: the second of two linears, or the second half of one.
  static func up(_ block: Block) -> (place: Int, rows: Range<Int>)? {
    let places = block.linears(of: .mlpInput)
    guard let last = places.last else { return nil }
    let end = block.linears[last].outputs
    return (last, (places.count == 1 ? end / 2 : 0)..<end)
  }

  /// The rows of a linear that clipping may touch: not those of queries and keys, whose products are too sensitive.
  func clippedRows(_ place: Int) -> Range<Int> {
    guard block.linears(of: .attentionInput).contains(place) else {
      return 0..<block.linears[place].outputs
    }
    guard let values = Self.values(block, config), values.place == place else { return 0..<0 }
    return values.rows
  }

  /// A linear with the scales folded into its weight, bias and adapter.
  ///
  /// - Parameter keepsType: Whether the weight keeps its type, else it is f32.
  func linear(_ place: Int, keepsType: Bool) throws -> Linear {
    var linear = block.linears[place]
    let (rows, columns) = (rows[place], columns[place])
    if case .dense(let weight) = linear.weight {
      if rows != nil || columns != nil || !keepsType {
        let scaled = try backend.scaled(weight, rows: rows, columns: columns)
        linear.weight = .dense(
          keepsType && weight.dtype != .f32
            ? try backend.convert(scaled, to: weight.dtype) : scaled)
      }
    }
    if let bias = linear.bias, let rows {
      let row = bias.reshaped([1, bias.count])
      linear.bias = try backend.scaled(row, rows: nil, columns: rows).reshaped([bias.count])
    }
    if var adapter = linear.adapter {
      if let columns {
        adapter.a = try backend.scaled(adapter.a, rows: nil, columns: columns)
      }
      if let rows { adapter.b = try backend.scaled(adapter.b, rows: rows, columns: nil) }
      // Scaled rows have other lengths, by which the product is divided, so what multiplies it has to follow.
      adapter.magnitude = try adapter.magnitude?.carried(
        from: (block.linears[place].weight, block.linears[place].adapter?.term ?? adapter.term),
        to: (linear.weight, adapter.term), on: backend)
      linear.adapter = adapter
    }
    return linear
  }

  private static func divided(_ norm: Tensor, by scales: [Float]?, _ backend: any Backend) throws
    -> Tensor
  {
    guard let scales else { return norm }
    return try backend.scaled(
      norm.reshaped([1, norm.count]), rows: nil,
      columns: try backend.vector(scales.map { 1 / $0 })
    ).reshaped([norm.count])
  }
}
