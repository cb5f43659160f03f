import CPUKernels
import Glibc

extension CPUBackend {
  /// Elements that a task of an optimizer takes at a time.
  private static let part = 16_384

  public func sumOfSquares(_ tensors: [Tensor]) throws -> Double {
    var total = 0.0
    for tensor in tensors {
      let source = try tensor.floats("sumOfSquares")
      let (rows, width) = tensor.isContiguous ? (1, tensor.count) : (tensor.rows, tensor.columns)
      let parts = (width + Self.part - 1) / Self.part
      guard parts > 0, rows > 0 else { continue }
      // One partial sum per part, added in order: the same on any number of threads.
      let partial = try make([rows * parts, 2], .f32)
      let sums = try partial.bytes("sumOfSquares").assumingMemoryBound(to: Double.self)
      let kernels = kernels
      parallelRows(rows * parts, width: min(width, Self.part)) { range, _ in
        for index in range {
          let (row, start) = (index / parts, index % parts * Self.part)
          sums[index] = kernels.sumOfSquares(
            source + row * tensor.rowStride + start, min(Self.part, width - start))
        }
      }
      for index in 0..<rows * parts { total += sums[index] }
    }
    return total
  }

  public func adamW(
    _ parameters: [AdamWParameter], settings: AdamWSettings, step: Int, gradientScale: Float
  ) throws {
    let name = "adamW"
    struct Part {
      var value, gradient, first, second: UnsafeMutablePointer<Float>
      var count: Int
    }
    var parts: [Part] = []
    for parameter in parameters {
      let tensors = [
        parameter.value, parameter.gradient, parameter.first, parameter.second,
      ]
      let count = parameter.value.count
      for tensor in tensors {
        try require(
          tensor.shape == parameter.value.shape && tensor.isContiguous, name,
          expected: "contiguous tensors of one shape", found: tensor.summary)
      }
      let pointers = try tensors.map { try $0.floats(name) }
      for start in stride(from: 0, to: count, by: Self.part) {
        parts.append(
          Part(
            value: pointers[0] + start, gradient: pointers[1] + start, first: pointers[2] + start,
            second: pointers[3] + start, count: min(Self.part, count - start)))
      }
    }
    let t = Double(max(step, 1))
    let factors = AdamWFactors(
      beta1: settings.beta1, beta2: settings.beta2, epsilon: settings.epsilon,
      gradientScale: gradientScale,
      rate: Float(Double(settings.rate) / (1 - pow(Double(settings.beta1), t))),
      secondScale: Float(1 / (1 - pow(Double(settings.beta2), t)).squareRoot()),
      keep: 1 - settings.rate * settings.decay)
    let kernels = kernels
    parallelRows(parts.count, width: Self.part) { range, _ in
      for index in range {
        let part = parts[index]
        kernels.adamW(
          part.value, part.gradient, part.first, part.second, factors, part.count)
      }
    }
  }
}
