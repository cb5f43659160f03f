import Tensor

extension Linear {
  /// The linear with what every pass would make of its parts: the weight in the products' type, merged where its adapter is
  /// trained to be, and the adapter as products take it.
  func prepared(as type: DType, _ precision: Precision, on backend: any Backend) throws -> Linear {
    // Rows are stretched by the lengths of the weight as it is stored.
    if adapter?.magnitude != nil { return try settled(on: backend) }
    var linear = self
    if let adapter {
      if adapter.isMergeAware, case .packed(let matrix) = weight {
        linear.weight = .packed(
          try backend.requantize(matrix, adding: adapter.term.delta(on: backend)))
        linear.adapter = nil
      } else {
        linear.adapter?.ready = .factors(
          try backend.prepared(adapter.term, precision: precision).forms)
      }
    }
    linear.weight = try linear.weight.prepared(as: type, bothWays: false, on: backend)
    return linear
  }

  /// The linear with what every pass of training would make of its parts; but the weight as it is where the adapter is
  /// merged into it on every step.
  func preparedForTraining(as type: DType, _ precision: Precision, on backend: any Backend) throws
    -> Linear
  {
    if mergesEveryStep { return self }
    var linear = self
    linear.weight = try weight.prepared(as: type, bothWays: true, on: backend)
    // All steps mask at one rate, and nothing but that matters here.
    if let term = term(DropoutContext(seed: 0, step: 0)) {
      linear.adapter?.ready = .factors(try backend.prepared(term, precision: precision).forms)
    }
    return linear
  }

  /// The linear, prepared for training, for the values that its adapter has now.
  func preparedForStep(as type: DType, on backend: any Backend) throws -> Linear {
    guard let adapter else { return self }
    if mergesEveryStep, case .packed(let matrix) = weight {
      let sum = Weight.packed(
        try backend.requantize(matrix, adding: adapter.term.delta(on: backend)))
      var linear = self
      linear.adapter?.ready = .merged(try sum.prepared(as: type, bothWays: true, on: backend))
      return linear
    }
    if case .factors(let forms) = adapter.ready { try forms?.renew() }
    return self
  }

  private var mergesEveryStep: Bool {
    guard let adapter, adapter.isMergeAware, case .packed = weight else { return false }
    return true
  }
}

extension Weight {
  /// The weight in the products' type, laid out for them.
  fileprivate func prepared(as type: DType, bothWays: Bool, on backend: any Backend) throws
    -> Weight
  {
    var dense: Tensor
    switch self {
    case .dense(let tensor): dense = tensor
    case .packed(let matrix): dense = try backend.dequantize(matrix)
    }
    if dense.dtype != type { dense = try backend.convert(dense, to: type) }
    return .dense(backend.packed(dense, bothWays: bothWays))
  }
}
