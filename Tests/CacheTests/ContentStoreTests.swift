import Checkpoints
import FoundationEssentials
import Glibc
import JSON
import Runtime
import TestSupport
import Testing

@testable import Cache

/// A store in a folder of its own.
final class Bench {
  let folder: String
  let store: ContentStore

  init() throws {
    folder = try Shared.temporaryFolder()
    store = ContentStore(folder: "\(folder)/cache")
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  /// An entry that holds `bytes` bytes beside its manifest.
  @discardableResult
  func insert(_ name: String, bytes: Int = 100) throws -> EntryKey {
    let key = EntryKey("test", [EntryKey.Part("name", name)])
    try store.insert(key, seconds: 2.5, facts: JSONObject([("name", .string(name))])) { entry in
      try entry.write(String(repeating: String(name.prefix(1)), count: bytes), to: "text")
    }
    return key
  }

  func found(_ key: EntryKey) -> StoredEntry? {
    if case .found(let entry) = store.find(key) { return entry }
    return nil
  }

  func path(_ key: EntryKey) -> String { store.path(of: key) }
}

struct ContentStoreTests {
  @Test func whatWasStoredIsFound() throws {
    let bench = try Bench()
    let key = try bench.insert("one")
    let entry = try #require(bench.found(key))
    #expect(entry.seconds == 2.5)
    #expect(entry.facts["name"] == "one")
    #expect(try entry.file("text").bytes.count == 100)
    #expect(bench.found(EntryKey("test", [EntryKey.Part("name", "two")])) == nil)
    #expect(bench.found(EntryKey("other", key.parts)) == nil)
  }

  @Test func keysDifferInWhatTheySay() {
    func key(_ parts: (String, String)...) -> EntryKey {
      EntryKey("v", parts.map { EntryKey.Part($0.0, $0.1) })
    }
    // Neighbouring texts cannot run into each other.
    #expect(key(("a", "bc")).hash != key(("ab", "c")).hash)
    #expect(key(("a", "b"), ("c", "d")).hash != key(("a", "bc"), ("", "d")).hash)
    #expect(key(("a", "b")).hash == key(("a", "b")).hash)
    #expect(
      key(("a", "1"), ("b", "2")).differences(from: key(("a", "1"), ("c", "2"))) == ["b", "c"])
  }

  @Test func hitsAndUseAreCounted() throws {
    let bench = try Bench()
    let (one, _) = (try bench.insert("one"), try bench.insert("two"))
    for _ in 0..<3 { _ = bench.found(one) }
    let entries = bench.store.entries()
    #expect(entries.map { $0.facts["name"]?.stringValue } == ["one", "two"])
    #expect(entries.map(\.hits) == [3, 0])
    #expect(bench.store.clear().count == 2)
    #expect(bench.store.entries().isEmpty)
    #expect(bench.found(one) == nil)
  }

  /// Every byte of every file of an entry, changed one at a time: nothing damaged is ever given out.
  @Test func anyChangedByteIsDetected() throws {
    let bench = try Bench()
    let key = try bench.insert("one", bytes: 40)
    for name in ["entry", "text"] {
      let path = "\(bench.path(key))/\(name)"
      let whole = try Data(contentsOf: URL(filePath: path))
      for place in whole.indices {
        var damaged = whole
        damaged[place] ^= 1
        try damaged.write(to: URL(filePath: path))
        switch bench.store.find(key) {
        case .found(let entry):
          #expect(throws: DamagedEntry.self, "\(name) byte \(place)") { try entry.file("text") }
        case .damaged: break
        case .absent: Issue.record("\(name) byte \(place): no word of the damage")
        }
        #expect(!bench.store.contains(key), "\(name) byte \(place)")
        try bench.insert("one", bytes: 40)
      }
    }
  }

  @Test func aCutFileIsDetected() throws {
    let bench = try Bench()
    for (name, length) in [("entry", 0), ("entry", 30), ("entry", 100), ("text", 0), ("text", 99)] {
      let key = try bench.insert("one")
      let path = "\(bench.path(key))/\(name)"
      let whole = try Data(contentsOf: URL(filePath: path))
      try whole.prefix(length).write(to: URL(filePath: path))
      guard case .damaged = bench.store.find(key) else {
        Issue.record("\(name) cut to \(length) bytes was not noticed")
        continue
      }
      #expect(bench.found(key) == nil)
    }
    let key = try bench.insert("one")
    try FileManager.default.removeItem(atPath: "\(bench.path(key))/text")
    guard case .damaged = bench.store.find(key) else {
      Issue.record("a missing file was not noticed")
      return
    }
  }

  /// The disk full after each number of bytes: the entry is there whole, or not at all and nothing is left of it.
  @Test func aFullDiskLeavesNothing() throws {
    let bench = try Bench()
    let key = EntryKey("test", [EntryKey.Part("name", "one")])
    var isWhole = false
    for space in stride(from: 0, to: 2000, by: 7) {
      do {
        try FileSink.$diskSpace.withValue(FileSink.DiskSpace(space)) { _ = try bench.insert("one") }
        isWhole = true
        break
      } catch let failure as FileFailure {
        #expect(failure.code == 28)
        #expect(bench.found(key) == nil)
        #expect(try leftovers(bench.folder).isEmpty)
      }
    }
    #expect(isWhole)
    #expect(bench.found(key) != nil)
  }

  private func leftovers(_ folder: String) throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: folder).filter {
      !FileBytes.isFolder("\(folder)/\($0)")
    }
  }

  @Test func theLeastRecentlyUsedGoesFirst() throws {
    let bench = try Bench()
    let keys = try ["a", "b", "c", "d"].map { name in
      let key = try bench.insert(name, bytes: 100_000)
      usleep(20_000)
      return key
    }
    _ = bench.found(keys[0])
    let size = bench.store.entries()[0].bytes
    try bench.store.setLimit(size * 5 / 2)
    #expect(keys.map { bench.store.contains($0) } == [true, false, false, true])
    // The limit outlives the process, and holds for what comes.
    let again = ContentStore(folder: bench.store.folder)
    #expect(again.limit == size * 5 / 2)
    try bench.insert("e", bytes: 100_000)
    #expect(keys.map { bench.store.contains($0) } == [true, false, false, false])
    #expect(throws: NoRoom.self) { try bench.insert("f", bytes: 1_000_000) }
  }

  @Test func aReaderKeepsWhatIsEvicted() throws {
    let bench = try Bench()
    let key = try bench.insert("one", bytes: 1_000_000)
    let entry = try #require(bench.found(key))
    _ = bench.store.clear()
    #expect(bench.found(key) == nil)
    #expect(try entry.file("text").bytes.allSatisfy { $0 == UInt8(ascii: "o") })
  }

  @Test func whatAKilledProcessLeftIsRemoved() throws {
    let bench = try Bench()
    let key = try bench.insert("one")
    let shard = bench.path(key).split(separator: "/").dropLast().joined(separator: "/")
    for (name, age) in [("old", 7200.0), ("new", 10)] {
      let path = "/\(shard)/.\(name).1-2.partial"
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      var times = [timeval(), timeval()]
      times[0].tv_sec = Int(ContentStore.now - age)
      times[1].tv_sec = times[0].tv_sec
      utimes(path, times)
    }
    #expect(bench.store.entries().count == 1)
    #expect(!FileBytes.isFolder("/\(shard)/.old.1-2.partial"))
    #expect(FileBytes.isFolder("/\(shard)/.new.1-2.partial"))
  }

  @Test func placesInTheirOrder() {
    func folder(_ environment: [String: String]) -> String? {
      ContentStore(environment: environment)?.folder
    }
    #expect(folder(["OLV_CACHE": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/c"]) == "/a")
    #expect(folder(["OLV_CACHE": "", "XDG_CACHE_HOME": "/b", "HOME": "/c"]) == "/b/olv")
    #expect(folder(["XDG_CACHE_HOME": "relative", "HOME": "/c"]) == "/c/.cache/olv")
    #expect(folder([:]) == nil)
  }

  @Test func fileHashesAreRememberedUntilTheFileChanges() throws {
    let bench = try Bench()
    let path = "\(bench.folder)/weights"
    try Data("one".utf8).write(to: URL(filePath: path))
    let one = SHA256.hex("one")
    #expect(try bench.store.hash(of: MappedFile(path)) == one)
    // Too fresh to be trusted: nothing is remembered.
    #expect(!FileBytes.isFolder("\(bench.store.folder)/files"))
    usleep(3_100_000)
    #expect(try bench.store.hash(of: MappedFile(path)) == one)
    #expect(try FileBytes.names(in: "\(bench.store.folder)/files").count == 1)
    #expect(try bench.store.hash(of: MappedFile(path)) == one)
    // Another content of the same length, the old time of change restored.
    var status = stat()
    stat(path, &status)
    try Data("two".utf8).write(to: URL(filePath: path))
    var times = [timeval(), timeval()]
    times[0].tv_sec = status.st_mtim.tv_sec
    times[1].tv_sec = status.st_mtim.tv_sec
    times[1].tv_usec = status.st_mtim.tv_nsec / 1000
    utimes(path, times)
    #expect(try bench.store.hash(of: MappedFile(path)) == SHA256.hex("two"))
    // A torn memory is no memory.
    for name in try FileBytes.names(in: "\(bench.store.folder)/files") {
      try Data(String(repeating: "0", count: 64).utf8).write(
        to: URL(filePath: "\(bench.store.folder)/files/\(name)"))
    }
    #expect(try bench.store.hash(of: MappedFile(path)) == SHA256.hex("two"))
  }
}
