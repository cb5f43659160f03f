import JSON
import Language
import Runtime

extension Interpreter {
  /// The value of a binding's right side.
  func evaluate(_ binding: Binding, in scope: inout Scope) throws -> Datum {
    switch binding.right {
    case .value(let value): return try evaluate(value, in: scope)
    case .pipe(let pipe):
      // `m = phi`: a word alone that is no verb but has been given a meaning.
      if pipe.stages.count == 1, case .call(let call) = pipe.stages[0], call.arguments.isEmpty,
        !session.verbs.contains(call.verb.text), scope.functions[call.verb.text] == nil
      {
        if let entry = scope.names[call.verb.text] {
          return try value(of: entry, call.verb.text, in: scope)
        }
        let known = session.verbs.names + scope.functions.keys.sorted() + scope.names.keys.sorted()
        throw Diagnostic(
          code: "bind.verb", "no verb and no name `\(call.verb.text)`", at: call.verb.span,
          help: "text stands in quotes: `\(binding.name.text) = \"\(call.verb.text)\"`",
          meant: didYouMean(call.verb.text, among: known))
      }
      return try execute(pipe, in: &scope, alias: binding.name.text)
    }
  }

  func evaluate(_ value: Value, in scope: Scope) throws -> Datum {
    var datum: Datum
    switch value.atom {
    case .number(let number): datum = .number(Quantity(number))
    case .string(let text): datum = try interpolate(text, in: scope)
    case .word(let word): datum = .string(word.text)
    case .variable(let name): datum = try lookup(name, in: scope)
    case .list(let values):
      datum = .list(try values.map { try evaluate($0, in: scope) })
      try Limits.check(datum)
    case .pipe(let pipe):
      var local = scope
      datum = try execute(pipe, in: &local)
    }
    for suffix in value.suffixes {
      // A word or a string with a suffix can only be a dataset.
      if case .string(let text) = datum {
        // The name alone is to blame, not what is taken of it.
        var name = value.span
        name.end = max(name.start, min(name.end, value.suffixes[0].span.start))
        datum = try attemptDataset(text, in: scope, at: name)
      }
      do { datum = try datum.applying(suffix.kind) } catch {
        throw misnamed(error, suffix)
      }
    }
    return datum
  }

  /// What is wrong with a suffix; a part that was meant stands in its brackets or behind its dot.
  private func misnamed(_ error: any Error, _ suffix: Suffix) -> Diagnostic {
    var diagnostic = Diagnostic(error, at: suffix.span)
    guard diagnostic.span == suffix.span, let meant = diagnostic.meant else { return diagnostic }
    let isName = meant.isName
    if case .member = suffix.kind, isName {
      diagnostic.change = Correction(replacing: suffix.span, with: ".\(meant)")
    } else {
      let text = isName ? meant : "\"\(meant)\""
      diagnostic.change = Correction(replacing: suffix.span, with: "[\(text)]")
    }
    return diagnostic
  }

  private func attemptDataset(_ text: String, in scope: Scope, at span: Span) throws -> Datum {
    do { return try dataset(named: text, in: scope) } catch let error as NotYetKnown {
      throw error
    } catch let error as Interruption {
      throw error
    } catch {
      throw Diagnostic(error, at: span)
    }
  }

  /// A string with its variables filled in.
  func interpolate(_ text: Text, in scope: Scope) throws -> Datum {
    var result = ""
    var isKnown = true
    for segment in text.segments {
      switch segment {
      case .literal(let literal): result += literal
      case .variable(let name):
        let value = try lookup(name, in: scope)
        isKnown = isKnown && value.isKnown
        result += value.text
        try Limits.check(result)
      }
    }
    return isKnown ? .string(result) : .pending(.string)
  }

  private func lookup(_ name: Name, in scope: Scope) throws -> Datum {
    let text = name.text
    if let entry = scope.names[text] { return try value(of: entry, text, in: scope) }
    switch text {
    case "_":
      guard scope.last.kind != .nothing else {
        throw Diagnostic(
          code: "bind.variable", "`$_` is the last result, and there is none yet", at: name.span)
      }
      return scope.last
    case "stopped":
      if let stopped = session.stopped { return .model(stopped.model) }
    case "here":
      if let pack = scope.pack { return .string(pack.folder) }
    case "model":
      guard scope.model.kind != .nothing else {
        throw Diagnostic(
          code: "bind.model", "`$model` is the current model, and none is loaded", at: name.span,
          help: "load a model first: `load phi`")
      }
      return scope.model
    case "args":
      return .list(session.settings.arguments.map(Datum.string))
    default: break
    }
    if let number = Int(text) {
      if let result = session.results[number] { return result }
      throw Diagnostic(code: "bind.variable", "there is no result `$\(text)`", at: name.span)
    }
    let near = didYouMean(text, among: scope.names.keys.sorted())
    let isVerb = session.verbs.contains(text) || scope.functions[text] != nil
    throw Diagnostic(
      code: "bind.variable", "no variable `$\(text)`", at: name.span,
      help: isVerb
        ? "`\(text)` is a verb: without the `$`" : near == nil ? "`\(text) = …` makes one" : nil,
      meant: near.map { "$" + $0 })
  }

  /// What a name stands for; a pack's binding is evaluated when it is first used.
  func value(of entry: Entry, _ name: String, in scope: Scope) throws -> Datum {
    switch entry {
    case .value(let value): return value
    case .lazy(let lazy):
      if let value = lazy.value {
        return try book?.rehearsal.map { try value.rehearsed($0) } ?? value
      }
      guard !lazy.isBeingEvaluated else {
        throw Diagnostic(
          code: "bind.cycle", "`\(name)` is defined by itself", at: nil)
      }
      lazy.isBeingEvaluated = true
      defer { lazy.isBeingEvaluated = false }
      var local = scope
      local.pack = lazy.pack
      local.model = .nothing
      local.label = nil
      let wasStrict = isStrict
      isStrict = true
      defer { isStrict = wasStrict }
      do {
        let value = try evaluate(lazy.binding, in: &local)
        if value.isKnown, !isRehearsing { lazy.value = value }
        return value
      } catch let error as Interruption {
        throw error
      } catch let error as NotYetKnown {
        throw error
      } catch {
        // Whoever used the name is told, at that place.
        var diagnostic = Diagnostic(error, at: lazy.binding.span)
        diagnostic.span = nil
        diagnostic.notes.append(
          "`\(name)` is defined in \(lazy.pack.name), line \(lazy.binding.span.line)")
        throw diagnostic
      }
    }
  }

  /// A dataset by its name: a binding's, a split of one (`wikitext.test`), or what the host knows.
  ///
  /// - Returns: A dataset, or one that is pending.
  func dataset(named text: String, in scope: Scope) throws -> Datum {
    if let entry = scope.names[text] {
      let value = try value(of: entry, text, in: scope)
      switch value {
      case .dataset, .pending: return value
      case .string(let other) where other != text: return try dataset(named: other, in: scope)
      default:
        throw Diagnostic(
          code: "bind.dataset", "`\(text)` is \(value.kind.phrase), not a dataset", at: nil)
      }
    }
    // The longest beginning that is a name; the rest are splits of it.
    var parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    var splits: [String] = []
    while parts.count > 1 {
      splits.insert(parts.removeLast(), at: 0)
      guard scope.names[parts.joined(separator: ".")] != nil else { continue }
      var value = try dataset(named: parts.joined(separator: "."), in: scope)
      for split in splits { value = try value.applying(.member(Name(split))) }
      return value
    }
    do {
      return .dataset(try session.host.dataset(named: conversion(in: scope).resolve(text)))
    } catch {
      let names = scope.names.keys.sorted()
      guard let near = didYouMean(text, among: names) else { throw error }
      var diagnostic = Diagnostic(error, at: nil)
      diagnostic.meant = near
      throw diagnostic
    }
  }

  func conversion(in scope: Scope, alias: String? = nil) -> Conversion {
    Conversion(
      folder: scope.pack?.folder, alias: alias, isName: { scope.names[$0] != nil },
      dataset: { [self] name in
        switch try dataset(named: name, in: scope) {
        case .dataset(let dataset): return dataset
        case let other: throw NotYetKnown(kind: other.kind)
        }
      },
      model: { [self] name in
        var location = name
        if let entry = scope.names[name] {
          switch try self.value(of: entry, name, in: scope) {
          case .model(let model): return model
          case .string(let text): location = text
          case .pending(let kind): throw NotYetKnown(kind: kind)
          case let other: throw Mismatch(expected: ModelReference.phrase, found: other)
          }
        }
        var local = scope
        local.model = .nothing
        let call = Call(
          verb: Name("load"), arguments: [Argument(value: Value(.string(Text(location))))])
        let wasStrict = isStrict
        isStrict = true
        defer { isStrict = wasStrict }
        do {
          let made = try execute(Pipe(stages: [.call(call)]), in: &local)
          guard case .model(let model) = made else { throw NotYetKnown(kind: .model) }
          return model
        } catch var diagnostic as Diagnostic {
          // No text holds this call: whoever named the model is told.
          diagnostic.span = nil
          throw diagnostic
        }
      })
  }
}
