import FoundationEssentials
import Glibc
import JSON
import TestSupport
import Testing

@testable import Cache

/// The program, started several times at once on one cache.
@Suite(.serialized, .enabled(if: OlvProgram.path != nil, "the program is built with the tests"))
struct CacheProcessTests {
  static let script =
    "load phi; each $b in [2 3 4 8] { quantize rtn bits=$b | ppl tiny-codes[5000:5004] }"

  /// Two processes that write and read the same entries, and two more while the limit makes them evict each other's.
  @Test func processesShareACache() throws {
    let folder = try Shared.temporaryFolder()
    defer { Shared.remove(folder) }
    let plain = try OlvProgram.run(["--no-cache \(OlvProgram.line(Self.script))"], in: folder)
    let expected = try #require(plain.first).values
    try #require(expected.count == 4)
    let store = ContentStore(folder: "\(folder)/cache")
    let line = OlvProgram.line(Self.script)
    for limit in [ContentStore.defaultLimit, 1 << 20, 200_000] {
      try store.setLimit(limit)
      for result in try OlvProgram.run([line, line, line], in: folder) {
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.values == expected)
      }
      let entries = store.entries()
      #expect(entries.reduce(0) { $0 + $1.bytes } <= limit)
      // Whatever is left is whole.
      for entry in entries {
        guard case .found(let stored) = store.find(entry.key) else {
          Issue.record("an entry is damaged")
          continue
        }
        for name in stored.manifest.files.keys {
          #expect(throws: Never.self) { try stored.file(name) }
        }
      }
      let files = try FileManager.default.subpathsOfDirectory(atPath: "\(folder)/cache")
      #expect(!files.contains { $0.hasSuffix(".partial") })
    }
    try store.setLimit(ContentStore.defaultLimit)
    _ = try OlvProgram.run([line], in: folder)
    let again = try #require(try OlvProgram.run([line], in: folder).first)
    #expect(again.values == expected)
    #expect(again.cached == 4)
  }
}

/// The built program, as a user starts it.
enum OlvProgram {
  struct Result {
    var status: Int32
    /// The perplexities, in order.
    var values: [Double]
    /// How many of them came from the cache.
    var cached: Int
    var errors: String
    var reports: [JSON]
  }

  /// It lies beside the test bundle.
  static let path: String? = {
    let bundle = (CommandLine.arguments.first ?? "").split(separator: "/").dropLast()
    let candidates = [
      bundle.joined(separator: "/"),
      "\(Shared.root)/.build/debug".split(separator: "/").joined(separator: "/"),
    ]
    return candidates.map { "/\($0)/olv" }.first { access($0, X_OK) == 0 }
  }()

  /// What runs a script on the demo pack.
  static func line(_ script: String) -> String { "--json --quiet --use demo -c '\(script)'" }

  /// The environment and the program, before its words.
  static func command(in folder: String) -> String {
    "OLV_THREADS=2 OLV_CACHE_SECONDS=0 OLV_CACHE=\(folder)/cache OLV_STDLIB=\(Shared.root)/stdlib \(path ?? "olv")"
  }

  /// Runs the program once for each of `lines`, all at the same time, on the cache in `folder`.
  static func run(_ lines: [String], in folder: String) throws -> [Result] {
    let command = lines.enumerated().map { place, line in
      "rm -f \(folder)/status\(place); (\(Self.command(in: folder)) \(line)"
        + " > \(folder)/out\(place) 2> \(folder)/err\(place); "
        + "echo $? > \(folder)/partial\(place); mv \(folder)/partial\(place) \(folder)/status\(place)) &"
    }.joined(separator: " ")
    // The shell's `wait` needs a signal that the tests' process may have blocked.
    _ = system(command)
    for _ in 0..<6000
    where !lines.indices.allSatisfy({ access("\(folder)/status\($0)", R_OK) == 0 }) {
      usleep(50_000)
    }
    return try lines.indices.map { place in
      func text(_ name: String) throws -> String {
        String(
          decoding: try Data(contentsOf: URL(filePath: "\(folder)/\(name)\(place)")), as: UTF8.self)
      }
      let reports = try text("out").split(separator: "\n").map { try JSON.parse(String($0)) }
      let scores = reports.filter { $0["verb"] == "ppl" }
      return Result(
        status: Int32(try text("status").filter(\.isNumber)) ?? -1,
        values: scores.compactMap { $0["value"]?.doubleValue },
        cached: scores.filter { $0["cached"] == true }.count, errors: try text("err"),
        reports: reports)
    }
  }
}
