import JSON
import Runtime
import Tensor

/// A tensor on its way into a file: what the header says of it, and what writes its bytes.
public struct TensorSource {
  public let name: String
  public let dtype: DType
  public let shape: [Int]
  let body: (FileSink) throws -> Void

  /// A tensor whose bytes `body` makes as they are written: exactly as many as type and shape take.
  public init(
    name: String, dtype: DType, shape: [Int], body: @escaping (FileSink) throws -> Void
  ) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.body = body
  }

  /// A tensor in memory, or in a mapped file (whose pages are given back once written).
  public init(name: String, _ tensor: Tensor, backend: any Backend) {
    self.init(name: name, dtype: tensor.dtype, shape: tensor.shape) { sink in
      guard let host = tensor.host else {
        try sink.write(HostBytes.of(try backend.read(tensor), as: tensor.dtype))
        return
      }
      let width = tensor.columns * tensor.dtype.size
      if tensor.isContiguous {
        try sink.write(UnsafeRawBufferPointer(start: host, count: tensor.byteCount))
      } else {
        for row in 0..<tensor.rows {
          let start = host + row * tensor.rowStride * tensor.dtype.size
          try sink.write(UnsafeRawBufferPointer(start: start, count: width))
        }
      }
      Residency.release(tensor)
    }
  }

  public var byteCount: Int { shape.reduce(dtype.size, *) }
}

/// Elements as the bytes of a type.
enum HostBytes {
  /// Whole or exactly representable values as elements of `dtype`: what a device gives back of its own tensors.
  static func of(_ values: [Float], as dtype: DType) -> [UInt8] {
    func bytes<T>(_ elements: [T]) -> [UInt8] { elements.withUnsafeBytes(Array.init) }
    return switch dtype {
    case .f32: bytes(values)
    case .f16: bytes(values.map { Float16($0).bitPattern })
    case .bf16: bytes(values.map { UInt16(truncatingIfNeeded: $0.bitPattern >> 16) })
    case .i32: bytes(values.map { Int32($0) })
    case .u8: bytes(values.map { UInt8(clamping: Int($0)) })
    }
  }
}

extension Safetensors {
  /// Writes tensors as `stem.safetensors`, or as numbered shards with an index where they exceed `shardLimit`.
  ///
  /// - Throws: `FileFailure`, `Cancelled`; the folder then comes to nothing.
  public static func write(
    _ tensors: [TensorSource], to folder: AtomicFolder, stem: String = "model",
    shardLimit: Int = 5_000_000_000, progress: ProgressHandler? = nil
  ) throws {
    var shards: [[TensorSource]] = [[]]
    var size = 0
    for tensor in tensors {
      if size + tensor.byteCount > shardLimit, !shards[shards.count - 1].isEmpty {
        shards.append([])
        size = 0
      }
      shards[shards.count - 1].append(tensor)
      size += tensor.byteCount
    }
    var done = 0
    let step = { (bytes: Int) in
      done += bytes
      progress?(
        Progress(
          stage: "save", done: done, total: tensors.reduce(0) { $0 + $1.byteCount }, unit: "bytes"))
    }
    guard shards.count > 1 else {
      try writeFile(shards[0], to: folder, name: "\(stem).safetensors", step: step)
      return
    }
    func padded(_ number: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }
    var map = JSONObject()
    for (place, shard) in shards.enumerated() {
      let name = "\(stem)-\(padded(place + 1))-of-\(padded(shards.count)).safetensors"
      try writeFile(shard, to: folder, name: name, step: step)
      for tensor in shard { map[tensor.name] = .string(name) }
    }
    let total = tensors.reduce(0) { $0 + $1.byteCount }
    let index: JSON = ["metadata": ["total_size": .int(total)], "weight_map": .object(map)]
    try folder.write(index.text(indented: true) + "\n", to: "\(stem).safetensors.index.json")
  }

  private static func writeFile(
    _ tensors: [TensorSource], to folder: AtomicFolder, name: String, step: (Int) -> Void
  ) throws {
    // Widest elements first: every tensor then starts at a multiple of its element size.
    let order = tensors.indices.sorted {
      (-tensors[$0].dtype.size, $0) < (-tensors[$1].dtype.size, $1)
    }
    var header = JSONObject()
    header["__metadata__"] = ["format": "pt"]
    var end = 0
    for place in order {
      let tensor = tensors[place]
      header[tensor.name] = [
        "dtype": .string(TensorInfo.name(of: tensor.dtype)),
        "shape": .array(tensor.shape.map { .int($0) }),
        "data_offsets": [.int(end), .int(end + tensor.byteCount)],
      ]
      end += tensor.byteCount
    }
    var text = Array(JSON.object(header).text().utf8)
    text += [UInt8](repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
    let sink = try folder.create(name)
    try withUnsafeBytes(of: UInt64(text.count).littleEndian) { try sink.write($0) }
    try sink.write(text)
    for place in order {
      let tensor = tensors[place]
      let start = sink.count
      try tensor.body(sink)
      guard sink.count - start == tensor.byteCount else {
        throw BadCheckpoint(
          path: sink.path, tensor: tensor.name,
          reason: "\(sink.count - start) bytes written, \(tensor.byteCount) expected")
      }
      step(tensor.byteCount)
    }
    try sink.finish()
  }
}
