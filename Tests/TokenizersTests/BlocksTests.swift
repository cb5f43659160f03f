import Testing

@testable import Tokenizers

struct BlocksTests {
  /// The definition itself: the whole stream, blocks from 0, length, 2·length, … below count − length.
  static func definition(_ rows: [[Int32]], _ separator: [Int32], _ length: Int) -> [[Int32]] {
    let stream = rows.flatMap { $0 + separator }
    return Swift.stride(from: 0, to: stream.count - length, by: length).map {
      Array(stream[$0..<$0 + length])
    }
  }

  @Test(arguments: [1, 2, 3, 5, 8, 20, 21, 100])
  func blocksFollowTheDefinition(length: Int) {
    let rows: [[Int32]] = [[1, 2, 3], [], [4], Array(5...17), [18, 19]]
    for separator: [Int32] in [[], [0], [0, 0]] {
      #expect(
        joinedBlocks(rows, separator: separator, length: length)
          == Self.definition(rows, separator, length))
    }
  }

  @Test func aStreamOfExactlyThreeBlocksGivesTwo() {
    #expect(
      joinedBlocks([[1, 2, 3, 4, 5, 6]], separator: [], length: 2) == [[1, 2], [3, 4]])
  }

  @Test func theFirstBlocksAreTakenWhereLimited() {
    let rows = (0..<50).map { [Int32($0), 7, 7] }
    let all = joinedBlocks(rows, separator: [1], length: 6)
    #expect(joinedBlocks(rows, separator: [1], length: 6, limit: 4) == Array(all.prefix(4)))
    #expect(joinedBlocks(rows, separator: [1], length: 6, limit: 0).isEmpty)
    #expect(joinedBlocks(rows, separator: [1], length: 0).isEmpty)
  }
}
