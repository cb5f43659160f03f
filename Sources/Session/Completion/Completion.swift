import Language

/// What may be typed at a cursor.
public struct Completion: Sendable, Equatable {
  public struct Candidate: Sendable, Equatable {
    /// What is to stand in place of what was typed.
    public var text: String
    /// One line on what it is.
    public var hint: String
    /// What follows it once it is chosen: a blank, `=`, `/` or nothing.
    public var ending: String

    public init(_ text: String, _ hint: String, ending: String = " ") {
      self.text = text
      self.hint = hint
      self.ending = ending
    }
  }

  /// The bytes of the text that a candidate replaces; it ends at the cursor.
  public var range: Range<Int>
  /// In the order of showing.
  public var candidates: [Candidate]
  /// What is expected where nothing can be listed: `bits per weight (2, 3, 4, 8; default 4)`.
  public var note: String?

  public init(range: Range<Int>, candidates: [Candidate] = [], note: String? = nil) {
    self.range = range
    self.candidates = candidates
    self.note = note
  }

  /// What all candidates begin with.
  public var common: String {
    guard let first = candidates.first?.text else { return "" }
    return candidates.dropFirst().reduce(first) { common, candidate in
      String(zip(common, candidate.text).prefix { $0 == $1 }.map { $0.0 })
    }
  }
}

extension Session {
  /// What may be typed at a cursor, from the verbs' declarations and what the session knows.
  ///
  /// - Parameters:
  ///   - text: All of the input, lines before the cursor's included.
  ///   - offset: The cursor, in UTF-8 bytes.
  /// - Guarantee: runs nothing and changes nothing; opens a dataset at most, where its splits are asked for.
  public func completion(of text: String, at offset: Int) -> Completion {
    Completer(session: self, place: CursorPlace(text, at: offset), end: offset).completion
  }
}

/// What a parameter's values are, where completion can list them.
public enum ValueSource: Sendable {
  case models, datasets, files, folders, verbs, topics, packs
}
