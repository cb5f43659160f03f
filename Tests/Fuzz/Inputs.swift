import Language
import ScriptGenerator
import Session

/// An endless row of scripts, the same for the same seed.
struct Inputs {
  private var random: SeededGenerator
  private let pieces: [String]

  init(seed: UInt64) {
    random = SeededGenerator(seed: seed)
    var pieces = [
      "def ", "each ", " in ", "$", "$x", "x", " = ", "=", "|", ";", "\n", "{", "}", "(", ")", "[",
      "]", ":", ",", ".y", "\"s\"", "\"$x → y\"", "4k", "-1", "5%", "30s", "24GiB", "1e999",
      "# c\n",
      "## d\n", "# %% t\n", "# %% [markdown]\n# m\n", "? ", "é", "→", "\r\n", " ", "  ", "'", "1:2",
      "phi", "llama", "tiny-codes", "tiny-codes[:5]", "tiny-codes.test", "wikitext", "yes", "no",
      "use demo\n", "load phi\n", "[a b]", "a: ", "main", "$_", "$3", "$args", "$here", "random",
    ]
    for verb in VerbRegistry(VerbRegistry.linked()).all {
      pieces.append(verb.name + " ")
      for parameter in verb.parameters {
        pieces.append(" \(parameter.name)=")
        pieces += (parameter.choices ?? []).prefix(8)
      }
      for example in verb.examples { pieces.append(example.script) }
    }
    self.pieces = pieces
  }

  mutating func next() -> [UInt8] {
    switch random.number(0...9) {
    case 0: return (0..<random.number(0...80)).map { _ in UInt8(random.number(0...255)) }
    case 1...4:
      return Array((0..<random.number(1...25)).map { _ in random.pick(pieces) }.joined().utf8)
    default:
      var generator = TreeGenerator(random: SeededGenerator(seed: random.next()))
      var bytes = Array(generator.script().formatted.utf8)
      for _ in 0..<random.number(0...3) where !bytes.isEmpty { mutate(&bytes) }
      return bytes
    }
  }

  private mutating func mutate(_ bytes: inout [UInt8]) {
    let place = random.number(0...(bytes.count - 1))
    switch random.number(0...4) {
    case 0: bytes.remove(at: place)
    case 1: bytes[place] = UInt8(random.number(0...255))
    case 2: bytes.insert(contentsOf: Array(random.pick(pieces).utf8), at: place)
    case 3:
      let end = min(bytes.count, place + random.number(1...20))
      bytes.insert(contentsOf: bytes[place..<end], at: random.number(0...place))
    default: bytes.removeSubrange(place..<min(bytes.count, place + random.number(1...20)))
    }
  }
}
