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
    let texts = try Self.texts(5000..<5060)
    let results = try Perplexity.measure(
      model, texts: texts, dialects: [GPTQDialect(), LlamaCppDialect()])
    let ids = model.tokenizer.encode(texts.joined(separator: "\n\n"))
    func nll(_ ids: [Int32]) throws -> [Double] {
      let hidden = try model.hidden(ids, segments: Segments(lengths: [ids.count]))
      return try model.backend.read(model.nll(hidden, targets: Array(ids.dropFirst()) + [-1]))
        .map(Double.init)
    }
    var sum = 0.0
    for window in 0..<ids.count / 2048 {
      sum += try nll(Array(ids[window * 2048..<(window + 1) * 2048])).reduce(0, +) / 2047
    }
    #expect(results[0].documents == ids.count / 2048)
    #expect(abs(results[0].value / exp(sum / Double(ids.count / 2048)) - 1) < 1e-5)

    let bos = try #require(model.tokenizer.bos)
    let stream = [bos] + ids
    var count = 0
    sum = 0
    for window in 0..<stream.count / 512 {
      var part = Array(stream[window * 512..<(window + 1) * 512])
      part[0] = bos
      let values = try nll(part)
      for place in 256..<511 {
        sum += values[place]
        count += 1
      }
    }
    #expect(results[1].tokens == count && count == 255 * (stream.count / 512))
    #expect(abs(results[1].value / exp(sum / Double(count)) - 1) < 1e-5)
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
}
