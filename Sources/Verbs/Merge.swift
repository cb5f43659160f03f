import FineTuning
import JSON
import Models
import Runtime
import Session

@section("olv_verbs") @used private let register: VerbEntry = { declare(MergeVerb.self, in: $0) }

/// `merge`
struct MergeVerb: CacheableVerb {
  static let name = "merge"
  static let summary = "fold the adapter into the weights"
  static let details = """
    Float weights take the adapter up in their own type. Quantized weights have no room for changes smaller than half a \
    step: merging into them happens only with requantize=yes, on the weights' own grid, and the report says what \
    survives of the training: the change in steps, the share of codes that changed, and the cosine of the intended and \
    the realized change. The same in total are facts of the merged model: `$model.merge_steps`, `$model.merge_changed`, \
    `$model.merge_cosine`. Adapters trained with method=merge-aware lose nothing and are merged as they are.
    """
  static let output = VerbOutput.model
  static let examples = [
    Example(
      "merge", "fold the adapter in",
      setup: "use demo; load phi; finetune tiny-codes steps=1 eval=no"),
    Example(
      "merge requantize=yes", "into quantized weights, rounded again",
      setup: "use demo; load phi; quantize rtn; finetune tiny-codes steps=1 eval=no"),
  ]
  static let seeAlso = ["finetune", "drop", "quantize"]

  @Opt("requantize", "round quantized weights again on their own grid") var requantize: Bool = false

  func run(_ context: RunContext) throws -> Outcome {
    let current = try context.loadedModel()
    let (merged, report) = try Merge(requantizes: requantize)(
      try current.model, progress: context.progress)
    let layers = report.layers
    let total = report.total
    if report.isNearNoOp {
      context.warn(
        "merge.no-op",
        "merging was nearly a no-op: \(Words.percent(total.changed)) of the codes changed, and the change points elsewhere (cosine \(Words.decimals(total.cosine, 2)))",
        about: "requantize",
        help:
          "ship the adapter beside the quantized model, merge into the float model and quantize that, or train with `finetune … method=merge-aware`"
      )
    }
    func facts(_ layer: MergeReport.Layer) -> JSONObject {
      var object = JSONObject([
        ("change", .number(layer.change)), ("changed", .number(layer.changed)),
        ("cosine", .number(layer.cosine)),
      ])
      if let steps = layer.steps { object["steps"] = .number(steps) }
      return object
    }
    var fields = facts(total)
    fields["requantized"] = .bool(report.isRequantized)
    fields["merge_aware"] = .bool(report.isMergeAware)
    fields["near_no_op"] = .bool(report.isNearNoOp)
    fields["layers"] = .array(
      layers.map { layer in
        var object = JSONObject([("name", .string(layer.name))])
        for (key, value) in facts(layer) { object[key] = value }
        return .object(object)
      })
    let grid = Grid(
      columns: ["layer", "change", "weights changed", "cosine"]
        + (report.isRequantized ? ["change in steps"] : []),
      rows: ([total] + layers).map { layer in
        [
          layer.name, Words.percent(layer.change), Words.percent(layer.changed),
          Words.decimals(layer.cosine, 3),
        ] + (report.isRequantized ? [Words.short(layer.steps ?? 0)] : [])
      })
    var value = LoadedModel(merged, merge: report)
    value.exposures = current.exposures
    return .model(
      value,
      Report(
        fields: fields,
        display: [
          .text(
            "merged \(layers.count) adapters into the weights: \(Words.percent(total.changed)) of \(report.isRequantized ? "the codes" : "them") changed, "
              + (total.steps.map { "the change is \(Words.short($0)) steps, " } ?? "")
              + "cosine of intended and realized change \(Words.decimals(total.cosine, 3))"),
          .grid(grid),
        ]))
  }
}
