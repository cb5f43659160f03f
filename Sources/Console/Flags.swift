import Language
import Olive
import Runtime
import Session

/// What a command line asks for.
struct Flags: Equatable {
  enum Action: Equatable {
    case prompt
    case standardInput
    case text(String)
    /// `stays`: a prompt follows.
    case file(String, stays: Bool)
    case help(String?)
    /// Says what is wrong with scripts and runs nothing.
    case check([String])
    /// Lays scripts out; `checks`: only says which are not.
    case format([String], checks: Bool)
    /// Runs a script into a page; nil: beside it.
    case render(String, output: String?)
    /// What a script would cost; whether it is run afterwards.
    case plan(String, runs: Bool)
    /// What a script takes.
    case scriptHelp(String)
    /// The manual page, for `man`.
    case manual
    /// A command of Olive's, with its flags.
    case olive(String, [String])
    case version
    case usage
  }

  enum Format: String, CaseIterable {
    case table, md, csv, json
  }

  var action = Action.prompt
  var device = "auto"
  var compute = "auto"
  var packs: [String] = []
  var format = Format.table
  var isQuiet = false
  var caches = true
  var arguments = ScriptArguments()

  static let usage = """
    olv: quantize before or after fine-tuning, with which algorithm, and is the difference real?

      olv                          a prompt
      olv FILE.olv [--KEY=VALUE…]  a script; its `main` is called with the arguments
      olv FILE.olv --help          what a script takes
      olv -c "load phi; ppl"       a line
      olv < FILE.olv               a script from standard input
      olv -i FILE.olv              a script, then a prompt
      olv help [VERB|TOPIC]        what there is; `olv help topics` lists the topics
      olv check FILE.olv…          what is wrong with scripts, without running them
      olv doctor                   whether all that olv needs is there, and what to do where it is not
      olv man                      this and all verbs as a manual page: olv man | man -l -
      olv selftest                 whether the device computes what it should
      olv plan FILE.olv [--run]    what a script will cost: work, memory, disk, time; --run runs it then
      olv render FILE.olv [-o F]   runs a script into one HTML page, FILE.html
      olv fmt [--check] FILE.olv…  lays scripts out; with --check only says which need it
      olv quantize|finetune …      Olive's command lines; with --show the script they amount to
      olv run --config FILE        Olive's workflow files, YAML or JSON; with --show the same

      --device auto|cpu|cuda[:N]   where to compute (auto: a GPU if one works)
      --compute auto|f32|bf16      in which precision (auto: the model's own)
      --use PACK                   as the statement `use PACK`: `--use demo` runs on what ships with olv
      --json                       one JSON object per report on standard output
      --format table|md|csv        how reports are written
      --quiet                      no progress
      --no-cache                   compute everything anew, store nothing
      --version, --help

    These may stand before or after the file. Reports go to standard output, progress and errors to standard error.
    Status: 0 done, 1 a statement failed, 2 the script or the command line is wrong, 130 interrupted.
    """

  private static let valued = ["--device", "--compute", "--use", "--format", "-c", "-i"]
  private static let plain = ["--json", "--no-cache", "--quiet", "-q", "--version", "--help", "-h"]

  /// Reads a command line, the program's name not included.
  ///
  /// - Throws: `UsageFailure`.
  init(_ words: [String]) throws {
    var files: [String] = []
    var command: String?
    var stays: String?
    var isHelp = false
    var isVersion = false
    // What stands behind the file and is no flag of olv's own is the script's, or the subcommand's.
    var literalFrom: Int?
    var words = words[...]
    while let word = words.popFirst() {
      guard literalFrom == nil, word.hasPrefix("-"), word != "-" else {
        files.append(word)
        continue
      }
      if word == "--" {
        literalFrom = files.count
        continue
      }
      var name = word
      var attached: String?
      if word.hasPrefix("--"), let equals = word.firstIndex(of: "=") {
        name = String(word[..<equals])
        attached = String(word[word.index(after: equals)...])
      }
      func value() throws -> String {
        if let attached { return attached }
        guard let next = words.popFirst() else {
          throw UsageFailure(
            message: "`\(name)` needs a value", help: Self.line(of: name), word: name)
        }
        return next
      }
      if attached != nil, Self.plain.contains(name) {
        throw UsageFailure(
          message: "`\(name)` takes no value", help: "`\(name)` alone", word: word)
      }
      // Olive's `run` has a `-c` of its own.
      if word == "-c" || word == "-i", files.first.map(OliveCommand.names.contains) == true {
        files.append(word)
        continue
      }
      switch name {
      case "--device":
        device = try value()
        try Self.checkDevice(device)
      case "--compute":
        compute = try Self.choice(name, value(), ["auto", "f32", "bf16"])
      case "--use": packs.append(try value())
      case "--format":
        let text = try Self.choice(name, value(), ["table", "md", "csv"])
        format = Format(rawValue: text) ?? .table
      case "-c": command = try value()
      case "-i": stays = try value()
      case "--json": format = .json
      case "--quiet", "-q": isQuiet = true
      case "--no-cache": caches = false
      case "--version": isVersion = true
      case "--help", "-h": isHelp = true
      default:
        if !files.isEmpty || stays != nil {
          files.append(word)
          continue
        }
        let near = didYouMean(name, among: Self.valued + Self.plain)
        throw UsageFailure(
          message: "no flag `\(name)`",
          help: "`olv --help` lists them; what the script should see follows `--`", word: word,
          meant: near.map { $0 + word.dropFirst(name.count) })
      }
    }
    if isVersion {
      action = .version
    } else if isHelp {
      action = Self.help(files)
    } else if let command {
      action = .text(command)
      arguments = ScriptArguments(files, literalFrom: literalFrom)
    } else if let stays {
      action = .file(stays, stays: true)
      arguments = ScriptArguments(files, literalFrom: literalFrom)
    } else if let file = files.first {
      let rest = Array(files.dropFirst())
      switch file {
      case "help":
        guard rest.count <= 1 else {
          throw UsageFailure(
            message: "`olv help` takes one verb", help: "`olv help ppl`", word: rest.last)
        }
        action = .help(rest.first)
      case "man":
        guard rest.isEmpty else {
          throw UsageFailure(message: "`olv man` takes nothing", help: "`olv help \(rest[0])`")
        }
        action = .manual
      case "doctor", "selftest": action = .text(files.joined(separator: " "))
      case "check": action = .check(try Self.files(rest, of: "check", flags: []))
      case "fmt":
        action = .format(
          try Self.files(rest, of: "fmt", flags: ["--check"]), checks: rest.contains("--check"))
      case "render": action = try Self.render(rest)
      case "plan":
        let script = try Self.files(
          rest.first == "--run" ? Array(rest.dropFirst()) : rest, of: "plan", flags: nil)
        let words = script.dropFirst().filter { $0 != "--run" }
        action = .plan(script[0], runs: rest.contains("--run"))
        arguments = ScriptArguments(words, literalFrom: literalFrom.map { max(0, $0 - 2) })
      case _ where OliveCommand.names.contains(file): action = .olive(file, rest)
      default:
        action = file == "-" ? .standardInput : .file(file, stays: false)
        arguments = ScriptArguments(rest, literalFrom: literalFrom.map { max(0, $0 - 1) })
      }
    }
  }

  /// `olv --help`, `olv help ppl --help`, `olv ppl --help`, `olv FILE.olv --help`.
  private static func help(_ words: [String]) -> Action {
    guard let first = words.first else { return .usage }
    if first == "help" { return .help(words.dropFirst().first) }
    if first.hasSuffix(".olv") || first.contains("/") { return .scriptHelp(first) }
    return ["check", "fmt", "render"].contains(first) ? .usage : .help(first)
  }

  /// `olv render FILE.olv -o out.html`
  private static func render(_ words: [String]) throws -> Action {
    var words = words
    var output: String?
    if let place = words.firstIndex(where: { $0 == "-o" || $0 == "--output" }) {
      guard place + 1 < words.count else {
        throw UsageFailure(
          message: "`\(words[place])` needs a file", help: line(of: "render"), word: words[place])
      }
      output = words[place + 1]
      words.removeSubrange(place...place + 1)
    }
    let files = try files(words, of: "render", flags: [])
    guard files.count == 1, let file = files.first else {
      throw UsageFailure(
        message: "`olv render` takes one file", help: line(of: "render"), word: files.last)
    }
    return .render(file, output: output)
  }

  /// A subcommand's files.
  private static func files(
    _ words: [String], of command: String, flags: [String]?
  ) throws -> [String] {
    // Without any of its own, what stands behind the file is the script's.
    let files = flags.map { flags in words.filter { !flags.contains($0) } } ?? words
    if let flag = (flags == nil ? Array(files.prefix(1)) : files).first(where: {
      $0.hasPrefix("-") && $0 != "-"
    }) {
      throw UsageFailure(
        message: "`olv \(command)` has no flag `\(flag)`", help: line(of: command), word: flag)
    }
    guard !files.isEmpty else {
      throw UsageFailure(
        message: "`olv \(command)` needs a file", help: line(of: command), word: command)
    }
    return files
  }

  private static func choice(_ name: String, _ text: String, _ known: [String]) throws -> String {
    if known.contains(text) { return text }
    throw UsageFailure(
      message: "no \(name.dropFirst(2)) `\(text)`", help: line(of: name), word: text,
      meant: didYouMean(text, among: known))
  }

  private static func checkDevice(_ text: String) throws {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    if ["auto", "cpu", "cuda"].contains(text) { return }
    if parts.count == 2, parts[0] == "cuda", let number = Int(parts[1]), number >= 0 { return }
    _ = try choice("--device", text, ["auto", "cpu", "cuda"])
  }

  /// The flag's line of the usage.
  private static func line(of name: String) -> String? {
    usage.split(separator: "\n").first { $0.contains(name + " ") }.map { line in
      String(line.drop { $0 == " " })
    }
  }
}

/// A command line that cannot be read.
struct UsageFailure: Failure {
  let identifier = "usage.flag"
  var message: String
  var help: String?
  /// The word of the command line that it is about; nil: all of it.
  var word: String?
  var meant: String?
}
