import Language

/// A parameter as far as matching arguments to it goes; verbs and definitions both have these.
struct ParameterShape {
  var name: String
  var isPositional = true
  var isVariadic = false
  var takesAnyKey = false
  /// The kinds of value that it takes.
  var accepted: [Kind] = [.anything]

  /// Whether a value may be one of its, as far as its form says.
  func accepts(_ value: Value) -> Bool {
    if accepted.contains(.anything) { return true }
    return switch value.atom {
    // Words are taken for numbers too, so that they can be refused as such.
    case .word, .string: accepted.contains(.string) && !accepted.contains(.number)
    case .number: accepted.contains(.number)
    case .list: accepted.contains(.list)
    case .variable, .pipe: true
    }
  }
}

/// One argument and the parameter that it is for.
struct MatchedArgument {
  var parameter: Int
  var argument: Argument
}

/// Which argument of a call is for which parameter.
struct Matching {
  private(set) var matched: [MatchedArgument] = []
  private(set) var problems: [Diagnostic] = []

  /// - Parameter usage: The help of every problem.
  init(_ call: Call, _ parameters: [ParameterShape], usage: String) {
    let verb = call.verb.text
    let anyKey = parameters.firstIndex(where: \.takesAnyKey)
    var taken: Set<Int> = []
    var anyKeys: Set<String> = []
    for argument in call.arguments {
      guard let key = argument.key else { continue }
      if let place = parameters.firstIndex(where: { $0.name == key.text && !$0.takesAnyKey }) {
        guard taken.insert(place).inserted else {
          problems.append(Self.twice(argument, of: call, key, usage))
          continue
        }
        matched.append(MatchedArgument(parameter: place, argument: argument))
      } else if let anyKey {
        guard anyKeys.insert(key.text).inserted else {
          problems.append(Self.twice(argument, of: call, key, usage))
          continue
        }
        matched.append(MatchedArgument(parameter: anyKey, argument: argument))
      } else {
        // On the command line a key is written `--key`.
        let dashes = key.span.text.hasPrefix("--") ? "--" : ""
        let near = didYouMean(key.text, among: parameters.map(\.name)).map { dashes + $0 }
        problems.append(
          Diagnostic(
            code: "bind.parameter", "`\(verb)` has no parameter `\(key.text)`", at: key.span,
            help: usage, meant: near))
      }
    }
    // What is left in order goes to what is left positional, in order.
    var free = parameters.indices.filter {
      parameters[$0].isPositional && !taken.contains($0) && !parameters[$0].takesAnyKey
    }[...]
    for argument in call.arguments where argument.key == nil {
      guard let place = free.first else {
        let count = parameters.filter { $0.isPositional && !$0.takesAnyKey }.count
        let given = Set(call.arguments.compactMap(\.key?.text))
        let keyed = parameters.first {
          !$0.isPositional && !$0.takesAnyKey && !given.contains($0.name)
            && $0.accepts(argument.value)
        }
        problems.append(
          Diagnostic(
            code: "bind.arity",
            count == 0
              ? "`\(verb)` takes no values without a key"
              : "`\(verb)` takes at most \(count) value\(count == 1 ? "" : "s") without a key",
            at: argument.span,
            label: keyed.map { "for which parameter? As in `\($0.name)=…`" }, help: usage,
            change: keyed.map {
              Correction(replacing: argument.span.before, with: "\($0.name)=")
            } ?? Self.without(argument, of: call)))
        break
      }
      matched.append(MatchedArgument(parameter: place, argument: argument))
      if !parameters[place].isVariadic { free = free.dropFirst() }
    }
  }

  private static func twice(
    _ argument: Argument, of call: Call, _ key: Name, _ usage: String
  ) -> Diagnostic {
    Diagnostic(
      code: "bind.twice", "`\(key.text)` is given twice", at: key.span, label: "here again",
      help: usage, change: without(argument, of: call))
  }

  /// The call without one of its arguments.
  private static func without(_ argument: Argument, of call: Call) -> Correction? {
    let ends = [call.verb.span.end] + call.arguments.map(\.span.end)
    guard let before = ends.filter({ $0 <= argument.span.start }).max() else { return nil }
    return Correction(
      replacing: Span(source: argument.span.source, start: before, end: argument.span.end),
      with: "")
  }
}
