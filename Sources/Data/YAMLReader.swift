import CYAML
import JSON

/// Reads one YAML document through libyaml and makes JSON values of it (the core schema of YAML 1.2).
///
/// Nesting is limited, and so is what aliases may expand to: a few lines of YAML can otherwise ask for gigabytes.
final class YAMLReader {
  private enum Kind {
    case documentStart, documentEnd, streamEnd
    case scalar(String, isPlain: Bool)
    case sequenceStart, sequenceEnd, mappingStart, mappingEnd
    case alias(String)
    case other
  }

  private struct Event {
    var kind: Kind
    var anchor: String?
    var tag: String?
    var line: Int
  }

  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private let path: String
  private var anchors: [String: (value: JSON, size: Int)] = [:]
  /// How much was made so far, aliases counted as if written out.
  private var size = 0
  private let sizeLimit: Int

  static let maximumDepth = 64

  /// The bytes must outlive the reader.
  init(_ bytes: UnsafeRawBufferPointer, path: String) throws {
    parser = .allocate(capacity: 1)
    parser.initialize(to: yaml_parser_t())
    self.path = path
    sizeLimit = 1_000_000 + 10 * bytes.count
    guard yaml_parser_initialize(parser) == 1 else {
      throw DatasetFailure.unreadable(path: path, reason: "out of memory")
    }
    let text = bytes.bindMemory(to: UInt8.self)
    yaml_parser_set_input_string(parser, text.baseAddress, text.count)
  }

  deinit {
    yaml_parser_delete(parser)
    parser.deallocate()
  }

  /// The document's value, and the lines on which the elements of the outermost sequence begin.
  ///
  /// - Throws: `DatasetFailure.malformed`.
  func document() throws -> (value: JSON, lines: [Int]) {
    var event = try next()
    while case .other = event.kind { event = try next() }
    if case .streamEnd = event.kind { return (.null, []) }
    var lines: [Int] = []
    let value = try compose(try next(), depth: 0, lines: &lines)
    guard case .documentEnd = try next().kind else {
      throw malformed(event.line, "not one document")
    }
    event = try next()
    guard case .streamEnd = event.kind else {
      throw malformed(event.line, "there is a second document")
    }
    return (value, lines)
  }

  private func malformed(_ line: Int, _ reason: String) -> DatasetFailure {
    .malformed(path: path, line: line, reason: "not valid YAML: \(reason)", excerpt: "")
  }

  private func compose(_ event: Event, depth: Int, lines: inout [Int]) throws -> JSON {
    guard depth <= YAMLReader.maximumDepth else {
      throw malformed(event.line, "nested more than \(YAMLReader.maximumDepth) deep")
    }
    let before = size
    size += 1
    let value: JSON
    switch event.kind {
    case .alias(let name):
      guard let anchor = anchors[name] else {
        throw malformed(event.line, "the alias *\(name) has no anchor before it")
      }
      size += anchor.size
      value = anchor.value
    case .scalar(let text, let isPlain):
      size += text.utf8.count
      value = try scalar(text, isPlain: isPlain, event)
    case .sequenceStart:
      var elements: [JSON] = []
      var inner: [Int] = []
      while true {
        let next = try next()
        if case .sequenceEnd = next.kind { break }
        if depth == 0 { lines.append(next.line) }
        elements.append(try compose(next, depth: depth + 1, lines: &inner))
      }
      value = .array(elements)
    case .mappingStart:
      value = .object(try mapping(depth: depth, lines: &lines))
    default:
      throw malformed(event.line, "a value is missing")
    }
    guard size <= sizeLimit else {
      throw malformed(event.line, "the aliases expand to too much")
    }
    if let anchor = event.anchor { anchors[anchor] = (value, size - before) }
    return value
  }

  private func mapping(depth: Int, lines: inout [Int]) throws -> JSONObject {
    var object = JSONObject()
    var merged: [JSONObject] = []
    while true {
      let keyEvent = try next()
      if case .mappingEnd = keyEvent.kind { break }
      guard case .scalar(let key, let isPlain) = keyEvent.kind else {
        throw malformed(keyEvent.line, "a key must be a string")
      }
      size += key.utf8.count + 1
      var inner: [Int] = []
      let value = try compose(try next(), depth: depth + 1, lines: &inner)
      if depth == 0 && key == "data" { lines = inner }
      if key == "<<" && isPlain {
        guard case .object(let other) = value else {
          throw malformed(keyEvent.line, "`<<` merges a mapping, not \(value.kind)")
        }
        merged.append(other)
        continue
      }
      guard object[key] == nil else {
        throw malformed(keyEvent.line, "the key `\(key)` stands twice")
      }
      object[key] = value
    }
    for other in merged {
      for (key, value) in other where object[key] == nil { object[key] = value }
    }
    return object
  }

  private func scalar(_ text: String, isPlain: Bool, _ event: Event) throws -> JSON {
    switch event.tag {
    case nil, "!": break
    case "tag:yaml.org,2002:str": return .string(text)
    case "tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:bool",
      "tag:yaml.org,2002:null":
      return YAMLReader.plain(text)
    case let tag?: throw malformed(event.line, "the tag `\(tag)` is not supported")
    }
    return isPlain && event.tag == nil ? YAMLReader.plain(text) : .string(text)
  }

  /// What an unquoted scalar means: YAML 1.2, section 10.3.2.
  static func plain(_ text: String) -> JSON {
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE": return .bool(true)
    case "false", "False", "FALSE": return .bool(false)
    case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .number(.infinity)
    case "-.inf", "-.Inf", "-.INF": return .number(-.infinity)
    case ".nan", ".NaN", ".NAN": return .number(.nan)
    default: break
    }
    guard let first = text.utf8.first, first <= UInt8(ascii: "9") else { return .string(text) }
    if let value = Int(text) { return .int(value) }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] where text.hasPrefix(prefix) {
      let digits = text.dropFirst(2)
      if digits.first?.isHexDigit == true, let value = Int(digits, radix: radix) {
        return .int(value)
      }
      return .string(text)
    }
    let isNumeric = text.utf8.allSatisfy { byte in
      (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "+-.eE".utf8.contains(byte)
    }
    // "." and "-" alone have no digits; Double refuses them too.
    if isNumeric, let value = Double(text) { return .number(value) }
    return .string(text)
  }

  private func next() throws -> Event {
    var raw = yaml_event_t()
    guard yaml_parser_parse(parser, &raw) == 1 else {
      let reason = parser.pointee.problem.map { String(cString: $0) } ?? "unreadable"
      let line =
        parser.pointee.error == YAML_READER_ERROR
        ? parser.pointee.mark.line : parser.pointee.problem_mark.line
      throw malformed(Int(line) + 1, reason)
    }
    defer { yaml_event_delete(&raw) }
    var event = Event(kind: .other, line: Int(raw.start_mark.line) + 1)
    switch raw.type {
    case YAML_DOCUMENT_START_EVENT: event.kind = .documentStart
    case YAML_DOCUMENT_END_EVENT: event.kind = .documentEnd
    case YAML_STREAM_END_EVENT: event.kind = .streamEnd
    case YAML_ALIAS_EVENT: event.kind = .alias(string(raw.data.alias.anchor) ?? "")
    case YAML_SCALAR_EVENT:
      let scalar = raw.data.scalar
      let text = String(
        decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      event.kind = .scalar(text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE)
      event.anchor = string(scalar.anchor)
      event.tag = string(scalar.tag)
    case YAML_SEQUENCE_START_EVENT:
      event.kind = .sequenceStart
      event.anchor = string(raw.data.sequence_start.anchor)
    case YAML_SEQUENCE_END_EVENT: event.kind = .sequenceEnd
    case YAML_MAPPING_START_EVENT:
      event.kind = .mappingStart
      event.anchor = string(raw.data.mapping_start.anchor)
    case YAML_MAPPING_END_EVENT: event.kind = .mappingEnd
    default: break
    }
    return event
  }

  private func string(_ text: UnsafePointer<yaml_char_t>?) -> String? {
    text.map { String(cString: $0) }
  }
}
