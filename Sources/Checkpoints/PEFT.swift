import JSON
import Tensor

/// A LoRA or DoRA adapter in the layout of the PEFT library: `adapter_config.json` and `adapter_model.safetensors`.
///
/// *Format:* huggingface/peft 0.17, LoRA; tensors `base_model.model.<module>.lora_A.weight` `[rank, in]` and `.lora_B.weight`
/// `[out, rank]`, with DoRA also `.lora_magnitude_vector` `[out]`.
public struct PEFT: Sendable {
  public static let configName = "adapter_config.json"
  public static let stem = "adapter_model"
  public static let weightsName = "adapter_model.safetensors"

  /// The adapter of one linear.
  public struct Layer: Sendable {
    /// The module's name in the base model.
    public var module: String
    /// f32 `[rank, in]`.
    public var a: Tensor
    /// f32 `[out, rank]`.
    public var b: Tensor
    public var alpha: Double
    /// α/r, or α/√r where rank-stabilized.
    public var scale: Double
    /// DoRA's lengths of rows, f32 `[out]`; nil for plain LoRA.
    public var magnitude: Tensor?
    public var rank: Int { a.rows }

    public init(
      module: String, a: Tensor, b: Tensor, alpha: Double, scale: Double, magnitude: Tensor? = nil
    ) {
      self.module = module
      self.a = a
      self.b = b
      self.alpha = alpha
      self.scale = scale
      self.magnitude = magnitude
    }
  }

  public var layers: [Layer]
  public var dropout: Double
  /// `base_model_name_or_path`: a folder or a hub name.
  public var base: String?
  /// `target_modules`, where shorter names than the modules' full ones select the same.
  public var targets: [String]?
  /// Whether weight and adapter count as their sum rounded on the weight's grid. PEFT knows no such thing: the file says so
  /// in a field of olv's own, which PEFT refuses rather than computing something else.
  public var isMergeAware: Bool

  public init(
    layers: [Layer], dropout: Double, base: String?, targets: [String]? = nil,
    isMergeAware: Bool = false
  ) {
    self.targets = targets
    self.isMergeAware = isMergeAware
    self.layers = layers
    self.dropout = dropout
    self.base = base
  }
}

extension PEFT {
  /// Whether the folder holds an adapter.
  public static func isPresent(in folder: String) -> Bool {
    FileBytes.isFile("\(folder)/\(configName)")
  }

  /// Reads the adapter in `folder`. Its tensors are copies in f32 that may be trained further.
  ///
  /// - Throws: `BadCheckpoint` for what is malformed or is no plain LoRA, `MissingFiles`, `FileFailure`.
  public static func read(_ folder: String) throws -> PEFT {
    let path = "\(folder)/\(configName)"
    let config = try FileBytes.read(path, limit: 16 << 20).withUnsafeBytes {
      try JSON.parse($0, path: path)
    }
    let settings = try Settings(config, path: path)
    guard FileBytes.isFile("\(folder)/\(weightsName)") else {
      throw MissingFiles(
        folder: folder, names: [weightsName],
        help: FileBytes.isFile("\(folder)/adapter_model.bin")
          ? "adapter_model.bin is a pickle, which is not read: save the adapter again with safe_serialization=True"
          : nil)
    }
    let file = try Safetensors("\(folder)/\(weightsName)")
    var parts: [String: [Part: String]] = [:]
    var order: [String] = []
    for name in file.tensors.map(\.name).sorted() {
      guard let (module, part) = part(name) else {
        throw BadCheckpoint(
          path: file.file.path, tensor: name, reason: "not a LoRA matrix of a linear layer")
      }
      if parts[module] == nil { order.append(module) }
      parts[module, default: [:]][part] = name
    }
    let layers = try order.map { module in
      func bad(_ reason: String) -> BadCheckpoint {
        BadCheckpoint(path: file.file.path, tensor: module, reason: reason)
      }
      guard let names = parts[module], let nameA = names[.a], let nameB = names[.b] else {
        throw bad("has only one of lora_A and lora_B")
      }
      let (a, b) = (try trainable(nameA, file), try trainable(nameB, file))
      guard a.shape.count == 2, b.shape.count == 2, a.rows == b.columns, a.rows > 0 else {
        throw bad("lora_A \(a.shape) and lora_B \(b.shape) share no rank")
      }
      guard settings.hasMagnitudes == (names[.magnitude] != nil) else {
        throw bad(
          settings.hasMagnitudes
            ? "has no lora_magnitude_vector, \(configName) says use_dora"
            : "has a lora_magnitude_vector, \(configName) does not say use_dora")
      }
      let magnitude = try names[.magnitude].map { try trainable($0, file) }
      if let magnitude, magnitude.shape != [b.rows] {
        throw bad("lora_magnitude_vector \(magnitude.shape) does not fit lora_B \(b.shape)")
      }
      let alpha = settings.alpha(of: module)
      if let rank = settings.rank(of: module), rank != a.rows {
        throw bad("has the rank \(a.rows), \(configName) says \(rank)")
      }
      let divisor = settings.stabilized ? Double(a.rows).squareRoot() : Double(a.rows)
      return Layer(
        module: module, a: a, b: b, alpha: alpha, scale: alpha / divisor, magnitude: magnitude)
    }
    guard !layers.isEmpty else {
      throw BadCheckpoint(path: file.file.path, reason: "holds no LoRA matrices")
    }
    return PEFT(
      layers: layers, dropout: settings.dropout, base: settings.base,
      isMergeAware: settings.isMergeAware)
  }

  /// What a tensor is to its layer.
  enum Part: String, CaseIterable {
    case a = "lora_A"
    case b = "lora_B"
    case magnitude = "lora_magnitude_vector"

    /// What names of such tensors end in: as PEFT saves them, and as a running PEFT model has them.
    var suffixes: [String] {
      [".\(rawValue).weight", ".\(rawValue).default.weight"]
        + (self == .magnitude ? [".\(rawValue)", ".\(rawValue).default"] : [])
    }
  }

  /// The module and the part of it that a tensor's name means.
  static func part(_ name: String) -> (module: String, part: Part)? {
    var module = Substring(name)
    for prefix in ["base_model.model.", "base_model."] where module.hasPrefix(prefix) {
      module = module.dropFirst(prefix.count)
      break
    }
    for part in Part.allCases {
      for suffix in part.suffixes where module.hasSuffix(suffix) {
        return (String(module.dropLast(suffix.count)), part)
      }
    }
    return nil
  }

  /// A copy in f32 with storage of its own.
  private static func trainable(_ name: String, _ file: Safetensors) throws -> Tensor {
    let stored = try file.tensor(name)
    let storage = HostStorage(byteCount: stored.count * 4)
    guard let source = stored.host, let target = storage.host?.assumingMemoryBound(to: Float.self)
    else { return stored }
    func bad(_ reason: String) -> BadCheckpoint {
      BadCheckpoint(path: file.file.path, tensor: name, reason: reason)
    }
    for place in 0..<stored.count {
      switch stored.dtype {
      case .f32: target[place] = source.assumingMemoryBound(to: Float.self)[place]
      case .f16:
        let bits = source.assumingMemoryBound(to: UInt16.self)[place]
        target[place] = Float(Float16(bitPattern: bits))
      case .bf16:
        let bits = source.assumingMemoryBound(to: UInt16.self)[place]
        target[place] = Float(bitPattern: UInt32(bits) << 16)
      default: throw bad("elements of type \(TensorInfo.name(of: stored.dtype)) are no weights")
      }
      guard target[place].isFinite else { throw bad("holds values that are not finite") }
    }
    return Tensor(storage, shape: stored.shape, dtype: .f32)
  }

  /// What adapter_config.json says.
  private struct Settings {
    var rank: Int?
    var alpha: Double
    var dropout: Double
    var stabilized: Bool
    /// `use_dora`.
    var hasMagnitudes: Bool
    var isMergeAware: Bool
    var base: String?
    var ranks: [(pattern: String, value: Double)]
    var alphas: [(pattern: String, value: Double)]

    init(_ json: JSON, path: String) throws {
      func bad(_ reason: String) -> BadCheckpoint { BadCheckpoint(path: path, reason: reason) }
      let type = json["peft_type"]?.stringValue ?? "LORA"
      guard type == "LORA" else {
        throw BadCheckpoint(
          path: path, reason: "the adapter type \(type) is not supported", help: "supported: LORA")
      }
      if json["fan_in_fan_out"]?.boolValue == true { throw bad("fan_in_fan_out is not supported") }
      if let bias = json["bias"]?.stringValue, bias != "none" {
        throw bad("bias=\(bias) is not supported, only none")
      }
      if let modules = json["modules_to_save"]?.arrayValue, !modules.isEmpty {
        throw bad("modules_to_save is not supported: the adapter must hold LoRA matrices only")
      }
      rank = json["r"]?.intValue
      let alphaValue = json["lora_alpha"]?.doubleValue
      guard let alphaValue, alphaValue.isFinite, abs(alphaValue) < 1e9 else {
        throw bad("lora_alpha: expected a number, found \(json["lora_alpha"]?.text() ?? "nothing")")
      }
      alpha = alphaValue
      dropout = json["lora_dropout"]?.doubleValue ?? 0
      guard dropout >= 0, dropout < 1 else {
        throw bad("lora_dropout: expected 0 to 1, found \(dropout)")
      }
      hasMagnitudes = json["use_dora"]?.boolValue ?? false
      stabilized = json["use_rslora"]?.boolValue ?? false
      isMergeAware = json["olv_merge_aware"]?.boolValue ?? false
      base = json["base_model_name_or_path"]?.stringValue
      func patterns(_ key: String) throws -> [(String, Double)] {
        try (json[key]?.objectValue ?? JSONObject()).map { pattern, value in
          guard let number = value.doubleValue, number.isFinite, number > 0, number < 1e9 else {
            throw bad("\(key).\(pattern): expected a number, found \(value.text())")
          }
          return (pattern, number)
        }
      }
      ranks = try patterns("rank_pattern")
      alphas = try patterns("alpha_pattern")
    }

    func rank(of module: String) -> Int? {
      Settings.match(module, ranks).map { Int($0) } ?? rank
    }
    func alpha(of module: String) -> Double { Settings.match(module, alphas) ?? alpha }

    /// The value of the first pattern that is the module's name or its end. (PEFT matches `.*\.pattern$`; patterns that
    /// are real regular expressions are rare and match nothing here, which the check of the rank then reports.)
    private static func match(_ module: String, _ patterns: [(pattern: String, value: Double)])
      -> Double?
    {
      patterns.first { module == $0.pattern || module.hasSuffix(".\($0.pattern)") }?.value
    }
  }
}

extension PEFT {
  /// Writes the adapter into a folder, or into a subfolder of it.
  public func write(to folder: AtomicFolder, subfolder: String? = nil, backend: any Backend) throws
  {
    let prefix = subfolder.map { "\($0)/" } ?? ""
    try folder.write(config.text(indented: true) + "\n", to: prefix + PEFT.configName)
    let tensors = layers.flatMap { layer in
      let stem = "base_model.model.\(layer.module)"
      return [
        TensorSource(name: "\(stem).lora_A.weight", layer.a, backend: backend),
        TensorSource(name: "\(stem).lora_B.weight", layer.b, backend: backend),
      ]
        + (layer.magnitude.map {
          [TensorSource(name: "\(stem).lora_magnitude_vector", $0, backend: backend)]
        } ?? [])
    }
    try Safetensors.write(tensors, to: folder, stem: prefix + PEFT.stem, shardLimit: .max)
  }

  /// adapter_config.json.
  var config: JSON {
    // PEFT multiplies by α/r, or by α/√r throughout. Where neither gives the scale, α is what does.
    func isPlain(_ layer: Layer) -> Bool {
      Float(layer.scale) == Float(layer.alpha / Double(layer.rank))
    }
    let stabilized =
      !layers.allSatisfy(isPlain)
      && layers.allSatisfy { Float($0.scale) == Float($0.alpha / Double($0.rank).squareRoot()) }
    func alpha(_ layer: Layer) -> Double {
      stabilized || isPlain(layer) ? layer.alpha : layer.scale * Double(layer.rank)
    }
    func number(_ value: Double) -> JSON { Int(exactly: value).map { .int($0) } ?? .number(value) }
    let rank = layers.first?.rank ?? 1
    let common = layers.first.map(alpha) ?? 1
    var ranks = JSONObject()
    var alphas = JSONObject()
    for layer in layers {
      if layer.rank != rank { ranks[layer.module] = .int(layer.rank) }
      if alpha(layer) != common { alphas[layer.module] = number(alpha(layer)) }
    }
    let plain: JSON = [
      "alpha_pattern": .object(alphas), "auto_mapping": nil,
      "base_model_name_or_path": base.map { .string($0) } ?? .null, "bias": "none",
      "fan_in_fan_out": false, "inference_mode": true, "init_lora_weights": true,
      "layers_pattern": nil, "layers_to_transform": nil, "lora_alpha": number(common),
      "lora_dropout": number(dropout), "modules_to_save": nil, "peft_type": "LORA",
      "r": .int(rank), "rank_pattern": .object(ranks), "revision": nil,
      "target_modules": .array((targets ?? layers.map(\.module)).map { .string($0) }),
      "task_type": "CAUSAL_LM",
      "use_dora": .bool(layers.contains { $0.magnitude != nil }), "use_rslora": .bool(stabilized),
    ]
    guard isMergeAware, var object = plain.objectValue else { return plain }
    object["olv_merge_aware"] = true
    return .object(object)
  }
}
