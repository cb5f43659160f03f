import Runtime
import Tensor

/// What a device can do at best: floors for everything else are computed from it.
struct Ceilings {
  /// Floating-point operations a second of a square product of bf16 factors (f32 where there are none).
  var product: Double
  /// Bytes a second of a copy, read and written.
  var copy: Double

  /// Measures: the median of several runs after a warm-up, on numbers that are not zero.
  init(of backend: any Backend) throws {
    let isGPU = backend.device.kind != .cpu
    let (side, bytes) = isGPU ? (8192, 4 << 30) : (1024, 64 << 20)
    let precision: Precision = backend.supports(.bf16) ? .bf16 : .f32
    let stream = RandomStream(seed: 42, purpose: "ceilings")
    let x = try backend.make([side, side], backend.activation)
    let weight = try backend.make([side, side], precision == .bf16 ? .bf16 : .f32)
    try backend.fill(x, from: stream, deviation: 1)
    try backend.fill(weight, from: stream, deviation: 1)
    let source = try backend.make([bytes / 4], .f32)
    let target = try backend.make([bytes / 4], .f32)
    try backend.fill(source, from: stream, deviation: 1)
    let clock = ContinuousClock()
    // As much work a run as makes the waiting for its end small.
    func seconds(_ times: Int, _ body: () throws -> Tensor) throws -> Double {
      var found: [Double] = []
      for run in 0..<6 {
        try Interrupt.check()
        let start = clock.now
        var last: Tensor?
        for _ in 0..<times { last = try body() }
        // Reading an element waits for all that was asked for.
        if let last { _ = try backend.read(Self.first(of: last)) }
        if run > 0 { found.append((clock.now - start) / .seconds(1) / Double(times)) }
      }
      return found.sorted()[found.count / 2]
    }
    let product = try seconds(isGPU ? 20 : 1) {
      try backend.linear(x, .dense(weight), bias: nil, adapter: nil, precision: precision).y
    }
    self.product = 2 * Double(side) * Double(side) * Double(side) / product
    let copy = try seconds(isGPU ? 8 : 1) {
      try backend.copy(source, into: target)
      return target
    }
    self.copy = 2 * Double(bytes) / copy
  }

  private static func first(of tensor: Tensor) -> Tensor {
    Tensor(
      tensor.storage, shape: [1, 1], dtype: tensor.dtype, offset: tensor.offset, rowStride: 1)
  }
}
