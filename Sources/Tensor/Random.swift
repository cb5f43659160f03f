/// Counter-based randomness: number `i` of a stream is a function of the stream's key and `i` alone, so that any
/// element can be recomputed anywhere, in any order, on any device.
///
/// *Paper:* Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011): Philox 4×32-10.
public struct RandomStream: Sendable, Hashable {
  public let key: UInt64

  /// A stream for one purpose (`"lora.A model.layers.0.mlp.down_proj"`, `"batch order"`) and index (step, sample)
  /// under a seed.
  public init(seed: UInt64, purpose: String, index: UInt64 = 0) {
    // FNV-1a over the purpose, then the finalizer of SplitMix64 over the parts.
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in purpose.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    self.key = RandomStream.mix(RandomStream.mix(seed ^ hash) &+ index)
  }

  public init(key: UInt64) { self.key = key }

  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value &+ 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Four 32-bit words of block `counter`.
  public func block(_ counter: UInt64) -> SIMD4<UInt32> {
    var c = SIMD4<UInt32>(UInt32(truncatingIfNeeded: counter), UInt32(counter >> 32), 0, 0)
    var k0 = UInt32(truncatingIfNeeded: key)
    var k1 = UInt32(key >> 32)
    for _ in 0..<10 {
      let p0 = UInt64(c.x) &* 0xD251_1F53
      let p1 = UInt64(c.z) &* 0xCD9E_8D57
      c = SIMD4(
        UInt32(p1 >> 32) ^ c.y ^ k0, UInt32(truncatingIfNeeded: p1),
        UInt32(p0 >> 32) ^ c.w ^ k1, UInt32(truncatingIfNeeded: p0))
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return c
  }

  /// Word `index` of the stream.
  public subscript(index: Int) -> UInt32 { block(UInt64(index / 4))[index % 4] }

  /// Number `index` of the stream, uniform in [0, 1) with 24 bits.
  public func uniform(_ index: Int) -> Float { Float(self[index] >> 8) * 0x1p-24 }

  /// A permutation of `0..<count` (Fisher–Yates).
  public func permutation(_ count: Int) -> [Int] {
    var order = Array(0..<count)
    for place in stride(from: count - 1, to: 0, by: -1) {
      // 64 random bits against counts far below 2^32: the bias of the modulus is below 2^-32.
      let words = block(UInt64(place))
      let bits = UInt64(words.x) << 32 | UInt64(words.y)
      order.swapAt(place, Int(bits % UInt64(place + 1)))
    }
    return order
  }
}
