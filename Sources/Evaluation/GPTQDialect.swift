import Runtime
import Tokenizers

/// The evaluation of the GPTQ paper's code, which most papers on quantization since have used: all rows one text, windows
/// without overlap.
///
/// *Paper:* Frantar et al., "GPTQ" (2023), section 4.
public struct GPTQDialect: Dialect {
  public let name = "gptq"
  public let summary = "rows joined by blank lines into one text, windows of 2048"
  public let length = 2048

  public init() {}

  public func windows(_ texts: [String], tokenizer: Tokenizer, options: DialectOptions) throws
    -> DialectWindows
  {
    let length = options.length ?? self.length
    // With the special tokens that the tokenizer itself adds, once at the start of the whole text.
    let ids = tokenizer.encode(texts.joined(separator: "\n\n"), special: true)
    try Interrupt.check()
    let windows = try fullWindows(ids, length: length, rows: texts.count, dialect: name)
    return DialectWindows(
      windows: windows.map { Window($0) },
      text: "gptq: rows joined by blank lines, windows of \(length) without overlap")
  }
}
