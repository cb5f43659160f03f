import Checkpoints
import JSON
import Runtime
import Tensor

/// What one model has that another, from which it was made, has not: weights, norms, adapters, and the steps added to
/// its lineage. Tensors that both share are no part of it.
///
/// Everything keeps the type it has in memory, so that applying a patch gives the same model bit for bit.
public struct ModelPatch {
  /// The tensors that differ, under their names in the patch.
  public private(set) var sources: [TensorSource] = []
  /// What puts them together again.
  public private(set) var json: JSON
  /// Bytes of the tensors.
  public var byteCount: Int { sources.reduce(0) { $0 + $1.byteCount } }

  public init(from base: Model, to model: Model) {
    json = .null
    let backend = model.backend
    var sources: [TensorSource] = []
    func add(_ name: String, _ tensor: Tensor) {
      sources.append(TensorSource(name: name, tensor, backend: backend))
    }
    func add(_ name: String, _ weight: Weight) -> JSON {
      switch weight {
      case .dense(let tensor):
        add("\(name).weight", tensor)
        return "dense"
      case .packed(let matrix):
        add("\(name).codes", matrix.codes)
        add("\(name).scales", matrix.scales)
        if let zeros = matrix.zeros { add("\(name).zeros", zeros) }
        if let index = matrix.groupIndex { add("\(name).index", index) }
        return [
          "rows": .int(matrix.rows), "columns": .int(matrix.columns),
          "bits": .int(matrix.grid.bits), "group": matrix.grid.group.map { .int($0) } ?? .null,
          "symmetric": .bool(matrix.grid.symmetric),
          "scale": .string(TensorInfo.name(of: matrix.grid.scaleType)),
        ]
      }
    }
    var object = JSONObject()
    var tensors = JSONObject()
    for (name, old, new) in paired(model.singles, base.singles) where !old.isSame(as: new) {
      add(name, new)
      tensors[name] = true
    }
    object["tensors"] = .object(tensors)
    if !model.isHeadTied || !base.isHeadTied, !base.head.isSame(as: model.head) {
      object["head"] = model.isHeadTied ? "tied" : add("lm_head", model.head)
    }
    var linears = JSONObject()
    for (old, new) in zip(base.allLinears, model.allLinears) {
      var change = JSONObject()
      if !old.weight.isSame(as: new.weight) { change["weight"] = add(new.name, new.weight) }
      if !old.bias.isSame(as: new.bias) {
        change["bias"] = .bool(new.bias != nil)
        if let bias = new.bias { add("\(new.name).bias", bias) }
      }
      if !old.adapter.isSame(as: new.adapter) {
        change["adapter"] = .null
        if let adapter = new.adapter {
          add("\(new.name).a", adapter.a)
          add("\(new.name).b", adapter.b)
          if let magnitude = adapter.magnitude { add("\(new.name).m", magnitude.values) }
          change["adapter"] = [
            "rank": .int(adapter.rank), "alpha": .number(Double(adapter.alpha)),
            "scale": .number(Double(adapter.scale)), "dropout": .number(Double(adapter.dropout)),
            "merge_aware": .bool(adapter.isMergeAware),
            "magnitude": .bool(adapter.magnitude != nil),
          ]
        }
      }
      if change.count > 0 { linears[new.name] = .object(change) }
    }
    object["linears"] = .object(linears)
    let isLonger = model.lineage.starts(with: base.lineage)
    object["lineage"] = .array(
      (isLonger ? Array(model.lineage.dropFirst(base.lineage.count)) : model.lineage).map(
        JSON.string))
    object["continues"] = .bool(isLonger)
    object["precision"] = .string(model.precision.rawValue)
    json = .object(object)
    self.sources = sources
  }

  /// The model that `base` becomes.
  ///
  /// - Parameter tensors: The patch's tensors; nil where it has none.
  /// - Throws: `BadPatch` where the patch is not one of this model.
  public static func apply(_ json: JSON, _ tensors: Safetensors?, to base: Model) throws -> Model {
    let reader = PatchReader(tensors: tensors, backend: base.backend)
    var model = base
    for name in (json["tensors"]?.objectValue ?? JSONObject()).keys {
      try model.replace(single: name, with: reader.tensor(name))
    }
    if let head = json["head"] {
      model.head =
        head == "tied" ? .dense(model.embedding) : try reader.weight("lm_head", head)
    } else if base.isHeadTied {
      model.head = .dense(model.embedding)
    }
    for (name, change) in json["linears"]?.objectValue ?? JSONObject() {
      guard var linear = model.linear(named: name) else { throw BadPatch(part: name) }
      if let weight = change["weight"] { linear.weight = try reader.weight(name, weight) }
      if let bias = change["bias"]?.boolValue {
        linear.bias = bias ? try reader.tensor("\(name).bias") : nil
      }
      if let adapter = change["adapter"] {
        linear.adapter = adapter.isNull ? nil : try reader.adapter(name, adapter)
      }
      model.replace(try linear.settled(on: base.backend))
    }
    model.lineage = try lineage(json, after: base.lineage)
    guard let precision = json["precision"]?.stringValue.flatMap(Precision.init) else {
      throw BadPatch(part: "precision")
    }
    model.precision = precision
    return model
  }

  /// The lineage that `base` becomes.
  public static func lineage(_ json: JSON, after base: [String]) throws -> [String] {
    guard let added = json["lineage"]?.arrayValue, let continues = json["continues"]?.boolValue
    else { throw BadPatch(part: "lineage") }
    return (continues ? base : []) + added.compactMap(\.stringValue)
  }
}

/// A patch that does not fit the model, or is none.
public struct BadPatch: Failure, Equatable {
  public var part: String
  public var message: String { "the stored change of a model does not fit it at \(part)" }
}

/// Takes a patch's tensors to where they belong.
private struct PatchReader {
  let tensors: Safetensors?
  let backend: any Backend

  func tensor(_ name: String) throws -> Tensor {
    guard let tensors else { throw BadPatch(part: name) }
    return try backend.place(try tensors.tensor(name))
  }

  func weight(_ name: String, _ json: JSON) throws -> Weight {
    if json == "dense" { return .dense(try tensor("\(name).weight")) }
    guard let rows = json["rows"]?.intValue, let columns = json["columns"]?.intValue,
      let bits = json["bits"]?.intValue, let symmetric = json["symmetric"]?.boolValue,
      let type = [DType.f32, .f16].first(where: {
        json["scale"]?.stringValue == TensorInfo.name(of: $0)
      })
    else { throw BadPatch(part: name) }
    func optional(_ part: String) throws -> Tensor? {
      tensors?.info("\(name).\(part)") == nil ? nil : try tensor("\(name).\(part)")
    }
    return .packed(
      PackedMatrix(
        rows: rows, columns: columns,
        grid: Grid(
          bits: bits, group: json["group"]?.intValue, symmetric: symmetric, scaleType: type),
        codes: try tensor("\(name).codes"), scales: try tensor("\(name).scales"),
        zeros: try optional("zeros"), groupIndex: try optional("index")))
  }

  func adapter(_ name: String, _ json: JSON) throws -> Adapter {
    guard let rank = json["rank"]?.intValue, let alpha = json["alpha"]?.doubleValue,
      let scale = json["scale"]?.doubleValue, let dropout = json["dropout"]?.doubleValue,
      let isMergeAware = json["merge_aware"]?.boolValue,
      let hasMagnitude = json["magnitude"]?.boolValue
    else { throw BadPatch(part: name) }
    return Adapter(
      a: try tensor("\(name).a"), b: try tensor("\(name).b"), rank: rank, alpha: Float(alpha),
      scale: Float(scale), dropout: Float(dropout), isMergeAware: isMergeAware,
      magnitude: hasMagnitude ? Magnitude(try tensor("\(name).m")) : nil)
  }
}

extension Model {
  /// The tensors that stand alone, with their names.
  fileprivate var singles: [(name: String, tensor: Tensor)] {
    [("model.embed_tokens", embedding), ("model.norm", norm)]
      + blocks.flatMap { block in
        [
          ("model.layers.\(block.index).input_layernorm", block.inputNorm),
          ("model.layers.\(block.index).post_attention_layernorm", block.postNorm),
        ]
      }
  }

  fileprivate mutating func replace(single name: String, with tensor: Tensor) throws {
    switch name {
    case "model.embed_tokens": embedding = tensor
    case "model.norm": norm = tensor
    default:
      for place in blocks.indices {
        let prefix = "model.layers.\(blocks[place].index)"
        if name == "\(prefix).input_layernorm" {
          blocks[place].inputNorm = tensor
          return
        }
        if name == "\(prefix).post_attention_layernorm" {
          blocks[place].postNorm = tensor
          return
        }
      }
      throw BadPatch(part: name)
    }
  }
}

/// Names, and what stands under them in both models.
private func paired(
  _ new: [(name: String, tensor: Tensor)], _ old: [(name: String, tensor: Tensor)]
) -> [(String, Tensor, Tensor)] {
  zip(new, old).map { ($0.name, $1.tensor, $0.tensor) }
}

extension Tensor {
  /// Whether both are the same view of the same memory.
  fileprivate func isSame(as other: Tensor) -> Bool {
    id == other.id && offset == other.offset && shape == other.shape && dtype == other.dtype
      && rowStride == other.rowStride
  }
}

extension Tensor? {
  fileprivate func isSame(as other: Tensor?) -> Bool {
    guard let self, let other else { return self == nil && other == nil }
    return self.isSame(as: other)
  }
}

extension Weight {
  fileprivate func isSame(as other: Weight) -> Bool {
    switch (self, other) {
    case (.dense(let one), .dense(let two)): one.isSame(as: two)
    case (.packed(let one), .packed(let two)):
      one.codes.isSame(as: two.codes) && one.scales.isSame(as: two.scales) && one.grid == two.grid
    default: false
    }
  }
}

extension Adapter? {
  fileprivate func isSame(as other: Adapter?) -> Bool {
    guard let self, let other else { return self == nil && other == nil }
    return self.a.isSame(as: other.a) && self.b.isSame(as: other.b) && self.scale == other.scale
      && self.alpha == other.alpha && self.dropout == other.dropout
      && self.isMergeAware == other.isMergeAware
      && (self.magnitude?.values).isSame(as: other.magnitude?.values)
  }
}
