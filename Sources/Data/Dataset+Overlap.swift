import Glibc

extension Dataset {
  /// The rows that this dataset and another have in common, as numbers of their split; nil where there are none.
  ///
  /// Compared by file, split and number: copies of a row elsewhere are not found.
  public func overlap(with other: Dataset) -> Range<Int>? {
    guard !isRandomTokens, !other.isRandomTokens, split == other.split,
      source == other.source || Self.place(source) == Self.place(other.source)
    else { return nil }
    let common = range.clamped(to: other.range)
    return common.isEmpty ? nil : common
  }

  /// A path without links and dots, so that two ways to a file are one.
  private static func place(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}
