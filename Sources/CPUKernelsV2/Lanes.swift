// Conversions of lanes between integer widths. The standard library's generic initializers are calls, and their
// specializations are symbols that the modules of all processor levels would share; these loops become one instruction
// and no symbol.

@inline(__always)
func halves(_ words: Words) -> SIMD16<UInt16> {
  var result = SIMD16<UInt16>(repeating: 0)
  for i in 0..<16 { result[i] = UInt16(truncatingIfNeeded: words[i]) }
  return result
}

@inline(__always)
func bytes(_ words: Words) -> SIMD16<UInt8> {
  var result = SIMD16<UInt8>(repeating: 0)
  for i in 0..<16 { result[i] = UInt8(truncatingIfNeeded: words[i]) }
  return result
}

@inline(__always)
func words(_ halves: SIMD16<UInt16>) -> Words {
  var result = Words(repeating: 0)
  for i in 0..<16 { result[i] = UInt32(halves[i]) }
  return result
}

@inline(__always)
func halves(_ bytes: SIMD16<UInt8>) -> SIMD16<UInt16> {
  var result = SIMD16<UInt16>(repeating: 0)
  for i in 0..<16 { result[i] = UInt16(bytes[i]) }
  return result
}
