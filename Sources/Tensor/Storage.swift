/// A block of memory that tensors share. Backends subclass it for their device; memory is released with the last
/// reference.
///
/// A storage is written by the operation that made it and read-only afterwards (the optimizer and `accumulate`
/// are the exceptions, and own what they write), which is what makes sharing it between threads safe.
open class Storage: @unchecked Sendable {
  public let byteCount: Int

  public init(byteCount: Int) { self.byteCount = byteCount }

  /// The first byte, where the host can read the memory; nil for device memory.
  open var host: UnsafeMutableRawPointer? { nil }
}

/// Host memory owned by somebody else (a mapped file, an array), kept alive as long as the storage.
public final class BorrowedStorage: Storage, @unchecked Sendable {
  private let address: UnsafeMutableRawPointer
  private let owner: AnyObject

  /// - Parameters:
  ///   - bytes: Memory that stays valid and unchanged as long as `owner` lives.
  public init(_ bytes: UnsafeRawBufferPointer, owner: AnyObject) {
    // An empty buffer may have no address; nothing is ever read through it.
    self.address = UnsafeMutableRawPointer(
      mutating: bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 64).unsafelyUnwrapped)
    self.owner = owner
    super.init(byteCount: bytes.count)
  }

  public override var host: UnsafeMutableRawPointer? { address }
}

/// Host memory that the storage owns.
public final class HostStorage: Storage, @unchecked Sendable {
  private let address: UnsafeMutableRawPointer

  /// Uninitialised memory, aligned to 64 bytes.
  public override init(byteCount: Int) {
    address = .allocate(byteCount: max(byteCount, 64), alignment: 64)
    super.init(byteCount: byteCount)
  }

  deinit { address.deallocate() }

  public override var host: UnsafeMutableRawPointer? { address }
}
