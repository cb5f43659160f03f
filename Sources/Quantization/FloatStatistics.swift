import Models
import Tensor

/// What calibration measures of a float model, stage by stage: it depends on the model and the text alone, so that every
/// method, at any number of bits, may take it over from the one that measured it.
///
/// Only with `sequential=no`. Otherwise each layer is measured on what the quantized ones before it produce, which belongs to
/// one method and its settings.
public final class FloatStatistics {
  /// Bytes above which nothing is kept: all Hessians are held until the last is measured.
  public static let limit = 1 << 30

  /// The tensor of that name.
  private let stored: ((String) throws -> Tensor)?
  /// What was measured so far; nil where it is known already, or became too large.
  public private(set) var made: [(name: String, tensor: Tensor)]?
  /// Seconds that the calibration pass took.
  public private(set) var seconds = 0.0

  public var byteCount: Int { (made ?? []).reduce(0) { $0 + $1.tensor.byteCount } }
  /// Whether no calibration pass is needed.
  var isKnown: Bool { stored != nil }

  /// Statistics to be measured, and kept.
  public init() {
    stored = nil
    made = []
  }

  /// Statistics that were measured before.
  public init(stored: @escaping (String) throws -> Tensor) { self.stored = stored }

  /// Whether every stage of `model` was measured.
  public func isComplete(for model: Model) -> Bool {
    made?.count == model.blocks.count * Stage.allCases.count * 2
  }

  private func names(_ block: Block, _ stage: Stage) -> (hessian: String, magnitudes: String) {
    let stem = "\(block.index).\(stage.rawValue)"
    return ("\(stem).hessian", "\(stem).magnitudes")
  }

  /// What was measured before, in memory of its own, in which a factor may take the Hessian's place.
  func known(_ block: Block, _ stage: Stage, tokens: Int, on backend: any Backend) throws
    -> StageStatistics?
  {
    guard let stored else { return nil }
    let names = names(block, stage)
    let hessian = try backend.place(stored(names.hessian))
    let space = try backend.hessianSpace(hessian.rows)
    try backend.copy(hessian, into: space.hessian)
    return StageStatistics(
      hessian: space.hessian, room: space.factor,
      magnitudes: try backend.place(stored(names.magnitudes)), tokens: tokens)
  }

  /// Copies what was measured, before a factor takes the Hessian's place.
  func keep(
    _ statistics: StageStatistics, _ block: Block, _ stage: Stage, on backend: any Backend
  ) throws {
    guard made != nil, let magnitudes = statistics.magnitudes else { return }
    let hessian = statistics.hessian
    guard byteCount + hessian.count * 4 <= Self.limit else {
      made = nil
      return
    }
    let copy = try backend.make(hessian.shape, .f32)
    try backend.copy(hessian, into: copy)
    let names = names(block, stage)
    made?.append((names.hessian, copy))
    made?.append((names.magnitudes, magnitudes))
  }

  /// Adds the time since `start` to what the pass took.
  func took(since start: ContinuousClock.Instant) {
    seconds += start.duration(to: .now) / .seconds(1)
  }
}
