import Glibc
import Runtime

/// The decompressed bytes of one file: in memory where they are few or came compressed, else read as needed.
///
/// Large files are read and not mapped, because a mapped file that someone shortens ends the process.
/// A UTF-8 byte order mark is not part of the bytes.
final class ByteSource: Sendable {
  let path: String
  let count: Int

  private enum Storage: Sendable {
    case memory([UInt8])
    case file(descriptor: Int32)
  }

  private let storage: Storage
  /// Where the bytes start in the storage: after a byte order mark.
  private let origin: Int

  /// Files up to this size are held in memory.
  static let memoryLimit = 16 << 20
  private static let chunk = 1 << 20

  /// Opens a regular file.
  ///
  /// - Throws: `DatasetFailure`, for damaged gzip data and text in UTF-16 too.
  init(path: String) throws {
    func unreadable(_ reason: String) -> DatasetFailure { .unreadable(path: path, reason: reason) }
    // Without O_NONBLOCK, opening a named pipe waits for a writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw unreadable(String(cString: strerror(errno))) }
    var kept = false
    defer { if !kept { close(descriptor) } }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw unreadable(String(cString: strerror(errno)))
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw unreadable(
        status.st_mode & S_IFMT == S_IFDIR ? "it is a folder" : "it is not a regular file")
    }
    let size = Int(status.st_size)
    let head = try ByteSource.read(descriptor, 0..<min(size, 4), path: path)

    let storage: Storage
    let total: Int
    if head.starts(with: Gzip.magic) {
      let bytes = try Gzip.inflate(descriptor: descriptor, path: path)
      (storage, total) = (.memory(bytes), bytes.count)
    } else if path.hasSuffix(".gz") && size > 0 {
      throw DatasetFailure.damagedGzip(
        path: path, offset: 0, reason: "it does not begin as gzip does")
    } else if size <= ByteSource.memoryLimit {
      let bytes = try ByteSource.read(descriptor, 0..<size, path: path)
      (storage, total) = (.memory(bytes), bytes.count)
    } else {
      (storage, total) = (.file(descriptor: descriptor), size)
      kept = true
    }

    let start: [UInt8]
    if case .memory(let bytes) = storage { start = Array(bytes.prefix(4)) } else { start = head }
    let marked = start.starts(with: [0xEF, 0xBB, 0xBF])
    self.path = path
    self.storage = storage
    self.origin = marked ? 3 : 0
    self.count = total - (marked ? 3 : 0)
    if start.starts(with: [0xFF, 0xFE]) || start.starts(with: [0xFE, 0xFF]) {
      throw DatasetFailure.unsupported(
        path: path, found: "text in UTF-16",
        advice: "convert it: iconv -f UTF-16 -t UTF-8")
    }
  }

  /// The last part of the path.
  private var name: String { path.split(separator: "/").last.map(String.init) ?? path }

  deinit {
    if case .file(let descriptor) = storage { close(descriptor) }
  }

  /// Lends the bytes of `range`.
  ///
  /// - Throws: `DatasetFailure.changed` when the file has become shorter since.
  func withBytes<Result>(
    _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) throws -> Result {
    let place = range.lowerBound + origin..<range.upperBound + origin
    switch storage {
    case .memory(let bytes):
      return try bytes.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[place])) }
    case .file(let descriptor):
      let bytes = try ByteSource.read(descriptor, place, path: path)
      return try bytes.withUnsafeBytes(body)
    }
  }

  /// Lends all bytes in order, a piece at a time, with the offset of each piece.
  ///
  /// - Throws: what `body` throws, and `Cancelled`.
  func scan(_ body: (UnsafeRawBufferPointer, Int) throws -> Void) throws {
    var start = 0
    var steps = Steps("read \(name)", of: count, unit: "bytes")
    while start < count {
      let end = min(start + ByteSource.chunk, count)
      try withBytes(start..<end) { try body($0, start) }
      try steps.advance(by: end - start)
      start = end
    }
  }

  /// Visits the lines: each one's range without its newline, and whether it holds nothing but blanks.
  func lines(_ body: (Range<Int>, _ blank: Bool) throws -> Void) throws {
    var start = 0
    var blank = true
    try scan { piece, offset in
      var place = 0
      while place < piece.count {
        let rest = UnsafeRawBufferPointer(rebasing: piece[place...])
        let length = rest.baseAddress.flatMap { base in
          memchr(base, 0x0A, rest.count).map { UnsafeRawPointer($0) - base }
        }
        if blank { blank = rest.prefix(length ?? rest.count).allSatisfy(\.isBlank) }
        guard let length else { break }
        try body(start..<offset + place + length, blank)
        place += length + 1
        start = offset + place
        blank = true
      }
    }
    if start < count { try body(start..<count, blank) }
  }

  /// The 1-based line that holds the byte at `offset`.
  func line(at offset: Int) -> Int {
    var line = 1
    var start = 0
    while start < offset {
      let end = min(start + ByteSource.chunk, offset)
      // A file that fails here is being reported already; the line reached so far must do.
      guard let more = try? withBytes(start..<end, { $0.count { $0 == 0x0A } }) else { break }
      line += more
      start = end
    }
    return line
  }

  /// A `malformed` failure about the byte at `offset`, with what stands there and a little before it, but not before
  /// `start`.
  func malformed(at offset: Int, from start: Int? = nil, _ reason: String) -> DatasetFailure {
    let place = min(max(0, offset), count)
    let first = max(start ?? place, place - 24)
    let end = min(place + 48, count)
    let found = (try? withBytes(first..<end) { Array($0) }) ?? []
    let before = found.prefix(place - first)
    // A character that the cut divides goes as a whole.
    let head = before.suffix(from: before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0)
      .drop { first > (start ?? place) && $0 & 0xC0 == 0x80 }
    let isCut = head.count < before.count || first > (start ?? place)
    let tail = found.suffix(from: before.endIndex)
    return .malformed(
      path: path, line: line(at: place), reason: reason,
      excerpt: (isCut ? "…" : "") + ByteSource.excerpt(Array(head + tail), whole: end == count))
  }

  /// The bytes up to the end of the line, with control characters made visible.
  private static func excerpt(_ bytes: [UInt8], whole: Bool) -> String {
    let line = bytes.prefix { $0 != 0x0A && $0 != 0x0D }
    var text = ""
    for scalar in String(decoding: line, as: UTF8.self).unicodeScalars {
      if scalar.value < 0x20 || scalar.value == 0x7F {
        text += scalar == "\t" ? "\\t" : "\\u{\(String(scalar.value, radix: 16))}"
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
    if line.count == bytes.count && !whole {
      while text.last == "\u{FFFD}" { text.removeLast() }
      text += "…"
    }
    return text
  }

  /// The text in `range`.
  ///
  /// - Throws: `DatasetFailure.malformed` for anything but UTF-8.
  func text(_ range: Range<Int>) throws -> String {
    let text = try withBytes(range) { String(validating: $0, as: UTF8.self) }
    if let text { return text }
    let valid = try withBytes(range) { bytes in
      // The longest valid beginning ends where the damage is.
      let repaired = String(decoding: bytes, as: UTF8.self).utf8
      return zip(repaired, bytes).prefix { $0 == $1 }.count
    }
    throw malformed(
      at: range.lowerBound + valid,
      "the text is not UTF-8 (convert it: iconv -f LATIN1 -t UTF-8)")
  }

  private static func read(_ descriptor: Int32, _ range: Range<Int>, path: String) throws -> [UInt8]
  {
    var failure: DatasetFailure?
    let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, filled in
      while filled < range.count {
        let base = buffer.baseAddress.map { $0 + filled }
        let got = pread(descriptor, base, range.count - filled, off_t(range.lowerBound + filled))
        if got < 0 && errno == EINTR && !Interrupt.isPending { continue }
        guard got > 0 else {
          failure =
            got == 0
            ? .changed(path: path)
            : .unreadable(path: path, reason: String(cString: strerror(errno)))
          break
        }
        filled += got
      }
    }
    if Interrupt.isPending { throw Cancelled() }
    if let failure { throw failure }
    return bytes
  }
}

extension UInt8 {
  /// Space, tab, carriage return, newline, vertical tab or form feed.
  var isBlank: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
}
