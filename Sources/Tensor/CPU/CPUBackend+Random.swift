import Runtime

extension CPUBackend {
  public func fill(_ target: Tensor, from stream: RandomStream, deviation: Float) throws {
    try require(
      target.isContiguous && target.dtype.isFloat, "fill",
      expected: "contiguous floating-point numbers", found: target.summary)
    let to = try target.bytes("fill")
    let numbers = RandomNumbers(stream, deviation: deviation)
    let (size, part, count) = (target.dtype.size, 1 << 16, target.count)
    parallel((count + part - 1) / part) { task, _ in
      // What is left undone nobody sees: the interrupt is thrown below.
      if Interrupt.isPending { return }
      let length = min(part, count - task * part)
      numbers.fill(
        UnsafeMutableRawBufferPointer(start: to + task * part * size, count: length * size),
        target.dtype, from: task * part)
    }
    try Interrupt.check()
  }
}
