import Checkpoints
import JSON
import Models
import Tensor
import TestSupport

/// A folder with a small Llama of random weights and a tokenizer of our own making: for tests that need no trained model.
func makeSmallModel(in folder: String, _ changes: JSON = [:], dtype: DType = .f32) throws {
  var object = goodConfig
  for (key, value) in changes.objectValue ?? JSONObject() { object[key] = value }
  // 256 bytes and two special tokens.
  let pieces = ByteAlphabet.pieces
  var vocabulary = JSONObject()
  for (id, piece) in pieces.enumerated() { vocabulary[piece] = .int(id) }
  vocabulary["<s>"] = 256
  vocabulary["</s>"] = 257
  func special(_ id: Int, _ content: String) -> JSON {
    [
      "id": .int(id), "content": .string(content), "special": true, "single_word": false,
      "lstrip": false, "rstrip": false, "normalized": false,
    ]
  }
  let tokenizer: JSON = [
    "version": "1.0", "added_tokens": [special(256, "<s>"), special(257, "</s>")],
    "normalizer": nil, "post_processor": nil,
    "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false, "use_regex": true],
    "decoder": ["type": "ByteLevel"],
    "model": ["type": "BPE", "vocab": .object(vocabulary), "merges": []],
  ]
  let source = "\(folder)-source"
  try Shared.makeFolder(source)
  defer { Shared.remove(source) }
  try Shared.write(JSON.object(object).text(), to: "\(source)/config.json")
  try Shared.write(tokenizer.text(), to: "\(source)/tokenizer.json")
  try Shared.write(
    #"{"bos_token":"<s>","eos_token":"</s>"}"#, to: "\(source)/tokenizer_config.json")
  try writeRandomModel(like: source, to: folder, dtype: dtype)
}

/// The 256 printable characters that stand for bytes in byte-level vocabularies.
enum ByteAlphabet {
  static var pieces: [String] {
    var next: UInt32 = 256
    return (0..<256).map { byte in
      if (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte) {
        return String(Character(UnicodeScalar(UInt8(byte))))
      }
      defer { next += 1 }
      return UnicodeScalar(next).map { String(Character($0)) } ?? ""
    }
  }
}
