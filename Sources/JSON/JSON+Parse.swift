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

  /// Parses a whole document: RFC 8259 in UTF-8, and the `NaN` and `Infinity` that Python writes.
  ///
  /// - Throws: `JSONFailure` for anything else, text after the document and nesting over `maximumDepth` included.
  public static func parse(_ bytes: UnsafeRawBufferPointer, path: String? = nil) throws -> JSON {
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
    let root = json_tokener_parse_ex(tokener, text.baseAddress, Int32(text.count))
    let status = json_tokener_get_error(tokener)
    let end = json_tokener_get_parse_end(tokener)
    if status == json_tokener_continue {
      // A bare number at the end of the text is complete only once the parser sees what follows it.
      if let finished = json_tokener_parse_ex(tokener, "\n", 1) {
        defer { json_object_put(finished) }
        return JSON(finished)
      }
      guard json_tokener_get_error(tokener) == json_tokener_success else {
        throw failure("the document ends too early", bytes.count)
      }
      return .null
    }
    guard status == json_tokener_success else {
      json_object_put(root)
      throw failure(String(cString: json_tokener_error_desc(status)), end)
    }
    defer { json_object_put(root) }
    for place in end..<max(end, bytes.count)
    where bytes[place] != 0x20 && bytes[place] != 0x09 && bytes[place] != 0x0A
      && bytes[place] != 0x0D
    {
      throw failure("unexpected text after the document", place)
    }
    return JSON(root)
  }

  /// Parses a whole document.
  public static func parse(_ text: String, path: String? = nil) throws -> JSON {
    var text = text
    return try text.withUTF8 { try parse(UnsafeRawBufferPointer($0), path: path) }
  }

  private init(_ node: OpaquePointer?) {
    switch json_object_get_type(node) {
    case json_type_boolean: self = .bool(json_object_get_boolean(node) != 0)
    case json_type_int: self = .int(Int(json_object_get_int64(node)))
    case json_type_double: self = .number(json_object_get_double(node))
    case json_type_string: self = .string(String(cString: node))
    case json_type_array:
      let count = json_object_array_length(node)
      var elements: [JSON] = []
      elements.reserveCapacity(count)
      for place in 0..<count { elements.append(JSON(json_object_array_get_idx(node, place))) }
      self = .array(elements)
    case json_type_object:
      var object = JSONObject()
      var iterator = json_object_iter_begin(node)
      var end = json_object_iter_end(node)
      while json_object_iter_equal(&iterator, &end) == 0 {
        let key = String(cString: json_object_iter_peek_name(&iterator))
        object[key] = JSON(json_object_iter_peek_value(&iterator))
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
