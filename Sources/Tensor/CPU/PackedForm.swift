import COneDNN
import Glibc

/// A weight `[rows, columns]` laid out as the products with its transpose read it, so that these need not copy it each
/// time: they do so the more often, the fewer rows they take at once.
struct PackedForm {
  /// A product that reads the layout; it tells others apart.
  let product: OpaquePointer
  let address: UnsafeMutableRawPointer
  let rows: Int
  let columns: Int
}

/// A weight as it is, and packed.
final class PackedStorage: Storage, @unchecked Sendable {
  private let plain: Tensor
  private let address: UnsafeMutableRawPointer
  let form: UnsafePointer<PackedForm>

  /// - Parameter weight: Contiguous, f32 or bf16, on the host.
  /// - Returns: Nil where the library packs nothing, or there is no memory.
  init?(_ weight: Tensor) {
    guard let address = weight.storage.host, weight.shape.count == 2, weight.isContiguous,
      weight.offset == 0, weight.count > 0
    else { return nil }
    // The rows that most products take at once.
    var shape = ProductCache.Shape(
      m: 256, n: weight.rows, k: weight.columns, strideA: weight.columns, strideB: weight.columns,
      strideC: weight.rows, transposedA: false, transposedB: true, bf16: weight.dtype == .bf16,
      accumulate: false
    ).description
    shape.packed_b = 1
    guard let product = olv_product_create(&shape) else { return nil }
    var room: UnsafeMutableRawPointer?
    let bytes = olv_product_packed_bytes(product)
    guard bytes > 0, posix_memalign(&room, 4096, bytes) == 0, let room,
      olv_product_pack(product, &shape, address, room) == 0
    else {
      free(room)
      olv_product_destroy(product)
      return nil
    }
    let form = UnsafeMutablePointer<PackedForm>.allocate(capacity: 1)
    form.initialize(
      to: PackedForm(product: product, address: room, rows: weight.rows, columns: weight.columns))
    self.plain = weight
    self.address = address
    self.form = UnsafePointer(form)
    super.init(byteCount: weight.storage.byteCount)
  }

  deinit {
    olv_product_destroy(form.pointee.product)
    free(form.pointee.address)
    form.deallocate()
  }

  override var host: UnsafeMutableRawPointer? { address }
}

extension CPUBackend {
  public func packed(_ weight: Tensor) -> Tensor {
    guard library.hasOneDNN, weight.dtype == .f32 || weight.dtype == .bf16,
      let storage = PackedStorage(weight)
    else { return weight }
    return Tensor(storage, shape: weight.shape, dtype: weight.dtype)
  }
}
