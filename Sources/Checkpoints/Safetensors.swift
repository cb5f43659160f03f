import JSON
import Tensor

/// One tensor of a safetensors file, as the header describes it.
public struct TensorInfo: Sendable, Hashable {
  public var name: String
  /// The file's own name of the element type: `BF16`, `I64`.
  public var type: String
  public var shape: [Int]
  /// Bytes of the file.
  public var range: Range<Int>

  /// The type as olv computes with it, or nil where it does not.
  public var dtype: DType? {
    switch type {
    case "F32": .f32
    case "F16": .f16
    case "BF16": .bf16
    case "I32": .i32
    case "U8": .u8
    default: nil
    }
  }

  /// The safetensors name of a type.
  public static func name(of dtype: DType) -> String {
    switch dtype {
    case .f32: "F32"
    case .f16: "F16"
    case .bf16: "BF16"
    case .i32: "I32"
    case .u8: "U8"
    }
  }
}

/// An open safetensors file: eight bytes of header length, a JSON header, then the tensors' bytes, mapped into memory.
///
/// The file comes from a stranger: everything that the header says is checked against the file before any of it is used.
///
/// *Format:* huggingface/safetensors, README.
public final class Safetensors: Sendable {
  public let file: MappedFile
  public let metadata: [String: String]
  /// In the order of their place in the file.
  public let tensors: [TensorInfo]
  private let places: [String: Int]

  /// The largest header that is read.
  public static let maximumHeader = 100_000_000

  /// Bits of each element type of the format.
  static let widths: [String: Int] = [
    "F64": 64, "F32": 32, "F16": 16, "BF16": 16, "I64": 64, "I32": 32, "I16": 16, "I8": 8,
    "U64": 64, "U32": 32, "U16": 16, "U8": 8, "BOOL": 8, "C64": 64, "F8_E4M3": 8, "F8_E5M2": 8,
    "F8_E8M0": 8, "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4,
  ]

  public convenience init(_ path: String) throws { try self.init(try MappedFile(path)) }

  /// A file that is mapped already.
  public init(_ file: MappedFile) throws {
    self.file = file
    let path = file.path
    let header = try Safetensors.header(file)
    (metadata, tensors) = try Safetensors.entries(header.json, path: path, dataStart: header.end)
    try Safetensors.checkLayout(tensors, path: path, dataStart: header.end, size: file.bytes.count)
    var places: [String: Int] = [:]
    for (place, info) in tensors.enumerated() { places[info.name] = place }
    self.places = places
  }

  public func info(_ name: String) -> TensorInfo? { places[name].map { tensors[$0] } }

  /// The named tensor over the file's own memory (a copy only where the file does not align its elements).
  ///
  /// - Throws: `BadCheckpoint` where there is none, or where its element type or rank is none that olv computes with.
  public func tensor(_ name: String) throws -> Tensor {
    guard let info = info(name) else {
      throw BadCheckpoint(path: file.path, tensor: name, reason: "not in the file")
    }
    guard let dtype = info.dtype else {
      throw BadCheckpoint(
        path: file.path, offset: info.range.lowerBound, tensor: name,
        reason: "elements of type \(info.type) are not supported",
        help: "convert it to F32, F16 or BF16")
    }
    guard info.shape.count <= 2 else {
      throw BadCheckpoint(
        path: file.path, tensor: name,
        reason: "has \(info.shape.count) dimensions, at most 2 are supported")
    }
    let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[info.range])
    // One storage per tensor: a tape tells tensors apart by their storage.
    if Int(bitPattern: bytes.baseAddress) % dtype.size == 0 {
      return Tensor(BorrowedStorage(bytes, owner: file), shape: info.shape, dtype: dtype)
    }
    let copy = HostStorage(byteCount: bytes.count)
    if let target = copy.host, let source = bytes.baseAddress {
      target.copyMemory(from: source, byteCount: bytes.count)
    }
    return Tensor(copy, shape: info.shape, dtype: dtype)
  }
}

extension Safetensors {
  /// The parsed header and the offset at which the tensors begin.
  private static func header(_ file: MappedFile) throws -> (json: JSON, end: Int) {
    let path = file.path
    let bytes = file.bytes
    func isPrefix(_ text: StaticString) -> Bool {
      bytes.count >= text.utf8CodeUnitCount
        && zip(bytes, UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
          .allSatisfy { $0 == $1 }
    }
    if isPrefix("version https://git-lfs") {
      throw BadCheckpoint(
        path: path, reason: "a Git LFS pointer, not the file itself", help: "run git lfs pull there"
      )
    }
    guard bytes.count >= 8 else {
      throw BadCheckpoint(
        path: path, offset: 0,
        reason: "truncated: \(bytes.count) bytes, a safetensors file starts with 8 of header length"
      )
    }
    let length = bytes.loadUnaligned(as: UInt64.self).littleEndian
    guard length <= UInt64(maximumHeader) else {
      throw BadCheckpoint(
        path: path, offset: 0,
        reason:
          "the header claims \(length) bytes, more than the \(maximumHeader) allowed: not safetensors?"
      )
    }
    let end = 8 + Int(length)
    guard end <= bytes.count else {
      throw BadCheckpoint(
        path: path, offset: 0,
        reason: "truncated: the header claims \(length) bytes, the file has \(bytes.count - 8) more"
      )
    }
    let text = UnsafeRawBufferPointer(rebasing: bytes[8..<end])
    guard text.first == UInt8(ascii: "{") else {
      throw BadCheckpoint(path: path, offset: 8, reason: "the header does not start with {")
    }
    let json: JSON
    do {
      json = try JSON.parse(text, path: path)
    } catch let failure as JSONFailure {
      throw BadCheckpoint(
        path: path, offset: 8 + failure.offset,
        reason: "the header is not valid JSON: \(failure.reason)")
    }
    let keys = topLevelKeys(text)
    if let repeated = keys.repeated {
      throw BadCheckpoint(
        path: path, offset: 8, tensor: repeated, reason: "named twice in the header")
    }
    guard json.objectValue?.count == keys.count else {
      throw BadCheckpoint(path: path, offset: 8, reason: "a tensor is named twice in the header")
    }
    return (json, end)
  }

  /// The number of keys of the outermost object of valid JSON, and a key that is there twice. (A parsed object has
  /// already forgotten repeated ones.)
  private static func topLevelKeys(_ text: UnsafeRawBufferPointer) -> (
    count: Int, repeated: String?
  ) {
    var seen: Set<String> = []
    var count = 0
    var depth = 0
    var expectsKey = false
    var place = 0
    while place < text.count {
      switch text[place] {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        expectsKey = depth == 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
      case UInt8(ascii: ","): expectsKey = depth == 1
      case UInt8(ascii: "\""):
        let start = place + 1
        place = start
        while place < text.count, text[place] != UInt8(ascii: "\"") {
          place += text[place] == UInt8(ascii: "\\") ? 2 : 1
        }
        if expectsKey {
          expectsKey = false
          count += 1
          let key = String(decoding: text[start..<min(place, text.count)], as: UTF8.self)
          if !seen.insert(key).inserted { return (count, key) }
        }
      default: break
      }
      place += 1
    }
    return (count, nil)
  }

  private static func entries(_ json: JSON, path: String, dataStart: Int) throws
    -> ([String: String], [TensorInfo])
  {
    guard let header = json.objectValue else {
      throw BadCheckpoint(
        path: path, offset: 8, reason: "the header is \(json.kind), not an object")
    }
    var metadata: [String: String] = [:]
    var tensors: [TensorInfo] = []
    tensors.reserveCapacity(header.count)
    for (name, value) in header {
      func bad(_ reason: String) -> BadCheckpoint {
        BadCheckpoint(path: path, offset: 8, tensor: name, reason: reason)
      }
      if name == "__metadata__" {
        guard let object = value.objectValue else {
          throw BadCheckpoint(
            path: path, offset: 8, reason: "__metadata__ is \(value.kind), not an object")
        }
        for (key, text) in object { metadata[key] = text.stringValue }
        continue
      }
      guard let type = value["dtype"]?.stringValue else { throw bad("has no dtype") }
      guard let width = widths[type] else { throw bad("has the unknown dtype \(type)") }
      guard let dimensions = value["shape"]?.arrayValue else { throw bad("has no shape") }
      guard let offsets = value["data_offsets"]?.arrayValue, offsets.count == 2,
        let begin = offsets[0].intValue, let end = offsets[1].intValue
      else { throw bad("has no pair of data_offsets") }
      var shape: [Int] = []
      var bits = width
      for dimension in dimensions {
        guard let size = dimension.intValue, size >= 0 else {
          throw bad("has the dimension \(dimension.text())")
        }
        let (product, overflow) = bits.multipliedReportingOverflow(by: size)
        guard !overflow else {
          throw bad("has a shape that overflows: \(value["shape"]?.text() ?? "")")
        }
        bits = product
        shape.append(size)
      }
      guard begin >= 0, end >= begin else { throw bad("has the data_offsets [\(begin), \(end)]") }
      guard bits % 8 == 0, bits / 8 == end - begin else {
        throw bad(
          "claims \(end - begin) bytes, but \(type) \(shape) takes \(bits / 8)")
      }
      let (last, overflow) = end.addingReportingOverflow(dataStart)
      guard !overflow else { throw bad("has the data_offsets [\(begin), \(end)]") }
      tensors.append(
        TensorInfo(name: name, type: type, shape: shape, range: begin + dataStart..<last))
    }
    tensors.sort {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }
    return (metadata, tensors)
  }

  /// The tensors must tile the file: no overlap, no hole, no byte after the last.
  private static func checkLayout(
    _ tensors: [TensorInfo], path: String, dataStart: Int, size: Int
  ) throws {
    var end = dataStart
    for info in tensors {
      guard info.range.upperBound <= size else {
        throw BadCheckpoint(
          path: path, offset: info.range.lowerBound, tensor: info.name,
          reason: "ends at byte \(info.range.upperBound), the file at \(size): truncated?")
      }
      guard info.range.lowerBound >= end else {
        throw BadCheckpoint(
          path: path, offset: info.range.lowerBound, tensor: info.name,
          reason: "overlaps the tensor before it")
      }
      guard info.range.lowerBound == end else {
        throw BadCheckpoint(
          path: path, offset: end, tensor: info.name,
          reason: "\(info.range.lowerBound - end) bytes before it belong to no tensor")
      }
      end = info.range.upperBound
    }
    guard end == size else {
      throw BadCheckpoint(
        path: path, offset: end, reason: "\(size - end) bytes after the last tensor belong to none")
    }
  }
}
