import Language

/// A file of names and defaults: the prelude, a file of the standard library, or a user's own.
///
/// At its top level stand definitions, bindings, and `use` and `defaults`. A binding names what its right side yields
/// and is evaluated when it is first used, so that reading a pack opens nothing. Paths in it that begin with a dot
/// start at its folder, which `$here` is too.
///
/// A word given where a dataset or a model is expected is looked up among the bindings first. Where a binding is a
/// call of the very verb that is given the word (`phi = load ./phi`, then `load phi dtype=f32`), the word stands for
/// that call's arguments, and the ones given come on top.
final class Pack: Sendable {
  let name: String
  let folder: String
  let script: Script

  init(name: String, folder: String, script: Script) {
    self.name = name
    self.folder = folder
    self.script = script
  }
}
