import Tensor

extension Conformance {
  static let norms = [
    Check("rmsNorm") { trial in
      for (n, width, dtype, adds) in [
        (5, 33, DType.f32, true), (130, 256, .bf16, false), (7, 3072, .bf16, true),
        (3, 8200, .f16, true), (2, 20000, .f32, false),
      ] {
        try trial.attempt("[\(n), \(width)] weight \(dtype.rawValue)") { trial in
          let x = try trial.activation(n, width, isView: !adds)
          let delta = adds ? try trial.activation(n, width, isView: true) : nil
          let weight = try trial.tensor([width], dtype)
          let found = try trial.device.rmsNorm(
            x.device, adding: delta?.device, weight: weight.device, epsilon: 1e-5,
            as: trial.device.activation)
          let wanted = try trial.reference.rmsNorm(
            x.reference, adding: delta?.reference, weight: weight.reference,
            epsilon: 1e-5, as: trial.reference.activation)
          try trial.expect("sum", found.sum, wanted.sum, within: Tolerance.half)
          try trial.expect("y", found.y, wanted.y, within: Tolerance.half)
          try trial.expect("inverse", found.inverse, wanted.inverse, within: Tolerance.half)

          let sum = try trial.activation(n, width)
          let dy = try trial.activation(n, width)
          let dSum = adds ? try trial.activation(n, width) : nil
          let inverse = try trial.tensor([n])
          try trial.expect(
            "dx",
            try trial.device.rmsNormBackward(
              dy.device, sum: sum.device, weight: weight.device, inverse: inverse.device,
              adding: dSum?.device),
            try trial.reference.rmsNormBackward(
              dy.reference, sum: sum.reference, weight: weight.reference,
              inverse: inverse.reference, adding: dSum?.reference), within: Tolerance.half)
        }
      }
    }
  ]
}
