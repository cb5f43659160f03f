"""Tests the rows: columns, variety, near-duplicates, and that the programs do what the prompts say.

    test_rows.py [--quick]

Every program is run where its compiler or interpreter is installed and must print what the generator worked out on its own;
languages without a compiler are reported as skipped. --quick compares the shipped rows with the generator's, runs all
Python and SQL programs, compiles all C programs and runs every tenth of them.
"""
import collections
import gzip
import os
import sys
import time

import build_data
import general
import generate
import near
import running

COLUMNS = {"prompt": str, "main_topic": str, "subtopic": str, "adjective": str, "action_verb": str, "scenario": str, "target_audience": str,
           "programming_language": str, "common_sense_topic": str, "idx": int, "response": str}
problems = []


def expect(condition, message):
    if not condition:
        problems.append(message)
        print("FAILED: " + message)


def test_columns(made):
    for i, (row, *_) in enumerate(made):
        expect({k: type(v) for k, v in row.items()} == COLUMNS, "row %d: columns %s" % (i, sorted(row)))
        expect(row["idx"] == i, "row %d: idx %s" % (i, row["idx"]))
        expect(all(str(v).strip() for v in row.values()), "row %d: an empty column" % i)
        expect("$" not in row["prompt"] and "{" not in row["prompt"], "row %d: prompt not filled: %s" % (i, row["prompt"]))
        expect(row["response"].count("```") == 2, "row %d: code fences" % i)
    expect(len(made) >= 6000, "only %d rows" % len(made))


def test_variety(made):
    rows = [row for row, *_ in made]
    expect(len({r["prompt"] for r in rows}) == len(rows), "prompts repeat")
    expect(len({r["response"] for r in rows}) == len(rows), "responses repeat")
    languages = collections.Counter(r["programming_language"] for r in rows)
    kinds = collections.Counter(kind for *_, kind in made)
    topics = collections.Counter(r["main_topic"] for r in rows)
    expect(len(languages) >= 8 and min(languages.values()) >= 200, "languages: %s" % languages)
    expect(len(kinds) >= 60 and max(kinds.values()) < len(rows) * 0.04, "task kinds: %s" % kinds)
    lengths = sorted(len(r["response"].split()) for r in rows)
    expect(lengths[0] >= 25 and lengths[-1] <= 400, "response lengths %d to %d words" % (lengths[0], lengths[-1]))
    print("languages:", ", ".join("%s %d" % item for item in languages.most_common()))
    print("task kinds: %d, from %d to %d rows; topics: %d" % (len(kinds), min(kinds.values()), max(kinds.values()), len(topics)))
    print("response words: median %d, mean %.0f, longest %d" % (lengths[len(lengths) // 2], sum(lengths) / len(lengths), lengths[-1]))


def test_near_duplicates(made):
    """The most that a row shares with any earlier row, and across the published slices."""
    index, names = near.Index(), []
    anywhere, across = 0.0, collections.Counter()
    nearest = []
    for i, (row, *_) in enumerate(made):
        marks, mine = near.shingles(row), generate.slice_of(i)
        best, which = index.nearest(marks)
        anywhere = max(anywhere, best)
        if mine in ("eval", "test"):
            nearest.append(best)
        if which >= 0 and names[which] != mine:
            pair = "%s/%s" % tuple(sorted((names[which], mine)))
            across[pair] = max(across[pair], best)
        index.add(marks)
        names.append(mine)
    nearest.sort()
    print("nearest earlier row: at most %.2f; eval and test rows: median %.2f, 95%% %.2f; across slices: %s" % (
        anywhere, nearest[len(nearest) // 2], nearest[len(nearest) * 95 // 100], ", ".join("%s %.2f" % item for item in sorted(across.items()))))
    expect(anywhere <= generate.LIMIT, "similarity %.3f is over %.2f" % (anywhere, generate.LIMIT))


def test_shipped(made):
    """What the pack ships is what the generator makes."""
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../stdlib/demo")
    for name, text in (("tiny-codes.jsonl.gz", build_data.lines(row for row, *_ in made)), ("general.txt.gz", general.text())):
        with gzip.open(os.path.join(folder, name), "rt", encoding="utf-8", newline="") as f:
            expect(f.read() == text, "%s is not what the generator makes; run scripts/demo-pack rows" % name)


def test_c_compiles(made):
    programs = [(row["idx"], body) for row, body, *_ in made if row["programming_language"] == "C"]
    if not running.available("C"):
        print("C          skipped: no compiler is installed")
        return
    for (idx, _), said in zip(programs, running.compile_c([body for _, body in programs])):
        expect(not said, "C row %d: %s" % (idx, said[:300]))
    print("C          %4d programs compiled" % len(programs), flush=True)


def test_programs(made, steps):
    by_language = collections.defaultdict(list)
    for row, body, printed, kind in made:
        by_language[row["programming_language"]].append((row["idx"], body, printed, kind))
    for language, programs in by_language.items():
        step = steps.get(language) if steps else 1
        if step is None:
            continue
        if not running.available(language):
            print("%-10s skipped: %s is not installed" % (language, running.NEEDS[language]))
            continue
        start = time.time()
        programs = programs[::step]
        wrong = 0
        for (idx, body, printed, kind), (out, error) in zip(programs, running.run_all(language, [p[1] for p in programs])):
            wanted = running.expected_words(printed, language)
            if error or running.clean(out) != wanted:
                wrong += 1
                expect(False, "%s row %d (%s): printed %s, wanted %s %s" % (language, idx, kind, running.clean(out), wanted, error[:300]))
        print("%-10s %4d programs run, %d wrong, %.0f s" % (language, len(programs), wrong, time.time() - start), flush=True)


def main():
    quick = "--quick" in sys.argv
    made = list(generate.generate())
    again = list(generate.generate(64))
    expect([m[0] for m in made[:64]] == [m[0] for m in again], "the same seed gave other rows")
    test_columns(made)
    test_variety(made)
    test_shipped(made)
    if not quick:
        test_near_duplicates(made)
    test_c_compiles(made)
    test_programs(made, {"Python": 1, "SQL": 1, "C": 10} if quick else None)
    print("demo rows: %d problems" % len(problems))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
