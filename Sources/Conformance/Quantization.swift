import Runtime
import Tensor

/// Grids of every kind, each with a matrix that it fits.
private let grids: [(grid: Grid, rows: Int, columns: Int, dtype: DType)] = [
  (Grid(bits: 4, group: 128, symmetric: false, scaleType: .f16), 70, 256, .bf16),
  (Grid(bits: 4, group: 32, symmetric: true, scaleType: .f16), 33, 96, .bf16),
  (Grid(bits: 3, group: 128, symmetric: false, scaleType: .f16), 40, 384, .bf16),
  (Grid(bits: 3, group: 33, symmetric: false), 9, 99, .f32),
  (Grid(bits: 2, group: 16, symmetric: true), 17, 64, .f32),
  (Grid(bits: 8, group: nil, symmetric: false, scaleType: .f16), 20, 200, .f16),
]

extension Grid {
  fileprivate var name: String {
    "\(bits) bits, group \(group.map(String.init) ?? "none"), \(symmetric ? "symmetric" : "asymmetric")"
  }
}

extension Trial {
  /// A Hessian as calibration gives it: xᵀ·x of correlated inputs.
  fileprivate mutating func hessian(_ width: Int) throws -> Pair {
    let x = Tensor(numbers(2 * width * width), shape: [2 * width, width])
    let mix = Tensor(
      (0..<width * width).map { index in
        index / width == index % width ? 1 : 0.2 / Float(1 + abs(index / width - index % width))
      }, shape: [width, width])
    let mixed = try reference.product(
      x, transposed: false, mix, transposed: false, alpha: 1, beta: 0, into: nil)
    let h = try reference.product(
      mixed, transposed: true, mixed, transposed: false, alpha: 2 / Float(width), beta: 0,
      into: nil)
    return try pair(h)
  }
}

extension Conformance {
  static let quantization = [
    Check("dequantize") { trial in
      for (grid, rows, columns, _) in grids {
        for ordered in [false, true] where grid.group != nil || !ordered {
          try trial.attempt(grid.name + (ordered ? ", ordered" : "")) { trial in
            let (mine, believed) = try trial.packed(
              rows: rows, columns: columns, grid, ordered: ordered)
            try trial.expect(
              "", try trial.device.dequantize(mine), try trial.reference.dequantize(believed),
              within: Tolerance.exact)
          }
        }
      }
    },
    Check("round") { trial in
      for (grid, rows, columns, dtype) in grids {
        for rule in ScaleRule.allCases {
          for clips in [false, true] {
            try trial.attempt("\(grid.name), \(rule.rawValue)\(clips ? ", clipped" : "")") {
              trial in
              let weight = try trial.tensor([rows, columns], dtype, scale: 0.1)
              let groups = grid.groups(columns: columns)
              let limits =
                clips
                ? try trial.pair(
                  Tensor(
                    trial.numbers(rows * groups).map { 0.1 + abs($0) * 0.1 },
                    shape: [rows, groups])) : nil
              try trial.expect(
                try trial.device.round(
                  weight.device, to: grid, rule: rule, limits: limits?.device),
                try trial.reference.round(
                  weight.reference, to: grid, rule: rule, limits: limits?.reference),
                ties: rule == .minmax ? Tolerance.ties : Tolerance.spreadTies)
            }
          }
        }
      }
      try trial.attempt("a weight that is no number") { trial in
        var values = trial.numbers(4 * 64)
        values[70] = .nan
        let weight = try trial.pair(Tensor(values, shape: [4, 64]))
        do {
          _ = try trial.device.round(
            weight.device, to: Grid(bits: 4, group: 32, symmetric: false), rule: .minmax,
            limits: nil)
          trial.record("refused", .nan, within: 0)
        } catch is NotFinite { trial.record("refused", 0, within: 0) }
      }
    },
    Check("roundingError") { trial in
      for (grid, rows, columns, dtype) in grids {
        try trial.attempt(grid.name) { trial in
          let weight = try trial.tensor([rows, columns], dtype, scale: 0.1)
          let h = try trial.hessian(columns)
          let rounded = try trial.reference.round(
            weight.reference, to: grid, rule: .minmax, limits: nil)
          let mine = PackedMatrix(
            rows: rows, columns: columns, grid: grid, codes: try trial.device.place(rounded.codes),
            scales: try trial.device.place(rounded.scales),
            zeros: try rounded.zeros.map(trial.device.place))
          for hessian in [h, nil] {
            let found = try trial.device.roundingError(
              mine, of: weight.device, hessian: hessian?.device)
            let wanted = try trial.reference.roundingError(
              rounded, of: weight.reference, hessian: hessian?.reference)
            trial.expect(
              "difference", found.difference, wanted.difference, within: Tolerance.single)
            trial.expect("weight", found.weight, wanted.weight, within: Tolerance.single)
            trial.expect(
              "proxy of the difference", found.differenceProxy, wanted.differenceProxy,
              within: Tolerance.tensor32)
            trial.expect(
              "proxy of the weight", found.weightProxy, wanted.weightProxy,
              within: Tolerance.tensor32)
          }
        }
      }
    },
    Check("inverseFactor") { trial in
      for (width, ordered) in [(33, false), (256, true), (600, false)] {
        try trial.attempt("[\(width), \(width)]\(ordered ? " ordered" : "")") { trial in
          let h = try trial.hessian(width)
          let order =
            ordered
            ? ColumnOrder(
              columns: RandomStream(seed: 3, purpose: "order").permutation(width).map(Int32.init),
              grouping: .formed) : nil
          let found = try trial.device.inverseFactor(
            h.device, order: order, damping: 0.01, into: nil)
          let wanted = try trial.reference.inverseFactor(
            h.reference, order: order, damping: 0.01, into: nil)
          try trial.expect("upper", found.upper, wanted.upper, within: 1e-3)
          trial.expect(
            "damping", Double(found.damping), Double(wanted.damping), within: Tolerance.exact)
        }
      }
      try trial.attempt("inputs that were always 0") { trial in
        let h = try trial.hessian(64)
        var values = try trial.reference.read(h.reference)
        for j in 0..<64 { (values[5 * 64 + j], values[j * 64 + 5]) = (0, 0) }
        let hessian = try trial.pair(Tensor(values, shape: [64, 64]))
        let found = try trial.device.inverseFactor(
          hessian.device, order: nil, damping: 0.01, into: nil)
        let wanted = try trial.reference.inverseFactor(
          hessian.reference, order: nil, damping: 0.01, into: nil)
        try trial.expect("upper", found.upper, wanted.upper, within: 1e-3)
        trial.record("dead", found.dead == wanted.dead ? 0 : .nan, within: 0)
      }
    },
    Check("gptq") { trial in
      for (grid, rows, columns, dtype) in grids {
        for grouping in [nil, ColumnOrder.Grouping.fixed, .kept, .formed] {
          guard grid.group != nil || grouping == nil else { continue }
          try trial.attempt(
            "\(grid.name)\(grouping.map { ", order \($0)" } ?? "")"
          ) { trial in
            let weight = try trial.tensor([rows, columns], dtype, scale: 0.1)
            let h = try trial.hessian(columns)
            var columnsOrder = RandomStream(seed: 5, purpose: "order").permutation(columns)
              .map(Int32.init)
            if grouping == .kept {
              let width = grid.width(columns: columns)
              columnsOrder = RandomStream(seed: 5, purpose: "order").permutation(columns / width)
                .flatMap { group in (0..<width).map { Int32(group * width + $0) } }
            }
            let order = grouping.map { ColumnOrder(columns: columnsOrder, grouping: $0) }
            // The same factor on both sides: what differs is the walk.
            let believed = try trial.reference.inverseFactor(
              h.reference, order: order, damping: 0.01, into: nil)
            let mine = InverseFactor(
              upper: try trial.device.place(believed.upper), damping: believed.damping,
              dead: believed.dead, order: order)
            try trial.expect(
              try trial.device.gptq(weight.device, factor: mine, to: grid, rule: .minmax),
              try trial.reference.gptq(
                weight.reference, factor: believed, to: grid, rule: .minmax),
              ties: Tolerance.spreadTies)
          }
        }
      }
    },
    Check("scaledRoundingCost") { trial in
      for (grid, rows, columns, dtype) in grids {
        try trial.attempt(grid.name) { trial in
          let weight = try trial.tensor([rows, columns], dtype, scale: 0.1)
          let h = try trial.hessian(columns)
          let scale = try trial.pair(
            Tensor(trial.numbers(columns).map { 0.5 + abs($0) }, shape: [columns]))
          trial.expect(
            "",
            try trial.device.scaledRoundingCost(
              weight.device, scale: scale.device, to: grid, rule: .minmax, hessian: h.device),
            try trial.reference.scaledRoundingCost(
              weight.reference, scale: scale.reference, to: grid, rule: .minmax,
              hessian: h.reference), within: Tolerance.tensor32)
        }
      }
    },
    Check("clippingLimits") { trial in
      for (grid, rows, columns, dtype) in grids {
        try trial.attempt(grid.name) { trial in
          let weight = try trial.tensor([rows, columns], dtype, scale: 0.1)
          let h = try trial.hessian(columns)
          let found = try trial.device.read(
            trial.device.clippingLimits(
              weight.device, to: grid, rule: .minmax, hessian: h.device))
          let wanted = try trial.reference.read(
            trial.reference.clippingLimits(
              weight.reference, to: grid, rule: .minmax, hessian: h.reference))
          let moved = zip(found, wanted).filter { abs($0 - $1) > 1e-5 * abs($1) }.count
          trial.record(
            "limits", found.count == wanted.count ? Double(moved) / Double(wanted.count) : .nan,
            within: Tolerance.spreadTies)
        }
      }
    },
  ]
}
