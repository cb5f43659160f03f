/// Tokens that are recognized in the text before anything else happens to it: the `added_tokens` section.
struct AddedTokens: Sendable {
  struct Token: Sendable {
    var id: Int32
    var content: [UInt8]
    var isSpecial: Bool
    /// Matches whole words only.
    var isWord: Bool
    /// Takes the white space before, or behind, along.
    var stripsLeft: Bool
    var stripsRight: Bool
    /// Looked for in the normalized text instead of the text as written.
    var isNormalized: Bool
  }

  /// A stretch of text: a token, or text for the model.
  enum Part {
    case token(Int32)
    case text(Range<Int>)
  }

  private(set) var tokens: [Token] = []
  private(set) var specialIDs: Set<Int32> = []
  private var placeByID: [Int32: Int] = [:]
  private var idByContent: [[UInt8]: Int32] = [:]
  private(set) var written = Trie()
  private(set) var normalized = Trie()

  init() {}

  init(_ section: Section, vocabulary: Vocabulary) throws {
    for element in try section.elements() {
      let idSection = try element.required("id")
      let id = try idSection.int()
      guard id >= 0, id < Vocabulary.limit else {
        throw idSection.invalid("id \(id) is out of range")
      }
      let content = try element.bytes("content")
      if content.isEmpty { continue }
      let isSpecial = try element.flag("special", otherwise: false)
      let token = Token(
        id: Int32(id), content: content, isSpecial: isSpecial,
        isWord: try element.flag("single_word", otherwise: false),
        stripsLeft: try element.flag("lstrip", otherwise: false),
        stripsRight: try element.flag("rstrip", otherwise: false),
        isNormalized: try element.flag("normalized", otherwise: !isSpecial))
      let text = String(decoding: content, as: UTF8.self)
      if let holder = vocabulary.token(token.id), !holder.elementsEqual(content) {
        throw idSection.invalid(
          "`\(text)` has id \(id), which the vocabulary gives to "
            + "`\(String(decoding: holder, as: UTF8.self))`")
      }
      let known = vocabulary.id(content)
      if known >= 0, known != token.id {
        throw idSection.invalid("`\(text)` has id \(id) here and id \(known) in the vocabulary")
      }
      if let place = placeByID[token.id] {
        guard tokens[place].content == content else {
          throw idSection.invalid(
            "id \(id) is given to `\(text)` and to "
              + "`\(String(decoding: tokens[place].content, as: UTF8.self))`")
        }
        tokens[place] = token
      } else {
        if let other = idByContent[content] {
          throw idSection.invalid("`\(text)` has id \(id) and id \(other)")
        }
        placeByID[token.id] = tokens.count
        idByContent[content] = token.id
        tokens.append(token)
      }
      if token.isSpecial { specialIDs.insert(token.id) }
    }
  }

  /// Prepares the search, for which the normalized tokens must be normalized themselves.
  mutating func prepare(_ normalizer: Normalizer?) {
    for (place, token) in tokens.enumerated() {
      if token.isNormalized {
        normalized.add(normalizer?.apply(token.content) ?? token.content, place)
      } else {
        written.add(token.content, place)
      }
    }
  }

  /// The largest id + 1; 0 without tokens.
  var end: Int { Int((tokens.map(\.id).max() ?? -1) + 1) }

  func content(_ id: Int32) -> [UInt8]? { placeByID[id].map { tokens[$0].content } }

  func id(_ content: [UInt8]) -> Int32? { idByContent[content] }

  /// Cuts a text at the tokens of a trie: the leftmost first, and of those the longest.
  func parts(of text: UnsafeBufferPointer<UInt8>, _ trie: Trie) -> [Part] {
    guard !trie.isEmpty else { return text.isEmpty ? [] : [.text(0..<text.count)] }
    var parts: [Part] = []
    var end = 0
    var place = 0
    while let (found, match) = trie.next(in: text, from: place) {
      place = match.upperBound
      let token = tokens[found]
      var (start, stop) = (match.lowerBound, match.upperBound)
      if token.isWord {
        if start > 0, UTF8Text.isWord(UTF8Text.scalar(text, before: start).0) { continue }
        if stop < text.count, UTF8Text.isWord(UTF8Text.scalar(text, at: stop).0) { continue }
      }
      if token.stripsLeft {
        while start > 0 {
          let (scalar, length) = UTF8Text.scalar(text, before: start)
          guard UTF8Text.isSpace(scalar) else { break }
          start -= length
        }
        start = max(start, end)
      }
      if token.stripsRight {
        while stop < text.count {
          let (scalar, length) = UTF8Text.scalar(text, at: stop)
          guard UTF8Text.isSpace(scalar) else { break }
          stop += length
        }
      }
      if end < start { parts.append(.text(end..<start)) }
      parts.append(.token(token.id))
      end = stop
    }
    if end < text.count { parts.append(.text(end..<text.count)) }
    return parts
  }
}
