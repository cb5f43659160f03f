import FakeCUDA
import FoundationEssentials
import Testing

@testable import CUDA

extension FakeMachineTests {
  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder =
      "\(FileManager.default.temporaryDirectory.path)/olv-kernels-\(UInt32.random(in: 0 ... .max))"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  @Test func kernelsAreCompiledOncePerMachine() throws {
    try withFolder { folder in
      let cache = CubinCache(folder: folder)
      for run in 0..<2 {
        let backend = try fakeBackend(cache: cache)
        let tensor = try backend.make([2, 8], .f32)
        try backend.fill(tensor, with: 1)
        try backend.fill(tensor, with: 2)
        #expect(machine.compilations == (run == 0 ? 1 : 0))
        #expect(machine.launches == 2)
      }
      // Nothing but whole files lies there.
      let names = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(names.count == 1 && names.allSatisfy { $0.hasSuffix(".cubin") })
    }
  }

  @Test func brokenMachineCodeIsCompiledAnew() throws {
    try withFolder { folder in
      let cache = CubinCache(folder: folder)
      let backend = try fakeBackend(cache: cache)
      try backend.fill(try backend.make([2, 8], .f32), with: 1)
      for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
        try Data("xxx".utf8).write(to: URL(filePath: "\(folder)/\(name)"))
      }
      let again = try fakeBackend(cache: cache)
      try again.fill(try again.make([2, 8], .f32), with: 1)
      #expect(machine.compilations == 1)
      let mended = try fakeBackend(cache: cache)
      try mended.fill(try mended.make([2, 8], .f32), with: 1)
      #expect(machine.compilations == 0)
    }
  }

  @Test func aCacheThatCannotBeWrittenIsNoReasonToFail() throws {
    let backend = try fakeBackend(cache: CubinCache(folder: "/proc/nowhere"))
    try backend.fill(try backend.make([2, 8], .f32), with: 1)
    #expect(machine.launches == 1)
  }

  @Test func theCompilersWordsAreKept() throws {
    let backend = try fakeBackend { $0.pointee.refuses = 1 }
    let tensor = try backend.make([2, 8], .f32)
    do {
      try backend.fill(tensor, with: 1)
      Issue.record("it compiled")
    } catch let failure as KernelRejected {
      #expect(failure.architecture == "sm_90a")
      #expect(failure.message.contains("line 1: no good"))
    }
  }

  @Test func keysDependOnEverything() {
    let key = CubinCache.key(source: [1, 2], options: ["a", "b"], version: "12.4")
    #expect(key != CubinCache.key(source: [1, 3], options: ["a", "b"], version: "12.4"))
    #expect(key != CubinCache.key(source: [1, 2], options: ["ab"], version: "12.4"))
    #expect(key != CubinCache.key(source: [1, 2], options: ["a", "b"], version: "13.0"))
    #expect(key == CubinCache.key(source: [1, 2], options: ["a", "b"], version: "12.4"))
  }

  @Test func theCacheFollowsTheEnvironment() {
    #expect(CubinCache(environment: ["XDG_CACHE_HOME": "/c"]).folder == "/c/olv/kernels")
    #expect(CubinCache(environment: ["HOME": "/h"]).folder == "/h/.cache/olv/kernels")
    #expect(CubinCache(environment: [:]).folder == nil)
  }

  @Test func librariesAreLookedForWhereTheyMayBe() throws {
    try withFolder { folder in
      let packages = "\(folder)/lib/python3.11/site-packages/nvidia/cu13/lib"
      try FileManager.default.createDirectory(
        atPath: packages, withIntermediateDirectories: true)
      try FileManager.default.createDirectory(
        atPath: "\(folder)/toolkit/lib64", withIntermediateDirectories: true)
      let search = LibrarySearch(environment: [
        "VIRTUAL_ENV": folder, "CUDA_HOME": "\(folder)/toolkit",
      ])
      #expect(search.folders.contains(packages))
      #expect(search.folders.first == "\(folder)/toolkit/lib64")
      do {
        _ = try search.open(["libolv-nowhere.so.1"])
        Issue.record("it was found")
      } catch let failure as CUDAUnavailable {
        #expect(failure.message.contains(packages))
      }
    }
  }
}
