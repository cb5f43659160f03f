import JSON
import Runtime

/// Comma-separated values with a header line (RFC 4180). Every value is a string, as it stands in the file.
enum CSV: DatasetFormat {
  static let name = "CSV"
  static let extensions = ["csv"]

  static func open(_ bytes: ByteSource) throws -> any RowSource {
    try Separated(by: UInt8(ascii: ",")).open(bytes)
  }
}

/// Tab-separated values with a header line, quoted like CSV.
enum TSV: DatasetFormat {
  static let name = "TSV"
  static let extensions = ["tsv"]

  static func open(_ bytes: ByteSource) throws -> any RowSource {
    try Separated(by: UInt8(ascii: "\t")).open(bytes)
  }
}

/// Records of fields with a separator between them. A field in double quotes may hold separators, line ends and doubled quotes.
private struct Separated {
  let separator: UInt8

  init(by separator: UInt8) { self.separator = separator }

  func open(_ bytes: ByteSource) throws -> any RowSource {
    var records = try records(of: bytes)
    guard let first = records.first else {
      return IndexedRows(kind: "empty", bytes: bytes, ranges: [], parse: { _, _ in JSONObject() })
    }
    records.removeFirst()
    var header = try fields(bytes, first)
    for (place, name) in header.enumerated() where name.isEmpty {
      // The index column that pandas writes has no name; this is how pandas calls it when it reads it.
      header[place] = "Unnamed: \(place)"
    }
    var seen: Set<String> = []
    for name in header where !seen.insert(name).inserted {
      throw bytes.malformed(at: first.lowerBound, "the header names the column `\(name)` twice")
    }
    let columns = header
    return IndexedRows(
      kind: "separated by \(separator)", bytes: bytes, ranges: records, header: columns,
      parse: { bytes, range in
        let values = try fields(bytes, range)
        guard values.count == columns.count else {
          throw bytes.malformed(
            at: range.lowerBound,
            "the row has \(Words.counted(values.count, "field")), "
              + "the header \(columns.count)")
        }
        return JSONObject(zip(columns, values.map { JSON.string($0) }))
      })
  }

  private static let quote = UInt8(ascii: "\"")

  /// The records' places without their line ends. Empty lines are none.
  private func records(of bytes: ByteSource) throws -> [Range<Int>] {
    enum Place { case fieldStart, bare, quoted, afterQuote }
    var records: [Range<Int>] = []
    var place = Place.fieldStart
    var start = 0
    var end = 0
    var quoteAt = 0
    func finish(_ next: Int) {
      if end > start { records.append(start..<end) }
      start = next
      end = next
    }
    try bytes.scan { piece, offset in
      for (index, byte) in piece.enumerated() {
        if place == .quoted {
          if byte == Separated.quote { place = .afterQuote }
          end = offset + index + 1
          continue
        }
        if byte == 0x0A {
          finish(offset + index + 1)
          place = .fieldStart
          continue
        }
        // A carriage return before the line end belongs to the line end.
        if byte != 0x0D { end = offset + index + 1 }
        switch byte {
        case separator: place = .fieldStart
        case Separated.quote where place != .bare:
          if place == .fieldStart { quoteAt = offset + index }
          place = .quoted
        case 0x0D where place == .fieldStart || place == .afterQuote: break
        default: place = .bare
        }
      }
    }
    guard place != .quoted else {
      throw bytes.malformed(at: quoteAt, "the quote that opens here is never closed")
    }
    finish(bytes.count)
    return records
  }

  /// The fields of one record.
  private func fields(_ bytes: ByteSource, _ range: Range<Int>) throws -> [String] {
    let record = Array(try bytes.text(range).utf8)
    var fields: [String] = []
    var place = 0
    while true {
      var field: [UInt8] = []
      if place < record.count, record[place] == Separated.quote {
        place += 1
        while place < record.count {
          if record[place] != Separated.quote {
            field.append(record[place])
          } else if place + 1 < record.count, record[place + 1] == Separated.quote {
            field.append(Separated.quote)
            place += 1
          } else {
            break
          }
          place += 1
        }
        place += 1
        guard place >= record.count || record[place] == separator else {
          throw bytes.malformed(
            at: range.lowerBound + place, "there is text between a closing quote and the separator")
        }
      } else {
        let end = record[place...].firstIndex(of: separator) ?? record.count
        field = Array(record[place..<end])
        place = end
      }
      fields.append(String(decoding: field, as: UTF8.self))
      guard place < record.count else { return fields }
      place += 1
    }
  }
}
