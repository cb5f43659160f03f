import Tensor

extension Conformance {
  static let memory = [
    Check("convert") { trial in
      for from in DType.allCases {
        for to in DType.allCases {
          try trial.attempt("\(from.rawValue) to \(to.rawValue)") { trial in
            let source = try trial.tensor([5, 70], from, scale: 90)
            let view = source.columns(3..<70)
            try trial.expect(
              "", try trial.device.convert(view.device, to: to),
              try trial.reference.convert(view.reference, to: to), within: Tolerance.exact)
          }
        }
      }
    },
    Check("copy") { trial in
      for isView in [false, true] {
        try trial.attempt(isView ? "views" : "whole") { trial in
          let source = try trial.activation(9, 40, isView: isView)
          let target = try trial.activation(9, 40, isView: isView)
          try trial.device.copy(source.device, into: target.device)
          try trial.reference.copy(source.reference, into: target.reference)
          try trial.expect("", target.device, target.reference, within: Tolerance.exact)
        }
      }
    },
    Check("random") { trial in
      for dtype in [DType.f32, .f16, .bf16] {
        try trial.attempt(dtype.rawValue) { trial in
          let target = try trial.tensor([7, 33], dtype)
          let stream = RandomStream(seed: 9, purpose: "random")
          try trial.device.fill(target.device, from: stream, deviation: 0.02)
          try trial.reference.fill(target.reference, from: stream, deviation: 0.02)
          try trial.expect("", target.device, target.reference, within: Tolerance.exact)
        }
      }
    },
    Check("fill") { trial in
      for value: Float in [0, 2.5] {
        for dtype in DType.allCases {
          try trial.attempt("\(value) in \(dtype.rawValue)") { trial in
            let target = try trial.tensor([4, 33], dtype).columns(1..<20)
            try trial.device.fill(target.device, with: value)
            try trial.reference.fill(target.reference, with: value)
            try trial.expect("", target.device, target.reference, within: Tolerance.exact)
          }
        }
      }
    },
  ]
}
