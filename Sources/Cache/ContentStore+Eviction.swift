import Checkpoints
import Glibc
import JSON
import Runtime

/// One entry as a list shows it.
public struct EntrySummary: Sendable {
  public var key: EntryKey
  public var facts: JSONObject
  public var bytes: Int
  /// Seconds since 1970.
  public var created: Double
  public var used: Double
  public var hits: Int
  /// How long it took to compute.
  public var seconds: Double
}

extension ContentStore {
  /// How large a store grows unless told otherwise: 20 GiB.
  public static let defaultLimit = 20 << 30

  private var limitPath: String { "\(folder)/limit" }

  /// The most bytes of all entries together.
  public var limit: Int {
    guard let bytes = try? FileBytes.read(limitPath, limit: 64),
      let limit = Int(String(decoding: bytes, as: UTF8.self).prefix { $0 != "\n" }), limit >= 0
    else { return Self.defaultLimit }
    return limit
  }

  /// Sets the limit for good, and evicts what is beyond it.
  ///
  /// - Throws: `FileFailure`.
  public func setLimit(_ bytes: Int) throws {
    try AtomicFile.write("\(bytes)\n", to: limitPath)
    state.withLock { $0.bytes = nil }
    makeRoom(adding: 0)
  }

  /// Everything in the store that can be read, the one used last first.
  public func entries() -> [EntrySummary] {
    places().compactMap { place in
      guard let bytes = try? FileBytes.read("\(place.path)/\(Manifest.name)"),
        let manifest = try? Manifest(bytes, path: place.path)
      else { return nil }
      return EntrySummary(
        key: manifest.key, facts: manifest.facts, bytes: place.bytes, created: manifest.created,
        used: place.used, hits: place.hits, seconds: manifest.seconds)
    }.sorted { $0.used > $1.used }
  }

  /// Removes all entries.
  ///
  /// - Returns: How many there were and how many bytes they took.
  public func clear() -> (count: Int, bytes: Int) {
    let places = places()
    for place in places { drop(place.path) }
    state.withLock { $0.bytes = 0 }
    return (places.count, places.reduce(0) { $0 + $1.bytes })
  }

  /// Where an entry lies, without reading it.
  private struct Place {
    var path: String
    var bytes: Int
    var used: Double
    var hits: Int
  }

  private func places() -> [Place] {
    var places: [Place] = []
    for shard in (try? FileBytes.names(in: entriesFolder)) ?? [] {
      let folder = "\(entriesFolder)/\(shard)"
      for name in (try? FileBytes.names(in: folder)) ?? [] {
        if name.hasPrefix(".") {
          removeLeftover("\(folder)/\(name)")
          continue
        }
        var place = Place(path: "\(folder)/\(name)", bytes: 0, used: 0, hits: 0)
        for file in (try? FileBytes.names(in: place.path)) ?? [] {
          var status = stat()
          guard stat("\(place.path)/\(file)", &status) == 0 else { continue }
          let time = Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) * 1e-9
          if file == Self.used {
            place.hits = Int(status.st_size)
          } else {
            place.bytes += Int(status.st_size)
          }
          place.used = max(place.used, time)
        }
        places.append(place)
      }
    }
    return places
  }

  /// What a process that was killed left behind, once it is surely no longer being written.
  private func removeLeftover(_ path: String) {
    var status = stat()
    guard stat(path, &status) == 0, Self.now - Double(status.st_mtim.tv_sec) > 3600 else { return }
    Self.remove(path)
  }

  /// Evicts what was not used for longest until everything fits the limit. Called after an entry was written.
  func makeRoom(adding bytes: Int) {
    let limit = limit
    let known = state.withLock { state -> Int? in
      state.written += 1
      // Other processes write too.
      if state.written % 64 == 0 { state.bytes = nil }
      state.bytes = state.bytes.map { $0 + bytes }
      return state.bytes
    }
    if let known, known <= limit { return }
    var places = places()
    var total = places.reduce(0) { $0 + $1.bytes }
    if total > limit {
      places.sort { $0.used < $1.used }
      for place in places where total > limit {
        drop(place.path)
        total -= place.bytes
      }
    }
    state.withLock { $0.bytes = total }
  }

  /// Takes an entry away: it is gone at once, its files when nobody reads them any more.
  public func remove(_ key: EntryKey) { drop(path(of: key)) }

  func drop(_ path: String) {
    let slash = path.lastIndex(of: "/") ?? path.startIndex
    let aside =
      "\(path[..<slash])/.\(path[path.index(after: slash)...]).\(getpid())-\(UInt32.random(in: 0 ... .max)).partial"
    guard rename(path, aside) == 0 else { return }
    Self.remove(aside)
  }

  private static func remove(_ folder: String) {
    for name in (try? FileBytes.names(in: folder)) ?? [] { unlink("\(folder)/\(name)") }
    rmdir(folder)
  }
}
