/// Something to read that is about no verb: `help prompt`.
public struct Topic: Sendable {
  public let name: String
  public let summary: String
  /// Paragraphs parted by blank lines; lines that begin with blanks are shown as they stand.
  public let text: String

  static func named(_ name: String) -> Topic? { all.first { $0.name == name } }

  public static let all = [
    Topic(
      name: "language", summary: "statements, pipes, values and the current model",
      text: """
        A statement stands on a line, or between semicolons. `;` means "then, to the current model": a verb that yields a \
        model makes it current, a verb that yields a report shows it and leaves the model alone. `|` passes a value on \
        explicitly; a line that starts with `|` continues the one before.

          load phi; quantize gptq samples=8; ppl
          ppl tiny-codes[5000:5100] | expect below=50

        `x = …` binds a name and `$x` is its value: a model, a report, a table, a dataset, a number, a text, a list. Models are \
        values, so that branching from one is safe and costs nothing. `(…)` is a pipe in the place of a value, `$r.nll` a part \
        of a report, `$t[base]` a row of a table.

        A script is read and checked whole before its first line runs. `#` begins a comment.
        """),
    Topic(
      name: "branches", summary: "arms that start from one model, and `each`",
      text: """
        A block with labels runs each arm from the same model and gives one table, a row for each. `each` does so for the \
        elements of a list. `plot`, `table`, `row` and `verdict` take such tables.

          { base:      ppl
            "q → ft":  quantize rtn | finetune tiny-codes steps=10 | ppl } | plot
          each $bits in [2 3 4 8] { quantize rtn bits=$bits | ppl } | plot

        A label in quotes may hold `$names`. A block without labels runs its statements in order, and what it does to the \
        model is gone after it.
        """),
    Topic(
      name: "data", summary: "datasets, their slices, and how rows become text",
      text: """
        A dataset is a name of the standard library (`tiny-codes`, `wikitext`), a file (JSONL, JSON, CSV, TSV, YAML, plain text, \
        each also .gz), a folder laid out as on the hub, or a hub id in the Hugging Face cache.

          ppl tiny-codes[5000:5100]
          mine = dataset rows.jsonl template="Q: {prompt}\\nA: {response}" test="5000:6000"
          finetune mine; ppl mine

        Slices are half-open and counted from 0: `[:64]`, `[4096:4224]`; `.test` is a split. Where a dataset is not sliced by \
        hand, `finetune` takes its train slice and `ppl` its test slice. A template's `{column}` is the row's value; without \
        one `field=` or the only column is the text.
        """),
    Topic(
      name: "values", summary: "numbers with units, text, escapes, lists",
      text: """
        Numbers: `128`, `4k` = 4000, `4Ki` = 4096, `2e-4`, `5%`, `24GiB`, `30s`. Words are text: `tiny-codes`, \
        `microsoft/Phi-3.5-mini-instruct`, `models/phi-awq`. Anything else stands in double quotes, on one line; in them `$name` \
        is filled in, and `\\n`, `\\t`, `\\r`, `\\"`, `\\\\`, `\\$`, `\\u{e9}` are what they are elsewhere. Lists: `[a b 3]`.

        `key=value` has no blanks around its `=`, a binding `x = …` has.
        """),
    Topic(
      name: "scripts", summary: "files, arguments, definitions, cells and pages",
      text: """
          olv run.olv --data=rows.jsonl    its `main` is called with the arguments
          olv run.olv --help               what it takes
          olv check run.olv                what is wrong with it, without running it
          olv fmt run.olv                  lays it out
          olv render run.olv -o run.html   runs it into one page: text, code, tables, charts

        `def name(parameter, other: int = 4) { … }` makes a verb of your own; `##` lines above it are its help. \
        `def main(data: dataset = tiny-codes) { … }` takes what follows the script's name; `$args` has it as words.

        `# %% Title` starts a cell, `# %% [markdown]` a text cell, as notebook tools have it. `expect below=30` fails a script \
        whose number is not there; `use NAME` reads a pack of definitions and names; `#!` works.
        """),
    Topic(
      name: "prompt", summary: "keys, history, completion, Ctrl-C",
      text: """
        Tab completes verbs, parameters, their values, names, files and `$variables`, and lists what fits with a line on each. \
        Ctrl-R looks for an earlier input, the up key for one that begins with what is typed. The keys are those of \
        Emacs, or of vi with `bind -v` in ~/.editrc. An input goes on over several lines while a bracket or a pipe \
        is open; a string ends on its line.

        `$_` is the last result, `$3` that of `In [3]`. `? VERB`, `VERB?` and `help VERB` are the same. Ctrl-C stops what runs at \
        its next step: the models before it stay, and `$stopped` is what a fine-tune had reached; a second one ends olv. \
        Ctrl-D, `exit` and `quit` leave.

        Inputs are kept in ~/.local/state/olv/history ($XDG_STATE_HOME); those that hold a token or a password are not, nor \
        those that begin with a blank.
        """),
    Topic(
      name: "output", summary: "formats, streams, colours and exit codes",
      text: """
        Reports go to standard output, progress and what is wrong to standard error. `--json` writes an object for each report, \
        error and warning, a line each; `--format md` and `--format csv` write tables. `--quiet` leaves progress out, and so \
        does a standard error that is no terminal, but for a line every tenth. NO_COLOR, FORCE_COLOR and TERM=dumb are minded.

        Exit status: 0 done, 1 a statement failed, 2 the script or the command line is wrong, 130 interrupted.
        """),
  ]
}
