import Tensor

/// One backend for all tests of this target: they run in parallel, and a pool of threads for each would only crowd the
/// machine.
enum TestBackend {
  private static let shared = Result { try CPUBackend() }
  static var cpu: CPUBackend { get throws { try shared.get() } }
}
