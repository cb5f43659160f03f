import FoundationEssentials
import Glibc

/// Which files of a folder make which split, by the conventions of the Hugging Face hub.
///
/// Source: the hub's documentation, "File names and splits".
enum SplitLayout {
  /// The words in file and folder names that stand for a split.
  static let keywords: [String: String] = [
    "train": "train", "training": "train",
    "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation",
    "test": "test", "testing": "test", "eval": "test", "evaluation": "test",
  ]

  private static let order = ["train", "validation", "test"]

  /// The splits in their order, each with its files in theirs. A single file is one split.
  ///
  /// - Throws: `DatasetFailure`.
  static func of(_ path: String) throws -> [(split: String, files: [String])] {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw DatasetFailure.unreadable(path: path, reason: String(cString: strerror(errno)))
    }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      let name = path.split(separator: "/").last.map { String($0) } ?? path
      return [(keyword(in: [name]) ?? "train", [path])]
    }
    let files = try dataFiles(in: path)
    try checkConfigurations(files, folder: path)
    try checkShards(files, folder: path)
    return group(files).map { split, files in (split, files.map { "\(path)/\($0)" }) }
  }

  private static let maximumDepth = 4
  private static let maximumFiles = 20_000

  /// The data files below a folder, relative to it, sorted.
  private static func dataFiles(in folder: String) throws -> [String] {
    var found: [String] = []
    var foreign: [String] = []
    var seen = 0
    func visit(_ relative: String, depth: Int) throws {
      let path = relative.isEmpty ? folder : "\(folder)/\(relative)"
      let names: [String]
      do {
        names = try FileManager.default.contentsOfDirectory(atPath: path)
      } catch {
        throw DatasetFailure.unreadable(path: path, reason: "the folder cannot be listed")
      }
      for name in names.sorted() where !name.hasPrefix(".") && !name.hasPrefix("_") {
        seen += 1
        guard seen <= maximumFiles else {
          throw DatasetFailure.tooLarge(
            path: folder, limit: maximumFiles, what: "the number of files")
        }
        let file = relative.isEmpty ? name : "\(relative)/\(name)"
        // A link in a hub cache may lead to a blob that was never downloaded: opening says so.
        if isFolder("\(folder)/\(file)") {
          if depth < maximumDepth { try visit(file, depth: depth + 1) }
        } else if isDocumentation(name) {
          continue
        } else if DatasetFormats.named(by: name) != nil {
          found.append(file)
        } else if DatasetFormats.foreign[DatasetFormats.ending(of: name)] != nil {
          foreign.append(file)
        }
      }
    }
    try visit("", depth: 0)
    // Prose beside data is about the data.
    let data = found.filter { DatasetFormats.named(by: $0) != PlainText.self }
    if !data.isEmpty { return data }
    if found.isEmpty, let first = foreign.first,
      let (what, advice) = DatasetFormats.foreign[DatasetFormats.ending(of: first)]
    {
      throw DatasetFailure.unsupported(path: "\(folder)/\(first)", found: what, advice: advice)
    }
    guard !found.isEmpty else {
      throw DatasetFailure.noDataFiles(folder: folder, formats: DatasetFormats.descriptions)
    }
    return found
  }

  /// Files that lie in dataset folders without being data.
  private static func isDocumentation(_ name: String) -> Bool {
    let name = name.lowercased()
    let stem = name.prefix { $0 != "." }
    return ["readme", "license", "licence", "notice", "changelog", "citation"].contains(stem)
      || ["dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"]
        .contains(name)
  }

  /// The folder of one of several datasets that lie side by side.
  ///
  /// - Throws: `DatasetFailure.noConfiguration`.
  static func configuration(_ name: String, in folder: String) throws -> String {
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
      .filter { !$0.hasPrefix(".") && isFolder("\(folder)/\($0)") }.sorted()
    guard names.contains(name) else {
      throw DatasetFailure.noConfiguration(folder: folder, name: name, available: names)
    }
    return "\(folder)/\(name)"
  }

  private static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Several folders that are neither splits nor `data` are datasets of their own.
  private static func checkConfigurations(_ files: [String], folder: String) throws {
    var names: [String] = []
    for file in files {
      let parts = file.split(separator: "/")
      guard parts.count > 1 else { return }
      let name = String(parts[0])
      if name == "data" || keyword(in: [name]) != nil { return }
      if !names.contains(name) { names.append(name) }
    }
    if names.count > 1 {
      throw DatasetFailure.severalConfigurations(folder: folder, names: names)
    }
  }

  /// `NAME-00002-of-00005.jsonl`, taken apart.
  private static func shard(_ file: String) -> (
    stem: Substring, number: Int, total: Int, rest: Substring
  )? {
    guard let mark = file.firstRange(of: "-of-"), mark.lowerBound > file.startIndex else {
      return nil
    }
    let before = file[..<mark.lowerBound]
    let after = file[mark.upperBound...]
    let number = before.suffix(while: { $0.isASCII && $0.isNumber })
    let total = after.prefix(while: { $0.isASCII && $0.isNumber })
    guard number.count == 5, total.count == 5, let place = Int(number), let all = Int(total) else {
      return nil
    }
    let stem = before.dropLast(5)
    guard stem.last == "-" else { return nil }
    return (stem.dropLast(), place, all, after.dropFirst(5))
  }

  private static func checkShards(_ files: [String], folder: String) throws {
    var found: [String: Set<Int>] = [:]
    var missing: [String] = []
    for file in files {
      guard let shard = shard(file.hasSuffix(".gz") ? String(file.dropLast(3)) : file) else {
        continue
      }
      found["\(shard.stem)\n\(shard.total)\n\(shard.rest)", default: []].insert(shard.number)
    }
    for (key, numbers) in found {
      let parts = key.split(separator: "\n", omittingEmptySubsequences: false)
      guard parts.count == 3, let total = Int(parts[1]) else { continue }
      for number in 0..<total where !numbers.contains(number) {
        missing.append("\(parts[0])-\(padded(number))-of-\(padded(total))\(parts[2])")
      }
    }
    if !missing.isEmpty {
      throw DatasetFailure.missingShards(folder: folder, names: missing.sorted())
    }
  }

  private static func padded(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
  }

  private static func group(_ files: [String]) -> [(split: String, files: [String])] {
    var groups: [String: [String]] = [:]
    for file in files {
      let parts = file.split(separator: "/").map { String($0) }
      if let split = keyword(in: parts) {
        groups[split, default: []].append(file)
      } else if parts.count > 1, parts[parts.count - 2] == "data", let name = parts.last,
        let shard = shard(name)
      {
        groups[String(shard.stem), default: []].append(file)
      }
    }
    // Where nothing is named after a split, everything is for training.
    if groups.isEmpty { groups["train"] = files }
    let others = groups.keys.filter { !order.contains($0) }.sorted()
    return (order.filter { groups[$0] != nil } + others).map { ($0, groups[$0] ?? []) }
  }

  /// The split that a path is named after: its file's name counts before its folders' names.
  private static func keyword(in parts: [String]) -> String? {
    for part in parts.reversed() {
      for word in part.lowercased().split(whereSeparator: { !$0.isLetter && !$0.isNumber }) {
        if let split = keywords[String(word)] { return split }
      }
    }
    return nil
  }
}

extension StringProtocol {
  fileprivate func suffix(while isIncluded: (Character) -> Bool) -> SubSequence {
    var start = endIndex
    while start > startIndex, isIncluded(self[index(before: start)]) {
      start = index(before: start)
    }
    return self[start...]
  }
}
