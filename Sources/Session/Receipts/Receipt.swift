import Checkpoints
import JSON
import Runtime

/// How models and reports came to be, so completely that they can be made again: every call with its parameters and
/// seeds, hashes of what it read, the program that ran, and hashes of what came out.
///
/// A receipt names its inputs as the script did, by path or hub id. It is text that people may read: the calls are olv's
/// own language, a step each.
public struct Receipt: Sendable {
  /// The file that a saved folder has it in.
  public static let fileName = "olv-receipt.json"
  /// More is nobody's experiment.
  static let maximumSteps = 10_000
  static let maximumBytes = 64 << 20

  /// One call on models that earlier steps made.
  struct Step: Sendable {
    /// `m3`.
    var name: String
    /// `$m2 | quantize gptq bits=3`.
    var call: String
    /// The values of the parameters that the call leaves out and that can change the outcome, as texts.
    var defaults: JSONObject
    /// Hashes of what it read, by what that is.
    var inputs: JSONObject
  }

  /// What came out of a step.
  public struct Result: Sendable {
    public var label: String?
    /// The step that it is of; nil where its way cannot be told.
    public var step: String?
    /// What computed.
    public var execution: String
    /// What tells it: hashes, and how it was written.
    public var facts: JSONObject

    /// In a sentence.
    public var name: String { label.map { "`\($0)`" } ?? step.map { "step \($0)" } ?? "the result" }
  }

  /// `olv 1.2` and a hash of the program.
  public var engine: String
  /// The precision that was asked for: `auto`, `f32`, `bf16`.
  var compute: String
  var steps: [Step]
  public var results: [Result]
  public var stepCount: Int { steps.count }

  /// The receipt of what this session made.
  ///
  /// - Parameter results: Each with its label in a table, how it came to be, and what tells it.
  /// - Throws: `Cancelled`, and what reading weights for their hash gives rise to.
  public init(
    _ results: [(label: String?, provenance: Provenance?, facts: JSONObject)], _ session: Session
  ) throws {
    engine = try session.engine()
    compute = session.settings.compute
    steps = []
    var names: [ObjectIdentifier: String] = [:]
    // Arms that each make the same step anew share it.
    var known: [String: String] = [:]
    for case let provenance? in results.map(\.provenance) {
      for step in provenance.steps where names[ObjectIdentifier(step)] == nil {
        let call = step.call { names[ObjectIdentifier($0)] ?? "" }
        let inputs = JSONObject(try step.inputs.value.map { ($0.name, .string($0.value)) })
        let key = call + "\n" + JSON.object(inputs).text()
        if let name = known[key] {
          names[ObjectIdentifier(step)] = name
          continue
        }
        let name = "m\(steps.count + 1)"
        names[ObjectIdentifier(step)] = name
        known[key] = name
        steps.append(
          Step(
            name: name, call: call,
            defaults: JSONObject(step.defaults.map { ($0.name, .string($0.value)) }),
            inputs: inputs))
      }
    }
    self.results = results.map { label, provenance, facts in
      Result(
        label: label, step: provenance.flatMap { names[ObjectIdentifier($0)] },
        execution: provenance?.execution ?? "", facts: facts)
    }
  }

  // MARK: Text

  public var json: JSON {
    var object = body
    object["sha256"] = .string(Self.seal(body))
    return .object(object)
  }

  private var body: JSONObject {
    JSONObject([
      ("olv_receipt", .int(1)), ("engine", .string(engine)), ("compute", .string(compute)),
      (
        "steps",
        .array(
          steps.map { step in
            .object(
              JSONObject([
                ("name", .string(step.name)), ("call", .string(step.call)),
                ("defaults", .object(step.defaults)), ("inputs", .object(step.inputs)),
              ]))
          })
      ),
      (
        "results",
        .array(
          results.map { result in
            var object = JSONObject([
              ("label", result.label.map(JSON.string) ?? .null),
              ("step", result.step.map(JSON.string) ?? .null),
              ("execution", .string(result.execution)),
            ])
            for (key, value) in result.facts { object[key] = value }
            return .object(object)
          })
      ),
    ])
  }

  /// What tells an accident or an edit: nobody's signature.
  private static func seal(_ body: JSONObject) -> String { SHA256.hex(JSON.object(body).text()) }

  /// Reads a receipt, or a report that has one.
  ///
  /// - Throws: `ReceiptFailure`, `JSONFailure`, `FileFailure`.
  public init(path: String) throws {
    guard let bytes = try? FileBytes.read(path, limit: Self.maximumBytes) else {
      _ = try MappedFile(path)
      throw ReceiptFailure.noReceipt(path: path, reason: "it is larger than any")
    }
    let document = try bytes.withUnsafeBytes { try JSON.parse($0, path: path) }
    func wrong(_ reason: String) -> ReceiptFailure {
      .noReceipt(path: path, reason: reason)
    }
    guard case .object(let whole) = document,
      case .object(var object)? = whole["olv_receipt"] == nil ? whole["receipt"] : document
    else { throw wrong("it has no field `receipt`") }
    guard object["olv_receipt"]?.intValue == 1 else {
      throw wrong("its form is of another version")
    }
    guard let seal = object["sha256"]?.stringValue, let engine = object["engine"]?.stringValue,
      let compute = object["compute"]?.stringValue, let steps = object["steps"]?.arrayValue,
      let results = object["results"]?.arrayValue
    else { throw wrong("engine, compute, steps, results or sha256 is missing") }
    object["sha256"] = nil
    guard seal == Self.seal(object) else { throw ReceiptFailure.edited(path: path) }
    guard steps.count <= Self.maximumSteps, results.count <= Self.maximumSteps else {
      throw wrong("it has more than \(Self.maximumSteps) steps")
    }
    self.engine = engine
    self.compute = compute
    self.steps = try steps.enumerated().map { index, step in
      guard step["name"]?.stringValue == "m\(index + 1)", let call = step["call"]?.stringValue,
        let defaults = step["defaults"]?.objectValue, let inputs = step["inputs"]?.objectValue
      else { throw wrong("step \(index + 1) is incomplete") }
      return Step(name: "m\(index + 1)", call: call, defaults: defaults, inputs: inputs)
    }
    self.results = try results.map { result in
      guard case .object(var facts) = result, let execution = result["execution"]?.stringValue
      else { throw wrong("a result is incomplete") }
      let step = result["step"]?.stringValue
      let label = result["label"]?.stringValue
      for key in ["label", "step", "execution"] { facts[key] = nil }
      return Result(label: label, step: step, execution: execution, facts: facts)
    }
  }
}
