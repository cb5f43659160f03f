import Runtime
import Tensor

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

/// Weights that the device cannot hold: found before the first of them is read.
public struct ModelTooLarge: Failure, Equatable {
  public var device: String
  /// Bytes of the weights.
  public var needed: Int
  /// Bytes of the device that may be taken.
  public var available: Int

  public var message: String {
    "the model's weights take \(gigabytes(needed)), \(device) has \(gigabytes(available))"
  }
  public var help: String? {
    "use --device cpu, where weights stay in the file, and quantize it there; the result may fit"
  }

  private func gigabytes(_ bytes: Int) -> String {
    let tenths = (bytes + 50_000_000) / 100_000_000
    return "\(tenths / 10).\(tenths % 10) GB"
  }
}

extension Backend {
  /// - Throws: `ModelTooLarge` where the device has less memory than `bytes`. The CPU maps files and holds what it needs.
  func requireRoom(for bytes: Int) throws {
    guard device.kind != .cpu, bytes > device.memory else { return }
    throw ModelTooLarge(device: device.description, needed: bytes, available: device.memory)
  }
}
