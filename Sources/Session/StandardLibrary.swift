import Glibc
import Language
import Runtime

/// Where `stdlib/*.olv` lies.
struct StandardLibrary {
  static let prelude = "prelude"

  /// Nil where there is none; the language works without.
  let folder: String?

  /// `$OLV_STDLIB`, or beside the program: `../share/olv/stdlib`, or `stdlib` in a folder above it.
  static func find() -> StandardLibrary {
    if let path = getenv("OLV_STDLIB").map({ String(cString: $0) }), !path.isEmpty {
      return StandardLibrary(folder: path)
    }
    guard let program = executablePath() else { return StandardLibrary(folder: nil) }
    var parts = program.split(separator: "/")
    parts = parts.dropLast()
    let shared = "/" + (parts.dropLast() + ["share", "olv", "stdlib"]).joined(separator: "/")
    if isReadable("\(shared)/\(prelude).olv") { return StandardLibrary(folder: shared) }
    while true {
      let folder = "/" + (parts + ["stdlib"]).joined(separator: "/")
      if isReadable("\(folder)/\(prelude).olv") { return StandardLibrary(folder: folder) }
      if parts.popLast() == nil { return StandardLibrary(folder: nil) }
    }
  }

  /// The files that may hold a pack of this name, in the order of preference.
  func candidates(for name: String) -> [String] {
    if name.hasSuffix(".olv") { return [name] }
    guard let folder, !name.isEmpty, !name.contains("/"), !name.hasPrefix(".") else { return [] }
    return ["\(folder)/\(name).olv", "\(folder)/\(name)/\(name).olv"]
  }

  /// The names that `use` knows.
  var names: [String] {
    guard let folder, let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let file = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      let name = file.hasSuffix(".olv") ? String(file.dropLast(4)) : file
      if name != Self.prelude, candidates(for: name).contains(where: Self.isReadable) {
        names.append(name)
      }
    }
    return Array(Set(names)).sorted()
  }

  static func isReadable(_ path: String) -> Bool { access(path, R_OK) == 0 }

  private static func executablePath() -> String? {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let length = readlink("/proc/self/exe", &buffer, buffer.count)
    guard length > 0 else { return nil }
    return String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
