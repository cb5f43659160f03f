import JSON
import Runtime

extension BPE {
  /// Reads the `model` section of a tokenizer file.
  init(_ section: Section, spellsBytes: Bool) throws {
    // Files of old versions leave the type out.
    if let type = try section.member("type"), try type.string() != "BPE" {
      throw type.unsupported("tokenizer model", try type.string(), ["BPE"])
    }
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
      if let affix = try section.member(key), try !affix.string().isEmpty {
        throw affix.unsupported("affix", try affix.string(), [])
      }
    }
    if let dropout = try section.member("dropout"), dropout.value.doubleValue != 0 {
      throw dropout.unsupported("merge dropout", dropout.value.text(), [])
    }
    let vocabulary = try BPE.vocabulary(try section.required("vocab"))
    let (merges, cross) = try BPE.merges(try section.required("merges"), vocabulary)
    var unknown: Int32 = -1
    if let token = try section.member("unk_token") {
      unknown = vocabulary.id(Array(try token.string().utf8))
      // Where words are bytes none is unknown, and files name a token out of habit.
      guard unknown >= 0 || spellsBytes else {
        throw token.invalid("`\(try token.string())` is not in the vocabulary")
      }
    }
    self.init(
      vocabulary: vocabulary, merges: merges, mergesCrossSpaces: cross, unknown: unknown,
      fusesUnknown: try section.flag("fuse_unk", otherwise: false),
      byteFallback: try section.flag("byte_fallback", otherwise: false),
      ignoresMerges: try section.flag("ignore_merges", otherwise: false), spellsBytes: spellsBytes)
  }

  private static func vocabulary(_ section: Section) throws -> Vocabulary {
    guard let object = section.value.objectValue else { throw section.mistyped("an object") }
    var vocabulary = Vocabulary(capacity: object.count)
    for (index, (token, value)) in object.enumerated() {
      if index.isMultiple(of: 4096) { try Interrupt.check() }
      guard let id = value.intValue, (0..<Vocabulary.limit).contains(id) else {
        throw section.invalid(
          "`\(token)` has id \(value.text()), which is no integer from 0 to \(Vocabulary.limit - 1)"
        )
      }
      let id32 = Int32(id)
      var token = token
      let isNew = token.withUTF8 { vocabulary.add($0, id: id32) }
      guard isNew else {
        let other = vocabulary.token(id32).map { String(decoding: $0, as: UTF8.self) }
        throw section.invalid(
          other.map { "id \(id) is given to `\($0)` and to `\(token)`" }
            ?? "`\(token)` is there twice")
      }
    }
    return vocabulary
  }

  /// The merges, and whether any joins `▁` to other characters before it.
  private static func merges(_ section: Section, _ vocabulary: Vocabulary) throws -> (Merges, Bool)
  {
    guard let array = section.value.arrayValue else { throw section.mistyped("an array") }
    guard array.count < Int(UInt32.max) else { throw section.invalid("too many merges") }
    var merges = Merges(capacity: array.count)
    var cross = false
    var both: [UInt8] = []
    for (rank, element) in array.enumerated() {
      if rank.isMultiple(of: 4096) { try Interrupt.check() }
      both.removeAll(keepingCapacity: true)
      var middle: Int?
      switch element {
      case .string(let text) where text.utf8.first == 0x23 && text.hasPrefix("#version"): continue
      case .string(var text):
        text.withUTF8 { text in
          guard let space = text.firstIndex(of: 0x20) else { return }
          both.append(contentsOf: text)
          // A second space would make it three parts, and is no token's: those write it otherwise.
          both.remove(at: space)
          if !both[space...].contains(0x20) { middle = space }
        }
      case .array(let parts) where parts.count == 2:
        guard var left = parts[0].stringValue, var right = parts[1].stringValue else { break }
        left.withUTF8 { both.append(contentsOf: $0) }
        middle = both.count
        right.withUTF8 { both.append(contentsOf: $0) }
      default: break
      }
      guard let middle else {
        throw section.invalid("merge \(rank) is no pair of tokens: \(element.text())")
      }
      let (left, right, joined) = both.withUnsafeBufferPointer { both in
        (
          vocabulary.id(UnsafeBufferPointer(rebasing: both[..<middle])),
          vocabulary.id(UnsafeBufferPointer(rebasing: both[middle...])), vocabulary.id(both)
        )
      }
      guard left >= 0, right >= 0, joined >= 0 else {
        let absent = left < 0 ? both[..<middle] : right < 0 ? both[middle...] : both[...]
        throw section.invalid(
          "merge \(rank) names `\(String(decoding: absent, as: UTF8.self))`, "
            + "which is not in the vocabulary")
      }
      merges.add(left, right, rank: UInt32(rank), id: joined)
      if !cross, both.count >= middle + 3, both[middle] == 0xE2, both[middle + 1] == 0x96,
        both[middle + 2] == 0x81
      {
        cross = middle < 3 || !both[(middle - 3)..<middle].elementsEqual([0xE2, 0x96, 0x81])
      }
    }
    return (merges, cross)
  }
}
