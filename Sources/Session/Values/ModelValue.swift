import JSON

/// A model as the session sees it: an immutable value that knows where it comes from.
public protocol ModelValue: Sendable {
  /// How it came to be: `phi → gptq w4 g128 → lora r64 100 steps`.
  var lineage: String { get }
  /// Facts that scripts can ask for (`$m.bytes`) and that tables of models show. Only called when needed.
  var fields: JSONObject { get }
}

extension ModelValue {
  public var fields: JSONObject { JSONObject() }
}
