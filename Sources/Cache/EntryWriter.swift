import Checkpoints
import Runtime

/// An entry while it is being written.
public struct EntryWriter {
  let folder: AtomicFolder

  public func write(_ text: String, to name: String) throws { try folder.write(text, to: name) }

  /// Writes tensors as one safetensors file.
  public func write(_ tensors: [TensorSource], stem: String) throws {
    try Safetensors.write(tensors, to: folder, stem: stem, shardLimit: .max)
  }

  /// What was written so far, read back.
  func contents() throws -> [String: Manifest.File] {
    var files: [String: Manifest.File] = [:]
    for name in try FileBytes.names(in: folder.path) {
      let file = try MappedFile("\(folder.path)/\(name)")
      files[name] = Manifest.File(bytes: file.bytes.count, hash: SHA256.hex(file.bytes))
    }
    return files
  }
}
