/// The special tokens put around a text: the `post_processor` section of a tokenizer file.
struct PostProcessor: Sendable {
  private(set) var before: [Int32] = []
  private(set) var after: [Int32] = []

  static let supported = ["TemplateProcessing", "ByteLevel", "Sequence"]

  init() {}

  /// - Parameter end: ids must be below this.
  init(_ section: Section, end: Int) throws {
    let type = try section.required("type")
    switch try type.string() {
    case "ByteLevel": break  // adjusts offsets into the text, which olv does not keep
    case "Sequence":
      for inner in try section.required("processors").elements() {
        let processor = try PostProcessor(inner, end: end)
        before = processor.before + before
        after += processor.after
      }
    case "TemplateProcessing": try readTemplate(section, end)
    case let other: throw type.unsupported("post-processor", other, PostProcessor.supported)
    }
  }

  private mutating func readTemplate(_ section: Section, _ end: Int) throws {
    let single = try section.required("single")
    let special = try section.member("special_tokens")
    var isBefore = true
    for part in try single.elements() {
      if let token = try part.member("SpecialToken") {
        let name = try token.required("id").string()
        guard let entry = try special?.member(name) else {
          throw token.invalid("`special_tokens` has no `\(name)`")
        }
        for element in try entry.required("ids").elements() {
          let id = try element.int()
          guard id >= 0, id < end else {
            throw element.invalid("id \(id) is not in the vocabulary of \(end)")
          }
          if isBefore { before.append(Int32(id)) } else { after.append(Int32(id)) }
        }
      } else if let sequence = try part.member("Sequence") {
        let id = try sequence.required("id")
        guard try id.string() == "A", isBefore else {
          throw id.invalid("the template of a single text must name sequence A once")
        }
        isBefore = false
      } else {
        throw part.invalid("must be a `SpecialToken` or a `Sequence`")
      }
    }
    guard !isBefore else { throw single.invalid("names no sequence") }
  }
}
