import Data
import Language
import Session

extension OpenDataset {
  /// The call of `dataset` that opens the same rows and reads them the same way, and the slice of it that these are.
  var recorded: RecordedArgument {
    let dataset = dataset
    var arguments: [Argument] = []
    func add(_ key: String?, _ text: String?) {
      guard let text else { return }
      arguments.append(Argument(key: key.map { Name($0) }, value: Value(quoting: text)))
    }
    var suffixes: [Suffix] = []
    if dataset.isChosen {
      let end = dataset.range.upperBound == .max ? nil : dataset.range.upperBound
      suffixes = [Suffix(.range(lower: dataset.range.lowerBound, upper: end))]
    }
    if case .randomTokens(let seed) = dataset.kind {
      add(nil, "random")
      arguments.append(Argument(key: Name("seed"), value: Value(text: "\(seed)")))
    } else {
      let cached = HubCache.reference(of: dataset.source)
      add(nil, cached?.id ?? dataset.source)
      add("revision", cached?.revision)
      add("name", dataset.name)
      add("template", dataset.template?.source)
      add("field", dataset.field)
      if dataset.splitNames.count > 1 { add("split", dataset.split) }
      if !dataset.isChosen {
        for (role, spec) in dataset.slices.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
          add(role.rawValue, spec.description)
        }
      }
    }
    let call = Call(verb: Name("dataset"), arguments: arguments)
    return .value(Value(.pipe(Pipe(stages: [.call(call)])), suffixes: suffixes))
  }
}

extension Value {
  /// A text, in quotes unless it is a word.
  fileprivate init(quoting text: String) {
    self.init(text.isBareWord ? .word(Name(text)) : .string(Text(text)))
  }
}
