import Checkpoints
import Runtime

extension ContentStore {
  /// Keeps a small text under a name beside the entries. A note that cannot be written is lost.
  public func write(_ text: String, toNote name: String) {
    try? AtomicFile.write(text, to: "\(folder)/\(name)")
  }

  /// The text of a note; nil where there is none.
  public func note(_ name: String) -> String? {
    (try? FileBytes.read("\(folder)/\(name)", limit: 16 << 20)).map {
      String(decoding: $0, as: UTF8.self)
    }
  }
}
