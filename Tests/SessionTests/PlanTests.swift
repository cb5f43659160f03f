import Cache
import Language
import Runtime
import Testing

@testable import Session

/// Plans over a host that foresees a second and 100 bytes for every stage.
@Suite struct PlanTests {
  final class Foresight: Rehearsal {
    var stages = 0
    let room: Int
    init(room: Int) { self.room = room }
    func rehearsed(_ model: any ModelValue) throws -> any ModelValue { model }
    func begin() {}
    func end() -> Int {
      stages += 1
      return stages - 1
    }
    func unnoticed<Result>(_ body: () throws -> Result) rethrows -> Result { try body() }
    var roughSeconds: Double { 1 }
    func measure(_ progress: ProgressHandler?) throws {}
    func forecast(_ stage: Int) -> Forecast {
      var forecast = Forecast()
      (forecast.seconds, forecast.memory, forecast.flops) = (1, 100, 10)
      return forecast
    }
  }

  final class ForesightHost: Host {
    let device = "fake"
    let room: Int
    init(room: Int) { self.room = room }
    func apply(_ settings: Settings) throws {}
    func dataset(named name: String) throws -> any DatasetValue {
      FakeDataset(name: name, rows: 0..<100)
    }
    func rehearse<Result>(
      by program: String, _ body: (any Rehearsal) throws -> Result
    ) throws -> Result {
      try body(Foresight(room: room))
    }
  }

  private func run(_ script: String, room: Int = 1000) throws -> Recorder {
    let recorder = Recorder()
    let session = Session(
      host: ForesightHost(room: room), presenter: recorder, verbs: fakeVerbs,
      standardLibrary: "/nonexistent")
    do { try session.run(Source(name: "test", text: script)) } catch let error as ScriptError {
      for diagnostic in error.diagnostics { recorder.show(diagnostic) }
    }
    return recorder
  }

  @Test func everyStageCounts() throws {
    let recorder = try run("plan { load phi; { a: quantize rtn | ppl; b: ppl } | print }")
    #expect(recorder.lines == ["plan - = 5"])
    #expect(recorder.reports.last?.fields["flops"]?.doubleValue == 50)
    #expect(recorder.reports.last?.fields["memory"]?.intValue == 100)
    #expect(recorder.values.isEmpty)
  }

  /// What does not fit is not run: the plan is shown, and says why.
  @Test func tooLargeIsRefused() throws {
    let recorder = try run("plan run=yes { load phi; ppl }", room: 99)
    #expect(recorder.lines == ["plan - = 2"])
    #expect(recorder.warnings.map(\.code) == ["plan.memory"])
    #expect(
      recorder.warnings.first?.message
        == "`load phi` would take 100 B of memory, and there are 99 B")
    #expect(recorder.reports.last?.fields["fits"]?.boolValue == false)
    #expect(try run("plan { load phi; ppl }", room: 99).warnings.isEmpty)
  }

  @Test func runsAfterwards() throws {
    let recorder = try run("plan run=yes { load phi; ppl }")
    #expect(recorder.lines == ["ppl phi = 10", "plan - = 2"])
    #expect(recorder.reports.last?.fields["actual_seconds"]?.doubleValue != nil)
  }

  /// A plan inside of a plan is part of it.
  @Test func nested() throws {
    let recorder = try run("plan { load phi; plan run=yes { ppl }; plan { ppl } }")
    #expect(recorder.reports.last?.value == 2)
    #expect(recorder.reports.count == 1)
  }

  @Test func mistakesAreFoundBefore() throws {
    let recorder = try run("plan { load phi; quantise rtn }")
    #expect(recorder.warnings.map(\.code) == ["bind.verb"])
    #expect(recorder.reports.isEmpty)
  }
}
