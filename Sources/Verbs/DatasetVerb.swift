import Data
import JSON
import Language
import Runtime
import Session

@section("olv_verbs") @used private let register: VerbEntry = { declare(DatasetVerb.self, in: $0) }

/// `dataset PATH|HUB-ID`
struct DatasetVerb: Verb {
  static let name = "dataset"
  static let summary = "a dataset: rows, and how they become text"
  static let details = """
    Reads JSONL, JSON, CSV, TSV, YAML and plain text, each also gzip-compressed, from a file or from a folder laid out as \
    on the hub. A template turns a row into text: {column} stands for the row's value. Without one, `field` or the only \
    column is the text.

    The slices train=, eval= and test= are what `finetune` and `ppl` take of it when it is not sliced by hand.
    """
  static let input = VerbInput.nothing
  static let output = VerbOutput.dataset
  static let isDeclarative = true
  static let examples = [
    Example(
      "mine = dataset stdlib/demo/tiny-codes.jsonl.gz template=\"Q: {prompt}\\nA: {response}\" test=\"5000:5010\"",
      "a file of rows under the name mine; `ppl mine` or `ppl $mine[:20]` use it"),
    Example(
      "short = dataset tiny-codes template=\"{prompt}\"; ppl $short[5000:5004]",
      "rows that have a name already, read another way", setup: "use demo; load phi"),
    Example(
      "ppl tiny-codes[5000:5010]", "rows of a dataset by number", setup: "use demo; load phi"),
  ]
  static let seeAlso = ["datasets", "ppl", "finetune"]

  @Arg(
    "path",
    "a file, a folder, a hub id in the cache, or a dataset's name; `random` for random tokens",
    noun: "dataset")
  var source: DatasetSource
  @Opt("template", "how a row becomes text: `\"Q: {prompt}\"`") var template: String?
  @Opt("field", "the column that is the text") var field: String?
  @Opt("split", "which split to take, `train` by default") var split: String?
  @Opt("config", "which of several datasets in the folder") var config: String?
  @Opt("train", "the rows that `finetune` takes: `\":4096\"`") var train: String?
  @Opt("eval", "the rows that `finetune` evaluates on") var eval: String?
  @Opt("test", "the rows that `ppl` takes") var test: String?
  @Opt("revision", "branch, tag or commit of a hub id in the cache") var revision: String?
  @Opt("seed", "seeds the tokens of `random`", range: 0...) var seed: Int = 0
  @Opt("name", "what reports call it; the name it is bound to, or its file's, by default")
  var label: String?

  private func slice(_ text: String?, _ parameter: Opt<String?>) throws -> SliceSpec? {
    do { return try text.map(SliceSpec.init) } catch let failure as any Failure {
      throw parameter.failure(failure)
    }
  }

  /// A dataset that has a name already, its rows read another way.
  private func reread(_ known: Dataset, as alias: String?) throws -> Dataset {
    for (isGiven, failure) in [
      (config != nil, $config.failure(_:label:help:meant:)),
      (train != nil, $train.failure(_:label:help:meant:)),
      (eval != nil, $eval.failure(_:label:help:meant:)),
      (test != nil, $test.failure(_:label:help:meant:)),
      (revision != nil, $revision.failure(_:label:help:meant:)),
    ] where isGiven {
      throw failure(
        "\(known.name) is open already", nil,
        "template=, field= and split= read it another way; slice it by hand: `$rows[:100]`", nil)
    }
    var dataset = known
    if let split { dataset = try dataset.named(split) }
    do {
      if let field { dataset = try dataset.with(field: field) }
      if let template { dataset = try dataset.with(template: try Template(template)) }
    } catch let failure as UnknownColumn {
      throw misnamed(failure)
    } catch let failure as any Failure {
      throw $template.failure(failure)
    }
    if let name = label ?? alias { dataset.name = name }
    return dataset
  }

  /// A column that is none, in the template or in `field`.
  private func misnamed(_ failure: UnknownColumn) -> ArgumentFailure {
    let near = didYouMean(failure.column, among: failure.columns)
    guard let template else { return $field.failure(failure, meant: near) }
    return $template.failure(
      failure, label: near.map { "did you mean `\($0)`?" },
      meant: near.map { template.replacing("{\(failure.column)", with: "{\($0)") })
  }

  func run(_ context: RunContext) throws -> Outcome {
    if let known = source.known {
      return .value(.dataset(OpenDataset(try reread(known, as: context.alias))))
    }
    let path = source.path
    if path.text == "random" {
      return .value(.dataset(OpenDataset(.random(seed: UInt64(seed)))))
    }
    var options = DatasetOptions()
    options.name = label ?? context.alias
    options.field = field
    options.split = split
    options.config = config
    do { options.template = try template.map(Template.init) } catch let failure as any Failure {
      throw $template.failure(failure)
    }
    options.train = try slice(train, $train)
    options.eval = try slice(eval, $eval)
    options.test = try slice(test, $test)
    do {
      return .value(
        .dataset(OpenDataset(try context.engine.open(path.path, options, revision: revision))))
    } catch let failure as UnknownColumn {
      throw misnamed(failure)
    } catch let failure as NotFound {
      throw $source.failure(failure)
    }
  }
}
