import COneDNN
import Glibc

/// A factor `[depth, width]` laid out as products read it, so that these need not copy it each time: they do so the more
/// often, the fewer rows they take at once.
struct PackedForm {
  /// A product that reads the layout; it tells others apart.
  let product: OpaquePointer
  private let packing: OpaquePointer
  let address: UnsafeMutableRawPointer
  let depth: Int
  let width: Int

  /// - Returns: Nil where the library packs nothing, or there is no memory.
  init?(_ factor: Factor, depth: Int, width: Int) {
    // The rows that most products take at once.
    var shape = ProductCache.Shape(
      m: 256, n: width, k: depth, strideA: depth, strideB: factor.stride, strideC: width,
      transposedA: false, transposedB: factor.transposed, bf16: factor.type == .bf16,
      accumulate: false
    ).description
    shape.packed_b = 1
    guard let product = olv_product_create(&shape) else { return nil }
    var room: UnsafeMutableRawPointer?
    let bytes = olv_product_packed_bytes(product)
    let packing = olv_packing_create(product, &shape)
    guard bytes > 0, posix_memalign(&room, 4096, bytes) == 0, let room, let packing,
      olv_packing_run(packing, factor.address, room) == 0
    else {
      free(room)
      olv_packing_destroy(packing)
      olv_product_destroy(product)
      return nil
    }
    (self.product, self.packing, address) = (product, packing, room)
    (self.depth, self.width) = (depth, width)
  }

  /// Lays the factor's present numbers out.
  ///
  /// - Parameter factor: Where the form was made of it.
  func renew(from factor: Factor) {
    // It went well with the same layouts before.
    precondition(olv_packing_run(packing, factor.address, address) == 0, "a layout failed")
  }

  func destroy() {
    olv_packing_destroy(packing)
    olv_product_destroy(product)
    free(address)
  }
}

/// The packed forms of a stored matrix.
struct PackedForms {
  /// Of its transpose, which the forward multiplies with.
  let turned: PackedForm
  /// Of itself, for the way back.
  let straight: PackedForm?

  /// - Parameter factor: The matrix, `[rows, columns]`, as it is stored.
  /// - Returns: Nil where the library packs nothing, or there is no memory.
  init?(_ factor: Factor, rows: Int, columns: Int, bothWays: Bool) {
    guard let turned = PackedForm(factor.transpose, depth: columns, width: rows) else {
      return nil
    }
    self.turned = turned
    straight = bothWays ? PackedForm(factor, depth: rows, width: columns) : nil
  }

  func renew(from factor: Factor) {
    turned.renew(from: factor.transpose)
    straight?.renew(from: factor)
  }

  func destroy() {
    turned.destroy()
    straight?.destroy()
  }
}

/// A weight as it is, and packed.
final class PackedStorage: Storage, @unchecked Sendable {
  private let plain: Tensor
  private let address: UnsafeMutableRawPointer
  let forms: UnsafePointer<PackedForms>

  /// - Parameter weight: Contiguous, f32 or bf16, on the host.
  /// - Returns: Nil where the library packs nothing, or there is no memory.
  init?(_ weight: Tensor, bothWays: Bool) {
    guard let address = weight.storage.host, weight.shape.count == 2, weight.isContiguous,
      weight.offset == 0, weight.count > 0
    else { return nil }
    let made = PackedForms(
      Factor(address, weight.dtype, stride: weight.columns), rows: weight.rows,
      columns: weight.columns, bothWays: bothWays)
    guard let made else { return nil }
    let forms = UnsafeMutablePointer<PackedForms>.allocate(capacity: 1)
    forms.initialize(to: made)
    self.plain = weight
    self.address = address
    self.forms = UnsafePointer(forms)
    super.init(byteCount: weight.storage.byteCount)
  }

  deinit {
    forms.pointee.destroy()
    forms.deallocate()
  }

  override var host: UnsafeMutableRawPointer? { address }
}

extension CPUBackend {
  public func packed(_ weight: Tensor, bothWays: Bool) -> Tensor {
    guard library.hasOneDNN, weight.dtype == .f32 || weight.dtype == .bf16,
      let storage = PackedStorage(weight, bothWays: bothWays)
    else { return weight }
    return Tensor(storage, shape: weight.shape, dtype: weight.dtype)
  }
}

extension Weight {
  /// Its packed forms, where it has such.
  var forms: UnsafePointer<PackedForms>? {
    guard case .dense(let tensor) = self, tensor.offset == 0 else { return nil }
    return (tensor.storage as? PackedStorage)?.forms
  }
}
