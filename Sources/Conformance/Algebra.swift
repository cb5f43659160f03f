import Tensor

extension Conformance {
  static let algebra = [
    Check("product") { trial in
      for (transposeA, transposeB) in [
        (false, false), (true, false), (false, true), (true, true),
      ] {
        try trial.attempt("\(transposeA ? "aᵀ" : "a") · \(transposeB ? "bᵀ" : "b")") { trial in
          let a = try trial.tensor(transposeA ? [50, 33] : [33, 50])
          let b = try trial.tensor(transposeB ? [65, 50] : [50, 65])
          let c = try trial.tensor([33, 65])
          try trial.expect(
            "fresh",
            try trial.device.product(
              a.device, transposed: transposeA, b.device, transposed: transposeB, alpha: 2,
              beta: 0, into: nil),
            try trial.reference.product(
              a.reference, transposed: transposeA, b.reference, transposed: transposeB, alpha: 2,
              beta: 0, into: nil), within: Tolerance.single)
          try trial.expect(
            "into",
            try trial.device.product(
              a.device, transposed: transposeA, b.device, transposed: transposeB, alpha: -1,
              beta: 0.5, into: c.device),
            try trial.reference.product(
              a.reference, transposed: transposeA, b.reference, transposed: transposeB, alpha: -1,
              beta: 0.5, into: c.reference), within: Tolerance.single)
        }
      }
    },
    Check("gram") { trial in
      for (n, width) in [(40, 33), (300, 256), (200, 1100)] {
        try trial.attempt("[\(n), \(width)]") { trial in
          let x = try trial.activation(n, width, isView: width == 256)
          let (mine, believed) = (
            try trial.device.make([width, width], .f32),
            try trial.reference.make([width, width], .f32)
          )
          try trial.device.fill(mine, with: 0)
          try trial.reference.fill(believed, with: 0)
          for _ in 0..<2 {
            try trial.device.gram(x.device, alpha: 0.25, into: mine, precision: .bf16)
            try trial.reference.gram(x.reference, alpha: 0.25, into: believed, precision: .f32)
          }
          try trial.expect("", mine, believed, within: Tolerance.single)
        }
      }
    },
    Check("scaled") { trial in
      for dtype in [DType.f32, .bf16, .f16] {
        try trial.attempt(dtype.rawValue) { trial in
          let matrix = try trial.tensor([21, 300], dtype)
          let (rows, columns) = (try trial.tensor([21]), try trial.tensor([300]))
          for (r, c) in [(true, true), (true, false), (false, true)] {
            try trial.expect(
              r && c ? "both" : r ? "rows" : "columns",
              try trial.device.scaled(
                matrix.device, rows: r ? rows.device : nil, columns: c ? columns.device : nil),
              try trial.reference.scaled(
                matrix.reference, rows: r ? rows.reference : nil,
                columns: c ? columns.reference : nil), within: Tolerance.single)
          }
        }
      }
    },
    Check("addMagnitudes") { trial in
      for (n, width) in [(7, 33), (700, 256)] {
        try trial.attempt("[\(n), \(width)]") { trial in
          let x = try trial.activation(n, width, isView: true)
          let sums = try trial.tensor([width])
          try trial.device.addMagnitudes(x.device, into: sums.device)
          try trial.reference.addMagnitudes(x.reference, into: sums.reference)
          try trial.expect("", sums.device, sums.reference, within: Tolerance.single)
        }
      }
    },
    Check("masked") { trial in
      for (n, width, isView) in [(5, 33, false), (130, 264, true)] {
        try trial.attempt("[\(n), \(width)]") { trial in
          let x = try trial.activation(n, width, isView: isView)
          let mask = RandomStream(seed: 7, purpose: "mask")
          for (survivors, hidden) in [(Float(1 / 0.7), Float(0)), (1 - 1 / 0.7, 1)] {
            try trial.expect(
              hidden == 0 ? "left" : "taken",
              try trial.device.masked(
                x.device, by: mask, dropout: 0.3, survivors: survivors, hidden: hidden),
              try trial.reference.masked(
                x.reference, by: mask, dropout: 0.3, survivors: survivors, hidden: hidden),
              within: Tolerance.half)
          }
        }
      }
    },
    Check("columnDots") { trial in
      for (n, width) in [(7, 33), (700, 300)] {
        try trial.attempt("[\(n), \(width)]") { trial in
          let a = try trial.activation(n, width, isView: true)
          let b = try trial.activation(n, width)
          try trial.expect(
            "", try trial.device.columnDots(a.device, b.device),
            try trial.reference.columnDots(a.reference, b.reference), within: Tolerance.single)
        }
      }
    },
    Check("rowNorms") { trial in
      for dtype in [DType.f32, .bf16, .f16] {
        try trial.attempt(dtype.rawValue) { trial in
          let matrix = try trial.tensor([21, 700], dtype)
          try trial.expect(
            "", try trial.device.rowNorms(matrix.device),
            try trial.reference.rowNorms(matrix.reference), within: Tolerance.single)
        }
      }
    },
    Check("relativeMagnitudes") { trial in
      for (rows, columns, group, dtype) in [
        (9, 66, 33, DType.f32), (600, 256, 128, .bf16), (40, 100, nil, .f16),
      ] {
        try trial.attempt("[\(rows), \(columns)] \(dtype.rawValue)") { trial in
          let weight = try trial.tensor([rows, columns], dtype)
          try trial.expect(
            "", try trial.device.relativeMagnitudes(weight.device, group: group),
            try trial.reference.relativeMagnitudes(weight.reference, group: group),
            within: Tolerance.single)
        }
      }
    },
  ]
}
