import Models
import Runtime
import Tensor

/// Where a change in perplexity comes from: models between the first and the last, scored on the same tokens, and the
/// differences between them by name.
///
/// - Guarantee: the parts add up to the whole, in every class of tokens and in all.
public struct Attribution: Sendable {
  /// The models that the change is split by. All compute on the same tokens.
  public struct Models: Sendable {
    /// Before anything was done.
    public var base: Model
    /// After everything.
    public var final: Model
    /// Quantized but not trained.
    public var quantized: Model?
    /// Trained but not quantized.
    public var trained: Model?
    /// Quantized and trained, before the adapter was merged into the codes.
    public var unmerged: Model?

    public init(
      base: Model, final: Model, quantized: Model? = nil, trained: Model? = nil,
      unmerged: Model? = nil
    ) {
      self.base = base
      self.final = final
      self.quantized = quantized
      self.trained = trained
      self.unmerged = unmerged
    }
  }

  public struct Part: Sendable {
    public var name: String
    /// Nats per token of all, by the class of the tokens that it comes from; they add up to `total`.
    public var classes: [TokenClass: Double]
    public var total: Double { TokenClass.allCases.reduce(0) { $0 + (classes[$1] ?? 0) } }
  }

  public var parts: [Part]
  /// Tokens scored, by class.
  public var tokens: [TokenClass: Int]
  /// Nats per token of all under the first and the last model.
  public var before: Double
  public var after: Double

  /// The change as a whole, nats per token.
  public var change: Double { after - before }

  /// - Throws: `DifferentTokenizers`, `NotFiniteLikelihood`, `Cancelled`.
  public static func measure(
    _ models: Models, windows: [Window], progress: ProgressHandler? = nil
  ) throws -> Attribution {
    let windows = windows.filter { $0.scored > 0 }
    for model in [models.final, models.quantized, models.trained, models.unmerged].compactMap({
      $0
    }) where model.tokenizer.contentHash != models.base.tokenizer.contentHash {
      throw DifferentTokenizers()
    }
    let classes = windows.map {
      Array(TokenClass.classify($0.tokens, models.base.tokenizer)[$0.from...])
    }
    var tokens: [TokenClass: Int] = [:]
    for list in classes { for found in list { tokens[found, default: 0] += 1 } }
    let all = Double(max(1, tokens.values.reduce(0, +)))
    func sums(_ model: Model, _ name: String) throws -> [TokenClass: Double] {
      let model = try model.prepared()
      var sums: [TokenClass: Double] = [:]
      var done = 0
      for range in WindowBatches(windows: windows, budget: model.passTokens).ranges {
        try Interrupt.check()
        let pass = WindowPass(Array(windows[range]))
        let scores = try Perplexity.likelihoods(model, pass, hidden: pass.hidden(of: model))
        for (place, nll) in zip(range, scores) {
          for (found, value) in zip(classes[place], nll) {
            guard value.isFinite else { throw NotFiniteLikelihood(document: place) }
            sums[found, default: 0] += Double(value)
          }
        }
        done += range.count
        progress?(
          Progress(stage: "explain \(name)", done: done, total: windows.count, unit: "documents"))
      }
      return sums.mapValues { $0 / all }
    }
    func difference(_ first: [TokenClass: Double], _ second: [TokenClass: Double]) -> [TokenClass:
      Double]
    {
      Dictionary(
        uniqueKeysWithValues: tokens.keys.map { ($0, (first[$0] ?? 0) - (second[$0] ?? 0)) })
    }
    let base = try sums(models.base, "base")
    let final = try sums(models.final, "whole")
    let quantized = try models.quantized.map { try sums($0, "quantized") }
    let trained = try models.trained.map { try sums($0, "trained") }
    let unmerged = try models.unmerged.map { try sums($0, "unmerged") }
    let joined = unmerged ?? final
    var parts: [Part] = []
    switch (quantized, trained) {
    case (let quantized?, let trained?):
      let quantization = difference(quantized, base)
      parts.append(Part(name: "quantization", classes: quantization))
      parts.append(Part(name: "training", classes: difference(trained, base)))
      // What the two do together beyond what each does alone.
      parts.append(
        Part(name: "interaction", classes: difference(difference(joined, trained), quantization)))
    case (let quantized?, nil):
      parts.append(Part(name: "quantization", classes: difference(quantized, base)))
      parts.append(Part(name: "training, quantized", classes: difference(joined, quantized)))
    case (nil, let trained?):
      parts.append(Part(name: "training", classes: difference(trained, base)))
      parts.append(Part(name: "quantization, trained", classes: difference(joined, trained)))
    case (nil, nil):
      parts.append(Part(name: "all", classes: difference(joined, base)))
    }
    if unmerged != nil { parts.append(Part(name: "merging", classes: difference(final, joined))) }
    func total(_ sums: [TokenClass: Double]) -> Double {
      TokenClass.allCases.reduce(0) { $0 + (sums[$1] ?? 0) }
    }
    return Attribution(parts: parts, tokens: tokens, before: total(base), after: total(final))
  }
}
