import Synchronization
import Tensor

/// The rotary tables of a model, built when a sequence first needs them and only as long as it needs: a model that could
/// read 131072 tokens does not pay for them at start.
public final class RotaryTables: Sendable {
  private let rope: Rope
  private let backend: any Backend
  private let built = Mutex<(short: RotaryTable?, long: RotaryTable?)>((nil, nil))

  public init(_ rope: Rope, backend: any Backend) {
    self.rope = rope
    self.backend = backend
  }

  /// Tables that serve sequences of up to `length` tokens.
  public func tables(length: Int) throws -> Rotary {
    try built.withLock { built in
      let threshold = rope.threshold
      let short = try grown(built.short, to: min(length, threshold), long: false)
      built.short = short
      guard threshold != .max, length > threshold else {
        return Rotary(short: short, threshold: threshold)
      }
      let long = try grown(built.long, to: length, long: true)
      built.long = long
      return Rotary(short: short, long: long, threshold: threshold)
    }
  }

  /// `table` where it is long enough, or a new one of at least `length` positions.
  private func grown(_ table: RotaryTable?, to length: Int, long: Bool) throws -> RotaryTable {
    if let table, table.positions >= length { return table }
    var positions = 256
    while positions < length { positions *= 2 }
    let host = rope.table(positions: positions, long: long)
    return RotaryTable(
      cosine: try backend.place(host.cosine), sine: try backend.place(host.sine))
  }
}
