import JSON

/// A value in a tokenizer file together with where it stands, so that every complaint names file and field.
struct Section {
  let value: JSON
  let path: String
  /// The place as written in diagnostics: `pre_tokenizer.pretokenizers[0]`; empty for the document itself.
  let field: String

  /// The member `key`, or nil where it is absent or null.
  func member(_ key: String) throws -> Section? {
    guard let object = value.objectValue else { throw mistyped("an object") }
    guard let value = object[key], !value.isNull else { return nil }
    return Section(value: value, path: path, field: field.isEmpty ? key : "\(field).\(key)")
  }

  func required(_ key: String) throws -> Section {
    guard let member = try member(key) else {
      throw TokenizerFailure.missing(path: path, field: field.isEmpty ? key : "\(field).\(key)")
    }
    return member
  }

  func string() throws -> String {
    guard let string = value.stringValue else { throw mistyped("a string") }
    return string
  }

  func int() throws -> Int {
    guard let int = value.intValue else { throw mistyped("an integer") }
    return int
  }

  func elements() throws -> [Section] {
    guard let array = value.arrayValue else { throw mistyped("an array") }
    return array.enumerated().map { place, value in
      Section(value: value, path: path, field: "\(field)[\(place)]")
    }
  }

  /// The boolean member `key`, or `otherwise` where it is absent or null.
  func flag(_ key: String, otherwise: Bool) throws -> Bool {
    guard let member = try member(key) else { return otherwise }
    guard let flag = member.value.boolValue else { throw member.mistyped("a boolean") }
    return flag
  }

  /// The UTF-8 of the string member `key`.
  func bytes(_ key: String) throws -> [UInt8] { Array(try required(key).string().utf8) }

  /// The one scalar that the string member `key` must be.
  func scalar(_ key: String) throws -> [UInt8] {
    let member = try required(key)
    let string = try member.string()
    guard string.unicodeScalars.count == 1 else {
      throw member.invalid("must be a single character")
    }
    return Array(string.utf8)
  }

  func mistyped(_ expected: String) -> TokenizerFailure {
    .mistyped(
      path: path, field: field.isEmpty ? "the document" : field, expected: expected,
      found: value.kind)
  }

  func invalid(_ reason: String) -> TokenizerFailure {
    .invalid(path: path, field: field, reason: reason)
  }

  func unsupported(_ component: String, _ found: String, _ supported: [String])
    -> TokenizerFailure
  {
    .unsupported(
      path: path, field: field, component: component, found: found, supported: supported)
  }
}
