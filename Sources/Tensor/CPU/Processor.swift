import CCPU
import CPUKernels
import CPUKernelsV2
import CPUKernelsV3
import CPUKernelsV4
import Glibc
import Runtime

/// What the machine is and can do.
struct Processor {
  /// The x86-64 level: 2, 3 (AVX2) or 4 (AVX-512).
  var level: Int
  /// Whether it multiplies bf16 vectors or tiles.
  var bf16: Bool
  var name: String
  /// Bytes of main memory that this process may use.
  var memory: Int
  /// Processors that this process may use.
  var cores: Int

  static func detect() -> Processor {
    var raw = [CChar](repeating: 0, count: 49)
    olv_cpu_name(&raw)
    let name = String(
      decoding: raw.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let pages = sysconf(Int32(_SC_PHYS_PAGES))
    let pageSize = sysconf(Int32(_SC_PAGESIZE))
    let limits = ControlGroup()
    return Processor(
      level: Int(olv_cpu_level()), bf16: olv_cpu_bf16() != 0, name: trimmed(name),
      memory: min(max(pages, 1) * max(pageSize, 4096), limits.memory ?? .max),
      cores: limits.processors(of: Int(olv_cpu_count())))
  }

  /// What the machine can do, or less: with `OLV_CPU_LEVEL` everything runs as on a processor of that level.
  ///
  /// - Throws: `UnusableLevel` for a level that does not exist or that the machine lacks.
  static func chosen() throws -> Processor {
    var processor = detect()
    guard let text = getenv("OLV_CPU_LEVEL").map({ String(cString: $0) }), !text.isEmpty else {
      return processor
    }
    guard let level = Int(text), (2...processor.level).contains(level) else {
      throw UnusableLevel(text: text, highest: processor.level)
    }
    guard level < processor.level else { return processor }
    processor.level = level
    processor.bf16 = false
    // The libraries choose their kernels when they are loaded.
    setenv("OPENBLAS_CORETYPE", level == 3 ? "HASWELL" : "NEHALEM", 0)
    setenv("DNNL_MAX_CPU_ISA", level == 3 ? "AVX2" : "SSE41", 0)
    return processor
  }

  /// The kernels compiled for this processor.
  var kernels: any Kernels.Type {
    switch level {
    case 4: CPUKernelsV4.CompiledKernels.self
    case 3: CPUKernelsV3.CompiledKernels.self
    default: CPUKernelsV2.CompiledKernels.self
    }
  }

  /// The name, its words separated by one space.
  private static func trimmed(_ name: String) -> String {
    name.split(separator: " ").joined(separator: " ")
  }
}

/// `OLV_CPU_LEVEL` names no level that can be used.
public struct UnusableLevel: Failure, Equatable {
  public var text: String
  /// The machine's level.
  public var highest: Int

  public init(text: String, highest: Int) {
    (self.text, self.highest) = (text, highest)
  }

  public var message: String {
    "OLV_CPU_LEVEL is `\(text)`; this processor runs the x86-64 levels 2 to \(highest)"
  }
  public var help: String? { "unset it to use all that the processor can do" }
}
