import CJSON
import Runtime

/// Text that is not JSON: what was wrong and where.
public struct JSONFailure: Failure, Equatable {
  /// What the parser objected to.
  public var reason: String
  /// Byte offset into the text.
  public var offset: Int
  /// 1-based line and column (in bytes).
  public var line: Int
  public var column: Int
  /// The file, where the text came from one.
  public var path: String?

  public var message: String {
    (path.map { "\($0):\(line):\(column): " } ?? "line \(line), column \(column): ")
      + "not valid JSON: \(reason)"
  }
}

extension JSON {
  /// How deep arrays and objects may nest: documents come from strangers.
  public static let maximumDepth = 128

  /// How much of a document is read between two looks at whether the user wants it to go on: a millisecond's worth.
  static let piece = 1 << 17

  /// Parses a whole document: RFC 8259 in UTF-8, and the `NaN` and `Infinity` that Python writes.
  ///
  /// - Throws: `JSONFailure` for anything else, text after the document and nesting over `maximumDepth` included;
  ///   `Cancelled` where an interrupt comes while a document of more than a piece is read.
  public static func parse(_ bytes: UnsafeRawBufferPointer, path: String? = nil) throws -> JSON {
    try parse(bytes, path: path, piece: piece)
  }

  static func parse(_ bytes: UnsafeRawBufferPointer, path: String?, piece: Int) throws -> JSON {
    func failure(_ reason: String, _ offset: Int) -> JSONFailure {
      var line = 1
      var lineStart = 0
      let end = min(offset, bytes.count)
      for place in 0..<end where bytes[place] == 10 {
        line += 1
        lineStart = place + 1
      }
      return JSONFailure(
        reason: reason, offset: offset, line: line, column: end - lineStart + 1, path: path)
    }
    guard bytes.count < Int(Int32.max) else { throw failure("larger than 2 GiB", 0) }
    guard let tokener = json_tokener_new_ex(Int32(maximumDepth)) else {
      throw failure("out of memory", 0)
    }
    defer { json_tokener_free(tokener) }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8)
    let text = bytes.bindMemory(to: CChar.self)
    guard
      bytes.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0D })
    else { throw failure("the document is empty", 0) }
    var root: OpaquePointer?
    defer { json_object_put(root) }
    var start = 0
    var end = 0
    var status = json_tokener_continue
    let isLong = bytes.count > piece
    while status == json_tokener_continue, start < text.count {
      if isLong { try Interrupt.check() }
      let stop = pieceEnd(of: bytes, from: start, piece)
      root = json_tokener_parse_ex(tokener, text.baseAddress! + start, Int32(stop - start))
      status = json_tokener_get_error(tokener)
      end = start + json_tokener_get_parse_end(tokener)
      start = stop
    }
    if status == json_tokener_continue {
      // A bare number at the end of the text is complete only once the parser sees what follows it.
      if let finished = json_tokener_parse_ex(tokener, "\n", 1) {
        defer { json_object_put(finished) }
        return try JSON(finished, isLong: isLong)
      }
      guard json_tokener_get_error(tokener) == json_tokener_success else {
        throw failure("the document ends too early", bytes.count)
      }
      return .null
    }
    guard status == json_tokener_success else {
      throw failure(String(cString: json_tokener_error_desc(status)), end)
    }
    for place in end..<max(end, bytes.count)
    where bytes[place] != 0x20 && bytes[place] != 0x09 && bytes[place] != 0x0A
      && bytes[place] != 0x0D
    {
      throw failure("unexpected text after the document", place)
    }
    return try JSON(root, isLong: isLong)
  }

  /// Where the piece that begins at a byte ends: behind a whole character, of which json-c wants all bytes at once.
  private static func pieceEnd(
    of bytes: UnsafeRawBufferPointer, from start: Int, _ piece: Int
  ) -> Int {
    var end = min(start + piece, bytes.count)
    let last = min(end + 3, bytes.count)
    while end < last, bytes[end] & 0xC0 == 0x80 { end += 1 }
    return end
  }

  /// Parses a whole document.
  public static func parse(_ text: String, path: String? = nil) throws -> JSON {
    var text = text
    return try text.withUTF8 { try parse(UnsafeRawBufferPointer($0), path: path) }
  }

  /// - Parameter isLong: Whether the document is large enough to look for interrupts on the way.
  private init(_ node: OpaquePointer?, isLong: Bool) throws {
    if isLong { try Interrupt.check() }
    switch json_object_get_type(node) {
    case json_type_boolean: self = .bool(json_object_get_boolean(node) != 0)
    case json_type_int: self = .int(Int(json_object_get_int64(node)))
    case json_type_double: self = .number(json_object_get_double(node))
    case json_type_string: self = .string(String(cString: node))
    case json_type_array:
      let count = json_object_array_length(node)
      var elements: [JSON] = []
      elements.reserveCapacity(count)
      for place in 0..<count {
        elements.append(try JSON(json_object_array_get_idx(node, place), isLong: isLong))
      }
      self = .array(elements)
    case json_type_object:
      var object = JSONObject()
      var iterator = json_object_iter_begin(node)
      var end = json_object_iter_end(node)
      while json_object_iter_equal(&iterator, &end) == 0 {
        let key = String(cString: json_object_iter_peek_name(&iterator))
        object[key] = try JSON(json_object_iter_peek_value(&iterator), isLong: isLong)
        json_object_iter_next(&iterator)
      }
      self = .object(object)
    default: self = .null
    }
  }
}

extension String {
  /// The text of a json-c string node, embedded zero bytes included.
  fileprivate init(cString node: OpaquePointer?) {
    let length = Int(json_object_get_string_len(node))
    guard length > 0, let bytes = json_object_get_string(node) else {
      self = ""
      return
    }
    self = String(
      decoding: UnsafeRawBufferPointer(start: bytes, count: length), as: UTF8.self)
  }
}
