import CRegistry

/// One verb's entry in the section that the linker gathers.
public typealias VerbEntry = @convention(c) (UnsafeMutableRawPointer) -> Void

/// Adds a verb to the list that the registry collects. Called by a verb's `register` entry only.
public func declare<V: Verb>(_ verb: V.Type, in list: UnsafeMutableRawPointer) {
  list.assumingMemoryBound(to: [any Verb.Type].self).pointee.append(verb)
}

/// The verbs that a session knows, by name. Their declarations are read when they are needed.
public final class VerbRegistry {
  /// In alphabetical order.
  public let names: [String]
  let types: [String: any Verb.Type]
  private var declarations: [String: VerbDeclaration] = [:]

  /// - Parameter verbs: Of two with one name the last counts.
  public init(_ verbs: [any Verb.Type]) {
    types = Dictionary(verbs.map { ($0.name, $0) }) { $1 }
    names = types.keys.sorted()
  }

  /// The verbs that are linked into this program.
  public static func linked() -> [any Verb.Type] {
    var verbs: [any Verb.Type] = []
    withUnsafeMutablePointer(to: &verbs) { olv_each_verb(UnsafeMutableRawPointer($0)) }
    return verbs
  }

  public func contains(_ name: String) -> Bool { types[name] != nil }

  public subscript(name: String) -> VerbDeclaration? {
    if let known = declarations[name] { return known }
    guard let type = types[name] else { return nil }
    let declaration = VerbDeclaration(type)
    declarations[name] = declaration
    return declaration
  }

  /// All declarations in alphabetical order.
  public var all: [VerbDeclaration] { names.compactMap { self[$0] } }
}

extension VerbRegistry {
  /// The verb's type, without reading its parameters.
  func type(_ name: String) -> (any Verb.Type)? { types[name] }
}
