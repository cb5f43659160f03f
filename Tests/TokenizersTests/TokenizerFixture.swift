import FoundationEssentials
import JSON
import TestSupport
import Tokenizers

/// The tokenizers that the tests read, each loaded once.
enum TokenizerFixture {
  /// Byte-level BPE with GPT-2's expression, 2048 tokens.
  static let bytes = Result { try Tokenizer(folder: "\(Shared.fixtures)/tokenizer") }
  /// BPE with byte fallback and `▁`, 621 tokens.
  static let characters = Result { try Tokenizer(folder: "\(Shared.fixtures)/sentencepiece") }
  static let llama3 = Result { try Tokenizer(folder: "\(real)/tokenizers/llama-3") }
  static let phi3 = Result { try Tokenizer(folder: "\(real)/tokenizers/phi-3-mini") }

  static let real = Shared.real ?? ""
  static let reference = Shared.reference ?? ""

  static func text(_ path: String) throws -> String {
    String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
  }

  static func json(_ path: String) throws -> JSON { try JSON.parse(text(path), path: path) }

  /// Pseudo-random numbers that are the same in every run.
  struct Random: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state ^ state >> 29
    }
  }
}

extension JSON {
  /// The integers of an array.
  var ids: [Int32] { (arrayValue ?? []).compactMap { $0.intValue.map { Int32($0) } } }
}
