import Cache
import Checkpoints
import Language
import Runtime

/// One conversation with olv: what was loaded, bound and shown so far.
///
/// A script is parsed and checked as a whole before its first statement runs; whatever goes wrong, the session and its
/// last good model survive. Used from one thread.
public final class Session {
  public let verbs: VerbRegistry
  public let host: any Host
  public private(set) var presenter: any Presenter
  /// What was run so far, in order.
  public private(set) var history: [String] = []
  /// Set through `apply`.
  public private(set) var settings = Settings()

  let library: StandardLibrary
  var scope = Scope()
  var results: [Int: Datum] = [:]
  /// The model of the last verb that could not finish, `$stopped`, and which input that was in.
  var stopped: (model: any ModelValue, input: Int)?
  private var packs: [String: Pack] = [:]
  /// The warnings that the running script has had.
  private var warned: [Diagnostic] = []
  /// Stages that the cache did not have, in order.
  public private(set) var misses: [Miss] = []
  /// Whether outcomes are stored however little work they were: for tests.
  var storesAll = false
  /// Told of every step that a receipt can tell, before its work begins; what it throws stops the step.
  var willRun: ((Provenance) throws -> Void)?
  private var failedToStore = false
  private var engineVersion: String?

  /// - Parameters:
  ///   - verbs: The verbs linked into the program, unless given.
  ///   - standardLibrary: Its folder; looked for where nil.
  public init(
    host: any Host, presenter: any Presenter, verbs: [any Verb.Type]? = nil,
    standardLibrary: String? = nil
  ) {
    self.host = host
    self.presenter = presenter
    self.verbs = VerbRegistry(verbs ?? VerbRegistry.linked())
    library = standardLibrary.map { StandardLibrary(folder: $0) } ?? .find()
  }

  /// The current model.
  public var model: (any ModelValue)? {
    if case .model(let model) = scope.model { return model }
    return nil
  }

  /// The packs in use: `demo`.
  public var packNames: [String] { scope.packs }

  /// The names that bindings and packs gave, for completion.
  public var names: [String] { scope.names.keys.sorted() }

  /// The definitions, for completion and help.
  public var functions: [String] { scope.functions.keys.sorted() }

  /// Where the standard library was found; nil where it was not.
  public var standardLibraryFolder: String? {
    library.candidates(for: StandardLibrary.prelude).contains(where: StandardLibrary.isReadable)
      ? library.folder : nil
  }

  /// What `use` knows.
  public var availablePacks: [String] { library.names }

  /// Changes settings and tells the host.
  ///
  /// - Throws: What the host says against them; they are then as before.
  public func apply(_ change: (inout Settings) -> Void) throws {
    var changed = settings
    change(&changed)
    try host.apply(changed)
    settings = changed
  }

  /// What computes, as keys of the cache name it: the version, and a hash of the program itself, since two builds of one
  /// version may differ.
  public func engine() throws -> String {
    if let engineVersion { return engineVersion }
    let program = try ContentStore.hash(MappedFile("/proc/self/exe"), rememberedBy: host.store)
    let text = "olv \(Version.text) \(program.prefix(16))"
    engineVersion = text
    return text
  }

  /// Runs `body` without showing anything.
  func quietly<Result>(_ body: () throws -> Result) rethrows -> Result {
    let shown = presenter
    presenter = Silence()
    defer { presenter = shown }
    return try body()
  }

  func recordMiss(_ miss: Miss) {
    // The first ones explain the others.
    guard misses.count < 64 else { return }
    misses.append(miss)
    host.store?.remember(misses)
  }

  /// Whether this is the first time that the cache could not be written; once is enough to say so.
  func isFirstStoreFailure() -> Bool {
    defer { failedToStore = true }
    return !failedToStore
  }

  /// Reads the prelude, where there is one. Cheap: nothing in it is evaluated.
  ///
  /// - Throws: `ScriptError.refused` where it is broken.
  public func loadPrelude() throws {
    guard
      library.candidates(for: StandardLibrary.prelude).contains(where: StandardLibrary.isReadable)
    else { return }
    try use(StandardLibrary.prelude)
  }

  /// What the statement `use NAME` does.
  ///
  /// - Throws: `ScriptError.refused` where there is no such pack or it is broken.
  public func use(_ name: String) throws {
    let interpreter = Interpreter(self, mode: .run)
    do {
      try interpreter.use(name, in: &scope)
    } catch {
      throw ScriptError.refused([Diagnostic(error, at: nil)])
    }
  }

  /// What is wrong with a script, without running any of it.
  ///
  /// Beside syntax errors only what one statement alone gets wrong is told: the names of others may be missing.
  ///
  /// - Parameter arguments: What its `main` would be called with; nil: nothing, where that is possible.
  public func check(_ source: Source, arguments: ScriptArguments? = nil) -> [Diagnostic] {
    let result = parse(source)
    if result.diagnostics.contains(where: { $0.severity == .error }) {
      let others = check(result.script).filter { Self.localCodes.contains($0.code) }
      return (result.diagnostics + others).inOrder(of: source)
    }
    var script = result.script
    let takesNothing = script.entry?.parameters.allSatisfy { $0.defaultValue != nil } ?? true
    if let arguments = arguments ?? (takesNothing ? ScriptArguments() : nil) {
      do { script = try script.calling(arguments, of: source) } catch {
        return result.diagnostics + ((error as? DiagnosticSet)?.diagnostics ?? [])
      }
    }
    return (result.diagnostics + check(script)).inOrder(of: source)
  }

  /// What is wrong with a call whatever stands around it.
  private static let localCodes: Set = [
    "bind.choice", "bind.range", "bind.parameter", "bind.twice", "bind.arity",
  ]

  /// What is wrong with a pack that the script uses.
  private static let packCodes: Set = ["bind.pack", "bind.broken-pack"]

  /// Runs a script.
  ///
  /// - Parameters:
  ///   - arguments: Calls the script's `main` at its end, if it has one, with these; nil: does not.
  ///   - number: The `n` of `In [n]`: the last result can then be recalled as `$n`.
  /// - Throws: `ScriptError`.
  public func run(
    _ source: Source, arguments: ScriptArguments? = nil, number: Int? = nil
  ) throws {
    try listening { try perform(source, arguments: arguments, number: number) }
  }

  /// Says what a script would cost, as the statement `plan { … }` around all of it does.
  ///
  /// - Parameter runs: Whether it is run afterwards, and what it took is put beside.
  /// - Throws: `ScriptError`.
  public func plan(_ source: Source, arguments: ScriptArguments? = nil, runs: Bool = false) throws {
    try listening {
      try perform(source, arguments: arguments, number: nil) { $0.planned(runs: runs, of: source) }
    }
  }

  private func listening(_ body: () throws -> Void) throws {
    let presenter = presenter
    let show: ProgressHandler = { presenter.progress($0) }
    try Progress.listening(show, body)
  }

  private func perform(
    _ source: Source, arguments: ScriptArguments?, number: Int?,
    around change: (Script) -> Script = { $0 }
  ) throws {
    history.append(source.text)
    let result = parse(source)
    if result.diagnostics.contains(where: { $0.severity == .error }) {
      throw ScriptError.refused(check(source))
    }
    var script = result.script
    if let arguments {
      do { script = try script.calling(arguments, of: source) } catch let error as DiagnosticSet {
        throw ScriptError.refused(error.diagnostics)
      }
    }
    script = change(script)
    let findings = (result.diagnostics + check(script)).inOrder(of: source)
    if findings.contains(where: { $0.severity == .error }) { throw ScriptError.refused(findings) }
    warned = findings
    for warning in findings { presenter.show(warning) }

    let interpreter = Interpreter(self, mode: .run)
    var local = scope
    local.last = scope.last
    defer {
      scope = local
      if let number, interpreter.showedResult { results[number] = local.last }
    }
    do {
      _ = try interpreter.run(script.statements, in: &local, isTopLevel: true)
    } catch let error as Interruption {
      throw ScriptError.interrupted(at: error.span, kept: kept(in: local))
    } catch {
      throw ScriptError.failed(Diagnostic(error, at: nil))
    }
  }

  /// Whether the running script has not had this warning yet.
  func isNew(_ warning: Diagnostic) -> Bool {
    let isKnown = warned.contains { $0.span == warning.span && $0.message == warning.message }
    if !isKnown { warned.append(warning) }
    return !isKnown
  }

  /// What an interrupt left, in a sentence.
  private func kept(in scope: Scope) -> String {
    var text = "what ran before stands"
    if case .model(let model) = scope.model { text += "; the current model is `\(model.lineage)`" }
    if let stopped, stopped.input == history.count {
      text += ", and `$stopped` is `\(stopped.model.lineage)`"
    }
    return text
  }

  private func check(_ script: Script) -> [Diagnostic] {
    let interpreter = Interpreter(self, mode: .check)
    var local = scope
    do {
      _ = try interpreter.run(script.statements, in: &local, isTopLevel: true)
    } catch {
      interpreter.record(Diagnostic(error, at: nil))
    }
    let found = interpreter.diagnostics
    // Without a pack its names are missing, and saying so of each of them would hide what is wrong.
    guard found.contains(where: { Self.packCodes.contains($0.code) }) else { return found }
    return found.filter { Self.packCodes.contains($0.code) || Self.localCodes.contains($0.code) }
  }

  /// A pack by its name or path; read once.
  func pack(_ name: String) throws -> Pack {
    let candidates = library.candidates(for: name)
    guard let path = candidates.first(where: StandardLibrary.isReadable) else {
      throw UnknownPack(name: name, known: library.names, looked: candidates)
    }
    if let known = packs[path] { return known }
    let source = try Source(path: path)
    let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    let script: Script
    do { script = try parse(source).get() } catch let error as DiagnosticSet {
      throw BrokenPack(name: name, path: path, errors: error.errors)
    }
    let pack = Pack(
      name: name, folder: folder.isEmpty ? "." : folder.joined(separator: "/"),
      script: script)
    packs[path] = pack
    return pack
  }
}

extension [Diagnostic] {
  /// In the order of a source's text; what is elsewhere stands at the end.
  fileprivate func inOrder(of source: Source) -> [Diagnostic] {
    func start(_ diagnostic: Diagnostic) -> Int {
      diagnostic.source === source ? diagnostic.span?.start ?? .max : .max
    }
    return enumerated().sorted { left, right in
      (start(left.element), left.offset) < (start(right.element), right.offset)
    }.map(\.element)
  }
}

/// `use` of something that is not there.
struct UnknownPack: Failure {
  let identifier = "bind.pack"
  var name: String
  var known: [String]
  var looked: [String]
  var meant: String? { didYouMean(name, among: known) }
  var message: String { "no pack `\(name)`" }
  var help: String? {
    if !known.isEmpty { return "there is \(alternatives(known))" }
    return looked.isEmpty
      ? "packs lie in the standard library, which was not found; `olv doctor` says what to do"
      : "looked for \(alternatives(looked))"
  }
}

/// A pack that is no script.
struct BrokenPack: Failure {
  var identifier: String { "bind.broken-pack" }
  var name: String
  var path: String
  var errors: [Diagnostic]

  var message: String {
    let more = errors.count > 1 ? " (and \(errors.count - 1) more)" : ""
    return "the pack `\(name)` cannot be read: \(errors.first?.message ?? "no script")\(more)"
  }
  var help: String? {
    errors.first?.span.map { "look at \(path):\($0.line):\($0.column)" }
  }
}

/// An interrupt, and the statement that it hit.
struct Interruption: Failure {
  var span: Span?
  var message: String { "interrupted" }
}
