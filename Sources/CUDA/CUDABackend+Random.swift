import Tensor

extension KernelSource {
  static let random = KernelSource("random", PackageResources.random_cu)
}

extension CUDABackend {
  public func fill(_ target: Tensor, from stream: RandomStream, deviation: Float) throws {
    try require(
      target.isContiguous && target.dtype.isFloat, "fill",
      expected: "contiguous floating-point numbers", found: target.summary)
    try check(target, "fill", "the target")
    copies.forget(target)
    try launch(
      .random, "fill_random", grid: Extent((target.count + 1023) / 1024), block: 256, target,
      target.dtype.code, target.count, stream.key,
      RandomNumbers(stream, deviation: deviation).factor
    )
  }
}
