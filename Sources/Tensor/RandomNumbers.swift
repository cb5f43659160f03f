/// Numbers for weights that are to be drawn fast rather than well: the sum of the four bytes of one random word, shifted and
/// scaled to mean 0 and the wanted deviation. Close to a normal distribution, with so few values that a table holds them
/// all; the same on every device.
public struct RandomNumbers: Sendable {
  public let stream: RandomStream
  /// Of one step of the sum: number i is (the sum − 510) · factor, in f32, as the target's type.
  public let factor: Float

  public init(_ stream: RandomStream, deviation: Float) {
    self.stream = stream
    // Each byte has the variance (256² − 1) / 12.
    factor = deviation / Float((4 * 65535.0 / 12).squareRoot())
  }

  /// Fills `bytes`, of f32, f16 or bf16 elements, with the numbers from `first` on.
  public func fill(_ bytes: UnsafeMutableRawBufferPointer, _ dtype: DType, from first: Int) {
    switch dtype {
    case .f32: fill(bytes.bindMemory(to: UInt32.self), first) { $0.bitPattern }
    case .f16: fill(bytes.bindMemory(to: UInt16.self), first) { Float16($0).bitPattern }
    default:
      fill(bytes.bindMemory(to: UInt16.self), first) {
        let bits = $0.bitPattern
        return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
      }
    }
  }

  private func fill<Bits>(
    _ target: UnsafeMutableBufferPointer<Bits>, _ first: Int, encode: (Float) -> Bits
  ) {
    let table = (0...1020).map { encode((Float($0) - 510) * factor) }
    let count = target.count
    table.withUnsafeBufferPointer { table in
      var place = 0
      while place < count {
        let words = stream.block(UInt64((first + place) / 4))
        var lane = (first + place) % 4
        while lane < 4, place < count {
          let word = words[lane]
          let sum = (word & 0xFF) + (word >> 8 & 0xFF) + (word >> 16 & 0xFF) + (word >> 24)
          target[place] = table[Int(sum)]
          lane += 1
          place += 1
        }
      }
    }
  }
}
