import JSON
import Models
import Quantization
import Runtime
import Session
import Tensor

@section("olv_verbs") @used private let register: VerbEntry = { declare(Inspect.self, in: $0) }

/// `inspect [layers|weights|lineage|LAYER]`
struct Inspect: Verb {
  static let name = "inspect"
  static let summary = "what the current model is: shapes, bytes, error per layer"
  static let examples = [
    Example("inspect", "the model's card", setup: "use demo; load phi"),
    Example(
      "inspect layers", "every linear layer; after `quantize` with its error",
      setup: "use demo; load phi; quantize rtn"),
    Example(
      "inspect model.layers.0.mlp.down_proj", "one layer: statistics of its weights",
      setup: "use demo; load phi"),
  ]
  static let seeAlso = ["load", "quantize", "tokens"]
  static let alsoKnownAs = ["describe", "show", "info"]

  @Arg(
    "what", "layers, weights, lineage, or the name of a layer; the model's card by default",
    noun: "view")
  var what: String = "card"

  func run(_ context: RunContext) throws -> Outcome {
    let value = try context.loadedModel()
    switch what {
    case "card": return .report(try card(value))
    case "layers": return .report(try layers(value))
    case "weights": return .report(weights(try value.model))
    case "lineage": return .report(lineage(try value.model))
    default:
      let linears = try value.model.allLinears
      let names = linears.map(\.name)
      guard
        let linear = linears.first(where: {
          $0.name == what || $0.name.hasSuffix(".\(what)")
        })
      else {
        throw $what.failure(
          "the model has no layer `\(what)`",
          help: "one of layers, weights, lineage, or a layer such as \(names.first ?? "none")")
      }
      return .report(try layer(linear, value))
    }
  }

  private func card(_ value: LoadedModel) throws -> Report {
    let model = try value.model
    let config = model.config
    var rows = [
      ["model", value.lineage], ["family", model.family],
      ["parameters", Words.count(model.parameterCount)],
      ["bytes", Words.bytes(model.byteCount)],
      [
        "linear layers",
        "\(model.allLinears.count), \(Words.decimals(model.bitsPerWeight, 2)) bits per weight",
      ],
      [
        "shape",
        "\(config.layers) layers, hidden \(config.hidden), \(config.heads) heads (\(config.kvHeads) for keys), vocabulary \(config.vocabulary)",
      ],
      ["computes in", model.precision.rawValue],
    ]
    if model.hasAdapter {
      rows.append(["adapter", "\(Words.count(model.adapterParameterCount)) parameters"])
    }
    return Report(fields: value.fields, display: [.grid(Grid(rows: rows))])
  }

  private func layers(_ value: LoadedModel) throws -> Report {
    let errors = Dictionary(
      (try value.quantization?.layers ?? []).map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    let linears = try value.model.allLinears
    let fields = JSONObject([
      (
        "layers",
        .array(
          linears.map { linear in
            var object = JSONObject([
              ("name", .string(linear.name)), ("outputs", .int(linear.weight.rows)),
              ("inputs", .int(linear.weight.columns)), ("type", .string(linear.weight.typeName)),
              ("bytes", .int(linear.weight.byteCount)),
              ("adapter_rank", linear.adapter.map { .int($0.rank) } ?? .null),
            ])
            if let error = errors[linear.name] {
              object["error"] = .number(error.error)
              object["proxy"] = error.proxy.map(JSON.number) ?? .null
            }
            return .object(object)
          })
      )
    ])
    let grid = Grid(
      columns: ["layer", "shape", "type", "bytes", "adapter", "error", "proxy"],
      rows: linears.map { linear in
        let error = errors[linear.name]
        return [
          linear.name, "\(linear.weight.rows)×\(linear.weight.columns)", linear.weight.typeName,
          Words.bytes(linear.weight.byteCount), linear.adapter.map { "r\($0.rank)" } ?? "",
          error.map { Words.percent($0.error) } ?? "",
          error?.proxy.map { Words.short($0) } ?? "",
        ]
      })
    return Report(fields: fields, display: [.grid(grid.withoutEmptyColumns)])
  }

  private func weights(_ model: Model) -> Report {
    var parts: [(String, Int)] = [("embedding", model.embedding.byteCount)]
    parts.append(("linear layers", model.allLinears.reduce(0) { $0 + $1.weight.byteCount }))
    parts.append(
      (
        "norms",
        model.norm.byteCount
          + model.blocks.reduce(0) { $0 + $1.inputNorm.byteCount + $1.postNorm.byteCount }
      ))
    parts.append(("head", model.isHeadTied ? 0 : model.head.byteCount))
    parts.append(
      (
        "adapters",
        model.allLinears.reduce(0) {
          $0 + (($1.adapter?.byteCount ?? 0))
        }
      ))
    return Report(
      fields: JSONObject(
        parts.map { ($0.0, .int($0.1)) } + [
          ("bytes", .int(model.byteCount)), ("bits_per_weight", .number(model.bitsPerWeight)),
        ]),
      display: [
        .grid(
          Grid(
            columns: ["part", "bytes"],
            rows: parts.map { [$0.0, Words.bytes($0.1)] } + [["all", Words.bytes(model.byteCount)]])
        )
      ])
  }

  private func lineage(_ model: Model) -> Report {
    Report(
      fields: JSONObject([
        ("lineage", .array(model.lineage.map(JSON.string))), ("source", .string(model.source)),
      ]),
      display: [
        .text(
          model.lineage.enumerated().map {
            "\(String(repeating: "  ", count: $0))\($0 == 0 ? "" : "→ ")\($1)"
          }
          .joined(separator: "\n"))
      ])
  }

  private func layer(_ linear: Linear, _ value: LoadedModel) throws -> Report {
    let backend = try value.model.backend
    var count = 0
    var sum = 0.0
    var squares = 0.0
    var largest = 0.0
    let weight: Tensor =
      switch linear.weight {
      case .dense(let tensor): tensor
      case .packed(let matrix): try backend.dequantize(matrix)
      }
    var steps = Steps("inspect \(linear.name)", of: weight.rows, unit: "rows")
    for row in stride(from: 0, to: weight.rows, by: 256) {
      try steps.advance(by: row == 0 ? 0 : 256)
      for element in try backend.read(weight.rows(row..<min(row + 256, weight.rows))) {
        let number = Double(element)
        sum += number
        squares += number * number
        largest = max(largest, number.magnitude)
        count += 1
      }
    }
    let mean = sum / Double(max(count, 1))
    let deviation = (squares / Double(max(count, 1)) - mean * mean).squareRoot()
    var fields = JSONObject([
      ("name", .string(linear.name)), ("outputs", .int(linear.weight.rows)),
      ("inputs", .int(linear.weight.columns)), ("type", .string(linear.weight.typeName)),
      ("bytes", .int(linear.weight.byteCount)), ("mean", .number(mean)),
      ("deviation", .number(deviation)), ("largest", .number(largest)),
    ])
    var rows = [
      ["layer", linear.name], ["shape", "\(linear.weight.rows)×\(linear.weight.columns)"],
      ["type", linear.weight.typeName], ["bytes", Words.bytes(linear.weight.byteCount)],
      ["mean", Words.short(mean)], ["standard deviation", Words.short(deviation)],
      ["largest magnitude", Words.short(largest)],
    ]
    if let adapter = linear.adapter {
      fields["adapter_rank"] = .int(adapter.rank)
      rows.append(["adapter", "rank \(adapter.rank), scale \(Words.short(Double(adapter.scale)))"])
    }
    if let error = try value.quantization?.layers.first(where: { $0.name == linear.name }) {
      fields["error"] = .number(error.error)
      fields["proxy"] = error.proxy.map(JSON.number) ?? .null
      rows.append(["error ‖ΔW‖/‖W‖", Words.percent(error.error)])
      if let proxy = error.proxy { rows.append(["output error (proxy)", Words.short(proxy)]) }
    }
    return Report(fields: fields, display: [.grid(Grid(rows: rows))])
  }
}

extension Weight {
  /// `bf16`, `4 bits g128`, `3 bits g64 asymmetric`.
  var typeName: String {
    switch self {
    case .dense(let tensor): tensor.dtype.rawValue
    case .packed(let matrix):
      "\(matrix.grid.bits) bits \(matrix.grid.group.map { "g\($0)" } ?? "row")"
        + (matrix.grid.symmetric ? "" : " asymmetric")
    }
  }
}
