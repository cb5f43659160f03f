import Checkpoints
import JSON
import Runtime

/// An entry that was found. Its files stay readable as long as this value lives, also when the entry is evicted.
public struct StoredEntry: Sendable {
  public let key: EntryKey
  /// Seconds since 1970.
  public let created: Double
  /// How long it took to compute.
  public let seconds: Double
  /// What the caller stored beside the files.
  public let facts: JSONObject
  let folder: String
  let store: ContentStore
  let manifest: Manifest
  let files: [String: MappedFile]

  /// Bytes of the files.
  public var byteCount: Int { manifest.files.values.reduce(0) { $0 + $1.bytes } }

  public func has(_ name: String) -> Bool { files[name] != nil }

  /// The file's bytes, read once and compared with their checksum.
  ///
  /// - Throws: `DamagedEntry`; the entry is then no longer in the store.
  public func file(_ name: String) throws -> MappedFile {
    guard let file = files[name], let expected = manifest.files[name] else {
      throw damaged("\(name) is missing")
    }
    guard SHA256.hex(file.bytes) == expected.hash else {
      throw damaged("the checksum of \(name) is wrong")
    }
    return file
  }

  /// The tensors of the file that `EntryWriter.write(_:stem:)` wrote, over its mapped bytes.
  ///
  /// - Throws: `DamagedEntry`.
  public func tensors(stem: String) throws -> Safetensors {
    let file = try file("\(stem).safetensors")
    do { return try Safetensors(file) } catch { throw damaged("\(stem) is no safetensors file") }
  }

  /// Drops the entry because of what it holds.
  public func damaged(_ reason: String) -> DamagedEntry {
    store.drop(folder)
    return DamagedEntry(path: folder, reason: reason)
  }
}
