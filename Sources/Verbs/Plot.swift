import Charts
import FoundationEssentials
import JSON
import Runtime
import Session

#if canImport(Glibc)
  import Glibc
#endif

@section("olv_verbs") @used private let register: VerbEntry = { declare(Plot.self, in: $0) }

/// `plot [FIELD] [file=chart.svg]`
struct Plot: Verb {
  static let name = "plot"
  static let isRehearsed = false
  static let summary =
    "draw a result, or the last one: bars of a table's arms, the loss of a fine-tune"
  static let details = """
    The arms of a table become bars of their headline number, or of the field that is named. Beside quantized arms of \
    perplexities, a float model that was not trained becomes a dashed line, a trained one a solid line. A report of \
    `finetune` becomes its loss curve; one with layers, as of `quantize`, a bar a layer.

    Whiskers are 95% intervals of perplexities over the documents. whiskers=documents takes each arm alone: how well the \
    documents tell its perplexity. Arms share their documents, so that they may differ though such whiskers overlap; \
    whiskers=paired takes away what all arms have in common on a document and shows that. `verdict` decides.

    file= writes the chart as SVG too. What was taken is passed on.
    """
  static let input = VerbInput.result
  static let output = VerbOutput.input
  static let examples = [
    Example(
      "{ float: ppl tiny-codes[5000:5020]; rtn: quantize rtn bits=3 | ppl tiny-codes[5000:5020] } | plot",
      "bars of the arms' perplexities", setup: "use demo; load phi"),
    Example(
      "quantize rtn bits=3; plot error file=/tmp/olv-example.svg",
      "the error of each layer, also as a file", setup: "use demo; load phi"),
    Example(
      "finetune tiny-codes steps=2 eval=no; plot", "the loss of each step",
      setup: "use demo; load phi"),
  ]
  static let seeAlso = ["table", "verdict"]
  static let alsoKnownAs = ["chart", "graph", "draw"]

  enum Whiskers: String, CaseIterable, ArgumentType { case documents, paired, no }

  @Arg("field", "which number, if not the headline: `bits_per_weight`, `error`") var field: String?
  @Opt("file", "where to write it as SVG") var file: Path?
  @Opt("title", "what stands above it") var title: String?
  @Opt("whiskers", "intervals of perplexities over documents") var whiskers: Whiskers = .documents
  @Opt("zero", "bars begin at zero; `no` begins near the smallest, for small differences")
  var zero: Bool = true

  func bind(_ context: BindContext) throws {
    guard let file else { return }
    guard file.path.hasSuffix(".svg") else {
      throw $file.failure("a chart is written as SVG", help: "file=\(file.text).svg")
    }
    let folder = file.path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
      .joined(separator: "/")
    let parent = file.path.hasPrefix("/") && folder.isEmpty ? "/" : folder.isEmpty ? "." : folder
    guard access(parent, W_OK) == 0 else {
      throw $file.failure(
        "the folder `\(parent)` cannot be written: \(String(cString: strerror(errno)))")
    }
  }

  func run(_ context: RunContext) throws -> Outcome {
    var chart = try chart(of: context.input)
    if let title { chart.title = title }
    guard !chart.isEmpty else {
      throw $field.failure(
        "there are no numbers to draw" + (field.map { " in `\($0)`" } ?? ""),
        help: "name a field that has them: `plot bits_per_weight`")
    }
    var fields = chart.fields
    var display = [Display.chart(chart)]
    if let file {
      do {
        try Data(chart.svg().utf8).write(to: URL(filePath: file.path), options: .atomic)
      } catch {
        throw $file.failure(
          "`\(file.text)` could not be written: \(String(cString: strerror(errno)))")
      }
      fields["file"] = .string(file.path)
      display.append(.text("written to \(file.text)"))
    }
    context.show(Report(fields: fields, display: display))
    return .value(context.input)
  }

  private func chart(of input: Datum) throws -> Chart {
    switch input {
    case .table(let table):
      return try ArmsChart(
        table, field: field, whiskers: whiskers, beginsAtZero: zero
      ).chart
    case .report(let report):
      if field == nil || field == "loss", let chart = LossChart(report.fields).chart {
        return chart
      }
      if let chart = LayersChart(report, field: field, beginsAtZero: zero).chart { return chart }
      let alone = Table(rows: [
        Table.Row(label: report.label ?? report.model ?? report.verb, result: input)
      ])
      return try ArmsChart(
        alone, field: field, whiskers: whiskers, beginsAtZero: zero
      ).chart
    default: throw NothingToDraw()
    }
  }
}

struct NothingToDraw: Failure {
  var message: String { "there is no table or report to draw" }
  var help: String? { "pipe one into it: `{ a: ppl; b: quantize rtn | ppl } | plot`" }
}

extension Chart {
  /// The chart for programs.
  fileprivate var fields: JSONObject {
    var object = JSONObject([("title", .string(title)), ("quantity", .string(quantity))])
    if !bars.isEmpty {
      object["bars"] = .array(
        bars.map { bar in
          .object(
            JSONObject([
              ("label", .string(bar.label)), ("value", .number(bar.value)),
              ("lower", bar.interval.map { .number($0.lowerBound) } ?? .null),
              ("upper", bar.interval.map { .number($0.upperBound) } ?? .null),
            ]))
        })
    }
    if !references.isEmpty {
      object["lines"] = .array(
        references.map { line in
          .object(
            JSONObject([
              ("label", .string(line.label)), ("value", .number(line.value)),
              ("style", .string(line.style.rawValue)),
            ]))
        })
    }
    if !curves.isEmpty {
      object["curves"] = .array(
        curves.map { curve in
          .object(
            JSONObject([
              ("label", .string(curve.label)), ("over", .string(over)),
              ("points", .array(curve.points.map { .array([.number($0.x), .number($0.y)]) })),
            ]))
        })
    }
    if !notes.isEmpty { object["remarks"] = .array(notes.map(JSON.string)) }
    return object
  }
}
