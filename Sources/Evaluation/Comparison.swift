import Models
import Runtime
import Synchronization
import Tensor

/// The divergence of a model from a reference while it is measured, pass by pass: of hidden states that are computed for
/// another purpose too, such as a perplexity.
public final class Comparison {
  /// Rows of logits that are held at once, of each model.
  static let chunk = 128

  private let reference: Model
  /// The reference, ready for many passes, once it is needed.
  private var prepared: Model?
  /// How many windows are compared, the first ones.
  let windows: Int
  private let states: ReferenceStates?
  private var passes = 0
  private var compared: [Document] = []

  /// What one document contributes, and KL(reference ‖ model) at each of its tokens.
  private typealias Document = (sums: Divergence.Document, divergences: [Float])

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
    Divergence(
      documents: compared.map(\.sums), sorted: compared.flatMap(\.divergences).sorted(), seconds: 0)
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
    let reference = try prepared ?? self.reference.prepared()
    prepared = reference
    let make = { try pass.hidden(of: reference) }
    let expected = try states?.hidden(passes, making: make) ?? make()
    passes += 1
    let found = Mutex<[Int: Document]>([:])
    func compare(_ index: Int) throws {
      let window = pass.windows[index]
      let rows =
        pass.segments[index].lowerBound + window.from - 1..<pass.segments[index].upperBound - 1
      let document = try Self.compare(
        (model, hidden.rows(rows)), (reference, expected.rows(rows)),
        targets: window.targets.dropLast())
      found.withLock { $0[index] = document }
    }
    if model.runsInLanes {
      try model.backend.concurrently(pass.windows.count, compare)
    } else {
      for index in pass.windows.indices { try compare(index) }
    }
    for document in found.withLock({ found in pass.windows.indices.compactMap { found[$0] } }) {
      guard document.sums.divergence.isFinite, document.sums.score.nll.isFinite else {
        throw NotFiniteLikelihood(document: compared.count)
      }
      compared.append(document)
    }
  }

  /// One document: hidden states of both models at the positions that predict `targets`.
  private static func compare(
    _ model: (Model, Tensor), _ reference: (Model, Tensor), targets: ArraySlice<Int32>
  ) throws -> Document {
    let targets = Array(targets)
    var divergences: [Float] = []
    var document = Divergence.Document(
      tokens: targets.count, divergence: 0, agreements: 0,
      score: Score(nll: 0, tokens: targets.count),
      reference: Score(nll: 0, tokens: targets.count))
    let backend = model.0.backend
    for start in stride(from: 0, to: targets.count, by: chunk) {
      try Interrupt.check()
      let rows = start..<min(start + chunk, targets.count)
      let found = try backend.read(
        backend.divergence(
          model.0.logits(model.1.rows(rows)), from: reference.0.logits(reference.1.rows(rows)),
          targets: Array(targets[rows])))
      for row in 0..<rows.count {
        document.divergence += Double(found[4 * row])
        document.score.nll += Double(found[4 * row + 1])
        document.reference.nll += Double(found[4 * row + 2])
        document.agreements += found[4 * row + 3] == 1 ? 1 : 0
        divergences.append(found[4 * row])
      }
    }
    return (document, divergences)
  }
}
