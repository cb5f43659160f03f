"""What a task kind is: how it is asked for, its programs in the subset, and its answer worked out on its own."""

KINDS = []


class Kind:
    def __init__(self, name, asks, names, setup, solve, codes, given="", calls=("$f($qs)",), notes=(), skip=()):
        self.name, self.asks, self.names, self.setup, self.solve = name, asks, names, setup, solve
        self.codes, self.given, self.calls, self.notes, self.skip = codes, given, calls, notes, skip
        KINDS.append(self)


def ints(r, d, low=5, high=9, distinct=True):
    n = r.randint(low, max(low, high - 3))
    pool = range(d.low, d.high + 1)
    n = min(n, len(pool))
    return r.sample(pool, n) if distinct else [r.choice(pool) for _ in range(n)]


def middle(r, d):
    """A limit well inside the domain's range."""
    span = d.high - d.low
    return r.randint(d.low + span // 4, d.high - span // 4)


def labels(r, d, low=4, high=7):
    return r.sample(d.names, r.randint(low, min(high, len(d.names))))


class Raw:
    """Source text that goes into a program as it is."""

    def __init__(self, text):
        self.text = text
