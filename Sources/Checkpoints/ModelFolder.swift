/// What belongs into a model folder.
public enum ModelFolder {
  /// The tokenizer's and generation's files, which travel with a model as they are.
  public static let companions = [
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "tokenizer.model", "vocab.json", "merges.txt", "chat_template.jinja", "chat_template.json",
    "generation_config.json",
  ]

  /// The subfolder with the adapter of a model that has one.
  public static let adapter = "adapter"

  private static let marks = ["config.json", "adapter_config.json"]

  /// Checks that replacing what stands at `path` destroys nothing but a model.
  ///
  /// - Throws: `NotReplaceable` where it is a file, or a folder with anything else in it.
  static func checkReplaceable(_ path: String) throws {
    guard FileBytes.isFolder(path) else {
      throw NotReplaceable(path: path, reason: "it is a file")
    }
    let names = try FileBytes.names(in: path)
    if names.isEmpty { return }
    guard names.contains(where: marks.contains) else {
      throw NotReplaceable(path: path, reason: "it holds \(names[0]) and is no model folder")
    }
    if let other = names.first(where: { !belongs($0, in: path) }) {
      throw NotReplaceable(path: path, reason: "it also holds \(other), which would be lost")
    }
  }

  private static func belongs(_ name: String, in folder: String) -> Bool {
    if FileBytes.isFolder("\(folder)/\(name)") {
      guard name == adapter else { return false }
      let names = (try? FileBytes.names(in: "\(folder)/\(name)")) ?? ["?"]
      return names.allSatisfy {
        !FileBytes.isFolder("\(folder)/\(name)/\($0)") && belongs($0, in: "\(folder)/\(name)")
      }
    }
    if companions.contains(name) || name == ".gitattributes" { return true }
    return [".safetensors", ".json", ".jinja", ".md"].contains { name.hasSuffix($0) }
      || name.hasPrefix("LICENSE") || name.hasPrefix("NOTICE")
  }
}
