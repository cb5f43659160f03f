/// The merge table of a BPE model: for a pair of ids its rank and the id that it becomes.
struct Merges: Sendable {
  /// What a pair that does not merge gives; it ranks behind every merge.
  static let none = UInt64.max

  private struct Slot {
    var pair = UInt64.max
    var merge = Merges.none
  }

  private var slots: [Slot]
  private(set) var count = 0

  /// - Parameter capacity: how many pairs will be entered at most.
  init(capacity: Int) {
    var size = 16
    while size < 2 * capacity { size *= 2 }
    slots = [Slot](repeating: Slot(), count: size)
  }

  /// The merge of a pair as rank × 2³² + id, so that comparing merges compares ranks; `none` where there is none.
  @inline(__always)
  func merge(_ left: Int32, _ right: Int32) -> UInt64 {
    let pair = Merges.pair(left, right)
    var slot = start(pair)
    while true {
      let entry = slots[slot]
      if entry.pair == pair { return entry.merge }
      if entry.pair == UInt64.max { return Merges.none }
      slot = (slot + 1) & (slots.count - 1)
    }
  }

  /// Enters a merge; of a pair that is named twice the later merge counts.
  mutating func add(_ left: Int32, _ right: Int32, rank: UInt32, id: Int32) {
    let pair = Merges.pair(left, right)
    var slot = start(pair)
    while slots[slot].pair != pair, slots[slot].pair != UInt64.max {
      slot = (slot + 1) & (slots.count - 1)
    }
    if slots[slot].pair != pair { count += 1 }
    slots[slot] = Slot(pair: pair, merge: UInt64(rank) << 32 | UInt64(UInt32(bitPattern: id)))
  }

  /// Mixes every merge into a hash.
  func mixIdentity(into state: inout UInt64) {
    // The order of the slots depends on the capacity as well, so the sum of the merges' hashes is taken.
    var sum: UInt64 = 0
    for slot in slots where slot.pair != UInt64.max {
      var code: UInt64 = 0
      mix(&code, slot.pair)
      mix(&code, slot.merge)
      sum &+= code
    }
    mix(&state, sum)
  }

  @inline(__always)
  private static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  @inline(__always)
  private func start(_ pair: UInt64) -> Int {
    var code: UInt64 = 0x9E37_79B9_7F4A_7C15
    mix(&code, pair)
    return Int(truncatingIfNeeded: code) & (slots.count - 1)
  }
}
