import JSON
import Runtime

/// A text with places for a row's columns, written like Python's format strings: `"Q: {prompt}\nA: {response}"`.
///
/// `{{` and `}}` stand for braces. Conversions and format specifications (`{x!r}`, `{x:>8}`) are refused.
public struct Template: Sendable, Equatable {
  /// The template as it was written.
  public let source: String
  /// The columns it names, each once, in order of appearance.
  public let columns: [String]
  private let parts: [Part]

  private enum Part: Sendable, Equatable {
    case literal(String)
    case column(String)
  }

  /// - Throws: `TemplateFailure`.
  public init(_ source: String) throws {
    var parts: [Part] = []
    var columns: [String] = []
    var literal: [UInt8] = []
    let bytes = Array(source.utf8)
    var place = 0
    while place < bytes.count {
      let byte = bytes[place]
      guard byte == UInt8(ascii: "{") || byte == UInt8(ascii: "}") else {
        literal.append(byte)
        place += 1
        continue
      }
      if place + 1 < bytes.count, bytes[place + 1] == byte {
        literal.append(byte)
        place += 2
        continue
      }
      func failure(_ reason: String) -> TemplateFailure {
        TemplateFailure(template: source, offset: place, reason: reason)
      }
      guard byte == UInt8(ascii: "{") else {
        throw failure("a `}` that closes nothing; write `}}` for a brace")
      }
      guard let end = bytes[(place + 1)...].firstIndex(where: { $0 == 0x7B || $0 == 0x7D }),
        bytes[end] == UInt8(ascii: "}")
      else { throw failure("a `{` that is not closed; write `{{` for a brace") }
      let name = String(decoding: bytes[(place + 1)..<end], as: UTF8.self)
      guard !name.isEmpty else { throw failure("`{}` names no column") }
      guard !name.utf8.contains(UInt8(ascii: "!")), !name.utf8.contains(UInt8(ascii: ":")) else {
        throw failure("`{\(name)}` has a conversion or format; only `{column}` is supported")
      }
      if !literal.isEmpty {
        parts.append(.literal(String(decoding: literal, as: UTF8.self)))
        literal = []
      }
      parts.append(.column(name))
      if !columns.contains(name) { columns.append(name) }
      place = end + 1
    }
    if !literal.isEmpty { parts.append(.literal(String(decoding: literal, as: UTF8.self))) }
    self.source = source
    self.parts = parts
    self.columns = columns
  }

  /// The column that holds what a model shall learn to say: `response` where the template has it, else the last one.
  public var responseColumn: String? {
    columns.contains("response") ? "response" : columns.last
  }

  /// The row's text. A null or absent value is empty, others read as Python's `str()` writes them.
  public func render(_ row: Row) -> String {
    var text = ""
    for part in parts {
      switch part {
      case .literal(let literal): text += literal
      case .column(let name): text += row.text(name)
      }
    }
    return text
  }

  /// The row's text in pieces: what the template says itself, and what comes from a column.
  public func renderSegments(_ row: Row) -> [(text: String, column: String?)] {
    parts.map { part in
      switch part {
      case .literal(let literal): (literal, nil)
      case .column(let name): (row.text(name), name)
      }
    }
  }

  /// - Throws: `UnknownColumn` for the first of its columns that is not among `available`.
  public func check(against available: [String], dataset: String) throws {
    for column in columns where !available.contains(column) {
      throw UnknownColumn(column: column, columns: available, dataset: dataset)
    }
  }
}

/// A template that does not parse.
public struct TemplateFailure: Failure, Equatable {
  public var template: String
  /// Where it goes wrong, in UTF-8 bytes from the template's beginning.
  public var offset: Int
  public var reason: String

  public var message: String { "the template is wrong at offset \(offset): \(reason)" }
}
