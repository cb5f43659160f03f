import Models
import Tensor

extension Block {
  /// This float block in the basis of `quantized`, which came of it: the same function, its weights comparable one by one.
  ///
  /// AWQ scales inputs of linears up and what feeds them down. How much is seen in the norms exactly. For the inputs that
  /// come from the values and the up projection it is found by least squares from their rows, which differ from this block's
  /// by the scale and by rounding; whatever is found there, the result computes what this block does. Other methods leave
  /// norms alone, and get the block as it is.
  ///
  /// - Throws: What the backend throws.
  public func inBasis(of quantized: Block, _ config: ModelConfig, on backend: any Backend) throws
    -> Block
  {
    let norms = try zip([inputNorm, postNorm], [quantized.inputNorm, quantized.postNorm]).map {
      own, other -> [Float]? in
      if own.id == other.id { return nil }
      let (own, other) = (try backend.read(own), try backend.read(other))
      if own == other { return nil }
      return zip(own, other).map { $1 == 0 ? 1 : $0 / $1 }
    }
    guard norms.contains(where: { $0 != nil }) else { return self }
    var scales = AWQScales()
    scales[.attentionInput] = norms[0]
    scales[.mlpInput] = norms[1]
    let half = try AWQFolding(self, scales, config, backend)
    func rowScales(_ source: (place: Int, rows: Range<Int>)?) throws -> [Float]? {
      guard let source, case .packed(let matrix) = quantized.linears[source.place].weight,
        case .dense(let weight) = try half.linear(source.place, keepsType: false).weight
      else { return nil }
      let rounded = try backend.read(backend.dequantize(matrix).rows(source.rows))
      let float = try backend.read(weight.rows(source.rows))
      let width = weight.columns
      return (0..<source.rows.count).map { row in
        var (product, square) = (0.0, 0.0)
        for place in row * width..<(row + 1) * width {
          product += Double(rounded[place]) * Double(float[place])
          square += Double(float[place]) * Double(float[place])
        }
        // A row that rounding wiped out says nothing.
        return product > 0 && square > 0 ? Float(square / product) : 1
      }
    }
    let sharing = HeadSharing(config)
    let values = try rowScales(AWQFolding.values(self, config))
    scales[.attentionOutput] = values.map { values in
      (0..<config.heads * config.headWidth).map { values[sharing.row(of: $0)] }
    }
    scales[.mlpOutput] = try rowScales(AWQFolding.up(self))
    let folding = try AWQFolding(self, scales, config, backend)
    var result = folding.norms
    for place in linears.indices {
      result.linears[place] = try folding.linear(place, keepsType: false)
    }
    return result
  }
}
