import Glibc
import Tensor

extension KernelSource {
  static let optimizer = KernelSource("optimizer", PackageResources.optimizer_cu)
}

/// `Entry` of optimizer.cu.
private struct OptimizerEntry: BitwiseCopyable {
  var value: UInt64
  var gradient: UInt64 = 0
  var first: UInt64 = 0
  var second: UInt64 = 0
  var count: Int64
  var block: Int64
}

/// Tensors that one launch goes over, 4096 elements a block.
private struct OptimizerTable {
  private(set) var entries: [OptimizerEntry] = []
  private(set) var blocks = 0

  mutating func add(_ entry: OptimizerEntry) {
    guard entry.count > 0 else { return }
    var entry = entry
    entry.block = Int64(blocks)
    entries.append(entry)
    blocks += Int(entry.count + 4095) / 4096
  }

  func upload(_ backend: CUDABackend, _ operation: String) throws -> Tensor {
    let tensor = try backend.make([entries.count * MemoryLayout<OptimizerEntry>.stride], .u8)
    try backend.driver.enter(operation)
    try entries.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      try backend.upload(base, bytes.count, to: tensor.address, operation)
    }
    return tensor
  }
}

extension CUDABackend {
  public func sumOfSquares(_ tensors: [Tensor]) throws -> Double {
    let name = "sumOfSquares"
    var table = OptimizerTable()
    // Views are made whole first; the copies live until the sum is read.
    let whole = try tensors.map { tensor in
      try check(tensor, name, "the tensors")
      try check(tensor, name, "the tensors", .f32)
      return tensor.isContiguous ? tensor : try convert(tensor, to: .f32)
    }
    for tensor in whole {
      table.add(OptimizerEntry(value: tensor.address, count: Int64(tensor.count), block: 0))
    }
    guard table.blocks > 0 else { return 0 }
    let entries = try table.upload(self, name)
    let sums = try make([table.blocks + 1, 2], .f32)
    try launch(
      .optimizer, "sum_of_squares", grid: Extent(table.blocks), block: 256, entries,
      Int32(table.entries.count), sums)
    let total = sums.rows(table.blocks..<table.blocks + 1)
    try launch(
      .optimizer, "add_up", grid: 1, block: 1024, sums, table.blocks, total)
    return try withExtendedLifetime(whole) { try download(total, as: Double.self, name)[0] }
  }

  public func adamW(
    _ parameters: [AdamWParameter], settings: AdamWSettings, step: Int, gradientScale: Float
  ) throws {
    let name = "adamW"
    copies.forgetAll()
    var table = OptimizerTable()
    for parameter in parameters {
      let tensors = [parameter.value, parameter.gradient, parameter.first, parameter.second]
      for tensor in tensors {
        try require(
          tensor.shape == parameter.value.shape && tensor.isContiguous, name,
          expected: "contiguous tensors of one shape", found: tensor.summary)
        try check(tensor, name, "the tensors")
        try check(tensor, name, "the tensors", .f32)
      }
      table.add(
        OptimizerEntry(
          value: tensors[0].address, gradient: tensors[1].address, first: tensors[2].address,
          second: tensors[3].address, count: Int64(parameter.value.count), block: 0))
    }
    guard table.blocks > 0 else { return }
    let entries = try table.upload(self, name)
    let t = Double(max(step, 1))
    let rate = Float(Double(settings.rate) / (1 - pow(Double(settings.beta1), t)))
    let secondScale = Float(1 / (1 - pow(Double(settings.beta2), t)).squareRoot())
    try launch(
      .optimizer, "adamw", grid: Extent(table.blocks), block: 256, entries,
      Int32(table.entries.count), gradientScale, settings.beta1, settings.beta2, settings.epsilon,
      rate, secondScale, 1 - settings.rate * settings.decay)
  }
}
