import Tensor

extension Conformance {
  static let optimizers = [
    Check("sumOfSquares") { trial in
      let (a, b) = (try trial.tensor([300, 70]), try trial.tensor([33]))
      trial.expect(
        "", try trial.device.sumOfSquares([a.device, b.device, a.device.columns(3..<20)]),
        try trial.reference.sumOfSquares(
          [a.reference, b.reference, a.reference.columns(3..<20)]), within: Tolerance.single)
    },
    Check("adamW") { trial in
      var parameters: (device: [AdamWParameter], reference: [AdamWParameter]) = ([], [])
      for shape in [[64, 130], [5, 7], [1, 9000]] {
        let all = try (0..<4).map { _ in try trial.tensor(shape) }
        // Second moments are squares.
        let squares = try trial.pair(
          Tensor(try trial.reference.read(all[3].reference).map { $0 * $0 }, shape: shape))
        parameters.device.append(
          AdamWParameter(
            value: all[0].device, gradient: all[1].device, first: all[2].device,
            second: squares.device))
        parameters.reference.append(
          AdamWParameter(
            value: all[0].reference, gradient: all[1].reference, first: all[2].reference,
            second: squares.reference))
      }
      var settings = AdamWSettings(rate: 0.01)
      settings.decay = 0.1
      for step in 1...3 {
        try trial.device.adamW(
          parameters.device, settings: settings, step: step, gradientScale: 0.7)
        try trial.reference.adamW(
          parameters.reference, settings: settings, step: step, gradientScale: 0.7)
      }
      for (index, (mine, believed)) in zip(parameters.device, parameters.reference).enumerated() {
        try trial.expect("value \(index)", mine.value, believed.value, within: Tolerance.single)
        try trial.expect("first \(index)", mine.first, believed.first, within: Tolerance.single)
        try trial.expect("second \(index)", mine.second, believed.second, within: Tolerance.single)
      }
    },
  ]
}
