import CPUKernels

/// An adapter as the products of a linear layer take it.
struct AdapterFactors: @unchecked Sendable {
  /// A `[rank, in]`.
  var a: Factor
  /// scale / (1−p) · B `[out, rank]`: the masked input then needs no scaling.
  var b: Factor
  var rank: Int
  var mask: DropoutMask?
  /// Where the layer's input begins among the rows that share the mask.
  var firstRow = 0
  /// What stands in front of B: scale / (1−p).
  var scale: Float
  /// What keeps the factors' memory.
  private var owners: [Tensor]

  /// - Parameter forward: For the products of the forward, whose factors are the transposes: f32 products are fastest
  ///   where these lie row by row, while bf16 ones are laid out anew in any case.
  init(
    _ term: AdapterTerm, inputs: Int, outputs: Int, _ type: DType, forward: Bool,
    _ backend: CPUBackend
  ) throws {
    let name = "adapter"
    let scale = term.scale * term.survivorScale
    if let forms = term.forms as? CPUAdapterForms, forms.type == type, forms.scale == scale {
      self = forward ? forms.forward : forms.backward
      (mask, firstRow) = (term.survivors, term.firstRow)
      return
    }
    rank = term.rank
    firstRow = term.firstRow
    mask = term.survivors
    self.scale = scale
    try require(term.a, name, "A", rows: rank, columns: inputs)
    try require(term.b, name, "B", rows: outputs, columns: rank)
    if forward, type == .f32 {
      let (turnedA, turnedB) = (
        try backend.transposed(term.a, factor: 1), try backend.transposed(term.b, factor: scale)
      )
      a = Factor(try turnedA.bytes(name), type, stride: turnedA.rowStride, transposed: true)
      b = Factor(try turnedB.bytes(name), type, stride: turnedB.rowStride, transposed: true)
      owners = [turnedA, turnedB]
      return
    }
    let first = try backend.factor(term.a, type, name)
    a = first.factor
    if term.b.dtype == type, scale == 1 {
      b = Factor(try term.b.bytes(name), type, stride: term.b.rowStride)
      owners = [first.tensor, term.b]
      return
    }
    let scaled = try backend.make([outputs, rank], type)
    let target = try scaled.bytes(name)
    let source = try term.b.floats(name)
    let (kernels, rank, stride) = (backend.kernels, rank, term.b.rowStride)
    backend.parallelRows(outputs, width: rank) { rows, _ in
      for row in rows {
        let (from, to) = (source + row * stride, target + row * rank * type.size)
        if type == .bf16 {
          kernels.narrowToBF16(from, scale, to.assumingMemoryBound(to: UInt16.self), rank)
        } else {
          kernels.scale(from, scale, to.assumingMemoryBound(to: Float.self), rank)
        }
      }
    }
    b = Factor(target, type, stride: rank)
    owners = [first.tensor, scaled]
  }

  /// Columns of what a linear layer keeps for its backward: the reduced input, and the masked one where that is not the
  /// input itself.
  func keptColumns(inputs: Int, _ type: DType) -> Int {
    type == .f32 && mask == nil ? rank : inputs + rank
  }

  /// Where the reduced input begins: all rows of the masked one lie in front of it, so that both are contiguous.
  func keptOffset(rows: Int, inputs: Int, _ type: DType) -> Int {
    type == .f32 && mask == nil ? 0 : rows * inputs * type.size
  }
}

extension AdapterTerm {
  /// The mask as kernels take it, where there is dropout.
  var survivors: DropoutMask? {
    guard let mask, dropout > 0 else { return nil }
    return DropoutMask(key: mask.key, threshold: dropoutThreshold)
  }
}

extension Kernels {
  /// `count` inputs, f32 or of the factors' type, as factors of an adapter's product: masked, in the factors' type.
  static func drop(
    _ source: UnsafeRawPointer, _ own: DType, _ mask: DropoutMask?, _ index: UInt32,
    _ target: UnsafeMutableRawPointer, _ type: DType, _ count: Int
  ) {
    guard own == .f32 else {
      let (from, to) = (
        source.assumingMemoryBound(to: UInt16.self), target.assumingMemoryBound(to: UInt16.self)
      )
      if let mask {
        dropBF16(from, mask, index, to, count)
      } else {
        to.update(from: from, count: count)
      }
      return
    }
    let x = source.assumingMemoryBound(to: Float.self)
    let halves = target.assumingMemoryBound(to: UInt16.self)
    switch (mask, type) {
    case (nil, .bf16): narrowToBF16(x, 1, halves, count)
    case (let mask?, .bf16): dropToBF16(x, mask, index, halves, count)
    case (nil, _): target.copyMemory(from: x, byteCount: 4 * count)
    case (let mask?, _):
      drop(x, mask, index, target.assumingMemoryBound(to: Float.self), count)
    }
  }
}
