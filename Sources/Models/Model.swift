import Checkpoints
import Tensor
import Tokenizers

/// A decoder language model: a value with a lineage. Copies share their tensors, so branching costs nothing.
public struct Model: Sendable {
  /// What this family of models does its own way.
  public let architecture: any ModelFamily
  public let config: ModelConfig
  /// `[vocabulary, hidden]`.
  public var embedding: Tensor
  public var blocks: [Block]
  /// The final norm, `[hidden]`.
  public var norm: Tensor
  /// `[vocabulary, hidden]`; the embedding itself where they are tied.
  public var head: Weight
  public let tokenizer: Tokenizer
  /// What was done to it, oldest first: `["phi3-tiny", "gptq w4 g128", "lora r64 100 steps"]`.
  public var lineage: [String]
  public let backend: any Backend
  /// What matrix products use.
  public var precision: Precision
  /// Whether `prepared()` made it: its passes without a tape may then run in lanes.
  var isPrepared = false
  /// The folder it was loaded from, where its tokenizer files lie.
  public let source: String
  /// The ids that end a text, as generation_config.json or config.json give them.
  public let endTokens: [Int32]
  public let rotary: RotaryTables
  /// The files that the weights are mapped from, where they are.
  let checkpoint: Checkpoint?

  public init(
    architecture: any ModelFamily, config: ModelConfig, embedding: Tensor, blocks: [Block],
    norm: Tensor, head: Weight, tokenizer: Tokenizer, lineage: [String], backend: any Backend,
    precision: Precision, source: String, endTokens: [Int32]? = nil,
    checkpoint: Checkpoint? = nil
  ) {
    self.architecture = architecture
    self.config = config
    self.embedding = embedding
    self.blocks = blocks
    self.norm = norm
    self.head = head
    self.tokenizer = tokenizer
    self.lineage = lineage
    self.backend = backend
    self.precision = precision
    self.source = source
    self.endTokens = endTokens ?? config.endTokens
    self.checkpoint = checkpoint
    self.rotary = RotaryTables(config.rope, backend: backend)
  }

  /// Checks that nobody has rewritten or cut the files that the weights are mapped from.
  ///
  /// - Throws: `BadCheckpoint` where somebody has: what the model computes is then no longer to be trusted.
  public func verifySource() throws { try checkpoint?.verifyUnchanged() }

  /// The files that weights are mapped from, in the order of the checkpoint; none where they are not.
  public var weightFiles: [MappedFile] { checkpoint?.files.map(\.file) ?? [] }

  /// `phi3`, `llama`.
  public var family: String { architecture.name }

  /// Every linear of every block, in the order of execution. The head is not among them.
  public var allLinears: [Linear] { blocks.flatMap(\.linears) }

  /// The block linear of this full name.
  public func linear(named name: String) -> Linear? {
    for block in blocks {
      if let linear = block.linears.first(where: { $0.name == name }) { return linear }
    }
    return nil
  }

  /// Puts `linear` in the place of the one of the same name. Without one, nothing changes.
  public mutating func replace(_ linear: Linear) {
    for block in blocks.indices {
      for place in blocks[block].linears.indices
      where blocks[block].linears[place].name == linear.name {
        blocks[block].linears[place] = linear
        return
      }
    }
  }

  /// The model with every block linear passed through `body`.
  public func mapLinears(_ body: (Linear) throws -> Linear) rethrows -> Model {
    var model = self
    for block in blocks.indices {
      for place in blocks[block].linears.indices {
        model.blocks[block].linears[place] = try body(blocks[block].linears[place])
      }
    }
    return model
  }
}
