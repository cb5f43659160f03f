"""A small text grammar: `{rule}` is replaced by one of the rule's lines, `[a|b]` by one of its alternatives."""
import re


class Grammar:
    def __init__(self, rules, r):
        self.rules = {name: [line.strip() for line in lines.strip().splitlines() if line.strip()] for name, lines in rules.items()}
        self.r, self.decks, self.kept = r, {}, {}

    def draw(self, name):
        """A line of the rule; all of its lines come up before one is used again."""
        deck = self.decks.setdefault(name, [])
        if not deck:
            deck += self.r.sample(self.rules[name], len(self.rules[name]))
        return deck.pop()

    def text(self, rule):
        """One text from a rule. `{x=rule}` draws and keeps a value, `{x}` repeats it within the same text."""
        self.kept = {}
        text = self.expand("{" + rule + "}")
        text = re.sub(r"\b([Aa]) (?=[aeiouAEIOU](?!ne\b|ni|se[df]))", r"\1n ", text)
        text = re.sub(r"[ \t]*¶[ \t]*", "\n\n", text)
        text = re.sub(r"[ \t]*⏎[ \t]*", "\n", text)
        # A capital at the start of a line and after the end of a sentence.
        return re.sub(r"((?:^|\n)(?:== )?|[.?!]\"? +)([a-z])", lambda m: m[1] + m[2].upper(), text)

    def expand(self, text):
        def put(m):
            name = m[1]
            if "=" in name:
                key, rule = name.split("=")
                self.kept[key] = self.expand(self.draw(rule))
                return self.kept[key]
            if name in self.kept:
                return self.kept[name]
            if re.fullmatch(r"\d+-\d+", name):
                low, high = map(int, name.split("-"))
                return str(self.r.randint(low, high))
            return self.expand(self.draw(name))
        # Alternatives first, the innermost ones last; then the rules from left to right, so that kept values exist.
        while "[" in text:
            text = re.sub(r"\[([^\[\]]*)\]", lambda m: self.r.choice(m[1].split("|")), text)
        return re.sub(r"\{([^{}]+)\}", put, text)
