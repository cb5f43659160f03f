import Cache
import Checkpoints
import Data
import FoundationEssentials
import Models
import Runtime
import Session
import Synchronization
import Tensor

/// The engine as the session's host: which device computes, in which precision, and where models and data are found.
///
/// Nothing is opened before it is needed: neither a device nor a file.
public final class Engine: Host {
  /// Opens a backend for a device name; nil where it has none for it. For `auto` it throws nothing that lies with the
  /// machine, but says in the offer why there is none.
  public typealias BackendMaker = @Sendable (String) throws -> BackendOffer?

  /// Where models and datasets with hub ids lie.
  public let cache: HubCache
  private let makers: [BackendMaker]
  public let store: ContentStore?
  private let state = Mutex(State())

  private struct State {
    var settings = Settings()
    var backend: (any Backend)?
    var notice: String?
    var datasets: [String: Dataset] = [:]
    var promised: Set<String> = []
    var rehearsal: RehearsalBackend?
  }

  /// - Parameter makers: Backends beyond the CPU's, tried in order.
  public init(
    environment: [String: String] = ProcessInfo.processInfo.environment,
    makers: [BackendMaker] = []
  ) {
    cache = HubCache(environment: environment)
    store = ContentStore(environment: environment)
    self.makers = makers
  }

  public var device: String {
    state.withLock { $0.backend?.device.description } ?? "cpu"
  }

  public var compute: Compute {
    Compute(rawValue: state.withLock { $0.settings.compute }) ?? .auto
  }

  public func apply(_ settings: Settings) throws {
    let device = settings.device
    guard ["auto", "cpu", "cuda"].contains(device) || device.hasPrefix("cuda:") else {
      throw UnknownDevice(name: device)
    }
    if device.hasPrefix("cuda"), makers.isEmpty { throw NoSuchBackend(name: device) }
    guard Compute(rawValue: settings.compute) != nil else {
      throw UnknownCompute(name: settings.compute)
    }
    state.withLock { state in
      if state.settings.device != settings.device { (state.backend, state.notice) = (nil, nil) }
      state.settings = settings
    }
  }

  /// The backend in use, opened at the first call; while a plan is made, one that counts in its place.
  public func backend() throws -> any Backend {
    try state.withLock { state in
      if let rehearsal = state.rehearsal { return rehearsal }
      if let backend = state.backend { return backend }
      let offer = try open(state.settings.device)
      let backend = try offer.backend ?? CPUBackend()
      state.backend = backend
      state.notice = offer.notice
      return backend
    }
  }

  /// The GPU that `--device cuda` would take; nil where this build computes on the CPU alone.
  ///
  /// - Throws: A `Failure` that says why no GPU can be used.
  func gpu() throws -> Device? {
    for maker in makers {
      if let backend = try maker("cuda")?.backend { return backend.device }
    }
    return nil
  }

  public func rehearse<Result>(
    by program: String, _ body: (any Rehearsal) throws -> Result
  ) throws -> Result {
    let rehearsal = EngineRehearsal(try backend(), store: store, program: program)
    state.withLock { $0.rehearsal = rehearsal.backend }
    defer { state.withLock { $0.rehearsal = nil } }
    return try body(rehearsal)
  }

  public var memoryPeak: Int? {
    switch state.withLock({ $0.backend }) {
    case let measured as any MeasuredBackend: measured.memoryUse.peak
    default: ProcessMemory.now.peak
    }
  }

  public func resetMemoryPeak() {
    switch state.withLock({ $0.backend }) {
    case let measured as any MeasuredBackend: measured.resetMemoryPeak()
    default: ProcessMemory.resetPeak()
    }
  }

  /// What is to be said once of the device that was taken; not while it is only counted with.
  func takeNotice() -> String? {
    state.withLock { state in
      if state.rehearsal != nil { return nil }
      defer { state.notice = nil }
      return state.notice
    }
  }

  private func open(_ device: String) throws -> BackendOffer {
    var notice: String?
    if device != "cpu" {
      for maker in makers {
        guard let offer = try maker(device) else { continue }
        if offer.backend != nil { return offer }
        notice = notice ?? offer.notice
      }
      if device != "auto" { throw NoSuchBackend(name: device) }
    }
    return BackendOffer(backend: nil, notice: notice)
  }

  public func dataset(named name: String) throws -> any DatasetValue {
    if name == "random" { return OpenDataset(.random()) }
    return OpenDataset(try open(name, DatasetOptions()))
  }

  public var models: [String] { cache.list(.model) }
  public var datasets: [String] { cache.list(.dataset) + ["random"] }

  /// Notes that a script will write a folder, so that a later `load` of it is not refused before line 1 runs.
  func promise(_ path: String) { _ = state.withLock { $0.promised.insert(Self.normalized(path)) } }

  /// Whether a statement of a script checked in this session writes the folder.
  func isPromised(_ path: String) -> Bool {
    state.withLock { !$0.promised.isEmpty && $0.promised.contains(Self.normalized(path)) }
  }

  private static func normalized(_ path: String) -> String {
    var parts = path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    if path.hasPrefix("/") { parts = "/" + parts }
    return parts
  }

  /// Opens a dataset by path or hub id; the same declaration is opened once.
  func open(_ location: String, _ options: DatasetOptions, revision: String? = nil) throws
    -> Dataset
  {
    let path = try cache.find(location, kind: .dataset, revision: revision)
    let key = "\(path)\u{0}\(options)"
    if let dataset = state.withLock({ $0.datasets[key] }) { return dataset }
    let dataset = try Dataset.open(path, options)
    state.withLock { $0.datasets[key] = dataset }
    return dataset
  }
}

/// A backend, or none, and one line about it.
public struct BackendOffer: Sendable {
  public var backend: (any Backend)?
  /// Which device was taken, or why a GPU that is there was not.
  public var notice: String?

  public init(backend: (any Backend)?, notice: String?) {
    self.backend = backend
    self.notice = notice
  }
}

struct UnknownDevice: Failure, Equatable {
  var name: String
  var message: String { "there is no device `\(name)`" }
  var help: String? { "--device takes auto, cpu, cuda or cuda:N" }
}

struct NoSuchBackend: Failure, Equatable {
  var name: String
  var message: String {
    "the device `\(name)` is not available: this build computes on the CPU only"
  }
  var help: String? { "use --device cpu or --device auto" }
}

struct UnknownCompute: Failure, Equatable {
  var name: String
  var message: String { "there is no precision `\(name)`" }
  var help: String? { "--compute takes auto, f32 or bf16" }
}
