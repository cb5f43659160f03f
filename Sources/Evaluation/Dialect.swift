import Data
import Runtime
import Tokenizers

/// One way of measuring perplexity: how rows become windows. The numbers of two dialects never compare.
///
/// A dialect is one file that conforms to this, and one entry in `Dialects.all`.
public protocol Dialect: Sendable {
  /// What `as=` calls it.
  var name: String { get }
  /// One sentence for help.
  var summary: String { get }
  /// Tokens per window, or the most tokens of a row, where the user gives none.
  var length: Int { get }
  /// The windows of `texts`.
  ///
  /// - Throws: `NothingToScore` where no window results.
  func windows(_ texts: [String], tokenizer: Tokenizer, options: DialectOptions) throws
    -> DialectWindows
}

/// What a user may change about a dialect.
public struct DialectOptions: Sendable, Hashable {
  /// Tokens per window; nil for the dialect's own.
  public var length: Int?
  /// Whether each row is wrapped into the literal text of the tokenizer's beginning and end tokens, as Olive does.
  public var special: Bool
  /// The text that the rows were cut from, where it is known: dialects that read a file as it is take this.
  public var original: String?

  public init(length: Int? = nil, special: Bool = false, original: String? = nil) {
    self.length = length
    self.special = special
    self.original = original
  }
}

/// Windows, and in words how they came about.
public struct DialectWindows: Sendable {
  public var windows: [Window]
  /// The protocol, for reports.
  public var text: String

  public init(windows: [Window], text: String) {
    self.windows = windows
    self.text = text
  }
}

/// The dialects there are.
public enum Dialects {
  public static let all: [any Dialect] = [
    OliveDialect(), JoinDialect(), GPTQDialect(), LlamaCppDialect(),
  ]

  public static func named(_ name: String) -> (any Dialect)? { all.first { $0.name == name } }
}

/// Data that yields nothing to score.
public struct NothingToScore: Failure, Equatable {
  public var dialect: String
  public var rows: Int
  public var tokens: Int
  /// Tokens that one window needs.
  public var length: Int

  public init(dialect: String, rows: Int, tokens: Int, length: Int) {
    self.dialect = dialect
    self.rows = rows
    self.tokens = tokens
    self.length = length
  }

  public var message: String {
    "as=\(dialect) needs at least \(length) tokens, found \(tokens) in \(Words.counted(rows, "row"))"
  }
  public var help: String? { "use more rows or a smaller length=" }
}
