import JSON
import Language
import Runtime

/// `ppl | expect below=30`: fails the script where the number is not there.
struct Expect: Verb {
  static let name = "expect"
  static let isRehearsed = false
  static let summary = "fails the script unless a report's number is where it should be"
  static let input = VerbInput.result
  static let output = VerbOutput.input
  static let examples = [
    Example(
      "ppl tiny-codes[5000:5004] | expect below=2000", "passes, or ends the script with status 1",
      setup: "use demo; load phi"),
    Example(
      "each $b in [4 8] { quantize rtn bits=$b | ppl tiny-codes[5000:5003] } | expect field=nll below=20",
      "every arm of a table, by a field", setup: "use demo; load phi"),
  ]
  static let seeAlso = ["print"]
  static let alsoKnownAs = ["assert", "check"]

  @Opt("below", "it must be less than this") var below: Double?
  @Opt("above", "it must be more than this") var above: Double?
  @Opt("field", "which number, if not the headline") var field: String?

  func bind(_ context: BindContext) throws {
    guard below != nil || above != nil else {
      throw ArgumentFailure(parameter: "below", "`expect` needs `below=` or `above=`")
    }
  }

  func run(_ context: RunContext) throws -> Outcome {
    var reports: [(label: String?, report: Report)] = []
    switch context.input {
    case .report(let report): reports = [(nil, report)]
    case .table(let table):
      for row in table.leaves {
        guard case .report(let report) = row.result else { continue }
        reports.append((row.label, report))
      }
    default: break
    }
    guard !reports.isEmpty else { throw Unexpected(message: "there is no report to look at") }
    for (label, report) in reports {
      let name = (label.map { "`\($0)`: " } ?? "") + (field ?? report.verb)
      let number = field.map { report.json[$0]?.doubleValue } ?? report.value
      guard let number, number.isFinite else {
        throw Unexpected(message: "\(name) has no number to compare")
      }
      if let below, number >= below {
        throw Unexpected(message: "\(name) is \(number.written), expected below \(below.written)")
      }
      if let above, number <= above {
        throw Unexpected(message: "\(name) is \(number.written), expected above \(above.written)")
      }
    }
    return .value(context.input)
  }
}

/// A number that is not where the script expects it.
struct Unexpected: Failure {
  let identifier = "expect.failed"
  var message: String
}

@section("olv_verbs") @used
private let register: VerbEntry = { declare(Expect.self, in: $0) }
