import Cache
import Checkpoints
import JSON
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
  private let workplace: Workplace?
  private var layers: [QuantizationReport.Layer] = []
  /// How many of them belong to finished blocks, and when the last of those was finished.
  private var finished = 0
  private var lastFinish = ContinuousClock.now
  /// Where the codes of a large model wait, so that memory holds one block at a time; nil for a small one.
  private let scratch: ScratchFile?

  /// Bytes of weights from which on a model counts as large.
  private static let large = 1 << 30

  /// Blocks taken over from a run that was killed.
  private(set) var restoredBlocks = 0

  /// - Throws: `QuantizationFailure` where the settings or the model do not allow it.
  init(
    _ model: Model, _ settings: QuantizationSettings, _ progress: ProgressHandler?,
    _ workplace: Workplace? = nil
  ) throws {
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
    self.workplace = workplace
    backend = model.backend
    targets = Set(taken.map(\.name))
    bytesBefore = model.byteCount
    scratch = bytesBefore >= Self.large ? ScratchFile() : nil
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
    result.weight = .packed(parked(matrix))
    return result
  }

  /// Puts a finished block into the model and gives the pages of its float weights back.
  ///
  /// - Throws: `Cancelled`.
  mutating func finish(_ block: Block, at index: Int, isRestored: Bool = false) throws {
    if !isRestored { try keep(block, at: index) }
    finished = layers.count
    lastFinish = .now
    for linear in model.blocks[index].linears where isTarget(linear) {
      Residency.release(linear.weight)
    }
    model.blocks[index] = block
    if scratch != nil { backend.trim() }
  }

  /// The matrix with its codes in the file where they wait; as it is where there is none, or it has no room.
  private func parked(_ matrix: PackedMatrix) -> PackedMatrix {
    let tensors =
      [matrix.codes, matrix.scales] + [matrix.zeros, matrix.groupIndex].compactMap { $0 }
    guard let parked = scratch?.take(tensors) else { return matrix }
    return PackedMatrix(
      rows: matrix.rows, columns: matrix.columns, grid: matrix.grid, codes: parked[0],
      scales: parked[1], zeros: matrix.zeros == nil ? nil : parked[2],
      groupIndex: matrix.groupIndex == nil ? nil : parked[parked.count - 1])
  }

  private static let stem = "block"

  private func name(_ block: Block) -> String { "block \(block.index)" }

  /// Keeps a finished block for a run that may have to follow this one, where that is worth the time.
  private func keep(_ block: Block, at index: Int) throws {
    guard let workplace else { return }
    var changed = model
    changed.blocks[index] = block
    let patch = ModelPatch(from: model, to: changed)
    let seconds = lastFinish.duration(to: .now) / .seconds(1)
    let layers = layers[finished...].map(\.json)
    guard workplace.isWorth(seconds: seconds, bytes: patch.byteCount) else { return }
    try workplace.keep(
      name(block), seconds: seconds,
      facts: JSONObject([("patch", patch.json), ("layers", .array(layers))])
    ) { try $0.write(patch.sources, stem: Self.stem) }
  }

  /// The block as an earlier run finished it, which then is in the book; nil where it has to be done.
  mutating func restored(_ block: Block) throws -> Block? {
    guard let entry = workplace?.find(name(block)), let patch = entry.facts["patch"],
      let stored = entry.facts["layers"]?.arrayValue,
      let tensors = try? entry.tensors(stem: Self.stem),
      let place = model.blocks.firstIndex(where: { $0.index == block.index }),
      let changed = try? ModelPatch.apply(patch, tensors, to: model)
    else { return nil }
    let read = stored.compactMap(QuantizationReport.Layer.init)
    guard read.count == stored.count else { return nil }
    layers += read
    restoredBlocks += 1
    progress?(
      Progress(
        stage: "quantize: \(name(block)) from an earlier run", done: layers.count,
        total: targets.count, unit: "layers"))
    return changed.blocks[place]
  }

  /// The model and the report.
  func result(tokens: Int) throws -> (Model, QuantizationReport) {
    var model = try model.settled()
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
        bytesAfter: model.byteCount, resumed: restoredBlocks,
        seconds: Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18, tokens: tokens)
    )
  }
}
