import Checkpoints
import Models
import Runtime
import Tensor

/// What every method shares: the checks before it starts, which layers it takes, their grids, and the book it keeps.
struct QuantizationRun {
  let settings: QuantizationSettings
  let backend: any Backend
  private(set) var model: Model
  private let targets: Set<String>
  private let bytesBefore: Int
  private let started = ContinuousClock.now
  private let progress: ProgressHandler?
  private var layers: [QuantizationReport.Layer] = []

  /// - Throws: `QuantizationFailure` where the settings or the model do not allow it.
  init(_ model: Model, _ settings: QuantizationSettings, _ progress: ProgressHandler?) throws {
    try settings.check()
    let linears = model.allLinears
    let patterns = settings.skip.map(LayerPattern.init)
    for (pattern, text) in zip(patterns, settings.skip)
    where !linears.contains(where: { pattern.matches($0.name) }) {
      throw QuantizationFailure.unmatchedSkip(
        text, layers: model.blocks.first?.linears.map(\.name) ?? [])
    }
    let taken = linears.filter { linear in !patterns.contains { $0.matches(linear.name) } }
    guard !taken.isEmpty else {
      throw QuantizationFailure.nothingToQuantize(skip: settings.skip)
    }
    for linear in taken {
      if case .packed = linear.weight {
        throw QuantizationFailure.alreadyQuantized(layer: linear.name)
      }
      if let group = settings.group, linear.inputs % group != 0 {
        throw QuantizationFailure.groupDoesNotDivide(
          group: group, layer: linear.name, width: linear.inputs,
          dividing: [16, 32, 64, 128].filter { size in
            taken.allSatisfy { $0.inputs % size == 0 }
          })
      }
    }
    self.settings = settings
    self.model = model
    self.progress = progress
    backend = model.backend
    targets = Set(taken.map(\.name))
    bytesBefore = model.byteCount
  }

  func isTarget(_ linear: Linear) -> Bool { targets.contains(linear.name) }

  /// Places in `block.linears` of the stage's linears that are to be quantized.
  func targets(_ block: Block, _ stage: Stage) -> [Int] {
    block.linears(of: stage).filter { isTarget(block.linears[$0]) }
  }

  /// The grid for a weight: scales are as wide as the weights were, but no bf16.
  func grid(for weight: Tensor) -> Grid {
    Grid(
      bits: settings.bits, group: settings.group, symmetric: settings.symmetric,
      scaleType: weight.dtype == .f32 ? .f32 : .f16)
  }

  /// The float weight of a linear.
  func weight(_ linear: Linear) throws -> Tensor {
    guard case .dense(let tensor) = linear.weight else {
      throw QuantizationFailure.alreadyQuantized(layer: linear.name)
    }
    return tensor
  }

  /// Runs `body`, naming the layer in what the backend throws.
  func naming<Result>(_ layer: String, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as NotFinite {
      throw QuantizationFailure.notFinite(layer: layer, what: error.what)
    } catch let error as NotPositiveDefinite {
      throw QuantizationFailure.notPositiveDefinite(layer: layer, damping: error.damping)
    }
  }

  /// Writes a rounded linear into the book and returns it with its codes.
  ///
  /// - Parameters:
  ///   - weight: What was rounded.
  ///   - hessian: Of the linear's input, where it was measured.
  ///   - damping: What the Hessian was damped with, where it was.
  mutating func record(
    _ linear: Linear, _ matrix: PackedMatrix, of weight: Tensor, hessian: Tensor?,
    damping: Float? = nil
  ) throws -> Linear {
    let error = try backend.roundingError(matrix, of: weight, hessian: hessian)
    guard error.difference.isFinite, error.proxy?.isFinite ?? true else {
      throw QuantizationFailure.notFinite(layer: linear.name, what: "Hessian")
    }
    layers.append(
      QuantizationReport.Layer(
        name: linear.name, error: error.relative, proxy: error.proxy,
        damping: damping.flatMap { $0 == settings.damping ? nil : $0 },
        bitsPerWeight: Double(matrix.byteCount) * 8 / Double(matrix.rows * matrix.columns)))
    progress?(
      Progress(
        stage: "quantize \(linear.name)", done: layers.count, total: targets.count,
        unit: "layers"))
    var result = linear
    result.weight = .packed(matrix)
    return result
  }

  /// Puts a finished block into the model and gives the pages of its float weights back.
  mutating func finish(_ block: Block, at index: Int) {
    for linear in model.blocks[index].linears where isTarget(linear) {
      Residency.release(linear.weight)
    }
    model.blocks[index] = block
  }

  /// The model and the report.
  func result(tokens: Int) -> (Model, QuantizationReport) {
    var model = model
    model.lineage.append(settings.title)
    // Methods take a block's linears in the order they need; the report has the model's.
    let places = Dictionary(
      uniqueKeysWithValues: model.allLinears.enumerated().map { ($1.name, $0) })
    let elapsed = started.duration(to: .now).components
    return (
      model,
      QuantizationReport(
        layers: layers.sorted { places[$0.name] ?? 0 < places[$1.name] ?? 0 },
        skipped: model.allLinears.map(\.name).filter { !targets.contains($0) },
        bitsPerWeight: model.bitsPerWeight, bytesBefore: bytesBefore,
        bytesAfter: model.byteCount,
        seconds: Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18, tokens: tokens)
    )
  }
}
