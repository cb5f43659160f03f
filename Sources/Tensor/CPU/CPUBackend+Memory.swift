import CPUKernels

extension CPUBackend {
  public func make(_ shape: [Int], _ dtype: DType) throws -> Tensor {
    var bytes = dtype.size
    for length in shape {
      let (product, overflow) = bytes.multipliedReportingOverflow(by: length)
      guard length >= 0, !overflow else {
        throw ShapeMismatch(
          operation: "make", expected: "a shape that memory can hold", found: "\(shape)")
      }
      bytes = product
    }
    guard bytes <= processor.memory, let storage = PooledStorage(byteCount: bytes, pool: blocks)
    else {
      throw OutOfMemory(operation: "make", requested: bytes, available: processor.memory)
    }
    return Tensor(storage, shape: shape, dtype: dtype)
  }

  public func trim() { blocks.trim() }

  public func place(_ host: Tensor) throws -> Tensor {
    _ = try host.bytes("place")
    return host
  }

  public func read(_ tensor: Tensor) throws -> [Float] {
    let source = try tensor.bytes("read")
    let width = tensor.columns
    return [Float](unsafeUninitializedCapacity: tensor.count) { buffer, count in
      if let target = buffer.baseAddress, width > 0 {
        let kernels = kernels
        parallelRows(tensor.rows, width: width) { rows, _ in
          for row in rows {
            Self.widen(
              source + row * tensor.rowStride * tensor.dtype.size, tensor.dtype,
              target + row * width, width, kernels)
          }
        }
      }
      count = tensor.count
    }
  }

  public func convert(_ source: Tensor, to dtype: DType) throws -> Tensor {
    let from = try source.bytes("convert")
    let result = try make(source.shape, dtype)
    let to = try result.bytes("convert")
    let width = source.columns
    let kernels = kernels
    let direct = source.dtype == dtype
    parallelRows(source.rows, width: width) { rows, workspace in
      for row in rows {
        let input = from + row * source.rowStride * source.dtype.size
        let output = to + row * width * dtype.size
        if direct {
          output.copyMemory(from: input, byteCount: width * dtype.size)
        } else if dtype == .f32 {
          Self.widen(
            input, source.dtype, output.assumingMemoryBound(to: Float.self), width, kernels)
        } else if source.dtype == .f32 {
          Self.narrow(input.assumingMemoryBound(to: Float.self), output, dtype, width, kernels)
        } else {
          let floats = workspace.floats(0, width)
          Self.widen(input, source.dtype, floats, width, kernels)
          Self.narrow(floats, output, dtype, width, kernels)
        }
      }
    }
    return result
  }

  public func copy(_ source: Tensor, into target: Tensor) throws {
    try require(
      source.shape == target.shape && source.dtype == target.dtype, "copy",
      expected: target.summary, found: source.summary)
    let from = try source.bytes("copy")
    let to = try target.bytes("copy")
    let size = source.dtype.size
    parallelRows(source.rows, width: source.columns) { rows, _ in
      for row in rows {
        (to + row * target.rowStride * size).copyMemory(
          from: from + row * source.rowStride * size, byteCount: source.columns * size)
      }
    }
  }

  public func fill(_ target: Tensor, with value: Float) throws {
    let to = try target.bytes("fill")
    let kernels = kernels
    let size = target.dtype.size
    var value = value
    var bits: (UInt64) = 0
    withUnsafeMutableBytes(of: &bits) { raw in
      if let base = raw.baseAddress { Self.narrow(&value, base, target.dtype, 1, kernels) }
    }
    let pattern = bits
    parallelRows(target.rows, width: target.columns) { rows, _ in
      for row in rows {
        let output = to + row * target.rowStride * size
        switch size {
        case 4:
          output.assumingMemoryBound(to: UInt32.self).update(
            repeating: UInt32(truncatingIfNeeded: pattern), count: target.columns)
        case 2:
          output.assumingMemoryBound(to: UInt16.self).update(
            repeating: UInt16(truncatingIfNeeded: pattern), count: target.columns)
        default:
          output.assumingMemoryBound(to: UInt8.self).update(
            repeating: UInt8(truncatingIfNeeded: pattern), count: target.columns)
        }
      }
    }
  }

  /// `count` elements of any type as f32.
  static func widen(
    _ source: UnsafeRawPointer, _ dtype: DType, _ target: UnsafeMutablePointer<Float>, _ count: Int,
    _ kernels: any Kernels.Type
  ) {
    switch dtype {
    case .f32: UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: 4 * count)
    case .bf16: kernels.widenBF16(source.assumingMemoryBound(to: UInt16.self), target, count)
    case .f16: kernels.widenF16(source.assumingMemoryBound(to: UInt16.self), target, count)
    case .i32:
      let integers = source.assumingMemoryBound(to: Int32.self)
      for i in 0..<count { target[i] = Float(integers[i]) }
    case .u8:
      let bytes = source.assumingMemoryBound(to: UInt8.self)
      for i in 0..<count { target[i] = Float(bytes[i]) }
    }
  }

  /// f32 as any type. Integers are rounded to nearest even and clamped to their range; NaN becomes 0.
  static func narrow(
    _ source: UnsafePointer<Float>, _ target: UnsafeMutableRawPointer, _ dtype: DType,
    _ count: Int, _ kernels: any Kernels.Type
  ) {
    switch dtype {
    case .f32: target.copyMemory(from: source, byteCount: 4 * count)
    case .bf16: kernels.narrowToBF16(source, 1, target.assumingMemoryBound(to: UInt16.self), count)
    case .f16: kernels.narrowToF16(source, target.assumingMemoryBound(to: UInt16.self), count)
    case .i32:
      let integers = target.assumingMemoryBound(to: Int32.self)
      for i in 0..<count {
        let value = source[i].rounded(.toNearestOrEven)
        integers[i] =
          value.isNaN ? 0 : value >= 0x1p31 ? .max : value < -0x1p31 ? .min : Int32(value)
      }
    case .u8:
      let bytes = target.assumingMemoryBound(to: UInt8.self)
      for i in 0..<count {
        let value = source[i].rounded(.toNearestOrEven)
        bytes[i] = value.isNaN ? 0 : UInt8(min(max(value, 0), 255))
      }
    }
  }
}
