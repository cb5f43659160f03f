import CCUDA
import FakeCUDA
import Runtime
import Testing

@testable import CUDA

extension FakeMachineTests {
  @Test func theFirstGPUThatServesIsTaken() throws {
    let backend = try fakeBackend { machine in
      machine.pointee.devices = 3
      machine.pointee.capabilities = (75, 90, 90, 90)
      machine.pointee.context_status = (0, 46, 0, 0)
    }
    #expect(backend.device.description == "cuda:2")
    #expect(backend.device.memory == 1 << 30)
    #expect(backend.activation == .bf16)
    // The card's kind and the libraries, not which of the cards it is.
    #expect(
      backend.arithmetic
        == "\(backend.device.name), NVRTC \(backend.kernels.compilerVersion), cuBLASLt \(backend.products.version)"
    )
  }

  @Test func whyThereIsNoGPU() {
    func failure(_ index: Int? = nil, _ prepare: (UnsafeMutablePointer<olv_fake>) -> Void)
      -> CUDAUnavailable?
    {
      do {
        _ = try fakeBackend(index: index, prepare)
        return nil
      } catch { return error as? CUDAUnavailable }
    }
    #expect(failure { $0.pointee.init_status = 100 } == .noGPU)
    #expect(failure { $0.pointee.devices = 0 } == .noGPU)
    #expect(failure(3) { $0.pointee.devices = 2 } == .noSuchGPU(index: 3, count: 2))
    #expect(
      failure { $0.pointee.capabilities.0 = 75 }
        == .unsupportedGPU(name: "Fake GPU", capability: "7.5", needed: "8.0"))
    #expect(failure { $0.pointee.context_status.0 = 46 } == .busy(name: "Fake GPU"))
    #expect(
      failure { $0.pointee.init_status = 999 }
        == .driverFailed(call: "cuInit", error: "FAKE_ERROR: something was wrong"))
  }

  @Test func everyFailureSaysWhatToDo() {
    let failures: [CUDAUnavailable] = [
      .noDriver(searched: ["a"], reason: "r"), .driverTooOld(version: 11080, needed: 12000),
      .driverFailed(call: "c", error: "e"), .noGPU, .noSuchGPU(index: 2, count: 1),
      .unsupportedGPU(name: "n", capability: "7.5", needed: "8.0"), .busy(name: "n"),
      .missingLibrary(names: ["l"], searched: ["p"], reason: "r"),
    ]
    for failure in failures {
      #expect(failure.help != nil && !failure.message.hasSuffix("."), "\(failure)")
    }
    #expect(failures[1].message.contains("11.8") && failures[1].message.contains("12.0"))
  }

  @Test func anErrorOfTheDeviceShowsWhereItIsWaitedFor() throws {
    let backend = try fakeBackend()
    let tensor = try backend.make([4], .f32)
    try backend.fill(tensor, with: 0)
    #expect(try backend.read(tensor) == [0, 0, 0, 0])
    olv_fake_machine().pointee.wait_status = 700
    #expect(throws: CUDACallFailed.self) { try backend.read(tensor) }
  }
}
