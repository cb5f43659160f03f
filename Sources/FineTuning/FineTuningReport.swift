import Runtime

/// What happened in a fine-tune.
public struct FineTuningReport: Sendable {
  /// The mean loss of each step made, nats per predicted token, before the step's update.
  public var loss: [Double] = []
  /// The global norm of each step's gradient, before clipping.
  public var gradientNorm: [Double] = []
  /// The loss on the evaluation data, where there is any.
  public var evaluations: [Evaluation] = []
  /// Parameters trained.
  public var parameters: Int = 0
  /// Tokens seen in training.
  public var tokens: Int = 0
  /// Passes over the training data.
  public var epochs: Double = 0
  /// How rows became sequences.
  public var packing: String = ""
  /// Wall-clock time of the training steps, evaluation aside.
  public var trainingSeconds: Double = 0
  /// Wall-clock time in all.
  public var seconds: Double = 0
  /// The step after which this run went on where an earlier one was cut off; nil where it began anew.
  public var resumed: Int?
  /// Why it ended before its last step; nil where it did not.
  public var stopped: Stopped?

  public struct Evaluation: Sendable, Hashable {
    /// Training steps made before.
    public var step: Int
    /// Nats per predicted token.
    public var loss: Double

    public init(step: Int, loss: Double) {
      self.step = step
      self.loss = loss
    }
  }

  public enum Stopped: Sendable, Hashable {
    case interrupted
    case diverged(TrainingDiverged)

    /// The same as an error.
    public var failure: any Failure {
      switch self {
      case .interrupted: Cancelled()
      case .diverged(let failure): failure
      }
    }
  }

  public init() {}

  /// Steps made.
  public var steps: Int { loss.count }
  /// Training tokens per second of training.
  public var tokensPerSecond: Double {
    trainingSeconds > 0 ? Double(tokens) / trainingSeconds : 0
  }
}

/// Training whose numbers left the finite.
public struct TrainingDiverged: Failure, Hashable {
  /// The step, counted from 1.
  public var step: Int
  /// What is not a finite number: `loss`, `gradient`, `weights`.
  public var quantity: String
  /// The first layer where it shows, where known.
  public var layer: String?

  public init(step: Int, quantity: String, layer: String?) {
    self.step = step
    self.quantity = quantity
    self.layer = layer
  }

  public var message: String {
    "the \(quantity) of training step \(step) is not a finite number"
      + (layer.map { " (first in \($0))" } ?? "")
  }
  public var help: String? { "try a smaller lr=, warmup=, or --compute f32" }
}
