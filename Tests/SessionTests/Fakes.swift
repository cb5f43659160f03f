import JSON
import Language
import Runtime

@testable import Session

/// A model that is only its lineage.
struct FakeModel: ModelValue, Equatable {
  var steps: [String]
  var lineage: String { steps.joined(separator: " → ") }
  var fields: JSONObject { JSONObject([("stages", .int(steps.count))]) }

  func adding(_ step: String) -> FakeModel { FakeModel(steps: steps + [step]) }
}

/// A dataset of so many rows.
struct FakeDataset: DatasetValue, Equatable {
  var name: String
  var rows: Range<Int>
  var columnNames = ["prompt", "response"]

  func sliced(lower: Int?, upper: Int?) throws -> any DatasetValue {
    let upper = upper ?? rows.count
    guard upper <= rows.count else {
      throw FakeFailure(message: "`\(name)` has \(rows.count) rows")
    }
    var cut = self
    cut.rows = (rows.lowerBound + (lower ?? 0))..<(rows.lowerBound + upper)
    cut.name = "\(name)[\(lower.map(String.init) ?? ""):\(upper)]"
    return cut
  }

  func split(_ name: String) throws -> any DatasetValue {
    guard ["train", "test"].contains(name) else {
      throw FakeFailure(message: "`\(self.name)` has no split `\(name)`")
    }
    var cut = self
    cut.name = "\(self.name).\(name)"
    return cut
  }

  func columns() throws -> [String] { columnNames }
  var splits: [String] { ["train", "test"] }
}

struct FakeFailure: Failure {
  var message: String
  var help: String?
}

/// Knows the datasets `numbers.jsonl` and `org/data`, and counts how often it was asked.
final class FakeHost: Host {
  let device = "fake"
  func apply(_ settings: Settings) throws {
    if settings.device == "cuda" { throw FakeFailure(message: "no CUDA here") }
  }
  func dataset(named name: String) throws -> any DatasetValue {
    guard name.hasSuffix("numbers.jsonl") || name == "org/data" else {
      throw FakeFailure(message: "no dataset `\(name)`", help: "looked in the working directory")
    }
    return FakeDataset(name: name, rows: 0..<100)
  }
}

/// Keeps what it is shown.
final class Recorder: Presenter, @unchecked Sendable {
  var reports: [Report] = []
  var tables: [Table] = []
  var values: [String] = []
  var text = ""
  var warnings: [Diagnostic] = []
  var moments: [Progress] = []

  func show(_ report: Report) { reports.append(report) }
  func show(_ table: Table) { tables.append(table) }
  func show(_ value: Datum) { values.append(value.text) }
  func write(_ text: String) { self.text += text }
  func progress(_ progress: Progress) { moments.append(progress) }
  func show(_ diagnostic: Diagnostic) { warnings.append(diagnostic) }

  /// `verb label: model = value` of every report.
  var lines: [String] {
    reports.map { report in
      let label = report.label.map { " \($0):" } ?? ""
      let value = report.value.map { " = \($0.written)" } ?? ""
      return "\(report.verb)\(label) \(report.model ?? "-")\(value)"
    }
  }
}

struct FakeLoad: Verb {
  static let name = "load"
  static let summary = "loads"
  static let input = VerbInput.nothing
  static let output = VerbOutput.model
  @Arg("model", "what") var source: ModelSource
  @Opt("dtype", "the type", choices: ["f32", "bf16"]) var dtype: String?

  func bind(_ context: BindContext) throws {
    if source.location.hasPrefix("missing") { throw $source.failure("no model `\(source.name)`") }
  }

  func run(_ context: RunContext) throws -> Outcome {
    .model(FakeModel(steps: [source.name + (dtype.map { " \($0)" } ?? "")]))
  }
}

struct FakeDatasetVerb: Verb {
  static let name = "dataset"
  static let summary = "names data"
  static let input = VerbInput.nothing
  static let output = VerbOutput.dataset
  static let isDeclarative = true
  @Arg("path", "where") var path: Path
  @Opt("template", "the text") var template: String?
  @Opt("train", "rows to train on") var train: RowRange?

  func run(_ context: RunContext) throws -> Outcome {
    guard let host = context.session.host as? FakeHost,
      var data = try host.dataset(named: path.path) as? FakeDataset
    else { throw FakeFailure(message: "no host") }
    data.name = context.alias ?? path.text
    return .value(.dataset(data))
  }
}

struct FakeQuantize: Verb {
  static let name = "quantize"
  static let summary = "rounds weights"
  static let output = VerbOutput.model
  static let alsoKnownAs = ["compress"]
  @Arg("method", "the algorithm", noun: "quantizer", choices: ["rtn", "gptq", "awq"])
  var method: String
  @Opt("bits", "bits per weight", choices: ["2", "3", "4", "8"]) var bits: Int = 4
  @Opt("group", "weights per scale", range: 16...128) var group: Int = 128
  @Opt("samples", "calibration texts", range: 1...) var samples: Int = 128
  @Opt("data", "calibration data") var data: DatasetReference?
  @Opt("symmetric", "no zero points") var symmetric: Bool = false
  @Opt("damp", "damping", range: 0.0...1.0) var damp: Fraction = Fraction(0.01)

  func bind(_ context: BindContext) throws {
    if let data, try data.value.columns().isEmpty { throw $data.failure("no columns") }
  }

  func run(_ context: RunContext) throws -> Outcome {
    let model: FakeModel = try context.model()
    context.progress(Progress(stage: "layer", done: 1, total: 1, unit: "layers"))
    let made = model.adding("\(method) w\(bits)" + (data.map { " \($0.value.name)" } ?? ""))
    return .model(made, Report(fields: JSONObject([("bits_per_weight", .number(Double(bits)))])))
  }
}

struct FakeFinetune: Verb {
  static let name = "finetune"
  static let summary = "trains"
  static let output = VerbOutput.model
  @Arg("data", "what to learn") var data: DatasetReference
  @Opt("steps", "how long", range: 1...) var steps: Int = 100

  func run(_ context: RunContext) throws -> Outcome {
    let model: FakeModel = try context.model()
    if data.value.name == "broken" { throw FakeFailure(message: "loss is NaN at step 3") }
    let report = Report(fields: JSONObject([("loss", .array([2.5, 2.25]))]))
    return .model(model.adding("lora \(steps)"), report)
  }
}

/// Its value is the number of the model's stages times ten.
struct FakePpl: Verb {
  static let name = "ppl"
  static let summary = "measures"
  @Arg("data", "what to score") var data: DatasetReference?
  @Opt("as", "protocol") var dialects: [Dialect] = [.olive]
  enum Dialect: String, CaseIterable, ArgumentType { case olive, gptq }

  func run(_ context: RunContext) throws -> Outcome {
    let model: FakeModel = try context.model()
    let fields = JSONObject([
      ("nll", .number(0.5)), ("data", .string(data?.value.name ?? "none")),
      ("layers", .array([["name": "a", "error": 0.25]])),
    ])
    return .report(Report(value: Double(model.steps.count * 10), fields: fields))
  }
}

struct FakeDiverge: Verb {
  static let name = "diverge"
  static let summary = "compares"
  @Arg("reference", "with what") var reference: ModelReference

  func run(_ context: RunContext) throws -> Outcome {
    .report(Report(fields: JSONObject([("from", .string(reference.value.lineage))])))
  }
}

struct FakeSave: Verb {
  static let name = "save"
  static let summary = "writes"
  static let output = VerbOutput.nothing
  @Arg("path", "where") var path: Path

  func run(_ context: RunContext) throws -> Outcome { .nothing() }
}

/// Stops as a user's Ctrl-C would.
struct FakeStop: Verb {
  static let name = "stop"
  static let summary = "interrupts"

  func run(_ context: RunContext) throws -> Outcome { throw Cancelled() }
}

/// Is interrupted with half of a model made.
struct FakeHalf: Verb {
  static let name = "half"
  static let summary = "interrupts half-way"
  static let output = VerbOutput.model

  func run(_ context: RunContext) throws -> Outcome {
    let model: FakeModel = try context.model()
    throw Unfinished(
      Cancelled(), keeping: model.adding("half"),
      report: Report(fields: JSONObject([("steps", .int(3))])))
  }
}

/// Gives an argument of every type back as a report.
struct FakeTypes: Verb {
  static let name = "types"
  static let summary = "every type of argument"
  static let input = VerbInput.nothing
  @Opt("ints", "") var ints: [Int] = []
  @Opt("number", "", range: 0..<1) var number: Double?
  @Opt("size", "") var size: ByteCount?
  @Opt("time", "") var time: Seconds?
  @Opt("rows", "") var rows: RowRange?
  @Opt("text", "") var text: String?
  @Opt("flag", "") var flag: Bool?
  @Opt("share", "") var share: Fraction?

  func run(_ context: RunContext) throws -> Outcome {
    var fields = JSONObject()
    fields["ints"] = .string(ints.written)
    fields["number"] = .string(number.written)
    fields["size"] = .string(size.written)
    fields["time"] = .string(time.written)
    fields["rows"] = .string(rows.written)
    fields["text"] = .string(text.written)
    fields["flag"] = .string(flag.written)
    fields["share"] = .string(share.written)
    return .report(Report(fields: fields))
  }
}

nonisolated(unsafe) let fakeVerbs: [any Verb.Type] = [
  FakeLoad.self, FakeDatasetVerb.self, FakeQuantize.self, FakeFinetune.self, FakePpl.self,
  FakeDiverge.self, FakeSave.self, FakeStop.self, FakeHalf.self, FakeTypes.self,
  Print.self, Help.self, Use.self, Defaults.self, Expect.self, History.self, ShowTable.self,
  Row.self, Numbers.self, Plan.self,
]

/// A session on fakes.
final class Bench {
  let recorder = Recorder()
  let session: Session

  init(standardLibrary: String = "/nonexistent") {
    session = Session(
      host: FakeHost(), presenter: recorder, verbs: fakeVerbs, standardLibrary: standardLibrary)
  }

  func run(_ text: String, number: Int? = nil) throws {
    try session.run(Source(name: "test.olv", text: text), number: number)
  }

  /// What is wrong with a script.
  func problems(_ text: String) -> [Diagnostic] {
    session.check(Source(name: "test.olv", text: text))
  }

  /// The diagnostics as a terminal shows them, each below its code.
  func rendered(_ text: String) -> String {
    var found = problems(text)
    if found.isEmpty {
      do { try run(text) } catch { found = (error as? ScriptError)?.diagnostics ?? [] }
    }
    return found.map { "[\($0.code)]\n\($0.rendered())" }.joined(separator: "\n")
  }
}
