/// Turns ids into text as they come.
///
/// - Guarantee: what `append` and `flush` return, joined, is what `Tokenizer.decode` gives for the same ids; no
///   returned text ends within a character.
public struct StreamingDecoder: Sendable {
  private let tokenizer: Tokenizer
  private let skipsSpecial: Bool
  private var run: Decoder.Run

  init(_ tokenizer: Tokenizer, skipsSpecial: Bool) {
    self.tokenizer = tokenizer
    self.skipsSpecial = skipsSpecial
    run = Decoder.Run(tokenizer.decoding)
  }

  /// Adds an id, and returns the text that is final now and was not before.
  public mutating func append(_ id: Int32) -> String {
    tokenizer.feed(id, to: &run, skipsSpecial: skipsSpecial)
    return run.takeOutput()
  }

  /// Ends the text: returns what was held back, and starts afresh.
  public mutating func flush() -> String {
    run.finish()
    defer { run = Decoder.Run(tokenizer.decoding) }
    return run.takeOutput()
  }
}
