import TestSupport
import Testing

@testable import Tensor

/// What a container may use, read from folders as Linux has them.
@Suite struct ControlGroupTests {
  private func limits(_ files: [String: String]) throws -> ControlGroup {
    let root = try Shared.temporaryFolder()
    defer { Shared.remove(root) }
    for (path, text) in files {
      try Shared.makeFolder(
        "\(root)/\(path)".split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" })
      try Shared.write(text + "\n", to: "\(root)/\(path)")
    }
    return ControlGroup(root: root)
  }

  @Test func nothingIsLimited() throws {
    #expect(try limits([:]) == limits(["proc/self/cgroup": "0::/"]))
    let none = try limits([
      "proc/self/cgroup": "0::/user.slice", "sys/fs/cgroup/user.slice/cpu.max": "max 100000",
      "sys/fs/cgroup/user.slice/memory.max": "max",
    ])
    #expect(none.processors == nil && none.memory == nil)
    #expect(none.processors(of: 64) == 64)
  }

  @Test func aContainerOfVersion2() throws {
    let found = try limits([
      "proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "250000 100000",
      "sys/fs/cgroup/memory.max": "4294967296",
    ])
    #expect(found.processors == 2.5 && found.memory == 4 << 30)
    #expect(found.processors(of: 64) == 2)
    #expect(found.processors(of: 2) == 2)
  }

  /// A service within a slice: both limit it.
  @Test func theStrictestCounts() throws {
    let found = try limits([
      "proc/self/cgroup": "0::/a.slice/b.service",
      "sys/fs/cgroup/a.slice/cpu.max": "100000 100000",
      "sys/fs/cgroup/a.slice/memory.max": "max",
      "sys/fs/cgroup/a.slice/b.service/cpu.max": "400000 100000",
      "sys/fs/cgroup/a.slice/b.service/memory.max": "1000000000",
    ])
    #expect(found.processors == 1 && found.memory == 1_000_000_000)
  }

  /// As a container sees version 1: the path is the host's, the group is mounted at the top.
  @Test func aContainerOfVersion1() throws {
    let found = try limits([
      "proc/self/cgroup": "5:memory:/docker/0123\n3:cpu,cpuacct:/docker/0123\n2:cpuset:/",
      "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "50000",
      "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
      "sys/fs/cgroup/memory/memory.limit_in_bytes": "2147483648",
    ])
    #expect(found.processors == 0.5 && found.memory == 2 << 30)
    #expect(found.processors(of: 8) == 1)
  }

  @Test func versionOneWithoutLimits() throws {
    let found = try limits([
      "proc/self/cgroup": "5:memory:/a\n3:cpu:/a",
      "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "-1",
      "sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000",
      "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "9223372036854771712",
    ])
    #expect(found.processors == nil)
    #expect(found.memory == 9_223_372_036_854_771_712)
  }

  @Test func damagedFilesLimitNothing() throws {
    let found = try limits([
      "proc/self/cgroup": "nonsense\n0::", "sys/fs/cgroup/cpu.max": "",
      "sys/fs/cgroup/memory.max": "-7",
    ])
    #expect(found.processors == nil && found.memory == nil)
  }
}
