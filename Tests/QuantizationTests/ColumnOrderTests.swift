import Tensor
import Testing

@testable import Quantization

@Suite struct ColumnOrderTests {
  static let diagonal: [Float] = (0..<96).map {
    RandomStream(seed: 2, purpose: "diagonal").uniform($0)
  }

  @Test(arguments: QuantizationSettings.Order.allCases, [16, 32, nil] as [Int?])
  func permutations(order: QuantizationSettings.Order, group: Int?) throws {
    guard let found = columnOrder(order, diagonal: Self.diagonal, group: group) else {
      #expect(order == .none)
      return
    }
    #expect(found.columns.sorted() == (0..<96).map { Int32($0) })
    #expect(found.places != nil)
    let sizes = found.columns.map { Self.diagonal[Int($0)] }
    switch order {
    case .none: Issue.record("an order where none was asked for")
    case .static, .act:
      #expect(sizes == Self.diagonal.sorted(by: >))
      #expect(found.grouping == (order == .act ? .formed : .fixed))
    case .gar:
      #expect(found.grouping == .kept)
      let width = group ?? 96
      var last = Float.infinity
      for start in stride(from: 0, to: 96, by: width) {
        let part = sizes[start..<start + width]
        #expect(part.elementsEqual(part.sorted(by: >)))
        #expect(Set(found.columns[start..<start + width].map { $0 / Int32(width) }).count == 1)
        let largest = try #require(part.first)
        #expect(largest <= last)
        last = largest
      }
    }
  }

  @Test func tiesKeepTheirOrder() {
    let found = columnOrder(.act, diagonal: [1, 2, 1, 2, 1], group: nil)
    #expect(found?.columns == [1, 3, 0, 2, 4])
  }

  @Test func patterns() {
    let name = "model.layers.10.self_attn.qkv_proj"
    for pattern in [
      "qkv_proj", "self_attn", "layers.10", "model", name, "*", "layers.*.self_attn", "layers.1*",
      "*_proj", "q*v*j", "**kv**",
    ] { #expect(LayerPattern(pattern).matches(name), "\(pattern)") }
    for pattern in [
      "qkv", "layers.1", "0", "layers..self_attn", "attn.qkv_proj", "layers.*.qkv_proj", "*x*", "",
      "\(name).weight", "proj*",
    ] { #expect(!LayerPattern(pattern).matches(name), "\(pattern)") }
  }

  @Test func diagonals() throws {
    let tensor = try backend.vector((0..<12).map { Float($0) }).reshaped([3, 4])
    #expect(try backend.read(tensor.columns(0..<3).diagonal) == [0, 5, 10])
  }
}
