import FakeCUDA
import Tensor
import Testing

@testable import CUDA

extension FakeMachineTests {
  @Test func memoryGivenBackIsHandedOutAgain() throws {
    let backend = try fakeBackend()
    var first: Tensor? = try backend.make([1000, 1000], .f32)
    let address = first?.address
    first = nil
    let second = try backend.make([1000, 1000], .f32)
    #expect(second.address == address)
    #expect(machine.allocations == 1)
    #expect(backend.memoryUse.taken >= 4_000_000)
  }

  /// Neighbours join again, whatever the order they come back in.
  @Test func freeNeighboursJoin() throws {
    let backend = try fakeBackend()
    let size = 2 << 20
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]] {
      var parts: [Tensor?] = try (0..<4).map { _ in try backend.make([size], .u8) }
      for place in order { parts[place] = nil }
      let whole = try backend.make([4 * size], .u8)
      #expect(whole.address % 512 == 0)
    }
    // All of it came from one segment of 32 MiB.
    #expect(machine.allocations == 1)
    #expect(backend.memoryUse.taken == 0)
  }

  @Test func spansNeverOverlap() throws {
    let backend = try fakeBackend()
    let stream = RandomStream(seed: 1, purpose: "spans")
    var held: [Tensor] = []
    for step in 0..<2000 {
      let word = Int(stream[step])
      if word % 3 == 0, !held.isEmpty {
        held.remove(at: word / 3 % held.count)
      } else if held.reduce(0, { $0 + $1.byteCount }) < 300 << 20 {
        held.append(try backend.make([word / 3 % (step % 7 == 0 ? 9 << 20 : 70_000) + 1], .u8))
      }
    }
    let ranges = held.map { ($0.address, $0.address + UInt64($0.byteCount)) }.sorted { $0.0 < $1.0 }
    for (a, b) in zip(ranges, ranges.dropFirst()) { #expect(a.1 <= b.0) }
    #expect(backend.memoryUse.taken >= held.reduce(0) { $0 + $1.byteCount })
    held = []
    #expect(backend.memoryUse.taken == 0)
  }

  @Test func theSessionSurvivesOutOfMemory() throws {
    let backend = try fakeBackend()
    var held: Tensor? = try backend.make([600 << 20], .u8)
    do {
      _ = try backend.make([600 << 20], .u8)
      Issue.record("there was not so much")
    } catch let failure as OutOfMemory {
      #expect(failure.requested == 600 << 20)
      #expect(failure.available == 424 << 20)
    }
    // What is free but held goes back to the driver when a larger piece is wanted.
    held = nil
    #expect(backend.memoryUse.held == 600 << 20)
    let larger = try backend.make([900 << 20], .u8)
    #expect(larger.byteCount == 900 << 20)
    #expect(backend.memoryUse.held == 900 << 20)
    _ = held
  }

  @Test func aLimitIsKept() throws {
    let backend = try fakeBackend(limit: 100 << 20)
    #expect(backend.device.memory == 100 << 20)
    let first = try backend.make([60 << 20], .u8)
    #expect(throws: OutOfMemory.self) { try backend.make([60 << 20], .u8) }
    #expect(machine.taken <= 100 << 20)
    #expect(first.byteCount == 60 << 20)
  }

  /// Another process takes memory of the card: what is left is what counts.
  @Test func anotherProcessOnTheCard() throws {
    let backend = try fakeBackend { $0.pointee.others = 900 << 20 }
    do {
      _ = try backend.make([200 << 20], .u8)
      Issue.record("there was not so much")
    } catch let failure as OutOfMemory { #expect(failure.available == 124 << 20) }
    olv_fake_machine().pointee.others = 0
    _ = try backend.make([200 << 20], .u8)
  }

  /// Near the limit a small tensor does not need a whole segment.
  @Test func smallTensorsFitWhereSegmentsDoNot() throws {
    let backend = try fakeBackend { $0.pointee.memory = 3 << 20 }
    _ = try backend.make([1 << 20], .u8)
  }

  @Test func newTensorsArePoisonedWhereWanted() throws {
    let backend = try fakeBackend()
    backend.poisons = true
    #expect(try backend.read(backend.make([3], .f32)).allSatisfy(\.isNaN))
  }

  @Test func bytesComeBackAsTheyWentIn() throws {
    let backend = try fakeBackend()
    let values: [Float] = [1, -2, .infinity, 0.5, 3, 4]
    let host = Tensor(values, shape: [2, 3])
    #expect(try backend.read(try backend.place(host)) == values)
    // A view travels row by row.
    let placed = try backend.place(host.columns(1..<3))
    #expect(try backend.read(placed) == [-2, .infinity, 3, 4])
    let copy = try backend.make([2, 3], .f32)
    try backend.copy(try backend.place(host), into: copy)
    #expect(try backend.read(copy) == values)
  }

  @Test func tensorsOfTheHostAreRefused() throws {
    let backend = try fakeBackend()
    let host = Tensor([1, 2], shape: [1, 2])
    #expect(throws: ShapeMismatch.self) { try backend.read(host) }
    #expect(throws: ShapeMismatch.self) { try backend.make([-1], .f32) }
    #expect(throws: (any Error).self) { try backend.make([1 << 40, 1 << 40], .f32) }
    #expect(throws: OutOfMemory.self) { try backend.make([1 << 50], .u8) }
  }

  @Test(arguments: [("8GiB", 8 << 30), ("512MiB", 512 << 20), ("1000", 1000), ("0.5GiB", 1 << 29)])
  func limitsAreRead(_ text: String, _ bytes: Int) { #expect(CUDABackend.bytes(text) == bytes) }

  @Test(arguments: ["", "GiB", "-1GiB", "much", "1e40GiB", "nan"])
  func badLimitsAreNone(_ text: String) { #expect(CUDABackend.bytes(text) == nil) }
}
