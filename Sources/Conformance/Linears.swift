import Tensor

/// One linear layer to be checked.
private struct LinearCase: Sendable {
  enum Kind: Sendable {
    case dense(DType)
    case packed(Grid, ordered: Bool)
  }

  var n, inputs, outputs: Int
  var kind: Kind
  var precision = Precision.bf16
  var bias = false
  var rank: Int?
  var dropout: Float = 0
  var isView = false

  var name: String {
    var parts = ["[\(n), \(inputs)] → \(outputs)"]
    switch kind {
    case .dense(let dtype): parts.append(dtype.rawValue)
    case .packed(let grid, let ordered):
      parts.append("\(grid.bits) bits\(ordered ? " ordered" : "")")
    }
    parts.append("in \(precision.rawValue)")
    if bias { parts.append("bias") }
    if let rank { parts.append("rank \(rank) dropout \(dropout)") }
    return parts.joined(separator: ", ")
  }

  static let all = [
    LinearCase(n: 7, inputs: 33, outputs: 65, kind: .dense(.bf16)),
    LinearCase(n: 1, inputs: 256, outputs: 512, kind: .dense(.bf16)),
    LinearCase(n: 3, inputs: 264, outputs: 72, kind: .dense(.bf16), bias: true),
    LinearCase(n: 130, inputs: 256, outputs: 512, kind: .dense(.bf16), rank: 8, dropout: 0.05),
    LinearCase(n: 129, inputs: 264, outputs: 200, kind: .dense(.bf16), rank: 64, isView: true),
    LinearCase(n: 201, inputs: 320, outputs: 136, kind: .dense(.bf16), rank: 64, dropout: 0.3),
    LinearCase(
      n: 700, inputs: 384, outputs: 64, kind: .dense(.bf16), rank: 128, dropout: 0.1, isView: true),
    LinearCase(n: 65, inputs: 64, outputs: 64, kind: .dense(.bf16), rank: 16, dropout: 0.05),
    LinearCase(n: 515, inputs: 320, outputs: 200, kind: .dense(.bf16), rank: 64, dropout: 0.2),
    LinearCase(n: 300, inputs: 776, outputs: 840, kind: .dense(.bf16), rank: 128, dropout: 0.05),
    LinearCase(n: 1100, inputs: 264, outputs: 520, kind: .dense(.bf16), rank: 24),
    LinearCase(
      n: 1030, inputs: 192, outputs: 2632, kind: .dense(.bf16), rank: 64, dropout: 0.05,
      isView: true),
    LinearCase(n: 19, inputs: 33, outputs: 65, kind: .dense(.f32), precision: .f32, rank: 4),
    LinearCase(
      n: 19, inputs: 64, outputs: 96, kind: .dense(.f16), precision: .f32, bias: true, rank: 5,
      dropout: 0.5),
    LinearCase(n: 33, inputs: 128, outputs: 96, kind: .dense(.f16)),
    LinearCase(n: 33, inputs: 128, outputs: 96, kind: .dense(.f32), rank: 16, dropout: 0.1),
    LinearCase(
      n: 66, inputs: 256, outputs: 96,
      kind: .packed(Grid(bits: 4, group: 128, symmetric: false, scaleType: .f16), ordered: false),
      rank: 8, dropout: 0.05),
    LinearCase(
      n: 1, inputs: 256, outputs: 96,
      kind: .packed(Grid(bits: 4, group: 32, symmetric: true, scaleType: .f16), ordered: false)),
    LinearCase(
      n: 2, inputs: 1024, outputs: 320,
      kind: .packed(Grid(bits: 4, group: 128, symmetric: false, scaleType: .f16), ordered: false)),
    LinearCase(
      n: 20, inputs: 96, outputs: 40,
      kind: .packed(Grid(bits: 3, group: 32, symmetric: false), ordered: true)),
    LinearCase(
      n: 20, inputs: 99, outputs: 40,
      kind: .packed(Grid(bits: 3, group: 33, symmetric: false), ordered: false), precision: .f32),
    LinearCase(
      n: 20, inputs: 96, outputs: 40,
      kind: .packed(Grid(bits: 2, group: 16, symmetric: true), ordered: false)),
    LinearCase(
      n: 20, inputs: 96, outputs: 40,
      kind: .packed(Grid(bits: 8, group: nil, symmetric: false), ordered: false), bias: true),
  ]

  func weights(_ trial: inout Trial) throws -> (device: Weight, reference: Weight) {
    switch kind {
    case .dense(let dtype):
      let pair = try trial.tensor([outputs, inputs], dtype, scale: 0.1)
      return (.dense(pair.device), .dense(pair.reference))
    case .packed(let grid, let ordered):
      let (found, wanted) = try trial.packed(
        rows: outputs, columns: inputs, grid, ordered: ordered)
      return (.packed(found), .packed(wanted))
    }
  }

  func adapter(_ trial: inout Trial) throws -> (device: AdapterTerm, reference: AdapterTerm)? {
    guard let rank else { return nil }
    let a = try trial.tensor([rank, inputs], scale: 0.1)
    let b = try trial.tensor([outputs, rank], scale: 0.1)
    let mask = dropout > 0 ? RandomStream(seed: 7, purpose: "mask") : nil
    return (
      AdapterTerm(a: a.device, b: b.device, scale: 0.5, dropout: dropout, mask: mask),
      AdapterTerm(a: a.reference, b: b.reference, scale: 0.5, dropout: dropout, mask: mask)
    )
  }
}

extension Trial {
  /// A random matrix, rounded by the reference; with `ordered`, columns belong to groups in a random order.
  mutating func packed(
    rows: Int, columns: Int, _ grid: Grid, ordered: Bool, scale: Float = 0.1
  ) throws -> (
    device: PackedMatrix, reference: PackedMatrix
  ) {
    let weight = Tensor(numbers(rows * columns, scale: scale), shape: [rows, columns])
    let rounded = try reference.round(weight, to: grid, rule: .minmax, limits: nil)
    var index: Pair?
    if ordered {
      let width = grid.width(columns: columns)
      var groups = (0..<columns).map { Float($0 / width) }
      for (place, other) in integers(columns, below: columns).enumerated() {
        groups.swapAt(place, other)
      }
      index = try pair(Tensor(groups, shape: [columns]), .i32)
    }
    func matrix(_ take: (Tensor) throws -> Tensor, _ index: Tensor?) rethrows -> PackedMatrix {
      PackedMatrix(
        rows: rows, columns: columns, grid: grid, codes: try take(rounded.codes),
        scales: try take(rounded.scales), zeros: try rounded.zeros.map(take), groupIndex: index)
    }
    return (
      try matrix(device.place, index?.device), matrix({ $0 }, index?.reference)
    )
  }
}

extension Trial {
  /// What an adapter adds must arrive, however small beside what its layer gives: what a training run begins with is far
  /// below the last bit of a bf16 result, and counts by its mean. So both must be summed before they are rounded, also on the
  /// way back.
  ///
  /// Recorded is what is missing of the part of the results that lies along the adapter's.
  fileprivate mutating func smallAdapters() throws {
    var shapes = [(1024, 256, 256, 64), (777, 768, 256, 64), (1024, 256, 512, 8)]
    // Those for which libraries have other ways; a processor has but one.
    if device.device.kind != .cpu { shapes.append((2048, 3072, 4352, 64)) }
    for (n, inputs, outputs, rank) in shapes {
      let x = try activation(n, inputs)
      let dy = try activation(n, outputs)
      let weight = try tensor([outputs, inputs], .bf16, scale: 1 / Float(inputs).squareRoot())
      let a = try tensor([rank, inputs], scale: 1 / Float(inputs).squareRoot())
      let b = try tensor([outputs, rank], scale: 1e-3 / Float(rank).squareRoot())
      func results(
        _ backend: any Backend, _ precision: Precision, adapted: Bool, _ side: (Pair) -> Tensor
      ) throws -> [[Float]] {
        let term = adapted ? AdapterTerm(a: side(a), b: side(b), scale: 1) : nil
        let output = try backend.linear(
          side(x), .dense(side(weight)), bias: nil, adapter: term, precision: precision)
        let gradients = try backend.linearBackward(
          side(dy), x: side(x), weight: .dense(side(weight)), adapter: term,
          reduced: output.reduced, precision: precision, needsInput: true)
        return [try backend.read(output.y), try gradients.dx.map(backend.read) ?? []]
      }
      let found = try results(
        device, device.supports(.bf16) ? .bf16 : .f32, adapted: true, \.device)
      let bare = try results(reference, .f32, adapted: false, \.reference)
      let wanted = try results(reference, .f32, adapted: true, \.reference)
      for (part, name) in ["y", "dx"].enumerated() {
        var (arrived, all) = (0.0, 0.0)
        for place in wanted[part].indices {
          let difference = Double(wanted[part][place] - bare[part][place])
          arrived += Double(found[part][place] - bare[part][place]) * difference
          all += difference * difference
        }
        record(
          "[\(n), \(inputs)] → \(outputs), rank \(rank), \(name)", abs(arrived / all - 1),
          within: 0.03)
      }
    }
  }
}

extension Conformance {
  static let linears = [
    Check("linear") { trial in
      for item in LinearCase.all {
        try trial.attempt(item.name) { trial in
          let x = try trial.activation(item.n, item.inputs, isView: item.isView)
          let weight = try item.weights(&trial)
          let bias = item.bias ? try trial.tensor([item.outputs], .bf16) : nil
          let terms = try item.adapter(&trial)
          let found = try trial.device.linear(
            x.device, weight.device, bias: bias?.device, adapter: terms?.device,
            precision: item.precision)
          let wanted = try trial.reference.linear(
            x.reference, weight.reference, bias: bias?.reference, adapter: terms?.reference,
            precision: .f32)
          try trial.expect("y", found.y, wanted.y, within: Tolerance.halves)
          // `reduced` is each backend's own affair: `da` and `db` show whether it is right.

          let dy = try trial.activation(item.n, item.outputs)
          let back = try trial.device.linearBackward(
            dy.device, x: x.device, weight: weight.device, adapter: terms?.device,
            reduced: found.reduced, precision: item.precision, needsInput: true)
          let believed = try trial.reference.linearBackward(
            dy.reference, x: x.reference, weight: weight.reference, adapter: terms?.reference,
            reduced: wanted.reduced, precision: .f32, needsInput: true)
          try trial.expect("dx", back.dx, believed.dx, within: Tolerance.halves)
          try trial.expect("da", back.da, believed.da, within: Tolerance.halves)
          try trial.expect("db", back.db, believed.db, within: Tolerance.halves)
        }
      }
      try trial.attempt("small adapters") { trial in try trial.smallAdapters() }
    },
    // Where a device has no such pass there is nothing to check.
    Check("residualLinear") { trial in
      for item in [
        LinearCase(n: 300, inputs: 72, outputs: 136, kind: .dense(.bf16), rank: 8),
        LinearCase(
          n: 2600, inputs: 320, outputs: 1288, kind: .dense(.bf16), rank: 24, dropout: 0.1,
          isView: true),
        LinearCase(
          n: 5599, inputs: 128, outputs: 1400,
          kind: .packed(
            Grid(bits: 4, group: 128, symmetric: false, scaleType: .f16), ordered: false),
          rank: 64),
      ] {
        try trial.attempt(item.name) { trial in
          let x = try trial.activation(item.n, item.inputs, isView: item.isView)
          let weight = try item.weights(&trial)
          let residual = try trial.activation(item.n, item.outputs, isView: item.isView)
          guard let terms = try item.adapter(&trial),
            let found = try trial.device.residualLinear(
              x.device, weight.device, adapter: terms.device, adding: residual.device,
              precision: item.precision)
          else { return }
          let product = try trial.reference.linear(
            x.reference, weight.reference, bias: nil, adapter: terms.reference, precision: .f32)
          try trial.expect(
            "y", found.y, try trial.reference.add(residual.reference, product.y),
            within: Tolerance.halves)
          let dy = try trial.activation(item.n, item.outputs)
          let back = try trial.device.linearBackward(
            dy.device, x: x.device, weight: weight.device, adapter: terms.device,
            reduced: found.reduced, precision: item.precision, needsInput: false)
          let believed = try trial.reference.linearBackward(
            dy.reference, x: x.reference, weight: weight.reference, adapter: terms.reference,
            reduced: product.reduced, precision: .f32, needsInput: false)
          try trial.expect("da", back.da, believed.da, within: Tolerance.halves)
          try trial.expect("db", back.db, believed.db, within: Tolerance.halves)
        }
      }
    },
    // The same holds here.
    Check("gatedInputBackward") { trial in
      for item in [
        LinearCase(n: 300, inputs: 64, outputs: 72, kind: .dense(.bf16), rank: 8),
        LinearCase(
          n: 2600, inputs: 1600, outputs: 1288, kind: .dense(.bf16), rank: 64, dropout: 0.1),
        LinearCase(
          n: 777, inputs: 384, outputs: 520,
          kind: .packed(
            Grid(bits: 4, group: 128, symmetric: false, scaleType: .f16), ordered: false),
          rank: 32, dropout: 0.05),
      ] {
        try trial.attempt(item.name) { trial in
          let gateUp = try trial.activation(item.n, 2 * item.inputs).device
          let weight = try item.weights(&trial).device
          let dy = try trial.activation(item.n, item.outputs).device
          guard let term = try item.adapter(&trial)?.device else { return }
          let device = trial.device
          let (gate, up) = GateUp.fused(gateUp).views
          let x = try device.swiGLU(gate: gate, up: up, as: device.activation)
          let reduced = try device.reduced(x, term, precision: item.precision)
          func found(overwrites: Bool) throws -> LinearGradients? {
            try device.gatedInputBackward(
              dy, x: x, gateUp: gateUp, weight: weight, adapter: term, reduced: reduced,
              precision: item.precision, overwrites: overwrites)
          }
          guard let first = try found(overwrites: false) else { return }
          // Both are checked against the reference by themselves.
          let wanted = try device.linearBackward(
            dy, x: x, weight: weight, adapter: term, reduced: reduced, precision: item.precision,
            needsInput: true)
          let both = try device.make(gateUp.shape, device.activation)
          if let dx = wanted.dx {
            let (dGate, dUp) = GateUp.fused(both).views
            try device.swiGLUBackward(dx, gate: gate, up: up, dGate: dGate, dUp: dUp)
          }
          let parts = [
            ("dx", first.dx, both), ("da", first.da, wanted.da), ("db", first.db, wanted.db),
            ("dx, in place", try found(overwrites: true)?.dx, both),
          ]
          for (part, found, wanted) in parts {
            trial.expect(
              part, try found.map(device.read) ?? [], try wanted.map(device.read) ?? [],
              within: Tolerance.exact)
          }
        }
      }
    },
    // And here.
    Check("gatedLinear") { trial in
      for (n, inputs, width, rank, isFused) in [
        (300, 200, 136, nil, true), (515, 320, 264, 64, true), (1024, 256, 512, nil, false),
        (257, 264, 72, 24, true),
      ] as [(Int, Int, Int, Int?, Bool)] {
        let name =
          "[\(n), \(inputs)] → \(width)\(isFused ? "" : ", two weights"), rank \(rank ?? 0)"
        try trial.attempt(name) { trial in
          let x = try trial.activation(n, inputs)
          let shapes = isFused ? [2 * width] : [width, width]
          let weights = try shapes.map { try trial.tensor([$0, inputs], .bf16, scale: 0.1) }
          var pair: (a: Pair, b: Pair)?
          if let rank {
            pair = (
              try trial.tensor([rank, inputs], scale: 0.1),
              try trial.tensor([2 * width, rank], scale: 0.1)
            )
          }
          let mask = RandomStream(seed: 7, purpose: "mask")
          func term(_ side: (Pair) -> Tensor) -> AdapterTerm? {
            pair.map {
              AdapterTerm(a: side($0.a), b: side($0.b), scale: 0.5, dropout: 0.1, mask: mask)
            }
          }
          let outputs = try weights.map {
            try trial.reference.linear(
              x.reference, .dense($0.reference), bias: nil, adapter: term(\.reference),
              precision: .f32
            ).y
          }
          let views =
            (isFused ? GateUp.fused(outputs[0]) : .separate(gate: outputs[0], up: outputs[1]))
            .views
          let wanted = try trial.reference.swiGLU(
            gate: views.gate, up: views.up, as: trial.reference.activation)
          for keeps in isFused ? [false, true] : [false] {
            guard
              let found = try trial.device.gatedLinear(
                x.device, weights.map { .dense($0.device) }, adapter: term(\.device),
                precision: .bf16, keeps: keeps)
            else { return }
            try trial.expect(
              keeps ? "y, kept" : "y", found.y, wanted, within: Tolerance.halves)
            if keeps {
              try trial.expect("linear", found.linear?.y, outputs[0], within: Tolerance.halves)
            }
          }
        }
      }
    },
  ]
}
