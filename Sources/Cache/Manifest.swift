import JSON
import Runtime

/// The file that makes a folder an entry: what it was stored under, and what its other files must hold.
///
/// The first line is the SHA-256 of the rest, which is JSON.
struct Manifest: Sendable {
  static let name = "entry"
  static let format = 1

  struct File: Sendable {
    var bytes: Int
    var hash: String
  }

  var key: EntryKey
  /// Seconds since 1970.
  var created: Double
  /// How long it took to compute.
  var seconds: Double
  var facts: JSONObject
  var files: [String: File]

  var text: String {
    var files = JSONObject()
    for (name, file) in self.files.sorted(by: { $0.key < $1.key }) {
      files[name] = ["bytes": .int(file.bytes), "sha256": .string(file.hash)]
    }
    let json: JSON = [
      "format": .int(Self.format), "kind": .string(key.kind), "parts": key.json,
      "created": .number(created), "seconds": .number(seconds), "facts": .object(facts),
      "files": .object(files),
    ]
    let body = json.text() + "\n"
    return SHA256.hex(body) + "\n" + body
  }

  /// - Throws: `DamagedEntry` where the text is not what was written.
  init(_ bytes: [UInt8], path: String) throws {
    func damaged(_ reason: String) -> DamagedEntry { DamagedEntry(path: path, reason: reason) }
    let head = 65
    guard bytes.count > head, bytes[head - 1] == UInt8(ascii: "\n") else {
      throw damaged("it is cut short")
    }
    let written = String(decoding: bytes[..<(head - 1)], as: UTF8.self)
    try bytes[head...].withUnsafeBytes { body in
      guard SHA256.hex(body) == written else { throw damaged("its checksum is wrong") }
    }
    let json: JSON
    do {
      json = try bytes[head...].withUnsafeBytes { try JSON.parse($0, path: path) }
    } catch { throw damaged("it is no JSON") }
    guard json["format"]?.intValue == Self.format, let kind = json["kind"]?.stringValue,
      let key = EntryKey(kind: kind, json["parts"]), let created = json["created"]?.doubleValue,
      let seconds = json["seconds"]?.doubleValue, let facts = json["facts"]?.objectValue,
      let listed = json["files"]?.objectValue
    else { throw damaged("a field is missing") }
    self.init(key: key, created: created, seconds: seconds, facts: facts, files: [:])
    for (name, file) in listed {
      guard let bytes = file["bytes"]?.intValue, let hash = file["sha256"]?.stringValue,
        !name.contains("/"), !name.hasPrefix(".")
      else { throw damaged("a field is missing") }
      files[name] = File(bytes: bytes, hash: hash)
    }
  }

  init(
    key: EntryKey, created: Double, seconds: Double, facts: JSONObject, files: [String: File]
  ) {
    self.key = key
    self.created = created
    self.seconds = seconds
    self.facts = facts
    self.files = files
  }
}

/// An entry whose files are not what was written. It is gone by the time that this is thrown.
public struct DamagedEntry: Failure, Equatable {
  public var path: String
  public var reason: String
  public var message: String { "the cache entry \(path) was damaged (\(reason)) and is dropped" }
}
