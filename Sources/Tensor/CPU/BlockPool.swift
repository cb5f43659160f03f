import Glibc

/// Keeps freed blocks for reuse, so that the steps of a training run do not fault in their memory again and again.
final class BlockPool: @unchecked Sendable {
  /// Bytes kept at most; what is freed beyond goes back to the system.
  private let limit: Int
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private var free: [Int: [UnsafeMutableRawPointer]] = [:]
  private var kept = 0

  init(limit: Int) {
    self.limit = limit
    pthread_mutex_init(mutex, nil)
  }

  deinit {
    for (size, blocks) in free { for block in blocks { Self.release(block, size) } }
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  /// The size class of a request: four steps to a doubling, so that at most a fifth is wasted.
  static func sizeClass(_ bytes: Int) -> Int {
    if bytes <= 4096 { return max(64, (bytes + 63) & ~63) }
    let step = 1 << (Int.bitWidth - (bytes - 1).leadingZeroBitCount - 3)
    return (bytes + step - 1) & ~(step - 1)
  }

  /// A block of the size class of `bytes`, or nil where the system has none.
  func take(_ size: Int) -> UnsafeMutableRawPointer? {
    pthread_mutex_lock(mutex)
    if let block = free[size]?.popLast() {
      kept -= size
      pthread_mutex_unlock(mutex)
      return block
    }
    pthread_mutex_unlock(mutex)
    return Self.reserve(size)
  }

  func give(_ block: UnsafeMutableRawPointer, _ size: Int) {
    pthread_mutex_lock(mutex)
    if kept + size <= limit {
      free[size, default: []].append(block)
      kept += size
      pthread_mutex_unlock(mutex)
      return
    }
    pthread_mutex_unlock(mutex)
    Self.release(block, size)
  }

  /// Gives all that is kept back to the system.
  func trim() {
    pthread_mutex_lock(mutex)
    let all = free
    free = [:]
    kept = 0
    pthread_mutex_unlock(mutex)
    for (size, blocks) in all { for block in blocks { Self.release(block, size) } }
  }

  /// Bytes from which on a block is large.
  private static let large = 1 << 21

  /// Large blocks lie on 2 MiB boundaries and ask for large pages. They are taken from the system itself, which has them
  /// back when they are released; an allocator would keep them between smaller ones.
  private static func reserve(_ size: Int) -> UnsafeMutableRawPointer? {
    guard size >= large else {
      var block: UnsafeMutableRawPointer?
      return posix_memalign(&block, 64, size) == 0 ? block : nil
    }
    let (page, room) = (Int(sysconf(Int32(_SC_PAGESIZE))), size + large)
    guard
      let start = mmap(
        nil, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
      start != MAP_FAILED
    else { return nil }
    let before = (large - Int(bitPattern: start) % large) % large
    let block = start + before
    let used = (size + page - 1) / page * page
    if before > 0 { munmap(start, before) }
    if room - before > used { munmap(block + used, room - before - used) }
    madvise(block, size, MADV_HUGEPAGE)
    return block
  }

  private static func release(_ block: UnsafeMutableRawPointer, _ size: Int) {
    if size >= large {
      munmap(block, size)
    } else {
      Glibc.free(block)
    }
  }
}

/// Host memory from a pool, given back with the last reference.
final class PooledStorage: Storage, @unchecked Sendable {
  private let address: UnsafeMutableRawPointer
  private let size: Int
  private let pool: BlockPool

  init?(byteCount: Int, pool: BlockPool) {
    let size = BlockPool.sizeClass(byteCount)
    guard let block = pool.take(size) else { return nil }
    self.address = block
    self.size = size
    self.pool = pool
    super.init(byteCount: byteCount)
  }

  deinit { pool.give(address, size) }

  override var host: UnsafeMutableRawPointer? { address }
}
