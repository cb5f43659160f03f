import Checkpoints
import Data
import FoundationEssentials
import Glibc
import Runtime
import Tensor
import Tokenizers

/// The checks that `doctor` makes. Each looks at what it is given and changes nothing.
enum Examination {
  // MARK: The machine

  static func processor(_ machine: CPUInstallation) -> Finding {
    let what =
      "\(machine.processor), \(Words.counted(machine.cores, "core")), "
      + "kernels for x86-64-v\(machine.level)\(machine.hasBF16 ? ", bf16 products" : "")"
    return machine.level >= 3
      ? .ok("processor", what)
      : .note("processor", what, "it has no AVX2: olv works, but several times slower")
  }

  static func memory(_ machine: CPUInstallation) -> Finding {
    let what = Words.bytes(machine.memory)
    return machine.memory >= 4 << 30
      ? .ok("memory", what)
      : .note(
        "memory", what, "enough for the demo; a model of 3 billion weights wants 8 GB or more")
  }

  static func openBLAS(_ machine: CPUInstallation, _ environment: [String: String]) -> Finding {
    switch machine.openBLAS {
    case .success(let version):
      // olv chooses by the processor, unless somebody has chosen before.
      guard let core = environment["OPENBLAS_CORETYPE"], machine.level == 4,
        !["COOPERLAKE", "SKYLAKEX", "SAPPHIRERAPIDS", "ZEN"].contains(core.uppercased())
      else { return .ok("OpenBLAS", version) }
      return .note(
        "OpenBLAS", version,
        "OPENBLAS_CORETYPE=\(core) is set, which keeps it from this processor's AVX-512: unset it")
    case .failure(let missing):
      return .problem("OpenBLAS", missing.message, missing.help ?? "install OpenBLAS")
    }
  }

  static func oneDNN(_ machine: CPUInstallation) -> Finding {
    guard let version = machine.oneDNN else {
      guard case .success = machine.openBLAS else {
        return .note("oneDNN", "not looked for without OpenBLAS", nil)
      }
      return .note(
        "oneDNN", "not installed",
        "optional, about twice as fast\(machine.hasBF16 ? ", and bf16" : ""): "
          + "apt install libdnnl2 (libdnnl3 on newer systems)")
    }
    return .ok("oneDNN", version)
  }

  /// - Parameter find: What opens the GPU; nil where this build has no GPU backend.
  static func gpu(_ find: () throws -> Device?) -> Finding {
    do {
      guard let device = try find() else {
        return .note("GPU", "this build has no GPU backend", "it computes on the CPU")
      }
      return .ok("GPU", "\(device): \(device.name), \(Words.bytes(device.memory))")
    } catch let failure as any Failure {
      return .note(
        "GPU", failure.message,
        "without a GPU this is as it should be"
          + (failure.help.map { "; with one: \($0)" } ?? ""))
    } catch { return .note("GPU", "\(error)", nil) }
  }

  // MARK: What belongs to olv

  static func standardLibrary(_ folder: String?) -> Finding {
    folder.map { .ok("standard library", $0) }
      ?? .problem(
        "standard library", "not found beside the program",
        "set OLV_STDLIB to the folder `stdlib`, or install with scripts/install, "
          + "which puts it into PREFIX/share/olv")
  }

  /// Whether the demo's models and data can be opened.
  static func demo(_ library: String?) -> Finding {
    guard let folder = library.map({ "\($0)/demo" }) else {
      return .problem("demo pack", "not found, like the standard library", "see there")
    }
    do {
      for model in ["phi", "llama"] {
        _ = try Checkpoint.open("\(folder)/\(model)")
        _ = try Tokenizer(folder: "\(folder)/\(model)")
      }
      var rows: [String] = []
      for file in ["tiny-codes.jsonl.gz", "general.txt.gz"] {
        rows.append("\(try Dataset.open("\(folder)/\(file)", DatasetOptions()).count)")
      }
      return .ok("demo pack", "phi, llama, \(rows.joined(separator: " + ")) rows of text")
    } catch {
      return .problem(
        "demo pack", (error as? any Failure)?.message ?? "\(error)",
        "the folder \(folder) is incomplete: install olv again")
    }
  }

  /// Whether the program is the `olv` that a shell finds.
  static func path(_ environment: [String: String]) -> Finding {
    let own = realPath("/proc/self/exe") ?? ""
    let places: [String] = (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/olv" }
    let found = places.first { access($0, X_OK) == 0 }
    guard let found else {
      let folder = own.split(separator: "/").dropLast().joined(separator: "/")
      return .note(
        "command", "\(own) is not on the PATH",
        "scripts/install PREFIX puts it there, or: export PATH=\"/\(folder):$PATH\"")
    }
    guard realPath(found) == own else {
      return .note(
        "command", "\(own), while the shell's `olv` is \(found)",
        "remove one of them, or call this one by its path")
    }
    return .ok("command", found)
  }

  // MARK: Folders

  static func hub(_ cache: HubCache) -> Finding {
    let (models, datasets) = (cache.list(.model).count, cache.list(.dataset).count)
    guard let root = cache.roots.first else {
      return .note(
        "models and data", "no folder to look in", "set HOME or HF_HOME; `use demo` works anyway")
    }
    guard models + datasets > 0 else {
      return .note(
        "models and data", "none in \(root)",
        "for the full-size ones: hf download microsoft/Phi-3.5-mini-instruct; `use demo` needs none"
      )
    }
    return .ok("models and data", "\(models) models and \(datasets) datasets in \(root)")
  }

  /// A folder that olv writes into and makes where it is missing.
  static func writable(_ name: String, _ folder: String?, _ advice: String) -> Finding {
    guard let folder else {
      return .note(name, "no place for it: neither HOME nor the variable is set", advice)
    }
    // The folder itself, or the nearest one above it that exists.
    var parts = folder.split(separator: "/")
    var place = folder
    while access(place, F_OK) != 0, !parts.isEmpty {
      parts.removeLast()
      place = "/" + parts.joined(separator: "/")
    }
    var kind = stat()
    guard stat(place, &kind) == 0, kind.st_mode & S_IFMT == S_IFDIR,
      access(place, W_OK | X_OK) == 0
    else {
      return .problem(name, "\(folder) cannot be written (\(place))", advice)
    }
    var status = statvfs()
    guard statvfs(place, &status) == 0 else { return .ok(name, folder) }
    let free = Int(clamping: status.f_bavail) * Int(clamping: status.f_frsize)
    let what = "\(folder), \(Words.bytes(free)) free"
    return free >= 1 << 30
      ? .ok(name, what) : .note(name, what, "saved models and caches may not fit")
  }

  /// `$VARIABLE/olv`, or `olv` in a folder of the home.
  static func folder(_ variable: String, _ home: String, _ environment: [String: String]) -> String?
  {
    if let base = environment[variable], base.hasPrefix("/") { return "\(base)/olv" }
    return environment["HOME"].flatMap { $0.isEmpty ? nil : "\($0)/\(home)/olv" }
  }

  // MARK: The terminal

  static func terminal(_ environment: [String: String], isTerminal: Bool, columns: Int) -> Finding {
    let kind = environment["TERM"] ?? ""
    guard isTerminal else { return .ok("terminal", "none: plain output, no progress bars") }
    guard kind != "dumb", !kind.isEmpty else {
      return .note(
        "terminal", kind.isEmpty ? "TERM is not set" : "TERM=dumb",
        "no line editing and no progress bars: export TERM=xterm-256color where it can do more")
    }
    let what = "\(kind), \(columns) columns"
    return columns >= 80
      ? .ok("terminal", what)
      : .note("terminal", what, "tables are cut off at its width; 80 columns show them whole")
  }

  static func locale(_ environment: [String: String]) -> Finding {
    let setting = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { name in
      environment[name].flatMap { $0.isEmpty ? nil : "\(name)=\($0)" }
    }.first
    let name = setting ?? "none set"
    let isUTF8 = name.uppercased().replacing("-", with: "").hasSuffix("UTF8")
    return isUTF8
      ? .ok("locale", name)
      : .note(
        "locale", name,
        "olv writes UTF-8 whatever it is; if → and ‖ look wrong: export LC_ALL=C.UTF-8")
  }

  private static func realPath(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}
