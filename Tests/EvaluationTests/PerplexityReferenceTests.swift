import Data
import FoundationEssentials
import Glibc
import JSON
import Models
import Tensor
import TestSupport
import Testing
import Tokenizers

@testable import Evaluation

/// The protocols of `phi3_ppl.json` on the trained tiny model.
@Suite(.enabled(if: Shared.hasReference, "needs the reference numbers"))
struct PerplexityReferenceTests {
  static var folder: String { get throws { try #require(Shared.reference) } }
  static let template =
    "### Language: {programming_language} \n### Question: {prompt} \n### Answer: {response}"

  let model: Model

  init() throws {
    model = try loadModel(
      folder: "\(Self.folder)/phi3-tiny", backend: TestBackend.cpu, compute: .f32)
  }

  static func texts(_ range: Range<Int>) throws -> [String] {
    try Dataset.open("\(folder)/tiny-codes.jsonl").with(template: Template(template))
      .slice(range.lowerBound, range.upperBound).texts()
  }

  static func reference(_ key: String) throws -> (nll: Double, tokens: Int, value: Double) {
    let path = "\(try folder)/phi3_ppl.json"
    let json = try JSON.parse(String(contentsOfFile: path, encoding: .utf8), path: path)
    let entry = try #require(json[key])
    return (
      try #require(entry["nll_sum"]?.doubleValue), try #require(entry["tokens"]?.intValue),
      try #require(entry["ppl"]?.doubleValue)
    )
  }

  func check(_ result: Perplexity, _ key: String) throws {
    let reference = try Self.reference(key)
    #expect(result.tokens == reference.tokens)
    #expect(abs(result.scores.total.nll / reference.nll - 1) < 1e-6)
    #expect(abs(result.value / reference.value - 1) < 1e-5)
  }

  @Test(arguments: [
    ("rows5000-5200_nospecial_512", 200, 512, false), ("rows5000-5200_special_512", 200, 512, true),
    ("rows5000-6000_nospecial_1024", 1000, 1024, false),
    ("rows5000-6000_special_1024", 1000, 1024, true),
  ])
  func rowsAlone(key: String, rows: Int, length: Int, special: Bool) throws {
    let results = try Perplexity.measure(
      model, texts: Self.texts(5000..<5000 + rows), dialects: [OliveDialect()],
      options: DialectOptions(length: length, special: special))
    try check(results[0], key)
    #expect(results[0].documents == rows)
    #expect(results[0].dialect == "olive")
  }

  @Test func theBlogsNumber() throws {
    let results = try Perplexity.measure(
      model, texts: Self.texts(5000..<5200), dialects: [OliveDialect()],
      options: DialectOptions(length: 512))
    #expect(abs(results[0].value / 792.7026865 - 1) < 1e-5)
  }

  @Test func joinedBlocksOf256() throws {
    let results = try Perplexity.measure(
      model, texts: Self.texts(5000..<5200), dialects: [JoinDialect()],
      options: DialectOptions(length: 256))
    try check(results[0], "join256_rows5000-5200")
  }

  @Test func heldOutTokens() throws {
    let path = "\(try Self.folder)/stdlib_heldout_ids_256x60.json"
    let json = try JSON.parse(String(contentsOfFile: path, encoding: .utf8), path: path)
    let windows = try #require(json.arrayValue).map {
      Window(($0.arrayValue ?? []).map { Int32($0.intValue ?? -1) })
    }
    try check(Perplexity.measure(model, windows: windows), "stdlib_heldout_256x60")
  }

  /// The two dialects with windows, computed here from the model's own per-token likelihoods and the tools' definitions.
  @Test func theOtherDialectsFollowTheirTools() throws {
    let (texts, length) = (try Self.texts(5000..<5012), 128)
    let results = try Perplexity.measure(
      model, texts: texts, dialects: [GPTQDialect(), LlamaCppDialect()],
      options: DialectOptions(length: length))
    let ids = model.tokenizer.encode(texts.joined(separator: "\n\n"))
    func nll(_ ids: [Int32]) throws -> [Double] {
      let hidden = try model.hidden(ids, segments: Segments(lengths: [ids.count]))
      return try model.backend.read(model.nll(hidden, targets: Array(ids.dropFirst()) + [-1]))
        .map(Double.init)
    }
    // The mean of the windows' means, as GPTQ's code has it.
    var sum = 0.0
    let windows = ids.count / length
    for window in 0..<windows {
      let values = try nll(Array(ids[window * length..<(window + 1) * length]))
      sum += values.reduce(0, +) / Double(length - 1)
    }
    #expect(results[0].documents == windows && windows > 8)
    #expect(abs(results[0].value / exp(sum / Double(windows)) - 1) < 1e-5)

    let bos = try #require(model.tokenizer.bos)
    let stream = [bos] + ids
    var count = 0
    sum = 0
    for window in 0..<stream.count / length {
      var part = Array(stream[window * length..<(window + 1) * length])
      part[0] = bos
      for value in try nll(part)[length / 2..<length - 1] {
        sum += value
        count += 1
      }
    }
    #expect(results[1].tokens == count && count == (length / 2 - 1) * (stream.count / length))
    #expect(abs(results[1].value / exp(sum / Double(count)) - 1) < 1e-5)
  }

  /// Windows as long as the tools take them.
  @Test func theToolsOwnWindows() throws {
    let texts = try Self.texts(5000..<5060)
    let ids = model.tokenizer.encode(texts.joined(separator: "\n\n"))
    let gptq = try GPTQDialect().windows(texts, tokenizer: model.tokenizer, options: .init())
    #expect(gptq.windows.count == ids.count / 2048 && gptq.windows.count > 1)
    #expect(gptq.windows.flatMap(\.tokens) == Array(ids.prefix(gptq.windows.count * 2048)))
    #expect(gptq.windows.allSatisfy { $0.scored == 2047 })

    let bos = try #require(model.tokenizer.bos)
    let llama = try LlamaCppDialect().windows(texts, tokenizer: model.tokenizer, options: .init())
    #expect(llama.windows.count == (ids.count + 1) / 512)
    for (index, window) in llama.windows.enumerated() {
      #expect(window.tokens[0] == bos && window.tokens.count == 512 && window.scored == 255)
      #expect(Array(window.tokens[1...]) == Array(ids[index * 512..<index * 512 + 511]))
    }
    // A text that is known as a whole is read as it is.
    let whole = try LlamaCppDialect().windows(
      texts, tokenizer: model.tokenizer, options: .init(original: texts.joined(separator: "\n")))
    #expect(whole.windows != llama.windows && whole.text != llama.text)
  }

  @Test func batchesAndOrderDoNotMatter() throws {
    let texts = try Self.texts(5000..<5040)
    func scores(_ texts: [String], batch: Int) throws -> [Score] {
      try Perplexity.measure(model, texts: texts, dialects: [OliveDialect()], batch: batch)[0]
        .scores
    }
    let alone = try scores(texts, batch: 1)
    for batch in [300, 1000, 100_000] {
      for (one, other) in zip(alone, try scores(texts, batch: batch)) {
        #expect(one.tokens == other.tokens)
        #expect(abs(one.nll / other.nll - 1) < 1e-6)
      }
    }
    for (one, other) in zip(alone, try scores(texts.reversed(), batch: 700).reversed()) {
      #expect(abs(one.nll / other.nll - 1) < 1e-6)
    }
  }

  @Test func documentsWithoutATokenToPredictContributeNothing() throws {
    let texts = try Self.texts(5000..<5003)
    let plain = try Perplexity.measure(model, texts: texts, dialects: [OliveDialect()])[0]
    let padded = try Perplexity.measure(
      model, texts: ["", texts[0], "a", texts[1], texts[2], ""], dialects: [OliveDialect()])[0]
    #expect(padded.scores == plain.scores)
    #expect(throws: NothingToScore.self) {
      try Perplexity.measure(model, texts: ["", "a"], dialects: [OliveDialect()])
    }
    for dialect in Dialects.all {
      #expect(throws: NothingToScore.self) {
        try Perplexity.measure(model, texts: ["a"], dialects: [dialect])
      }
    }
  }

  @Test func anIdenticalModelDoesNotDiverge() throws {
    let windows = try OliveDialect().windows(
      Self.texts(5000..<5010), tokenizer: model.tokenizer, options: .init()
    ).windows
    let result = try Divergence.measure(model, from: model, windows: windows)
    #expect(result.mean < 1e-9 && result.agreement == 1 && result.difference == 0)
    let perplexity = try Perplexity.measure(model, windows: windows)
    #expect(result.tokens == perplexity.tokens)
    #expect(abs(result.perplexity / perplexity.value - 1) < 1e-5)
  }

  /// A quantized model diverges a little, and its nll differs as separate measurements say.
  @Test func aQuantizedModelDiverges() throws {
    let other = try loadModel(
      folder: "\(Self.folder)/olive_phi3_gptq_g32_sym", backend: TestBackend.cpu, compute: .f32)
    let windows = try OliveDialect().windows(
      Self.texts(5000..<5010), tokenizer: model.tokenizer, options: .init()
    ).windows
    let result = try Divergence.measure(other, from: model, windows: windows, batch: 500)
    #expect(result.mean > 1e-5 && result.mean < 0.1)
    #expect(result.agreement > 0.8 && result.agreement < 1)
    #expect(result.quantile(0.5) < result.mean && result.quantile(1) > result.mean)
    #expect(
      abs(result.perplexity / (try Perplexity.measure(other, windows: windows).value) - 1) < 1e-5)
    #expect(
      abs(result.referencePerplexity / (try Perplexity.measure(model, windows: windows).value) - 1)
        < 1e-5)
  }

  /// Both numbers from one pass are those of two: the divergence to the bit, the perplexity up to how the passes are cut.
  @Test(arguments: [0, 1, 6, 10, 99])
  func onePassFindsBoth(compared: Int) throws {
    let other = try loadModel(
      folder: "\(Self.folder)/olive_phi3_gptq_g32_sym", backend: TestBackend.cpu, compute: .f32)
    let windows = try OliveDialect().windows(
      Self.texts(5000..<5010), tokenizer: model.tokenizer, options: .init()
    ).windows
    let comparison = Comparison(from: model, windows: compared)
    let both = try Perplexity.measure(other, windows: windows, batch: 700, with: comparison)
    let alone = try Perplexity.measure(other, windows: windows, batch: 700)
    #expect(both.scores.map(\.tokens) == alone.scores.map(\.tokens))
    for (one, two) in zip(both.scores, alone.scores) {
      #expect(abs(one.nll / two.nll - 1) < 1e-5)
    }
    let apart = try Divergence.measure(
      other, from: model, windows: Array(windows.prefix(compared)), batch: 700)
    let found = comparison.result
    #expect(found.documents == apart.documents && found.sorted == apart.sorted)
    #expect(found.documents.count == min(compared, 10))
  }
}
