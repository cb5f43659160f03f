import Models
import Tensor
import TestSupport
import Testing

@testable import Evaluation

/// Where changes come from, on the demo's model.
struct AttributionTests {
  let base: Model
  let backend: any Backend

  init() throws {
    backend = try TestBackend.cpu
    base = try loadModel(folder: "\(Shared.root)/stdlib/demo/phi", backend: backend, compute: .f32)
  }

  static let text = """
    ### Language: Python
    ### Question: Double the number 17.
    ### Answer: Here it is:

    ```python
    def double(value):
        # twice as much
        return value * 2
    ```
    """

  var windows: [Window] {
    let ids = base.tokenizer.encode(Self.text)
    return [Window(ids), Window(Array(ids.prefix(20))), Window(Array(ids.suffix(30)), from: 5)]
  }

  func rounded(_ model: Model, bits: Int, blocks: Set<Int>? = nil) throws -> Model {
    var model = model
    for index in model.blocks.indices where blocks?.contains(index) ?? true {
      for place in model.blocks[index].linears.indices {
        if case .dense(let weight) = model.blocks[index].linears[place].weight {
          model.blocks[index].linears[place].weight = .packed(
            try backend.round(
              weight, to: Grid(bits: bits, group: 64, symmetric: false), rule: .minmax,
              limits: nil))
        }
      }
    }
    return model
  }

  /// In all and in every class of tokens, whatever is told apart; and the whole is what `ppl` measures.
  @Test func partsAddUp() throws {
    let (q3, q4, q2) = (
      try rounded(base, bits: 3), try rounded(base, bits: 4), try rounded(base, bits: 2)
    )
    let splits = [
      Attribution.Models(base: base, final: q2, quantized: q3, trained: q4, unmerged: q3),
      .init(base: base, final: q2, quantized: q3, trained: q4), .init(base: base, final: q2),
      .init(base: base, final: q2, quantized: q3), .init(base: base, final: q2, trained: q3),
      .init(base: base, final: q2, trained: q3, unmerged: q4),
    ]
    let before = try Perplexity.measure(base, windows: windows)
    let after = try Perplexity.measure(q2, windows: windows)
    for (split, names) in zip(
      splits, [["quantization", "training", "interaction", "merging"]])
    {
      #expect(try Attribution.measure(split, windows: windows).parts.map(\.name) == names)
    }
    for split in splits {
      let found = try Attribution.measure(split, windows: windows)
      #expect(abs(found.parts.reduce(0) { $0 + $1.total } - found.change) < 1e-9)
      #expect(abs(found.before - before.nll) < 1e-6 && abs(found.after - after.nll) < 1e-6)
      #expect(found.tokens.values.reduce(0, +) == before.tokens)
      #expect(found.parts.allSatisfy { Set($0.classes.keys) == Set(found.tokens.keys) })
    }
  }

  /// Where training is only named twice, there is no interaction; where nothing changed, nothing is found.
  @Test func whatIsNotThereIsZero() throws {
    let q = try rounded(base, bits: 3)
    let found = try Attribution.measure(
      .init(base: base, final: q, quantized: q, trained: base, unmerged: q), windows: windows)
    #expect(found.parts.map(\.name) == ["quantization", "training", "interaction", "merging"])
    #expect(found.parts.dropFirst().allSatisfy { $0.classes.values.allSatisfy { $0 == 0 } })
    #expect(
      found.parts[0].total == found.change || abs(found.parts[0].total - found.change) < 1e-12)
  }

  /// One changed layer: all of the change is its, and none of the others'.
  @Test(arguments: [0, 3, 5])
  func oneChangedLayerIsFound(layer: Int) throws {
    let model = try rounded(base, bits: 2, blocks: [layer])
    let swap = try LayerSwap.measure(model, from: base, windows: windows)
    for (index, change) in swap.changes.enumerated() where index != layer { #expect(change == 0) }
    #expect(abs(swap.changes[layer] - (swap.model - swap.reference)) < 1e-12)
    #expect(abs(swap.together) < 1e-12)
    #expect(swap.changes[layer] > 0.01)
    let direct = try Perplexity.measure(model, windows: windows).nll
    #expect(abs(swap.model - direct) < 1e-5)
  }

  /// Swapping agrees with running each swapped model whole.
  @Test func swapsAgreeWithWholeModels() throws {
    let model = try rounded(base, bits: 3)
    let swap = try LayerSwap.measure(model, from: base, windows: windows)
    let reference = try Perplexity.measure(base, windows: windows).nll
    for index in base.blocks.indices {
      var swapped = base
      swapped.blocks[index] = model.blocks[index]
      let direct = try Perplexity.measure(swapped, windows: windows).nll - reference
      #expect(abs(swap.changes[index] - direct) < 1e-5)
    }
    #expect(
      abs(swap.changes.reduce(0, +) + swap.together - (swap.model - swap.reference)) < 1e-12)
  }
}

struct TokenClassTests {
  func classes(_ text: String) -> [(String, TokenClass)] {
    let bytes = Array(text.utf8)
    let classes = TokenClass.classes(of: bytes)
    // Runs of one class that is not `other`, as text.
    var runs: [(String, TokenClass)] = []
    var start = 0
    for place in 0...bytes.count {
      guard place == bytes.count || classes[place] != classes[start] else { continue }
      if start < bytes.count, classes[start] != .other {
        runs.append((String(decoding: bytes[start..<place], as: UTF8.self), classes[start]))
      }
      start = place
    }
    return runs
  }

  @Test func wordsInFencesAreCode() {
    let found = classes(
      "Add 17 if you can:\n```js\nif (x1 > 20) return \"a 3\"; // done 4\n```\nreturn it")
    let expected: [(String, TokenClass)] = [
      ("Add", .prose), ("17", .digits), ("if", .prose), ("you", .prose), ("can", .prose),
      ("if", .keyword), ("x1", .identifier), ("20", .digits), ("return", .keyword), ("a", .prose),
      ("3", .digits), ("done", .prose), ("4", .digits), ("return", .prose), ("it", .prose),
    ]
    #expect(found.map(\.0) == expected.map(\.0))
    #expect(found.map(\.1) == expected.map(\.1))
  }

  @Test func withoutFencesLinesTell() {
    let found = classes("for each of them\n    for x in y:\nint z = 0;\n# a word\nend")
    #expect(
      found.map(\.1) == [
        .prose, .prose, .prose, .prose, .keyword, .identifier, .keyword, .identifier, .keyword,
        .identifier, .digits, .prose, .prose, .prose,
      ])
  }

  /// Every token has a class, whatever the text.
  @Test func tokensAreClassifiedByTheirFirstCharacter() throws {
    let tokenizer = try loadModel(
      folder: "\(Shared.root)/stdlib/demo/phi", backend: TestBackend.cpu, compute: .f32
    ).tokenizer
    let ids = tokenizer.encode(AttributionTests.text + "\n\u{1F980} é 12")
    let classes = TokenClass.classify(ids, tokenizer)
    #expect(classes.count == ids.count)
    for wanted in TokenClass.allCases { #expect(classes.contains(wanted), "\(wanted)") }
    let keyword = try #require(
      zip(ids, classes).first { tokenizer.token(of: $0.0)?.contains("def") == true })
    #expect(keyword.1 == .keyword)
    #expect(TokenClass.classify([], tokenizer).isEmpty)
  }
}
