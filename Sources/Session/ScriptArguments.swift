import JSON
import Language
import Runtime

/// What stands behind a script's name on the command line. A script that defines `main` has it called with them after
/// its last statement; in any script `$args` lists the words.
public struct ScriptArguments: Sendable, Equatable {
  public var words: [String]
  /// The index of the first word that is no `--key=value`, whatever it looks like.
  public var literalFrom: Int

  public init(_ words: [String] = [], literalFrom: Int? = nil) {
    self.words = words
    self.literalFrom = literalFrom ?? words.count
  }
}

extension Script {
  /// The definition that running the script calls.
  var entry: Definition? {
    for case .definition(let definition) in statements where definition.name.text == "main" {
      return definition
    }
    return nil
  }

  /// The script with its call of `main`, where it has one.
  ///
  /// - Throws: `DiagnosticSet` for arguments that cannot be read, or that nobody takes.
  func calling(_ arguments: ScriptArguments, of source: Source) throws -> Script {
    // Where nobody takes them, keys need no values to be refused.
    let switches =
      entry.map { $0.parameters.filter { $0.type?.text == "yesno" }.map(\.name.text) }
      ?? arguments.words.filter { $0.hasPrefix("--") }.map { String($0.dropFirst(2)) }
    let line = CommandLine(
      arguments.words, literalFrom: arguments.literalFrom, of: source.name,
      calling: entry?.name.text ?? "main", switches: Set(switches))
    guard entry != nil else {
      let keyed = line.call.arguments.compactMap(\.key)
      guard let key = keyed.first else { return self }
      throw DiagnosticSet([
        Diagnostic(
          code: "usage.argument", "the script takes no `--\(key.text)`", at: key.span,
          help: "`def main(\(key.text) = …) { … }` would; what `$args` should have follows `--`")
      ])
    }
    if !line.diagnostics.isEmpty { throw DiagnosticSet(line.diagnostics) }
    var script = self
    script.statements.append(
      .pipe(Pipe(stages: [.call(line.call)], span: line.call.span)))
    return script
  }
}

extension Session {
  /// What `olv FILE --help` shows: the script's usage and what its `main` takes.
  ///
  /// - Throws: `ScriptError.refused` for a script that cannot be read.
  public func usage(of source: Source) throws -> Report {
    let result = parse(source)
    if result.diagnostics.contains(where: { $0.severity == .error }) {
      throw ScriptError.refused(result.diagnostics)
    }
    guard let entry = result.script.entry else {
      return Report(
        fields: JSONObject([("script", .string(source.name)), ("parameters", .array([]))]),
        display: [.text("olv \(source.name)"), .text(""), .text("It takes no arguments.")])
    }
    var display: [Display] = [
      .text((["olv \(source.name)"] + entry.parameters.map(\.option)).joined(separator: " "))
    ]
    if let text = entry.documentation { display += [.text(""), .text(text)] }
    if !entry.parameters.isEmpty {
      display += [
        .text(""),
        .grid(
          Grid(
            rows: entry.parameters.map { parameter in
              let type = parameter.type.flatMap { ParameterType(rawValue: $0.text)?.phrase }
              let value = parameter.defaultValue.map { "default \($0)" } ?? "required"
              return ["  --\(parameter.name.text)", type ?? "a value", value]
            })),
      ]
    }
    var fields = JSONObject([("script", .string(source.name))])
    if case .object(let object) = entry.json {
      for (key, value) in object where key != "usage" { fields[key] = value }
    }
    return Report(fields: fields, display: display)
  }
}

extension Parameter {
  /// As a command line gives it: `[--steps=100]`, `--data=…`.
  fileprivate var option: String {
    defaultValue.map { "[--\(name.text)=\($0)]" } ?? "--\(name.text)=…"
  }
}
