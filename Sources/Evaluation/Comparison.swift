import Models
import Runtime
import Tensor

/// The divergence of a model from a reference while it is measured, pass by pass: of hidden states that are computed for
/// another purpose too, such as a perplexity.
public final class Comparison {
  /// Rows of logits that are held at once, of each model.
  static let chunk = 128

  private let reference: Model
  /// How many windows are compared, the first ones.
  let windows: Int
  private let states: ReferenceStates?
  private var passes = 0
  private var documents: [Divergence.Document] = []
  private var divergences: [Float] = []

  /// - Parameters:
  ///   - windows: Only so many, from the first on; those without a token that is scored do not count.
  ///   - states: Where the reference's hidden states come from, or are left.
  public init(from reference: Model, windows: Int, states: ReferenceStates? = nil) {
    self.reference = reference
    self.windows = windows
    self.states = states
  }

  /// What was found so far.
  public var result: Divergence {
    Divergence(documents: documents, sorted: divergences.sorted(), seconds: 0)
  }

  /// Takes one pass of `model` into account.
  ///
  /// *Shapes:* hidden `[tokens of the pass, hidden]`.
  ///
  /// - Throws: `DifferentTokenizers`, `NotFiniteLikelihood`, `Cancelled`.
  func add(_ pass: WindowPass, of model: Model, hidden: Tensor) throws {
    guard model.tokenizer.contentHash == reference.tokenizer.contentHash,
      model.config.vocabulary == reference.config.vocabulary
    else { throw DifferentTokenizers() }
    let make = { try pass.hidden(of: self.reference.prepared()) }
    let expected = try states?.hidden(passes, making: make) ?? make()
    passes += 1
    for (index, window) in pass.windows.enumerated() {
      let rows =
        pass.segments[index].lowerBound + window.from - 1..<pass.segments[index].upperBound - 1
      let document = try compare(
        (model, hidden.rows(rows)), expected.rows(rows), targets: window.targets.dropLast())
      guard document.divergence.isFinite, document.score.nll.isFinite else {
        throw NotFiniteLikelihood(document: documents.count)
      }
      documents.append(document)
    }
  }

  /// One document: hidden states of both models at the positions that predict `targets`.
  private func compare(
    _ model: (Model, Tensor), _ expected: Tensor, targets: ArraySlice<Int32>
  ) throws -> Divergence.Document {
    let targets = Array(targets)
    var document = Divergence.Document(
      tokens: targets.count, divergence: 0, agreements: 0,
      score: Score(nll: 0, tokens: targets.count),
      reference: Score(nll: 0, tokens: targets.count))
    let backend = model.0.backend
    for start in stride(from: 0, to: targets.count, by: Self.chunk) {
      try Interrupt.check()
      let rows = start..<min(start + Self.chunk, targets.count)
      let found = try backend.read(
        backend.divergence(
          model.0.logits(model.1.rows(rows)), from: reference.logits(expected.rows(rows)),
          targets: Array(targets[rows])))
      for row in 0..<rows.count {
        document.divergence += Double(found[4 * row])
        document.score.nll += Double(found[4 * row + 1])
        document.reference.nll += Double(found[4 * row + 2])
        document.agreements += found[4 * row + 3] == 1 ? 1 : 0
        divergences.append(found[4 * row])
      }
    }
    return document
  }
}
