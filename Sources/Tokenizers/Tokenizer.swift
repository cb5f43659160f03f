import JSON
import Runtime
import Synchronization

/// A tokenizer in the form that Hugging Face's `tokenizers` library saves as `tokenizer.json`.
///
/// The model is byte-pair encoding, on bytes or on characters with byte fallback. Safe to use from several threads.
///
/// - Guarantee: ids and texts are those of that library.
public final class Tokenizer: Sendable {
  /// The file it was read from, for diagnostics.
  public let path: String
  /// The largest id + 1, added tokens included: embeddings must have at least so many rows.
  public let vocabularySize: Int
  /// The tokens that begin and end a text and fill a batch; nil where the configuration names none that exists.
  public let bos: Int32?
  public let eos: Int32?
  public let pad: Int32?
  /// The Jinja template that makes a prompt of a conversation.
  public let chatTemplate: String?
  /// The same for tokenizers that turn texts into the same ids, special tokens around the text aside.
  public let contentHash: String

  let decoding: Decoder
  private let normalizer: Normalizer?
  private let preTokenizer: PreTokenizer
  private let model: BPE
  private let added: AddedTokens
  private let postProcessor: PostProcessor
  private let workspaces = Mutex<[Workspace]>([])

  init(_ parts: TokenizerParts) {
    path = parts.path
    vocabularySize = max(parts.model.vocabulary.end, parts.added.end)
    decoding = parts.decoder
    normalizer = parts.normalizer
    preTokenizer = parts.preTokenizer
    model = parts.model
    added = parts.added
    postProcessor = parts.postProcessor
    chatTemplate = parts.chatTemplate
    contentHash = parts.contentHash
    let (model, added) = (model, added)
    func id(_ token: String?) -> Int32? {
      token.flatMap { Tokenizer.id(of: $0, model, added) }
    }
    bos = id(parts.bos)
    eos = id(parts.eos)
    pad = id(parts.pad)
  }

  /// The ids of a text.
  ///
  /// Added tokens that occur in the text become their ids either way.
  ///
  /// - Parameter special: Whether to put the special tokens around the text that the file prescribes (such as a
  ///   leading `<s>`).
  /// - Returns: All of them, unless an interrupt comes meanwhile: check for one after a long text.
  public func encode(_ text: String, special: Bool = false) -> [Int32] {
    var workspace = workspaces.withLock { $0.popLast() } ?? Workspace()
    defer {
      workspaces.withLock { if $0.count < 8 { $0.append(workspace) } }
    }
    var ids: [Int32] = special ? postProcessor.before : []
    ids.reserveCapacity(text.utf8.count / 3)
    var text = text
    text.withUTF8 { text in
      for part in added.parts(of: text, added.written) {
        switch part {
        case .token(let id): ids.append(id)
        case .text(let range):
          encodeText(
            UnsafeBufferPointer(rebasing: text[range]), startsText: range.lowerBound == 0,
            &workspace, into: &ids)
        }
      }
    }
    if special { ids.append(contentsOf: postProcessor.after) }
    return ids
  }

  private func encodeText(
    _ text: UnsafeBufferPointer<UInt8>, startsText: Bool, _ workspace: inout Workspace,
    into ids: inout [Int32]
  ) {
    let normalized = normalizer?.apply(Array(text)) ?? Array(text)
    let parts = normalized.withUnsafeBufferPointer { added.parts(of: $0, added.normalized) }
    for part in parts {
      switch part {
      case .token(let id): ids.append(id)
      case .text(let range):
        let isWhole = range.count == normalized.count
        var told = 0
        var pieces = Pieces(
          isWhole ? normalized : Array(normalized[range]),
          startsText: startsText && range.lowerBound == 0)
        preTokenizer.apply(to: &pieces)
        var steps = Steps("tokenize", of: pieces.text.count, unit: "bytes")
        pieces.text.withUnsafeBufferPointer { text in
          for (place, cut) in pieces.cuts.enumerated() {
            if place % 1024 == 1023 {
              if Interrupt.isPending { return }
              steps.tell(cut.lowerBound - told)
              told = cut.lowerBound
            }
            model.encode(UnsafeBufferPointer(rebasing: text[cut]), &workspace, into: &ids)
          }
        }
      }
    }
  }

  /// The text of ids. Ids that no token has are passed over.
  ///
  /// - Parameter skipSpecial: Whether special tokens are left out.
  public func decode(_ ids: some Sequence<Int32>, skipSpecial: Bool = false) -> String {
    var run = Decoder.Run(decoding)
    for id in ids { feed(id, to: &run, skipsSpecial: skipSpecial) }
    run.finish()
    return run.takeOutput()
  }

  /// A decoder for ids that come one at a time.
  public func decoder(skipSpecial: Bool = false) -> StreamingDecoder {
    StreamingDecoder(self, skipsSpecial: skipSpecial)
  }

  func feed(_ id: Int32, to run: inout Decoder.Run, skipsSpecial: Bool) {
    if skipsSpecial, added.specialIDs.contains(id) { return }
    if let token = bytes(of: id) { run.append(token) }
  }

  /// The tokens as the vocabulary writes them (`Ġthe`, `▁the`, `<0x0A>`); empty for ids that no token has.
  public func pieces(_ ids: some Sequence<Int32>) -> [String] { ids.map { token(of: $0) ?? "" } }

  /// The token with an id, as the vocabulary writes it.
  public func token(of id: Int32) -> String? {
    bytes(of: id).map { String(decoding: $0, as: UTF8.self) }
  }

  /// The id of a token as the vocabulary writes it, or nil where it is none.
  public func id(of token: String) -> Int32? { Tokenizer.id(of: token, model, added) }

  /// Whether the id is that of a special token.
  public func isSpecial(_ id: Int32) -> Bool { added.specialIDs.contains(id) }

  private func bytes(of id: Int32) -> [UInt8]? {
    added.content(id) ?? model.vocabulary.token(id).map { Array($0) }
  }

  private static func id(of token: String, _ model: BPE, _ added: AddedTokens) -> Int32? {
    let bytes = Array(token.utf8)
    if let id = added.id(bytes) { return id }
    let id = model.vocabulary.id(bytes)
    return id >= 0 ? id : nil
  }
}
