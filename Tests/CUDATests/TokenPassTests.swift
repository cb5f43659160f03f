import Tensor
import Testing

@testable import CUDA

extension FakeMachineTests {
  /// Where blocks cannot all run at once, there is no pass of a token: the operations do it one by one. Other errors show.
  @Test func tokenPassNeedsCooperation() throws {
    func makesPass(attribute: Int32, status: Int32) throws -> Bool {
      let backend = try fakeBackend {
        $0.pointee.cooperative = attribute
        $0.pointee.cooperative_status = status
      }
      let shape = AttentionShape(heads: 4, keyValueHeads: 4, width: 64)
      func weight(_ rows: Int) throws -> Weight { .dense(try backend.make([rows, 256], .bf16)) }
      let norm = try backend.make([256], .bf16)
      let block = TokenBlock(
        inputNorm: norm, postNorm: norm, attentionInput: [try weight(768)],
        attentionOutput: try weight(256), mlpInput: [try weight(512)], mlpOutput: try weight(256),
        cache: KeyValueCache(
          keys: try backend.make([8, 256], .bf16), values: try backend.make([8, 256], .bf16)))
      let angles = try backend.make([8, 32], .f32)
      return try backend.tokenPass(
        [block], head: nil, table: RotaryTable(cosine: angles, sine: angles),
        position: try backend.make([1], .i32), shape: shape, epsilon: 1e-5) != nil
    }
    #expect(try makesPass(attribute: 1, status: 0))
    #expect(try !makesPass(attribute: 0, status: 0))
    #expect(machine.launches == 0)
    #expect(try !makesPass(attribute: 1, status: 720))
    #expect(try !makesPass(attribute: 1, status: 801))
    #expect(throws: CUDACallFailed.self) { try makesPass(attribute: 1, status: 700) }
  }
}
