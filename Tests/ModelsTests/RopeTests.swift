import Glibc
import Models
import Tensor
import TestSupport
import Testing

/// Rotary tables of the published configurations against the formulas of their papers, written out again.
@Suite(.enabled(if: Shared.hasReal, "needs ../shared/real"))
struct RopeTests {
  private func config(_ name: String) throws -> ModelConfig {
    let path = "\(Shared.real ?? "")/configs/\(name)/config.json"
    let object = try #require(try json(path).objectValue)
    return try ModelFamilies.family(of: object, path: path).config(ConfigReader(object, path: path))
  }

  @Test func phi35() throws {
    let config = try config("phi-3.5-mini-instruct")
    #expect(config.hidden == 3072 && config.headWidth == 96 && config.kvHeads == 32)
    #expect(config.window == 262144 && config.vocabulary == 32064 && config.dtype == .bf16)
    #expect(config.maxPositions == 131072 && config.rope.threshold == 4096)
    #expect(config.endTokens == [32000])
    // √(1 + ln(131072/4096) / ln 4096) with 2¹⁷ / 2¹² = 2⁵.
    #expect(abs(config.rope.attentionFactor - (1 + 5.0 / 12).squareRoot()) < 1e-15)
    let scaling = try json("\(Shared.real ?? "")/configs/phi-3.5-mini-instruct/config.json")[
      "rope_scaling"]
    for (long, key) in [(false, "short_factor"), (true, "long_factor")] {
      let factors = (scaling?[key]?.arrayValue ?? []).compactMap(\.doubleValue)
      try #require(factors.count == 48)
      let table = config.rope.table(positions: 300, long: long)
      let (cosine, sine) = (try backend.read(table.cosine), try backend.read(table.sine))
      for position in [0, 1, 2, 77, 299] {
        for place in 0..<48 {
          let angle = Double(position) / (factors[place] * exp(log(10000) * Double(place) / 48))
          let scale = 1.1902380714238083
          #expect(abs(Double(cosine[position * 48 + place]) - scale * cos(angle)) < 2e-7)
          #expect(abs(Double(sine[position * 48 + place]) - scale * sin(angle)) < 2e-7)
        }
      }
    }
  }

  @Test func llama31() throws {
    let config = try config("llama-3.1-8b-instruct")
    #expect(config.hidden == 4096 && config.kvHeads == 8 && config.headWidth == 128)
    #expect(config.window == nil && config.rope.threshold == .max && config.rope.theta == 500000)
    #expect(config.endTokens == [128001, 128008, 128009])
    let frequencies = config.rope.frequencies()
    #expect(frequencies.count == 64)
    var kinds: Set<Int> = []
    for (place, frequency) in frequencies.enumerated() {
      let plain = exp(-log(500000) * Double(place) / 64)
      // Turns that the pair completes within the original 8192 positions: at least 4 are kept, at most 1 stretched
      // eightfold, linear in the turns between.
      let turns = 8192 * plain / (2 * Double.pi)
      let blend = min(max((turns - 1) / 3, 0), 1)
      let expected = blend * plain + (1 - blend) * plain / 8
      #expect(abs(frequency - expected) < 1e-12 * plain, "pair \(place)")
      kinds.insert(blend == 0 ? 0 : blend == 1 ? 2 : 1)
    }
    #expect(kinds == [0, 1, 2])
  }

  @Test func linearAndPartial() throws {
    let rope = Rope(theta: 100, rotary: 4, scaling: .linear(factor: 4))
    #expect(rope.frequencies() == [0.25, 0.025])
    let table = rope.table(positions: 3)
    #expect(table.rotary == 4 && table.positions == 3)
  }

  /// Tables grow with what is asked for, never for what could be.
  @Test func tablesAreLazy() throws {
    let config = try config("phi-3.5-mini-instruct")
    let tables = RotaryTables(config.rope, backend: backend)
    let short = try tables.tables(length: 100)
    #expect(short.short.positions == 256 && short.long == nil)
    let longer = try tables.tables(length: 4096)
    #expect(longer.short.positions == 4096 && longer.long == nil)
    let longest = try tables.tables(length: 4097)
    #expect(longest.table(length: 4097).positions >= 4097)
    #expect(longest.table(length: 4096).cosine.id == longer.short.cosine.id)
    #expect(longest.table(length: 4097).cosine.id != longer.short.cosine.id)
  }
}
