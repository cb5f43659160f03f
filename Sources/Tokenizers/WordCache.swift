import Glibc

/// Words met before and their ids. Bounded: when it is full it starts afresh.
struct WordCache: Sendable {
  private static let maximumSlots = 1 << 16
  /// Longer words are rare and would crowd out many short ones.
  static let longestWord = 96

  private struct Slot {
    var code: UInt64 = 0
    var wordStart: UInt32 = 0
    var idStart: UInt32 = 0
    var wordCount: UInt16 = 0
    var idCount: UInt16 = 0
  }

  private var slots = [Slot](repeating: Slot(), count: 1 << 10)
  private var words: [UInt8] = []
  private var ids: [Int32] = []
  private var count = 0

  /// Appends the ids of a word that is known.
  @inline(__always)
  func find(_ word: UnsafeBufferPointer<UInt8>, _ code: UInt64, into output: inout [Int32]) -> Bool
  {
    var place = Int(truncatingIfNeeded: code) & (slots.count - 1)
    while true {
      let slot = slots[place]
      if slot.wordCount == 0 { return false }
      if slot.code == code, Int(slot.wordCount) == word.count,
        holds(slot, word)
      {
        for place in Int(slot.idStart)..<Int(slot.idStart) + Int(slot.idCount) {
          output.append(ids[place])
        }
        return true
      }
      place = (place + 1) & (slots.count - 1)
    }
  }

  /// Remembers a word that is not known: not empty and no longer than `longestWord`, so that it has few ids.
  mutating func enter(
    _ word: UnsafeBufferPointer<UInt8>, _ code: UInt64, _ tokens: ArraySlice<Int32>
  ) {
    if 2 * count >= slots.count {
      if slots.count < WordCache.maximumSlots {
        let old = slots
        slots = [Slot](repeating: Slot(), count: 2 * old.count)
        for slot in old where slot.wordCount > 0 { place(slot) }
      } else {
        slots = [Slot](repeating: Slot(), count: slots.count)
        words.removeAll(keepingCapacity: true)
        ids.removeAll(keepingCapacity: true)
        count = 0
      }
    }
    place(
      Slot(
        code: code, wordStart: UInt32(words.count), idStart: UInt32(ids.count),
        wordCount: UInt16(word.count), idCount: UInt16(tokens.count)))
    words.append(contentsOf: word)
    ids.append(contentsOf: tokens)
    count += 1
  }

  @inline(__always)
  private func holds(_ slot: Slot, _ word: UnsafeBufferPointer<UInt8>) -> Bool {
    words.withUnsafeBufferPointer { words in
      guard let left = words.baseAddress, let right = word.baseAddress else { return false }
      return memcmp(left + Int(slot.wordStart), right, word.count) == 0
    }
  }

  private mutating func place(_ slot: Slot) {
    var place = Int(truncatingIfNeeded: slot.code) & (slots.count - 1)
    while slots[place].wordCount > 0 { place = (place + 1) & (slots.count - 1) }
    slots[place] = slot
  }
}
