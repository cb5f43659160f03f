import Glibc

/// Tokens by id and ids by token.
///
/// Tokens are compared as bytes: vocabularies hold canonically equivalent spellings as different tokens, which Swift
/// strings would take for one.
struct Vocabulary: Sendable {
  /// Ids must be below this; the largest vocabularies in use have about a million.
  static let limit = 1 << 22

  private struct Span {
    var start: UInt32 = 0
    /// -1 where no token has the id.
    var count: Int32 = -1
  }

  private var bytes: [UInt8] = []
  private var spans: [Span] = []
  /// Open addressing: the upper half of the token's hash above its id + 1; 0 is a free slot.
  private var slots: [UInt64]
  private(set) var count = 0

  init(capacity: Int) {
    var size = 16
    while size < 2 * capacity { size *= 2 }
    slots = [UInt64](repeating: 0, count: size)
    spans.reserveCapacity(capacity)
    bytes.reserveCapacity(8 * capacity)
  }

  /// The largest id + 1.
  var end: Int { spans.count }

  /// The token of an id, or nil where it has none.
  func token(_ id: Int32) -> ArraySlice<UInt8>? {
    guard id >= 0, Int(id) < spans.count else { return nil }
    let span = spans[Int(id)]
    guard span.count >= 0 else { return nil }
    return bytes[Int(span.start)..<Int(span.start) + Int(span.count)]
  }

  /// The id of a token, or -1.
  @inline(__always)
  func id(_ token: UnsafeBufferPointer<UInt8>) -> Int32 {
    let code = hash(token)
    var slot = Int(truncatingIfNeeded: code) & (slots.count - 1)
    while true {
      let entry = slots[slot]
      if entry == 0 { return -1 }
      if entry >> 32 == code >> 32 {
        let id = Int32(truncatingIfNeeded: entry) - 1
        if holds(id, token) { return id }
      }
      slot = (slot + 1) & (slots.count - 1)
    }
  }

  func id(_ token: some Collection<UInt8>) -> Int32 {
    token.withContiguousStorageIfAvailable { id($0) }
      ?? Array(token).withUnsafeBufferPointer { id($0) }
  }

  /// Adds a token with an id that is within the limit.
  ///
  /// - Returns: false, and nothing changes, where the id or the token is taken.
  mutating func add(_ token: UnsafeBufferPointer<UInt8>, id: Int32) -> Bool {
    guard self.id(token) < 0, self.token(id) == nil else { return false }
    guard bytes.count + token.count < Int(UInt32.max) else { return false }
    while spans.count <= Int(id) { spans.append(Span()) }
    spans[Int(id)] = Span(start: UInt32(bytes.count), count: Int32(token.count))
    bytes.append(contentsOf: token)
    count += 1
    if 2 * count > slots.count { grow() } else { enter(id, hash(token)) }
    return true
  }

  private func holds(_ id: Int32, _ token: UnsafeBufferPointer<UInt8>) -> Bool {
    let span = spans[Int(id)]
    guard Int(span.count) == token.count else { return false }
    return bytes.withUnsafeBufferPointer { bytes in
      guard let left = bytes.baseAddress, let right = token.baseAddress else { return true }
      return memcmp(left + Int(span.start), right, token.count) == 0
    }
  }

  private mutating func enter(_ id: Int32, _ code: UInt64) {
    var slot = Int(truncatingIfNeeded: code) & (slots.count - 1)
    while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
    slots[slot] = (code >> 32) << 32 | UInt64(id + 1)
  }

  private mutating func grow() {
    slots = [UInt64](repeating: 0, count: 2 * slots.count)
    for id in 0..<Int32(spans.count) {
      guard let token = token(id) else { continue }
      enter(id, token.withUnsafeBufferPointer { hash($0) })
    }
  }

  /// Mixes every token and id into a hash.
  func mixIdentity(into state: inout UInt64) {
    for (id, span) in spans.enumerated() where span.count >= 0 {
      mix(&state, UInt64(id))
      let token = bytes[Int(span.start)..<Int(span.start) + Int(span.count)]
      mix(&state, token.withUnsafeBufferPointer { hash($0) })
    }
  }
}
