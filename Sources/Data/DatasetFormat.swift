/// A file format that datasets come in. Adding one: a file like `JSONLines.swift` and a line in `DatasetFormats.all`.
protocol DatasetFormat: Sendable {
  /// As it is named to people: `"JSON Lines"`.
  static var name: String { get }
  /// File name endings, in lower case without the dot.
  static var extensions: [String] { get }
  /// Whether a file whose name tells nothing begins like this format. `head` has no leading blanks.
  static func recognizes(_ head: ArraySlice<UInt8>) -> Bool
  /// Finds the rows without parsing them all.
  ///
  /// - Throws: `DatasetFailure` for what is wrong with the file as a whole.
  static func open(_ bytes: ByteSource) throws -> any RowSource
}

extension DatasetFormat {
  static func recognizes(_ head: ArraySlice<UInt8>) -> Bool { false }
}

/// The formats there are.
public enum DatasetFormats {
  /// In the order in which they are tried on a file whose name tells nothing.
  static let all: [any DatasetFormat.Type] = [
    JSONLines.self,
    JSONDocument.self,
    CSV.self,
    TSV.self,
    YAMLList.self,
    WikiText.self,
    PlainText.self,
  ]

  /// For help and diagnostics: each format's name with its endings.
  public static var descriptions: [String] {
    all.map { "\($0.name) (\($0.extensions.map { ".\($0)" }.joined(separator: ", ")))" }
  }

  /// The lower-case ending of a file's name, `.gz` set aside.
  static func ending(of path: String) -> String {
    var name = path.split(separator: "/").last.map { $0.lowercased() } ?? ""
    if name.hasSuffix(".gz") { name.removeLast(3) }
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return "" }
    return String(name[name.index(after: dot)...])
  }

  /// The format that a file name's ending stands for.
  static func named(by path: String) -> (any DatasetFormat.Type)? {
    let ending = ending(of: path)
    return all.first { $0.extensions.contains(ending) }
  }

  /// What files of other endings are, and what to do about them.
  static let foreign: [String: (found: String, advice: String)] = [
    "parquet": ("a Parquet file", "convert it to JSON Lines first"),
    "arrow": ("an Arrow file", "convert it to JSON Lines first"),
    "zst": ("compressed by zstd", "decompress it first: zstd -d"),
    "bz2": ("compressed by bzip2", "decompress it first: bunzip2"),
    "xz": ("compressed by xz", "decompress it first: unxz"),
    "zip": ("a zip archive", "unpack it first"),
    "tar": ("a tar archive", "unpack it first"),
    "pkl": ("a pickle, which can run code", "convert it to JSON Lines where it was made"),
    "pt": ("a pickle, which can run code", "convert it to JSON Lines where it was made"),
  ]

  /// Opens one file: by the ending of its name, else by how it begins.
  static func open(_ path: String) throws -> any RowSource {
    if let (found, advice) = foreign[ending(of: path)] {
      throw DatasetFailure.unsupported(path: path, found: found, advice: advice)
    }
    let bytes = try ByteSource(path: path)
    let head = try bytes.withBytes(0..<min(bytes.count, 1 << 16)) { Array($0) }
    if head.starts(with: Array("PAR1".utf8)), let (found, advice) = foreign["parquet"] {
      throw DatasetFailure.unsupported(path: path, found: found, advice: advice)
    }
    if head.contains(0) {
      throw DatasetFailure.unsupported(
        path: path, found: "binary data", advice: "formats: \(descriptions.joined(separator: ", "))"
      )
    }
    let start = head.drop { $0.isBlank }
    // Many hub datasets keep JSON Lines in files called .json.
    let named = named(by: path).flatMap { format in
      format == JSONDocument.self && JSONLines.recognizes(start) ? JSONLines.self : format
    }
    let format = named ?? all.first { $0.recognizes(start) } ?? PlainText.self
    return try format.open(bytes)
  }
}
