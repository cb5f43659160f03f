import Tensor
import Testing

@testable import FineTuning
@testable import Models

/// Models made ready for passes without a tape, which run side by side.
struct PreparedTests {
  enum Kind: CaseIterable {
    case float, quantized, lora, floatLora, mergeAware, dora
  }

  /// Sequences from 1 to 300 tokens, enough for several units on any number of threads tried.
  static let segments = Segments(lengths: (0..<24).map { 1 + $0 * 83 % 300 })
  static let ids = (0..<Int32(segments.tokens)).map { ($0 &* 37 &+ $0 / 5) % 23 }

  /// A model whose adapters matter.
  static func model(_ family: TinyModel.Family, _ kind: Kind, _ backend: any Backend) throws
    -> Model
  {
    var model = try TinyModel.make(family, backend: backend)
    if kind != .float, kind != .floatLora, kind != .dora {
      model = try model.mapLinears { linear in
        guard case .dense(let weight) = linear.weight else { return linear }
        var linear = linear
        linear.weight = .packed(
          try backend.round(
            weight, to: Grid(bits: 4, group: 16, symmetric: false), rule: .minmax, limits: nil))
        return linear
      }
    }
    guard kind != .float, kind != .quantized else { return model }
    let method: LoRA.Method =
      switch kind {
      case .mergeAware: .mergeAware
      case .dora: .dora
      default: .lora
      }
    return try LoRA(method: method, rank: 3, alpha: 6, seed: 5).attach(to: model).mapLinears {
      var linear = $0
      if let adapter = linear.adapter {
        linear.adapter?.b = TinyModel.noise(
          adapter.b.shape, deviation: 0.2, "B \(linear.name)", seed: 9)
      }
      return linear
    }
  }

  /// The same hidden states as one sequence after another gives, on any number of threads.
  @Test(arguments: TinyModel.Family.allCases, Kind.allCases)
  func computesTheSame(family: TinyModel.Family, kind: Kind) throws {
    for precision in [Precision.f32, .bf16] {
      var first: [Float]?
      for threads in [1, 3] {
        let backend = try CPUBackend(threads: threads)
        var model = try Self.model(family, kind, backend)
        model.precision = precision
        let prepared = try model.prepared()
        #expect(prepared.isPrepared)
        let lanes = try backend.read(
          #require(try prepared.hiddenInLanes(Self.ids, segments: Self.segments)))
        // A sequence at a time.
        var expected: [Float] = []
        for index in 0..<Self.segments.count {
          let range = Self.segments[index]
          expected += try backend.read(
            model.hidden(Array(Self.ids[range]), segments: Segments(lengths: [range.count])))
        }
        let far = zip(lanes, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
        let size = expected.reduce(0) { max($0, abs($1)) }
        #expect(lanes.count == expected.count && far <= (precision == .f32 ? 1e-5 : 0.02) * size)
        first = first ?? lanes
        #expect(lanes == first)
        #expect(
          try backend.read(prepared.hidden(Self.ids, segments: Self.segments)) == lanes)
      }
    }
  }

  /// A head in another type than products want is converted once, and gives the same losses.
  @Test(arguments: TinyModel.Family.allCases)
  func headIsConvertedOnce(family: TinyModel.Family) throws {
    let backend = try CPUBackend(threads: 2)
    var model = try Self.model(family, .float, backend)
    guard case .dense(let head) = model.head else {
      Issue.record("a packed head")
      return
    }
    model.head = .dense(try backend.convert(head, to: .bf16))
    model.precision = .f32
    let prepared = try model.prepared()
    guard case .dense(let ready) = prepared.head else {
      Issue.record("a packed head")
      return
    }
    #expect(ready.dtype == .f32)
    let hidden = try model.hidden(Self.ids, segments: Self.segments)
    let losses = try [model, prepared].map {
      try backend.read($0.nll(hidden, targets: Self.ids))
    }
    let far = zip(losses[0], losses[1]).reduce(0) { max($0, abs($1.0 - $1.1)) }
    #expect(losses[1].count == Self.ids.count && far <= 1e-5)
  }

  @Test func unitsHoldEverySequenceOnce() {
    for lengths in [[], [1], [300], [10, 20], [255, 1, 1], [100, 100, 100, 5], [1024, 3, 700]] {
      let units = LaneUnits(Segments(lengths: lengths))
      var found: [Int] = []
      var end = 0
      for index in 0..<units.count {
        let (rows, segments) = units[index]
        #expect(rows.lowerBound == end && rows.count == segments.tokens)
        #expect(rows.count >= 256 || units.count == 1)
        end = rows.upperBound
        found += (0..<segments.count).map { segments[$0].count }
      }
      #expect(found == lengths)
    }
    for count in [1, 63, 64, 127, 128, 191, 192, 200, 256, 1000] {
      let parts = LaneUnits.parts(of: count)
      #expect(parts.first?.lowerBound == 0 && parts.last?.upperBound == count)
      #expect(zip(parts, parts.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
      #expect(parts.allSatisfy { $0.count >= min(count, 128) && $0.count < 384 })
    }
  }

  /// A failure of one sequence ends all, and reaches the caller.
  @Test func failuresArrive() throws {
    let backend = try CPUBackend(threads: 2)
    let model = try Self.model(.phi3, .float, backend).prepared()
    var ids = Self.ids
    ids[ids.count / 2] = 9999
    #expect(throws: TokenOutOfRange.self) {
      _ = try model.hidden(ids, segments: Self.segments)
    }
    // And nothing is left behind.
    #expect(
      try backend.read(model.hidden(Self.ids, segments: Self.segments)).allSatisfy(\.isFinite))
  }
}
