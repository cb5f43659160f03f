import Testing

@testable import FineTuning

struct ScheduleTests {
  static let steps = 20

  static func factors(_ schedule: Schedule) -> [Double] {
    (0..<steps).map { schedule.factor(step: $0, of: steps) }
  }

  @Test func constantIsOne() {
    #expect(Self.factors(Schedule()).allSatisfy { $0 == 1 })
  }

  @Test(arguments: Schedule.Shape.allCases)
  func warmupRisesAlongALineFromZero(shape: Schedule.Shape) {
    let factors = Self.factors(Schedule(shape, warmup: 5))
    for step in 0..<5 { #expect(abs(factors[step] - Double(step) / 5) < 1e-12) }
    #expect(factors[5] == 1)
  }

  @Test func linearFallsToOneStepAboveZero() {
    let factors = Self.factors(Schedule(.linear, warmup: 4))
    for step in 4..<Self.steps {
      #expect(abs(factors[step] - Double(Self.steps - step) / 16) < 1e-12)
    }
  }

  /// A half wave is symmetric about its middle, where it is one half.
  @Test func cosineFallsAlongHalfAWave() {
    let factors = Self.factors(Schedule(.cosine))
    #expect(factors[0] == 1)
    #expect(abs(factors[10] - 0.5) < 1e-12)
    for step in 1..<10 { #expect(abs(factors[10 - step] + factors[10 + step] - 1) < 1e-12) }
    #expect(zip(factors, factors.dropFirst()).allSatisfy { $0 > $1 })
  }

  @Test(arguments: Schedule.Shape.allCases)
  func factorsStayBetweenZeroAndOne(shape: Schedule.Shape) {
    for warmup in [0, 1, 19, 20, 40] {
      for step in 0..<50 {
        let factor = Schedule(shape, warmup: warmup).factor(step: step, of: Self.steps)
        #expect(factor >= 0 && factor <= 1)
      }
    }
  }
}
