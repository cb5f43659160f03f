import FoundationEssentials
import Glibc

/// Where the tests find their data. `shared` lies beside a developer's checkout; a user's clone has the fixtures only.
public enum Shared {
  /// The package's root folder.
  public static let root: String = {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast(3)
    return parts.joined(separator: "/")
  }()

  /// The folder of reference numbers (`../shared/reference`), or nil where it is absent.
  public static let reference: String? = existing("\(root)/../shared/reference")

  /// The folder of third-party models, tokenizers and datasets (`../shared/real`), or nil where it is absent.
  public static let real: String? = existing("\(root)/../shared/real")

  /// Small files of our own that travel with the tests (`Tests/Fixtures`).
  public static let fixtures = "\(root)/Tests/Fixtures"

  public static var hasReference: Bool { reference != nil }
  public static var hasReal: Bool { real != nil }

  private static func existing(_ path: String) -> String? {
    FileManager.default.fileExists(atPath: path) ? path : nil
  }

  /// A new empty folder under the system's temporary folder; remove it when done.
  public static func temporaryFolder() throws -> String {
    let path = "\(FileManager.default.temporaryDirectory.path)/olv-test-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  /// Removes a file or a folder with all it holds, where it exists.
  public static func remove(_ path: String) { try? FileManager.default.removeItem(atPath: path) }

  public static func makeFolder(_ path: String) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  public static func link(_ path: String, to target: String) throws {
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
  }

  /// Cuts a file, or grows it with zeros.
  public static func resize(_ path: String, to size: Int) throws {
    guard truncate(path, size) == 0 else { throw CocoaError(.fileWriteUnknown) }
  }

  public static func write(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: URL(filePath: path))
  }

  /// Moves a file or a folder, replacing a file of the new name.
  public static func move(_ path: String, to target: String) throws {
    guard rename(path, target) == 0 else { throw CocoaError(.fileWriteUnknown) }
  }
}
