import Tokenizers

/// What a token is a part of, as far as its text tells.
public enum TokenClass: String, Sendable, Hashable, CaseIterable {
  /// A word that a programming language keeps for itself, in code.
  case keyword
  /// Any other word in code.
  case identifier
  /// A word outside of code, or in a comment or a string.
  case prose
  case digits
  /// Punctuation, operators, white space.
  case other

  /// The class of each token.
  ///
  /// Code is what stands between fences (```` ``` ````); in a text without fences, lines that are indented or end as statements
  /// do. A token counts as what its first character is a part of that is no white space.
  public static func classify(_ ids: [Int32], _ tokenizer: Tokenizer) -> [TokenClass] {
    var decoder = tokenizer.decoder()
    var bytes: [UInt8] = []
    var ends: [Int] = []
    for id in ids {
      bytes += Array(decoder.append(id).utf8)
      ends.append(bytes.count)
    }
    bytes += Array(decoder.flush().utf8)
    if !ends.isEmpty { ends[ends.count - 1] = bytes.count }
    let classes = TokenClass.classes(of: bytes)
    var start = 0
    return ends.map { end in
      defer { start = end }
      guard let place = (start..<end).first(where: { !isSpace(bytes[$0]) }) else { return .other }
      return classes[place]
    }
  }

  /// The class of each byte of a text.
  static func classes(of bytes: [UInt8]) -> [TokenClass] {
    var result = [TokenClass](repeating: .other, count: bytes.count)
    let lines = lines(of: bytes)
    let hasFences = lines.contains { isFence(bytes[$0]) }
    var isFenced = false
    for line in lines {
      if isFence(bytes[line]) {
        isFenced.toggle()
        continue
      }
      let isCode = hasFences ? isFenced : looksLikeCode(bytes[line])
      classify(bytes, line, isCode: isCode, into: &result)
    }
    return result
  }

  private static func classify(
    _ bytes: [UInt8], _ line: Range<Int>, isCode: Bool, into result: inout [TokenClass]
  ) {
    var place = line.lowerBound
    var isText = !isCode
    var isQuoted = false
    while place < line.upperBound {
      let byte = bytes[place]
      if isCode, !isQuoted, startsComment(bytes, place, line) { isText = true }
      if isCode, byte == UInt8(ascii: "\""), !isText || isQuoted {
        isQuoted.toggle()
        isText = isQuoted
      }
      if isLetter(byte) {
        var end = place
        while end < line.upperBound, isLetter(bytes[end]) || isDigit(bytes[end]) { end += 1 }
        let word = String(decoding: bytes[place..<end], as: UTF8.self)
        let found: TokenClass =
          isText ? .prose : keywords.contains(word) ? .keyword : .identifier
        for index in place..<end { result[index] = found }
        place = end
      } else {
        if isDigit(byte) { result[place] = .digits }
        place += 1
      }
    }
  }

  /// `//`, and `#` or `--` before a blank.
  private static func startsComment(_ bytes: [UInt8], _ place: Int, _ line: Range<Int>) -> Bool {
    func byte(_ offset: Int) -> UInt8? {
      line.contains(place + offset) ? bytes[place + offset] : nil
    }
    let isFresh = byte(-1).map(isSpace) ?? true
    switch bytes[place] {
    case UInt8(ascii: "/"): return byte(1) == UInt8(ascii: "/") && byte(-1) != UInt8(ascii: ":")
    case UInt8(ascii: "#"): return isFresh && byte(1) == UInt8(ascii: " ")
    case UInt8(ascii: "-"):
      return isFresh && byte(1) == UInt8(ascii: "-") && byte(2) == UInt8(ascii: " ")
    default: return false
    }
  }

  /// Without line ends.
  private static func lines(of bytes: [UInt8]) -> [Range<Int>] {
    var lines: [Range<Int>] = []
    var start = 0
    for (place, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") {
      lines.append(start..<place)
      start = place + 1
    }
    lines.append(start..<bytes.count)
    return lines
  }

  private static func isFence(_ line: ArraySlice<UInt8>) -> Bool {
    line.drop(while: isSpace).starts(with: "```".utf8)
  }

  private static func looksLikeCode(_ line: ArraySlice<UInt8>) -> Bool {
    if line.starts(with: "    ".utf8) || line.first == UInt8(ascii: "\t") { return true }
    guard let last = line.last(where: { !isSpace($0) }) else { return false }
    return ";{}".utf8.contains(last)
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }
  private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
  /// Letters, the underscore, and all that is not ASCII.
  private static func isLetter(_ byte: UInt8) -> Bool {
    (65...90).contains(byte) || (97...122).contains(byte) || byte == 95 || byte >= 128
  }

  /// Words that common languages keep for themselves; SQL's in capitals, as it is mostly written.
  static let keywords: Set<String> = Set(
    """
    abstract and as assert async await begin bool boolean break byte case catch chan char class const constexpr continue \
    def default defer del delete do done double echo elif else elsif end endif ensure enum esac except export extends \
    extern false False fi final finally fn float for foreach from func function global go goto if impl implements import \
    in include inline instanceof int interface is lambda let local long loop map match mod module mut namespace new nil \
    None not null nullptr of operator or override package pass pub public private protected raise range readonly rescue \
    return select self Self short signed sizeof static str String struct super switch template then this throw throws \
    trait true True try type typedef typename typeof union unless unsigned unsafe until use using val var virtual void \
    volatile when where while with yield i32 i64 u32 u64 usize f32 f64 \
    ALTER AND AS ASC BEGIN BY CASE COUNT CREATE DEFAULT DELETE DESC DISTINCT DROP ELSE END EXISTS FOREIGN FROM GROUP \
    HAVING IN INNER INSERT INTEGER INTO IS JOIN KEY LEFT LIKE LIMIT MAX MIN NOT NULL ON OR ORDER OUTER PRIMARY REAL \
    REFERENCES RIGHT SELECT SET SUM TABLE TEXT THEN UNION UNIQUE UPDATE VALUES VARCHAR VIEW WHEN WHERE WITH
    """.split(separator: " ").map(String.init))
}
