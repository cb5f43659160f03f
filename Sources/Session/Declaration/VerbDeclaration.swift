import JSON

/// What is declared about a verb, read from its type and properties.
public final class VerbDeclaration {
  public let type: any Verb.Type
  public let name: String
  public let parameters: [ParameterDeclaration]
  /// The places of those that may stand without a key, and of those that must be given.
  let positional: [Int]
  let required: [Int]
  /// What matching arguments to them needs to know.
  let shapes: [ParameterShape]
  /// The usage line for a diagnostic: at most the first few parameters.
  let shortUsage: String
  /// Calls that were checked and did not run, to be used again.
  private var spare: [VerbCall] = []

  init(_ type: any Verb.Type) {
    self.type = type
    name = type.name
    parameters = VerbCall(type).slots.map(\.declaration)
    positional = parameters.indices.filter { [parameters] in parameters[$0].isPositional }
    required = parameters.indices.filter { [parameters] in parameters[$0].isRequired }
    shapes = parameters.map {
      ParameterShape(
        name: $0.name, isPositional: $0.isPositional, isVariadic: $0.isVariadic,
        takesAnyKey: $0.takesAnyKey, accepted: $0.accepted)
    }
    let shown = parameters.count > 5 ? parameters.prefix(4) : parameters[...]
    let head = ([name] + shown.map(\.usage)).joined(separator: " ")
    shortUsage =
      parameters.count > 5 ? "\(head) … (`? \(name)` for all)" : head + Self.body(of: type)
  }

  /// A call whose parameters are what they are where nothing is given.
  func makeCall() -> VerbCall { spare.popLast() ?? VerbCall(type) }

  /// Takes back a call that nobody holds: making one is half of what checking it takes.
  func takeBack(_ call: VerbCall) {
    for slot in call.slots { slot.reset() }
    spare.append(call)
  }

  public var summary: String { type.summary }
  public var examples: [Example] { type.examples }

  /// `quantize <method> [bits=4] [group=128]`
  public var usage: String {
    ([name] + parameters.map(\.usage)).joined(separator: " ") + Self.body(of: type)
  }

  /// The block that a verb takes.
  private static func body(of type: any Verb.Type) -> String { type == Plan.self ? " { … }" : "" }

  /// Everything, for programs.
  public var json: JSON {
    var object = JSONObject([
      ("name", .string(name)), ("summary", .string(summary)), ("usage", .string(usage)),
      ("input", .string(type.input.rawValue)), ("output", .string(type.output.rawValue)),
    ])
    if !type.details.isEmpty { object["details"] = .string(type.details) }
    object["parameters"] = .array(parameters.map(\.json))
    object["examples"] = .array(
      examples.map { ["script": .string($0.script), "explanation": .string($0.explanation)] })
    if !type.seeAlso.isEmpty { object["see_also"] = .array(type.seeAlso.map(JSON.string)) }
    if let paper = type.paper { object["paper"] = .string(paper) }
    return .object(object)
  }
}

extension ParameterDeclaration {
  var json: JSON {
    var object = JSONObject([
      ("name", .string(name)), ("summary", .string(summary)), ("type", .string(typePhrase)),
      ("positional", .bool(isPositional)), ("required", .bool(isRequired)),
    ])
    if isVariadic { object["variadic"] = true }
    if let defaultText { object["default"] = .string(defaultText) }
    if let unit { object["unit"] = .string(unit) }
    if let range { object["range"] = .string(range.phrase) }
    if let choices { object["choices"] = .array(choices.map(JSON.string)) }
    return .object(object)
  }
}

/// A verb made for one call, with its slots in the order of declaration.
struct VerbCall {
  let verb: any Verb
  let slots: [any AnyParameterSlot]

  init(_ type: any Verb.Type) {
    let made = MadeSlots()
    verb = MadeSlots.$current.withValue(made) { type.init() }
    slots = made.slots
  }
}
