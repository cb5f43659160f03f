/// All `KEY=VALUE` of a call that no other parameter has.
@propertyWrapper
struct AnyKeys: DeclaredParameter, SlotHolder {
  typealias Argument = [Datum]
  let slot: ParameterSlot<[Datum]>

  var wrappedValue: [Datum] { slot.value }
  /// Each with its key, in the order of the call.
  var pairs: [(key: String, value: Datum)] {
    slot.value.compactMap { pair in
      guard case .list(let parts) = pair, parts.count == 2, case .string(let key) = parts[0] else {
        return nil
      }
      return (key, parts[1])
    }
  }
  var projectedValue: AnyKeys { self }
  var anySlot: any AnyParameterSlot { slot }

  init(_ name: String, _ summary: String) {
    slot = ParameterSlot(
      name, summary, nil, nil, nil, isPositional: false, default: [], choices: { nil },
      takesAnyKey: true)
  }
}
