import Runtime

/// A block of numbers with a shape: a handle onto shared storage, cheap to copy.
///
/// Rank 0 to 2 is all that the engine needs. A rank-2 tensor may be a view of some columns of a wider one, in which
/// case `rowStride` exceeds its width.
public struct Tensor: Sendable {
  public let storage: Storage
  public let shape: [Int]
  public let dtype: DType
  /// Elements from the start of the storage to the first element.
  public let offset: Int
  /// Elements from one row to the next (rank 2; otherwise the element count).
  public let rowStride: Int

  /// A tensor over the whole of `storage`, contiguous.
  public init(_ storage: Storage, shape: [Int], dtype: DType) {
    self.init(
      storage, shape: shape, dtype: dtype, offset: 0,
      rowStride: shape.count == 2 ? shape[1] : shape.reduce(1, *))
  }

  /// A view. The caller guarantees that it lies inside the storage.
  public init(_ storage: Storage, shape: [Int], dtype: DType, offset: Int, rowStride: Int) {
    assert(
      shape.isEmpty || shape.contains(0)
        || (offset + (shape.count == 2 ? (shape[0] - 1) * rowStride + shape[1] : shape[0]))
          * dtype.size <= storage.byteCount
    )
    self.storage = storage
    self.shape = shape
    self.dtype = dtype
    self.offset = offset
    self.rowStride = rowStride
  }

  /// Elements in all.
  public var count: Int { shape.reduce(1, *) }
  /// Rows of a rank-2 tensor; 1 otherwise.
  public var rows: Int { shape.count == 2 ? shape[0] : 1 }
  /// Width of a rank-2 tensor; the element count otherwise.
  public var columns: Int { shape.count == 2 ? shape[1] : count }
  /// Bytes of the elements themselves.
  public var byteCount: Int { count * dtype.size }
  public var isContiguous: Bool { rows <= 1 || rowStride == columns }

  /// The columns `range` of a rank-2 tensor, as a view: `[rows, range.count]`.
  public func columns(_ range: Range<Int>) -> Tensor {
    Tensor(
      storage, shape: [rows, range.count], dtype: dtype, offset: offset + range.lowerBound,
      rowStride: rowStride)
  }

  /// The rows `range` of a rank-2 tensor, as a view: `[range.count, columns]`.
  public func rows(_ range: Range<Int>) -> Tensor {
    Tensor(
      storage, shape: [range.count, columns], dtype: dtype,
      offset: offset + range.lowerBound * rowStride, rowStride: rowStride)
  }

  /// The same elements under another shape of the same count. The tensor must be contiguous.
  public func reshaped(_ shape: [Int]) -> Tensor {
    assert(isContiguous && shape.reduce(1, *) == count)
    return Tensor(
      storage, shape: shape, dtype: dtype, offset: offset,
      rowStride: shape.count == 2 ? shape[1] : count)
  }

  /// The first element in host memory, or nil for device memory.
  public var host: UnsafeMutableRawPointer? {
    storage.host.map { $0 + offset * dtype.size }
  }

  /// What identifies the tensor on a tape: one storage, one gradient.
  public var id: ObjectIdentifier { ObjectIdentifier(storage) }
}

/// Shapes or data types that do not fit an operation.
public struct ShapeMismatch: Failure, Equatable {
  /// The operation, for example `linear`.
  public var operation: String
  /// What it needs, in words: `x [n, 256]`.
  public var expected: String
  public var found: String

  public init(operation: String, expected: String, found: String) {
    self.operation = operation
    self.expected = expected
    self.found = found
  }

  public var message: String { "\(operation): expected \(expected), found \(found)" }
}

/// Memory that the device does not have.
public struct OutOfMemory: Failure, Equatable {
  public var operation: String
  public var requested: Int
  public var available: Int?

  public init(operation: String, requested: Int, available: Int? = nil) {
    self.operation = operation
    self.requested = requested
    self.available = available
  }

  public var message: String {
    "\(operation): out of memory: \(requested) bytes requested"
      + (available.map { ", \($0) available" } ?? "")
  }
  public var help: String? { "use a smaller batch=, length= or samples=" }
}
