import Testing

@testable import Session

@Suite struct RegistryTests {
  @Test func verbsRegisterThemselves() {
    let names = VerbRegistry(VerbRegistry.linked()).names
    #expect(Set(["print", "help", "use", "defaults"]).isSubset(of: names))
  }

  @Test func usageComesFromTheDeclaration() throws {
    let registry = VerbRegistry(fakeVerbs)
    let quantize = try #require(registry["quantize"])
    #expect(
      quantize.usage == "quantize <method> [bits=4] [group=128] [samples=128] [data=] "
        + "[symmetric=no] [damp=1%]")
    #expect(registry["ppl"]?.usage == "ppl [data] [as=olive]")
    #expect(registry["print"]?.usage == "print [values…]")
    #expect(registry["use"]?.usage == "use [names…]")
    #expect(registry["defaults"]?.usage == "defaults <verb> KEY=VALUE…")
    let bits = try #require(quantize.json["parameters"]?[1])
    #expect(bits["choices"]?[3] == "8" && bits["default"] == "4" && bits["positional"] == false)
  }
}
