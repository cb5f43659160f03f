extension Decoder {
  /// A text being decoded: tokens go in one by one, and what is final comes out.
  struct Run: Sendable {
    private struct State: Sendable {
      /// Bytes that later tokens may still change.
      var held: [UInt8] = []
      /// How many tokens, or stripped characters, there were.
      var count = 0
      /// Whether the start of the one token is over.
      var isInside = false
    }

    private let steps: [Step]
    private var states: [State]
    /// Which steps see one growing token instead of many.
    private let isFused: [Bool]
    private(set) var output: [UInt8] = []

    init(_ decoder: Decoder) {
      steps = decoder.steps
      states = [State](repeating: State(), count: steps.count)
      var fused = false
      isFused = steps.map { step in
        defer {
          switch step {
          case .fuse, .byteLevel: fused = true
          default: break
          }
        }
        return fused
      }
    }

    mutating func append(_ token: [UInt8]) { pass(token, to: 0) }

    /// Ends the text: nothing is held any longer.
    mutating func finish() {
      for place in steps.indices {
        if isFused[place], !canStream(steps[place]) {
          let token = states[place].held
          states[place].held = []
          run(token, place)
        }
        end(place)
      }
    }

    mutating func takeOutput() -> String {
      defer { output.removeAll(keepingCapacity: true) }
      return String(decoding: output, as: UTF8.self)
    }

    private mutating func pass(_ token: [UInt8], to place: Int) {
      guard place < steps.count else {
        output.append(contentsOf: token)
        return
      }
      if !isFused[place] {
        run(token, place)
      } else if case .strip(let content, let start, let stop) = steps[place] {
        strip(token, content, start, stop, place)
      } else if canStream(steps[place]) {
        pass(token, to: place + 1)
      } else {
        states[place].held.append(contentsOf: token)
      }
    }

    /// Whether a step can work on a token that is still growing; the others wait for its end.
    private func canStream(_ step: Step) -> Bool {
      switch step {
      case .fuse, .strip, .spaced: true
      default: false
      }
    }

    /// Takes one whole token through one step.
    private mutating func run(_ token: [UInt8], _ place: Int) {
      switch steps[place] {
      case .fuse: pass(token, to: place + 1)
      case .byteLevel:
        states[place].held.append(contentsOf: ByteAlphabet.read(token) ?? token)
        var text: [UInt8] = []
        UTF8Text.repair(&states[place].held, into: &text, ending: false)
        if !text.isEmpty { pass(text, to: place + 1) }
      case .byteFallback:
        if let byte = Run.byte(token) {
          states[place].held.append(byte)
        } else {
          end(place)
          pass(token, to: place + 1)
        }
      case .replace(let pattern, let content):
        pass(pattern.replacing(token, with: content), to: place + 1)
      case .metaspace(let replacement, let dropsFirst):
        let content: [UInt8] = dropsFirst && states[place].count == 0 ? [] : [0x20]
        states[place].count += 1
        pass(Pattern.literal(replacement).replacing(token, with: content), to: place + 1)
      case .spaced:
        if states[place].count > 0 { pass([0x20], to: place + 1) }
        states[place].count += 1
        pass(token, to: place + 1)
      case .strip(let content, let start, let stop):
        strip(token, content, start, stop, place)
        end(place)
        states[place] = State()
      }
    }

    /// Lets go of what a step held back, now that nothing more comes for it.
    private mutating func end(_ place: Int) {
      let held = states[place].held
      states[place].held = []
      guard !held.isEmpty else { return }
      switch steps[place] {
      case .byteLevel:
        var (pending, text) = (held, [UInt8]())
        UTF8Text.repair(&pending, into: &text, ending: true)
        pass(text, to: place + 1)
      case .byteFallback:
        // A run of bytes is a text as a whole or not at all.
        if UTF8Text.isValid(held) {
          pass(held, to: place + 1)
        } else {
          for _ in held { pass(Array(UTF8.encodedReplacementCharacter), to: place + 1) }
        }
      default: break  // `strip` held what it cuts off the end
      }
    }

    /// Cuts `content` off the start, as long as nothing else came, and holds what may turn out to be the end.
    private mutating func strip(
      _ token: [UInt8], _ content: [UInt8], _ start: Int, _ stop: Int, _ place: Int
    ) {
      var text = token[...]
      while !states[place].isInside, !text.isEmpty {
        if states[place].count < start, text.starts(with: content) {
          text.removeFirst(content.count)
          states[place].count += 1
        } else {
          states[place].isInside = true
        }
      }
      guard stop > 0 else {
        pass(Array(text), to: place + 1)
        return
      }
      var whole = states[place].held + text
      var kept = 0
      while kept < stop, whole.dropLast(kept * content.count).suffix(content.count) == content[...]
      {
        kept += 1
      }
      states[place].held = Array(whole.suffix(kept * content.count))
      whole.removeLast(kept * content.count)
      pass(whole, to: place + 1)
    }

    /// The byte that a token such as `<0x0A>` names.
    private static func byte(_ token: [UInt8]) -> UInt8? {
      guard token.count == 6, token[0] == 0x3C, token[1] == 0x30, token[2] == 0x78,
        token[5] == 0x3E
      else { return nil }
      guard let high = digit(token[3]), let low = digit(token[4]) else { return nil }
      return high << 4 | low
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
      switch byte {
      case 0x30...0x39: byte - 0x30
      case 0x41...0x46: byte - 0x41 + 10
      case 0x61...0x66: byte - 0x61 + 10
      default: nil
      }
    }
  }
}
