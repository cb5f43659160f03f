/// A result matrix cut into tiles, the unit of work of products.
struct ProductTiles {
  let rows: Int
  let columns: Int
  /// Rows and columns of a tile; the last ones may have fewer.
  private(set) var height: Int
  private(set) var width: Int

  /// Tiles of at most 256 × 512, which the libraries multiply at full speed from the second-level cache, or smaller
  /// ones where there would be too few for all threads.
  ///
  /// - Parameters:
  ///   - depth: Products per element, the inner length.
  init(rows: Int, columns: Int, depth: Int, threads: Int) {
    self.rows = rows
    self.columns = columns
    height = min(256, max(rows, 1))
    width = min(512, max(columns, 1))
    // Half a million products take a few microseconds; less is not worth handing out.
    while threads > 1 && count < 2 * threads && height * width * depth > 1 << 19 {
      if width >= height && width > 64 {
        width = Self.half(width, 32)
      } else if height > 16 {
        height = Self.half(height, 16)
      } else {
        break
      }
    }
  }

  init(rows: Int, columns: Int, height: Int, width: Int) {
    (self.rows, self.columns, self.height, self.width) = (rows, columns, height, width)
  }

  private static func half(_ length: Int, _ unit: Int) -> Int {
    (length / 2 + unit - 1) / unit * unit
  }

  private var down: Int { (rows + height - 1) / height }
  private var across: Int { (columns + width - 1) / width }
  var count: Int { down * across }

  /// The rows and columns of a tile; tiles that share rows follow each other.
  subscript(index: Int) -> (rows: Range<Int>, columns: Range<Int>) {
    let (row, column) = (index / across * height, index % across * width)
    return (row..<min(row + height, rows), column..<min(column + width, columns))
  }
}
