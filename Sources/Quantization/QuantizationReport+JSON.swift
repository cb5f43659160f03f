import JSON

extension QuantizationReport {
  /// The report as a value that `init(_:)` reads again without loss.
  public var json: JSON {
    [
      "layers": .array(layers.map(\.json)), "skipped": .array(skipped.map(JSON.string)),
      "bits_per_weight": .number(bitsPerWeight), "bytes_before": .int(bytesBefore),
      "bytes_after": .int(bytesAfter), "seconds": .number(seconds), "tokens": .int(tokens),
    ]
  }

  /// Nil for what is no such report.
  public init?(_ json: JSON) {
    guard let layers = json["layers"]?.arrayValue, let skipped = json["skipped"]?.arrayValue,
      let bits = json["bits_per_weight"]?.doubleValue, let before = json["bytes_before"]?.intValue,
      let after = json["bytes_after"]?.intValue, let seconds = json["seconds"]?.doubleValue,
      let tokens = json["tokens"]?.intValue
    else { return nil }
    let read = layers.compactMap(Layer.init)
    guard read.count == layers.count else { return nil }
    self.init(
      layers: read, skipped: skipped.compactMap(\.stringValue), bitsPerWeight: bits,
      bytesBefore: before, bytesAfter: after, seconds: seconds, tokens: tokens)
  }
}

extension QuantizationReport.Layer {
  var json: JSON {
    [
      "name": .string(name), "error": .number(error), "proxy": proxy.map(JSON.number) ?? .null,
      "damping": damping.map { .number(Double($0)) } ?? .null,
      "bits_per_weight": .number(bitsPerWeight),
    ]
  }

  init?(_ json: JSON) {
    guard let name = json["name"]?.stringValue, let error = json["error"]?.doubleValue,
      let bits = json["bits_per_weight"]?.doubleValue
    else { return nil }
    self.init(
      name: name, error: error, proxy: json["proxy"]?.doubleValue,
      damping: json["damping"]?.doubleValue.map { Float($0) }, bitsPerWeight: bits)
  }
}
