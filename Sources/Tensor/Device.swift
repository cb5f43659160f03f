/// Where tensors live and operations run.
public struct Device: Sendable, Hashable, CustomStringConvertible {
  public enum Kind: Sendable, Hashable {
    case cpu
    case cuda(Int)
  }

  public var kind: Kind
  /// The hardware's own name, for reports.
  public var name: String
  /// Memory that tensors may take, in bytes.
  public var memory: Int

  public init(kind: Kind, name: String, memory: Int) {
    self.kind = kind
    self.name = name
    self.memory = memory
  }

  /// Tokens that go through a model together where nobody says how many: enough to keep the device busy, few enough that
  /// their activations stay small.
  public var passTokens: Int { kind == .cpu ? 2048 : 8192 }
  /// The same in training, which keeps the activations of all layers, and in calibration, which looks at one layer at a
  /// time and writes a Hessian for each pass.
  public var trainingTokens: Int { kind == .cpu ? 4096 : 8192 }
  public var calibrationTokens: Int { kind == .cpu ? 4096 : 32768 }

  /// `cpu` or `cuda:0`, as `--device` spells it.
  public var description: String {
    switch kind {
    case .cpu: "cpu"
    case .cuda(let index): "cuda:\(index)"
    }
  }
}
