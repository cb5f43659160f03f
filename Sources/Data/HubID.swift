import Runtime

/// The name of a model or dataset on the Hugging Face hub: `org/name` or `name`, and a path inside it.
///
/// Guarantee: joined to a folder's path it stays below that folder.
public struct HubID: Sendable, Equatable {
  /// `org/name` or `name`.
  public let repository: String
  /// What follows it, as in `Salesforce/wikitext/wikitext-2-raw-v1`; empty for the whole.
  public let subpath: String

  /// - Throws: `HubIDFailure` for anything that the hub would not accept as a name.
  public init(_ text: String) throws {
    func failure(_ reason: String) -> HubIDFailure { HubIDFailure(id: text, reason: reason) }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard !text.isEmpty else { throw failure("it is empty") }
    guard text.utf8.count <= 1024 else { throw failure("it is too long") }
    guard text.first != "/", text.first != "~" else {
      throw failure("a hub id is no absolute path")
    }
    for part in parts {
      guard !part.isEmpty else { throw failure("a part of it is empty") }
      guard part != ".", part != ".." else { throw failure("it must not leave its folder") }
    }
    for part in parts.prefix(2) {
      guard part.utf8.allSatisfy(\.isInHubName) else {
        throw failure("names consist of letters, digits, `-`, `_` and `.`")
      }
      guard part.utf8.count <= 96 else { throw failure("a name has at most 96 characters") }
      guard let first = part.first, let last = part.last, !"-.".contains(first),
        !"-.".contains(last), part.firstRange(of: "--") == nil, part.firstRange(of: "..") == nil
      else { throw failure("names neither begin nor end with `-` or `.`, nor hold them twice") }
    }
    // Below the repository any file name will do, but for what a path cannot hold.
    guard !text.utf8.contains(0), !text.utf8.contains(UInt8(ascii: "\\")) else {
      throw failure("it holds a character that no file name can have")
    }
    repository = parts.prefix(2).joined(separator: "/")
    subpath = parts.dropFirst(2).joined(separator: "/")
  }
}

/// A text that is not the name of anything on the hub.
public struct HubIDFailure: Failure, Equatable {
  public var id: String
  public var reason: String

  public var message: String { "`\(id)` is neither a file or folder nor a hub id: \(reason)" }
  public var help: String? {
    "a hub id reads org/name, for example microsoft/Phi-3.5-mini-instruct"
  }
}

extension UInt8 {
  fileprivate var isInHubName: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
      UInt8(ascii: "."):
      true
    default: false
    }
  }
}
