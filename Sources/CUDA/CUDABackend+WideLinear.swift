import CCUDA
import Synchronization
import Tensor

/// The product of linear_wide.cu: what a linear layer, its adapter and what follows make of many rows, in one kernel.
struct WideLinear {
  /// A low-rank product that is summed with the other before it is rounded.
  struct LowRank {
    /// `[n, rank]`.
    var factor: Tensor
    /// `[out, rank]`; turned, `[rank, out]`.
    var other: Tensor
    /// Of the product's elements those that stay, and what they are multiplied by: bits as `low_rank_reduce` leaves them.
    var mask: (bits: Tensor, factor: Float)?
  }

  /// `[n, depth]`.
  var x: Tensor
  /// `[out, depth]`; turned, `[depth, out]`.
  var weight: Tensor
  var isTurned = false
  var lowRank: LowRank?
  /// `[n, out]`: what the result, rounded, is added to.
  var residual: Tensor?
  /// `[n, 2·out]`: gates and ups of which the product gives the gradient of silu(gate) · up, and the kernel theirs.
  var gateUp: Tensor?

  /// Rows from which on a tile of 128 is filled well enough.
  static let leastRows = 256

  /// Whether the kernel serves the shapes on this card.
  func isServed(_ driver: Driver) -> Bool {
    driver.capability == 90 && x.rows >= Self.leastRows
      && [x, weight, lowRank?.factor, lowRank?.other, residual, gateUp].allSatisfy {
        $0?.isMappable ?? true
      }
      // Gates and ups are written 64 columns at a time, and side by side.
      && columns % (gateUp == nil ? 8 : 64) == 0
  }

  /// Of the product.
  var columns: Int { isTurned ? weight.columns : weight.rows }
}

extension CUDABackend {
  /// `y [n, out] = low · otherᵀ + x · weightᵀ`, and the residual where there is one; y `[n, 2·out]`, the gradients of gates and
  /// ups, where there are those.
  func multiply(_ product: WideLinear, into y: Tensor, _ name: String) throws {
    // Of a turned one a copy brings 64 columns of 64 rows, else 128 rows.
    let rows = product.isTurned ? 64 : 128
    let weight = try TensorMap(product.weight, rows: rows, driver, name)
    let other = try product.lowRank.map { try TensorMap($0.other, rows: rows, driver, name) }
    try launch(
      product,
      WideLinear.source(
        isTurned: product.isTurned, isMasked: product.lowRank?.mask != nil,
        isAdded: product.residual != nil, isParted: product.gateUp != nil),
      weights: (weight, weight), others: (other ?? weight, other ?? weight),
      target: y, columns: product.columns, tiles: (product.columns + 255) / 256, name)
  }

  /// `nll [n]` of targets, i32 `[n]`, under the softmax of what the product gives, which is never written.
  func losses(_ product: WideLinear, targets: Tensor, into nll: Tensor, _ name: String) throws {
    let (n, columns) = (product.x.rows, product.weight.rows)
    let weight = try TensorMap(product.weight, rows: 128, driver, name)
    let tiles = (columns + 255) / 256
    let parts = try make([n, 2 * tiles], .f32)
    let chosen = try make([n], .f32)
    try launch(
      product, WideLinear.source(loses: true), weights: (weight, weight), others: (weight, weight),
      target: product.x, columns: columns, tiles: tiles,
      losses: (targets, parts, chosen), name)
    try launch(
      .crossEntropy, "cross_entropy_parts", grid: Extent((n + 7) / 8), block: 256, parts,
      Int32(tiles), chosen, targets, nll, Int32(n))
  }

  public func gatedLinear(
    _ x: Tensor, _ weights: [Weight], adapter: AdapterTerm?, precision: Precision, keeps: Bool
  ) throws -> GatedOutput? {
    let name = "gatedLinear"
    guard precision == .bf16, driver.capability == 90, x.rows >= WideLinear.leastRows,
      weights.count == 1 || adapter == nil && !keeps, (adapter?.rank ?? 8) % 8 == 0,
      let first = weights.first
    else { return nil }
    try check(x, name, "x", rows: nil, columns: first.columns, .bf16)
    let matrices = try weights.map { try factor($0, .bf16, name) }
    let width = first.rows / (3 - matrices.count)
    var product = WideLinear(x: x, weight: matrices[0])
    guard matrices.allSatisfy({ $0.rows == first.rows && $0.isMappable }), width % 8 == 0,
      product.isServed(driver)
    else { return nil }
    var reduced: Tensor?
    if let adapter {
      let term = try AdapterFactors(adapter, first.columns, first.rows, .bf16, self)
      let low = try reduce(x, term, name)
      product.lowRank = WideLinear.LowRank(factor: term.low(low), other: term.b)
      reduced = low
    }
    func halves(_ matrices: [Tensor]) throws -> (TensorMap, TensorMap) {
      let (gate, up) =
        matrices.count == 2
        ? (matrices[0], matrices[1])
        : (matrices[0].rows(0..<width), matrices[0].rows(width..<2 * width))
      return (
        try TensorMap(gate, rows: 128, driver, name), try TensorMap(up, rows: 128, driver, name)
      )
    }
    let factors = try halves(matrices)
    let y = try make([x.rows, width], .bf16)
    let kept = try keeps ? make([x.rows, 2 * width], .bf16) : nil
    try launch(
      product, WideLinear.source(isGated: true, isKept: keeps), weights: factors,
      others: try product.lowRank.map { try halves([$0.other]) } ?? factors, target: y,
      kept: kept.map { ($0.columns(0..<width), $0.columns(width..<2 * width)) },
      columns: width, tiles: (width + 127) / 128, name)
    return GatedOutput(y: y, linear: kept.map { LinearOutput(y: $0, reduced: reduced) })
  }

  /// Without an adapter a library's product and a norm that adds are as fast.
  public func residualLinear(
    _ x: Tensor, _ weight: Weight, adapter: AdapterTerm, adding residual: Tensor,
    precision: Precision
  ) throws -> LinearOutput? {
    let name = "residualLinear"
    guard precision == .bf16, driver.capability == 90, x.rows >= WideLinear.leastRows,
      weight.rows % 8 == 0, weight.columns % 8 == 0, adapter.rank % 8 == 0
    else { return nil }
    try check(x, name, "x", rows: nil, columns: weight.columns, .bf16)
    try check(residual, name, "residual", rows: x.rows, columns: weight.rows, .bf16)
    var product = WideLinear(
      x: x, weight: try factor(weight, .bf16, name), residual: residual)
    guard product.isServed(driver) else { return nil }
    let term = try AdapterFactors(adapter, weight.columns, weight.rows, .bf16, self)
    let reduced = try reduce(x, term, name)
    product.lowRank = WideLinear.LowRank(factor: term.low(reduced), other: term.b)
    let y = try make(residual.shape, .bf16)
    try multiply(product, into: y, name)
    return LinearOutput(y: y, reduced: reduced)
  }

  private func launch(
    _ product: WideLinear, _ source: KernelSource, weights: (TensorMap, TensorMap),
    others: (TensorMap, TensorMap), target: Tensor, kept: (gates: Tensor, ups: Tensor)? = nil,
    columns: Int, tiles: Int,
    losses: (targets: Tensor, parts: Tensor, chosen: Tensor)? = nil, _ name: String
  ) throws {
    let x = product.x
    let input = try TensorMap(x, rows: 128, driver, name)
    let low = try product.lowRank.map { try TensorMap($0.factor, rows: 128, driver, name) }
    let output = try TensorMap(target, rows: 16, driver, name)
    let residual = try product.residual.map { try TensorMap($0, rows: 16, driver, name) }
    let gates = try (kept?.gates ?? product.gateUp).map {
      try TensorMap($0, rows: 16, driver, name)
    }
    let ups = try kept.map { try TensorMap($0.ups, rows: 16, driver, name) }
    let mask = product.lowRank?.mask
    let most = driver.multiprocessors / 2
    let clusters = min(most, (x.rows + 255) / 256 * tiles)
    // Such that tiles side by side fill a round, which then does not go on in the next strip, with other rows.
    let high = (6...12).last { most % $0 == 0 } ?? 8
    try launch(
      source, "linear_wide", grid: Extent(2 * clusters), block: 384, shared: WideLinear.shared,
      early: true,
      input.argument, (low ?? input).argument, weights.0.argument, others.0.argument,
      weights.1.argument, others.1.argument, (residual ?? output).argument,
      (gates ?? output).argument, (ups ?? output).argument, output.argument, mask?.bits,
      (mask?.bits.stride ?? 0) * 2, Int32(x.rows), Int32(columns),
      Int32(x.columns), Int32(product.lowRank?.factor.columns ?? 0), mask?.factor ?? 1,
      losses?.targets, losses?.parts, losses?.chosen, Int32(high))
  }
}

extension WideLinear {
  /// Bytes of shared memory: four stages of 128 rows of x and 256 of w, 64 columns each; twice 16 × 64 results for each of
  /// eight warps; barriers; what is lost to alignment.
  static let shared = 4 * (128 + 256) * 64 * 2 + 8 * 2 * 16 * 64 * 2 + 128 + 1024

  private static let sources = Mutex<[Int: KernelSource]>([:])

  static func source(
    isTurned: Bool = false, isMasked: Bool = false, isGated: Bool = false, isKept: Bool = false,
    isAdded: Bool = false, isParted: Bool = false, loses: Bool = false
  ) -> KernelSource {
    let choices = [isTurned, isMasked, isGated, isKept, isAdded, isParted, loses].map {
      $0 ? 1 : 0
    }
    return sources.withLock { known in
      let key = choices.reduce(0) { 2 * $0 + $1 }
      if let found = known[key] { return found }
      let source = KernelSource(
        "linear_wide",
        PackageResources.tensor_core_cuh + PackageResources.wide_products_cuh
          + PackageResources.copy_engine_cuh + PackageResources.linear_wide_cu,
        defines: ["WIDTH=64"]
          + zip(["TURNED", "MASKED", "GATED", "KEPT", "ADDED", "PARTED", "LOSS"], choices).map {
            "\($0)=\($1)"
          })
      known[key] = source
      return source
    }
  }
}
