import Cache
import Checkpoints
import JSON
import Models
import Runtime
import Session
import Tensor

/// The engine while a plan is made: its backend only counts, and what operations cost is measured on the real one.
final class EngineRehearsal: Rehearsal {
  let backend: RehearsalBackend
  private let store: ContentStore?
  private let program: String
  private var times: OperationTimes
  private var logs: [OperationLog] = []
  /// Stand-ins of tensors that were there before, so that models which share weights still do.
  private var standIns: [ObjectIdentifier: (real: Storage, standIn: Storage)] = [:]
  /// Memory of the process beside its tensors and mapped weights.
  private var outside = 0

  init(_ real: any Backend, store: ContentStore?, program: String) {
    backend = RehearsalBackend(real)
    self.store = store
    self.program = program
    times = OperationTimes(on: real, known: store?.operationTimes(real, program) ?? [:])
  }

  var room: Int { backend.device.memory }

  func rehearsed(_ model: any ModelValue) throws -> any ModelValue {
    guard let loaded = model as? LoadedModel else { return model }
    let backend = backend
    if loaded.modelIfRead?.backend === backend { return model }
    return try loaded.replacing {
      try $0.placed(on: backend) { tensor in try self.standIn(tensor) }
    }
  }

  /// The same view of a stand-in of the tensor's storage.
  private func standIn(_ tensor: Tensor) throws -> Tensor {
    let storage: Storage
    if let known = standIns[tensor.id] {
      storage = known.standIn
    } else {
      let whole = Tensor(tensor.storage, shape: [tensor.storage.byteCount], dtype: .u8)
      storage = try backend.place(whole).storage
      standIns[tensor.id] = (tensor.storage, storage)
    }
    return Tensor(
      storage, shape: tensor.shape, dtype: tensor.dtype, offset: tensor.offset,
      rowStride: tensor.rowStride)
  }

  func begin() { backend.begin() }

  func end() -> Int {
    logs.append(backend.end())
    return logs.count - 1
  }

  func unnoticed<Result>(_ body: () throws -> Result) rethrows -> Result {
    try backend.unnoticed(body)
  }

  var roughSeconds: Double { seconds(backend.soFar) }

  func measure(_ progress: ProgressHandler?) throws {
    // What was read and made on the way stays; what is mapped of weights is counted with them.
    let process = ProcessMemory.now
    outside = process.anonymous + min(process.mapped, ProcessMemory.program)
    var counts: [Operation: Int] = [:]
    for log in logs { counts.merge(log.counts) { $0 + $1 } }
    if try times.measure(counts, on: backend.real, progress: progress) {
      store?.keep(times.measured, of: backend.real, program)
    }
  }

  func forecast(_ stage: Int) -> Forecast {
    let log = logs[stage]
    var forecast = Forecast()
    forecast.flops = log.flops
    forecast.moved = log.bytes
    forecast.memory = log.peakMemory + (backend.device.kind == .cpu ? outside : 0)
    forecast.seconds = seconds(log)
    return forecast
  }

  /// A processor does one thing after the other; a GPU works while it is asked for more.
  private func seconds(_ log: OperationLog) -> Double {
    let device = log.counts.reduce(0) { $0 + times.seconds(of: $1.key) * Double($1.value) }
    return log.hostSeconds
      + (backend.device.kind == .cpu
        ? device + log.askingSeconds : max(device, log.askingSeconds))
  }
}

extension ContentStore {
  /// Where the times of operations are kept: a measurement of a device with one build of the program, and no outcome.
  private func benchmarkKey(_ backend: any Backend, _ program: String) -> EntryKey {
    EntryKey(
      "benchmark", [EntryKey.Part("engine", program), EntryKey.Part("device", backend.arithmetic)])
  }

  fileprivate func operationTimes(_ backend: any Backend, _ program: String) -> [String: Double] {
    guard case .found(let entry) = find(benchmarkKey(backend, program), counts: false) else {
      return [:]
    }
    return Dictionary(
      uniqueKeysWithValues: entry.facts.compactMap { name, value in
        value.doubleValue.map { (name, $0) }
      })
  }

  fileprivate func keep(_ times: [String: Double], of backend: any Backend, _ program: String) {
    let key = benchmarkKey(backend, program)
    remove(key)
    // A plan that cannot be kept is a plan all the same.
    try? insert(
      key, seconds: 0,
      facts: JSONObject(times.sorted { $0.key < $1.key }.map { ($0.key, .number($0.value)) }))
  }
}
