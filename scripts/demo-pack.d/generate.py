"""Draws rows until there are enough that differ: the published slices come from here, the same for the same seed."""
import random

import near
import rows

TRAIN, EVAL, TEST = range(0, 4096), range(4096, 4224), range(5000, 6000)
COUNT = 6016
# The most that any two rows may share (see near.py), in the same slice or in different ones.
LIMIT = 0.40


def slice_of(i):
    return "train" if i in TRAIN else "eval" if i in EVAL else "test" if i in TEST else "rest"


def generate(count=COUNT, seed=20240607):
    """Yields (row, program text, what it prints, task kind) for each row."""
    r = random.Random(seed)
    choices = rows.combinations()
    languages = list(rows.WEIGHTS)
    index, made, decks = near.Index(), [], {}
    while len(made) < count:
        language = r.choices(languages, [rows.WEIGHTS[n] for n in languages])[0]
        # Each language works through all its programs before one comes again.
        deck = decks.setdefault(language, [])
        if not deck:
            deck += r.sample(choices[language], len(choices[language]))
        kind, code_index = deck.pop()
        for _ in range(60):
            try:
                row, body, printed = rows.make(r, language, kind, code_index, r.choice(rows.DOMAINS))
            except (rows.Unfit, rows.Unsupported):
                continue
            marks = near.shingles(row)
            if index.nearest(marks)[0] > LIMIT:
                continue
            index.add(marks)
            row["idx"] = len(made)
            made.append(row)
            yield row, body, printed, kind.name
            break
