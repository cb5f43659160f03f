import Tensor
import Testing

@testable import FineTuning
@testable import Models

/// Training steps whose passes run side by side.
struct LanesTests {
  /// Sequences of 1 to 200 tokens: several runs.
  static let examples = (0..<14).map { index in
    TrainingData.random(
      blocks: 1, length: 2 + index * 83 % 200, vocabulary: TinyModel.vocabulary,
      seed: UInt64(index)
    ).examples[0]
  }

  func run(
    _ kind: PreparedTests.Kind, _ family: TinyModel.Family, threads: Int, precision: Precision,
    checkpointing: Bool = false
  ) throws -> TrainingRun {
    let backend = try CPUBackend(threads: threads)
    var model = try PreparedTests.model(family, kind, backend).mapLinears { linear in
      var linear = linear
      // So that masks of the wrong rows are noticed.
      linear.adapter?.dropout = 0.4
      return linear
    }
    model.precision = precision
    var settings = FineTuningSettings()
    settings.checkpointing = checkpointing
    return try TrainingRun(
      model, data: TrainingData(examples: Self.examples, packing: "rows"), settings: settings)
  }

  /// Loss and gradients are those of all sequences in one pass, masks included; in lanes the same on any number of
  /// threads.
  @Test(
    arguments: TinyModel.Family.allCases, [PreparedTests.Kind.floatLora, .lora, .mergeAware])
  func gradientsAreThoseOfOnePass(family: TinyModel.Family, kind: PreparedTests.Kind) throws {
    for (precision, tolerance) in [(Precision.f32, 1e-5), (.bf16, 0.03)] {
      var whole = try run(kind, family, threads: 3, precision: precision)
      whole.prepared = nil
      whole.idleness = -1
      let (loss, gradients) = try whole.gradients(of: Self.examples, step: 3)
      var first: [[Float]]?
      for threads in [1, 2, 3, 4] {
        for checkpointing in [false, true] {
          var run = try run(
            kind, family, threads: threads, precision: precision, checkpointing: checkpointing)
          #expect(run.prepared != nil)
          // One more goes whole, but prepared.
          run.idleness = threads == 4 ? -1 : 10
          let (own, found) = try run.gradients(of: Self.examples, step: 3)
          #expect(abs(own - loss) <= tolerance * loss)
          let values = try found.map { try run.model.backend.read(#require($0)) }
          for (value, expected) in zip(values, gradients) {
            let expected = try whole.model.backend.read(#require(expected))
            let size = expected.reduce(0) { max($0, abs($1)) }
            let far = zip(value, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
            #expect(value.count == expected.count && Double(far) <= tolerance * Double(size))
          }
          guard threads < 4 else { continue }
          first = first ?? values
          #expect(values == first, "\(threads) threads, checkpointing \(checkpointing)")
        }
      }
    }
  }

  /// DoRA's passes measure all rows of every weight, so they follow each other.
  @Test func whatMeasuresRowsGoesWhole() throws {
    #expect(try run(.dora, .phi3, threads: 2, precision: .f32).prepared == nil)
  }

  /// A loss that is not finite in one of the runs ends the step, and the parameters stay.
  @Test func aLossThatIsNotFiniteIsNoticed() throws {
    var run = try run(.lora, .phi3, threads: 2, precision: .f32)
    let before = try run.model.adapterValues()
    let bad = try run.model.backend.convert(
      TinyModel.noise(
        [TinyModel.vocabulary, run.model.config.hidden], deviation: .infinity, "bad", seed: 1),
      to: .f32)
    run.prepared?.head = .dense(bad)
    run.idleness = 10
    #expect(try run.step()?.quantity == "loss")
    #expect(try run.model.adapterValues() == before)
  }

  /// A rehearsal goes through as much at a time as lanes hold: its forecast of memory is theirs, not the whole batch's.
  @Test func rehearsedLikeLanes() throws {
    func peak(_ idleness: Double) throws -> Int {
      var run = try run(.floatLora, .phi3, threads: 2, precision: .f32)
      let rehearsal = RehearsalBackend(run.model.backend)
      run = try TrainingRun(
        run.model.placed(on: rehearsal) { try rehearsal.place($0) }, data: run.data,
        settings: run.settings)
      run.idleness = idleness
      rehearsal.begin()
      _ = try run.gradients(of: Self.examples, step: 0)
      return rehearsal.end().peakMemory
    }
    let (whole, lanes) = (try peak(-1), try peak(10))
    #expect(Double(lanes) < 0.75 * Double(whole))
  }

  @Test func runsHoldEverySequenceOnce() {
    for lengths in [
      [], [1], [300], [10, 20], [256, 256, 256, 256], [255, 1, 1, 700, 3], [1024, 3, 700],
      (0..<40).map { 1 + $0 * 83 % 200 },
    ] {
      let runs = LaneUnits.runs(of: lengths)
      #expect(runs.flatMap { Array($0) } == Array(lengths.indices))
      #expect(runs.allSatisfy { !$0.isEmpty })
      let total = lengths.reduce(0, +)
      let longest = lengths.max() ?? 0
      for run in runs { #expect(lengths[run].reduce(0, +) <= 512 + longest) }
      #expect(runs.count <= 2 * max(1, (total + 256) / 512))
    }
    #expect(
      LaneUnits.runs(of: [Int](repeating: 256, count: 8)).map(\.count) == [1, 1, 1, 1, 1, 1, 1, 1])
    #expect(LaneUnits.runs(of: [100, 100]).count == 2)
  }
}
