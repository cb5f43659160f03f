"""Whether demo rows are in the models' training text.

    overlap.py --rows FILE.jsonl.gz --text train.txt

Compares runs of 13 words (letters, digits, underscores), as is usual for such checks: says how many of the rows' runs
the text has too, and fails where a row shares more than a twentieth of its own.
"""

import argparse
import gzip
import json
import pathlib
import re

WORDS = 13
MOST = 0.05


def runs(text):
    words = re.findall(r"\w+", text.lower())
    return {hash(tuple(words[i:i + WORDS])) for i in range(len(words) - WORDS + 1)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", required=True)
    parser.add_argument("--text", type=pathlib.Path, required=True)
    options = parser.parse_args()
    with gzip.open(options.rows, "rt") as file:
        rows = [json.loads(line) for line in file]
    marks = [runs(f"{row['prompt']} {row['response']}") for row in rows]
    wanted, shared = set().union(*marks), set()
    for text in options.text.read_text().split("\0"):
        shared |= runs(text) & wanted
    shares = [len(own & shared) / max(len(own), 1) for own in marks]
    print(f"{len(shared)} of {len(wanted)} runs of {WORDS} words of the rows are in the text too; "
          f"{sum(s > 0 for s in shares)} of {len(rows)} rows share any, none more than {max(shares):.1%}")
    if max(shares) > MOST:
        raise SystemExit(f"row {shares.index(max(shares))} is in the training text")


if __name__ == "__main__":
    main()
