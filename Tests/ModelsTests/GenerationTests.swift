import Glibc
import Models
import Tensor
import TestSupport
import Testing

@Suite(.enabled(if: Shared.hasReference && Shared.hasReal, "needs ../shared"))
struct GenerationTests {
  let phi = "\(Shared.reference ?? "")/phi3-tiny"
  let stories = "\(Shared.real ?? "")/models/stories260K"

  /// Token by token with a cache gives what the whole sequence gives at once.
  @Test(arguments: [1, 5, 20]) func cacheEqualsFullPass(_ prompt: Int) throws {
    for folder in [phi, stories] {
      let model = try loadModel(folder: folder, backend: backend)
      let sequence = (0..<30).map { Int32($0 * 37 % 500 + 3) }
      let full = try model.allLogits(sequence)
      let vocabulary = model.config.vocabulary
      let decoding = Decoding(model)
      var logits = try decoding.read(Array(sequence[..<prompt]))
      for place in prompt...sequence.count {
        let expected = Array(full[(place - 1) * vocabulary..<place * vocabulary])
        #expect(distance(logits, expected) <= 1e-4, "after \(place) tokens")
        if place < sequence.count { logits = try decoding.read([sequence[place]]) }
      }
      #expect(decoding.ids == sequence)
    }
  }

  /// Growing past 512 tokens changes the rotary factors of all positions: the cache is built again.
  @Test func cacheAcrossTheOriginalLength() throws {
    let model = try loadModel(folder: phi, backend: backend)
    let sequence = (0..<516).map { Int32($0 * 37 % 500 + 3) }
    let decoding = Decoding(model)
    _ = try decoding.read(Array(sequence[..<510]))
    for place in 510..<516 {
      let logits = try decoding.read([sequence[place]])
      let all = try model.allLogits(Array(sequence[...place]))
      #expect(distance(logits, all.suffix(logits.count)) <= 2e-4, "after \(place + 1) tokens")
    }
  }

  @Test func slidingWindow() throws {
    try withFolder { parent in
      try makeSmallModel(
        in: "\(parent)/m", ["architectures": ["Phi3ForCausalLM"], "sliding_window": 5])
      let model = try loadModel(folder: "\(parent)/m", backend: backend)
      let sequence = (0..<20).map { Int32($0 * 7 % 250) }
      let full = try model.allLogits(sequence)
      // With two layers a token sees at most 2·4 tokens back: changing an earlier one must not show.
      var other = sequence
      other[19 - 9] = 251
      #expect(try model.allLogits(other).suffix(512) == full.suffix(512))
      other[19 - 8] = 251
      #expect(try model.allLogits(other).suffix(512) != full.suffix(512))
      let decoding = Decoding(model)
      var logits = try decoding.read(Array(sequence[..<3]))
      for id in sequence[3...] { logits = try decoding.read([id]) }
      #expect(distance(logits, full.suffix(512)) <= 1e-4)
    }
  }

  /// The story that the model was trained to tell, and the same one again.
  @Test func greedy() throws {
    let model = try loadModel(folder: stories, backend: backend)
    let prompt = model.tokenizer.encode("Once upon a time", special: true)
    var streamed = ""
    let story = try model.generate(prompt, tokens: 40) { streamed += $0 }
    #expect(story.ids.count == 40 && story.end == .length && story.promptTokens == prompt.count)
    #expect(story.text == streamed)
    #expect(story.text.hasPrefix(", there was a little girl named Lily."))
    // Each token is the likeliest after those before it.
    let vocabulary = model.config.vocabulary
    let all = try model.allLogits(prompt + story.ids)
    for (place, id) in story.ids.enumerated() {
      let row = all[(prompt.count - 1 + place) * vocabulary..<(prompt.count + place) * vocabulary]
      #expect((row.max() ?? 0) - row[row.startIndex + Int(id)] <= 1e-4)
    }
    let stop = story.ids[12]
    let stopped = try model.generate(prompt, tokens: 40, stop: [stop])
    #expect(stopped.end == .token(stop))
    #expect(stopped.ids == Array(story.ids[..<(story.ids.firstIndex(of: stop) ?? 0)]))
  }

  @Test func sampledTextsDependOnTheSeedAlone() throws {
    let model = try loadModel(folder: stories, backend: backend)
    func story(_ seed: UInt64) throws -> [Int32] {
      let sampling = Sampling(temperature: 1, topK: 50, topP: 0.95, seed: seed)
      return try model.generate([1], tokens: 30, sampling: sampling).ids
    }
    #expect(try story(1) == story(1))
    #expect(try story(1) != story(2))
  }

  @Test func emptyPrompt() throws {
    let model = try loadModel(folder: stories, backend: backend)
    #expect(try model.generate([], tokens: 3).ids == model.generate([1], tokens: 3).ids)
    #expect(try model.generate([1], tokens: 0).ids.isEmpty)
    #expect(throws: TokenOutOfRange.self) { try model.generate([9999], tokens: 1) }
  }
}

struct SamplingTests {
  @Test func likeliest() throws {
    #expect(try Sampling().choose([1, 5, 5, -.infinity], index: 0) == 1)
    #expect(try Sampling(temperature: 2, topK: 1).choose([1, 5, 5], index: 3) == 1)
    #expect(try Sampling(temperature: 2, topP: 0).choose([1, 5, 5], index: 3) == 1)
  }

  static let cases: [(Sampling, [Double])] = [
    (Sampling(temperature: 1), [0.1, 0.2, 0.3, 0.4]),
    (Sampling(temperature: 0.5), [1, 4, 9, 16]),
    (Sampling(temperature: 1, topK: 2), [0, 0, 3, 4]),
    (Sampling(temperature: 1, topP: 0.75), [0, 2, 3, 4]),
    (Sampling(temperature: 1, topP: 0.65), [0, 0, 3, 4]),
  ]

  /// Frequencies follow softmax(score / temperature), cut and renormalised by top-k and top-p.
  @Test(arguments: cases) func frequencies(_ sampling: Sampling, _ weights: [Double]) throws {
    let total = weights.reduce(0, +)
    let expected = weights.map { $0 / total }
    let logits = [0.1, 0.2, 0.3, 0.4].map { Float(log($0)) }
    var counts = [Int](repeating: 0, count: 4)
    for index in 0..<20000 { counts[Int(try sampling.choose(logits, index: index))] += 1 }
    for (count, share) in zip(counts, expected) {
      // Four standard deviations.
      #expect(abs(Double(count) / 20000 - share) <= 4 * (share * (1 - share) / 20000).squareRoot())
    }
  }

  @Test func notFinite() {
    #expect(throws: NotFinite.self) { try Sampling().choose([1, .nan], index: 0) }
    #expect(throws: NotFinite.self) { try Sampling().choose([-.infinity], index: 0) }
    #expect(throws: NotFinite.self) { try Sampling().choose([], index: 0) }
  }
}
