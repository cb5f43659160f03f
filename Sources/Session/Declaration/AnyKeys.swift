/// All `KEY=VALUE` of a call that no other parameter has.
@propertyWrapper
struct AnyKeys: DeclaredParameter, SlotHolder {
  typealias Argument = [Datum]
  let slot: ParameterSlot<[Datum]>

  var wrappedValue: [Datum] { slot.value }
  var anySlot: any AnyParameterSlot { slot }

  init(_ name: String, _ summary: String) {
    slot = ParameterSlot(
      name, summary, nil, nil, nil, isPositional: false, default: [], choices: { nil },
      takesAnyKey: true)
  }
}
