import FoundationEssentials
import JSON
import Runtime

extension Tokenizer {
  /// Reads the tokenizer of a model folder: `tokenizer.json`, and where they are there `tokenizer_config.json`,
  /// `special_tokens_map.json` and `chat_template.jinja`.
  ///
  /// - Throws: `TokenizerFailure` or `JSONFailure`, which name the file and the place in it.
  public convenience init(folder: String) throws {
    let path = "\(folder)/tokenizer.json"
    let files = FileManager.default
    guard files.fileExists(atPath: path) else {
      throw TokenizerFailure.unreadable(
        path: path,
        reason: files.fileExists(atPath: "\(folder)/tokenizer.model")
          ? "not there, and olv does not read the tokenizer.model beside it" : "no such file")
    }
    var parts = try TokenizerParts(try Tokenizer.json(path), path: path)
    let template = "\(folder)/chat_template.jinja"
    if files.fileExists(atPath: template) {
      parts.chatTemplate = String(decoding: try Tokenizer.contents(template), as: UTF8.self)
    }
    for name in ["tokenizer_config.json", "special_tokens_map.json"] {
      let path = "\(folder)/\(name)"
      if files.fileExists(atPath: path) { parts.read(config: try Tokenizer.json(path)) }
    }
    self.init(parts)
  }

  /// Makes a tokenizer of the contents of `tokenizer.json` and `tokenizer_config.json`.
  ///
  /// - Parameter path: what diagnostics call the file.
  /// - Throws: `TokenizerFailure`.
  public convenience init(json: JSON, config: JSON?, path: String) throws {
    var parts = try TokenizerParts(json, path: path)
    if let config { parts.read(config: config) }
    self.init(parts)
  }

  private static func json(_ path: String) throws -> JSON {
    try contents(path).withUnsafeBytes { try JSON.parse($0, path: path) }
  }

  private static func contents(_ path: String) throws -> Data {
    do {
      return try Data(contentsOf: URL(filePath: path))
    } catch {
      throw TokenizerFailure.unreadable(path: path, reason: "cannot be read")
    }
  }
}
