import CInterrupt

/// Ctrl-C, as the engine sees it: a flag that long loops poll between steps.
public enum Interrupt {
  /// Installs the SIGINT handler. The first Ctrl-C raises the flag; a second before `clear` ends the process.
  public static func install() { olv_interrupt_install() }

  /// Whether an interrupt is pending.
  public static var isPending: Bool { olv_interrupt_pending() != 0 }

  /// Raises the flag as the signal would.
  public static func raise() { olv_interrupt_raise() }

  /// Forgets a pending interrupt.
  public static func clear() { olv_interrupt_clear() }

  /// Call between the steps of anything that can take more than a tenth of a second.
  ///
  /// - Throws: `Cancelled` when an interrupt is pending.
  public static func check() throws {
    if isPending { throw Cancelled() }
  }
}

/// The work was interrupted by the user; what was computed before stays as it was.
public struct Cancelled: Failure, Equatable {
  public init() {}
  public var message: String { "interrupted" }
}
