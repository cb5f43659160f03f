import Synchronization
import Tensor

/// Adapters' masters in the type of their products: made once a training step, not once a product.
///
/// A copy serves until its master is written or the step ends. What writes into a tensor that it was given says so by
/// `forget`. An optimizer's step forgets all, and so does a shortage of memory; what an interrupted step leaves, the next
/// one's end clears.
final class WorkingCopies: Sendable {
  private struct Entry {
    /// Held, so that no other storage takes its place meanwhile.
    let master: Tensor
    let type: DType
    let factor: Float
    let copy: Tensor
  }

  private let entries = Mutex<[ObjectIdentifier: [Entry]]>([:])

  func find(_ master: Tensor, _ type: DType, factor: Float) -> Tensor? {
    entries.withLock {
      $0[ObjectIdentifier(master.storage)]?.first {
        $0.master.offset == master.offset && $0.master.shape == master.shape
          && $0.master.rowStride == master.rowStride && $0.type == type && $0.factor == factor
      }?.copy
    }
  }

  func keep(_ copy: Tensor, of master: Tensor, _ type: DType, factor: Float) {
    entries.withLock {
      $0[ObjectIdentifier(master.storage), default: []].append(
        Entry(master: master, type: type, factor: factor, copy: copy))
    }
  }

  /// Copies of what shares the tensor's storage are no longer good.
  func forget(_ tensor: Tensor) {
    entries.withLock { entries in
      if !entries.isEmpty { entries[ObjectIdentifier(tensor.storage)] = nil }
    }
  }

  func forgetAll() { entries.withLock { $0 = [:] } }
}
