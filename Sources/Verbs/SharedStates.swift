import Cache
import Checkpoints
import Data
import Evaluation
import Models
import Session
import Tensor

extension RunContext {
  /// Compares with a reference model: with what it makes of `rows` taken from the cache where an arm before this one left
  /// it there, and left there otherwise.
  ///
  /// - Parameters:
  ///   - options: How the rows become documents.
  ///   - batch: Tokens in a pass; nil for as many as the device says.
  func withStates<Result>(
    of reference: LoadedModel, _ rows: Dataset, _ options: DialectOptions, batch: Int? = nil,
    _ body: (Model, ReferenceStates) throws -> Result
  ) throws -> Result {
    let base = try reference.model
    let shared = try shared(
      "reference states", of: reference,
      [
        EntryKey.Part("rows", try rows.contentHash()),
        EntryKey.Part("length", options.length.map(String.init) ?? ""),
        EntryKey.Part("special", "\(options.special)"),
        EntryKey.Part("tokens in a pass", "\(batch ?? base.passTokens)"),
      ])
    let stem = "states"
    if let tensors = try? shared?.find()?.tensors(stem: stem) {
      return try body(
        base, ReferenceStates { pass, _ in try base.backend.place(tensors.tensor("\(pass)")) })
    }
    if let shared, shared.isExpected {
      return try body(base, ReferenceStates { _, make in try shared.unnoticed(make) })
    }
    let states = ReferenceStates { shared?.now ?? 0 }
    let result = try body(base, states)
    if let made = states.made {
      try shared?.keep(seconds: states.seconds, bytes: states.byteCount) { entry in
        try entry.write(
          made.enumerated().map {
            TensorSource(name: "\($0.offset)", $0.element, backend: base.backend)
          }, stem: stem)
      }
    }
    return result
  }
}
