extension KernelSource {
  /// Every kernel in variants as models use them, for tests that compile them all.
  static var all: [KernelSource] {
    var sources: [KernelSource] = [
      .add, .clippingLimits, .convert, .crossEntropy, .dequantize, .embedding, .gptq,
      .gptqByColumns,
      .inverseFactor, .largest, .lora, .measure, .optimizer, .random, .rmsNorm, .round,
      .roundingDifference,
      .swiGLU,
    ]
    for (width, isAligned, capability) in [
      (96, true, 90), (128, true, 90), (64, true, 90), (96, true, 80), (48, true, 80),
      (20, false, 80),
    ] {
      let kernels = AttentionKernels.of(
        width: width, isAligned: isAligned, capability: capability)
      sources += [
        kernels.rotate, kernels.forward, kernels.delta, kernels.backwardKeys,
        kernels.backwardQueries,
      ]
    }
    for (bits, unit) in [(16, 128), (4, 128), (4, 32), (3, 128), (2, 64), (8, 128)] {
      sources.append(DecodeForm.source(bits, unit, hasHalfScales: true))
    }
    for (width, heads) in [(96, 1), (128, 4), (64, 2)] {
      sources.append(CUDABackend.cachedAttention(width: width, heads: heads))
    }
    return sources
  }

  /// Whether it uses instructions that only cards of compute capability 9.0 have.
  var isForCapability90: Bool { name.hasSuffix("_wide") }
}
