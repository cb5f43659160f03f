import Synchronization

/// A value that is made when it is first asked for, and then kept. What goes wrong is thrown each time and tried again.
public final class Deferred<Value: Sendable>: Sendable {
  private enum State {
    case made(Value)
    case pending(@Sendable () throws -> Value)
  }

  private let state: Mutex<State>

  public init(_ make: @escaping @Sendable () throws -> Value) { state = Mutex(.pending(make)) }
  public init(made value: Value) { state = Mutex(.made(value)) }

  /// The value, where it was made already.
  public var made: Value? {
    state.withLock { state in
      if case .made(let value) = state { return value }
      return nil
    }
  }

  /// - Throws: What making it throws.
  public var value: Value {
    get throws {
      try state.withLock { state in
        switch state {
        case .made(let value): return value
        case .pending(let make):
          let value = try make()
          state = .made(value)
          return value
        }
      }
    }
  }
}
