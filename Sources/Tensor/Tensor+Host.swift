extension Tensor {
  /// A host tensor of f32 with these elements, row by row. `shape` has as many.
  public init(_ values: [Float], shape: [Int]) {
    precondition(shape.reduce(1, *) == values.count, "as many elements as the shape holds")
    let storage = HostStorage(byteCount: values.count * 4)
    values.withUnsafeBytes { source in
      if let from = source.baseAddress, let to = storage.host {
        to.copyMemory(from: from, byteCount: source.count)
      }
    }
    self.init(storage, shape: shape, dtype: .f32)
  }
}
