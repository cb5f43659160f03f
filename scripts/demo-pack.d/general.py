"""The general text: our own essays, stories and manuals, with short pieces from a grammar between them."""
import os
import random
import re

from general_rules import RULES
from grammar import Grammar

KINDS = ["entry", "entry", "changes", "manual", "faq", "recipe", "diary", "diary", "notice"]
SIZE = 230_000


def written():
    """The pieces written by hand, in a fixed order that mixes the files."""
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "prose")
    pieces = []
    for name in sorted(os.listdir(folder)):
        if name.endswith(".txt"):
            with open(os.path.join(folder, name), encoding="utf-8") as f:
                pieces += ["== " + piece.strip() for piece in re.split(r"^== ", f.read(), flags=re.M) if piece.strip()]
    random.Random(7).shuffle(pieces)
    return pieces


def sentences(piece):
    return [s for s in re.split(r"(?<=[.?!:])\s+|\n+", piece) if len(s) > 12]


def made(size, seed=11):
    """Grammar pieces; one with a sentence that has appeared before is drawn again."""
    r = random.Random(seed)
    grammar, seen, pieces, total = Grammar(RULES, r), set(), [], 0
    while total < size:
        piece = grammar.text(r.choice(KINDS))
        parts = sentences(piece)
        if any(s in seen for s in parts):
            continue
        seen.update(parts)
        pieces.append(piece)
        total += len(piece) + 2
    return pieces


def text():
    """The whole text: a written piece, then a few made ones, and so on."""
    ours = written()
    short = made(SIZE - sum(len(p) + 2 for p in ours))
    out, share, taken = [], len(short) / len(ours), 0
    for i, piece in enumerate(ours):
        out.append(piece)
        upto = round((i + 1) * share)
        out += short[taken:upto]
        taken = upto
    return "\n\n".join(p[3:] for p in out) + "\n"
