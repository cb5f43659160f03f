import Tensor

extension Model {
  /// Whether the head is the embedding's own memory.
  public var isHeadTied: Bool {
    if case .dense(let tensor) = head { return tensor.id == embedding.id }
    return false
  }

  public var hasAdapter: Bool { blocks.contains { $0.linears.contains { $0.adapter != nil } } }

  public var isQuantized: Bool {
    blocks.contains {
      $0.linears.contains {
        if case .packed = $0.weight { true } else { false }
      }
    }
  }

  /// Parameters of the base model, adapters not counted.
  public var parameterCount: Int {
    var count = embedding.count + norm.count
    if !isHeadTied { count += head.rows * head.columns }
    for block in blocks {
      count += block.inputNorm.count + block.postNorm.count
      for linear in block.linears {
        count += linear.weight.rows * linear.weight.columns + (linear.bias?.count ?? 0)
      }
    }
    return count
  }

  /// Parameters of the adapters.
  public var adapterParameterCount: Int {
    allLinears.reduce(0) { $0 + ($1.adapter?.parameterCount ?? 0) }
  }

  /// Bytes of all tensors, adapters included: what the model ships, file headers aside.
  public var byteCount: Int {
    var count = embedding.byteCount + norm.byteCount
    if !isHeadTied { count += head.byteCount }
    for block in blocks {
      count += block.inputNorm.byteCount + block.postNorm.byteCount
      for linear in block.linears {
        count += linear.weight.byteCount + (linear.bias?.byteCount ?? 0)
        count += linear.adapter?.byteCount ?? 0
      }
    }
    return count
  }

  /// Bits that a weight of the blocks' linears takes on average, scales and zero points included.
  public var bitsPerWeight: Double {
    var bytes = 0
    var weights = 0
    for linear in allLinears {
      bytes += linear.weight.byteCount
      weights += linear.weight.rows * linear.weight.columns
    }
    return weights == 0 ? 0 : Double(bytes) * 8 / Double(weights)
  }
}
