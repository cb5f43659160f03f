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

  /// `cpu` or `cuda:0`, as `--device` spells it.
  public var description: String {
    switch kind {
    case .cpu: "cpu"
    case .cuda(let index): "cuda:\(index)"
    }
  }
}
