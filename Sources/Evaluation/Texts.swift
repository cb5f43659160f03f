import Runtime
import Tokenizers

/// The token ids of each text, without the special tokens that the tokenizer would add.
///
/// - Parameter special: Whether each text is first wrapped into the literal beginning and end tokens, with blanks
///   between, as Olive's `add_special_tokens` does; a tokenizer that lacks one has the empty text in its place.
func tokenize(_ texts: [String], tokenizer: Tokenizer, special: Bool) throws -> [[Int32]] {
  let bos = tokenizer.bos.flatMap(tokenizer.token(of:)) ?? ""
  let eos = tokenizer.eos.flatMap(tokenizer.token(of:)) ?? ""
  var steps = Steps("tokenize", of: texts.count, unit: "rows")
  return try texts.map { text in
    try steps.advance()
    return tokenizer.encode(special ? "\(bos) \(text) \(eos)" : text)
  }
}

/// The windows of `length` tokens of one stream, without overlap; what is left at the end is dropped.
///
/// - Throws: `NothingToScore` where there is not even one.
func fullWindows(_ ids: [Int32], length: Int, rows: Int, dialect: String) throws -> [[Int32]] {
  guard length > 1, ids.count >= length else {
    throw NothingToScore(
      dialect: dialect, rows: rows, tokens: ids.count, length: Swift.max(length, 2))
  }
  return (0..<ids.count / length).map { Array(ids[$0 * length..<($0 + 1) * length]) }
}
