import Checkpoints
import JSON
import Tensor
import TestSupport
import Testing

struct QuantizedLayoutTests {
  private static func matrix(
    bits: Int, group: Int?, symmetric: Bool, index: Bool = false, rows: Int = 5, columns: Int = 96
  ) -> PackedMatrix {
    let grid = Grid(bits: bits, group: group, symmetric: symmetric)
    let groups = grid.groups(columns: columns)
    let stream = RandomStream(seed: 1, purpose: "\(bits) \(group ?? 0)")
    let width = PackedMatrix.bytesPerRow(columns: columns, bits: bits)
    let codes = (0..<rows * width).map { UInt8(truncatingIfNeeded: stream[$0]) }
    let scales = (0..<rows * groups).map { 0.01 + stream.uniform($0 + 1000) }
    let zeros = (0..<rows * groups).map { UInt8(stream[$0 + 2000] % UInt32(grid.maximum + 1)) }
    var groupIndex: Tensor?
    if index {
      let order = (0..<columns).map { Int32($0 % groups) }
      let storage = HostStorage(byteCount: columns * 4)
      for (place, group) in order.enumerated() {
        storage.host?.storeBytes(of: group, toByteOffset: place * 4, as: Int32.self)
      }
      groupIndex = Tensor(storage, shape: [columns], dtype: .i32)
    }
    return PackedMatrix(
      rows: rows, columns: columns, grid: grid, codes: tensor(codes, [rows, width]),
      scales: tensor(scales, [rows, groups]),
      zeros: symmetric ? nil : tensor(zeros, [rows, groups]), groupIndex: groupIndex)
  }

  @Test(arguments: [2, 3, 4, 8], [nil, 16, 20, 32] as [Int?])
  func roundTrip(_ bits: Int, _ group: Int?) throws {
    for (symmetric, index) in [(true, false), (false, false), (false, true)] {
      let matrix = Self.matrix(bits: bits, group: group, symmetric: symmetric, index: index)
      let layout = QuantizedLayout(packed: [("m", matrix)], skipped: ["n"], head: false)
      let isOlive = bits != 3 && group != 20 && !index
      #expect(layout.method == (isOlive ? .olive : .olv))
      let read = try QuantizedLayout(layout.json, path: "config.json")
      #expect(read == layout)
      try withFolder { folder in
        try AtomicFolder.write("\(folder)/x") {
          try Safetensors.write(QuantizedLayout.sources("m", matrix, backend: backend), to: $0)
        }
        let checkpoint = try Checkpoint.open("\(folder)/x")
        #expect(try read.matrix("other", in: checkpoint, rows: 5, columns: 96) == nil)
        let again = try #require(try read.matrix("m", in: checkpoint, rows: 5, columns: 96))
        #expect(again.grid == matrix.grid)
        #expect(try backend.read(again.codes) == backend.read(matrix.codes))
        #expect(try backend.read(again.scales) == backend.read(matrix.scales))
        #expect(try again.zeros.map(backend.read) == matrix.zeros.map(backend.read))
        #expect(try again.groupIndex.map(backend.read) == matrix.groupIndex.map(backend.read))
      }
    }
  }

  /// Zero points are packed as codes are: the first in the lowest bits, rows from a new byte on.
  @Test(
    arguments: [
      (2, [1, 2, 3, 0, 1, 3], [0b00_11_10_01, 0b11_01]),
      (3, [1, 2, 3, 4, 5, 6], [0b11_010_001, 0b0_101_100_0, 0b11]),
      (4, [1, 2, 15, 4, 5, 6], [0x21, 0x4F, 0x65]),
      (8, [1, 2, 200, 4, 5, 6], [1, 2, 200, 4, 5, 6]),
    ] as [(Int, [UInt8], [UInt8])]) func zeroPoints(
      _ bits: Int, _ zeros: [UInt8], _ packed: [UInt8]
    )
    throws
  {
    let base = Self.matrix(bits: bits, group: 16, symmetric: false, rows: 2)
    let matrix = PackedMatrix(
      rows: 2, columns: 96, grid: base.grid, codes: base.codes, scales: base.scales,
      zeros: tensor(zeros + zeros, [2, 6]))
    try withFolder { folder in
      try AtomicFolder.write("\(folder)/x") {
        try Safetensors.write(QuantizedLayout.sources("m", matrix, backend: backend), to: $0)
      }
      let stored = try Checkpoint.open("\(folder)/x").tensor("m.qzeros")
      // The third byte of three-bit rows: 6 is 0b110, its lowest bit in the second byte.
      #expect(try backend.read(stored) == (packed + packed).map(Float.init))
    }
  }

  @Test func overrides() throws {
    let layout = QuantizedLayout(
      packed: [
        ("a", Self.matrix(bits: 4, group: 32, symmetric: true)),
        ("b", Self.matrix(bits: 8, group: 32, symmetric: false)),
        ("c", Self.matrix(bits: 4, group: 32, symmetric: true)),
        ("d", Self.matrix(bits: 4, group: nil, symmetric: true)),
      ], skipped: [], head: false)
    #expect(layout.json["bits"] == 4 && layout.json["group_size"] == 32)
    #expect(
      layout.json["overrides"]?.text()
        == #"{"b":{"bits":8,"symmetric":false},"d":{"group_size":-1}}"#)
    let read = try QuantizedLayout(layout.json, path: "")
    #expect(read.rounding(of: "b") == .init(bits: 8, group: 32, symmetric: false))
    #expect(read.rounding(of: "d") == .init(bits: 4, group: nil, symmetric: true))
    #expect(read.rounding(of: "x") == .init(bits: 4, group: 32, symmetric: true))
  }

  @Test(arguments: [
    (
      #"{"quant_method":"bitsandbytes"}"#,
      "method bitsandbytes is not supported (supported: olive, olv)"
    ),
    (#"{"bits":4}"#, "method (none given)"),
    (
      #"{"quant_method":"olv","bits":5,"group_size":32,"symmetric":true}"#,
      "bits: expected 2, 3, 4 or 8"
    ),
    (#"{"quant_method":"olv","bits":4,"group_size":0,"symmetric":true}"#, "group_size"),
    (#"{"quant_method":"olv","bits":4,"symmetric":true}"#, "group_size"),
    (#"{"quant_method":"olv","bits":4,"group_size":32}"#, "symmetric"),
    (#"{"quant_method":"olv","bits":4,"group_size":32,"symmetric":"no"}"#, "symmetric"),
    (
      #"{"quant_method":"olive","bits":4,"group_size":32,"symmetric":true,"embeds":true}"#,
      "embeddings"
    ),
    (
      #"{"quant_method":"olive","bits":4,"group_size":32,"symmetric":true,"overrides":{"x":{"bits":7}}}"#,
      "overrides.x.bits"
    ),
  ]) func malformed(_ text: String, _ reason: String) throws {
    let message = failure { _ = try QuantizedLayout(try JSON.parse(text), path: "config.json") }
    #expect(message?.contains(reason) == true, "\(message ?? "accepted")")
  }

  @Test func tensorsThatDoNotFit() throws {
    let matrix = Self.matrix(bits: 4, group: 32, symmetric: false, index: true)
    let layout = QuantizedLayout(packed: [("m", matrix)], skipped: [], head: false)
    func reading(
      rows: Int = 5, columns: Int = 96, without: String? = nil, _ extra: [TensorSource] = []
    ) throws -> String? {
      try withFolder { folder in
        try AtomicFolder.write("\(folder)/x") {
          var sources = QuantizedLayout.sources("m", matrix, backend: backend) + extra
          if let without { sources.removeAll { $0.name == without && $0.byteCount > 0 } }
          sources = sources.reversed().reduce(into: []) { unique, source in
            if !unique.contains(where: { $0.name == source.name }) { unique.append(source) }
          }
          try Safetensors.write(sources, to: $0)
        }
        let checkpoint = try Checkpoint.open("\(folder)/x")
        return failure { _ = try layout.matrix("m", in: checkpoint, rows: rows, columns: columns) }
      }
    }
    #expect(try reading() == nil)
    #expect(
      try reading(rows: 6)?.contains("tensor m.qweight: expected U8 [6, 48], found U8 [5, 48]")
        == true)
    #expect(try reading(without: "m.scales")?.contains("tensor m.scales: missing") == true)
    #expect(try reading(without: "m.qzeros")?.contains("tensor m.qzeros: missing") == true)
    let infinite = tensor([Float](repeating: .nan, count: 15), [5, 3])
    #expect(
      try reading([TensorSource(name: "m.scales", infinite, backend: backend)])?.contains(
        "not finite") == true)
    let beyond = TensorSource(name: "m.g_idx", dtype: .i32, shape: [96]) {
      try $0.write([UInt8](repeating: 1, count: 96 * 4))
    }
    #expect(
      try reading([beyond])?.contains("m.g_idx: column 0 has the group 16843009 of 3") == true)
  }
}
