import CCUDA
import Synchronization
import Tensor

/// The card's memory as tensors take it: large segments from the driver, spans of them handed out and taken back.
///
/// Since everything happens in order on one stream, a span can be handed out again the moment it is given back: what
/// reads it was asked for earlier than what will write it. Segments return to the driver only when it has nothing left.
final class DeviceMemory: Sendable {
  /// Bytes.
  private enum Size {
    /// What every span is a multiple of: enough for the widest accesses, and for the copy engine.
    static let grain = 512
    /// Spans up to this size share segments of their own, so that they do not break up large ones.
    static let small = 1 << 20
    static let smallSegment = 4 << 20
    static let largeSegment = 32 << 20
    static let page = 2 << 20
  }

  /// A part of a segment; it knows its neighbours by their addresses, 0 for none.
  fileprivate struct Span {
    var size: Int
    var isSmall: Bool
    var isFree: Bool
    var previous: UInt64
    var next: UInt64
  }

  fileprivate struct FreeSpan: Comparable {
    var size: Int
    var address: UInt64
    static func < (a: Self, b: Self) -> Bool { (a.size, a.address) < (b.size, b.address) }
  }

  fileprivate struct State {
    var spans: [UInt64: Span] = [:]
    /// In order, the small ones apart.
    var freeSmall: [FreeSpan] = []
    var freeLarge: [FreeSpan] = []
    /// Bytes of the segment that begins at an address.
    var segments: [UInt64: Int] = [:]
    var use = MemoryUse()
    var poisons = false
    /// Where spans are taken from while a recording is made, and the arenas that spans belong to.
    var arena: MemoryArena?
    var owners: [UInt64: MemoryArena] = [:]
  }

  let driver: Driver
  /// Bytes that may be held in all.
  let limit: Int
  private let state = Mutex(State())

  init(_ driver: Driver, limit: Int? = nil) {
    self.driver = driver
    self.limit = min(limit ?? .max, driver.memory)
  }

  deinit {
    guard (try? driver.enter("free")) != nil else { return }
    for address in state.withLock({ Array($0.segments.keys) }) {
      _ = driver.table.memory_free(address)
    }
  }

  var use: MemoryUse { state.withLock { $0.use } }
  func resetPeak() { state.withLock { $0.use.peak = $0.use.taken } }
  /// Whether what is handed out is filled with NaN first, so that what an operation leaves unwritten shows.
  var poisons: Bool {
    get { state.withLock { $0.poisons } }
    set { state.withLock { $0.poisons = newValue } }
  }

  /// The address of at least `bytes` bytes.
  ///
  /// - Throws: `OutOfMemory` where neither the card nor the limit has so much left; nothing is lost by it.
  func take(_ bytes: Int, _ operation: String) throws -> UInt64 {
    guard bytes < 1 << 48 else { throw OutOfMemory(operation: operation, requested: bytes) }
    let size = max(Size.grain, (bytes + Size.grain - 1) / Size.grain * Size.grain)
    try driver.enter(operation)
    let (address, poisons) = try state.withLock { state in
      if let address = state.arena?.free[size]?.popLast() { return (address, state.poisons) }
      let isSmall = size <= Size.small
      if state.best(size, isSmall) == nil { try grow(size, isSmall, &state, operation) }
      guard let found = state.best(size, isSmall) else {
        throw OutOfMemory(operation: operation, requested: bytes)
      }
      state.cut(found, to: size, leaving: isSmall ? Size.grain : Size.small)
      state.use.taken += state.spans[found]?.size ?? 0
      state.use.peak = max(state.use.peak, state.use.taken)
      if let arena = state.arena {
        arena.sizes[found] = size
        state.owners[found] = arena
      }
      return (found, state.poisons)
    }
    if poisons {
      try driver.check(
        driver.table.set_bytes(address, 0xFF, size, driver.stream), "cuMemsetD8Async", operation)
    }
    return address
  }

  /// Takes a span back, joining it with free neighbours.
  func give(_ address: UInt64) {
    state.withLock { state in
      if let arena = state.owners[address], arena.isKept {
        arena.free[arena.sizes[address] ?? 0, default: []].append(address)
        return
      }
      state.owners[address] = nil
      state.use.taken -= state.spans[address]?.size ?? 0
      state.release(address)
    }
  }

  /// From here on, what is taken belongs to the arena, and what of it is given back stays there.
  func openArena() -> MemoryArena {
    let arena = MemoryArena()
    state.withLock { $0.arena = arena }
    return arena
  }

  /// Ends the recording; unless its spans are kept for replays, they are free again.
  func close(_ arena: MemoryArena, keeping: Bool) {
    state.withLock { state in
      if state.arena === arena { state.arena = nil }
      guard !keeping else { return }
      arena.isKept = false
      for address in arena.free.values.joined() {
        state.owners[address] = nil
        state.use.taken -= state.spans[address]?.size ?? 0
        state.release(address)
      }
      arena.free = [:]
    }
  }

  /// Gets a segment from the driver, returning free ones to it where it has no more.
  private func grow(
    _ size: Int, _ isSmall: Bool, _ state: inout State, _ operation: String
  ) throws {
    var wanted = isSmall ? Size.smallSegment : max(size, Size.largeSegment)
    wanted = (wanted + Size.page - 1) / Size.page * Size.page
    var address: UInt64 = 0
    var status: Int32 = 2
    // As it is, then after everything free was returned, then just what is needed.
    for attempt in 0..<3 {
      if attempt == 1 {
        try driver.wait(operation)
        trim(&state)
      }
      if attempt == 2 { wanted = (size + Size.page - 1) / Size.page * Size.page }
      guard state.use.held + wanted <= limit else { continue }
      status = driver.table.memory_allocate(&address, wanted)
      if status != 2 { break }
    }
    // 2: out of memory.
    if status == 2 {
      let free = try driver.freeMemory(operation)
      throw OutOfMemory(
        operation: operation, requested: size, available: min(free, limit - state.use.held))
    }
    try driver.check(status, "cuMemAlloc", operation)
    state.segments[address] = wanted
    state.use.held += wanted
    state.use.heldPeak = max(state.use.heldPeak, state.use.held)
    state.spans[address] = Span(
      size: wanted, isSmall: isSmall, isFree: false, previous: 0, next: 0)
    state.release(address)
  }

  /// Returns wholly free segments to the driver. The stream must have come to rest.
  private func trim(_ state: inout State) {
    for (address, size) in state.segments {
      guard let span = state.spans[address], span.isFree, span.size == size else { continue }
      state.forget(FreeSpan(size: size, address: address), span.isSmall)
      state.spans[address] = nil
      state.segments[address] = nil
      state.use.held -= size
      _ = driver.table.memory_free(address)
    }
  }

  /// Returns everything that is free to the driver.
  func trim(_ operation: String) throws {
    try driver.wait(operation)
    state.withLock { trim(&$0) }
  }
}

extension DeviceMemory.State {
  /// The smallest free span of at least `size` bytes.
  fileprivate func best(_ size: Int, _ isSmall: Bool) -> UInt64? {
    let list = isSmall ? freeSmall : freeLarge
    let place = Self.place(DeviceMemory.FreeSpan(size: size, address: 0), in: list)
    return place < list.count ? list[place].address : nil
  }

  /// Takes a span out of the free ones; what it has beyond `size` becomes a span of its own, if it is `rest` or more.
  fileprivate mutating func cut(_ address: UInt64, to size: Int, leaving rest: Int) {
    guard var span = spans[address] else { return }
    forget(DeviceMemory.FreeSpan(size: span.size, address: address), span.isSmall)
    span.isFree = false
    if span.size - size >= rest {
      let other = address + UInt64(size)
      spans[other] = DeviceMemory.Span(
        size: span.size - size, isSmall: span.isSmall, isFree: true, previous: address,
        next: span.next)
      spans[span.next]?.previous = other
      remember(DeviceMemory.FreeSpan(size: span.size - size, address: other), span.isSmall)
      span.size = size
      span.next = other
    }
    spans[address] = span
  }

  fileprivate mutating func release(_ released: UInt64) {
    var address = released
    guard var span = spans[address] else { return }
    if let next = spans[span.next], next.isFree {
      forget(DeviceMemory.FreeSpan(size: next.size, address: span.next), next.isSmall)
      spans[span.next] = nil
      span.size += next.size
      span.next = next.next
    }
    if let previous = spans[span.previous], previous.isFree {
      forget(DeviceMemory.FreeSpan(size: previous.size, address: span.previous), previous.isSmall)
      spans[address] = nil
      address = span.previous
      span.size += previous.size
      span.previous = previous.previous
    }
    spans[span.next]?.previous = address
    span.isFree = true
    spans[address] = span
    remember(DeviceMemory.FreeSpan(size: span.size, address: address), span.isSmall)
  }

  private static func place(_ span: DeviceMemory.FreeSpan, in list: [DeviceMemory.FreeSpan]) -> Int
  {
    var (low, high) = (0, list.count)
    while low < high {
      let middle = (low + high) / 2
      if list[middle] < span { low = middle + 1 } else { high = middle }
    }
    return low
  }

  fileprivate mutating func remember(_ span: DeviceMemory.FreeSpan, _ isSmall: Bool) {
    if isSmall {
      freeSmall.insert(span, at: Self.place(span, in: freeSmall))
    } else {
      freeLarge.insert(span, at: Self.place(span, in: freeLarge))
    }
  }

  fileprivate mutating func forget(_ span: DeviceMemory.FreeSpan, _ isSmall: Bool) {
    let place = Self.place(span, in: isSmall ? freeSmall : freeLarge)
    if isSmall {
      if place < freeSmall.count, freeSmall[place] == span { freeSmall.remove(at: place) }
    } else {
      if place < freeLarge.count, freeLarge[place] == span { freeLarge.remove(at: place) }
    }
  }
}

/// The memory that a recorded graph works in: its launches hold addresses, so nobody else may have them while it lives.
/// Guarded by the lock of the memory that it is part of.
final class MemoryArena: @unchecked Sendable {
  fileprivate var isKept = true
  /// Bytes asked for, of every span.
  fileprivate var sizes: [UInt64: Int] = [:]
  /// Free spans by size.
  fileprivate var free: [Int: [UInt64]] = [:]
}

/// Memory of the card that a tensor has.
final class DeviceStorage: Storage, @unchecked Sendable {
  let address: UInt64
  let memory: DeviceMemory
  /// How often the device had been waited for when the memory was taken.
  private let birth: Int

  init(byteCount: Int, memory: DeviceMemory, _ operation: String) throws {
    address = try memory.take(byteCount, operation)
    self.memory = memory
    birth = memory.driver.waits.load(ordering: .relaxed)
    super.init(byteCount: byteCount)
  }

  /// Whether what the operation that made it wrote is there already, whatever else is still under way.
  var isSettled: Bool { birth < memory.driver.waits.load(ordering: .relaxed) }

  deinit { memory.give(address) }
}
