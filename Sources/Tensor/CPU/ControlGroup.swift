import Glibc

/// What the process may use of the machine, where a container or a service manager limits it: as many threads as the
/// machine has processors would take turns being stopped, and memory beyond the limit ends the process.
///
/// Linux's control groups, both versions (Documentation/admin-guide/cgroup-v2.rst, cgroup-v1). The strictest limit of the
/// process's group and of those that it lies in counts.
struct ControlGroup: Equatable {
  /// Processors' worth of time; nil without a limit.
  var processors: Double?
  /// Bytes; nil without a limit.
  var memory: Int?

  /// Whole processors that `count` come to under the limit, at least one.
  func processors(of count: Int) -> Int {
    guard let processors, processors < Double(count) else { return count }
    return max(1, Int(processors))
  }

  /// The limits of this process.
  ///
  /// - Parameter root: What stands before `/proc` and `/sys`.
  init(root: String = "") {
    let mount = root + "/sys/fs/cgroup"
    for line in (Self.text(root + "/proc/self/cgroup") ?? "").split(separator: "\n") {
      // 0::/path in version 2; number:controllers:/path in version 1.
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let (names, path) = (String(parts[1]), String(parts[2]))
      let controllers = names.split(separator: ",")
      if names.isEmpty {
        for base in [mount, mount + "/unified"] {
          for folder in Self.folders(path, in: base) {
            limit(time: Self.numbers(folder + "/cpu.max"))
            limit(memory: Self.numbers(folder + "/memory.max").first ?? nil)
          }
        }
      }
      if controllers.contains("cpu") {
        for base in ["\(mount)/\(names)", "\(mount)/cpu"] {
          for folder in Self.folders(path, in: base) {
            let files = ["cpu.cfs_quota_us", "cpu.cfs_period_us"]
            limit(time: files.map { Self.numbers("\(folder)/\($0)").first ?? nil })
          }
        }
      }
      if controllers.contains("memory") {
        for folder in Self.folders(path, in: "\(mount)/memory") {
          limit(memory: Self.numbers(folder + "/memory.limit_in_bytes").first ?? nil)
        }
      }
    }
  }

  /// Microseconds of processor time, and of the period in which they may be used.
  private mutating func limit(time numbers: [Int?]) {
    guard numbers.count == 2, let quota = numbers[0], let period = numbers[1], quota > 0, period > 0
    else { return }
    processors = min(processors ?? .infinity, Double(quota) / Double(period))
  }

  private mutating func limit(memory bytes: Int?) {
    guard let bytes, bytes > 0 else { return }
    memory = min(memory ?? .max, bytes)
  }

  /// The group's folder and those above it. Inside a container the group itself is mounted at `base`, and its path as the
  /// host has it leads nowhere.
  private static func folders(_ path: String, in base: String) -> [String] {
    var parts = path.split(separator: "/").map(String.init)
    var folders = [base]
    while !parts.isEmpty {
      folders.append(base + "/" + parts.joined(separator: "/"))
      parts.removeLast()
    }
    return folders
  }

  /// The numbers of a file's first line; nil for each word that is none, such as `max`.
  private static func numbers(_ path: String) -> [Int?] {
    guard let line = text(path)?.split(separator: "\n").first else { return [] }
    return line.split(separator: " ").map { Int($0) }
  }

  private static func text(_ path: String) -> String? {
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 14)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
  }
}
