import Runtime

/// Byte-pair encoding: a word starts as its characters, and the pair of lowest rank merges until none is left.
///
/// Paper: Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units" (section 3.2).
struct BPE: Sendable {
  let vocabulary: Vocabulary
  let merges: Merges
  /// The token of characters that the vocabulary lacks, or -1: such characters vanish.
  let unknown: Int32
  /// Whether a run of unknown characters becomes one token.
  let fusesUnknown: Bool
  /// The tokens `<0x00>` to `<0xFF>` that spell unknown characters, -1 where absent; empty where this is not wanted.
  let byteTokens: [Int32]
  /// Whether a word that is a token becomes that token, whatever the merges say.
  let ignoresMerges: Bool
  /// Whether words are raw bytes, to be spelled in the byte alphabet.
  let spellsBytes: Bool
  /// Whether no merge joins `▁` to other characters before it, so that long texts may be cut there.
  private let cutsAtSpaces: Bool
  /// The ids of the one-character tokens below U+0800, or -1.
  private let characters: [Int32]

  private static let space: [UInt8] = [0xE2, 0x96, 0x81]

  init(
    vocabulary: Vocabulary, merges: Merges, mergesCrossSpaces: Bool, unknown: Int32,
    fusesUnknown: Bool, byteFallback: Bool, ignoresMerges: Bool, spellsBytes: Bool
  ) {
    self.vocabulary = vocabulary
    self.merges = merges
    self.unknown = unknown
    self.fusesUnknown = fusesUnknown
    self.ignoresMerges = ignoresMerges
    self.spellsBytes = spellsBytes
    // Where `▁` is a token and no merge crosses it, the words around it merge independently of each other. The
    // unknown token may not end in `▁` itself: it would merge like one.
    let unknownEndsInSpace =
      vocabulary.token(unknown).map { $0.suffix(3).elementsEqual(BPE.space) } ?? false
    cutsAtSpaces =
      !mergesCrossSpaces && !ignoresMerges && !unknownEndsInSpace && !spellsBytes
      && vocabulary.id(BPE.space) >= 0
    characters = (0..<0x800).map { value in
      guard let scalar = Unicode.Scalar(UInt32(value)) else { return -1 }
      return vocabulary.id(Array(UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter))
    }
    let digits = Array("0123456789ABCDEF".utf8)
    byteTokens =
      byteFallback
      ? (0..<256).map { byte in
        vocabulary.id(Array("<0x".utf8) + [digits[byte >> 4], digits[byte & 15]] + Array(">".utf8))
      } : []
  }

  /// Appends the ids of one piece of text.
  func encode(
    _ piece: UnsafeBufferPointer<UInt8>, _ workspace: inout Workspace, into ids: inout [Int32]
  ) {
    guard cutsAtSpaces, piece.count > 3 else {
      encodeWord(piece, &workspace, into: &ids)
      return
    }
    var start = 0
    var wasSpace = true
    var place = 0
    while place < piece.count {
      let isSpace =
        piece[place] == 0xE2 && place + 2 < piece.count && piece[place + 1] == 0x96
        && piece[place + 2] == 0x81
      if isSpace, !wasSpace {
        if Interrupt.isPending { return }
        encodeWord(UnsafeBufferPointer(rebasing: piece[start..<place]), &workspace, into: &ids)
        start = place
      }
      wasSpace = isSpace
      place += isSpace ? 3 : 1
    }
    encodeWord(UnsafeBufferPointer(rebasing: piece[start...]), &workspace, into: &ids)
  }

  @inline(__always)
  private func encodeWord(
    _ word: UnsafeBufferPointer<UInt8>, _ workspace: inout Workspace, into ids: inout [Int32]
  ) {
    guard !word.isEmpty, word.count <= WordCache.longestWord else {
      encodeNewWord(word, &workspace, into: &ids)
      return
    }
    let code = hash(word)
    if workspace.cache.find(word, code, into: &ids) { return }
    let start = ids.count
    encodeNewWord(word, &workspace, into: &ids)
    workspace.cache.enter(word, code, ids[start...])
  }

  private func encodeNewWord(
    _ word: UnsafeBufferPointer<UInt8>, _ workspace: inout Workspace, into ids: inout [Int32]
  ) {
    guard spellsBytes else {
      encodeSpelled(word, &workspace, into: &ids)
      return
    }
    workspace.spelled.removeAll(keepingCapacity: true)
    ByteAlphabet.write(word, to: &workspace.spelled)
    // Moved out for the call, so that the workspace can be written while the bytes are read.
    var spelled: [UInt8] = []
    swap(&spelled, &workspace.spelled)
    spelled.withUnsafeBufferPointer { encodeSpelled($0, &workspace, into: &ids) }
    swap(&spelled, &workspace.spelled)
  }

  private func encodeSpelled(
    _ word: UnsafeBufferPointer<UInt8>, _ workspace: inout Workspace, into ids: inout [Int32]
  ) {
    if ignoresMerges {
      let id = vocabulary.id(word)
      if id >= 0 {
        ids.append(id)
        return
      }
    }
    workspace.symbols.removeAll(keepingCapacity: true)
    readSymbols(word, into: &workspace.symbols)
    merge(&workspace)
    ids.append(contentsOf: workspace.symbols)
  }

  /// The ids of the word's characters.
  private func readSymbols(_ word: UnsafeBufferPointer<UInt8>, into symbols: inout [Int32]) {
    var pendingUnknown = false
    var place = 0
    while place < word.count {
      let (scalar, length) = UTF8Text.scalar(word, at: place)
      let character = UnsafeBufferPointer(rebasing: word[place..<place + length])
      let id = scalar < 0x800 ? characters[Int(scalar)] : vocabulary.id(character)
      place += length
      if id >= 0 {
        if pendingUnknown { symbols.append(unknown) }
        pendingUnknown = false
        symbols.append(id)
      } else if !byteTokens.isEmpty, character.allSatisfy({ byteTokens[Int($0)] >= 0 }) {
        for byte in character { symbols.append(byteTokens[Int(byte)]) }
      } else if unknown >= 0 {
        if pendingUnknown, !fusesUnknown { symbols.append(unknown) }
        pendingUnknown = true
      }
    }
    if pendingUnknown { symbols.append(unknown) }
  }
}
