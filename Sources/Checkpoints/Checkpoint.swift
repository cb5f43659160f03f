import JSON
import Tensor

/// The tensors of a model folder: one safetensors file, or an index with shards. Nothing is copied.
public final class Checkpoint: Sendable {
  public let folder: String
  public let files: [Safetensors]
  private let places: [String: Int]

  init(folder: String, files: [Safetensors], places: [String: Int]) {
    self.folder = folder
    self.files = files
    self.places = places
  }

  /// The names of all tensors, sorted.
  public var names: [String] { places.keys.sorted() }

  public func info(_ name: String) -> TensorInfo? { places[name].flatMap { files[$0].info(name) } }

  /// The file that holds the tensor.
  public func path(of name: String) -> String { places[name].map { files[$0].file.path } ?? folder }

  /// The named tensor, over the file's own memory.
  ///
  /// - Throws: `BadCheckpoint` where there is none, or where its type or rank is none that olv computes with.
  public func tensor(_ name: String) throws -> Tensor {
    guard let place = places[name] else {
      throw BadCheckpoint(path: folder, tensor: name, reason: "missing from the checkpoint")
    }
    return try files[place].tensor(name)
  }

  /// - Throws: `BadCheckpoint` where a file changed since it was opened.
  public func verifyUnchanged() throws {
    for file in files { try file.file.verifyUnchanged() }
  }
}

extension Checkpoint {
  public static let singleName = "model.safetensors"
  public static let indexName = "model.safetensors.index.json"

  /// Opens the weights in `folder`: `model.safetensors`, or the shards that `model.safetensors.index.json` lists.
  ///
  /// - Throws: `MissingFiles`, `BadCheckpoint`, `FileFailure`. Pickles are refused with the way to convert them.
  public static func open(_ folder: String) throws -> Checkpoint {
    guard FileBytes.isFolder(folder) else { throw FileFailure("open", folder, code: 2) }
    if FileBytes.isFile("\(folder)/\(singleName)") {
      return try open(file: "\(folder)/\(singleName)", folder: folder)
    }
    if FileBytes.isFile("\(folder)/\(indexName)") { return try openShards(folder) }
    let names = try FileBytes.names(in: folder)
    let isPickle = { (name: String) in
      [".bin", ".pt", ".pth", ".ckpt", ".bin.index.json"].contains { name.hasSuffix($0) }
    }
    if let pickle = names.first(where: isPickle) {
      throw BadCheckpoint(
        path: "\(folder)/\(pickle)",
        reason: "pickled weights are not read, because a pickle can run any program",
        help: """
          convert it where you trust it: python -c "from transformers import AutoModelForCausalLM as M; \
          M.from_pretrained('\(folder)').save_pretrained('\(folder)-safetensors')"
          """)
    }
    throw MissingFiles(
      folder: folder, names: ["\(singleName) (or \(indexName) and its shards)"],
      help: names.isEmpty ? "the folder is empty" : nil)
  }

  /// Opens one safetensors file as a checkpoint.
  public static func open(file path: String, folder: String) throws -> Checkpoint {
    let file = try Safetensors(path)
    var places: [String: Int] = [:]
    for info in file.tensors { places[info.name] = 0 }
    return Checkpoint(folder: folder, files: [file], places: places)
  }

  private static func openShards(_ folder: String) throws -> Checkpoint {
    let path = "\(folder)/\(indexName)"
    let json = try FileBytes.read(path).withUnsafeBytes { try JSON.parse($0, path: path) }
    guard let map = json["weight_map"]?.objectValue, map.count > 0 else {
      throw BadCheckpoint(path: path, reason: "has no weight_map")
    }
    var order: [String] = []
    var shards: [String: Int] = [:]
    var places: [String: Int] = [:]
    for (tensor, value) in map {
      guard let name = value.stringValue else {
        throw BadCheckpoint(
          path: path, tensor: tensor, reason: "its shard is \(value.kind), not a name")
      }
      guard !name.isEmpty, name != ".", name != "..", !name.contains("/"), !name.contains("\0")
      else {
        throw BadCheckpoint(
          path: path, tensor: tensor, reason: "its shard \"\(name)\" lies outside the folder")
      }
      if shards[name] == nil {
        shards[name] = order.count
        order.append(name)
      }
      places[tensor] = shards[name]
    }
    let missing = order.filter { !FileBytes.isFile("\(folder)/\($0)") }
    guard missing.isEmpty else {
      throw MissingFiles(
        folder: folder, names: missing.sorted(), help: "download the whole model again")
    }
    let files = try order.map { try Safetensors("\(folder)/\($0)") }
    for (tensor, place) in places where files[place].info(tensor) == nil {
      throw BadCheckpoint(
        path: path, tensor: tensor, reason: "not in the shard \(order[place]) that the index names")
    }
    return Checkpoint(folder: folder, files: files, places: places)
  }
}
