import Runtime
import Tokenizers

/// The evaluation of llama.cpp's perplexity tool: windows that each start with the beginning token; the second half of
/// each is scored, so that every scored token has half a window of context.
public struct LlamaCppDialect: Dialect {
  public let name = "llamacpp"
  public let summary = "windows of 512 that start with bos, the second half of each scored"
  public let length = 512

  public init() {}

  public func windows(_ texts: [String], tokenizer: Tokenizer, options: DialectOptions) throws
    -> DialectWindows
  {
    let length = options.length ?? self.length
    let bos = tokenizer.bos
    let text = options.original ?? texts.joined(separator: "\n\n")
    let ids = (bos.map { [$0] } ?? []) + tokenizer.encode(text)
    try Interrupt.check()
    let windows = try fullWindows(ids, length: length, rows: texts.count, dialect: name)
    return DialectWindows(
      windows: windows.map { window in
        var window = window
        // The first token of every window gives way to bos, as there.
        if let bos { window[0] = bos }
        return Window(window, from: length / 2 + 1)
      },
      text:
        "llamacpp: \(options.original == nil ? "rows joined by blank lines" : "the whole text"), "
        + "windows of \(length)"
        + (bos == nil ? "" : " with bos") + ", second half scored")
  }
}
