import Tensor

extension Conformance {
  static let losses = [
    Check("crossEntropy") { trial in
      for (n, width, vocabulary, dtype, precision) in [
        (7, 33, 101, DType.bf16, Precision.bf16), (70, 128, 1003, .bf16, .bf16),
        (300, 256, 4096, .bf16, .bf16), (40, 64, 500, .f32, .f32), (40, 64, 500, .f16, .f32),
        (9, 64, 32064, .f32, .bf16),
      ] {
        try trial.attempt(
          "[\(n), \(width)] over \(vocabulary), head \(dtype.rawValue) in \(precision.rawValue)"
        ) { trial in
          let x = try trial.activation(n, width)
          // Heads of another type are rounded on the way where the precision says so: begin with what loses nothing.
          let head = try trial.tensor([vocabulary, width], .bf16, scale: 0.2)
          let (mine, believed) = (
            Weight.dense(try trial.device.convert(head.device, to: dtype)),
            Weight.dense(try trial.reference.convert(head.reference, to: dtype))
          )
          var targets = trial.integers(n, below: vocabulary).map(Int32.init)
          targets[n / 2] = -1
          for gradient: Float? in [nil, 0.01] {
            let found = try trial.device.crossEntropy(
              x.device, head: mine, targets: targets, gradient: gradient, precision: precision)
            let wanted = try trial.reference.crossEntropy(
              x.reference, head: believed, targets: targets, gradient: gradient, precision: .f32)
            try trial.expect("nll", found.nll, wanted.nll, within: 10 * Tolerance.single)
            try trial.expect("dx", found.dx, wanted.dx, within: Tolerance.halves)
          }
        }
      }
    },
    Check("divergence") { trial in
      for (n, vocabulary) in [(1, 7), (9, 1003), (130, 32064)] {
        try trial.attempt("[\(n), \(vocabulary)]") { trial in
          let logits = try trial.activation(n, vocabulary, scale: 2, isView: true)
          let reference = try trial.activation(n, vocabulary, scale: 2)
          let targets = trial.integers(n, below: vocabulary).map(Int32.init)
          try trial.expect(
            "",
            try trial.device.divergence(
              logits.device, from: reference.device, targets: targets),
            try trial.reference.divergence(
              logits.reference, from: reference.reference, targets: targets),
            within: Tolerance.single)
          let same = try trial.device.read(
            trial.device.divergence(logits.device, from: logits.device, targets: targets))
          trial.expect(
            "of itself", (0..<n).map { same[4 * $0] }, [Float](repeating: 0, count: n),
            within: Tolerance.exact)
        }
      }
    },
  ]
}
