import Glibc
import Runtime

/// A checkpoint file that is not what it claims to be.
public struct BadCheckpoint: Failure, Equatable {
  public var path: String
  /// Byte offset of the trouble, where there is one.
  public var offset: Int?
  /// The tensor concerned, where there is one.
  public var tensor: String?
  public var reason: String
  public var help: String?

  public init(
    path: String, offset: Int? = nil, tensor: String? = nil, reason: String, help: String? = nil
  ) {
    self.path = path
    self.offset = offset
    self.tensor = tensor
    self.reason = reason
    self.help = help
  }

  public var message: String {
    var place = path
    if let offset { place += " at byte \(offset)" }
    if let tensor { place += ": tensor \(tensor)" }
    return "\(place): \(reason)"
  }
}

/// Files that a checkpoint needs and the folder lacks.
public struct MissingFiles: Failure, Equatable {
  public var folder: String
  public var names: [String]
  public var help: String?

  public init(folder: String, names: [String], help: String? = nil) {
    self.folder = folder
    self.names = names
    self.help = help
  }

  public var message: String {
    let shown = names.prefix(8).joined(separator: ", ")
    let rest = names.count > 8 ? " and \(names.count - 8) more" : ""
    return "\(folder): missing \(shown)\(rest)"
  }
}

/// What the operating system refused to do with a file or folder.
public struct FileFailure: Failure, Equatable {
  /// The verb: `read`, `write`, `rename`.
  public var operation: String
  public var path: String
  /// The error number.
  public var code: Int32

  public init(_ operation: String, _ path: String, code: Int32 = errno) {
    self.operation = operation
    self.path = path
    self.code = code
  }

  public var message: String { "cannot \(operation) \(path): \(String(cString: strerror(code)))" }
  public var help: String? {
    switch code {
    case ENOSPC, EDQUOT: "free some space, or save to another disk"
    case EACCES, EPERM, EROFS: "choose a folder that you may write to"
    default: nil
    }
  }
}

/// A folder that must not be replaced.
public struct NotReplaceable: Failure, Equatable {
  public var path: String
  public var reason: String

  public init(path: String, reason: String) {
    self.path = path
    self.reason = reason
  }

  public var message: String { "\(path) is not replaced: \(reason)" }
  public var help: String? { "save to a new folder" }
}
