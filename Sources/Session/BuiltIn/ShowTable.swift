/// `table`: shows a result as a table.
struct ShowTable: Verb {
  static let name = "table"
  static let summary = "shows a result, or the last one, as a table"
  static let input = VerbInput.result
  static let output = VerbOutput.table
  static let examples = [
    Example(
      "each $b in [3 8] { quantize rtn bits=$b | ppl tiny-codes[5000:5002] }; table",
      "the arms of a block, one row each", setup: "use demo; load phi")
  ]
  static let seeAlso = ["print"]

  func run(_ context: RunContext) throws -> Outcome {
    switch context.input {
    case .table(let table): return .value(.table(table))
    case .report(let report):
      var table = Table(
        rows: [Table.Row(label: report.label ?? report.verb, result: context.input)],
        label: report.label, model: report.model, device: report.device)
      table.seconds = report.seconds
      table.pack = report.pack
      return .value(.table(table))
    default: return .value(context.input)
    }
  }
}

@section("olv_verbs") @used
private let register: VerbEntry = { declare(ShowTable.self, in: $0) }
