import FoundationEssentials
import Glibc
import PseudoTerminal
import Runtime
import TestSupport
import Testing

/// Ctrl-C, in every verb that takes long.
@Suite(.serialized, .enabled(if: BuiltProgram.path != nil, "the program is built with the tests"))
struct InterruptTests {
  private static let interrupt = "\u{3}"

  private func withHome(_ body: (String) throws -> Void) throws {
    let home = try Shared.temporaryFolder()
    defer { Shared.remove(home) }
    try body(home)
  }

  /// How long a remark takes: how slow the machine is now.
  private func delay(_ session: TerminalSession, _ number: Int, before prompt: Int) throws
    -> Duration
  {
    let clock = ContinuousClock()
    let start = clock.now
    session.type("# \(number)\r")
    try session.waitForPrompt(prompt)
    return start.duration(to: clock.now)
  }

  /// Interrupts what runs: the prompt is there again within half a second, on a machine that answers at once.
  private func interrupt(_ session: TerminalSession, before prompt: Int, slack: Duration) throws {
    let clock = ContinuousClock()
    let start = clock.now
    session.type(Self.interrupt)
    try session.waitForPrompt(prompt)
    let taken = start.duration(to: clock.now)
    #expect(taken < .milliseconds(500) + slack, "\(taken), with \(slack) for the machine")
  }

  @Test func fineTuning() throws {
    try withHome { home in
      let session = try TerminalSession(["--use", "demo"], home: home)
      try session.waitForPrompt(1)
      session.type("load phi\r")
      try session.waitForPrompt(2)
      let delay = try delay(session, 0, before: 3)
      session.type("finetune tiny-codes steps=100000 batch=1 length=64 rank=2 eval=no\r")
      try session.wait(for: "/100000 steps")
      try interrupt(session, before: 4, slack: delay * 10)
      let lines = session.screen.lines
      #expect(lines.contains { $0.contains("error: interrupted") })
      #expect(
        lines.contains { $0.contains("the current model is `phi`, and `$stopped` is `phi → lora") })
      // The progress line is gone, what was reached is told.
      #expect(!lines.contains { $0.contains("/100000 steps") })
      #expect(lines.contains { $0.contains("of 100000: `$stopped`") })
      session.type("inspect lineage\r")
      try session.wait(for: "inspect  phi")
      try session.waitForPrompt(5)
      session.type("$stopped; inspect lineage\r")
      try session.wait(for: "→ lora r2")
      try session.waitForPrompt(6)
      session.type("\u{4}")
      #expect(try session.waitForEnd() == 0)
    }
  }

  /// A step of many long sequences takes seconds; an interrupt does not wait for its end.
  @Test func insideAStep() throws {
    try withHome { home in
      let session = try TerminalSession(["--use", "demo"], home: home)
      try session.waitForPrompt(1)
      session.type("load phi\r")
      try session.waitForPrompt(2)
      let clock = ContinuousClock()
      let start = clock.now
      session.type("finetune tiny-codes steps=100 batch=16 length=1024 eval=no\r")
      try session.wait(for: "1/100 steps")
      let step = start.duration(to: clock.now)
      session.type(Self.interrupt)
      let interrupted = clock.now
      try session.waitForPrompt(3)
      let taken = interrupted.duration(to: clock.now)
      #expect(taken < max(.milliseconds(500), step / 4), "\(taken), where a step takes \(step)")
      let lines = session.screen.lines
      #expect(lines.contains { $0.contains("stopped after step 1 of 100") })
      session.type("$stopped; inspect lineage\r")
      try session.wait(for: "→ lora r64 1 step")
      try session.waitForPrompt(4)
      session.type("\u{4}")
      #expect(try session.waitForEnd() == 0)
    }
  }

  /// Verbs that would run for minutes, each stopped at its first sign of life.
  @Test(arguments: [
    ("quantize gptq samples=50 length=1024", "quantize model.layers."),
    ("quantize awq samples=50 length=1024 bits=3", "quantize model.layers."),
    ("ppl tiny-codes", "ppl  "), ("ppl tiny-codes as=gptq", "ppl  "),
    ("generate \"def \" tokens=3000 temperature=1", "Out[3]:"),
    ("diverge tiny-codes from=$base", "diverge  "),
    (
      "{ a: ppl tiny-codes[5000:5002]; b: $base | ppl tiny-codes[5000:5002] } | verdict resamples=1000000",
      "bootstrap  "
    ),
  ])
  func otherVerbs(_ line: String, _ sign: String) throws {
    try withHome { home in
      // Of oneDNN's products, those for AVX2 mind interrupts most: they use the stack's register for data.
      let session = try TerminalSession(
        ["--use", "demo"], home: home,
        environment: ["DNNL_MAX_CPU_ISA": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"])
      try session.waitForPrompt(1)
      session.type("base = load phi\r")
      try session.waitForPrompt(2)
      let delay = try delay(session, 0, before: 3)
      session.type(line + "\r")
      // In progress, not in the echo of what was typed.
      try session.wait(for: "work") { screen in
        screen.lines.contains { $0.hasPrefix(sign) && !$0.contains("In [") }
      }
      try interrupt(session, before: 4, slack: delay * 10)
      #expect(session.screen.lines.contains { $0.contains("error: interrupted") })
      #expect(session.screen.lines.contains { $0.contains("the current model is `phi`") })
      session.type("inspect lineage\r")
      try session.wait(for: "inspect  phi  ")
      try session.waitForPrompt(5)
      session.type("\u{4}")
      #expect(try session.waitForEnd() == 0)
    }
  }

  /// What happens before a verb's own work: weights that are drawn, rows that are tokenized.
  @Test func loadingAndTokenizing() throws {
    try withHome { home in
      let model = "\(home)/model"
      try Shared.makeFolder(model)
      let shape = "\(Shared.root)/stdlib/configs/microsoft/Phi-3.5-mini-instruct"
      let config = try String(contentsOfFile: "\(shape)/config.json", encoding: .utf8)
      try Shared.write(
        config.replacing(/"num_hidden_layers": *[0-9]+/, with: "\"num_hidden_layers\": 4"),
        to: "\(model)/config.json")
      try Shared.link("\(model)/tokenizer.json", to: "\(shape)/tokenizer.json")
      let row =
        "{\"text\": \"\(String(repeating: "Some words that are cut into tokens. ", count: 40))\"}\n"
      try Shared.write(String(repeating: row, count: 20_000), to: "\(home)/rows.jsonl")
      let session = try TerminalSession(["--use", "demo"], home: home)
      try session.waitForPrompt(1)
      session.type("load phi\r")
      try session.waitForPrompt(2)
      for (index, (line, sign)) in [
        ("load \(model) weights=random", "draw model  "),
        ("finetune \(home)/rows.jsonl steps=1 eval=no", "tokenize  "),
      ].enumerated() {
        let delay = try delay(session, index, before: 3 + 3 * index)
        session.type(line + "\r")
        try session.wait(for: sign) { screen in
          screen.lines.contains { $0.hasPrefix(sign) && $0.contains("%") }
        }
        try interrupt(session, before: 4 + 3 * index, slack: delay * 10)
        session.type("inspect lineage\r")
        try session.wait(for: "inspect  phi  ", times: index + 1)
        try session.waitForPrompt(5 + 3 * index)
      }
      session.type("\u{4}")
      #expect(try session.waitForEnd() == 0)
    }
  }

  @Test func scriptsEndWithTheirStatus() throws {
    try withHome { home in
      let session = try TerminalSession(
        [
          "--use", "demo", "-c",
          "load phi; finetune tiny-codes steps=100000 batch=1 length=64 rank=2 eval=no; print never",
        ], home: home)
      try session.wait(for: "/100000 steps")
      session.type(Self.interrupt)
      #expect(try session.waitForEnd() == 130)
      #expect(session.screen.lines.contains { $0.contains("error: interrupted") })
      #expect(!session.screen.lines.contains("never"))
    }
  }

  /// Two interrupts without the first being noticed end the process at once.
  @Test func theSecondEndsTheProcess() {
    #expect(olv_interrupted_twice { Interrupt.install() } == 130)
  }

  /// Wherever the stack's register points, what lies below stays as it is.
  @Test func theHandlerHasAStackOfItsOwn() {
    #expect(olv_interrupted_on_little_stack { Interrupt.install() } == 0)
  }
}
