import Tensor

extension Model {
  /// The same model with every tensor passed through `place`, on another device.
  public func placed(on backend: any Backend, _ place: (Tensor) throws -> Tensor) rethrows -> Model
  {
    func placed(_ weight: Weight) throws -> Weight {
      switch weight {
      case .dense(let tensor): .dense(try place(tensor))
      case .packed(let matrix):
        .packed(
          PackedMatrix(
            rows: matrix.rows, columns: matrix.columns, grid: matrix.grid,
            codes: try place(matrix.codes), scales: try place(matrix.scales),
            zeros: try matrix.zeros.map(place), groupIndex: try matrix.groupIndex.map(place)))
      }
    }
    return Model(
      architecture: architecture, config: config, embedding: try place(embedding),
      blocks: try blocks.map { block in
        var block = block
        block.inputNorm = try place(block.inputNorm)
        block.postNorm = try place(block.postNorm)
        block.linears = try block.linears.map { linear in
          var linear = linear
          linear.weight = try placed(linear.weight)
          linear.bias = try linear.bias.map(place)
          if let adapter = linear.adapter {
            linear.adapter?.a = try place(adapter.a)
            linear.adapter?.b = try place(adapter.b)
            // Last: what is known of the weights' rows is forgotten where a factor changes.
            linear.adapter?.magnitude = try adapter.magnitude.map {
              Magnitude(try place($0.values), norms: try $0.norms.map(place))
            }
          }
          return linear
        }
        return block
      }, norm: try place(norm), head: try placed(head), tokenizer: tokenizer, lineage: lineage,
      backend: backend, precision: precision, source: source, endTokens: endTokens,
      checkpoint: checkpoint)
  }
}
