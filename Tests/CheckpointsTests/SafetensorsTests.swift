import Checkpoints
import Tensor
import TestSupport
import Testing

struct SafetensorsTests {
  @Test func reads() throws {
    try withFolder { folder in
      let header = #"""
        {"__metadata__":{"format":"pt"},"b":{"dtype":"U8","shape":[3],"data_offsets":[24,27]},
        "a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"e":{"dtype":"F16","shape":[0],"data_offsets":[27,27]},
        "i":{"dtype":"I64","shape":[],"data_offsets":[27,35]}}
        """#
      try write(safetensors(header, data: 35), to: "\(folder)/x")
      let file = try Safetensors("\(folder)/x")
      #expect(file.metadata == ["format": "pt"])
      #expect(file.tensors.map(\.name) == ["a", "b", "e", "i"])
      let a = try file.tensor("a")
      #expect(a.shape == [2, 3])
      let expected = (0..<6).map { place in
        Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(place * 4 + $1) << UInt32(8 * $1) })
      }
      #expect(try backend.read(a) == expected)
      #expect(try backend.read(try file.tensor("b")) == [24, 25, 26])
      #expect(try file.tensor("e").count == 0)
      #expect(failure { _ = try file.tensor("i") }?.contains("type I64 are not supported") == true)
      #expect(failure { _ = try file.tensor("c") }?.contains("tensor c: not in the file") == true)
    }
  }

  /// Elements that the file does not align are copied; both kinds are read rightly, each with a storage of its own.
  @Test func misaligned() throws {
    try withFolder { folder in
      let header =
        #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}}"#
      for padding in 0..<4 {
        let text = header + String(repeating: " ", count: padding)
        var bytes = safetensors(text, data: 0)
        bytes.append(7)
        for value: Float in [1.5, -2] { bytes += withUnsafeBytes(of: value, Array.init) }
        try write(bytes, to: "\(folder)/\(padding)")
        let file = try Safetensors("\(folder)/\(padding)")
        let (a, b) = (try file.tensor("a"), try file.tensor("b"))
        #expect(try backend.read(b) == [1.5, -2])
        #expect(try backend.read(a) == [7])
        #expect(a.id != b.id)
        #expect(Int(bitPattern: b.host) % 4 == 0)
      }
    }
  }

  /// Every malformed file is refused with a reason; none is read out of bounds.
  @Test(arguments: [
    ("empty", [], "truncated: 0 bytes"),
    ("short", [1, 2, 3], "truncated: 3 bytes"),
    ("length beyond the file", safetensors("{}", data: 0, length: 3), "the header claims 3 bytes"),
    ("huge length", safetensors("{}", data: 0, length: .max), "more than the 100000000 allowed"),
    ("no object", safetensors("[1]", data: 0), "does not start with {"),
    ("cut header", safetensors(#"{"a":{"dtype":"#, data: 0), "not valid JSON"),
    (
      "deep header",
      safetensors(#"{"a":"# + String(repeating: "[", count: 300), data: 0), "not valid JSON"
    ),
    (
      "no dtype", safetensors(#"{"a":{"shape":[1],"data_offsets":[0,4]}}"#, data: 4), "has no dtype"
    ),
    (
      "unknown dtype",
      safetensors(#"{"a":{"dtype":"F77","shape":[1],"data_offsets":[0,4]}}"#, data: 4),
      "unknown dtype F77"
    ),
    (
      "no shape", safetensors(#"{"a":{"dtype":"F32","data_offsets":[0,4]}}"#, data: 4),
      "has no shape"
    ),
    (
      "no offsets", safetensors(#"{"a":{"dtype":"F32","shape":[1]}}"#, data: 4),
      "has no pair of data_offsets"
    ),
    (
      "negative dimension",
      safetensors(#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, data: 4),
      "has the dimension -1"
    ),
    (
      "overflowing shape",
      safetensors(
        #"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}"#, data: 4),
      "overflows"
    ),
    (
      "lying shape",
      safetensors(#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, data: 4),
      "claims 4 bytes, but F32 [2] takes 8"
    ),
    (
      "backward offsets",
      safetensors(#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, data: 4),
      "data_offsets [4, 0]"
    ),
    (
      "negative offsets",
      safetensors(#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}"#, data: 4),
      "data_offsets [-4, 0]"
    ),
    (
      "offsets at the end of the integers",
      safetensors(
        #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[9223372036854775806,9223372036854775807]}}"#,
        data: 4),
      "data_offsets"
    ),
    (
      "truncated data",
      safetensors(#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, data: 4),
      "truncated?"
    ),
    (
      "overlap",
      safetensors(
        #"""
        {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}
        """#, data: 12),
      "tensor b: overlaps"
    ),
    (
      "hole",
      safetensors(
        #"""
        {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}
        """#, data: 12),
      "4 bytes before it belong to no tensor"
    ),
    (
      "grown", safetensors(#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, data: 5),
      "1 bytes after the last tensor"
    ),
    (
      "repeated name",
      safetensors(
        #"""
        {"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}
        """#, data: 1),
      "tensor a: named twice"
    ),
    (
      "repeated name, spelled differently",
      safetensors(
        #"""
        {"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\u0061":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}
        """#, data: 1),
      "named twice"
    ),
    ("metadata", safetensors(#"{"__metadata__":[1]}"#, data: 0), "__metadata__ is an array"),
    ("lfs", Array("version https://git-lfs.github.com/spec/v1\noid".utf8), "Git LFS pointer"),
  ]) func malformed(_ name: String, _ bytes: [UInt8], _ reason: String) throws {
    try withFolder { folder in
      try write(bytes, to: "\(folder)/x.safetensors")
      let message = failure { _ = try Safetensors("\(folder)/x.safetensors") }
      #expect(message?.contains(reason) == true, "\(name): \(message ?? "accepted")")
      #expect(message?.hasPrefix("\(folder)/x.safetensors") == true)
    }
  }

  /// Cutting a valid file anywhere, or flipping any byte of its header, gives a file that is refused or still describes
  /// tensors within its bounds.
  @Test func damage() throws {
    let header =
      #"{"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[2],"data_offsets":[8,10]}}"#
    let whole = safetensors(header, data: 10)
    try withFolder { folder in
      let path = "\(folder)/x"
      for length in 0..<whole.count {
        try write(Array(whole[..<length]), to: path)
        #expect(failure { _ = try Safetensors(path) } != nil, "cut at \(length)")
        Shared.remove(path)
      }
      for place in 0..<8 + header.utf8.count {
        for flip: UInt8 in [1, 4, 0x10, 0x80] {
          var bytes = whole
          bytes[place] ^= flip
          try write(bytes, to: path)
          if let file = try? Safetensors(path) {
            for info in file.tensors {
              #expect(info.range.upperBound <= bytes.count && info.range.lowerBound >= 8)
            }
          }
          Shared.remove(path)
        }
      }
    }
  }

  @Test func changedWhileOpen() throws {
    try withFolder { folder in
      let header = #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
      try write(safetensors(header, data: 4), to: "\(folder)/model.safetensors")
      let checkpoint = try Checkpoint.open(folder)
      try checkpoint.verifyUnchanged()
      for size in [200, 20] {
        try Shared.resize("\(folder)/model.safetensors", to: size)
        #expect(
          failure { try checkpoint.verifyUnchanged() }?.contains("changed while in use") == true)
      }
    }
  }

  @Test func releasedPagesComeBack() throws {
    try withFolder { folder in
      let count = 1 << 20
      let header = #"{"a":{"dtype":"U8","shape":[\#(count)],"data_offsets":[0,\#(count)]}}"#
      try write(safetensors(header, data: count), to: "\(folder)/model.safetensors")
      let mapped = try Checkpoint.open(folder).tensor("a")
      let before = try backend.read(mapped)
      Residency.release(mapped)
      #expect(try backend.read(mapped) == before)
      // Memory that is no file must survive.
      let owned = tensor([Float](repeating: 3, count: 100_000), [100_000])
      Residency.release(owned)
      #expect(try backend.read(owned).allSatisfy { $0 == 3 })
    }
  }
}
