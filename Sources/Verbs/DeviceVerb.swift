import JSON
import Runtime
import Session
import Tensor

@section("olv_verbs") @used private let register: VerbEntry = { declare(DeviceVerb.self, in: $0) }

/// `device [NAME]`
struct DeviceVerb: Verb {
  static let name = "device"
  static let isRehearsed = false
  static let summary = "where computation runs; with a name, choose for models loaded from now on"
  static let details = """
    On a CPU, OLV_THREADS in the environment sets the number of threads, and OLV_CPU_LEVEL (2, 3 or 4) makes everything \
    run as on a processor of that x86-64 level, to compare with an older machine.
    """
  static let input = VerbInput.nothing
  static let examples = [
    Example("device", "what computes"), Example("device cpu", "choose the CPU"),
    Example("device measure=yes", "what it can do at best"),
  ]
  static let seeAlso = ["load"]

  @Arg("name", "auto, cpu, cuda or cuda:N") var device: String?
  @Opt("measure", "time a large bf16 product and a large copy") var measure: Bool = false

  func run(_ context: RunContext) throws -> Outcome {
    if let device {
      do { try context.session.apply { $0.device = device } } catch let failure as any Failure {
        throw $device.failure(failure)
      }
    }
    let backend = try context.backend()
    var fields = JSONObject([
      ("device_name", .string(backend.device.description)),
      ("name", .string(backend.device.name)), ("memory", .int(backend.device.memory)),
      ("bf16", .bool(backend.supports(.bf16))),
      ("compute", .string(try context.engine.compute.rawValue)),
    ])
    var display = [
      Display.text(
        "\(backend.device): \(backend.device.name), \(Words.bytes(backend.device.memory))"
          + (backend.supports(.bf16) ? ", bf16 products" : ""))
    ]
    if measure {
      let ceilings = try Ceilings(of: backend)
      fields["product_flops"] = .number(ceilings.product)
      fields["copy_bytes_per_second"] = .number(ceilings.copy)
      display.append(
        .text(
          "at best \(Words.count(Int(ceilings.product)))FLOP/s in bf16 products, "
            + "\(Words.bytes(Int(ceilings.copy)))/s read and written by a copy"))
    }
    if let measured = backend as? any MeasuredBackend {
      let use = measured.memoryUse
      fields["memory_taken"] = .int(use.taken)
      fields["memory_peak"] = .int(use.peak)
      fields["memory_held_peak"] = .int(use.heldPeak)
      let times = measured.takeKernelTimes()
      if !times.isEmpty {
        display.append(
          .grid(
            Grid(
              columns: ["kernel", "times", "ms", "µs each"],
              rows: times.map {
                [
                  $0.name, "\($0.count)", Words.short($0.seconds * 1e3),
                  Words.short($0.seconds * 1e6 / Double($0.count)),
                ]
              })))
      }
      // What follows is measured from here on.
      measured.resetMemoryPeak()
    }
    return .report(
      Report(
        fields: fields,
        display: display))
  }
}
