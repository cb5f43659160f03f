import CYAML
import Language

/// Reads a YAML file (of which JSON is a part) through libyaml into nodes that know their places.
struct YAMLConfig {
  static let maximumDepth = 64
  static let maximumBytes = 4 << 20

  private let source: Source
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private let base: UnsafePointer<UInt8>
  private let count: Int

  /// The one document of `source`.
  ///
  /// - Throws: `Diagnostic`.
  static func read(_ source: Source) throws -> ConfigNode {
    let whole = Span(source: source, start: 0, end: 0)
    var text = source.text
    let count = text.utf8.count
    guard count <= maximumBytes, source.invalidOffset == nil else {
      throw Diagnostic(
        code: "olive.unreadable",
        source.invalidOffset == nil
          ? "the configuration is larger than \(maximumBytes >> 20) MiB" : "not UTF-8",
        at: source.invalidOffset.map { Span(source: source, start: $0, end: $0) } ?? whole)
    }
    let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    parser.initialize(to: yaml_parser_t())
    defer { parser.deallocate() }
    guard yaml_parser_initialize(parser) == 1 else {
      throw Diagnostic(code: "olive.unreadable", "no memory to read YAML", at: whole)
    }
    defer { yaml_parser_delete(parser) }
    return try text.withUTF8 { bytes in
      guard let base = bytes.baseAddress, !bytes.isEmpty else {
        throw Diagnostic(code: "olive.empty", "the configuration is empty", at: whole)
      }
      yaml_parser_set_input_string(parser, base, bytes.count)
      return try YAMLConfig(source: source, parser: parser, base: base, count: count).document()
    }
  }

  private enum Event {
    case scalar(String, isPlain: Bool)
    case sequenceStart, sequenceEnd, mappingStart, mappingEnd
    case documentEnd, streamEnd, alias
    case other
  }

  private func document() throws -> ConfigNode {
    var (event, span) = try next()
    while case .other = event { (event, span) = try next() }
    guard let root = try node(event, span, depth: 0) else {
      throw Diagnostic(code: "olive.empty", "the configuration is empty", at: span)
    }
    (event, span) = try next()
    guard case .documentEnd = event else { throw fault("more than one document", span) }
    (event, span) = try next()
    guard case .streamEnd = event else { throw fault("more than one document", span) }
    return root
  }

  private func node(_ event: Event, _ span: Span, depth: Int) throws -> ConfigNode? {
    guard depth <= Self.maximumDepth else {
      throw fault("nested more than \(Self.maximumDepth) deep", span)
    }
    switch event {
    case .scalar(let text, let isPlain):
      return ConfigNode(value: .scalar(text, isPlain: isPlain), span: span)
    case .sequenceStart:
      var elements: [ConfigNode] = []
      while true {
        let (event, place) = try next()
        guard let element = try node(event, place, depth: depth + 1) else { break }
        elements.append(element)
      }
      return ConfigNode(value: .list(elements), span: span)
    case .mappingStart:
      var entries: [ConfigNode.Entry] = []
      while true {
        let (event, place) = try next()
        guard let key = try node(event, place, depth: depth + 1) else { break }
        guard case .scalar(let name, _) = key.value else {
          throw fault("a key must be a word", place)
        }
        if entries.contains(where: { $0.key == name }) {
          throw fault("`\(name)` stands here twice", place)
        }
        let (next, start) = try next()
        guard let value = try node(next, start, depth: depth + 1) else {
          throw fault("`\(name)` has no value", place)
        }
        entries.append(.init(key: name, keySpan: place, value: value))
      }
      return ConfigNode(value: .mapping(entries), span: span)
    case .alias: throw fault("anchors and aliases are not read here", span)
    case .sequenceEnd, .mappingEnd, .documentEnd, .streamEnd: return nil
    case .other: throw fault("a value is missing", span)
    }
  }

  private func fault(_ reason: String, _ span: Span) -> Diagnostic {
    Diagnostic(code: "olive.yaml", "not a configuration: \(reason)", at: span)
  }

  private func next() throws -> (Event, Span) {
    var event = yaml_event_t()
    guard yaml_parser_parse(parser, &event) == 1 else {
      let reason = parser.pointee.problem.map { String(cString: $0) } ?? "not valid"
      let start = offset(parser.pointee.problem_mark)
      throw Diagnostic(
        code: "olive.yaml", "not valid YAML: \(reason)",
        at: Span(source: source, start: start, end: min(start + 1, count)))
    }
    defer { yaml_event_delete(&event) }
    let start = offset(event.start_mark)
    var end = offset(event.end_mark)
    let kind: Event
    switch event.type {
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      let text = String(
        decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      kind = .scalar(text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE)
      // A block scalar is pointed at by its first line.
      if scalar.style == YAML_LITERAL_SCALAR_STYLE || scalar.style == YAML_FOLDED_SCALAR_STYLE {
        end = start + 1
      }
    case YAML_SEQUENCE_START_EVENT: kind = .sequenceStart
    case YAML_SEQUENCE_END_EVENT: kind = .sequenceEnd
    case YAML_MAPPING_START_EVENT: kind = .mappingStart
    case YAML_MAPPING_END_EVENT: kind = .mappingEnd
    case YAML_DOCUMENT_END_EVENT: kind = .documentEnd
    case YAML_STREAM_END_EVENT: kind = .streamEnd
    case YAML_ALIAS_EVENT: kind = .alias
    default: kind = .other
    }
    return (kind, Span(source: source, start: start, end: max(end, start)))
  }

  /// libyaml counts characters; a source counts bytes.
  private func offset(_ mark: yaml_mark_t) -> Int {
    var (place, characters) = (0, 0)
    while place < count, characters < mark.index {
      place += 1
      while place < count, base[place] & 0xC0 == 0x80 { place += 1 }
      characters += 1
    }
    return place
  }
}
