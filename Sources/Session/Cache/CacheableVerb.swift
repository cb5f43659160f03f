import Cache
import JSON

/// A verb whose outcome is determined by its parameters, its model and what `keyParts` names: the session stores it, and
/// gives it again in place of the work.
///
/// Everything that is stored comes back bit for bit, rates and times as they were measured then. Conforming takes no
/// code beyond what the outcome depends on:
///
///     extension Ppl: CacheableVerb {
///       static let evidence: (any StorableEvidence.Type)? = PerplexityEvidence.self
///       func keyParts(_ context: RunContext) throws -> [EntryKey.Part]? {
///         [EntryKey.Part("rows", try rows().contentHash())]
///       }
///     }
public protocol CacheableVerb: ReproducibleVerb {
  /// Counted up when the verb's numbers change in a way that the program's own version does not tell.
  static var revision: Int { get }
  /// Whether the outcome is worth a place on disk. Otherwise it is only given its name, so that what is made of it can be
  /// found.
  static var isStored: Bool { get }
  /// The type of its reports' evidence, where they have any.
  static var evidence: (any StorableEvidence.Type)? { get }

  /// Warns of what misleads about the call. Asked before the cache is: what the session knows of the model's way, such as the
  /// rows that it has seen, is no part of what is stored.
  func warn(_ context: RunContext) throws
  /// A model out of the cache with what the verb knows of it without work, and which is not stored.
  func completed(_ model: any ModelValue, _ context: RunContext) throws -> any ModelValue
}

extension CacheableVerb {
  public static var revision: Int { 1 }
  public static var isStored: Bool { true }
  public static var evidence: (any StorableEvidence.Type)? { nil }
  public func warn(_ context: RunContext) throws {}
  public func completed(_ model: any ModelValue, _ context: RunContext) throws -> any ModelValue {
    model
  }
}

/// Evidence that can be written down and read again without loss.
public protocol StorableEvidence: Sendable {
  var json: JSON { get }
  /// Nil for what is no such evidence.
  init?(_ json: JSON)
}

/// What tells a model from all others.
public struct ModelIdentity: Sendable, Hashable {
  /// A hash of its weights, or of the stage that made it.
  public var content: String
  /// What computes with it: the kind of device, its arithmetic, the precision.
  public var execution: String

  public init(content: String, execution: String) {
    self.content = content
    self.execution = execution
  }
}

/// A model that can be named by its content, and stored as the difference to the model that it was made from.
public protocol StorableModel: ModelValue {
  /// How it came to be; nil where that cannot be told.
  var provenance: Provenance? { get set }
  /// What computes with it, as in `ModelIdentity`.
  var execution: String { get }
  /// Nil for a model that was made in a way nobody can name.
  ///
  /// - Throws: `Cancelled`, and what reading the weights gives rise to.
  func identity() throws -> ModelIdentity?
  /// The same model under a name.
  func named(_ content: String) throws -> any ModelValue
  /// Facts that `restored` needs beside the files, and the bytes that the files would take.
  func facts(madeFrom base: any ModelValue) throws -> (facts: JSONObject, bytes: Int)
  /// Writes what differs from `base`.
  func store(in entry: EntryWriter, madeFrom base: any ModelValue) throws
  /// The model that was made from this one and stored. Nothing of it need be read before it is used.
  ///
  /// - Parameters:
  ///   - entry: Without files where only the facts were worth storing.
  ///   - making: Makes the model anew, where the entry has no files or they are damaged.
  /// - Throws: `DamagedEntry`.
  func restored(
    _ entry: StoredEntry, facts: JSONObject, name: String,
    making: @escaping @Sendable () throws -> any ModelValue
  ) throws -> any ModelValue
}
