import Runtime

/// A model, or a part of one, that olv does not know.
public struct UnsupportedModel: Failure, Equatable {
  /// What is not known: `architecture`, `rope type`, `activation`, `quantization method`.
  public var what: String
  public var found: String
  public var supported: [String]
  public var path: String

  public init(what: String, found: String, supported: [String], path: String) {
    self.what = what
    self.found = found
    self.supported = supported
    self.path = path
  }

  public var message: String { "\(path): the \(what) \(found) is not supported" }
  public var help: String? { "supported: \(supported.joined(separator: ", "))" }
}

/// A configuration value that is missing, of the wrong kind or out of range.
public struct BadConfig: Failure, Equatable {
  public var path: String
  public var field: String
  public var expected: String
  public var found: String

  public init(path: String, field: String, expected: String, found: String) {
    self.path = path
    self.field = field
    self.expected = expected
    self.found = found
  }

  public var message: String { "\(path): \(field): expected \(expected), found \(found)" }
}

/// A tensor of a checkpoint that does not fit the model's configuration.
public struct WrongTensor: Failure, Equatable {
  public var name: String
  public var expected: String
  public var found: String
  /// The file that holds it, or the folder that should.
  public var path: String

  public init(name: String, expected: String, found: String, path: String) {
    self.name = name
    self.expected = expected
    self.found = found
    self.path = path
  }

  public var message: String { "\(path): tensor \(name): expected \(expected), found \(found)" }
}

/// Token ids outside the model's embedding.
public struct TokenOutOfRange: Failure, Equatable {
  public var id: Int
  public var vocabulary: Int

  public init(id: Int, vocabulary: Int) {
    self.id = id
    self.vocabulary = vocabulary
  }

  public var message: String {
    "token id \(id) lies outside the model's vocabulary of \(vocabulary)"
  }
  public var help: String? { "use the tokenizer that belongs to the model" }
}
