/// What quantizing a model did.
public struct QuantizationReport: Sendable {
  public struct Layer: Sendable, Hashable {
    public var name: String
    /// ‖ΔW‖/‖W‖
    public var error: Double
    /// tr ΔW·H·ΔWᵀ / tr W·H·Wᵀ with the layer's Hessian; nil without calibration.
    public var proxy: Double?
    /// The damping, where it had to be raised for the Hessian to be positive definite.
    public var damping: Float?
    /// Bits per weight, scales and zero points included.
    public var bitsPerWeight: Double

    public init(
      name: String, error: Double, proxy: Double?, damping: Float? = nil, bitsPerWeight: Double
    ) {
      self.name = name
      self.error = error
      self.proxy = proxy
      self.damping = damping
      self.bitsPerWeight = bitsPerWeight
    }
  }

  /// In the order of the model.
  public var layers: [Layer]
  /// Layers that stay in floating point.
  public var skipped: [String]
  /// Over all block linears.
  public var bitsPerWeight: Double
  /// Bytes of the whole model.
  public var bytesBefore: Int
  public var bytesAfter: Int
  /// Blocks taken over from a run that was killed.
  public var resumed: Int
  public var seconds: Double
  /// Calibration tokens.
  public var tokens: Int

  public init(
    layers: [Layer], skipped: [String], bitsPerWeight: Double, bytesBefore: Int, bytesAfter: Int,
    resumed: Int = 0, seconds: Double, tokens: Int
  ) {
    self.layers = layers
    self.skipped = skipped
    self.bitsPerWeight = bitsPerWeight
    self.bytesBefore = bytesBefore
    self.bytesAfter = bytesAfter
    self.resumed = resumed
    self.seconds = seconds
    self.tokens = tokens
  }
}
