import CCUDA
import FakeCUDA
import Testing

@testable import CUDA

/// The backend on a machine that only keeps books. Tests that use it run one at a time: there is one machine.
@Suite(.serialized)
struct FakeMachineTests {}

/// A fresh machine, changed by `prepare`, and its libraries.
func fakeLibraries(_ prepare: (UnsafeMutablePointer<olv_fake>) -> Void = { _ in }) -> Libraries {
  olv_fake_reset()
  prepare(olv_fake_machine())
  let driver = UnsafeMutablePointer<olv_driver>.allocate(capacity: 1)
  let compiler = UnsafeMutablePointer<olv_compiler>.allocate(capacity: 1)
  let products = UnsafeMutablePointer<olv_products>.allocate(capacity: 1)
  defer {
    driver.deallocate()
    compiler.deallocate()
    products.deallocate()
  }
  olv_fake_fill(driver, compiler, products)
  return Libraries(
    driver: driver.pointee, compiler: compiler.pointee, products: products.pointee,
    solver: {
      throw CUDAUnavailable.missingLibrary(names: ["libcusolver"], searched: [], reason: "fake")
    })
}

func fakeBackend(
  limit: Int? = nil, index: Int? = nil, cache: CubinCache = CubinCache(folder: nil),
  _ prepare: (UnsafeMutablePointer<olv_fake>) -> Void = { _ in }
) throws -> CUDABackend {
  try CUDABackend(fakeLibraries(prepare), index: index, cache: cache, limit: limit)
}

var machine: olv_fake { olv_fake_machine().pointee }
