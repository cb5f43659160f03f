/// A text cut into pieces that the model takes one by one.
struct Pieces {
  /// The pieces' UTF-8; what a splitter removed stays between them.
  var text: [UInt8]
  /// The pieces in order, none empty.
  var cuts: [Range<Int>]
  /// Whether the first piece begins where the user's text begins.
  let startsText: Bool

  init(_ text: [UInt8], startsText: Bool) {
    self.text = text
    self.startsText = startsText
    cuts = text.isEmpty ? [] : [0..<text.count]
  }

  /// Cuts every piece at the matches of a pattern.
  mutating func split(_ pattern: Pattern, _ behavior: SplitBehavior, inverted: Bool) {
    var cuts: [Range<Int>] = []
    cuts.reserveCapacity(self.cuts.count == 1 ? text.count / 4 : self.cuts.count)
    text.withUnsafeBufferPointer { text in
      for cut in self.cuts {
        let piece = UnsafeBufferPointer(rebasing: text[cut])
        var splitter = Splitter(behavior, offset: cut.lowerBound)
        pattern.spans(of: piece) { span, isMatch in
          splitter.add(span, isMatch != inverted, to: &cuts)
        }
        splitter.finish(&cuts)
      }
    }
    self.cuts = cuts
  }

  /// Rewrites every piece. `change` appends what becomes of a piece to the text, and is told whether the piece begins
  /// the user's text.
  mutating func rewrite(
    _ change: (UnsafeBufferPointer<UInt8>, _ isFirst: Bool, inout [UInt8]) -> Void
  ) {
    var output: [UInt8] = []
    output.reserveCapacity(text.count + text.count / 4)
    var cuts: [Range<Int>] = []
    cuts.reserveCapacity(self.cuts.count)
    text.withUnsafeBufferPointer { text in
      for cut in self.cuts {
        let start = output.count
        change(
          UnsafeBufferPointer(rebasing: text[cut]), startsText && cut.lowerBound == 0, &output)
        if start < output.count { cuts.append(start..<output.count) }
      }
    }
    text = output
    self.cuts = cuts
  }
}

/// What becomes of the matches when a text is split at them.
enum SplitBehavior: String, Sendable, CaseIterable {
  case isolated = "Isolated"
  case removed = "Removed"
  case contiguous = "Contiguous"
  case mergedWithPrevious = "MergedWithPrevious"
  case mergedWithNext = "MergedWithNext"
}

/// Joins the spans of one piece as a behaviour says.
struct Splitter {
  private let behavior: SplitBehavior
  private let offset: Int
  /// The span that later ones may still extend, and whether the span before the next one was a match.
  private var open: Range<Int>?
  private var openIsMatch = false

  init(_ behavior: SplitBehavior, offset: Int) {
    self.behavior = behavior
    self.offset = offset
  }

  @inline(__always)
  mutating func add(_ span: Range<Int>, _ isMatch: Bool, to cuts: inout [Range<Int>]) {
    let joins: Bool
    switch behavior {
    case .isolated:
      append(span, to: &cuts)
      return
    case .removed:
      if !isMatch { append(span, to: &cuts) }
      return
    case .contiguous: joins = isMatch == openIsMatch
    case .mergedWithPrevious: joins = isMatch && !openIsMatch
    case .mergedWithNext: joins = !isMatch && openIsMatch
    }
    if joins, let open {
      self.open = open.lowerBound..<span.upperBound
    } else {
      finish(&cuts)
      open = span
    }
    openIsMatch = isMatch
  }

  mutating func finish(_ cuts: inout [Range<Int>]) {
    if let open { append(open, to: &cuts) }
    open = nil
  }

  @inline(__always)
  private func append(_ span: Range<Int>, to cuts: inout [Range<Int>]) {
    if !span.isEmpty { cuts.append(span.lowerBound + offset..<span.upperBound + offset) }
  }
}
