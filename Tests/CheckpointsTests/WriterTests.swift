import Checkpoints
import JSON
import Runtime
import Tensor
import TestSupport
import Testing

struct WriterTests {
  private func sources() -> [TensorSource] {
    let wide = tensor((0..<12).map(Float.init), [3, 4])
    return [
      TensorSource(name: "bytes", tensor([1, 2, 3] as [UInt8], [3]), backend: backend),
      TensorSource(name: "wide", wide, backend: backend),
      TensorSource(name: "view", wide.columns(1..<3), backend: backend),
      TensorSource(name: "made", dtype: .u8, shape: [5]) { try $0.write([9, 8, 7, 6, 5]) },
    ]
  }

  private func check(_ folder: String) throws {
    let checkpoint = try Checkpoint.open(folder)
    #expect(checkpoint.names == ["bytes", "made", "view", "wide"])
    #expect(try backend.read(try checkpoint.tensor("bytes")) == [1, 2, 3])
    #expect(try backend.read(try checkpoint.tensor("wide")) == (0..<12).map(Float.init))
    let view = try checkpoint.tensor("view")
    #expect(view.shape == [3, 2])
    #expect(try backend.read(view) == [1, 2, 5, 6, 9, 10])
    #expect(try backend.read(try checkpoint.tensor("made")) == [9, 8, 7, 6, 5])
  }

  @Test func roundTrip() throws {
    try withFolder { folder in
      try AtomicFolder.write("\(folder)/m") { try Safetensors.write(sources(), to: $0) }
      #expect(try FileBytes.names(in: "\(folder)/m") == ["model.safetensors"])
      #expect(try Safetensors("\(folder)/m/model.safetensors").metadata == ["format": "pt"])
      try check("\(folder)/m")
    }
  }

  @Test func shards() throws {
    try withFolder { folder in
      try AtomicFolder.write("\(folder)/m") {
        try Safetensors.write(sources(), to: $0, shardLimit: 51)
      }
      #expect(
        try FileBytes.names(in: "\(folder)/m") == [
          "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
          "model.safetensors.index.json",
        ])
      let index = try JSON.parse(
        String(
          decoding: try FileBytes.read("\(folder)/m/model.safetensors.index.json"), as: UTF8.self))
      #expect(index["metadata"]?["total_size"] == 80)
      #expect(index["weight_map"]?["made"] == "model-00002-of-00002.safetensors")
      try check("\(folder)/m")
    }
  }

  @Test func bodyOfWrongLength() throws {
    try withFolder { folder in
      let short = TensorSource(name: "a", dtype: .u8, shape: [4]) { try $0.write([1, 2]) }
      let message = failure {
        try AtomicFolder.write("\(folder)/m") { try Safetensors.write([short], to: $0) }
      }
      #expect(message?.contains("2 bytes written, 4 expected") == true)
      let left = try FileBytes.names(in: folder)
      #expect(left.isEmpty)
    }
  }
}

struct AtomicFolderTests {
  private func save(_ target: String, _ text: String) throws {
    try AtomicFolder.write(target) { folder in
      try folder.write(text, to: "config.json")
      try folder.write(text + "!", to: "adapter/adapter_config.json")
    }
  }

  private func saved(_ folder: String) throws -> String {
    String(decoding: try FileBytes.read("\(folder)/config.json"), as: UTF8.self)
      + String(decoding: try FileBytes.read("\(folder)/adapter/adapter_config.json"), as: UTF8.self)
  }

  @Test func makesParentsAndReplaces() throws {
    try withFolder { folder in
      let target = "\(folder)/a/b/m"
      try save(target, "one")
      #expect(try saved(target) == "oneone!")
      try save(target + "/", "two")
      #expect(try saved(target) == "twotwo!")
      #expect(try FileBytes.names(in: "\(folder)/a/b") == ["m"])
    }
  }

  @Test func followsALink() throws {
    try withFolder { folder in
      try save("\(folder)/real", "one")
      try Shared.link("\(folder)/link", to: "\(folder)/real")
      try save("\(folder)/link", "two")
      #expect(try saved("\(folder)/real") == "twotwo!")
      #expect(try FileBytes.names(in: folder) == ["link", "real"])
    }
  }

  @Test func refusesWhatIsNoModel() throws {
    try withFolder { folder in
      try write([1], to: "\(folder)/file")
      #expect(failure { try save("\(folder)/file", "x") }?.contains("it is a file") == true)
      try Shared.makeFolder("\(folder)/photos")
      try save("\(folder)/photos", "an empty folder may be filled")
      try write([1], to: "\(folder)/photos/cat.jpg")
      #expect(
        failure { try save("\(folder)/photos", "x") }?.contains("cat.jpg, which would be lost")
          == true)
      try Shared.makeFolder("\(folder)/home")
      try write([1], to: "\(folder)/home/notes.json")
      #expect(failure { try save("\(folder)/home", "x") }?.contains("is no model folder") == true)
      try save("\(folder)/nested", "one")
      try Shared.makeFolder("\(folder)/nested/work")
      #expect(failure { try save("\(folder)/nested", "x") }?.contains("also holds work") == true)
      #expect(try FileBytes.names(in: folder) == ["file", "home", "nested", "photos"])
    }
  }

  @Test(arguments: ["", "/", ".", ".."]) func refusesNoName(_ target: String) {
    #expect(failure { try save(target, "x") }?.contains("is not replaced") == true)
  }

  /// A disk that is full after any number of bytes leaves the old folder as it was, and nothing beside it.
  @Test func fullDisk() throws {
    try withFolder { folder in
      try save("\(folder)/m", "one")
      var failures = 0
      for space in 0... {
        let message = FileSink.$diskSpace.withValue(FileSink.DiskSpace(space)) {
          failure { try save("\(folder)/m", "two") }
        }
        #expect(try FileBytes.names(in: folder) == ["m"])
        guard let message else { break }
        failures += 1
        #expect(message.contains("No space left on device"))
        #expect(try saved("\(folder)/m") == "oneone!")
      }
      #expect(failures == 7)
      #expect(try saved("\(folder)/m") == "twotwo!")
    }
  }

  @Test func fullDiskLeavesNoParents() throws {
    try withFolder { folder in
      let message = FileSink.$diskSpace.withValue(FileSink.DiskSpace(1)) {
        failure { try save("\(folder)/a/b/m", "two") }
      }
      #expect(message != nil)
      let left = try FileBytes.names(in: folder)
      #expect(left.isEmpty)
    }
  }

  @Test func anotherError() throws {
    struct Trouble: Error {}
    try withFolder { folder in
      try save("\(folder)/m", "one")
      #expect(throws: Trouble.self) {
        try AtomicFolder.write("\(folder)/m") {
          try $0.write("two", to: "config.json")
          throw Trouble()
        }
      }
      #expect(try saved("\(folder)/m") == "oneone!")
      #expect(try FileBytes.names(in: folder) == ["m"])
    }
  }

  @Test func unwritableParent() throws {
    // A folder of the kernel's, in which even the superuser creates nothing.
    let message = failure { try save("/proc/olv/m", "x") }
    #expect(message?.contains("cannot create /proc/olv") == true)
    #expect(failure { try save("/proc/olv-model", "x") }?.contains("cannot create") == true)
  }

  @Test func leftoversOfTheDeadAreRemoved() throws {
    try withFolder { folder in
      try Shared.makeFolder("\(folder)/.m.2147483646-1.partial")
      try Shared.makeFolder("\(folder)/.m.1-1.partial")
      try save("\(folder)/m", "one")
      #expect(try FileBytes.names(in: folder) == [".m.1-1.partial", "m"])
    }
  }
}
