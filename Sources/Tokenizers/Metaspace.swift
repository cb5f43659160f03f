/// Spaces written as a visible character (`▁` in SentencePiece's vocabularies), also before the first word.
struct Metaspace: Sendable {
  enum Prepending: String, Sendable, CaseIterable { case always, first, never }

  let replacement: [UInt8]
  let prepending: Prepending

  init(_ section: Section) throws {
    replacement = try section.scalar("replacement")
    let addsSpace = try section.flag("add_prefix_space", otherwise: true)
    guard let scheme = try section.member("prepend_scheme") else {
      prepending = addsSpace ? .always : .never
      return
    }
    guard let prepending = Prepending(rawValue: try scheme.string()) else {
      throw scheme.unsupported(
        "prepend scheme", try scheme.string(), Prepending.allCases.map(\.rawValue))
    }
    guard addsSpace || prepending == .never else {
      throw scheme.invalid("contradicts `add_prefix_space`")
    }
    self.prepending = prepending
  }

  func write(_ piece: UnsafeBufferPointer<UInt8>, isFirst: Bool, to output: inout [UInt8]) {
    let start = output.count
    for byte in piece {
      if byte == 0x20 { output.append(contentsOf: replacement) } else { output.append(byte) }
    }
    let prepends = prepending == .always || (prepending == .first && isFirst)
    if prepends, !output[start...].starts(with: replacement) {
      output.insert(contentsOf: replacement, at: start)
    }
  }
}
