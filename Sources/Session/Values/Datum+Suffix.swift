import JSON
import Language
import Runtime

/// A suffix that a value does not have.
struct BadSuffix: Failure {
  let identifier = "bind.suffix"
  var message: String
  var help: String?
  var meant: String?
}

extension Datum {
  /// `.loss`, `[2:5]`, `[3]`, `["q → ft"]` of a value.
  ///
  /// - Throws: `BadSuffix`, or what a dataset says.
  func applying(_ suffix: Suffix.Kind) throws -> Datum {
    switch (self, suffix) {
    case (.pending(.dataset), _): return self
    case (.pending, _): return .pending(.anything)

    case (.dataset(let data), .member(let name)), (.dataset(let data), .key(let name)):
      return .dataset(try data.split(name.text))
    case (.dataset(let data), .range(let lower, let upper)):
      return .dataset(try data.sliced(lower: lower, upper: upper))
    case (.dataset(let data), .index(let index)):
      return .dataset(try data.sliced(lower: index, upper: index + 1))

    case (.list(let list), .index(let index)):
      guard index < list.count else { throw Self.outside(index, list.count) }
      return list[index]
    case (.list(let list), .range(let lower, let upper)):
      guard (upper ?? 0) <= list.count, (lower ?? 0) <= list.count else {
        throw Self.outside(max(lower ?? 0, upper ?? 0), list.count)
      }
      return .list(Array(list[(lower ?? 0)..<(upper ?? list.count)]))

    case (.record(let object), .member(let name)), (.record(let object), .key(let name)):
      return try Self.field(name.text, of: object, "the record")
    case (.model(let model), .member(let name)):
      if name.text == "lineage" { return .string(model.lineage) }
      return try Self.field(name.text, of: model.fields, "the model")
    case (.report(let report), .member(let name)), (.report(let report), .key(let name)):
      guard case .object(let object) = report.json else { return .nothing }
      return try Self.field(name.text, of: object, "the report of `\(report.verb)`")
    case (.table(let table), .member(let name)), (.table(let table), .key(let name)):
      if let row = table[name.text] { return row }
      let labels = table.rows.map(\.label)
      throw BadSuffix(
        message: "the table has no row `\(name.text)`",
        help: "it has \(alternatives(labels))", meant: didYouMean(name.text, among: labels))
    case (.table(let table), .index(let index)):
      guard index < table.rows.count else { throw Self.outside(index, table.rows.count) }
      return table.rows[index].result

    default:
      throw BadSuffix(message: "\(quoted) has no such part")
    }
  }

  private static func outside(_ index: Int, _ count: Int) -> BadSuffix {
    BadSuffix(message: "there is no element \(index)", help: "there are \(count), counted from 0")
  }

  private static func field(
    _ name: String, of object: JSONObject, _ owner: String
  ) throws -> Datum {
    if let value = object[name] { return Datum(value) }
    let near = didYouMean(name, among: object.keys)
    throw BadSuffix(
      message: "\(owner) has no field `\(name)`",
      help: near == nil ? "it has \(object.keys.joined(separator: ", "))" : nil, meant: near)
  }
}
