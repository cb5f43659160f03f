import COneDNN

/// What the CPU backend finds on this machine. Finding out computes nothing.
public struct CPUInstallation: Sendable {
  /// The processor's own name.
  public var processor: String
  /// Processors that this process may use.
  public var cores: Int
  /// The x86-64 level whose kernels are taken: 2, 3 (AVX2) or 4 (AVX-512).
  public var level: Int
  /// Whether the processor multiplies bf16 numbers.
  public var hasBF16: Bool
  /// Bytes of main memory.
  public var memory: Int
  /// OpenBLAS's version and the core type that it runs as, or why it cannot be used.
  public var openBLAS: Result<String, MissingLibrary>
  /// oneDNN's version; nil where it is not installed.
  public var oneDNN: String?

  /// Looks.
  public static func inspect() -> CPUInstallation {
    let processor = (try? Processor.chosen()) ?? Processor.detect()
    let openBLAS = Result { () throws(MissingLibrary) -> String in
      do {
        _ = try ProductLibrary.shared()
        return try OpenBLAS.description()
      } catch let missing as MissingLibrary { throw missing } catch {
        throw MissingLibrary(name: "libopenblas.so.0", package: "libopenblas0")
      }
    }
    var oneDNN: String?
    // Opened by the line above, so that first calls do not race.
    if case .success = openBLAS, olv_onednn_open() != 0 {
      var version: [Int32] = [0, 0, 0]
      olv_onednn_version(&version)
      oneDNN = version.map(String.init).joined(separator: ".")
    }
    return CPUInstallation(
      processor: processor.name, cores: processor.cores, level: processor.level,
      hasBF16: processor.bf16, memory: processor.memory, openBLAS: openBLAS, oneDNN: oneDNN)
  }
}
