import JSON
import Models
import Quantization
import Tensor
import TestSupport
import Testing

/// RTN and GPTQ against Olive's own passes on the trained tiny Phi-3.
@Suite(.enabled(if: Shared.hasReference, "needs ../shared/reference"))
struct OliveReferenceTests {
  struct Setting: Sendable, CustomTestStringConvertible {
    var group: Int
    var symmetric: Bool
    var tag: String { "g\(group)_\(symmetric ? "sym" : "asym")" }
    var testDescription: String { tag }

    func settings(_ method: String) -> QuantizationSettings {
      var settings = QuantizationSettings(method: method)
      (settings.group, settings.symmetric, settings.samples) = (group, symmetric, 64)
      return settings
    }
  }

  static let settings = [
    Setting(group: 32, symmetric: true), Setting(group: 128, symmetric: false),
  ]

  private func layers(_ reference: JSON) throws -> [(name: String, layer: JSON)] {
    let found = try #require(reference["layers"]?.objectValue)
    return found.map { ($0.key, $0.value) }
  }

  private func number(_ json: JSON, _ key: String) throws -> Double {
    try #require(json[key]?.doubleValue)
  }

  @Test(arguments: settings) func roundToNearest(_ setting: Setting) throws {
    let reference = try Reference.json("phi3_rtn_\(setting.tag)")
    let fromGPTQ = try Reference.json("phi3_gptq_\(setting.tag)")
    let model = try Reference.model()
    let (quantized, report) = try model.quantized(setting.settings("rtn"))
    #expect(quantized.lineage.last == setting.settings("rtn").title)
    #expect(report.layers.map(\.name) == model.allLinears.map(\.name))
    for (name, layer) in try layers(reference) {
      let matrix = try #require(quantized.packed(name))
      let codes = matrix.codes.bytes
      let expected = try #require(layer["qweight_row0_first16bytes"]?.arrayValue)
      #expect(codes.prefix(16).map { Int($0) } == expected.compactMap(\.intValue), "\(name)")
      #expect(codes.reduce(0) { $0 + Int($1) } == layer["qweight_sum"]?.intValue, "\(name)")
      let error = try #require(report.layers.first { $0.name == name }).error
      let wanted = try number(layer, "rel_w_err_saved")
      #expect(abs(error - wanted) <= 1e-5 * wanted, "\(name): \(error), \(wanted)")
      // The GPTQ runs recorded the same layers rounded to nearest.
      let again = try number(try #require(fromGPTQ["layers"]?[name]), "rtn_rel_w_err")
      #expect(abs(error - again) <= 1e-5 * again)
    }
    let perplexity = try Reference.perplexity(quantized)
    let wanted = try number(
      try #require(reference["ppl_rows5000-5200_nospecial_512"]), "ppl")
    #expect(abs(perplexity - wanted) <= 1e-5 * wanted, "\(perplexity), Olive \(wanted)")
  }

  /// Olive finds the scales of the groups inside a block of 128 columns from weights that lack the block's own
  /// corrections; with groups of 128 there is no such difference, and its scales are ours.
  @Test(arguments: settings) func gptq(_ setting: Setting) throws {
    let reference = try Reference.json("phi3_gptq_\(setting.tag)")
    let model = try Reference.model()
    let calibration = try Reference.calibration(model)
    let (quantized, report) = try model.quantized(
      setting.settings("gptq"), calibration: calibration)
    #expect(report.tokens == 64 * 256)
    var theirs = 0.0
    for (name, layer) in try layers(reference) {
      let found = try #require(report.layers.first { $0.name == name })
      let wanted = try number(layer, "proxy")
      theirs += wanted
      #expect(found.damping == nil)
      let proxy = try #require(found.proxy)
      print("\(setting.tag) \(name): proxy \(proxy), Olive \(wanted), ratio \(proxy / wanted)")
      #expect(proxy < 1.1 * wanted, "\(name)")
      #expect(proxy < 0.5 * (try number(layer, "rtn_proxy")))
      if name == "model.layers.0.self_attn.qkv_proj", setting.group == 128 {
        let scales = try backend.read(try #require(quantized.packed(name)).scales)
        let sum = scales.reduce(0.0) { $0 + Double($1) }
        let expected = try number(layer, "scales_sum")
        #expect(abs(sum - expected) <= 1e-5 * expected)
        let row = try #require(layer["scales_row0"]?.arrayValue).compactMap(\.doubleValue)
        for (a, b) in zip(scales, row) { #expect(abs(Double(a) - b) <= 1e-7) }
      }
    }
    let ours = Reference.proxySum(report)
    print("\(setting.tag): summed proxy \(ours), Olive \(theirs), ratio \(ours / theirs)")
    #expect(ours <= 1.02 * theirs)

    let perplexity = try Reference.perplexity(quantized)
    let wanted = try number(
      try #require(reference["ppl_rows5000-5200_nospecial_512"]), "ppl")
    print("\(setting.tag): perplexity \(perplexity), Olive \(wanted)")
    #expect(abs(perplexity - wanted) <= 0.01 * wanted)
  }

  /// With Hessians of the float model, Olive's first layer has the very same problem to solve.
  @Test func hessianOfTheFirstLayer() throws {
    let model = try Reference.model()
    let calibration = try Reference.calibration(model)
    let reference = try Reference.json("phi3_gptq_g32_sym")
    let name = "model.layers.0.self_attn.qkv_proj"
    let layer = try #require(reference["layers"]?[name])
    var settings = Self.settings[0].settings("rtn")
    settings.skip = ["layers.1", "layers.2", "layers.3", "mlp", "o_proj"]
    let (_, report) = try model.quantized(settings, calibration: calibration)
    #expect(report.layers.map(\.name) == [name])
    let wanted = try number(layer, "rtn_proxy")
    let found = try #require(report.layers[0].proxy)
    #expect(abs(found - wanted) <= 1e-3 * wanted, "\(found), Olive \(wanted)")
  }
}
