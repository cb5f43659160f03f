import JSON
import Runtime

/// A YAML list of mappings, or a mapping whose member `data` is one (`.yaml`, `.yml`).
enum YAMLList: DatasetFormat {
  static let name = "YAML"
  static let extensions = ["yaml", "yml"]

  /// YAML is read as a whole, so it must not be large.
  static let limit = 256 << 20

  static func open(_ bytes: ByteSource) throws -> any RowSource {
    guard bytes.count <= limit else {
      throw DatasetFailure.tooLarge(path: bytes.path, limit: limit, what: "a YAML file")
    }
    let (document, lines) = try bytes.withBytes(0..<bytes.count) {
      try YAMLReader($0, path: bytes.path).document()
    }
    func malformed(_ line: Int, _ reason: String) -> DatasetFailure {
      .malformed(path: bytes.path, line: line, reason: reason, excerpt: "")
    }
    if document.isNull { return LoadedRows(rows: []) }
    guard case .array(let elements) = document["data"] ?? document else {
      throw malformed(1, "expected a list of mappings, found \(document.kind)")
    }
    var rows: [JSONObject] = []
    rows.reserveCapacity(elements.count)
    for (place, element) in elements.enumerated() {
      if place % 4096 == 0 { try Interrupt.check() }
      guard case .object(let row) = element else {
        throw malformed(
          lines.indices.contains(place) ? lines[place] : 1,
          "a row must be a mapping, not \(element.kind)")
      }
      rows.append(row)
    }
    return LoadedRows(rows: rows)
  }
}
