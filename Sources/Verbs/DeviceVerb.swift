import JSON
import Runtime
import Session
import Tensor

@section("olv_verbs") @used private let register: VerbEntry = { declare(DeviceVerb.self, in: $0) }

/// `device [NAME]`
struct DeviceVerb: Verb {
  static let name = "device"
  static let summary = "where computation runs; with a name, choose for models loaded from now on"
  static let details = """
    On a CPU, OLV_THREADS in the environment sets the number of threads, and OLV_CPU_LEVEL (2, 3 or 4) makes everything \
    run as on a processor of that x86-64 level, to compare with an older machine.
    """
  static let input = VerbInput.nothing
  static let examples = [
    Example("device", "what computes"), Example("device cpu", "choose the CPU"),
  ]
  static let seeAlso = ["load"]

  @Arg("name", "auto, cpu, cuda or cuda:N") var device: String?

  func run(_ context: RunContext) throws -> Outcome {
    if let device {
      do { try context.session.apply { $0.device = device } } catch let failure as any Failure {
        throw $device.failure(failure)
      }
    }
    let backend = try context.backend()
    var fields = JSONObject([
      ("name", .string(backend.device.name)), ("memory", .int(backend.device.memory)),
      ("bf16", .bool(backend.supports(.bf16))),
      ("compute", .string(try context.engine.compute.rawValue)),
    ])
    if let measured = backend as? any MeasuredBackend {
      let use = measured.memoryUse
      fields["memory_taken"] = .int(use.taken)
      fields["memory_peak"] = .int(use.peak)
      fields["memory_held_peak"] = .int(use.heldPeak)
      // What follows is measured from here on.
      measured.resetMemoryPeak()
    }
    return .report(
      Report(
        fields: fields,
        display: [
          .text(
            "\(backend.device): \(backend.device.name), \(Words.bytes(backend.device.memory))"
              + (backend.supports(.bf16) ? ", bf16 products" : ""))
        ]))
  }
}
