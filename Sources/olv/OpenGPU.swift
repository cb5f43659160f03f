import CUDA
import FoundationEssentials
import Runtime
import Verbs

/// The backend for `cuda` and `cuda:N`; for `auto` where there is a GPU that works.
@Sendable
func openGPU(_ device: String) throws -> BackendOffer? {
  let parts = device.split(separator: ":")
  let environment = ProcessInfo.processInfo.environment
  if parts.first == "cuda" {
    let index = parts.count == 2 ? Int(parts[1]) : nil
    return BackendOffer(
      backend: try CUDABackend(index: index, environment: environment), notice: nil)
  }
  guard device == "auto" else { return nil }
  do {
    let backend = try CUDABackend(environment: environment)
    return BackendOffer(
      backend: backend, notice: "computing on \(backend.device): \(backend.device.name)")
  } catch let unavailable as CUDAUnavailable {
    // Nobody with no GPU wants to hear of it.
    if case .noDriver = unavailable { return nil }
    return BackendOffer(
      backend: nil, notice: "computing on the CPU, not on a GPU: \(unavailable.description)")
  }
}
