import CPUKernels
import Testing

@testable import Tensor

/// Dot products of packed rows with activations as whole numbers.
@Suite struct PackedDotTests {
  /// A packed row, and what it stands for in double precision.
  private struct Row {
    let bits, group, columns: Int
    let codes: [UInt8]
    let scales: [Float]
    let halves: [UInt16]
    let zeros: [UInt8]?

    init(bits: Int, group: Int, columns: Int, symmetric: Bool, seed: UInt64) {
      (self.bits, self.group, self.columns) = (bits, group, columns)
      let stream = RandomStream(seed: seed, purpose: "packed dot")
      codes = (0..<columns * bits / 8).map { UInt8(stream.uniform($0) * 256) }
      let numbers = (0..<columns / group).map { Float16(0.01 + stream.uniform(10_000 + $0)) }
      halves = numbers.map(\.bitPattern)
      scales = numbers.map { Float($0) }
      let largest = Float((1 << bits) - 1)
      zeros =
        symmetric
        ? nil
        : (0..<columns / group).map { UInt8((stream.uniform(20_000 + $0) * largest).rounded()) }
    }

    var midpoint: Int { 1 << (bits - 1) }
    func code(_ j: Int) -> Double {
      Double(codes[j * bits / 8] >> (j * bits % 8) & UInt8((1 << bits) - 1))
    }
    func zero(_ j: Int) -> Double { Double(zeros?[j / group] ?? UInt8(midpoint)) }

    func dot(_ x: [Float], halfScales: Bool, _ kernels: any Kernels.Type) -> Float {
      codes.withUnsafeBufferPointer { codes in
        scales.withUnsafeBytes { scales in
          halves.withUnsafeBytes { halves in
            (zeros ?? []).withUnsafeBufferPointer { zeros in
              let row = PackedRow(
                codes: codes.baseAddress!, bits: bits, columns: columns, group: group,
                scales: (halfScales ? halves : scales).baseAddress!, halfScales: halfScales,
                zeros: self.zeros == nil ? nil : zeros.baseAddress, midpoint: midpoint,
                groupIndex: nil)
              var digits = [Int16](repeating: -1, count: 2 * columns)
              var steps = [Float](repeating: -1, count: columns / group)
              var sums = steps
              return digits.withUnsafeMutableBufferPointer { digits in
                steps.withUnsafeMutableBufferPointer { steps in
                  sums.withUnsafeMutableBufferPointer { sums in
                    let input = PackedInput(
                      digits: digits.baseAddress!, steps: steps.baseAddress!,
                      sums: sums.baseAddress!)
                    kernels.arrange(x, row, input)
                    return kernels.dot(row, input)
                  }
                }
              }
            }
          }
        }
      }
    }
  }

  /// Magnitudes from 10⁻⁶ to 10⁶ in the groups of a row, one of nothing but zeros, and within a group from 1 to 10⁻⁴.
  private func activations(_ columns: Int, group: Int) -> [Float] {
    let stream = RandomStream(seed: 5, purpose: "activations")
    return (0..<columns).map { j in
      let size: [Float] = [1, 1e-6, 1e6, 0, 3e-3]
      let fade: Float = j % 7 == 3 ? 1e-4 : 1
      return (stream.uniform(j) - 0.5) * size[j / group % 5] * fade
    }
  }

  @Test(arguments: [
    (2, 32), (2, 64), (2, 128), (2, 512), (4, 16), (4, 32), (4, 64), (4, 128), (4, 2560), (8, 16),
    (8, 32), (8, 128), (8, 2560),
  ])
  func sumsAreThoseOfTheWeights(bits: Int, group: Int) {
    let columns = 2560
    #expect(PackedInput.serves(bits: bits, columns: columns, group: group, isOrdered: true))
    let x = activations(columns, group: group)
    for symmetric in [true, false] {
      let row = Row(bits: bits, group: group, columns: columns, symmetric: symmetric, seed: 3)
      var (exact, size) = (0.0, 0.0)
      for j in 0..<columns {
        let scaled = Double(row.scales[j / group]) * Double(x[j])
        exact += (row.code(j) - row.zero(j)) * scaled
        size += (row.code(j) + row.zero(j)) * abs(scaled)
      }
      for (level, kernels) in KernelTests.levels {
        for halfScales in [true, false] {
          let found = row.dot(x, halfScales: halfScales, kernels)
          #expect(abs(Double(found) - exact) <= 3e-7 * size, "level \(level)")
        }
      }
    }
  }

  /// One number in a group is as exact as f32 has it, wherever it stands.
  @Test(arguments: [2, 4, 8]) func placesOfCodes(bits: Int) {
    let columns = 512
    let row = Row(bits: bits, group: 128, columns: columns, symmetric: false, seed: 9)
    for (_, kernels) in KernelTests.levels {
      for j in 0..<columns {
        var x = [Float](repeating: 0, count: columns)
        x[j] = 1.234567
        let exact =
          (row.code(j) - row.zero(j)) * Double(row.scales[j / 128]) * Double(x[j])
        let size = (row.code(j) + row.zero(j)) * Double(row.scales[j / 128]) * Double(x[j])
        #expect(abs(Double(row.dot(x, halfScales: true, kernels)) - exact) <= 3e-7 * size)
      }
    }
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity]) func whatIsNoNumberShows(value: Float) {
    let row = Row(bits: 4, group: 64, columns: 256, symmetric: true, seed: 1)
    for (_, kernels) in KernelTests.levels {
      var x = activations(256, group: 64)
      x[77] = value
      #expect(!row.dot(x, halfScales: true, kernels).isFinite)
    }
  }

  @Test func whatItServes() {
    func serves(_ bits: Int, _ columns: Int, _ group: Int, isOrdered: Bool = true) -> Bool {
      PackedInput.serves(bits: bits, columns: columns, group: group, isOrdered: isOrdered)
    }
    #expect(!serves(3, 1024, 128))
    #expect(!serves(4, 1024, 128, isOrdered: false))
    #expect(!serves(2, 1024, 16))
    #expect(!serves(4, 96, 96))
    #expect(!serves(4, 1000, 128))
    // Sums of 8-bit codes over so many columns do not fit in 32 bits.
    #expect(!serves(8, 16384, 16384))
    #expect(serves(4, 16384, 16384))
  }
}
