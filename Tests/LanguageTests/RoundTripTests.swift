import Language
import ScriptGenerator
import Testing

struct RoundTripTests {
  /// Printing and parsing are inverse, on several lines and on one.
  @Test(arguments: 0..<20)
  func printedTreesParseBack(_ seed: Int) throws {
    var generator = TreeGenerator(random: SeededGenerator(seed: UInt64(seed)))
    for _ in 0..<40 {
      let script = generator.script()
      let text = script.formatted
      let result = parse(Source(name: "generated", text: text))
      guard result.diagnostics.isEmpty, result.script == script else {
        Issue.record("\(text)\n\(DiagnosticSet(result.diagnostics).rendered())")
        return
      }
      #expect(result.script.formatted == text)
      for statement in script.statements {
        // Documentation needs lines of its own.
        if statement.description != "\(undocumented(statement))" { Issue.record("\(statement)") }
        let line = parse(Source(name: "line", text: statement.description))
        #expect(line.diagnostics.isEmpty)
        #expect(line.script.statements.map(\.description) == [statement.description])
      }
    }
  }

  private func undocumented(_ statement: Statement) -> Statement {
    guard case .definition(var definition) = statement else { return statement }
    definition.documentation = nil
    return .definition(definition)
  }

  /// Every generated script shows all of its tokens' text in the printed form of the experiment.
  @Test func formatIsReadable() throws {
    let text = """
      # %% [markdown] What to ask
      # Which order is better?

      # %%
      load phi
      ## Both orders.
      ##
      ## As arms.
      def orders(methods: list = [gptq awq], n = 3) {
        each $m in $methods {
          "$m → ft": quantize $m samples=4k | finetune tiny-codes | ppl
          base: ppl tiny-codes[5000:6000]
        } | plot
      }
      x = (ppl).value

      """
    #expect(try tree(text).formatted == text)
  }
}
