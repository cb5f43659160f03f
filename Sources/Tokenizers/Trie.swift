/// A set of byte strings, searched for all at once.
struct Trie: Sendable {
  /// The child of node n by byte b at n × 256 + b.
  private var children: [UInt64: Int32] = [:]
  /// The string that ends at each node, or -1.
  private var ends: [Int32] = [-1]
  private var starts = [Bool](repeating: false, count: 256)

  var isEmpty: Bool { children.isEmpty }

  /// Adds a string that is not empty; of equal strings the later counts.
  mutating func add(_ string: [UInt8], _ value: Int) {
    guard let first = string.first else { return }
    starts[Int(first)] = true
    var node = 0
    for byte in string {
      let key = UInt64(node) << 8 | UInt64(byte)
      if let child = children[key] {
        node = Int(child)
      } else {
        node = ends.count
        ends.append(-1)
        children[key] = Int32(node)
      }
    }
    ends[node] = Int32(value)
  }

  /// The leftmost occurrence of a string at or after `place`; of those the longest.
  func next(in text: UnsafeBufferPointer<UInt8>, from place: Int) -> (Int, Range<Int>)? {
    var start = place
    while start < text.count {
      if starts[Int(text[start])] {
        var node = 0
        var end = start
        var longest: (Int, Range<Int>)?
        while end < text.count,
          let child = children[UInt64(node) << 8 | UInt64(text[end])]
        {
          node = Int(child)
          end += 1
          if ends[node] >= 0 { longest = (Int(ends[node]), start..<end) }
        }
        if let longest { return longest }
      }
      start += 1
    }
    return nil
  }
}
