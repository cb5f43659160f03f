import Glibc
import JSON
import Tensor

/// How positions turn into rotation angles.
///
/// *Paper:* Su et al., "RoFormer" (2021); linear: Chen et al., "Extending context window of large language models via
/// positional interpolation" (2023); longrope: Ding et al., "LongRoPE" (2024).
public struct Rope: Sendable, Hashable {
  public enum Scaling: Sendable, Hashable {
    case none
    /// All frequencies divided by one factor.
    case linear(factor: Double)
    /// Long wavelengths divided by a factor, short ones kept, a smooth ramp between (Llama 3.1).
    case llama3(factor: Double, low: Double, high: Double, original: Int)
    /// A factor per frequency, one list up to `original` tokens and one beyond; all rotations scaled by `attention`.
    case longrope(short: [Double], long: [Double], attention: Double, original: Int)
  }

  public var theta: Double
  /// Elements of a head that turn.
  public var rotary: Int
  public var scaling: Scaling

  public init(theta: Double, rotary: Int, scaling: Scaling) {
    self.theta = theta
    self.rotary = rotary
    self.scaling = scaling
  }

  /// The rope types that load.
  public static let supported = ["default", "linear", "llama3", "longrope", "su"]

  /// Sequences of more tokens than this use the long factors.
  public var threshold: Int {
    if case .longrope(_, _, _, let original) = scaling { return original }
    return .max
  }

  /// Radians per position of each pair of elements: `[rotary / 2]`.
  public func frequencies(long: Bool = false) -> [Double] {
    let base = (0..<rotary / 2).map { pow(theta, -Double(2 * $0) / Double(rotary)) }
    switch scaling {
    case .none: return base
    case .linear(let factor): return base.map { $0 / factor }
    case .llama3(let factor, let low, let high, let original):
      return base.map { frequency in
        let wavelength = 2 * Double.pi / frequency
        if wavelength < Double(original) / high { return frequency }
        if wavelength > Double(original) / low { return frequency / factor }
        let share = (Double(original) / wavelength - low) / (high - low)
        return (1 - share) * frequency / factor + share * frequency
      }
    case .longrope(let short, let longer, _, _):
      return zip(base, long ? longer : short).map { $0 / $1 }
    }
  }

  /// What every sine and cosine is multiplied by.
  public var attentionFactor: Double {
    if case .longrope(_, _, let attention, _) = scaling { return attention }
    return 1
  }

  /// The cosines and sines of positions `0..<positions` in host memory: angles in f64, results in f32.
  public func table(positions: Int, long: Bool = false) -> RotaryTable {
    let frequencies = frequencies(long: long)
    let half = frequencies.count
    let cosine = HostStorage(byteCount: positions * half * 4)
    let sine = HostStorage(byteCount: positions * half * 4)
    if let c = cosine.host?.assumingMemoryBound(to: Float.self),
      let s = sine.host?.assumingMemoryBound(to: Float.self)
    {
      let factor = attentionFactor
      for position in 0..<positions {
        for (place, frequency) in frequencies.enumerated() {
          let angle = Double(position) * frequency
          c[position * half + place] = Float(cos(angle) * factor)
          s[position * half + place] = Float(sin(angle) * factor)
        }
      }
    }
    return RotaryTable(
      cosine: Tensor(cosine, shape: [positions, half], dtype: .f32),
      sine: Tensor(sine, shape: [positions, half], dtype: .f32))
  }
}

extension Rope {
  /// Reads `rope_theta` with `rope_scaling`, or `rope_parameters` as newer files have it.
  ///
  /// - Throws: `UnsupportedModel` for a rope type that is not known, `BadConfig` for values out of range.
  public init(_ reader: ConfigReader, headWidth: Int, maxPositions: Int) throws {
    let parameters = try reader.nested("rope_parameters") ?? reader.nested("rope_scaling")
    func source(_ key: String) -> ConfigReader {
      if let parameters, parameters[key] != nil { return parameters }
      return reader
    }
    theta = try source("rope_theta").number("rope_theta", in: 1e-3...1e15, default: 10000)
    let partial = try source("partial_rotary_factor").number(
      "partial_rotary_factor", in: 0...1, default: 1)
    rotary = Int(Double(headWidth) * partial)
    guard rotary >= 2, rotary % 2 == 0 else {
      throw reader.bad(
        "partial_rotary_factor", expected: "an even number of rotated elements",
        found: "\(rotary) of \(headWidth)")
    }
    guard let parameters else {
      scaling = .none
      return
    }
    let type = try parameters.string("rope_type") ?? parameters.string("type") ?? "default"
    let positions = 1...(1 << 28)
    switch type {
    case "default": scaling = .none
    case "linear":
      scaling = .linear(factor: try parameters.number("factor", in: 1e-3...1e6))
    case "llama3":
      let low = try parameters.number("low_freq_factor", in: 1e-3...1e6)
      let high = try parameters.number("high_freq_factor", in: 1e-3...1e6)
      guard high > low else {
        throw parameters.bad("high_freq_factor", expected: "more than low_freq_factor \(low)")
      }
      scaling = .llama3(
        factor: try parameters.number("factor", in: 1e-3...1e6), low: low, high: high,
        original: try parameters.integer("original_max_position_embeddings", in: positions))
    case "longrope", "su":
      let original = try source("original_max_position_embeddings").integer(
        "original_max_position_embeddings", in: positions, default: maxPositions)
      let ratio = try parameters.number(
        "factor", in: 1e-3...1e6, default: Double(maxPositions) / Double(original))
      // Growth of the context relative to the logarithm of the original one.
      let grown =
        ratio > 1 && original > 1 ? (1 + log(ratio) / log(Double(original))).squareRoot() : 1
      scaling = .longrope(
        short: try parameters.factors("short_factor", count: rotary / 2),
        long: try parameters.factors("long_factor", count: rotary / 2),
        attention: try parameters.number("attention_factor", in: 1e-3...1e3, default: grown),
        original: original)
    default:
      throw UnsupportedModel(
        what: "rope type", found: type, supported: Rope.supported, path: reader.path)
    }
  }
}
