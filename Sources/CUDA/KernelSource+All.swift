extension KernelSource {
  /// Every kernel in variants as models use them, for tests that compile them all.
  static var all: [KernelSource] {
    var sources: [KernelSource] = [
      .add, .clippingLimits, .convert, .crossEntropy, .dequantize, .embedding, .gptq,
      .gptqByColumns,
      .inverseFactor, .largest, .lora, .measure, .optimizer, .random, .rmsNorm,
      .round,
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
    for (bits, unit, warps) in [
      (16, 64, 8), (4, 128, 4), (4, 32, 12), (3, 128, 4), (2, 64, 4), (8, 128, 8),
    ] {
      sources.append(
        DecodeForm.source(
          ["BITS": bits, "UNIT": unit, "SPAN": 1, "WARPS": warps, "HALF_SCALES": 1]))
    }
    for rank in [16, 64, 128] {
      for runs in [2, 4] + (rank > 64 ? [] : [8]) {
        sources += [true, false].map { LowRankForm.source(rank: rank, runs: runs, isMasked: $0) }
      }
    }
    sources += [
      WideLinear.source(isGated: true), WideLinear.source(isGated: true, isKept: true),
      WideLinear.source(isAdded: true),
      WideLinear.source(loses: true),
    ]
    sources.append(.lowRankBackward)
    sources += [(false, false), (true, false), (true, true)].map {
      WideLinear.source(isTurned: $0, isMasked: $1)
    }
    for (width, heads) in [(96, 1), (128, 4), (64, 2)] {
      sources.append(CUDABackend.cachedAttention(width: width, heads: heads))
    }
    for (bits, halves) in [(4, 1), (4, 0), (16, 0)] {
      let limit = bits == 16 ? 4 : 2
      // As many slots as fit.
      let slots = bits == 4 && halves == 0 ? 36 : 48
      sources.append(
        TokenForm.source([bits, halves, limit, 3072, 8192, 3072, 3072, 96, 1, 1, 4, slots]))
      sources.append(
        TokenForm.source([bits, halves, limit, 4096, 14336, 4096, 1024, 128, 1, 4, 7, 36]))
    }
    return sources
  }

  /// Whether it uses instructions that only cards of compute capability 9.0 have.
  var isForCapability90: Bool { name.hasSuffix("_wide") || name == "decode_blocks" }
}
