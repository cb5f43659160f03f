import Runtime

/// Why a receipt cannot be replayed, or what came out different.
public enum ReceiptFailure: Failure, Equatable {
  /// The file holds no receipt, or one of another form.
  case noReceipt(path: String, reason: String)
  /// Its checksum is not that of its text.
  case edited(path: String)
  /// A step does what no receipt may ask for.
  case refusedStep(step: String, reason: String)
  /// It tells no way to one of its results.
  case unrepeatable(result: String)
  /// Rows or weights are not those of then.
  case changedInput(step: String, call: String, what: String)
  /// A parameter that was left out has another default in this version.
  case changedDefault(step: String, parameter: String, now: String, then: String)
  /// A step stopped with a failure.
  case failedStep(step: String, reason: String, help: String?)
  /// A file beside the receipt is not as it was saved.
  case changedFile(name: String)
  /// The work was done, and gave other bytes.
  case differs(names: [String], why: [String])

  public var message: String {
    switch self {
    case .noReceipt(let path, let reason): "\(path) is no receipt: \(reason)"
    case .edited(let path): "the receipt \(path) was edited: its checksum does not match"
    case .refusedStep(let step, let reason): "step \(step) is not replayed: \(reason)"
    case .unrepeatable(let result):
      "\(result) cannot be made again: its receipt does not tell how it came to be"
    case .changedInput(let step, let call, let what):
      "the \(what) of step \(step) changed since: `\(call)`"
    case .changedDefault(let step, let parameter, let now, let then):
      "step \(step) left out \(parameter)=, which is now \(now.isEmpty ? "not set" : "`\(now)`") and was \(then.isEmpty ? "not set" : "`\(then)`")"
    case .failedStep(let step, let reason, _): "step \(step) failed: \(reason)"
    case .changedFile(let name): "\(name) changed since it was saved"
    case .differs(let names, _):
      "not the same bytes: \(names.joined(separator: ", ")) \(names.count == 1 ? "differs" : "differ")"
    }
  }

  public var help: String? {
    switch self {
    case .noReceipt:
      "give a folder that `save` wrote, its olv-receipt.json, or a report that `save` wrote"
    case .edited: "replay the receipt as it was written"
    case .refusedStep: "receipts hold calls of verbs that make or measure models, with plain values"
    case .unrepeatable:
      "save what it was made from: the report behind a number, the model before a run that was stopped"
    case .changedInput: "bring back what it was, or save anew from what it is now"
    case .changedDefault: "replay it with the version of olv that wrote it"
    case .failedStep(_, _, let help): help
    case .changedFile: "the receipt is of the folder as `save` wrote it"
    case .differs(_, let why): why.isEmpty ? nil : why.joined(separator: "; ")
    }
  }
}
