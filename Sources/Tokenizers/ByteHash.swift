/// A hash of bytes for the vocabulary and the word cache: eight bytes a step, a multiplication and a shift each.
@inline(__always)
func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
  var state = UInt64(truncatingIfNeeded: bytes.count) &* 0x9E37_79B9_7F4A_7C15
  guard let base = UnsafeRawPointer(bytes.baseAddress) else { return state }
  var place = 0
  while place + 8 <= bytes.count {
    mix(&state, base.loadUnaligned(fromByteOffset: place, as: UInt64.self))
    place += 8
  }
  var tail: UInt64 = 0
  while place < bytes.count {
    tail = tail << 8 | UInt64(base.load(fromByteOffset: place, as: UInt8.self))
    place += 1
  }
  mix(&state, tail)
  return state
}

@inline(__always)
func mix(_ state: inout UInt64, _ word: UInt64) {
  state = (state ^ word) &* 0xD6E8_FEB8_6659_FD93
  state ^= state >> 32
}
