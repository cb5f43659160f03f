"""Writes the demo pack's rows and general text: build_data.py OUTDIR. The bytes depend on nothing but the sources."""
import gzip
import json
import os
import sys

import general
import generate


# Columns that say the same thing stand side by side, which packs better.
ORDER = ("idx", "common_sense_topic", "main_topic", "subtopic", "scenario", "target_audience", "adjective", "action_verb",
         "programming_language", "prompt", "response")


def write(path, data):
    with open(path, "wb") as f, gzip.GzipFile("", "wb", 9, f, 0) as g:
        g.write(data)
    print("%s: %d bytes, %d packed" % (os.path.basename(path), len(data), os.path.getsize(path)))


def lines(rows):
    """The rows as the file holds them."""
    return "".join(json.dumps({name: row[name] for name in ORDER}, ensure_ascii=False, separators=(",", ":")) + "\n"
                   for row in rows)


def main(folder):
    os.makedirs(folder, exist_ok=True)
    write(os.path.join(folder, "tiny-codes.jsonl.gz"), lines(row for row, *_ in generate.generate()).encode())
    write(os.path.join(folder, "general.txt.gz"), general.text().encode())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: build_data.py OUTDIR")
    main(sys.argv[1])
