/// An adapter as the products of both ways take it.
///
/// In bf16 its factors are packed. In f32 they are as each pass would make them: packed ones give other last bits, and whether
/// they can be used depends on how rows are shared out.
final class CPUAdapterForms: AdapterForms, @unchecked Sendable {
  let type: DType
  /// What stands in front of B, dropout's share included.
  let scale: Float
  private(set) var forward: AdapterFactors
  private(set) var backward: AdapterFactors
  private let term: AdapterTerm
  private unowned let backend: CPUBackend
  /// Of A and B; none in f32.
  private let packed: UnsafeMutableBufferPointer<PackedForms>

  init(_ term: AdapterTerm, _ type: DType, _ backend: CPUBackend) throws {
    (self.type, self.term, self.backend) = (type, term, backend)
    scale = term.scale * term.survivorScale
    (forward, backward) = try Self.factors(term, type, backend)
    packed = type == .bf16 ? Self.pack(term, backward) : .allocate(capacity: 0)
    super.init()
    point()
  }

  deinit {
    for forms in packed { forms.destroy() }
    packed.deallocate()
  }

  private static func factors(_ term: AdapterTerm, _ type: DType, _ backend: CPUBackend) throws
    -> (forward: AdapterFactors, backward: AdapterFactors)
  {
    let (inputs, outputs) = (term.a.columns, term.b.rows)
    let backward = try AdapterFactors(
      term, inputs: inputs, outputs: outputs, type, forward: false, backend)
    guard type == .f32 else { return (backward, backward) }
    return (
      try AdapterFactors(term, inputs: inputs, outputs: outputs, type, forward: true, backend),
      backward
    )
  }

  private static func pack(_ term: AdapterTerm, _ factors: AdapterFactors)
    -> UnsafeMutableBufferPointer<PackedForms>
  {
    let a = PackedForms(factors.a, rows: term.rank, columns: term.a.columns, bothWays: true)
    let b = PackedForms(factors.b, rows: term.b.rows, columns: term.rank, bothWays: true)
    guard let a, let b else {
      a?.destroy()
      b?.destroy()
      return .allocate(capacity: 0)
    }
    let packed = UnsafeMutableBufferPointer<PackedForms>.allocate(capacity: 2)
    _ = packed.initialize(from: [a, b])
    return packed
  }

  private func point() {
    guard packed.count == 2, let first = packed.baseAddress else { return }
    backward.a.packed = UnsafePointer(first)
    backward.b.packed = UnsafePointer(first + 1)
    forward = backward
  }

  override func renew() throws {
    (forward, backward) = try Self.factors(term, type, backend)
    if packed.count == 2 {
      packed[0].renew(from: backward.a)
      packed[1].renew(from: backward.b)
    }
    point()
  }
}

extension CPUBackend {
  public func prepared(_ term: AdapterTerm, precision: Precision) throws -> AdapterTerm {
    var prepared = term
    prepared.forms = nil
    prepared.forms = try CPUAdapterForms(prepared, factorType(precision), self)
    return prepared
  }
}
