import Language
import Runtime

/// Olive's command lines and workflow files, as scripts of olv.
///
/// The flags and keys are those of Olive 0.7 (the published experiment) to 0.13 that say what to quantize, to train, to
/// merge or to measure. What has no counterpart here is named, with its place; nothing is left out in silence.
public enum OliveCommand {
  /// The commands there are.
  public static let names = ["quantize", "finetune", "run"]

  /// Translates a command line.
  ///
  /// - Parameters:
  ///   - name: One of `names`.
  ///   - words: What follows it.
  ///   - read: Opens the file that `run --config` names.
  /// - Throws: `DiagnosticSet` with all that cannot be translated, and what `read` throws.
  public static func translate(
    _ name: String, _ words: [String], read: (String) throws -> Source
  ) throws -> Translation {
    let problems = Problems()
    var translation = Translation()
    switch name {
    case "quantize": try quantize(words, &translation, problems)
    case "finetune": try finetune(words, &translation, problems)
    default: try run(words, &translation, problems, read)
    }
    guard problems.errors.isEmpty else { throw DiagnosticSet(problems.errors + problems.notes) }
    translation.notes = problems.notes
    return translation
  }

  static let shorts = [
    "-m": "model_name_or_path", "-t": "task", "-a": "adapter_path", "-o": "output_path",
    "-d": "data_name",
  ]
  static let switches: Set = [
    "trust_remote_code", "clean", "use_ort_genai", "save_config_file", "dry_run", "show",
    "use_qdq_encoding", "use_chat_template", "disable_telemetry", "test",
  ]

  /// Flags that all commands share and that change nothing here.
  static func readCommon(_ section: Section) {
    section.without(
      ["log_level"], because: "`--quiet` leaves progress out")
    section.without(["clean", "tempdir"], because: "nothing is left behind between runs")
    section.without(
      ["trust_remote_code"], because: "no code that a model brings is ever run")
    section.without(["disable_telemetry"], because: "olv sends nothing anywhere")
    section.only("task", ["text-generation"], because: "olv works on language models")
    // Read by the program, which prints the script instead of running it.
    _ = section.flag("show")
  }

  /// `load` for a model, with its adapter where one is named.
  static func load(
    _ path: Section.Found<String>, adapter: Section.Found<String>?, dtype: String?,
    _ translation: inout Translation
  ) {
    var text = "load \(Script.word(KnownNames.models[path.value] ?? path.value))"
    if let adapter { text += " adapter=\(Script.word(adapter.value))" }
    if let dtype { text += " dtype=\(dtype)" }
    translation.add(text, from: path.span)
  }

  /// The flag or key for the type of float weights.
  static func dtype(_ section: Section, _ name: String) -> String? {
    let types = ["bfloat16": "bf16", "float16": "f16", "float32": "f32"]
    return section.choice(name, of: types.keys.sorted()).flatMap { types[$0.value] }
  }
}
