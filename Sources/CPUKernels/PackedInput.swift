/// A row of activations as dot products with packed rows take it: whole numbers, so that codes need not become floats.
///
/// Each group of columns has a step, a power of two, of which an element is n times as much to half a step, |n| ≤ 2²⁹: what is
/// above 2⁻⁵ of the group's largest element is exact. n = 2¹⁵ · high + low, both of 16 bits. Blocks of columns whose codes fill
/// 16 words of 16 bits follow each other; in each, for every place that a code may have in a word, the 16 high parts of its
/// columns, then the 16 low ones.
public struct PackedInput {
  public let digits: UnsafeMutablePointer<Int16>
  /// Of each group, the step and the sum of its elements.
  public let steps, sums: UnsafeMutablePointer<Float>

  public init(
    digits: UnsafeMutablePointer<Int16>, steps: UnsafeMutablePointer<Float>,
    sums: UnsafeMutablePointer<Float>
  ) {
    self.digits = digits
    self.steps = steps
    self.sums = sums
  }

  /// Whether rows of such codes can be multiplied like that.
  ///
  /// - Parameters:
  ///   - group: Columns that share a scale.
  ///   - isOrdered: Whether groups follow each other.
  public static func serves(bits: Int, columns: Int, group: Int, isOrdered: Bool) -> Bool {
    guard isOrdered, bits == 2 || bits == 4 || bits == 8, group > 0, group % 16 == 0,
      columns % group == 0
    else {
      return false
    }
    let block = 256 / bits
    guard columns % block == 0, group % block == 0 || block % group == 0 && block / group <= 4
    else { return false }
    // What a lane adds up in 32 bits: two products of each eighth of a group.
    return ((1 << bits) - 1) * group / 8 < 1 << 17
  }
}
