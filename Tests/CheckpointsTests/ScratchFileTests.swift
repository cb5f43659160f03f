import Glibc
import Tensor
import Testing

@testable import Checkpoints

@Suite struct ScratchFileTests {
  private func tensor(_ values: [Float]) -> Tensor { Tensor(values, shape: [1, values.count]) }

  private func values(_ tensor: Tensor) -> [Float] {
    guard let host = tensor.host?.assumingMemoryBound(to: Float.self) else { return [] }
    return (0..<tensor.count).map { host[$0] }
  }

  @Test func tensorsComeBackAsTheyWere() throws {
    let file = try #require(ScratchFile())
    let first = (0..<5000).map { Float($0) }
    let moved = try #require(file.take([tensor(first), tensor([1, 2, 3])]))
    let more = try #require(file.take([tensor([-4])]))
    #expect(moved.map(values) == [first, [1, 2, 3]])
    #expect(more.map(values) == [[-4]])
    #expect(moved[1].shape == [1, 3] && moved[1].dtype == .f32)
  }

  /// The memory lives as long as somebody reads it, also where the file was closed.
  @Test func partsOutliveTheFile() throws {
    var file = ScratchFile()
    let moved = try #require(file?.take([tensor([7, 8])]))
    file = nil
    #expect(values(moved[0]) == [7, 8])
  }

  /// What is a view of something wider is left where it is.
  @Test func viewsAreRefused() throws {
    let file = try #require(ScratchFile())
    let wide = Tensor([Float](repeating: 1, count: 12), shape: [3, 4])
    #expect(file.take([wide.columns(0..<2)]) == nil)
  }
}
