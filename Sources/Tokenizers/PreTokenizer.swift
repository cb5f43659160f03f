/// How a text is cut into pieces that merges never cross: the `pre_tokenizer` section of a tokenizer file.
struct PreTokenizer: Sendable {
  private enum Step: Sendable {
    case split(Pattern, SplitBehavior, inverted: Bool)
    case digits(individual: Bool)
    case metaspace(Metaspace, splits: Bool)
    case byteLevel(addsSpace: Bool, expression: Expression?)
    /// Writes the pieces in the byte alphabet, for the steps that follow `ByteLevel`.
    case spell
  }

  static let supported = ["Sequence", "Split", "ByteLevel", "Digits", "Metaspace"]

  private var steps: [Step] = []
  /// Whether the pieces are raw bytes that the model must spell in the byte alphabet.
  ///
  /// Spelling comes last in nearly every file, and is then left to the model, which needs it for new words only.
  private(set) var leavesSpelling = false

  init() {}

  init(_ section: Section) throws {
    try add(section)
    if case .spell? = steps.last {
      steps.removeLast()
      leavesSpelling = true
    }
  }

  private mutating func add(_ section: Section) throws {
    let type = try section.required("type")
    switch try type.string() {
    case "Sequence":
      for inner in try section.required("pretokenizers").elements() { try add(inner) }
    case "Split":
      let name = try section.required("behavior")
      guard let behavior = SplitBehavior(rawValue: try name.string()) else {
        throw name.unsupported(
          "split behavior", try name.string(), SplitBehavior.allCases.map(\.rawValue))
      }
      let pattern = try Pattern(try section.required("pattern"))
      steps.append(
        .split(pattern, behavior, inverted: try section.flag("invert", otherwise: false)))
    case "Digits":
      steps.append(.digits(individual: try section.flag("individual_digits", otherwise: false)))
    case "Metaspace":
      steps.append(
        .metaspace(try Metaspace(section), splits: try section.flag("split", otherwise: true)))
    case "ByteLevel":
      let expression =
        try section.flag("use_regex", otherwise: true)
        ? try Expression(PreTokenizer.gpt2, at: section) : nil
      steps.append(
        .byteLevel(
          addsSpace: try section.flag("add_prefix_space", otherwise: true), expression: expression))
      steps.append(.spell)
    case let other: throw type.unsupported("pre-tokenizer", other, PreTokenizer.supported)
    }
  }

  /// English contractions; letters, digits and other characters with the space before them; white space but for the
  /// space that belongs to the next word.
  ///
  /// Paper: Radford et al. 2019 (the expression is part of the published encoder).
  private static let gpt2 =
    #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

  func apply(to pieces: inout Pieces) {
    for step in steps {
      switch step {
      case .split(let pattern, let behavior, let inverted):
        pieces.split(pattern, behavior, inverted: inverted)
      case .digits(let individual): pieces.splitDigits(individual: individual)
      case .metaspace(let metaspace, let splits):
        pieces.rewrite { piece, isFirst, output in
          metaspace.write(piece, isFirst: isFirst, to: &output)
        }
        if splits {
          pieces.split(.literal(metaspace.replacement), .mergedWithNext, inverted: false)
        }
      case .byteLevel(let addsSpace, let expression):
        if addsSpace {
          pieces.rewrite { piece, _, output in
            if piece.first != 0x20 { output.append(0x20) }
            output.append(contentsOf: piece)
          }
        }
        if let expression { pieces.split(.expression(expression), .isolated, inverted: false) }
      case .spell: pieces.rewrite { piece, _, output in ByteAlphabet.write(piece, to: &output) }
      }
    }
  }
}

extension Pieces {
  fileprivate mutating func splitDigits(individual: Bool) {
    var cuts: [Range<Int>] = []
    text.withUnsafeBufferPointer { text in
      for cut in self.cuts {
        let piece = UnsafeBufferPointer(rebasing: text[cut])
        var splitter = Splitter(individual ? .isolated : .contiguous, offset: cut.lowerBound)
        var (start, place) = (0, 0)
        while place < piece.count {
          let (scalar, length) = UTF8Text.scalar(piece, at: place)
          if UTF8Text.isNumber(scalar) {
            if start < place { splitter.add(start..<place, false, to: &cuts) }
            splitter.add(place..<place + length, true, to: &cuts)
            start = place + length
          }
          place += length
        }
        if start < place { splitter.add(start..<place, false, to: &cuts) }
        splitter.finish(&cuts)
      }
    }
    self.cuts = cuts
  }
}
