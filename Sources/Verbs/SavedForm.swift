import Checkpoints
import JSON
import Models
import Runtime
import Session

/// How a model is written: enough to say which files that would give.
struct SavedForm {
  var format: Save.Format
  /// The most bytes in one file.
  var shard: Int

  /// Writes the folder; `finish` may add files before it appears.
  ///
  /// - Throws: as `saveModel` and `saveAdapter`.
  func write(
    _ model: Model, to target: String, progress: @escaping ProgressHandler,
    finish: (AtomicFolder) throws -> Void
  ) throws {
    switch format {
    case .hf:
      try saveModel(
        model, to: target, settings: SaveSettings(shardLimit: shard), progress: progress,
        finish: finish)
    case .peft: try saveAdapter(model, to: target, finish: finish)
    }
  }

  /// The files that would be written to `target`.
  ///
  /// - Throws: as `savedFiles` and `savedAdapterFiles`.
  func files(
    of model: Model, at target: String, progress: @escaping ProgressHandler
  ) throws -> [WrittenFile] {
    switch format {
    case .hf:
      try savedFiles(
        model, at: target, settings: SaveSettings(shardLimit: shard), progress: progress)
    case .peft: try savedAdapterFiles(model, at: target)
    }
  }

  // MARK: In receipts

  init(format: Save.Format, shard: Int) {
    self.format = format
    self.shard = shard
  }

  /// - Parameter target: Where it is written, which an adapter's configuration names.
  func facts(target: String) -> JSONObject {
    JSONObject([
      ("format", .string(format.rawValue)), ("shard", .int(shard)), ("target", .string(target)),
    ])
  }

  /// Nil where a receipt tells none.
  init?(_ facts: JSONObject) {
    guard let format = facts["format"]?.stringValue.flatMap(Save.Format.init),
      let shard = facts["shard"]?.intValue, shard >= 0
    else { return nil }
    self.init(format: format, shard: shard)
  }
}

extension WrittenFile {
  var json: JSON {
    .object(
      JSONObject([
        ("name", .string(name)), ("bytes", .int(bytes)), ("sha256", .string(sha256)),
      ]))
  }

  /// Nil for what names no file of a saved folder.
  init?(_ json: JSON) {
    guard let name = json["name"]?.stringValue, let bytes = json["bytes"]?.intValue,
      let sha256 = json["sha256"]?.stringValue, !name.hasPrefix("/"),
      !name.split(separator: "/").contains("..")
    else { return nil }
    self.init(name: name, bytes: bytes, sha256: sha256)
  }
}
