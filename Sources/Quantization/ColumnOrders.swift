import Tensor

/// The order in which GPTQ takes the columns; nil for their own.
///
/// - Parameters:
///   - diagonal: Of the Hessian: how large each input is.
///   - group: Columns that share a scale, nil for all.
func columnOrder(_ order: QuantizationSettings.Order, diagonal: [Float], group: Int?)
  -> ColumnOrder?
{
  let width = group ?? diagonal.count
  /// Largest first, equal ones in their own order.
  func sorted(_ columns: some Sequence<Int>, by size: [Float]) -> [Int] {
    columns.sorted { size[$0] == size[$1] ? $0 < $1 : size[$0] > size[$1] }
  }
  func result(_ columns: [Int], _ grouping: ColumnOrder.Grouping) -> ColumnOrder {
    ColumnOrder(columns: columns.map { Int32($0) }, grouping: grouping)
  }
  switch order {
  case .none: return nil
  case .static: return result(sorted(diagonal.indices, by: diagonal), .fixed)
  case .act: return result(sorted(diagonal.indices, by: diagonal), .formed)
  case .gar:
    let starts = stride(from: 0, to: diagonal.count, by: width)
    let largest = starts.map { diagonal[$0..<min($0 + width, diagonal.count)].max() ?? 0 }
    let columns = sorted(largest.indices, by: largest).flatMap { index in
      sorted(index * width..<min((index + 1) * width, diagonal.count), by: diagonal)
    }
    return result(columns, .kept)
  }
}

extension Tensor {
  /// The diagonal of a square matrix as a view `[n, 1]`.
  var diagonal: Tensor {
    Tensor(storage, shape: [rows, 1], dtype: dtype, offset: offset, rowStride: rowStride + 1)
  }
}
