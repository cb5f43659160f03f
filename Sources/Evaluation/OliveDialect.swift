import Tokenizers

/// Every row alone, as Olive's evaluation of text generation sees it: no special tokens unless asked for, cut off at the
/// length, never padded.
public struct OliveDialect: Dialect {
  public let name = "olive"
  public let summary = "each row alone, cut off at length=, without special tokens"
  public let length = 1024

  public init() {}

  public func windows(_ texts: [String], tokenizer: Tokenizer, options: DialectOptions) throws
    -> DialectWindows
  {
    let length = options.length ?? self.length
    let rows = try tokenize(texts, tokenizer: tokenizer, special: options.special)
    let windows = rows.map { Window(Array($0.prefix(length))) }.filter { $0.scored > 0 }
    guard !windows.isEmpty else {
      throw NothingToScore(
        dialect: name, rows: texts.count, tokens: rows.reduce(0) { $0 + $1.count }, length: 2)
    }
    let wrapping = options.special ? "literal bos and eos around it" : "no special tokens"
    return DialectWindows(
      windows: windows, text: "olive: each row alone, \(wrapping), at most \(length) tokens")
  }
}
