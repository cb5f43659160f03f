import Checkpoints
import Tensor

extension Model {
  /// Puts a PEFT adapter beside the weights it names.
  ///
  /// - Throws: `WrongTensor` where the model has no such linear or the shapes do not fit it.
  public mutating func attach(_ peft: PEFT, path: String) throws {
    for layer in peft.layers {
      guard var linear = linear(named: layer.module) else {
        throw WrongTensor(
          name: layer.module, expected: "a linear layer of the model (\(family))",
          found: "none of that name", path: path)
      }
      guard layer.a.columns == linear.inputs, layer.b.rows == linear.outputs else {
        throw WrongTensor(
          name: layer.module,
          expected: "lora_A [r, \(linear.inputs)] and lora_B [\(linear.outputs), r]",
          found: "\(layer.a.shape) and \(layer.b.shape)", path: path)
      }
      linear.adapter = Adapter(
        a: try backend.place(layer.a), b: try backend.place(layer.b), rank: layer.rank,
        alpha: Float(layer.alpha), scale: Float(layer.scale), dropout: Float(peft.dropout),
        isMergeAware: peft.isMergeAware)
      if let magnitude = layer.magnitude {
        guard magnitude.count == linear.outputs else {
          throw WrongTensor(
            name: layer.module, expected: "lora_magnitude_vector [\(linear.outputs)]",
            found: "\(magnitude.shape)", path: path)
        }
        linear.adapter?.magnitude = Magnitude(try backend.place(magnitude))
      }
      replace(try linear.settled(on: backend))
    }
  }

  /// The adapter of the model as PEFT knows it; nil without one.
  public func peft(base: String?) -> PEFT? {
    let adapted = allLinears.filter { $0.adapter != nil }
    guard !adapted.isEmpty else { return nil }
    let layers = adapted.compactMap { linear in
      linear.adapter.map {
        PEFT.Layer(
          module: linear.name, a: $0.a, b: $0.b, alpha: Double($0.alpha), scale: Double($0.scale),
          magnitude: $0.magnitude?.values)
      }
    }
    // The last part of the names selects the same linears where every linear of that kind has an adapter.
    let kinds = Set(adapted.map { lastPart($0.name) })
    let isWhole = allLinears.allSatisfy { !kinds.contains(lastPart($0.name)) || $0.adapter != nil }
    let dropout = adapted.compactMap { $0.adapter?.dropout }.max() ?? 0
    return PEFT(
      layers: layers, dropout: decimal(dropout), base: base,
      targets: isWhole ? kinds.sorted() : nil,
      isMergeAware: adapted.contains { $0.adapter?.isMergeAware == true })
  }

  private func lastPart(_ name: String) -> String {
    name.split(separator: ".").last.map(String.init) ?? name
  }

  /// The double that prints like the float: 0.05 rather than 0.05000000074505806.
  private func decimal(_ value: Float) -> Double { Double("\(value)") ?? Double(value) }
}
