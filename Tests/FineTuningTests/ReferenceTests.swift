import Checkpoints
import Data
import FoundationEssentials
import Glibc
import JSON
import Models
import Runtime
import Tensor
import TestSupport
import Testing
import Tokenizers

@testable import FineTuning

/// The same training as PEFT's: same initial adapter, same batches, numbers in `phi3_lora*.json`.
@Suite(.enabled(if: Shared.hasReference, "needs the reference numbers"))
struct ReferenceTests {
  struct Reference {
    var loss: [Double]
    var norm: [Double]
    var batches: [[[Int32]]]
    var perplexity: Double
    var tokens: Int

    init(_ name: String) throws {
      let path = "\(try folder)/\(name)"
      let json = try JSON.parse(String(contentsOfFile: path, encoding: .utf8), path: path)
      func numbers(_ key: String) throws -> [Double] {
        try #require(json[key]?.arrayValue).compactMap(\.doubleValue)
      }
      loss = try numbers("loss")
      norm = try numbers("grad_norm")
      batches = try #require(json["batches"]?.arrayValue).map {
        ($0.arrayValue ?? []).map { ($0.arrayValue ?? []).map { Int32($0.intValue ?? -1) } }
      }
      perplexity = try #require(json["ppl_after"]?["ppl"]?.doubleValue)
      tokens = try #require(json["ppl_after"]?["tokens"]?.intValue)
    }
  }

  static var folder: String { get throws { try #require(Shared.reference) } }
  static let template =
    "### Language: {programming_language} \n### Question: {prompt} \n### Answer: {response}"

  static func rows(_ range: Range<Int>) throws -> Dataset {
    try Dataset.open("\(folder)/tiny-codes.jsonl").with(template: Template(template))
      .slice(range.lowerBound, range.upperBound)
  }

  /// The adapter of a safetensors file in PEFT's names, at r = 8 and α = 16.
  static func adapter(_ name: String) throws -> PEFT {
    let file = try Safetensors("\(folder)/\(name)")
    let modules = Set(
      file.tensors.map { info in
        String(
          info.name.dropFirst("base_model.model.".count).split(separator: ".lora_")[0])
      })
    return PEFT(
      layers: try modules.sorted().map { module in
        func tensor(_ matrix: String) throws -> Tensor {
          try file.tensor("base_model.model.\(module).lora_\(matrix).default.weight")
        }
        return PEFT.Layer(
          module: module, a: try tensor("A"), b: try tensor("B"), alpha: 16, scale: 2)
      }, dropout: 0, base: nil)
  }

  @Test(arguments: [
    ("phi3-tiny", "phi3_lora"), ("olive_phi3_gptq_g32_sym", "phi3_lora_on_gptq_g32"),
  ])
  func lossesAreThoseOfPEFT(base: String, name: String) throws {
    let reference = try Reference("\(name).json")
    #expect(reference.loss.count == 40 && reference.batches.count == 40)
    let backend = try TestBackend.cpu
    var model = try loadModel(
      folder: "\(Self.folder)/\(base)", backend: backend, compute: .f32)
    try model.attach(Self.adapter("phi3_lora_init.safetensors"), path: "")
    var settings = FineTuningSettings()
    settings.steps = 40
    settings.batch = 4
    settings.rate = 1e-3
    settings.shuffles = false
    let data = TrainingData(
      examples: reference.batches.flatMap { $0.map { TrainingExample(tokens: $0) } }, packing: "")
    let (trained, report) = try Trainer(settings).train(model, on: data)
    for step in 0..<40 {
      #expect(
        abs(report.loss[step] / reference.loss[step] - 1) < 1e-3, "loss of step \(step)")
      #expect(
        abs(report.gradientNorm[step] / reference.norm[step] - 1) < 1e-2,
        "gradient norm of step \(step)")
    }
    // Single weights of an adapter wander where gradients are tiny (Adam divides by their size); on the whole the
    // adapters are the same.
    let expected = try Self.adapter("\(name)_final.safetensors")
    var (product, ours, theirs) = (0.0, 0.0, 0.0)
    for layer in expected.layers {
      let adapter = try #require(trained.linear(named: layer.module)?.adapter)
      for (got, want) in [(adapter.a, layer.a), (adapter.b, layer.b)] {
        for (x, y) in zip(try backend.read(got), try backend.read(want)) {
          product += Double(x) * Double(y)
          ours += Double(x) * Double(x)
          theirs += Double(y) * Double(y)
        }
      }
    }
    #expect(product / (ours * theirs).squareRoot() > 0.999)

    // The perplexity that training arrived at, each row alone.
    var (nll, tokens) = (0.0, 0)
    let rows = try Self.rows(5000..<5200)
    for start in stride(from: 0, to: 200, by: 20) {
      let examples = try (start..<start + 20).map { index in
        TrainingExample(
          tokens: Array(trained.tokenizer.encode(try rows.text(at: index)).prefix(512)))
      }
      let hidden = try trained.hidden(
        examples.flatMap(\.tokens), segments: Segments(lengths: examples.map(\.tokens.count)))
      let values = try backend.read(trained.nll(hidden, targets: examples.flatMap(\.targets)))
      nll += values.reduce(0.0) { $0 + Double($1) }
      tokens += examples.reduce(0) { $0 + $1.predictions }
    }
    #expect(tokens == reference.tokens)
    #expect(abs(nll / Double(tokens) - log(reference.perplexity)) < 1e-3)
  }

  /// With bf16 products the run is the same up to bf16's three digits.
  @Test func bf16TrainsAlike() throws {
    let backend = try TestBackend.cpu
    guard backend.supports(.bf16) else { return }
    let reference = try Reference("phi3_lora.json")
    var model = try loadModel(
      folder: "\(Self.folder)/phi3-tiny", backend: backend, compute: .bf16)
    #expect(model.precision == .bf16)
    try model.attach(Self.adapter("phi3_lora_init.safetensors"), path: "")
    var settings = FineTuningSettings()
    settings.steps = 20
    settings.batch = 4
    settings.rate = 1e-3
    settings.shuffles = false
    let data = TrainingData(
      examples: reference.batches.flatMap { $0.map { TrainingExample(tokens: $0) } }, packing: "")
    let (_, report) = try Trainer(settings).train(model, on: data)
    for step in 0..<20 {
      #expect(abs(report.loss[step] / reference.loss[step] - 1) < 1e-2, "loss of step \(step)")
    }
  }

  /// `join_chunks` of rows 0 to 1000 in blocks of 128 are what the reference trained on.
  @Test func packingIsOlives() throws {
    let reference = try Reference("phi3_lora.json")
    let data = try TrainingData(
      Self.rows(0..<1000), tokenizer: Tokenizer(folder: "\(Self.folder)/phi3-tiny"),
      packing: .blocks, length: 128, blocks: 0, vocabulary: 2048)
    let expected = reference.batches.flatMap { $0 }
    #expect(data.examples.count > expected.count)
    #expect(data.examples.prefix(expected.count).map(\.tokens) == expected)
  }

  @Test func rowsCanBeTrainedOneByOne() throws {
    let tokenizer = try Tokenizer(folder: "\(Self.folder)/phi3-tiny")
    let rows = try Self.rows(10..<30)
    let data = try TrainingData(
      rows, tokenizer: tokenizer, packing: .rows(.none), length: 100, blocks: 0, vocabulary: 2048)
    #expect(data.examples.count == 20)
    for (index, example) in data.examples.enumerated() {
      #expect(example.tokens == Array(tokenizer.encode(try rows.text(at: index)).prefix(100)))
      #expect(example.predictions == example.tokens.count - 1)
    }
  }

  /// Of a masked row exactly the response is predicted, give or take a token that reaches across its beginning.
  @Test func responsesAloneArePredicted() throws {
    let tokenizer = try Tokenizer(folder: "\(Self.folder)/phi3-tiny")
    let rows = try Self.rows(0..<40)
    let data = try TrainingData(
      rows, tokenizer: tokenizer, packing: .rows(.response), length: 4096, blocks: 0,
      vocabulary: 2048)
    #expect(data.examples.count == 40)
    for (index, example) in data.examples.enumerated() {
      let predicted = try #require(example.predicted)
      #expect(example.tokens == tokenizer.encode(try rows.text(at: index)))
      let response = try rows.row(index).text("response")
      let chosen = zip(example.tokens, predicted).filter(\.1).map(\.0)
      let text = tokenizer.decode(chosen)
      #expect(text.hasSuffix(response))
      #expect(text.utf8.count <= response.utf8.count + 2)
    }
  }

  @Test func tooFewTokensAreSaid() throws {
    let tokenizer = try Tokenizer(folder: "\(Self.folder)/phi3-tiny")
    #expect(throws: NothingToTrainOn.self) {
      try TrainingData(
        Self.rows(0..<2), tokenizer: tokenizer, packing: .blocks, length: 4096, blocks: 0,
        vocabulary: 2048)
    }
  }
}
