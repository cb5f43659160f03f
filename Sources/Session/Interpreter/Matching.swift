import Language

/// A parameter as far as matching arguments to it goes; verbs and definitions both have these.
struct ParameterShape {
  var name: String
  var isPositional = true
  var isVariadic = false
  var takesAnyKey = false
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
          problems.append(twice(key, usage))
          continue
        }
        matched.append(MatchedArgument(parameter: place, argument: argument))
      } else if let anyKey {
        guard anyKeys.insert(key.text).inserted else {
          problems.append(twice(key, usage))
          continue
        }
        matched.append(MatchedArgument(parameter: anyKey, argument: argument))
      } else {
        let near = didYouMean(key.text, among: parameters.map(\.name))
        problems.append(
          Diagnostic(
            code: "bind.parameter", "`\(verb)` has no parameter `\(key.text)`", at: key.span,
            label: near.map { "did you mean `\($0)`?" }, help: usage))
      }
    }
    // What is left in order goes to what is left positional, in order.
    var free = parameters.indices.filter {
      parameters[$0].isPositional && !taken.contains($0) && !parameters[$0].takesAnyKey
    }[...]
    for argument in call.arguments where argument.key == nil {
      guard let place = free.first else {
        let count = parameters.filter { $0.isPositional && !$0.takesAnyKey }.count
        let keyed = parameters.first { !$0.isPositional }
        problems.append(
          Diagnostic(
            code: "bind.arity",
            count == 0
              ? "`\(verb)` takes no values without a key"
              : "`\(verb)` takes at most \(count) value\(count == 1 ? "" : "s") without a key",
            at: argument.span,
            label: keyed.map { "for which parameter? As in `\($0.name)=…`" }, help: usage))
        break
      }
      matched.append(MatchedArgument(parameter: place, argument: argument))
      if !parameters[place].isVariadic { free = free.dropFirst() }
    }
  }

  private func twice(_ key: Name, _ usage: String) -> Diagnostic {
    Diagnostic(
      code: "bind.twice", "`\(key.text)` is given twice", at: key.span, label: "here again",
      help: usage)
  }
}
