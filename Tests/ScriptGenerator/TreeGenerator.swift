import Language

/// Random scripts, as trees: every node the parser can yield, names and texts chosen to be awkward.
package struct TreeGenerator {
  package var random: SeededGenerator

  package init(random: SeededGenerator) { self.random = random }

  package mutating func script() -> Script {
    var statements: [Statement] = []
    var cells: [Cell] = []
    for _ in 0..<random.number(0...6) {
      if random.once(in: 4) {
        if let last = cells.indices.last {
          cells[last].statements = cells[last].statements.lowerBound..<statements.count
        }
        cells.append(cell(at: statements.count))
      }
      statements.append(statement(depth: random.number(0...4)))
    }
    if let last = cells.indices.last {
      cells[last].statements = cells[last].statements.lowerBound..<statements.count
    }
    return Script(statements: statements, cells: cells)
  }

  private mutating func cell(at index: Int) -> Cell {
    let markdown = random.pick(["", "# Heading\n\nText.", "  indented `code`", "\n$x {y}"])
    return Cell(
      title: random.pick(["", "Title", "é → \"x\" # y", "a|b"]),
      kind: random.once(in: 2) ? .code : .markdown(markdown), statements: index..<index)
  }

  private mutating func statement(depth: Int) -> Statement {
    switch random.number(0...5) {
    case 0: return .definition(definition(depth: depth))
    case 1, 2: return .binding(Binding(name: name(), right: right(depth: depth)))
    default: return .pipe(pipe(depth: depth))
    }
  }

  private mutating func definition(depth: Int) -> Definition {
    var parameters: [Parameter] = []
    for index in 0..<random.number(0...3) {
      parameters.append(
        Parameter(
          name: Name("\(name().text)-\(index)"), type: random.once(in: 2) ? name() : nil,
          defaultValue: random.once(in: 2) ? value(depth: depth - 1) : nil))
    }
    return Definition(
      documentation: random.pick([nil, "Doc.", "One.\n\n  Two # $x.", ""]), name: name(),
      parameters: parameters, body: block(depth: depth - 1))
  }

  private mutating func right(depth: Int) -> Binding.Right {
    switch random.number(0...5) {
    case 0: return .value(Value(.number(number()), suffixes: []))
    case 1: return .value(Value(.string(text()), suffixes: suffixes(afterWord: false)))
    case 2:
      return .value(Value(.list(values(depth: depth - 1)), suffixes: suffixes(afterWord: false)))
    case 3:
      return .value(Value(.word(word()), suffixes: [Suffix(.index(random.number(0...9)))]))
    default: return .pipe(pipe(depth: depth))
    }
  }

  private mutating func pipe(depth: Int) -> Pipe {
    Pipe(stages: (0..<random.number(1...3)).map { _ in stage(depth: depth) })
  }

  private mutating func stage(depth: Int) -> Stage {
    switch depth > 0 ? random.number(0...6) : random.number(0...3) {
    case 0:
      let name = random.pick([name(), Name("_"), Name("3")])
      return .reference(Reference(name: name, suffixes: suffixes(afterWord: false)))
    case 4: return .block(block(depth: depth - 1))
    case 5:
      return .each(
        Each(variable: name(), over: value(depth: depth - 1), body: block(depth: depth - 1)))
    default: return .call(call(depth: depth))
    }
  }

  private mutating func call(depth: Int) -> Call {
    let arguments = (0..<random.number(0...3)).map { _ in
      Argument(key: random.once(in: 2) ? name() : nil, value: value(depth: depth - 1))
    }
    let body = depth > 0 && random.once(in: 8) ? block(depth: depth - 1) : nil
    return Call(verb: name(), arguments: arguments, body: body)
  }

  private mutating func block(depth: Int) -> Block {
    let count = random.number(0...3)
    if count == 0 || random.once(in: 2) {
      return Block(.statements((0..<count).map { _ in statement(depth: depth - 1) }))
    }
    var arms: [Arm] = []
    for index in 0..<count {
      var label = random.once(in: 2) ? Text(word().text) : text()
      if arms.contains(where: { $0.label.literal == label.literal }) {
        label = Text("\(index) distinct")
      }
      arms.append(Arm(label: label, pipe: pipe(depth: depth - 1)))
    }
    return Block(.arms(arms))
  }

  private mutating func values(depth: Int) -> [Value] {
    (0..<random.number(0...3)).map { _ in value(depth: depth) }
  }

  private mutating func value(depth: Int) -> Value {
    switch depth > 0 ? random.number(0...6) : random.number(0...3) {
    case 0: return Value(.number(number()), suffixes: [])
    case 1: return Value(.string(text()), suffixes: suffixes(afterWord: false))
    case 2: return Value(.variable(name()), suffixes: suffixes(afterWord: false))
    case 4: return Value(.list(values(depth: depth - 1)), suffixes: suffixes(afterWord: false))
    case 5: return Value(.pipe(pipe(depth: depth - 1)), suffixes: suffixes(afterWord: false))
    default: return Value(.word(word()), suffixes: suffixes(afterWord: true))
    }
  }

  /// A word's first suffix is a slice: a name after a dot belongs to the word.
  private mutating func suffixes(afterWord: Bool) -> [Suffix] {
    guard random.once(in: 2) else { return [] }
    var result: [Suffix] = []
    for _ in 0..<random.number(0...3) {
      switch random.number(0...3) {
      case 0 where !(afterWord && result.isEmpty): result.append(Suffix(.member(name())))
      case 1: result.append(Suffix(.index(random.number(0...99))))
      case 2:
        result.append(Suffix(.key(Name(random.pick([word().text, "q → ft", "", "in", "3"])))))
      default:
        let lower = random.number(0...9)
        result.append(
          Suffix(
            .range(
              lower: random.once(in: 2) ? lower : nil,
              upper: random.once(in: 2) ? lower + random.number(0...9) : nil)))
      }
    }
    return result
  }

  // MARK: Atoms

  private mutating func name() -> Name {
    Name(random.pick(["a", "phi", "tiny-codes", "x_1", "_y", "é-模型", "help", "x2-b"]))
  }

  private mutating func word() -> Name {
    Name(
      random.pick([
        "gptq", "microsoft/Phi-3.5-mini-instruct", "./models/x.jsonl", "../x", "4bit", "a:b", ":64",
        "x:", "%", "-", "--flag", "~/é→模.型", "1.5-mini", "*.txt", "🙂", "wikitext.test",
      ]))
  }

  private mutating func number() -> Number {
    let word = random.pick(["0", "128", "-1", "4k", "2e-4", "5%", "24GiB", "30s", "1.50", ".5"])
    return Number(word: word) ?? Number(value: 0, text: "0")
  }

  private mutating func text() -> Text {
    var segments: [Text.Segment] = []
    for index in 0..<random.number(0...4) {
      if index % 2 == 0 {
        let literal = random.pick([
          " → ", "{column}\n", "\"\\$", "-x", "9", "é", "\u{0}\u{1B}", "\u{301}", "\u{202E}", "${",
          "# no remark", "a;b|c", "\t", "模型", "🙂",
        ])
        segments.append(.literal(literal))
      } else {
        segments.append(.variable(name()))
      }
    }
    return Text(segments: segments)
  }
}
