"""Near-duplicate measure: Jaccard similarity of sets of word shingles.

A row's text is its prompt and response; a shingle is four successive words (letters, digits and underscores). Candidates
are found through an inverted index, so the comparison is exact, not estimated.
"""
import re
import zlib

WORDS = 4


def shingles(row):
    words = re.findall(r"\w+", (row["prompt"] + " " + row["response"]).lower())
    return {zlib.crc32(" ".join(words[i:i + WORDS]).encode()) for i in range(len(words) - WORDS + 1)}


class Index:
    """Rows that were accepted, asked for the nearest one to a new row."""

    def __init__(self):
        self.sets, self.holders = [], {}

    def nearest(self, marks):
        shared = {}
        for m in marks:
            for i in self.holders.get(m, ()):
                shared[i] = shared.get(i, 0) + 1
        best, which = 0.0, -1
        for i, n in shared.items():
            similarity = n / (len(marks) + len(self.sets[i]) - n)
            if similarity > best:
                best, which = similarity, i
        return best, which

    def add(self, marks):
        for m in marks:
            self.holders.setdefault(m, []).append(len(self.sets))
        self.sets.append(marks)
