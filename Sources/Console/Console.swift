import Glibc
import Language
import Olive
import Runtime
import Session
import Synchronization

/// The program: what `olv` does with its command line.
public enum Console {
  /// - Parameter arguments: The program's name not included.
  /// - Returns: The status to end with.
  public static func run(_ arguments: [String], host: any Host) -> Int32 {
    Interrupt.install()
    let flags: Flags
    let words = CommandWords(arguments)
    do { flags = try Flags(arguments) } catch {
      return refuse(words.diagnostic(error), asJSON: arguments.contains("--json"))
    }
    switch flags.action {
    case .version:
      return Terminal.output.write("olv \(Version.text)\n") ? 0 : 1
    case .usage:
      return Terminal.output.write(Flags.usage + "\n") ? 0 : 1
    default: break
    }

    let writesFail = Atomic(false)
    let screen = Screen(
      style: style(flags),
      out: { text in
        if !Terminal.output.write(text) { writesFail.store(true, ordering: .relaxed) }
      }, err: { Terminal.errors.write($0) }, width: { Terminal.output.width })
    let recorder = PageRecorder(screen)
    var presenter: any Presenter = screen
    if case .render = flags.action { presenter = recorder }
    let session = Session(host: host, presenter: presenter)
    do {
      try session.loadPrelude()
      try session.apply { settings in
        settings.device = flags.device
        settings.compute = flags.compute
        settings.caches = flags.caches
        settings.arguments = flags.arguments.words
      }
      for pack in flags.packs {
        do { try session.use(pack) } catch let error as ScriptError {
          screen.show(error.diagnostics.map { words.diagnostic($0, blaming: pack) })
          return 2
        }
      }
    } catch let error as ScriptError {
      screen.show(error.diagnostics)
      return 2
    } catch {
      screen.show([words.diagnostic(error, blaming: flags.device)])
      return 2
    }
    let status: Int32
    if case .render(let path, let output) = flags.action {
      status = Scripts(session, screen).render(path, to: output, recorder, words)
    } else {
      status = act(flags, words, session, screen)
    }
    guard writesFail.load(ordering: .relaxed) else { return status }
    Terminal.errors.write("error: standard output could not be written\n")
    return status == 0 ? 1 : status
  }

  private static func act(
    _ flags: Flags, _ words: CommandWords, _ session: Session, _ screen: Screen
  ) -> Int32 {
    let action = flags.action
    do {
      switch action {
      case .text(let text):
        return run(Source(name: "-c", text: text), nil, session, screen)
      case .help(nil) where flags.format == .md:
        guard Terminal.output.write(Reference(verbs: session.verbs.all).markdown) else { return 1 }
      case .help(let verb):
        return run(Source(name: "help", text: "help \(verb ?? "")"), nil, session, screen)
      case .file(let path, let stays):
        let status = run(try Source(path: path), flags.arguments, session, screen)
        if stays { prompt(session, screen) }
        return stays ? 0 : status
      case .plan(let path, let runs):
        let source = try Source(path: path)
        return perform(screen) {
          try session.plan(source, arguments: flags.arguments, runs: runs)
        }
      case .standardInput:
        return run(try Source.standardInput(), flags.arguments, session, screen)
      case .prompt:
        if isatty(0) == 0 {
          return run(try Source.standardInput(), flags.arguments, session, screen)
        }
        prompt(session, screen)
      case .scriptHelp(let path): screen.show(try session.usage(of: try Source(path: path)))
      case .check(let paths): return try Scripts(session, screen).check(paths)
      case .format(let paths, let checks):
        return try Scripts(session, screen).format(paths, checks: checks)
      case .manual:
        let page = ManualPage(usage: Flags.usage, verbs: session.verbs.all, version: Version.text)
        guard Terminal.output.write(page.text) else { return 1 }
      case .olive(let name, let words): return try olive(name, words, session, screen)
      case .usage, .version, .render: break
      }
    } catch is Cancelled {
      return 130
    } catch let error as DiagnosticSet {
      screen.show(error.diagnostics)
      return 2
    } catch let error as ScriptError {
      screen.show(error.diagnostics)
      return error.exitStatus
    } catch {
      var diagnostic = words.diagnostic(error)
      if case .file(let name, _) = action, session.verbs.contains(name) {
        diagnostic.help = "`\(name)` is a verb: `olv -c \"\(name) …\"`"
      }
      screen.show([diagnostic])
      return 2
    }
    return 0
  }

  /// Runs what a command of Olive's amounts to, or shows it.
  private static func olive(
    _ name: String, _ words: [String], _ session: Session, _ screen: Screen
  ) throws -> Int32 {
    let translation = try OliveCommand.translate(name, words) { try Source(path: $0) }
    if words.contains("--show") {
      return Terminal.output.write(translation.script) ? 0 : 1
    }
    screen.show(translation.notes)
    return run(
      translation.source(named: "olv \(name)"), nil, session, screen, located: translation.located)
  }

  private static func run(
    _ source: Source, _ arguments: ScriptArguments?, _ session: Session, _ screen: Screen,
    located: (Diagnostic) -> Diagnostic = { $0 }
  ) -> Int32 {
    perform(screen, located: located) { try session.run(source, arguments: arguments) }
  }

  private static func perform(
    _ screen: Screen, located: (Diagnostic) -> Diagnostic = { $0 }, _ body: () throws -> Void
  ) -> Int32 {
    defer { screen.finish() }
    do {
      try body()
      return 0
    } catch let error as ScriptError {
      screen.show(error.diagnostics.map(located))
      return error.exitStatus
    } catch {
      screen.show([Diagnostic(error, at: nil)])
      return 1
    }
  }

  private static func prompt(_ session: Session, _ screen: Screen) {
    Interrupt.clear()
    Prompt(
      session: session, screen: screen, history: isatty(0) == 1 ? HistoryFile.standard() : nil
    ).run()
  }

  private static func style(_ flags: Flags) -> Screen.Style {
    var style = Screen.Style()
    style.format = Screen.Format(rawValue: flags.format.rawValue) ?? .table
    style.hasColor = style.format == .table && Terminal.output.hasColor
    style.errorsHaveColor = Terminal.errors.hasColor
    style.redraws = Terminal.errors.canRedraw
    style.isQuiet = flags.isQuiet
    style.wraps = Terminal.output.isTerminal
    style.isASCII = Terminal.output.isTerminal && !Terminal.output.canRedraw
    return style
  }

  private static func refuse(_ diagnostic: Diagnostic, asJSON: Bool) -> Int32 {
    var style = Screen.Style()
    style.format = asJSON ? .json : .table
    let screen = Screen(
      style: style, out: { Terminal.output.write($0) }, err: { Terminal.errors.write($0) })
    screen.show([diagnostic])
    return 2
  }
}
