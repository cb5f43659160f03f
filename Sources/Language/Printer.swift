/// Writes a tree as canonical source: two blanks a level, one statement a line.
///
/// Guarantee: what was printed over several lines, parsed, gives an equal tree again.
struct Printer {
  private(set) var text = ""
  /// On one line, with `;` between statements and without documentation and cells: for reports.
  let isInline: Bool
  private var level = 0

  init(isInline: Bool) { self.isInline = isInline }

  // MARK: Layout

  private mutating func newline() {
    text += "\n"
    text += String(repeating: "  ", count: level)
  }

  /// A line of its own without indentation growing.
  private mutating func separate(_ isFirst: Bool) {
    if isInline {
      text += isFirst ? " " : "; "
    } else {
      newline()
    }
  }

  // MARK: Statements

  mutating func print(_ script: Script) {
    var cells = script.cells[...]
    func printCells(before index: Int) {
      while !isInline, let cell = cells.first, cell.statements.lowerBound <= index {
        cells = cells.dropFirst()
        if !text.isEmpty, !text.hasSuffix("\n\n") { text += "\n" }
        print(cell)
      }
    }
    for (index, statement) in script.statements.enumerated() {
      printCells(before: index)
      if isInline, index > 0 { text += "; " }
      print(statement)
      if !isInline { text += "\n" }
    }
    printCells(before: script.statements.count)
  }

  private mutating func print(_ cell: Cell) {
    switch cell.kind {
    case .code: text += cell.title.isEmpty ? "# %%\n" : "# %% \(cell.title)\n"
    case .markdown(let lines):
      text += "# %% [markdown]" + (cell.title.isEmpty ? "" : " \(cell.title)") + "\n"
      guard !lines.isEmpty else { break }
      for line in lines.split(separator: "\n", omittingEmptySubsequences: false) {
        text += line.isEmpty ? "#\n" : "# \(line)\n"
      }
      // What follows is no part of the text.
      text += "\n"
    }
  }

  mutating func print(_ statement: Statement) {
    switch statement {
    case .definition(let node): print(node)
    case .binding(let node): print(node)
    case .pipe(let node): print(node)
    }
  }

  mutating func print(_ definition: Definition) {
    if !isInline, let documentation = definition.documentation {
      for line in documentation.split(separator: "\n", omittingEmptySubsequences: false) {
        text += line.isEmpty ? "##" : "## \(line)"
        newline()
      }
    }
    text += "def \(definition.name.text)("
    for (index, parameter) in definition.parameters.enumerated() {
      if index > 0 { text += ", " }
      text += parameter.name.text
      if let type = parameter.type { text += ": \(type.text)" }
      if let value = parameter.defaultValue {
        text += " = "
        print(value)
      }
    }
    text += ") "
    print(definition.body)
  }

  mutating func print(_ binding: Binding) {
    text += "\(binding.name.text) = "
    switch binding.right {
    case .pipe(let pipe): print(pipe)
    case .value(let value): print(value)
    }
  }

  // MARK: Stages

  mutating func print(_ pipe: Pipe) {
    for (index, stage) in pipe.stages.enumerated() {
      if index > 0 { text += " | " }
      switch stage {
      case .call(let node): print(node)
      case .reference(let node):
        text += "$\(node.name.text)"
        print(node.suffixes)
      case .block(let node): print(node)
      case .each(let node):
        text += "each $\(node.variable.text) in "
        print(node.over)
        text += " "
        print(node.body)
      }
    }
  }

  mutating func print(_ call: Call) {
    text += call.verb.text
    for argument in call.arguments {
      text += " "
      if let key = argument.key { text += "\(key.text)=" }
      print(argument.value)
    }
    if let body = call.body {
      text += " "
      print(body)
    }
  }

  mutating func print(_ block: Block) {
    text += "{"
    level += 1
    var isEmpty = true
    switch block.contents {
    case .statements(let statements):
      for statement in statements {
        separate(isEmpty)
        print(statement)
        isEmpty = false
      }
    case .arms(let arms):
      for arm in arms {
        separate(isEmpty)
        print(label: arm.label)
        text += ": "
        print(arm.pipe)
        isEmpty = false
      }
    }
    level -= 1
    if !isEmpty {
      if isInline { text += " " } else { newline() }
    }
    text += "}"
  }

  private mutating func print(label: Text) {
    if let literal = label.literal,
      literal.isBareWord || Number(word: literal) != nil
        || reservedWords.contains(literal), !literal.contains(":")
    {
      text += literal
    } else {
      print(label)
    }
  }

  // MARK: Values

  mutating func print(_ value: Value) {
    switch value.atom {
    case .number(let number): text += number.text
    case .string(let string): print(string)
    case .word(let word): print(word: word.text)
    case .variable(let name): text += "$\(name.text)"
    case .list(let values):
      text += "["
      for (index, value) in values.enumerated() {
        if index > 0 { text += " " }
        print(value)
      }
      text += "]"
    case .pipe(let pipe):
      text += "("
      print(pipe)
      text += ")"
    }
    print(value.suffixes)
  }

  private mutating func print(_ suffixes: [Suffix]) {
    for suffix in suffixes {
      switch suffix.kind {
      case .member(let name): text += ".\(name.text)"
      case .range(let lower, let upper):
        text += "[\(lower.map(String.init) ?? ""):\(upper.map(String.init) ?? "")]"
      case .index(let index): text += "[\(index)]"
      case .key(let name):
        text += "["
        if name.text.contains(":") { print(Text(name.text)) } else { print(word: name.text) }
        text += "]"
      }
    }
  }

  /// A word bare, or in quotes if it could only have come from there.
  private mutating func print(word: String) {
    if word.isBareWord { text += word } else { print(Text(word)) }
  }

  mutating func print(_ string: Text) {
    text += "\""
    var followsVariable = false
    for segment in string.segments {
      switch segment {
      case .variable(let name):
        text += "$\(name.text)"
        followsVariable = true
      case .literal(let literal):
        for scalar in literal.unicodeScalars {
          let wouldJoin = followsVariable && (scalar.continuesName || scalar == "-")
          text += wouldJoin || scalar.isUnprintable ? escaped(scalar) : quoted(scalar)
          followsVariable = false
        }
      }
    }
    text += "\""
  }

  private func quoted(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\"", "\\", "$": "\\\(Character(scalar))"
    default: String(Character(scalar))
    }
  }

  private func escaped(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\n": "\\n"
    case "\t": "\\t"
    case "\r": "\\r"
    default: "\\u{\(String(scalar.value, radix: 16))}"
    }
  }
}

extension Script {
  /// Canonical source, one statement a line. Remarks are lost; documentation and cells are kept.
  public var formatted: String {
    var printer = Printer(isInline: false)
    printer.print(self)
    return printer.text
  }
}

extension Statement: CustomStringConvertible {
  /// Canonical source on one line.
  public var description: String {
    var printer = Printer(isInline: true)
    printer.print(self)
    return printer.text
  }
}

extension Pipe: CustomStringConvertible {
  /// Canonical source on one line.
  public var description: String {
    var printer = Printer(isInline: true)
    printer.print(self)
    return printer.text
  }
}

extension Call: CustomStringConvertible {
  /// Canonical source on one line.
  public var description: String {
    var printer = Printer(isInline: true)
    printer.print(self)
    return printer.text
  }
}

extension Value: CustomStringConvertible {
  /// Canonical source on one line.
  public var description: String {
    var printer = Printer(isInline: true)
    printer.print(self)
    return printer.text
  }
}
