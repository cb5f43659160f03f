import JSON
import Models
import Tensor
import TestSupport
import Testing

@testable import Cache
@testable import Quantization

/// A quantization that takes finished blocks over from a run that was killed.
@Suite(.enabled(if: Shared.hasReference, "needs ../shared/reference"))
struct RestoredBlocksTests {
  @Test(arguments: ["gptq", "awq"], [true, false])
  func theRestIsTheSame(_ method: String, _ sequential: Bool) throws {
    let folder = try Shared.temporaryFolder()
    defer { Shared.remove(folder) }
    let model = try Reference.model()
    let calibration = try Reference.calibration(model, samples: 2)
    var settings = try Quantizers.named(method).defaults
    settings.group = 64
    settings.sequential = sequential
    let (whole, expected) = try model.quantized(settings, calibration: calibration)

    let store = ContentStore(folder: "\(folder)/cache")
    func workplace() -> Workplace {
      Workplace(store: store, stage: "a", keepsEverything: true)
    }
    _ = try model.quantized(settings, calibration: calibration, workplace: workplace())
    #expect(store.entries().count == model.blocks.count)
    // As if the run had died in its last block.
    let last = try #require(model.blocks.last)
    let entry = try #require(workplace().find("block \(last.index)"))
    store.drop(entry.folder)
    let (rest, report) = try model.quantized(
      settings, calibration: calibration, workplace: workplace())
    #expect(report.resumed == model.blocks.count - 1)
    #expect(report.layers == expected.layers)
    #expect(rest.lineage == whole.lineage)
    for (one, two) in zip(whole.blocks, rest.blocks) {
      #expect(try backend.read(one.inputNorm) == backend.read(two.inputNorm))
      #expect(try backend.read(one.postNorm) == backend.read(two.postNorm))
      for (left, right) in zip(one.linears, two.linears) {
        guard case .packed(let a) = left.weight, case .packed(let b) = right.weight else {
          Issue.record("\(left.name) is not packed")
          continue
        }
        #expect(a.grid == b.grid)
        #expect(try backend.read(a.codes) == backend.read(b.codes), "\(left.name)")
        #expect(try backend.read(a.scales) == backend.read(b.scales), "\(left.name)")
      }
    }
  }
}
