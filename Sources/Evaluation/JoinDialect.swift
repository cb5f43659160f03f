import Tokenizers

/// Rows packed the way Olive packs training data: tokenized one by one, each followed by the tokens of a blank line, cut
/// into blocks.
public struct JoinDialect: Dialect {
  public let name = "join"
  public let summary = "rows packed into blocks of length= as for training"
  public let length = 1024

  public init() {}

  public func windows(_ texts: [String], tokenizer: Tokenizer, options: DialectOptions) throws
    -> DialectWindows
  {
    let length = options.length ?? self.length
    let rows = try tokenize(texts, tokenizer: tokenizer, special: options.special)
    let blocks = joinedBlocks(
      rows, separator: tokenizer.encode("\n\n"), length: length)
    guard !blocks.isEmpty, length > 1 else {
      throw NothingToScore(
        dialect: name, rows: texts.count, tokens: rows.reduce(0) { $0 + $1.count },
        length: max(length, 2) + 1)
    }
    return DialectWindows(
      windows: blocks.map { Window($0) },
      text: "join: rows joined by the tokens of a blank line, blocks of \(length)")
  }
}
