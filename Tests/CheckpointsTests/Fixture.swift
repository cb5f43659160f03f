import Checkpoints
import JSON
import Runtime
import Tensor
import TestSupport
import Testing

let backend: any Backend = {
  do { return try CPUBackend() } catch { fatalError("no CPU backend: \(error)") }
}()

/// A folder that goes away with the test.
func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
  let folder = try Shared.temporaryFolder()
  defer { Shared.remove(folder) }
  return try body(folder)
}

/// The bytes of a safetensors file with this header, whatever it says, and so many bytes of data.
func safetensors(_ header: String, data: Int, length: UInt64? = nil) -> [UInt8] {
  let text = Array(header.utf8)
  let prefix = withUnsafeBytes(of: (length ?? UInt64(text.count)).littleEndian, Array.init)
  return prefix + text + (0..<data).map { UInt8(truncatingIfNeeded: $0) }
}

func write(_ bytes: [UInt8], to path: String) throws {
  let sink = try FileSink(path)
  try sink.write(bytes)
  try sink.finish()
}

/// A host tensor of f32 values.
func tensor(_ values: [Float], _ shape: [Int]) -> Tensor {
  let storage = HostStorage(byteCount: values.count * 4)
  values.withUnsafeBytes { storage.host?.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
  return Tensor(storage, shape: shape, dtype: .f32)
}

/// A host tensor of bytes.
func tensor(_ values: [UInt8], _ shape: [Int]) -> Tensor {
  let storage = HostStorage(byteCount: values.count)
  values.withUnsafeBytes { storage.host?.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
  return Tensor(storage, shape: shape, dtype: .u8)
}

/// What `body` throws, as its text; nil where it throws nothing.
func failure(_ body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch let failure as any Failure { return failure.description } catch { return "?? \(error)" }
}
