// The tree of a script. One type per production of the grammar; the parser checks form only. What a word means (a verb,
// a model, a dataset's split, a path) is for the layer above to decide. Equality ignores where a node stands.

/// `script = {[stmt] (NL | ";")}`
public struct Script: Sendable, Equatable {
  public var statements: [Statement]
  /// The cells that `# %%` lines open, in order. Statements before the first marker belong to none.
  public var cells: [Cell]
  /// All of the source.
  @Located public var span: Span

  public init(statements: [Statement], cells: [Cell] = [], span: Span = .nowhere) {
    self.statements = statements
    self.cells = cells
    self.span = span
  }
}

/// A notebook cell: `# %% Title` and what follows it, up to the next marker.
public struct Cell: Sendable, Equatable {
  public enum Kind: Sendable, Equatable {
    case code
    /// `# %% [markdown]`: the comment lines below the marker, without their `# `.
    case markdown(String)
  }
  public var title: String
  public var kind: Kind
  /// Which of the script's statements it holds.
  public var statements: Range<Int>
  /// The marker line.
  @Located public var span: Span

  public init(title: String, kind: Kind, statements: Range<Int>, span: Span = .nowhere) {
    self.title = title
    self.kind = kind
    self.statements = statements
    self.span = span
  }
}

/// `stmt = def | bind | pipe`
public enum Statement: Sendable, Equatable {
  case definition(Definition)
  case binding(Binding)
  case pipe(Pipe)

  public var span: Span {
    switch self {
    case .definition(let node): node.span
    case .binding(let node): node.span
    case .pipe(let node): node.span
    }
  }
}

/// `def = "def" NAME "(" [param {"," param}] ")" block`
public struct Definition: Sendable, Equatable {
  /// The `##` lines directly above, without their marks, joined by newlines; nil where there are none.
  public var documentation: String?
  public var name: Name
  public var parameters: [Parameter]
  public var body: Block
  @Located public var span: Span

  public init(
    documentation: String? = nil, name: Name, parameters: [Parameter], body: Block,
    span: Span = .nowhere
  ) {
    self.documentation = documentation
    self.name = name
    self.parameters = parameters
    self.body = body
    self.span = span
  }
}

/// `param = NAME [":" TYPE] ["=" value]`
public struct Parameter: Sendable, Equatable {
  public var name: Name
  public var type: Name?
  public var defaultValue: Value?
  @Located public var span: Span

  public init(
    name: Name, type: Name? = nil, defaultValue: Value? = nil, span: Span = .nowhere
  ) {
    self.name = name
    self.type = type
    self.defaultValue = defaultValue
    self.span = span
  }
}

/// `bind = NAME "=" (pipe | NUMBER | STRING | list)`
public struct Binding: Sendable, Equatable {
  public enum Right: Sendable, Equatable {
    /// Also a lone word (`m = phi`, a call without arguments) and a lone reference (`m = $n`).
    case pipe(Pipe)
    /// A number, a string, a list, a word with a slice (`tiny-codes[:64]`) or a pipe in parentheses.
    case value(Value)
  }
  public var name: Name
  public var right: Right
  @Located public var span: Span

  public init(name: Name, right: Right, span: Span = .nowhere) {
    self.name = name
    self.right = right
    self.span = span
  }
}

/// `pipe = stage {"|" stage}`; never empty.
public struct Pipe: Sendable, Equatable {
  public var stages: [Stage]
  @Located public var span: Span

  public init(stages: [Stage], span: Span = .nowhere) {
    self.stages = stages
    self.span = span
  }
}

/// `stage = call | ref | block | each`
public enum Stage: Sendable, Equatable {
  case call(Call)
  case reference(Reference)
  case block(Block)
  case each(Each)

  public var span: Span {
    switch self {
    case .call(let node): node.span
    case .reference(let node): node.span
    case .block(let node): node.span
    case .each(let node): node.span
    }
  }
}

/// `call = VERB {value | KEY "=" value} [block]`
public struct Call: Sendable, Equatable {
  public var verb: Name
  /// As written: positional and named ones in any order, names possibly repeated.
  public var arguments: [Argument]
  /// What the verb is about, for the few that take steps: `plan { ppl }`.
  public var body: Block?
  @Located public var span: Span

  public init(verb: Name, arguments: [Argument], body: Block? = nil, span: Span = .nowhere) {
    self.verb = verb
    self.arguments = arguments
    self.body = body
    self.span = span
  }
}

/// One argument of a call.
public struct Argument: Sendable, Equatable {
  /// The key of `key=value`, nil for a positional argument.
  public var key: Name?
  public var value: Value
  /// Key and value.
  @Located public var span: Span

  public init(key: Name? = nil, value: Value, span: Span = .nowhere) {
    self.key = key
    self.value = value
    self.span = span
  }
}

/// `ref = "$" NAME {suffix}`
public struct Reference: Sendable, Equatable {
  /// Without the `$`; its span has it. `_` and digits alone are names too (`$_`, `$3`).
  public var name: Name
  public var suffixes: [Suffix]
  @Located public var span: Span

  public init(name: Name, suffixes: [Suffix] = [], span: Span = .nowhere) {
    self.name = name
    self.suffixes = suffixes
    self.span = span
  }
}

/// `each = "each" "$" NAME "in" value block`
public struct Each: Sendable, Equatable {
  /// Without the `$`; its span has it.
  public var variable: Name
  public var over: Value
  public var body: Block
  @Located public var span: Span

  public init(variable: Name, over: Value, body: Block, span: Span = .nowhere) {
    self.variable = variable
    self.over = over
    self.body = body
    self.span = span
  }
}

/// `block = "{" {[LABEL ":"] pipe | stmt} "}"`: either every item has a label, or none has.
public struct Block: Sendable, Equatable {
  public enum Contents: Sendable, Equatable {
    case statements([Statement])
    /// Never empty; labels without variables are distinct.
    case arms([Arm])
  }
  public var contents: Contents
  @Located public var span: Span

  public init(_ contents: Contents, span: Span = .nowhere) {
    self.contents = contents
    self.span = span
  }
}

/// `LABEL ":" pipe`
public struct Arm: Sendable, Equatable {
  /// A label written as a word is the same as the quoted one.
  public var label: Text
  public var pipe: Pipe
  @Located public var span: Span

  public init(label: Text, pipe: Pipe, span: Span = .nowhere) {
    self.label = label
    self.pipe = pipe
    self.span = span
  }
}

/// `value = atom {suffix}`
public struct Value: Sendable, Equatable {
  public var atom: Atom
  public var suffixes: [Suffix]
  @Located public var span: Span

  public init(_ atom: Atom, suffixes: [Suffix] = [], span: Span = .nowhere) {
    self.atom = atom
    self.suffixes = suffixes
    self.span = span
  }
}

/// `atom = NUMBER | STRING | WORD | "$" NAME | list | "(" pipe ")"`
public enum Atom: Sendable, Equatable {
  case number(Number)
  case string(Text)
  /// A bare string, dots included: whether `wikitext.test` is a split and `rows.jsonl` a file is decided above.
  case word(Name)
  /// Without the `$`; its span has it.
  case variable(Name)
  case list([Value])
  case pipe(Pipe)
}

/// `suffix = "." NAME | "[" slice "]"`, `slice = [N] ":" [N] | N | NAME`
public struct Suffix: Sendable, Equatable {
  public enum Kind: Sendable, Equatable {
    /// `.loss`
    case member(Name)
    /// `[2:5]`, half-open; an absent bound is nil. Bounds are never negative and never descend.
    case range(lower: Int?, upper: Int?)
    /// `[3]`
    case index(Int)
    /// `[base]` or `["q → ft"]`
    case key(Name)
  }
  public var kind: Kind
  @Located public var span: Span

  public init(_ kind: Kind, span: Span = .nowhere) {
    self.kind = kind
    self.span = span
  }
}

/// A name, or a bare word where words stand for themselves.
public struct Name: Sendable, Equatable {
  public var text: String
  @Located public var span: Span

  public init(_ text: String, span: Span = .nowhere) {
    self.text = text
    self.span = span
  }
}

/// A string with its escapes resolved. `{column}` is literal text here: it belongs to templates.
public struct Text: Sendable, Equatable {
  public enum Segment: Sendable, Equatable {
    /// Never empty, never beside another literal.
    case literal(String)
    /// `$name`, without the `$`; its span has it.
    case variable(Name)
  }
  public var segments: [Segment]
  /// With the quotes, where it has any.
  @Located public var span: Span

  public init(segments: [Segment], span: Span = .nowhere) {
    self.segments = segments
    self.span = span
  }

  public init(_ literal: String, span: Span = .nowhere) {
    self.init(segments: literal.isEmpty ? [] : [.literal(literal)], span: span)
  }

  /// The whole text, or nil where it interpolates a variable.
  public var literal: String? {
    switch segments.count {
    case 0: return ""
    case 1:
      if case .literal(let text) = segments[0] { return text }
      return nil
    default: return nil
    }
  }
}

/// A number as written, and its value in the base unit of its kind.
public struct Number: Sendable, Equatable {
  public enum Unit: Sendable, Equatable {
    /// Bare, or with `k`, `Ki`, `M`, `Mi`, `G`, `Gi`, `T`, `Ti`.
    case none
    /// `5%` has the value 0.05.
    case percent
    /// `kB` (or `KB`), `KiB` … `TB`, `TiB` and `B`; the value is in bytes.
    case bytes
    /// `ms`, `s`, `min`, `h`; the value is in seconds.
    case seconds
  }
  public var value: Double
  public var unit: Unit
  /// As written: `4k`, `2e-4`.
  public var text: String
  @Located public var span: Span

  public init(value: Double, unit: Unit = .none, text: String, span: Span = .nowhere) {
    self.value = value
    self.unit = unit
    self.text = text
    self.span = span
  }

  /// The value as a whole number, or nil where it is none or too large to be one exactly.
  public var integer: Int? {
    value.magnitude <= 0x1p53 ? Int(exactly: value) : nil
  }
}
