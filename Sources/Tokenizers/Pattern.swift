import CPCRE2

/// What a splitter or a replacement looks for: a literal text or a regular expression.
enum Pattern: Sendable {
  case literal([UInt8])
  case expression(Expression)

  /// Reads `{"String": …}` or `{"Regex": …}`.
  init(_ section: Section) throws {
    if let literal = try section.member("String") {
      let text = try literal.string()
      guard !text.isEmpty else { throw literal.invalid("an empty pattern matches nothing") }
      self = .literal(Array(text.utf8))
    } else if let regex = try section.member("Regex") {
      self = .expression(try Expression(try regex.string(), at: regex))
    } else {
      throw TokenizerFailure.missing(path: section.path, field: "\(section.field).Regex")
    }
  }

  /// Calls `body` with the spans of matches and of what lies between them, in order; none is empty but for matches of
  /// the empty text.
  @inline(__always)
  func spans(of text: UnsafeBufferPointer<UInt8>, _ body: (Range<Int>, Bool) -> Void) {
    var end = 0
    let found = { (match: Range<Int>) in
      if end < match.lowerBound { body(end..<match.lowerBound, false) }
      body(match, true)
      end = match.upperBound
    }
    switch self {
    case .literal(let literal): Pattern.matches(of: literal, in: text, found)
    case .expression(let expression): expression.matches(in: text, found)
    }
    if end < text.count { body(end..<text.count, false) }
  }

  /// The text with every match replaced by `content`.
  func replacing(_ text: [UInt8], with content: [UInt8]) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(text.count + text.count / 4)
    text.withUnsafeBufferPointer { text in
      spans(of: text) { span, isMatch in
        if isMatch {
          output.append(contentsOf: content)
        } else {
          output.append(contentsOf: UnsafeBufferPointer(rebasing: text[span]))
        }
      }
    }
    return output
  }

  private static func matches(
    of literal: [UInt8], in text: UnsafeBufferPointer<UInt8>, _ found: (Range<Int>) -> Void
  ) {
    guard let first = literal.first else { return }
    var place = 0
    while place + literal.count <= text.count {
      if text[place] == first, text[place..<place + literal.count].elementsEqual(literal) {
        found(place..<place + literal.count)
        place += literal.count
      } else {
        place += 1
      }
    }
  }
}

/// A compiled regular expression.
///
/// Tokenizer files hold expressions in Oniguruma's syntax; they are translated where PCRE2 reads them otherwise.
final class Expression: @unchecked Sendable {
  // PCRE2 never writes to compiled code after the just-in-time compilation, so threads may share it.
  private let code: OpaquePointer
  private let limits: OpaquePointer
  private let isCompiledToMachineCode: Bool

  init(_ pattern: String, at section: Section) throws {
    guard pattern.utf8.count <= 1 << 16 else {
      throw section.invalid("a regular expression of more than 64 KiB")
    }
    var translated = Array(try Expression.translated(pattern, at: section).utf8)
    if translated.isEmpty { translated = Array("(?:)".utf8) }
    var status: Int32 = 0
    var offset = 0
    let settings = pcre2_compile_context_create_8(nil)
    defer { pcre2_compile_context_free_8(settings) }
    pcre2_set_newline_8(settings, UInt32(PCRE2_NEWLINE_LF))
    let options =
      UInt32(PCRE2_UTF) | UInt32(PCRE2_UCP) | UInt32(PCRE2_MULTILINE)
      | UInt32(PCRE2_NEVER_BACKSLASH_C)
    let compiled = pcre2_compile_8(
      translated, translated.count, options, &status, &offset, settings)
    guard let compiled, let limits = pcre2_match_context_create_8(nil) else {
      var text = [UInt8](repeating: 0, count: 256)
      let length = pcre2_get_error_message_8(status, &text, text.count)
      let reason = String(decoding: text.prefix(max(0, Int(length))), as: UTF8.self)
      throw section.invalid("the regular expression does not compile: \(reason)")
    }
    code = compiled
    self.limits = limits
    isCompiledToMachineCode = pcre2_jit_compile_8(code, UInt32(PCRE2_JIT_COMPLETE)) == 0
  }

  deinit {
    pcre2_code_free_8(code)
    pcre2_match_context_free_8(limits)
  }

  /// Calls `found` with the matches from left to right.
  ///
  /// An expression that backtracks beyond PCRE2's limits matches no further.
  @inline(__always)
  func matches(in text: UnsafeBufferPointer<UInt8>, _ found: (Range<Int>) -> Void) {
    guard let subject = text.baseAddress,
      let data = pcre2_match_data_create_8(1, nil)
    else { return }
    defer { pcre2_match_data_free_8(data) }
    guard let bounds = pcre2_get_ovector_pointer_8(data) else { return }
    var place = 0
    var lastEnd = -1
    while place <= text.count {
      guard match(subject, text.count, place, data) else { return }
      let (start, end) = (bounds[0], bounds[1])
      guard start <= end else { return }
      if start == end {
        if start != lastEnd { found(start..<end) }
        place = end + (end < text.count ? UTF8Text.length(text[end]) : 1)
      } else {
        found(start..<end)
        place = end
      }
      lastEnd = end
    }
  }

  @inline(__always)
  private func match(
    _ subject: UnsafePointer<UInt8>, _ count: Int, _ place: Int, _ data: OpaquePointer
  ) -> Bool {
    if isCompiledToMachineCode {
      let status = pcre2_jit_match_8(code, subject, count, place, 0, data, limits)
      if status != PCRE2_ERROR_JIT_STACKLIMIT { return status >= 0 }
    }
    let options = UInt32(PCRE2_NO_UTF_CHECK) | UInt32(PCRE2_NO_JIT)
    return pcre2_match_8(code, subject, count, place, options, data, limits) >= 0
  }
}
