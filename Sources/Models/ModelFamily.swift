import JSON
import Tensor

/// What distinguishes one model family: how its configuration reads, which linears a block has, and how the outputs of
/// the two wide stages are laid out. One file per family; the rest of a decoder block is the same for all.
public protocol ModelFamily: Sendable {
  /// The `model_type` of config.json: `phi3`.
  var name: String { get }
  /// The `architectures` that it covers: `Phi3ForCausalLM`.
  var architectures: [String] { get }
  /// Reads and checks config.json.
  func config(_ reader: ConfigReader) throws -> ModelConfig
  /// The linears of a block in the order of execution.
  func projections(_ config: ModelConfig) -> [Projection]
  /// The outputs of the linears of `.attentionInput`, in order.
  func attentionInput(_ outputs: [Tensor]) -> Projections
  /// The outputs of the linears of `.mlpInput`, in order.
  func mlpInput(_ outputs: [Tensor]) -> GateUp
}

/// The families that olv knows. A new one is its file and its line here.
public enum ModelFamilies {
  public static let all: [any ModelFamily] = [Phi3(), Llama()]

  /// The architectures that load, for diagnostics.
  public static var architectures: [String] { all.flatMap(\.architectures) }

  /// The family of a config.json, by its architecture, or by its model type where it names none.
  ///
  /// - Throws: `UnsupportedModel` with the list of supported ones.
  public static func family(of config: JSONObject, path: String) throws -> any ModelFamily {
    let type = config["model_type"]?.stringValue
    if let named = config["architectures"]?.arrayValue?.compactMap(\.stringValue), !named.isEmpty {
      if let family = all.first(where: { $0.architectures.contains(where: named.contains) }) {
        return family
      }
      throw UnsupportedModel(
        what: "architecture", found: named[0], supported: architectures, path: path)
    }
    if let type {
      if let family = all.first(where: { $0.name == type }) { return family }
      throw UnsupportedModel(
        what: "model type", found: type, supported: all.map(\.name), path: path)
    }
    throw BadConfig(
      path: path, field: "architectures",
      expected: "one of \(architectures.joined(separator: ", "))",
      found: "nothing")
  }
}
