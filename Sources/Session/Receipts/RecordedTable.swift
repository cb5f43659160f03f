import Language

/// A table of reports as a receipt tells it: the labels, and which step gave each report.
struct RecordedTable: Sendable {
  enum Cell: Sendable {
    case step(Provenance)
    case table(RecordedTable)
  }

  private let rows: [(label: String, cell: Cell)]

  /// Nil where something in it is no report, or one that nobody can tell how to make.
  init?(_ table: Table) {
    var rows: [(label: String, cell: Cell)] = []
    for row in table.rows {
      switch row.result {
      case .report(let report):
        guard let step = report.measurement else { return nil }
        rows.append((row.label, .step(step)))
      case .table(let inner):
        guard let inner = RecordedTable(inner) else { return nil }
        rows.append((row.label, .table(inner)))
      default: return nil
      }
    }
    guard !rows.isEmpty else { return nil }
    self.rows = rows
  }

  /// Those of its reports, in their order.
  var steps: [Provenance] {
    rows.flatMap { row in
      switch row.cell {
      case .step(let step): [step]
      case .table(let inner): inner.steps
      }
    }
  }

  /// The block that gives the table again.
  ///
  /// - Parameter name: What a step's report is called.
  func block(_ name: (Provenance) -> String) -> Block {
    Block(
      .arms(
        rows.map { label, cell in
          let stage: Stage =
            switch cell {
            case .step(let step): .reference(Reference(name: Name(name(step))))
            case .table(let inner): .block(inner.block(name))
            }
          return Arm(label: Text(label), pipe: Pipe(stages: [stage]))
        }))
  }
}

extension Report {
  /// The step behind what a comparison takes from it: its own, or that of the part which a row has its evidence from.
  var measurement: Provenance? {
    provenance ?? parts.first { $0.report.evidence != nil }?.report.provenance
  }
}
