import CCUDA
import Tensor

extension KernelSource {
  static let convert = KernelSource("convert", PackageResources.convert_cu)
}

extension CUDABackend {
  public func make(_ shape: [Int], _ dtype: DType) throws -> Tensor {
    var bytes = dtype.size
    for length in shape {
      let (product, overflow) = bytes.multipliedReportingOverflow(by: length)
      try require(
        length >= 0 && !overflow, "make", expected: "a shape that memory can hold",
        found: "\(shape)")
      bytes = product
    }
    func storage() throws -> DeviceStorage {
      try DeviceStorage(byteCount: bytes, memory: memory, "make")
    }
    do { return Tensor(try storage(), shape: shape, dtype: dtype) } catch is OutOfMemory {
      copies.forgetAll()
      return Tensor(try storage(), shape: shape, dtype: dtype)
    }
  }

  public func place(_ host: Tensor) throws -> Tensor {
    if (host.storage as? DeviceStorage)?.memory === memory { return host }
    guard let source = host.host else {
      throw ShapeMismatch(
        operation: "place", expected: "a tensor in host memory", found: host.summary)
    }
    let result = try make(host.shape, host.dtype)
    try driver.enter("place")
    let width = host.columns * host.dtype.size
    guard width > 0 else { return result }
    if host.isContiguous {
      try upload(source, host.byteCount, to: result.address, "place")
    } else {
      for row in 0..<host.rows {
        try upload(
          source + row * host.rowStride * host.dtype.size, width,
          to: result.address + UInt64(row * width), "place")
      }
    }
    return result
  }

  /// Copies from host memory, which may be reused when this returns.
  func upload(
    _ source: UnsafeRawPointer, _ bytes: Int, to target: UInt64, _ operation: String
  ) throws {
    guard bytes > 0 else { return }
    try driver.check(
      driver.table.copy_to_device(target, source, bytes, driver.stream), "cuMemcpyHtoDAsync",
      operation)
  }

  /// Numbers of the host as a tensor `[count]`.
  func upload<Number: BitwiseCopyable>(_ numbers: [Number], _ dtype: DType, _ operation: String)
    throws -> Tensor
  {
    let result = try make([numbers.count], dtype)
    try driver.enter(operation)
    try numbers.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      try upload(base, bytes.count, to: result.address, operation)
    }
    return result
  }

  /// The bytes of a contiguous tensor, once everything asked for before is done.
  func download<Number: BitwiseCopyable>(
    _ tensor: Tensor, as: Number.Type, _ operation: String
  ) throws -> [Number] {
    let count = tensor.byteCount / MemoryLayout<Number>.size
    try driver.enter(operation)
    return try [Number](unsafeUninitializedCapacity: count) { buffer, filled in
      if let target = buffer.baseAddress, count > 0 {
        try driver.check(
          driver.table.copy_to_host(target, tensor.address, tensor.byteCount, driver.stream),
          "cuMemcpyDtoHAsync", operation)
      }
      try driver.wait(operation)
      filled = count
    }
  }

  public func read(_ tensor: Tensor) throws -> [Float] {
    try check(tensor, "read", "the tensor")
    let floats =
      tensor.dtype == .f32 && tensor.isContiguous ? tensor : try convert(tensor, to: .f32)
    return try download(floats, as: Float.self, "read")
  }

  public func convert(_ source: Tensor, to dtype: DType) throws -> Tensor {
    try check(source, "convert", "the source")
    let result = try make(source.shape, dtype)
    if source.dtype == dtype {
      try copy(source, into: result)
      return result
    }
    try convert(source, into: result, "convert")
    return result
  }

  /// Converts into an equally shaped view.
  func convert(_ source: Tensor, into target: Tensor, _ operation: String) throws {
    try launch(
      .convert, "convert", grid: Extent((source.columns + 1023) / 1024, min(source.rows, 65535)),
      block: 256, source, source.stride, source.dtype.code, target, target.stride,
      target.dtype.code, source.rows, source.columns)
  }

  public func copy(_ source: Tensor, into target: Tensor) throws {
    try require(
      source.shape == target.shape && source.dtype == target.dtype, "copy",
      expected: target.summary, found: source.summary)
    try check(source, "copy", "the source")
    try check(target, "copy", "the target")
    copies.forget(target)
    guard source.count > 0 else { return }
    if source.isContiguous, target.isContiguous {
      try driver.enter("copy")
      try driver.check(
        driver.table.copy_on_device(
          target.address, source.address, source.byteCount, driver.stream), "cuMemcpyDtoDAsync",
        "copy")
      return
    }
    try convert(source, into: target, "copy")
  }

  public func fill(_ target: Tensor, with value: Float) throws {
    try check(target, "fill", "the target")
    copies.forget(target)
    if value == 0, target.isContiguous, target.byteCount > 0 {
      try driver.enter("fill")
      try driver.check(
        driver.table.set_bytes(target.address, 0, target.byteCount, driver.stream),
        "cuMemsetD8Async", "fill")
      return
    }
    try launch(
      .convert, "fill", grid: Extent((target.columns + 1023) / 1024, min(target.rows, 65535)),
      block: 256, target, target.stride, target.dtype.code, target.rows, target.columns, value)
  }
}

extension DType {
  /// How kernels are told a type: `enum Type` of common.cuh.
  var code: Int32 {
    switch self {
    case .f32: 0
    case .f16: 1
    case .bf16: 2
    case .i32: 3
    case .u8: 4
    }
  }
}
