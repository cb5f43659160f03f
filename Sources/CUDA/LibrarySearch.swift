import CCUDA
import FoundationEssentials
import Glibc

/// Where NVIDIA's libraries are looked for: what the loader knows, the CUDA toolkit, and the Python packages of the
/// active environment.
struct LibrarySearch {
  /// Folders, the likeliest first. The loader's own path comes before all of them.
  let folders: [String]

  init(environment: [String: String]) {
    func value(_ key: String) -> String? { environment[key].flatMap { $0.isEmpty ? nil : $0 } }
    var folders: [String] = []
    for home in [value("CUDA_HOME"), value("CUDA_PATH"), "/usr/local/cuda"] {
      guard let home else { continue }
      folders += ["\(home)/lib64", "\(home)/targets/x86_64-linux/lib"]
    }
    folders.append("/usr/lib/x86_64-linux-gnu")
    var prefixes = [value("VIRTUAL_ENV"), value("CONDA_PREFIX")].compactMap { $0 }
    // The prefix of the first python3 on the path: /opt/x/bin/python3 belongs to /opt/x.
    for folder in (value("PATH") ?? "").split(separator: ":")
    where access("\(folder)/python3", X_OK) == 0 && folder.hasSuffix("/bin") {
      prefixes.append(String(folder.dropLast(4)))
      break
    }
    for prefix in prefixes {
      for library in Self.names("\(prefix)/lib") where library.hasPrefix("python3") {
        let packages = "\(prefix)/lib/\(library)/site-packages/nvidia"
        folders += Self.names(packages).map { "\(packages)/\($0)/lib" }
      }
    }
    var seen: Set<String> = []
    self.folders = folders.filter { access($0, R_OK) == 0 && seen.insert($0).inserted }
  }

  private static func names(_ folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
  }

  /// Opens the first of `names` that can be.
  ///
  /// - Throws: `CUDAUnavailable.missingLibrary` with every place looked at.
  func open(_ names: [String]) throws -> UnsafeMutableRawPointer {
    var reason = "it is not there"
    for name in names {
      for path in [name] + folders.map({ "\($0)/\(name)" }) {
        // A name without a folder is for the loader; other places are only tried where the file is.
        guard path == name || access(path, R_OK) == 0 else { continue }
        switch Self.open(path) {
        case .success(let library): return library
        case .failure(let error): if path != name || reason.isEmpty { reason = error.text }
        }
      }
    }
    throw CUDAUnavailable.missingLibrary(
      names: names, searched: ["the loader's path"] + folders, reason: reason)
  }

  struct LoaderError: Error { var text: String }

  static func open(_ path: String) -> Result<UnsafeMutableRawPointer, LoaderError> {
    var words = [CChar](repeating: 0, count: 512)
    let count = words.count
    let library = words.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.flatMap { olv_cuda_open(path, $0, count) }
    }
    if let library { return .success(library) }
    return .failure(LoaderError(text: textOfC(words)))
  }
}

/// What stands in a buffer that a C function has filled, up to the zero byte.
func textOfC(_ letters: [CChar]) -> String {
  String(decoding: letters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
