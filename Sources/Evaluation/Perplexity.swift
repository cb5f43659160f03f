import Data
import Models
import Runtime
import Tensor

#if canImport(Glibc)
  import Glibc
#endif

/// A measured perplexity, with its protocol and what every document contributed.
public struct Perplexity: Sendable {
  /// The dialect's name, as `as=` takes it.
  public var dialect: String
  /// The protocol in words.
  public var text: String
  /// One score per document (or window) that was scored, in the order of the data.
  public var scores: [Score]
  /// Wall-clock time, tokenization aside.
  public var seconds: Double

  public init(dialect: String, text: String, scores: [Score], seconds: Double) {
    self.dialect = dialect
    self.text = text
    self.scores = scores
    self.seconds = seconds
  }

  /// exp of the mean negative log-likelihood over all scored tokens.
  public var value: Double { exp(nll) }
  /// Nats per token.
  public var nll: Double { scores.total.mean }
  /// Tokens scored.
  public var tokens: Int { scores.total.tokens }
  public var documents: Int { scores.count }

  /// Measures `model` on texts in several dialects.
  ///
  /// - Parameters:
  ///   - batch: Tokens that go through the model together; nil lets the device say. It bounds memory; the result does
  ///     not depend on it beyond rounding.
  /// - Throws: `NothingToScore`, `NotFiniteLikelihood`, `Cancelled`, and what the model throws.
  public static func measure(
    _ model: Model, texts: [String], dialects: [any Dialect], options: DialectOptions = .init(),
    batch: Int? = nil, progress: ProgressHandler? = nil
  ) throws -> [Perplexity] {
    try dialects.map { dialect in
      let windows = try dialect.windows(texts, tokenizer: model.tokenizer, options: options)
      var result = try measure(
        model, windows: windows.windows, batch: batch, progress: progress)
      result.dialect = dialect.name
      result.text = windows.text
      return result
    }
  }

  /// Measures `model` on windows of tokens.
  ///
  /// - Parameter comparison: Finds the divergence of the first windows in the same passes. No pass holds windows of both
  ///   kinds, so that it is what `Divergence.measure` finds of the first windows alone.
  /// - Throws: `NotFiniteLikelihood`, `Cancelled`, and what the comparison throws.
  public static func measure(
    _ model: Model, windows: [Window], batch: Int? = nil, with comparison: Comparison? = nil,
    progress: ProgressHandler? = nil
  ) throws -> Perplexity {
    let clock = ContinuousClock()
    let start = clock.now
    let model = try model.prepared()
    let windows = windows.filter { $0.scored > 0 }
    let total = windows.reduce(0) { $0 + $1.tokens.count }
    let compared = windows.prefix(comparison?.windows ?? 0)
    var scores: [Score] = []
    scores.reserveCapacity(windows.count)
    var done = 0
    for part in [compared, windows[compared.endIndex...]] {
      let part = Array(part)
      for range in WindowBatches(
        windows: part, budget: batch ?? model.passTokens
      ).ranges {
        try Interrupt.check()
        let pass = WindowPass(Array(part[range]))
        let hidden = try pass.hidden(of: model)
        for (window, nll) in zip(
          pass.windows, try Perplexity.likelihoods(model, pass, hidden: hidden))
        {
          let sum = nll.reduce(0.0) { $0 + Double($1) }
          guard sum.isFinite else {
            throw NotFiniteLikelihood(
              document: scores.count,
              layer: try model.firstNonFinite(
                window.tokens, segments: Segments(lengths: [window.tokens.count])))
          }
          scores.append(Score(nll: sum, tokens: nll.count))
        }
        // What comes behind those that are compared is scored alone.
        if scores.count <= compared.count {
          try comparison?.add(pass, of: model, hidden: hidden)
        }
        done += pass.ids.count
        progress?(Progress(stage: "ppl", done: done, total: total, unit: "tokens", tokens: done))
      }
    }
    return Perplexity(
      dialect: "windows", text: "\(windows.count) windows of token ids", scores: scores,
      seconds: (clock.now - start) / .seconds(1))
  }

  /// The negative log-likelihood of every scored token of each window, nats.
  ///
  /// *Shapes:* hidden `[tokens of the pass, hidden]`.
  static func likelihoods(_ model: Model, _ pass: WindowPass, hidden: Tensor) throws -> [[Float]] {
    let (windows, segments) = (pass.windows, pass.segments)
    if windows.allSatisfy({ $0.from == 1 }) {
      let nll = try model.backend.read(
        model.nll(hidden, targets: windows.flatMap(\.targets)))
      return windows.indices.map { Array(nll[segments[$0].dropLast()]) }
    }
    // Where only part of a window counts, scores over the vocabulary are computed for that part alone.
    return try windows.enumerated().map { index, window in
      let rows = segments[index].lowerBound + window.from - 1..<segments[index].upperBound
      let nll = try model.nll(hidden.rows(rows), targets: window.targets)
      return Array(try model.backend.read(nll).dropLast())
    }
  }
}

/// A model that gives a text a likelihood which is no number.
public struct NotFiniteLikelihood: Failure, Equatable {
  /// The document, counted from 0 among those that are scored.
  public var document: Int
  /// The first layer whose output is not finite, where known.
  public var layer: String?

  public init(document: Int, layer: String? = nil) {
    self.document = document
    self.layer = layer
  }

  public var message: String {
    "the likelihood of document \(document) is not a finite number"
      + (layer.map { " (first in \($0))" } ?? "")
  }
  public var help: String? {
    "the weights hold NaN or Inf, or overflow in this precision; try --compute f32"
  }
}
