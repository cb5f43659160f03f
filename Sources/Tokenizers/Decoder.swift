/// How tokens become text again: the `decoder` section of a tokenizer file, as a chain of steps.
struct Decoder: Sendable {
  enum Step: Sendable {
    /// Reads the byte alphabet and makes one text of all tokens.
    case byteLevel
    /// Turns `<0x41>` into the byte it names.
    case byteFallback
    /// Makes one token of all.
    case fuse
    /// Cuts up to so many characters off the start and the end of every token.
    case strip([UInt8], start: Int, stop: Int)
    case replace(Pattern, [UInt8])
    /// Turns the replacement into spaces; those of the first token vanish if one was put before the text.
    case metaspace([UInt8], dropsFirst: Bool)
    /// Puts a space between tokens: what happens without a decoder.
    case spaced
  }

  static let supported = [
    "Sequence", "ByteLevel", "ByteFallback", "Fuse", "Strip", "Replace", "Metaspace",
  ]

  private(set) var steps: [Step] = []

  /// - Parameter section: nil where the file has no decoder.
  init(_ section: Section?) throws {
    if let section { try add(section) } else { steps = [.spaced] }
  }

  private mutating func add(_ section: Section) throws {
    let type = try section.required("type")
    switch try type.string() {
    case "Sequence":
      for inner in try section.required("decoders").elements() { try add(inner) }
    case "ByteLevel": steps.append(.byteLevel)
    case "ByteFallback": steps.append(.byteFallback)
    case "Fuse": steps.append(.fuse)
    case "Strip":
      let content = try section.scalar("content")
      let counts = try ["start", "stop"].map { key in
        let member = try section.required(key)
        let count = try member.int()
        guard (0...1 << 20).contains(count) else {
          throw member.invalid("\(count) is out of range")
        }
        return count
      }
      steps.append(.strip(content, start: counts[0], stop: counts[1]))
    case "Replace":
      steps.append(
        .replace(try Pattern(try section.required("pattern")), try section.bytes("content")))
    case "Metaspace":
      let metaspace = try Metaspace(section)
      steps.append(
        .metaspace(metaspace.replacement, dropsFirst: metaspace.prepending != .never))
    case let other: throw type.unsupported("decoder", other, Decoder.supported)
    }
  }
}
