import CPUKernels

extension Tensor {
  /// The elements as f32 in host memory.
  ///
  /// - Throws: `ShapeMismatch` for another type or device.
  func floats(_ operation: String) throws -> UnsafeMutablePointer<Float> {
    guard dtype == .f32, let host else {
      throw ShapeMismatch(
        operation: operation, expected: "f32 in host memory", found: "\(summary)")
    }
    return host.assumingMemoryBound(to: Float.self)
  }

  /// Where a kernel writes the elements, f32 or bf16 in host memory.
  func output(_ operation: String) throws -> KernelOutput {
    if dtype == .bf16 {
      return .halves(try bytes(operation).assumingMemoryBound(to: UInt16.self))
    }
    return .floats(try floats(operation))
  }

  /// The first byte in host memory.
  func bytes(_ operation: String) throws -> UnsafeMutableRawPointer {
    guard let host else {
      throw ShapeMismatch(
        operation: operation, expected: "a tensor in host memory", found: "\(summary)")
    }
    return host
  }

  /// `f32 [3, 4]`, for messages.
  package var summary: String {
    "\(dtype.rawValue) [\(shape.map(String.init).joined(separator: ", "))]\(host == nil ? " on another device" : "")"
  }
}

/// Throws unless `condition` holds.
package func require(
  _ condition: Bool, _ operation: String, expected: @autoclosure () -> String,
  found: @autoclosure () -> String
) throws {
  if !condition {
    throw ShapeMismatch(operation: operation, expected: expected(), found: found())
  }
}

/// Throws unless `tensor` is a matrix of that shape (nil: any).
package func require(
  _ tensor: Tensor, _ operation: String, _ name: String, rows: Int?, columns: Int?
) throws {
  try require(
    tensor.shape.count == 2 && (rows ?? tensor.rows) == tensor.rows
      && (columns ?? tensor.columns) == tensor.columns,
    operation,
    expected: "\(name) [\(rows.map(String.init) ?? "n"), \(columns.map(String.init) ?? "m")]",
    found: tensor.summary)
}
