import Language
import Session
import Testing

@testable import Console

@Suite struct PageTests {
  private func page(_ text: String) -> (html: String, status: Int32) {
    let screen = Screen(out: { _ in }, err: { _ in })
    let recorder = PageRecorder(screen)
    let session = Session(host: NoEngine(), presenter: recorder, standardLibrary: "/nonexistent")
    let source = Source(name: "walk.olv", text: text)
    var status: Int32 = 0
    do { try session.run(source) } catch {
      let error = error as? ScriptError
      for diagnostic in error?.diagnostics ?? [] { recorder.add(diagnostic, of: source) }
      status = error?.exitStatus ?? 1
    }
    var page = Page(source, parse(source).script, recorder)
    page.isWhole = status == 0
    return (page.html, status)
  }

  @Test func cellsAndWhatTheyShow() {
    let text = """
      #!/usr/bin/env olv
      # %% [markdown]
      # # A title
      #
      # Some *text*.

      # %% First
      x = 4k; print "x is $x"

      # %%
      help print
      """
    let (html, status) = page(text)
    #expect(status == 0)
    #expect(html.contains("<title>A title</title>"))
    #expect(html.contains("<p>Some <em>text</em>.</p>"))
    #expect(html.contains("<h2>First</h2>"))
    #expect(html.contains("<span class=\"verb\">print</span>"))
    #expect(html.contains("<p class=\"value\">x is 4k</p>"))
    #expect(!html.contains("#!/usr/bin"))
    let first = html.firstRange(of: "x is 4k</p>")?.lowerBound
    let second = html.firstRange(of: ">help</span>")?.lowerBound
    #expect((first ?? html.endIndex) < (second ?? html.startIndex), "each output below its cell")
  }

  @Test func errorsStandInTheirPlace() {
    let (html, status) = page("# %% a\nprint 1\n# %% b\nhelp prnt\n# %% c\nprint 3")
    #expect(status == 2)
    #expect(html.contains("<pre class=\"error\">error: no verb and no topic `prnt`"))
    #expect(html.components(of: "class=\"skipped\"") == 2)
    let failing = page("# %% a\nprint 1\n# %% b\nprint 2 | table\n# %% c\nprint 3")
    #expect(failing.status == 2)
  }

  /// Whatever a script holds is text on the page, and the page asks for nothing from elsewhere.
  @Test func nothingActs() {
    let (html, _) = page(
      """
      # %% [markdown] <script>t</script>
      # <script>alert(1)</script> <img src="https://example.org/x.png" onerror="alert(1)">
      # [link](javascript:alert(1))
      # %% "><script>title</script>
      print "<script>alert('x')</script> & \\u{1b}[31m"
      """)
    #expect(!html.contains("<script"))
    #expect(!html.contains("onerror=\"") && !html.contains("javascript:"))
    #expect(!html.contains("src=") && !html.contains("@import") && !html.contains("url("))
    #expect(!html.unicodeScalars.contains("\u{1B}"))
    #expect(html.contains("default-src 'none'"))
    #expect(html.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp;"))
  }

  @Test func aScriptWithoutCellsIsOneCell() {
    let (html, _) = page("print 1\nprint 2\n")
    #expect(html.components(of: "<section>") == 1)
    #expect(page("").html.contains("<main>"))
  }
}

extension String {
  /// How often a text occurs.
  fileprivate func components(of part: String) -> Int {
    split(separator: part, omittingEmptySubsequences: false).count - 1
  }
}
