import JSON
import Tensor

/// How the quantized linears of a checkpoint are stored: what `quantization_config` in config.json says.
///
/// Two methods share one layout of tensors: `<module>.qweight` u8 `[out, bytes]` (a little-endian bit stream per row),
/// `<module>.scales` `[out, groups]` and, unless symmetric, `<module>.qzeros` u8, packed as the codes are. `olive` is
/// what Microsoft Olive reads and writes; `olv` is the same with what Olive cannot say: 3 bits, groups that do not divide
/// the row, and `<module>.g_idx` i32 `[in]`.
public struct QuantizedLayout: Sendable, Equatable {
  public enum Method: String, Sendable, CaseIterable {
    case olive, olv
  }

  /// What may differ from module to module.
  public struct Rounding: Sendable, Hashable {
    public var bits: Int
    /// Weights per group, or nil for whole rows.
    public var group: Int?
    public var symmetric: Bool

    public init(bits: Int, group: Int?, symmetric: Bool) {
      self.bits = bits
      self.group = group
      self.symmetric = symmetric
    }

    public init(_ grid: Grid) {
      self.init(bits: grid.bits, group: grid.group, symmetric: grid.symmetric)
    }
  }

  public var method: Method
  public var rounding: Rounding
  /// Whether the head is quantized.
  public var head: Bool
  /// Modules left in floating point.
  public var skipped: [String]
  public var overrides: [String: Rounding]

  public func rounding(of module: String) -> Rounding { overrides[module] ?? rounding }
}

extension QuantizedLayout {
  /// Reads `quantization_config`.
  ///
  /// - Throws: `BadCheckpoint` with the field.
  public init(_ json: JSON, path: String) throws {
    func bad(_ field: String, _ expected: String, _ found: JSON?) -> BadCheckpoint {
      BadCheckpoint(
        path: path,
        reason:
          "quantization_config.\(field): expected \(expected), found \(found?.text() ?? "nothing")")
    }
    let name = json["quant_method"]?.stringValue
    guard let method = name.flatMap(Method.init(rawValue:)) else {
      throw BadCheckpoint(
        path: path, reason: "the quantization method \(name ?? "(none given)") is not supported",
        help: "supported: \(Method.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    func rounding(_ json: JSON, _ prefix: String, default fallback: Rounding?) throws -> Rounding {
      var rounding = fallback ?? Rounding(bits: 0, group: nil, symmetric: true)
      func present(_ key: String) -> JSON? {
        json[key].flatMap { $0.isNull ? nil : $0 }
      }
      if let bits = present("bits") {
        rounding.bits = bits.intValue ?? 0
      }
      guard [2, 3, 4, 8].contains(rounding.bits) else {
        throw bad(prefix + "bits", "2, 3, 4 or 8", json["bits"])
      }
      if let group = present("group_size") {
        guard let size = group.intValue, size == -1 || (1...(1 << 20)).contains(size) else {
          throw bad(prefix + "group_size", "-1 or a positive number", group)
        }
        rounding.group = size == -1 ? nil : size
      } else if fallback == nil {
        throw bad(prefix + "group_size", "-1 or a positive number", nil)
      }
      if let symmetric = present("symmetric") {
        guard let flag = symmetric.boolValue else {
          throw bad(prefix + "symmetric", "true or false", symmetric)
        }
        rounding.symmetric = flag
      } else if fallback == nil {
        throw bad(prefix + "symmetric", "true or false", nil)
      }
      return rounding
    }
    let common = try rounding(json, "", default: nil)
    self.method = method
    self.rounding = common
    head = json["lm_head"]?.boolValue ?? false
    skipped = json["modules_to_not_convert"]?.arrayValue?.compactMap(\.stringValue) ?? []
    overrides = [:]
    if json["embeds"]?.boolValue == true {
      throw BadCheckpoint(path: path, reason: "quantized embeddings are not supported")
    }
    for (module, json) in json["overrides"]?.objectValue ?? JSONObject() {
      overrides[module] = try rounding(json, "overrides.\(module).", default: common)
    }
  }

  /// The layout of a model with these quantized modules and those left in floating point: Olive's where it can say it.
  public init(packed: [(name: String, matrix: PackedMatrix)], skipped: [String], head: Bool) {
    var counts: [Rounding: Int] = [:]
    for (_, matrix) in packed { counts[Rounding(matrix.grid), default: 0] += 1 }
    // The most frequent rounding is the common one; ties go to the first in the model.
    var common = Rounding(bits: 4, group: nil, symmetric: true)
    var best = 0
    for (_, matrix) in packed {
      let rounding = Rounding(matrix.grid)
      if let count = counts[rounding], count > best { (common, best) = (rounding, count) }
    }
    rounding = common
    overrides = [:]
    for (name, matrix) in packed where Rounding(matrix.grid) != common {
      overrides[name] = Rounding(matrix.grid)
    }
    self.head = head
    self.skipped = skipped
    method = packed.allSatisfy { QuantizedLayout.suitsOlive($0.matrix) } ? .olive : .olv
  }

  /// Whether Olive can load the matrix.
  private static func suitsOlive(_ matrix: PackedMatrix) -> Bool {
    guard [2, 4, 8].contains(matrix.grid.bits), matrix.groupIndex == nil else { return false }
    guard let group = matrix.grid.group else { return true }
    return group >= 16 && group & (group - 1) == 0 && matrix.columns % group == 0
  }

  /// `quantization_config`, as Olive writes it.
  public var json: JSON {
    func size(_ rounding: Rounding) -> JSON { .int(rounding.group ?? -1) }
    var changes = JSONObject()
    for (name, other) in overrides.sorted(by: { $0.key < $1.key }) {
      var change = JSONObject()
      if other.bits != rounding.bits { change["bits"] = .int(other.bits) }
      if other.group != rounding.group { change["group_size"] = size(other) }
      if other.symmetric != rounding.symmetric { change["symmetric"] = .bool(other.symmetric) }
      changes[name] = .object(change)
    }
    return [
      "bits": .int(rounding.bits), "embeds": false, "group_size": size(rounding),
      "lm_head": .bool(head),
      "modules_to_not_convert": skipped.isEmpty ? .null : .array(skipped.map { .string($0) }),
      "overrides": changes.count == 0 ? .null : .object(changes),
      "quant_method": .string(method.rawValue), "symmetric": .bool(rounding.symmetric),
      "tie_word_embeddings": false,
    ]
  }
}
