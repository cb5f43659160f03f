import Cache
import Runtime

/// What the session asks of the layer that knows models and data.
public protocol Host: AnyObject, Sendable {
  /// What reports call the device: `cpu`, `NVIDIA H200`.
  var device: String { get }

  /// Takes the settings over. Called before the first statement and whenever they change.
  ///
  /// - Throws: A `Failure` for a device or precision that this machine or build does not have.
  func apply(_ settings: Settings) throws

  /// A dataset that no binding names: a path or a hub id. Opens no more than it needs to know that it is there.
  ///
  /// - Throws: A `Failure` that says where it was looked for.
  func dataset(named name: String) throws -> any DatasetValue

  /// The models and datasets that are at hand by their own names: what completion offers beside the session's.
  var models: [String] { get }
  var datasets: [String] { get }

  /// Where outcomes are kept; nil where they are not.
  var store: ContentStore? { get }

  /// Runs `body` with a device that only counts in place of the real one.
  ///
  /// - Parameter program: What computes, as keys of the cache name it: what was measured belongs to it.
  func rehearse<Result>(by program: String, _ body: (any Rehearsal) throws -> Result) throws
    -> Result
  /// Bytes that the process, or the GPU, has held at most since the peak was last reset; nil where nobody knows.
  var memoryPeak: Int? { get }
  func resetMemoryPeak()
}

extension Host {
  public var models: [String] { [] }
  public var datasets: [String] { [] }
  public var store: ContentStore? { nil }
  public func rehearse<Result>(
    by program: String, _ body: (any Rehearsal) throws -> Result
  ) throws -> Result {
    throw NoHost()
  }
  public var memoryPeak: Int? { nil }
  public func resetMemoryPeak() {}
}

/// A device that this build or machine does not have.
public struct UnavailableDevice: Failure {
  public var device: String
  public var reason: String
  public init(device: String, reason: String) {
    self.device = device
    self.reason = reason
  }
  public var message: String { "the device `\(device)` is not available: \(reason)" }
  public var help: String? { "`--device cpu`, or `auto`, which takes what works" }
}

/// A host that knows nothing: for `olv help` and for tests.
public final class NoEngine: Host {
  public init() {}
  public var device: String { "cpu" }
  public func apply(_ settings: Settings) throws {
    if settings.device.hasPrefix("cuda") {
      throw UnavailableDevice(device: settings.device, reason: "this build has no CUDA backend")
    }
  }
  public func dataset(named name: String) throws -> any DatasetValue { throw NoHost() }
}

/// What the command line or the session's verbs set for everything that runs.
public struct Settings: Sendable, Equatable {
  /// `auto`, `cpu`, `cuda`, `cuda:1`.
  public var device = "auto"
  /// `auto`, `f32`, `bf16`.
  public var compute = "auto"
  /// Whether outcomes are taken from the cache and stored in it.
  public var caches = true
  /// The words after the script's name; scripts see them as `$args`.
  public var arguments: [String] = []

  public init() {}
}
