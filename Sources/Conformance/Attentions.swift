import Glibc
import Tensor

/// One attention layer to be checked.
private struct AttentionCase: Sendable {
  var lengths: [Int]
  var shape: AttentionShape
  /// Elements of a head that turn.
  var rotary: Int
  var fused = true
  var threshold = Int.max

  var name: String {
    "\(lengths.count) × up to \(lengths.max() ?? 0), \(shape.heads)/\(shape.keyValueHeads) heads of "
      + "\(shape.width)" + (shape.window.map { ", window \($0)" } ?? "")
      + (threshold < .max ? ", two tables" : "")
  }

  static let all = [
    AttentionCase(
      lengths: [5], shape: AttentionShape(heads: 2, keyValueHeads: 2, width: 32), rotary: 32),
    AttentionCase(
      lengths: [17, 1, 130, 64], shape: AttentionShape(heads: 4, keyValueHeads: 2, width: 64),
      rotary: 64),
    AttentionCase(
      lengths: [200, 33], shape: AttentionShape(heads: 4, keyValueHeads: 4, width: 96),
      rotary: 96),
    AttentionCase(
      lengths: [300], shape: AttentionShape(heads: 8, keyValueHeads: 2, width: 128), rotary: 128,
      fused: false),
    AttentionCase(
      lengths: [257, 128], shape: AttentionShape(heads: 2, keyValueHeads: 1, width: 96, window: 50),
      rotary: 96),
    AttentionCase(
      lengths: [40, 100], shape: AttentionShape(heads: 3, keyValueHeads: 3, width: 48), rotary: 24,
      threshold: 64),
    AttentionCase(
      lengths: [77], shape: AttentionShape(heads: 2, keyValueHeads: 2, width: 16), rotary: 8),
  ]

  /// More runs of queries than a GPU takes up at once.
  static let crowd = AttentionCase(
    lengths: (0..<50).map { 1 + $0 * 37 % 90 },
    shape: AttentionShape(heads: 6, keyValueHeads: 3, width: 32), rotary: 32)
}

extension Trial {
  /// Tables of angles as rotary embedding has them.
  func rotary(_ positions: Int, _ width: Int, base: Float, threshold: Int) throws -> (
    device: Rotary, reference: Rotary
  ) {
    func tables(_ base: Float) throws -> (RotaryTable, RotaryTable) {
      let half = width / 2
      let angles = (0..<positions * half).map {
        Float($0 / half) * powf(base, -Float($0 % half) / Float(half))
      }
      let cosine = try pair(Tensor(angles.map(cosf), shape: [positions, half]))
      let sine = try pair(Tensor(angles.map(sinf), shape: [positions, half]))
      return (
        RotaryTable(cosine: cosine.device, sine: sine.device),
        RotaryTable(cosine: cosine.reference, sine: sine.reference)
      )
    }
    let (short, long) = (try tables(base), try tables(base * 7))
    return (
      Rotary(short: short.0, long: threshold < .max ? long.0 : nil, threshold: threshold),
      Rotary(short: short.1, long: threshold < .max ? long.1 : nil, threshold: threshold)
    )
  }
}

extension Conformance {
  static let attentions = [
    Check("attention") { trial in
      for item in AttentionCase.all + [.crowd] {
        try trial.attempt(item.name) { trial in
          let segments = Segments(lengths: item.lengths)
          let (n, shape) = (segments.tokens, item.shape)
          let (queries, keys) = (shape.heads * shape.width, shape.keyValueHeads * shape.width)
          let width = queries + 2 * keys
          let tables = try trial.rotary(
            segments.longest, item.rotary, base: 100, threshold: item.threshold)
          var q = try trial.activation(n, width)
          var (k, v) = (q.columns(queries..<queries + keys), q.columns(queries + keys..<width))
          q = q.columns(0..<queries)
          if !item.fused {
            q = try trial.activation(n, queries)
            k = try trial.activation(n, keys)
            v = try trial.activation(n, keys)
          }
          let found = try trial.device.attention(
            q: q.device, k: k.device, v: v.device, rotary: tables.device, segments: segments,
            shape: shape, precision: .bf16, keep: true)
          let wanted = try trial.reference.attention(
            q: q.reference, k: k.reference, v: v.reference, rotary: tables.reference,
            segments: segments, shape: shape, precision: .f32, keep: true)
          try trial.expect("y", found.y, wanted.y, within: Tolerance.halves)
          let again = try trial.device.attention(
            q: q.device, k: k.device, v: v.device, rotary: tables.device, segments: segments,
            shape: shape, precision: .bf16, keep: false)
          try trial.expect("y, nothing kept", again.y, wanted.y, within: Tolerance.halves)

          guard let kept = found.saved, let believed = wanted.saved else {
            return trial.record("saved", .nan, within: 0)
          }
          let dy = try trial.activation(n, queries)
          let gradients = try trial.room(n, width)
          let dq = gradients.columns(0..<queries)
          let dk = gradients.columns(queries..<queries + keys)
          let dv = gradients.columns(queries + keys..<width)
          try trial.device.attentionBackward(
            dy.device, output: found.y, saved: kept, v: v.device, rotary: tables.device,
            segments: segments, shape: shape, precision: .bf16, dq: dq.device, dk: dk.device,
            dv: dv.device)
          try trial.reference.attentionBackward(
            dy.reference, output: wanted.y, saved: believed, v: v.reference,
            rotary: tables.reference, segments: segments, shape: shape, precision: .f32,
            dq: dq.reference, dk: dk.reference, dv: dv.reference)
          try trial.expect("dq", dq.device, dq.reference, within: 2 * Tolerance.halves)
          try trial.expect("dk", dk.device, dk.reference, within: 2 * Tolerance.halves)
          try trial.expect("dv", dv.device, dv.reference, within: 2 * Tolerance.halves)
        }
      }
    },
    Check("cachedAttention") { trial in
      for item in AttentionCase.all where item.threshold == .max {
        try trial.attempt(item.name) { trial in
          let shape = item.shape
          let (queries, keys) = (shape.heads * shape.width, shape.keyValueHeads * shape.width)
          let total = item.lengths.reduce(0, +) + 3
          let tables = try trial.rotary(total, item.rotary, base: 100, threshold: .max)
          func cache(_ backend: any Backend) throws -> KeyValueCache {
            KeyValueCache(
              keys: try backend.make([total, keys], backend.activation),
              values: try backend.make([total, keys], backend.activation))
          }
          let (mine, believed) = (try cache(trial.device), try cache(trial.reference))
          // The prompt at once or in parts, then token by token.
          for (step, count) in (item.lengths + [1, 1, 1]).enumerated() {
            let q = try trial.activation(count, queries)
            let k = try trial.activation(count, keys, isView: true)
            let v = try trial.activation(count, keys)
            let found = try trial.device.attention(
              q: q.device, k: k.device, v: v.device, table: tables.device.short, cache: mine,
              shape: shape)
            let wanted = try trial.reference.attention(
              q: q.reference, k: k.reference, v: v.reference, table: tables.reference.short,
              cache: believed, shape: shape)
            try trial.expect("step \(step)", found, wanted, within: Tolerance.halves)
          }
          try trial.expect("keys", mine.keys, believed.keys, within: Tolerance.half)
          try trial.expect("values", mine.values, believed.values, within: Tolerance.exact)
          trial.record("count", mine.count == believed.count ? 0 : .nan, within: 0)
        }
      }
    },
    Check("replay") { trial in
      guard let device = trial.device as? any ReplayingBackend else { return }
      for item in AttentionCase.all where item.threshold == .max && item.rotary != 8 {
        try trial.attempt(item.name) { trial in
          let shape = item.shape
          let (queries, keys) = (shape.heads * shape.width, shape.keyValueHeads * shape.width)
          let (steps, capacity) = (40, 90)
          let tables = try trial.rotary(capacity, item.rotary, base: 100, threshold: .max)
          func cache(_ backend: any Backend) throws -> KeyValueCache {
            KeyValueCache(
              keys: try backend.make([capacity, keys], backend.activation),
              values: try backend.make([capacity, keys], backend.activation))
          }
          let (mine, believed) = (try cache(device), try cache(trial.reference))
          // Each token's queries, keys and values are rows of a table, chosen by number.
          let width = queries + 2 * keys
          let rows = try trial.tensor([steps, width], .bf16)
          func attend(
            _ backend: any Backend, _ row: Tensor, _ table: RotaryTable, _ cache: KeyValueCache
          ) throws -> Tensor {
            try backend.attention(
              q: row.columns(0..<queries), k: row.columns(queries..<queries + keys),
              v: row.columns(queries + keys..<width), table: table, cache: cache, shape: shape)
          }
          let inputs = try trial.pair(Tensor([0, 0], shape: [2]), .i32).device
          func integer(_ place: Int) -> Tensor {
            Tensor(inputs.storage, shape: [1], dtype: .i32, offset: place, rowStride: 1)
          }
          mine.position = integer(1)
          let recording = try device.record {
            try attend(
              device, try device.embedding(rows.device, at: integer(0)), tables.device.short, mine)
          }
          for step in 0..<steps {
            try device.write([Int32(step), Int32(step)], into: inputs)
            try recording.replay()
            // Other work between replays must not touch what the recording works in.
            _ = try device.add(rows.device, rows.device)
            let row = try trial.reference.embedding(rows.reference, ids: [Int32(step)])
            try trial.expect(
              "step \(step)", recording.output,
              try attend(trial.reference, row, tables.reference.short, believed),
              within: Tolerance.halves)
          }
        }
      }
    },
    Check("tokenPass") { trial in
      guard let device = trial.device as? any ReplayingBackend else { return }
      for item in PassCase.all {
        try trial.attempt(item.name) { try $0.check(item, on: device) }
      }
    },
  ]
}
