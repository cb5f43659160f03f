// swift-tools-version: 6.2
import PackageDescription

// Libraries that Debian ships as archives are linked statically, so that one binary serves machines without them.
// OpenBLAS and oneDNN are opened at run time (their core type must be chosen first).
func archive(_ name: String) -> LinkerSetting { .linkedLibrary(":lib\(name).a") }

// The hot loops are compiled once per x86-64 level and chosen at start. Level 2 has no fused multiply-add.
func level(_ name: String) -> [SwiftSetting] {
  [.unsafeFlags(["-Ounchecked", "-Xcc", "-march=x86-64-\(name)"])]
    + (name == "v2" ? [] : [.define("FMA")])
}

// A verb's file puts its entry into a section of the program, which is how the session finds it.
let registers: [SwiftSetting] = [.enableExperimentalFeature("SymbolLinkageMarkers")]

let package = Package(
  name: "olv",
  targets: [
    .executableTarget(
      name: "olv", dependencies: ["Console", "Verbs", "Session", "CUDA", "Runtime"]),
    .target(
      name: "Console",
      dependencies: ["Session", "Charts", "Olive", "Language", "JSON", "Runtime", "CEdit", "CMark"]),
    .target(
      name: "Verbs",
      dependencies: [
        "Session", "Charts", "Language", "Evaluation", "FineTuning", "Quantization", "Models",
        "Tokenizers", "Data", "Cache", "Checkpoints", "Conformance", "Tensor", "JSON", "Runtime",
      ], swiftSettings: registers),
    .target(
      name: "Session",
      dependencies: ["Charts", "Language", "Cache", "JSON", "Runtime", "CRegistry"],
      swiftSettings: registers),
    .target(name: "Charts", dependencies: ["Language", "Runtime"]),
    .target(name: "Olive", dependencies: ["Language", "Runtime", "CYAML"]),
    .target(name: "Language", dependencies: ["Runtime"]),
    .target(
      name: "Evaluation", dependencies: ["Models", "Tokenizers", "Data", "Tensor", "Runtime"]),
    .target(
      name: "FineTuning",
      dependencies: [
        "Quantization", "Models", "Tokenizers", "Data", "Cache", "Checkpoints", "Tensor", "JSON",
        "Runtime",
      ]),
    .target(
      name: "Quantization",
      dependencies: [
        "Models", "Tokenizers", "Data", "Cache", "Checkpoints", "Tensor", "JSON", "Runtime",
      ]),
    .target(
      name: "Models", dependencies: ["Tokenizers", "Checkpoints", "Tensor", "JSON", "Runtime"]),
    .target(name: "Tokenizers", dependencies: ["JSON", "Runtime", "CPCRE2"]),
    .target(name: "Data", dependencies: ["JSON", "Runtime", "CZlib", "CYAML"]),
    .target(name: "Cache", dependencies: ["Checkpoints", "JSON", "Runtime"]),
    .target(name: "Checkpoints", dependencies: ["Tensor", "JSON", "Runtime"]),
    .target(name: "Conformance", dependencies: ["Tensor", "Runtime"]),
    // Kernel sources travel in the program and are compiled for the card at hand.
    .target(
      name: "CUDA", dependencies: ["Tensor", "Runtime", "CCUDA"],
      resources: [.embedInCode("Kernels")]),
    .target(
      name: "Tensor",
      dependencies: [
        "Runtime", "CCPU", "COneDNN", "CPUKernels", "CPUKernelsV2", "CPUKernelsV3", "CPUKernelsV4",
      ]),
    .target(name: "CPUKernels", swiftSettings: [.unsafeFlags(["-Ounchecked"])]),
    .target(
      name: "CPUKernelsV2", dependencies: ["CPUKernels", "CVector"], swiftSettings: level("v2")),
    .target(
      name: "CPUKernelsV3", dependencies: ["CPUKernels", "CVector"], swiftSettings: level("v3")),
    .target(
      name: "CPUKernelsV4", dependencies: ["CPUKernels", "CVector"], swiftSettings: level("v4")),
    .target(name: "JSON", dependencies: ["Runtime", "CJSON"]),
    .target(name: "Runtime", dependencies: ["CInterrupt", "CNettle"]),

    .target(name: "CInterrupt"),
    .target(name: "CCUDA"),
    .target(name: "CCPU"),
    .target(name: "CVector"),
    .target(name: "CRegistry"),
    .target(
      name: "CEdit", dependencies: ["CInterrupt"],
      linkerSettings: [archive("edit"), archive("tinfo"), archive("bsd"), archive("md")]),
    .target(name: "COneDNN"),
    .target(name: "CMark", linkerSettings: [archive("cmark")]),
    .target(name: "CJSON", linkerSettings: [archive("json-c"), .linkedLibrary("m")]),
    .target(name: "CPCRE2", linkerSettings: [archive("pcre2-8")]),
    .target(name: "CZlib", linkerSettings: [archive("z")]),
    .target(name: "CYAML", linkerSettings: [archive("yaml")]),
    .target(name: "CNettle", linkerSettings: [archive("nettle")]),

    .target(
      name: "Transcripts", dependencies: ["Console", "Session", "Language", "Runtime"],
      path: "Tests/TranscriptSupport"),
    .target(name: "ScriptGenerator", dependencies: ["Language"], path: "Tests/ScriptGenerator"),
    .executableTarget(
      name: "olv-fuzz",
      dependencies: ["ScriptGenerator", "Verbs", "Session", "Language", "Runtime"],
      path: "Tests/Fuzz"),
    .target(name: "TestSupport", dependencies: ["JSON"], path: "Tests/Support"),
    .target(name: "FakeCUDA", dependencies: ["CCUDA"], path: "Tests/FakeCUDA"),
    .testTarget(
      name: "CUDATests",
      dependencies: ["TestSupport", "Runtime", "CUDA", "CCUDA", "FakeCUDA", "Tensor", "JSON"]),
    .testTarget(
      name: "JSONTests",
      dependencies: ["TestSupport", "Runtime", "JSON"]),
    .testTarget(
      name: "LanguageTests",
      dependencies: ["TestSupport", "ScriptGenerator", "Runtime", "Language"]),
    .testTarget(name: "OliveTests", dependencies: ["TestSupport", "Olive", "Language", "Runtime"]),
    .testTarget(
      name: "TokenizersTests",
      dependencies: ["TestSupport", "Runtime", "Tokenizers", "JSON"]),
    .testTarget(
      name: "DataTests",
      dependencies: ["TestSupport", "Runtime", "Data", "JSON", "CZlib"]),
    .testTarget(
      name: "CacheTests",
      dependencies: ["TestSupport", "Runtime", "Cache", "Checkpoints", "Tensor", "JSON"]),
    .testTarget(
      name: "CheckpointsTests",
      dependencies: ["TestSupport", "Runtime", "Checkpoints", "Tensor", "JSON"]),
    .testTarget(
      name: "TensorTests",
      dependencies: [
        "TestSupport", "Runtime", "Tensor", "CPUKernels", "CPUKernelsV2", "CPUKernelsV3",
        "CPUKernelsV4",
      ],
      // The references in double precision are slow otherwise.
      swiftSettings: [.unsafeFlags(["-O"])]),
    .testTarget(
      name: "ModelsTests",
      dependencies: [
        "TestSupport", "Runtime", "Models", "Tokenizers", "Checkpoints", "Tensor", "JSON",
      ]),
    .testTarget(
      name: "QuantizationTests",
      dependencies: [
        "TestSupport", "Runtime", "Quantization", "Models", "Tokenizers", "Data", "Cache", "Tensor",
        "JSON",
      ]),
    .testTarget(
      name: "FineTuningTests",
      dependencies: [
        "TestSupport", "Runtime", "FineTuning", "Quantization", "Models", "Tokenizers", "Data",
        "Cache", "Checkpoints", "Tensor", "JSON",
      ]),
    .testTarget(
      name: "EvaluationTests",
      dependencies: [
        "TestSupport", "Runtime", "Evaluation", "Models", "Tokenizers", "Data", "Tensor", "JSON",
      ]),
    .testTarget(
      name: "SessionTests",
      dependencies: ["TestSupport", "Runtime", "Session", "Cache", "Language", "JSON"]),
    .testTarget(
      name: "VerbsTests",
      dependencies: [
        "TestSupport", "Transcripts", "Runtime", "Verbs", "Session", "Charts", "Language", "Cache",
        "JSON",
        "Evaluation",
        "FineTuning", "Quantization", "Models", "Tokenizers", "Data", "Checkpoints", "Conformance",
        "Tensor", "Console", "CUDA",
      ]),
    .testTarget(
      name: "ConsoleTests",
      dependencies: [
        "TestSupport", "Transcripts", "Runtime", "Console", "Session", "Charts", "Language", "JSON",
      ]),
    .target(name: "PseudoTerminal", path: "Tests/PseudoTerminal"),
    .testTarget(
      name: "TerminalTests", dependencies: ["TestSupport", "PseudoTerminal", "Language", "Runtime"]),
    .testTarget(name: "ChartsTests", dependencies: ["TestSupport", "Charts", "Runtime"]),
  ],
  swiftLanguageModes: [.v6]
)
