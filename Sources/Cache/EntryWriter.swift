import Checkpoints

/// An entry while it is being written.
public struct EntryWriter {
  let folder: AtomicFolder

  public func write(_ text: String, to name: String) throws { try folder.write(text, to: name) }

  /// Writes tensors as one safetensors file.
  public func write(_ tensors: [TensorSource], stem: String) throws {
    try Safetensors.write(tensors, to: folder, stem: stem, shardLimit: .max)
  }

  /// What was written so far.
  var contents: [String: Manifest.File] {
    Dictionary(
      uniqueKeysWithValues: folder.files.map {
        ($0.name, Manifest.File(bytes: $0.bytes, hash: $0.sha256))
      })
  }
}
