/// What encoding needs besides the tokenizer, kept from text to text.
struct Workspace: Sendable {
  var cache = WordCache()
  var spelled: [UInt8] = []
  /// The word's symbols, from characters to tokens.
  var symbols: [Int32] = []
  /// For each symbol the merge with its successor.
  fileprivate var pairs: [UInt64] = []
  fileprivate var previous: [Int32] = []
  fileprivate var next: [Int32] = []
  /// Candidates as rank × 2³² + place, the smallest on top.
  fileprivate var heap: [UInt64] = []
}

extension BPE {
  /// Up to this many symbols, looking through all pairs for the best is faster than keeping them in order.
  private static let shortWord = 40

  /// Merges the workspace's symbols until no pair has a merge: lowest rank first, of equal ones the leftmost.
  ///
  /// - Complexity: O(n log n) for n symbols.
  func merge(_ workspace: inout Workspace) {
    guard workspace.symbols.count > 1 else { return }
    if workspace.symbols.count <= BPE.shortWord {
      mergeShort(&workspace.symbols, &workspace.pairs)
    } else {
      mergeLong(&workspace)
    }
  }

  private func mergeShort(_ symbols: inout [Int32], _ pairs: inout [UInt64]) {
    pairs.removeAll(keepingCapacity: true)
    for place in 1..<symbols.count {
      pairs.append(merges.merge(symbols[place - 1], symbols[place]))
    }
    while true {
      var best = Merges.none
      var place = 0
      for (candidate, merge) in pairs.enumerated() where merge < best {
        best = merge
        place = candidate
      }
      guard best != Merges.none else { return }
      symbols[place] = Int32(truncatingIfNeeded: best)
      symbols.remove(at: place + 1)
      pairs.remove(at: place)
      if place > 0 { pairs[place - 1] = merges.merge(symbols[place - 1], symbols[place]) }
      if place < pairs.count { pairs[place] = merges.merge(symbols[place], symbols[place + 1]) }
    }
  }

  private func mergeLong(_ workspace: inout Workspace) {
    let count = workspace.symbols.count
    workspace.pairs.removeAll(keepingCapacity: true)
    workspace.previous.removeAll(keepingCapacity: true)
    workspace.next.removeAll(keepingCapacity: true)
    workspace.heap.removeAll(keepingCapacity: true)
    for place in 0..<count {
      workspace.previous.append(Int32(place) - 1)
      workspace.next.append(place + 1 < count ? Int32(place) + 1 : -1)
      let merge =
        place + 1 < count
        ? merges.merge(workspace.symbols[place], workspace.symbols[place + 1]) : Merges.none
      workspace.pairs.append(merge)
      if merge != Merges.none { workspace.heap.append(BPE.candidate(merge, place)) }
    }
    Heap.order(&workspace.heap)
    while let candidate = Heap.pop(&workspace.heap) {
      let place = Int(candidate & 0xFFFF_FFFF)
      let merge = workspace.pairs[place]
      // The pair may have changed since: then the candidate is stale.
      guard merge != Merges.none, merge >> 32 == candidate >> 32 else { continue }
      let right = Int(workspace.next[place])
      let after = workspace.next[right]
      workspace.symbols[place] = Int32(truncatingIfNeeded: merge)
      workspace.symbols[right] = -1
      workspace.pairs[right] = Merges.none
      workspace.next[place] = after
      if after >= 0 { workspace.previous[Int(after)] = Int32(place) }
      renew(place, &workspace)
      let before = workspace.previous[place]
      if before >= 0 { renew(Int(before), &workspace) }
    }
    workspace.symbols.removeAll { $0 < 0 }
  }

  /// Looks up the merge of the symbol at `place` with its successor.
  @inline(__always)
  private func renew(_ place: Int, _ workspace: inout Workspace) {
    let next = workspace.next[place]
    guard next >= 0 else {
      workspace.pairs[place] = Merges.none
      return
    }
    let merge = merges.merge(workspace.symbols[place], workspace.symbols[Int(next)])
    workspace.pairs[place] = merge
    if merge != Merges.none { Heap.push(BPE.candidate(merge, place), &workspace.heap) }
  }

  @inline(__always)
  private static func candidate(_ merge: UInt64, _ place: Int) -> UInt64 {
    (merge >> 32) << 32 | UInt64(place)
  }
}

/// A binary heap with the smallest element first.
private enum Heap {
  static func order(_ heap: inout [UInt64]) {
    for place in stride(from: heap.count / 2 - 1, through: 0, by: -1) { sink(place, &heap) }
  }

  static func push(_ element: UInt64, _ heap: inout [UInt64]) {
    heap.append(element)
    var place = heap.count - 1
    while place > 0 {
      let parent = (place - 1) / 2
      guard element < heap[parent] else { break }
      heap[place] = heap[parent]
      place = parent
    }
    heap[place] = element
  }

  static func pop(_ heap: inout [UInt64]) -> UInt64? {
    guard let top = heap.first, let last = heap.popLast() else { return nil }
    if !heap.isEmpty {
      heap[0] = last
      sink(0, &heap)
    }
    return top
  }

  private static func sink(_ start: Int, _ heap: inout [UInt64]) {
    let element = heap[start]
    var place = start
    while true {
      var child = 2 * place + 1
      guard child < heap.count else { break }
      if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
      guard heap[child] < element else { break }
      heap[place] = heap[child]
      place = child
    }
    heap[place] = element
  }
}
