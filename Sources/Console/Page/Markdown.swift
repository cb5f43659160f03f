import CMark
import Glibc

/// CommonMark as HTML.
enum Markdown {
  /// Raw HTML and addresses that would run something are left out.
  static func html(_ text: String) -> String {
    let bytes = Array(text.utf8)
    let made = bytes.withUnsafeBytes { buffer in
      cmark_markdown_to_html(
        buffer.baseAddress?.assumingMemoryBound(to: CChar.self), buffer.count,
        CMARK_OPT_VALIDATE_UTF8)
    }
    guard let made else { return "" }
    defer { free(made) }
    return String(cString: made)
  }
}

extension String {
  /// Text for HTML, in and out of attributes.
  var escapedForHTML: String {
    var result = ""
    for scalar in unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\n", "\t": result.unicodeScalars.append(scalar)
      case _ where scalar.value < 0x20 || scalar.value == 0x7F: result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
