/// `table`: shows a result as a table.
struct ShowTable: Verb {
  static let name = "table"
  static let summary = "shows a result, or the last one, as a table"
  static let details = """
    With other tables named, their rows stand below: `$floats | table $quantized` is one table of both, for `verdict` and \
    `plot` to compare.
    """
  static let input = VerbInput.result
  static let output = VerbOutput.table
  static let examples = [
    Example(
      "each $b in [3 8] { quantize rtn bits=$b | ppl tiny-codes[5000:5002] }; table",
      "the arms of a block, one row each", setup: "use demo; load phi"),
    Example(
      "a = each $b in [8] { quantize rtn bits=$b | ppl tiny-codes[5000:5002] }; b = { float: ppl tiny-codes[5000:5002] }; $b | table $a",
      "two tables as one", setup: "use demo; load phi"),
  ]
  static let seeAlso = ["print"]

  @Arg(variadic: "more", "tables whose rows stand below", noun: "table") var more: [Datum]

  func bind(_ context: BindContext) throws {
    for other in more where other.kind != .table {
      throw $more.failure("\(other.quoted) is no table", help: "`$first | table $second`")
    }
  }

  func run(_ context: RunContext) throws -> Outcome {
    guard !more.isEmpty, case .table(var table) = try shown(context) else {
      return .value(try shown(context))
    }
    for other in more {
      guard case .table(let below) = other else { continue }
      for row in below.rows {
        guard table[row.label] == nil else {
          throw $more.failure("both tables have a row `\(row.label)`")
        }
        table.rows.append(row)
      }
      table.seconds += below.seconds
    }
    return .value(.table(table))
  }

  private func shown(_ context: RunContext) throws -> Datum {
    switch context.input {
    case .table(let table): return .table(table)
    case .report(let report):
      var table = Table(
        rows: [Table.Row(label: report.label ?? report.verb, result: context.input)],
        label: report.label, model: report.model, device: report.device)
      table.seconds = report.seconds
      table.pack = report.pack
      return .table(table)
    default: return context.input
    }
  }
}

@section("olv_verbs") @used
private let register: VerbEntry = { declare(ShowTable.self, in: $0) }
