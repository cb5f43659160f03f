/// Rows of tokens as one stream, each row followed by `separator`, cut into blocks of `length` without overlap.
///
/// This is how Olive's `join` packs text for calibration and training. The tail is dropped; as there, a block starts only
/// where more than `length` tokens are left, so a stream of exactly n blocks gives n − 1.
public func joinedBlocks(
  _ rows: some Sequence<[Int32]>, separator: [Int32], length: Int, limit: Int = .max
) -> [[Int32]] {
  guard length > 0, limit > 0 else { return [] }
  var blocks: [[Int32]] = []
  var stream: [Int32] = []
  for row in rows {
    stream += row
    stream += separator
    var start = 0
    while stream.count - start > length, blocks.count < limit {
      blocks.append(Array(stream[start..<start + length]))
      start += length
    }
    stream.removeFirst(start)
    if blocks.count == limit { break }
  }
  return blocks
}
