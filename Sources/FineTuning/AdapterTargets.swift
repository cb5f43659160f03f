import Runtime

/// The linear layers that get an adapter.
public enum AdapterTargets: Sendable, Hashable {
  /// Every linear layer but the head.
  case all
  /// Layers whose name is one of these or ends in one of them after a dot, as in PEFT's `target_modules`.
  case named([String])

  /// The names among `names` that are meant.
  ///
  /// - Throws: `UnknownTarget` where one matches nothing.
  public func choose(among names: [String]) throws -> Set<String> {
    guard case .named(let targets) = self else { return Set(names) }
    var chosen: Set<String> = []
    for target in targets {
      let matches = names.filter { $0 == target || $0.hasSuffix(".\(target)") }
      guard !matches.isEmpty else { throw UnknownTarget(target: target, among: names) }
      chosen.formUnion(matches)
    }
    guard !chosen.isEmpty else { throw UnknownTarget(target: "[]", among: names) }
    return chosen
  }
}

/// A name that no linear layer of the model has.
public struct UnknownTarget: Failure, Equatable {
  public var target: String
  /// The last parts of the names that there are.
  public var known: [String]

  public init(target: String, among names: [String]) {
    self.target = target
    var known: [String] = []
    for name in names {
      let leaf = name.split(separator: ".").last.map(String.init) ?? name
      if !known.contains(leaf) { known.append(leaf) }
    }
    self.known = known
  }

  public var message: String { "no linear layer matches the target `\(target)`" }
  public var help: String? { "targets of this model: all, \(known.joined(separator: ", "))" }
}
