import Cache
import Runtime

/// A verb whose outcome is determined by its parameters, its model and what `keyParts` names: receipts tell it, and
/// `replay` runs it again. Those of a receipt may do no more than that: they write nothing.
public protocol ReproducibleVerb: Verb {
  /// Parameters that never change the outcome, such as one that only bounds memory.
  static var indifferent: [String] { get }
  /// Fields of its reports that say how long something took, or how fast it was.
  static var measurements: [String] { get }

  /// What the outcome depends on beyond the parameters as written and the models: hashes of rows. Nil where it cannot be
  /// told this time.
  ///
  /// - Throws: What stands in the way of the work as well.
  func keyParts(_ context: RunContext) throws -> [EntryKey.Part]?
  /// Hashes of what a verb that finds its model, instead of taking one, read; nil for all others. Computed when somebody
  /// asks, and without holding on to the model.
  func inputs(found model: any ModelValue) -> Deferred<[EntryKey.Part]>?
  /// Arguments that a script would have to write to get the same outcome without the names of a pack.
  var implied: [(key: String, text: String)] { get }
}

extension ReproducibleVerb {
  public static var indifferent: [String] { [] }
  public static var measurements: [String] { [] }
  public func keyParts(_ context: RunContext) throws -> [EntryKey.Part]? { [] }
  public func inputs(found model: any ModelValue) -> Deferred<[EntryKey.Part]>? { nil }
  public var implied: [(key: String, text: String)] { [] }
}
