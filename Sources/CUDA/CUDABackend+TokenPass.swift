import CCUDA
import Synchronization
import Tensor

extension CUDABackend {
  public func tokenPass(
    _ blocks: [TokenBlock], head: Weight?, table: RotaryTable, position: Tensor,
    shape: AttentionShape, epsilon: Float
  ) throws -> (any TokenPass)? {
    guard driver.capability >= 90, driver.isCooperative,
      let form = TokenForm(blocks, shape, driver)
    else { return nil }
    let rotary = try RotaryParameter(
      Rotary(short: table), segments: Segments(lengths: [1]), width: shape.width, self, "decode")
    // Where memory is short, or other programs have a part of the card, the operations do it one by one.
    do {
      return try DecodingPass(blocks, form, head, rotary, position, shape, epsilon, self)
    } catch is OutOfMemory {
      return nil
    } catch let failure as CUDACallFailed where failure.isCooperationRefused {
      return nil
    }
  }
}

/// Which variant of the kernel of decode_blocks.cu serves a model.
struct TokenForm {
  /// Rows of each product, and columns: attention's input, its output, the MLP's input, its output.
  let rows, columns: [Int]
  /// 4 for packed weights, 16 for bf16.
  let bits: Int
  let halves: Bool
  let midpoint: Int
  /// Matrices of a decoder block.
  let parts: Int
  /// Query heads that share keys, and how many of them a thread block serves at once.
  let share, heads: Int
  let width: Int
  let grid: Int
  let shared: Int

  static let workers = 12
  static let copiers = 3
  /// Pieces that there is room for: those that come while thread blocks wait for each other. The more the better.
  let slots: Int
  /// Pieces that a copier has under way.
  private var limit: Int { bits == 16 ? 4 : 2 }
  /// A piece is 256 bytes of each of 16 rows.
  var pieceColumns: Int { 256 * 8 / bits }
  /// Bytes of a piece's scales and zeros.
  var extraBytes: Int { bits == 16 ? 0 : 64 * ((halves ? 2 : 4) + 1) }
  static let threads = 32 * (workers + copiers + 1)
  /// bf16 numbers that thread blocks exchange, of which there are two places.
  var exchanged: Int { rows[0] + columns[1] + rows[1] + columns[3] + rows[3] }

  /// Nil where the kernel does not serve the blocks.
  init?(_ blocks: [TokenBlock], _ shape: AttentionShape, _ driver: Driver) {
    guard let first = blocks.first else { return nil }
    let products = Self.products(of: first)
    guard products[0].count <= 3, products[2].count <= 2 else { return nil }
    rows = products.map { $0.reduce(0) { $0 + $1.rows } }
    columns = products.map { $0[0].columns }
    parts = products.reduce(0) { $0 + $1.count }
    (share, width) = (shape.heads / shape.keyValueHeads, shape.width)
    heads = width <= 64 && share % 2 == 0 ? 2 : 1
    switch products[0][0] {
    case .dense: (bits, halves, midpoint) = (16, false, 0)
    case .packed(let matrix):
      (bits, halves, midpoint) = (
        matrix.grid.bits, matrix.scales.dtype == .f16, matrix.grid.midpoint
      )
    }
    let kind = first.inputNorm.dtype
    let hidden = products[0][0].columns
    for block in blocks {
      let found = Self.products(of: block)
      guard found.map({ $0.map(\.rows) }) == products.map({ $0.map(\.rows) }),
        zip(found, columns).allSatisfy({ $0.allSatisfy { [columns = $1] in $0.columns == columns } }
        ),
        [block.inputNorm, block.postNorm].allSatisfy({
          $0.dtype == kind && $0.address % 16 == 0 && $0.count == hidden && $0.isContiguous
        }),
        [block.cache.keys, block.cache.values].allSatisfy({
          $0.isAligned && $0.stride == first.cache.keys.stride && $0.dtype == .bf16
        })
      else { return nil }
      for weight in found.joined() {
        switch weight {
        case .dense(let tensor):
          guard bits == 16, tensor.dtype == .bf16, tensor.isContiguous, tensor.isAligned
          else { return nil }
        case .packed(let matrix):
          guard bits == 4, matrix.grid.bits == 4, matrix.groupIndex == nil,
            matrix.grid.width(columns: matrix.columns) == 128,
            (matrix.scales.dtype == .f16) == halves, halves || matrix.scales.dtype == .f32,
            matrix.codes.isContiguous, matrix.codes.address % 16 == 0
          else { return nil }
        }
      }
    }
    let piece = 256 * 8 / bits
    guard kind == .bf16 || kind == .f32, rows[1] == hidden, rows[3] == hidden,
      rows[2] == 2 * columns[3], rows[0] == columns[1] + 2 * shape.keyValueHeads * width,
      columns[1] == shape.heads * width, columns.allSatisfy({ $0 % piece == 0 }),
      rows.allSatisfy({ $0 % 16 == 0 }), columns[3] % 8 == 0,
      products.joined().allSatisfy({ $0.rows % 8 == 0 }), width % 8 == 0, width <= 128
    else { return nil }
    // Each thread block has a part in every product.
    let (rows, columns, bits, blocksAtOnce) = (
      self.rows, self.columns, self.bits,
      min(driver.multiprocessors, self.rows.map { $0 / 16 }.min() ?? 0)
    )
    grid = blocksAtOnce
    guard blocksAtOnce > 0 else { return nil }
    let most = max(columns.max() ?? 0, hidden)
    let results = (0..<4).map {
      (rows[$0] / 16 + blocksAtOnce - 1) / blocksAtOnce * (columns[$0] / piece) * 64
    }
    let input = most * 2 + (bits == 16 ? 0 : most / 128 * 8) + (results.max() ?? 0)
    // As `AttentionRoom` of cached_attention.cuh has it, in f32 numbers.
    let attention = heads * (width * (1 + Self.workers) + 2 * Self.workers + 64 + 1) + width + 64
    let slotBytes = 4096 + (bits == 16 ? 0 : 64 * ((halves ? 2 : 4) + 1))
    let rest = blocks.count * MemoryLayout<BlockEntry>.stride + max(input, attention * 4)
    // What else the kernel keeps there has a fixed size.
    let room = driver.sharedMemory - 1024 - rest
    guard let slots = [48, 36].first(where: { $0 * slotBytes <= room }) else { return nil }
    self.slots = slots
    shared = slots * slotBytes + rest
  }

  /// The matrices of each product.
  static func products(of block: TokenBlock) -> [[Weight]] {
    [block.attentionInput, [block.attentionOutput], block.mlpInput, [block.mlpOutput]]
  }

  private static let sources = Mutex<[[Int]: KernelSource]>([:])

  var source: KernelSource {
    let numbers = [
      bits, halves ? 1 : 0, limit, columns[0], columns[3], columns[1],
      (rows[0] - columns[1]) / 2, width, heads, share, parts, slots,
    ]
    return Self.source(numbers)
  }

  /// - Parameter numbers: In the order of the names below.
  static func source(_ numbers: [Int]) -> KernelSource {
    sources.withLock { known in
      if let found = known[numbers] { return found }
      let names = [
        "BITS", "HALF_SCALES", "LIMIT", "HIDDEN", "INTERMEDIATE", "QUERIES", "KEYS", "WIDTH",
        "HEADS", "SHARE", "PARTS", "SLOTS",
      ]
      let source = KernelSource(
        "decode_blocks",
        PackageResources.tensor_core_cuh + PackageResources.cached_attention_cuh
          + PackageResources.copy_engine_cuh + PackageResources.decode_pieces_cuh
          + PackageResources.decode_blocks_cu,
        defines: zip(names, numbers).map { "\($0)=\($1)" }
          + ["WORKERS=\(workers)", "COPIERS=\(copiers)"])
      known[numbers] = source
      return source
    }
  }
}

/// `Others` of decode_blocks.cu.
private struct BlockEntry: BitwiseCopyable {
  var inputNorm, postNorm, keys, values: UInt64
  var scales: (UInt64, UInt64, UInt64, UInt64)
}

/// `Part` of decode_blocks.cu.
private struct ScalePart: BitwiseCopyable {
  var scales, zeros, target: UInt64
  var rows, groups, first, joined: Int32
}

/// `Layout` of decode_blocks.cu.
private struct ProductLayout: BitwiseCopyable {
  var begin, second, third: (Int32, Int32, Int32, Int32)
}

/// A model's blocks as the kernel of decode_blocks.cu takes them.
private final class DecodingPass: TokenPass {
  private let form: TokenForm
  private let backend: CUDABackend
  /// What the kernel's tables point at.
  private let blocks: [TokenBlock]
  private let position: Tensor
  private let rotary: RotaryParameter
  private let shape: AttentionShape
  private let epsilon: Float
  /// Descriptors of the matrices of codes, addresses of the rest, and scales in the order of the kernel's pieces.
  private let maps, entries: Tensor
  private let scales: Tensor?
  /// What thread blocks exchange.
  private let exchanged, turn, partial, counters: Tensor
  /// What is asked for at the end: as much as waits in half of the cache.
  private let following: (weight: Tensor, bytes: Int)?
  private let layout: KernelBytes
  private let contextParts: Int

  init(
    _ blocks: [TokenBlock], _ form: TokenForm, _ head: Weight?, _ rotary: RotaryParameter,
    _ position: Tensor, _ shape: AttentionShape, _ epsilon: Float, _ backend: CUDABackend
  ) throws {
    (self.blocks, self.form, self.rotary, self.position) = (blocks, form, rotary, position)
    (self.shape, self.epsilon, self.backend) = (shape, epsilon, backend)
    var (maps, parts) = ([UInt8](), [ScalePart]())
    let sizes = form.rows.indices.map {
      form.rows[$0] / 16 * (form.columns[$0] / form.pieceColumns) * form.extraBytes
    }
    scales =
      form.bits == 16 ? nil : try backend.make([blocks.count * sizes.reduce(0, +)], .u8)
    var place = scales?.address ?? 0
    var entries: [BlockEntry] = []
    for block in blocks {
      var places: [UInt64] = []
      for (number, product) in TokenForm.products(of: block).enumerated() {
        for weight in product { maps += try Self.map(weight, bits: form.bits, backend) }
        places.append(place)
        var first = 0
        for case .packed(let matrix) in product {
          parts.append(
            ScalePart(
              scales: matrix.scales.address, zeros: matrix.zeros?.address ?? 0, target: place,
              rows: Int32(matrix.rows), groups: Int32(matrix.columns / 128), first: Int32(first),
              joined: Int32(number == 2 ? form.columns[3] : 0)))
          first += matrix.rows
        }
        place += UInt64(sizes[number])
      }
      entries.append(
        BlockEntry(
          inputNorm: block.inputNorm.address, postNorm: block.postNorm.address,
          keys: block.cache.keys.address, values: block.cache.values.address,
          scales: (places[0], places[1], places[2], places[3])))
    }
    if !parts.isEmpty {
      let most = parts.map(\.rows).max() ?? 0
      try backend.launch(
        form.source, "pack_scales", grid: Extent(Int(most) / 8, parts.count), block: 128,
        try backend.upload(parts.withUnsafeBytes { Array($0) }, .u8, "decode"),
        Int32(form.midpoint))
    }
    self.maps = try backend.upload(maps, .u8, "decode")
    let bytes = entries.withUnsafeBytes { Array($0) }
    self.entries = try backend.upload(bytes, .u8, "decode")
    exchanged = try backend.make([2 * form.exchanged], .bf16)
    turn = try backend.upload([Int32(0)], .i32, "decode")
    if case .dense(let weight) = head, weight.isContiguous, weight.address % 16 == 0 {
      following = (weight, min(weight.byteCount, backend.driver.cache / 2))
    } else {
      following = nil
    }
    let jobs = shape.keyValueHeads * (form.share / form.heads)
    contextParts = max(1, min(64, form.grid / jobs))
    partial = try backend.make([contextParts * shape.heads * (shape.width + 2)], .f32)
    counters = try backend.attentionState.counters(jobs, backend)
    let products = TokenForm.products(of: blocks[0]).map { $0.map { Int32($0.rows) } }
    func four(_ number: (Int) -> Int32) -> (Int32, Int32, Int32, Int32) {
      (number(0), number(1), number(2), number(3))
    }
    layout = KernelBytes(
      ProductLayout(
        begin: four { Int32(products[..<$0].reduce(0) { $0 + $1.count }) },
        second: four { products[$0].count > 1 ? products[$0][0] : .max },
        third: four { products[$0].count > 2 ? products[$0][0] + products[$0][1] : .max }))
    // Without blocks it does nothing but show whether the card takes it.
    let nothing = try backend.make([1, form.columns[0]], .bf16)
    let driver = backend.driver
    try launch(blocks: 0, nothing, nothing, nothing)
    // Nothing is there yet. Every pass leaves it like that.
    try driver.check(
      driver.table.set_bytes(exchanged.address, 0xFF, exchanged.byteCount, driver.stream),
      "cuMemsetD8Async", "decode")
    try driver.wait("decode")
  }

  /// The descriptor of a matrix of codes: rows of pieces of 64 bytes, of which a copy takes four of eight rows.
  private static func map(_ weight: Weight, bits: Int, _ backend: CUDABackend) throws -> [UInt8] {
    let (tensor, bytes) =
      switch weight {
      case .dense(let tensor): (tensor, weight.columns * 2)
      case .packed(let matrix): (matrix.codes, weight.columns * bits / 8)
      }
    return try TensorMap(
      at: tensor.address, type: 0, sizes: [64, UInt64(weight.rows), UInt64(bytes / 64)],
      strides: [UInt64(bytes), 64], box: [64, 8, 4], swizzle: 0, backend.driver, "decode"
    ).argument.bytes
  }

  func callAsFunction(_ x: Tensor) throws -> (residual: Tensor, delta: Tensor) {
    let (name, hidden) = ("decode", form.columns[0])
    try backend.check(x, name, "x", rows: 1, columns: hidden, .bf16)
    let residual = try backend.make([1, hidden], .bf16)
    let delta = try backend.make([1, hidden], .bf16)
    try launch(blocks: blocks.count, x, residual, delta)
    return (residual, delta)
  }

  private func launch(blocks count: Int, _ x: Tensor, _ residual: Tensor, _ delta: Tensor) throws {
    try backend.launch(
      form.source, "decode_blocks", grid: Extent(form.grid), block: Extent(TokenForm.threads),
      shared: form.shared, cooperative: true, early: count > 0, maps, entries, Int32(count), layout,
      x, residual, delta, exchanged, turn, following?.weight, following?.bytes ?? 0,
      blocks[0].inputNorm.dtype.code, epsilon, rotary.cosine,
      rotary.sine, Int32(rotary.half), blocks[0].cache.keys.stride, position, Int32(0),
      Int32(shape.window ?? 0), shape.scale, partial, counters, Int32(contextParts), Int32(384))
  }
}
