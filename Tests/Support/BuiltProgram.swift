import Glibc

/// The program that is built together with the tests.
public enum BuiltProgram {
  /// It lies beside the test bundle. Nil where it was not built.
  public static let path: String? = {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    guard readlink("/proc/self/exe", &buffer, buffer.count - 1) > 0 else { return nil }
    let bundle = String(
      decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let candidates = [
      bundle.split(separator: "/").dropLast().joined(separator: "/"),
      "\(Shared.root)/.build/debug".split(separator: "/").joined(separator: "/"),
    ]
    return candidates.map { "/\($0)/olv" }.first { access($0, X_OK) == 0 }
  }()
}
