import Data
import Runtime
import Session

/// What `dataset` opens: a file, a folder, a hub id, or a dataset that already has a name, to be read another way.
struct DatasetSource: ArgumentType, Equatable {
  var path: Path
  /// The dataset of that name, where the name is one.
  var known: Dataset?

  static var phrase: String { "a path, a hub id, or a dataset's name" }
  static var accepted: [Kind] { [.string, .number, .dataset] }
  var written: String { path.written }

  static func convert(_ datum: Datum, _ conversion: Conversion) throws -> DatasetSource {
    switch datum {
    case .dataset(let value):
      guard let open = value as? OpenDataset else { throw ForeignDataset(name: value.name) }
      return DatasetSource(path: Path(value.name), known: open.dataset)
    case .string(let name) where conversion.isName(name) && conversion.alias != name:
      guard let open = try conversion.dataset(name) as? OpenDataset else {
        throw ForeignDataset(name: name)
      }
      return DatasetSource(path: Path(name), known: open.dataset)
    default: return DatasetSource(path: try Path.convert(datum, conversion))
    }
  }

  static func == (left: DatasetSource, right: DatasetSource) -> Bool { left.path == right.path }
}
