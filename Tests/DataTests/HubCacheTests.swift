import Data
import FoundationEssentials
import Glibc
import Testing

struct HubCacheTests {
  let folder: Folder
  let first = String(repeating: "a1", count: 20)
  let second = String(repeating: "b2", count: 20)

  init() throws { folder = try Folder() }

  private func cache(_ variables: [String: String] = [:]) -> HubCache {
    HubCache(environment: ["HOME": folder.path].merging(variables) { $1 })
  }

  private let hub = ".cache/huggingface/hub"

  @Test func references() throws {
    let model = "\(hub)/models--org--name"
    try folder.write("\(model)/refs/main", first)
    try folder.write("\(model)/refs/v1.0", second + "\n")
    try folder.write("\(model)/refs/refs/pr/1", second)
    try folder.write("\(model)/snapshots/\(first)/config.json", "{}")
    try folder.write("\(model)/snapshots/\(second)/config.json", "{}")
    let snapshots = "\(folder.path)/\(model)/snapshots"
    #expect(try cache().find("org/name", kind: .model) == "\(snapshots)/\(first)")
    for revision in ["v1.0", "refs/pr/1", second, String(second.prefix(7))] {
      #expect(
        try cache().find("org/name", kind: .model, revision: revision) == "\(snapshots)/\(second)")
    }
    #expect(
      try cache().find("org/name/config.json", kind: .model) == "\(snapshots)/\(first)/config.json")
    for revision in ["v2", "b2b2", String(repeating: "c3", count: 20)] {
      #expect(throws: NotFound.self) {
        try cache().find("org/name", kind: .model, revision: revision)
      }
    }
    for revision in ["../main", "", "/etc/passwd", "a//b", "a\0b"] {
      #expect(throws: HubIDFailure.self) {
        try cache().find("org/name", kind: .model, revision: revision)
      }
    }
    #expect(throws: NotFound.self) { try cache().find("org/name", kind: .dataset) }
    #expect(cache().list(.model) == ["org/name"])
    #expect(cache().list(.dataset) == [])
  }

  @Test func withoutReferenceTheNewestSnapshotServes() throws {
    let data = "\(hub)/datasets--gpt2"
    let old = try folder.write("\(data)/snapshots/\(second)/a.jsonl", "{}")
    try folder.write("\(data)/snapshots/\(first)/a.jsonl", "{}")
    try FileManager.default.createDirectory(
      atPath: "\(folder.path)/\(data)/snapshots/\(String(repeating: "c", count: 40))",
      withIntermediateDirectories: true)
    var times = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)]
    let oldFolder = String(old.dropLast("/a.jsonl".count))
    #expect(utimensat(AT_FDCWD, oldFolder, &times, 0) == 0)
    let newest = "\(folder.path)/\(data)/snapshots/\(first)"
    #expect(try cache().find("gpt2", kind: .dataset) == newest)
    // A reference that leads nowhere or out of the cache is no help either.
    for lie in [String(repeating: "d", count: 40), "../../..", "", "\u{0}"] {
      try folder.write("\(data)/refs/main", lie)
      #expect(try cache().find("gpt2", kind: .dataset) == newest)
    }
    try folder.write("\(data)/refs/main", second)
    #expect(try cache().find("gpt2", kind: .dataset) == oldFolder)
  }

  @Test func variablesInTheirOrder() throws {
    let places = [
      ("HF_HUB_CACHE", "one", "one"), ("HF_HOME", "two", "two/hub"),
      ("XDG_CACHE_HOME", "three", "three/huggingface/hub"), ("HOME", "home", "home/\(hub)"),
    ]
    for (_, _, place) in places {
      try folder.write("\(place)/models--m/snapshots/\(first)/config.json", "{}")
    }
    for start in places.indices {
      let variables = Dictionary(
        uniqueKeysWithValues: places[start...].map { ($0.0, "\(folder.path)/\($0.1)") })
      #expect(
        try HubCache(environment: variables).find("m", kind: .model)
          == "\(folder.path)/\(places[start].2)/models--m/snapshots/\(first)")
    }
    #expect(HubCache(environment: [:]).roots.isEmpty)
    #expect(HubCache(environment: ["HOME": "/h", "HF_HOME": "~/x"]).roots.first == "/h/x/hub")
  }

  @Test func paths() throws {
    let file = try folder.write("model/config.json", "{}")
    #expect(try cache().find(file, kind: .model) == file)
    #expect(try cache().find("~/model", kind: .model) == "\(folder.path)/model")
    let failure = #expect(throws: NotFound.self) {
      try cache().find("\(folder.path)/absent", kind: .model)
    }
    #expect(failure?.message == "there is no file or folder \(folder.path)/absent")
  }

  @Test func absentOnesSayWhatToDo() throws {
    let failure = #expect(throws: NotFound.self) {
      try cache(["HF_HOME": "\(folder.path)/x"]).find("org/set", kind: .dataset, revision: "v1")
    }
    #expect(
      failure?.looked == [
        "\(folder.path)/x/hub/datasets--org--set", "\(folder.path)/\(hub)/datasets--org--set",
      ])
    #expect(
      failure?.help?.contains("hf download org/set --repo-type dataset --revision v1") == true)
  }

  @Test(arguments: [
    "a/../b", "..x/b", "org/..", "a//b", "a/", "", "org/na me", "org/-x", "a--b", "org/x/../../y",
    "org/x\0", "org/x\\y", "é",
  ])
  func namesThatLeaveTheCacheAreRefused(_ id: String) {
    #expect(throws: HubIDFailure.self) { try cache().find(id, kind: .model) }
  }
}
