import Tensor

extension Conformance {
  static let elementwise = [
    Check("embedding") { trial in
      for (dtype, width) in [(DType.bf16, 64), (.bf16, 33), (.f16, 40), (.f32, 256)] {
        try trial.attempt("\(dtype.rawValue) [50, \(width)]") { trial in
          let table = try trial.tensor([50, width], dtype)
          let ids = trial.integers(17, below: 50).map(Int32.init)
          try trial.expect(
            "", try trial.device.embedding(table.device, ids: ids),
            try trial.reference.embedding(table.reference, ids: ids), within: Tolerance.half)
        }
      }
    },
    Check("swiGLU") { trial in
      for (n, width, isView) in [(5, 33, false), (130, 256, true), (64, 8192, false)] {
        try trial.attempt("[\(n), \(width)]") { trial in
          let gate = try trial.activation(n, width, scale: 3, isView: isView)
          let up = try trial.activation(n, width, isView: isView)
          try trial.expect(
            "y",
            try trial.device.swiGLU(
              gate: gate.device, up: up.device, as: trial.device.activation),
            try trial.reference.swiGLU(
              gate: gate.reference, up: up.reference, as: trial.reference.activation),
            within: Tolerance.half)
          let dy = try trial.activation(n, width)
          // Both gradients in one tensor, as a fused projection has them.
          let both = try trial.room(n, 2 * width)
          let (dGate, dUp) = (both.columns(0..<width), both.columns(width..<2 * width))
          try trial.device.swiGLUBackward(
            dy.device, gate: gate.device, up: up.device, dGate: dGate.device, dUp: dUp.device)
          try trial.reference.swiGLUBackward(
            dy.reference, gate: gate.reference, up: up.reference, dGate: dGate.reference,
            dUp: dUp.reference)
          try trial.expect("dGate", dGate.device, dGate.reference, within: Tolerance.half)
          try trial.expect("dUp", dUp.device, dUp.reference, within: Tolerance.half)
        }
      }
    },
    Check("add") { trial in
      for (n, width, isView) in [(3, 17, false), (40, 256, false), (40, 256, true)] {
        try trial.attempt("[\(n), \(width)]\(isView ? " views" : "")") { trial in
          let a = try trial.activation(n, width, isView: isView)
          let b = try trial.activation(n, width, isView: isView)
          try trial.expect(
            "activations", try trial.device.add(a.device, b.device),
            try trial.reference.add(a.reference, b.reference), within: Tolerance.half)
          try trial.device.accumulate(b.device, into: a.device)
          try trial.reference.accumulate(b.reference, into: a.reference)
          try trial.expect("accumulate", a.device, a.reference, within: Tolerance.half)
          let (c, d) = (try trial.tensor([n, width]), try trial.tensor([n, width]))
          try trial.expect(
            "f32", try trial.device.add(c.device, d.device),
            try trial.reference.add(c.reference, d.reference), within: Tolerance.exact)
        }
      }
    },
  ]
}
