/// A device's memory as a rehearsal keeps count of it: who would hold how much, without holding any.
///
/// A processor's backend keeps freed blocks for reuse, by size; so does this, and what is held then is what the process
/// would have. A GPU's spans are cut and joined at will, and count as they are taken.
final class RehearsalMemory {
  private let keepsBlocks: Bool
  private let limit: Int
  private var free: [Int: Int] = [:]
  private var kept = 0
  /// Bytes held now, and at most since `begin`.
  private(set) var held = 0
  private(set) var peak = 0

  init(of device: Device) {
    keepsBlocks = device.kind == .cpu
    limit = device.memory / 4
  }

  /// Lets the peak begin anew, at `least` where that is more than what is held.
  func begin(at least: Int = 0) { peak = max(held, least) }

  func take(_ bytes: Int, isPooled: Bool) {
    guard keepsBlocks, isPooled else { return add(bytes) }
    let size = BlockPool.sizeClass(bytes)
    if let count = free[size], count > 0 {
      free[size] = count - 1
      kept -= size
    } else {
      add(size)
    }
  }

  func give(_ bytes: Int, isPooled: Bool) {
    guard keepsBlocks, isPooled else {
      held -= bytes
      return
    }
    let size = BlockPool.sizeClass(bytes)
    if kept + size <= limit {
      free[size, default: 0] += 1
      kept += size
    } else {
      held -= size
    }
  }

  func trim() {
    held -= kept
    (free, kept) = ([:], 0)
  }

  private func add(_ bytes: Int) {
    held += bytes
    peak = max(peak, held)
  }
}

/// Storage that is only counted.
final class RehearsedStorage: Storage, @unchecked Sendable {
  private let memory: RehearsalMemory
  private let isPooled: Bool
  /// What it stands for, where there is such a thing and it is read only: a mapped file, a small table.
  let original: Storage?

  init(byteCount: Int, memory: RehearsalMemory, isPooled: Bool = true, original: Storage? = nil) {
    self.memory = memory
    self.isPooled = isPooled
    self.original = original
    super.init(byteCount: byteCount)
    memory.take(byteCount, isPooled: isPooled)
  }

  deinit { memory.give(byteCount, isPooled: isPooled) }
}
