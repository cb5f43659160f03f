// Which characters may stand where. ASCII is decided by table, the rest by Unicode's general categories.

/// Names that the grammar keeps for itself.
let reservedWords: Set<String> = ["def", "each", "in"]

extension Unicode.Scalar {
  /// May begin a name: a letter or `_`.
  var startsName: Bool {
    switch self {
    case "a"..."z", "A"..."Z", "_": true
    case _ where isASCII: false
    default:
      switch properties.generalCategory {
      case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
        true
      default: false
      }
    }
  }

  /// May stand inside a name, `-` aside, which must stand between two of these.
  var continuesName: Bool {
    switch self {
    case "0"..."9": true
    case _ where isASCII: startsName
    default:
      switch properties.generalCategory {
      case .nonspacingMark, .spacingMark, .decimalNumber: true
      default: startsName
      }
    }
  }

  /// May stand in a bare word.
  var isWord: Bool {
    switch self {
    case "a"..."z", "A"..."Z", "0"..."9": true
    case "/", "-", ".", "_", ":", "@", "~", "+", "%", "*": true
    case _ where isASCII: false
    case "\u{FFFD}": false
    case "\u{200D}": true
    default:
      switch properties.generalCategory {
      case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
        .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .letterNumber, .otherNumber,
        .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol:
        true
      default: false
      }
    }
  }

  /// Would change the terminal or the reading order rather than show: controls, format characters, line separators.
  var isUnprintable: Bool {
    if isASCII { return value < 0x20 || value == 0x7F }
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate:
      return self != "\u{200D}"
    default: return false
    }
  }
}

extension StringProtocol {
  /// Whether the text is a NAME: `phi`, `tiny-codes`, `_`.
  public var isName: Bool {
    var previous: Unicode.Scalar?
    for scalar in unicodeScalars {
      if let before = previous {
        let fits =
          scalar.continuesName && (before == "-" || before.continuesName)
          || scalar == "-" && before.continuesName
        guard fits else { return false }
      } else if !scalar.startsName {
        return false
      }
      previous = scalar
    }
    return previous.map { $0 != "-" } ?? false
  }

  /// Whether the text, bare, is read back as one WORD and nothing else.
  public var isBareWord: Bool {
    let text = String(self)
    return !text.isEmpty && text != ":" && !reservedWords.contains(text)
      && text.unicodeScalars.allSatisfy(\.isWord) && Number(word: text) == nil
  }
}
