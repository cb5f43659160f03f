import COneDNN
import CPUKernels
import Glibc

/// A factor of a matrix product as it lies in memory, read as it is or transposed.
struct Factor {
  var address: UnsafeRawPointer
  /// f32 or bf16.
  var type: DType
  /// Elements from one stored row to the next.
  var stride: Int
  /// Whether the factor is the transpose of what is stored.
  var transposed: Bool
  /// What is stored, as the products of the whole factor read it best, where it was laid out so.
  var packed: UnsafePointer<PackedForms>?

  init(_ address: UnsafeRawPointer, _ type: DType, stride: Int, transposed: Bool = false) {
    self.address = address
    self.type = type
    self.stride = stride
    self.transposed = transposed
  }

  /// The part that starts at `row` and `column` of the factor.
  func from(row: Int, column: Int) -> Factor {
    var part = self
    if row != 0 || column != 0 { part.packed = nil }
    part.address += (transposed ? column * stride + row : row * stride + column) * type.size
    return part
  }

  var transpose: Factor {
    var other = self
    other.transposed.toggle()
    return other
  }

  /// The packed form of the factor as it is read.
  var form: PackedForm? { transposed ? packed?.pointee.turned : packed?.pointee.straight }
}

/// The libraries that multiply matrices.
///
/// Measured with one thread on a Zen 4 core (peak 118 GFLOP/s f32, 237 bf16) for the shapes of small models (64 to 256
/// rows, 64 to 2048 columns, sums over 32 to 2048): oneDNN's matmul primitive 102–117 and 160–230, its sgemm 95–117,
/// OpenBLAS 83–104. So products are primitives, kept by shape; OpenBLAS is for LAPACK and for machines without oneDNN.
struct ProductLibrary: Sendable {
  let blas: OpenBLAS
  let hasOneDNN: Bool

  private static let opened = Result {
    OpenMP.restrain()
    return ProductLibrary(blas: try OpenBLAS.shared(), hasOneDNN: olv_onednn_open() != 0)
  }

  /// The libraries, opened at the first call.
  ///
  /// - Throws: `MissingLibrary` without OpenBLAS.
  static func shared() throws -> ProductLibrary { try opened.get() }
}

/// The products that one thread has compiled.
final class ProductCache {
  struct Shape: Hashable {
    var m, n, k: Int
    var strideA, strideB, strideC: Int
    var transposedA, transposedB, bf16, accumulate: Bool
    /// Whether b comes packed.
    var packed = false

    var description: olv_product_shape {
      olv_product_shape(
        m: Int64(m), n: Int64(n), k: Int64(k), stride_a: Int64(strideA), stride_b: Int64(strideB),
        stride_c: Int64(strideC), transposed_a: transposedA ? 1 : 0,
        transposed_b: transposedB ? 1 : 0, bf16: bf16 ? 1 : 0, accumulate: accumulate ? 1 : 0,
        packed_b: packed ? 1 : 0)
    }
  }

  /// Products kept at most; ragged batches bring new shapes all the time.
  private static let limit = 4096
  private var products: [Shape: OpaquePointer?] = [:]
  private var scratch: UnsafeMutableRawPointer?
  private var scratchBytes = 0

  deinit {
    clear()
    free(scratch)
  }

  private func clear() {
    for product in products.values { olv_product_destroy(product) }
    products.removeAll()
  }

  /// - Returns: Whether the product was computed.
  func run(
    _ shape: Shape, _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ c: UnsafeMutablePointer<Float>,
    form: PackedForm? = nil
  ) -> Bool {
    guard let product = product(shape, form) else { return false }
    return olv_product_run(product, a, b, c, scratch) == 0
  }

  private func product(_ shape: Shape, _ form: PackedForm?) -> OpaquePointer? {
    if let known = products[shape] { return known }
    if products.count >= Self.limit { clear() }
    var description = shape.description
    var product = olv_product_create(&description)
    if let made = product, let form, olv_product_packs_alike(made, form.product) == 0 {
      // Few rows may want another layout.
      olv_product_destroy(made)
      product = nil
    }
    if let made = product {
      let needed = olv_product_scratch(made)
      if needed > scratchBytes {
        free(scratch)
        scratch = nil
        scratchBytes = posix_memalign(&scratch, 4096, needed) == 0 ? needed : 0
      }
      if scratchBytes < needed {
        olv_product_destroy(made)
        product = nil
      }
    }
    products[shape] = .some(product)
    return product
  }
}

extension Workspace {
  /// `c ← alpha · a · b + beta · c` on this thread: a `[m, k]`, b `[k, n]`, c f32 `[m, n]` with `stride` elements from
  /// row to row.
  ///
  /// - Guarantee: the result does not depend on what ran before.
  func multiply(
    m: Int, n: Int, k: Int, _ a: Factor, _ b: Factor, _ c: UnsafeMutablePointer<Float>,
    stride: Int, alpha: Float = 1, beta: Float = 0
  ) {
    guard m > 0, n > 0 else { return }
    let plain = (alpha == 1 && beta == 1) || beta == 0
    guard k > 0, library.hasOneDNN, plain else {
      return fallBack(m: m, n: n, k: k, a, b, c, stride: stride, alpha: alpha, beta: beta)
    }
    // Rows in powers of two, so that ragged batches share their primitives. The rows of a transposed factor are columns
    // of what is stored: products are faster where they take all of them.
    var row = 0
    while row < m {
      let left = m - row
      let part =
        a.transposed
        ? left
        : left >= 256
          ? 256 : left < 16 ? left : 1 << (Int.bitWidth - 1 - left.leadingZeroBitCount)
      let shape = ProductCache.Shape(
        m: part, n: n, k: k, strideA: a.stride, strideB: b.stride, strideC: stride,
        transposedA: a.transposed, transposedB: b.transposed, bf16: a.type == .bf16,
        accumulate: beta == 1)
      let (rows, target) = (a.from(row: row, column: 0), c + row * stride)
      if let form = b.form, form.width == n, form.depth == k {
        var packed = shape
        packed.packed = true
        if products.run(packed, rows.address, form.address, target, form: form) {
          row += part
          continue
        }
      }
      if !products.run(shape, rows.address, b.address, target) {
        fallBack(m: part, n: n, k: k, rows, b, target, stride: stride, alpha: 1, beta: beta)
      }
      if alpha != 1 {
        for i in 0..<part { kernels.scale(target + i * stride, alpha, target + i * stride, n) }
      }
      row += part
    }
  }

  /// The same through OpenBLAS, bf16 factors widened first.
  private func fallBack(
    m: Int, n: Int, k: Int, _ a: Factor, _ b: Factor, _ c: UnsafeMutablePointer<Float>,
    stride: Int, alpha: Float, beta: Float
  ) {
    let (x, y) = (widened(a, m, k, slot: Self.slots - 2), widened(b, k, n, slot: Self.slots - 1))
    library.blas.sgemm(
      101, x.transposed ? 112 : 111, y.transposed ? 112 : 111, Int32(m), Int32(n), Int32(k), alpha,
      x.address.assumingMemoryBound(to: Float.self), Int32(max(x.stride, 1)),
      y.address.assumingMemoryBound(to: Float.self), Int32(max(y.stride, 1)), beta, c,
      Int32(max(stride, 1)))
  }

  private func widened(_ factor: Factor, _ rows: Int, _ columns: Int, slot: Int) -> Factor {
    guard factor.type == .bf16 else { return factor }
    let (height, width) = factor.transposed ? (columns, rows) : (rows, columns)
    let target = floats(slot, height * width)
    let source = factor.address.assumingMemoryBound(to: UInt16.self)
    for row in 0..<height {
      kernels.widenBF16(source + row * factor.stride, target + row * width, width)
    }
    return Factor(target, .f32, stride: max(width, 1), transposed: factor.transposed)
  }
}
