/// Where a model is to be loaded from; `load` takes one.
public struct ModelSource: ArgumentType, Equatable {
  /// A path (resolved against the pack that wrote it) or a hub id.
  public var location: String
  /// What to call the model: the name that a pack gave the source, or else the source as written.
  public var name: String

  public init(location: String, name: String) {
    self.location = location
    self.name = name
  }

  public static var phrase: String { "a model's name, path or hub id" }
  public static var source: ValueSource? { .models }
  public static var accepted: [Kind] { [.string] }
  public var written: String { name }
  public var recorded: RecordedArgument { .text(location) }

  public static func convert(_ datum: Datum, _ conversion: Conversion) throws -> ModelSource {
    guard case .string(let text) = datum, !text.isEmpty else {
      throw Mismatch(expected: phrase, found: datum)
    }
    return ModelSource(location: conversion.resolve(text), name: conversion.alias ?? text)
  }
}

/// A model that a verb takes beside the current one: `$base`, a pack's `phi`, or what `load` would take.
public struct ModelReference: ArgumentType {
  public var value: any ModelValue

  public init(_ value: any ModelValue) { self.value = value }

  public static var phrase: String { "a model" }
  public static var source: ValueSource? { .models }
  public static var accepted: [Kind] { [.model, .string] }
  public var written: String { value.lineage }
  public var recorded: RecordedArgument {
    (value as? any StorableModel)?.provenance.map(RecordedArgument.model) ?? .unknown
  }
  public var models: [any ModelValue] { [value] }

  public static func convert(_ datum: Datum, _ conversion: Conversion) throws -> ModelReference {
    switch datum {
    case .model(let model): return ModelReference(model)
    case .string(let name): return ModelReference(try conversion.model(name))
    default: throw Mismatch(expected: phrase, found: datum)
    }
  }
}

/// A dataset: a name that a binding or a pack gave, `wikitext.test`, a path, a hub id, `$mine`, or a slice of these.
public struct DatasetReference: ArgumentType {
  public var value: any DatasetValue

  public init(_ value: any DatasetValue) { self.value = value }

  public static var phrase: String { "a dataset" }
  public static var source: ValueSource? { .datasets }
  public static var accepted: [Kind] { [.dataset, .string] }
  public var written: String { value.name }
  public var recorded: RecordedArgument { value.recorded }

  public static func convert(_ datum: Datum, _ conversion: Conversion) throws -> DatasetReference {
    switch datum {
    case .dataset(let dataset): return DatasetReference(dataset)
    case .string(let name): return DatasetReference(try conversion.dataset(name))
    default: throw Mismatch(expected: phrase, found: datum)
    }
  }
}
