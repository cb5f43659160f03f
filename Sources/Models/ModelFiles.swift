import Checkpoints
import JSON

/// The JSON files of a model folder.
public enum ModelFiles {
  public static let config = "config.json"
  public static let generation = "generation_config.json"
  /// What olv adds to a folder it writes: the model's lineage.
  public static let lineage = "olv.json"

  /// The members of a JSON file whose document is an object.
  static func object(_ path: String) throws -> JSONObject {
    let json = try FileBytes.read(path, limit: 64 << 20).withUnsafeBytes {
      try JSON.parse($0, path: path)
    }
    guard let object = json.objectValue else {
      throw BadConfig(path: path, field: "document", expected: "an object", found: json.kind)
    }
    return object
  }

  /// Reads and checks config.json.
  static func readConfig(_ folder: String) throws -> (any ModelFamily, ModelConfig) {
    let path = "\(folder)/\(config)"
    guard FileBytes.isFolder(folder) else { throw FileFailure("open", folder, code: 2) }
    guard FileBytes.isFile(path) else { throw MissingFiles(folder: folder, names: [config]) }
    let object = try object(path)
    let family = try ModelFamilies.family(of: object, path: path)
    return (family, try family.config(ConfigReader(object, path: path)))
  }

  /// The ids that end a text: generation_config.json's where it names some, else config.json's.
  static func endTokens(_ folder: String, _ config: ModelConfig) throws -> [Int32] {
    let path = "\(folder)/\(generation)"
    guard FileBytes.isFile(path) else { return config.endTokens }
    let reader = ConfigReader(try object(path), path: path)
    return try ModelConfig.endTokens(reader) ?? config.endTokens
  }

  /// The lineage that olv.json records; nil without the file.
  static func lineage(_ folder: String) throws -> [String]? {
    let path = "\(folder)/\(lineage)"
    guard FileBytes.isFile(path) else { return nil }
    let reader = ConfigReader(try object(path), path: path)
    guard let list = reader["lineage"]?.arrayValue else { return nil }
    return try list.map {
      guard let text = $0.stringValue else { throw reader.bad("lineage", expected: "strings") }
      return text
    }
  }
}
