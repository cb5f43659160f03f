import JSON
import Runtime

/// A tokenizer file taken apart and checked.
struct TokenizerParts {
  let path: String
  let normalizer: Normalizer?
  let preTokenizer: PreTokenizer
  let model: BPE
  let added: AddedTokens
  let postProcessor: PostProcessor
  let decoder: Decoder
  var bos: String?
  var eos: String?
  var pad: String?
  var chatTemplate: String?
  let contentHash: String

  init(_ json: JSON, path: String) throws {
    let file = Section(value: json, path: path, field: "")
    self.path = path
    normalizer = try file.member("normalizer").map { try Normalizer($0) }
    preTokenizer = try file.member("pre_tokenizer").map { try PreTokenizer($0) } ?? PreTokenizer()
    let model = try BPE(try file.required("model"), spellsBytes: preTokenizer.leavesSpelling)
    self.model = model
    var added =
      try file.member("added_tokens").map { try AddedTokens($0, vocabulary: model.vocabulary) }
      ?? AddedTokens()
    added.prepare(normalizer)
    self.added = added
    let end = max(model.vocabulary.end, added.end)
    postProcessor =
      try file.member("post_processor").map { try PostProcessor($0, end: end) } ?? PostProcessor()
    decoder = try Decoder(try file.member("decoder"))

    var identity: UInt64 = 0
    model.vocabulary.mixIdentity(into: &identity)
    model.merges.mixIdentity(into: &identity)
    for key in ["normalizer", "pre_tokenizer", "added_tokens"] {
      var text = json[key]?.text() ?? "null"
      mix(&identity, text.withUTF8 { hash($0) })
    }
    for key in ["unk_token", "fuse_unk", "byte_fallback", "ignore_merges"] {
      var text = json["model"]?[key]?.text() ?? "null"
      mix(&identity, text.withUTF8 { hash($0) })
    }
    let digits = String(identity, radix: 16)
    contentHash = String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// Takes the special tokens' names from `tokenizer_config.json` or `special_tokens_map.json`.
  mutating func read(config: JSON) {
    func name(_ key: String) -> String? {
      config[key]?.stringValue ?? config[key]?["content"]?.stringValue
    }
    bos = bos ?? name("bos_token")
    eos = eos ?? name("eos_token")
    pad = pad ?? name("pad_token")
    if chatTemplate == nil {
      // One template, or several of which one is the default.
      let templates = config["chat_template"]
      let preferred =
        templates?.arrayValue?.first { $0["name"]?.stringValue == "default" } ?? templates?[0]
      chatTemplate = templates?.stringValue ?? preferred?["template"]?.stringValue
    }
  }
}
