"""Makes rows in the columns of tiny-codes: a task kind, a field of life, a language, a program and words around it."""
import random
import re

import tasks_groups
import tasks_numbers
import tasks_objects
import tasks_search
import tasks_sorting
import tasks_text
import wording
from domains import DOMAINS
from emit_bash import Bash
from emit_brace import JavaScript, TypeScript
from emit_c import C
from emit_cpp import Cpp
from emit_go import Go
from emit_java import Java
from emit_rust import Rust
from emit_script import Python, Ruby
from kinds import KINDS, Raw
from sql import SQL_KINDS, sql_program
from subset import Unsupported

PRINTERS = {"Python": Python, "JavaScript": JavaScript, "TypeScript": TypeScript, "Go": Go, "Rust": Rust, "C": C, "C++": Cpp,
            "Java": Java, "Ruby": Ruby, "Bash": Bash}
WEIGHTS = {"Python": 24, "JavaScript": 14, "TypeScript": 9, "Go": 9, "Rust": 8, "C": 8, "C++": 7, "Java": 7, "Ruby": 9, "Bash": 8,
           "SQL": 8}
FENCES = {"C++": "cpp", "JavaScript": "javascript", "TypeScript": "typescript"}

# Names for the local variables of the programs; one is drawn for each row.
LOCALS = {
    "out": ["result", "kept", "output", "found"], "total": ["total", "running"], "count": ["count", "tally", "hits"],
    "best": ["best", "leader"], "i": ["i", "position"], "j": ["j", "other"], "k": ["step", "k"], "low": ["low", "lowest"],
    "top": ["top", "highest"], "limit": ["limit", "threshold", "cutoff"], "run": ["run", "streak"], "start": ["start", "first"],
    "before": ["before", "previous"], "seen": ["seen", "known"], "left": ["left", "front"], "right": ["right", "back"],
    "ordered": ["ordered", "in_order"], "second": ["second", "runner"], "bad": ["bad", "faults"], "fee": ["fee", "extra"],
    "steps": ["steps", "places"], "width": ["width", "size"], "target": ["target", "wanted", "goal"], "text": ["text", "line", "phrase"],
    "c": ["c", "letter", "ch"], "w": ["word", "token"], "words": ["words", "tokens"], "a": ["a", "one"], "b": ["b", "another"],
    "n": ["n", "number"], "rest": ["rest", "remainder"], "d": ["counts", "by_name"], "key": ["key", "name"], "mid": ["mid", "middle"],
    "grid": ["grid", "board"], "row": ["row", "cells"], "queue": ["queue", "pending"], "depth": ["depth", "open_count"],
    "state": ["state", "mode"], "answer": ["answer", "outcome"], "y": ["y", "rival"],
}

ANSWER_NAMES = ["answer", "report", "outcome"]


class Unfit(Exception):
    """This draw gives no good row; another one will."""


class Draw:
    """The names and values of one row, and how they are put into templates."""

    def __init__(self, r, domain, kind):
        self.domain = domain
        self.values = kind.setup(r, domain)
        self.names = {"q": domain.q, "qs": domain.qs, "item": domain.item, "items": domain.items}
        taken = set(self.names.values())
        self.names["x"] = self.pick(r, [domain.q, domain.q, "value"], taken - {domain.q})
        for key, pool in LOCALS.items():
            self.names[key] = self.pick(r, pool, taken)
            taken.add(self.names[key])
        self.names["f"] = self.fill(r.choice(kind.names))

    @staticmethod
    def pick(r, pool, taken):
        free = [n for n in pool if n not in taken]
        if not free:
            raise Unfit
        return r.choice(free)

    def fill(self, template):
        def put(m):
            key, words = m[1], m[2]
            if key in self.values:
                return literal(self.values[key])
            if words:
                return self.names[key].replace("_", " ")
            if key in self.names:
                return self.names[key]
            raise KeyError(template + " " + key)
        return re.sub(r"\$([A-Za-z]+)(_words)?", put, template)

    def prose(self, template, printer):
        """Fills a sentence: code in backticks takes the language's spelling, the rest becomes plain words."""
        def code(m):
            inner = self.fill(m[1])
            return "`" + re.sub(r"\b[a-z]+(?:_[a-z0-9]+)+\b", lambda n: printer.name(n[0]), inner) + "`"

        def words(m):
            key = m[1]
            if key == "unit":
                return self.domain.unit
            if key in self.values:
                value = self.values[key]
                return '"' + value + '"' if isinstance(value, str) else spoken(value)
            return self.names[key].replace("_", " ")
        pieces = re.split(r"(`[^`]*`)", template)
        return "".join(re.sub(r"`([^`]*)`", code, p) if p.startswith("`") else re.sub(r"\$([A-Za-z]+)(_words)?", words, p)
                       for p in pieces)


def literal(value):
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list):
        return "[" + ", ".join(literal(v) for v in value) + "]"
    if isinstance(value, Raw):
        return value.text
    return str(value)


def spoken(value, language=""):
    """A value in a sentence, a truth value as the language prints it."""
    if isinstance(value, bool):
        return {"Python": str(value), "Bash": str(int(value))}.get(language, str(value).lower())
    if isinstance(value, list):
        texts = [spoken(v, language) for v in value]
        if not texts:
            return "an empty list"
        return texts[0] if len(texts) == 1 else ", ".join(texts[:-1]) + " and " + texts[-1]
    return str(value)


def without_notes(source, keep_doc, keep_notes):
    """Drops the comment lines of a program in the subset, or its doc line."""
    lines, after_def = [], False
    for line in source.splitlines():
        is_note = bool(re.fullmatch(r'\s*"[^"]*"', line))
        if is_note and not (keep_doc if after_def else keep_notes):
            continue
        after_def = bool(re.match(r"\s*def ", line))
        lines.append(line)
    return "\n".join(lines)


def demonstration(r, kind, draw, expected):
    """The statements that run the program, and what they print."""
    lines = [draw.fill(kind.given)] if kind.given else []
    if kind.calls is None:
        return lines, [("", v) for v in expected], False
    calls = [draw.fill(c) for c in kind.calls]
    style = r.random()
    scalars = all(not isinstance(v, list) for v in expected)
    if scalars and style < 0.18:
        for call, value in zip(calls, expected):
            lines.append("check(%s, %s)" % (call, literal(value)))
        return lines, [], True
    printed = []
    name = r.choice([n for n in ANSWER_NAMES if n not in draw.names.values()])
    for n, (call, value) in enumerate(zip(calls, expected)):
        holder = name if n == 0 else name + str(n + 1)
        if isinstance(value, list):
            lines += ["%s = %s" % (holder, call), "print(%s)" % holder]
            printed.append(("", value))
        elif style < 0.5:
            lines.append("print(%s)" % call)
            printed.append(("", value))
        else:
            about = re.search(r"\$(q|item)", kind.given + kind.codes[0][0])
            label = r.choice(["Result", "Answer", "Computed", "Found"] + (
                [draw.domain.words("item").capitalize(), draw.domain.sub] if about else []))
            lines += ["%s = %s" % (holder, call), 'print(f"%s: {%s}")' % (label, holder)]
            printed.append((label, value))
    return lines, printed, False


def program(r, kind, code, draw, language):
    source = without_notes(draw.fill(code[0]).strip("\n"), r.random() < 0.35, r.random() < 0.6)
    expected = kind.solve(draw.values)
    shown, printed, checked = demonstration(r, kind, draw, expected)
    printer = PRINTERS[language](source + "\n\n" + "\n".join(shown) + "\n")
    if language == "Python":
        printer.hints = r.random() < 0.6
    return printer, printer.program().rstrip("\n"), printed, checked, expected


def context(draw, language, r):
    d = draw.domain
    return dict(lang=language, adj=r.choice(wording.ADJECTIVES), aud=r.choice(wording.AUDIENCES), form=r.choice(wording.FORMS),
                who=d.who, item=d.words("item"), items=d.words("items"), q=d.words("q"), qs=d.words("qs"), unit=d.unit,
                sub=d.sub, sub_low=d.sub[0].lower() + d.sub[1:], topic_low=d.topic.lower())


def articles(text):
    text = re.sub(r"\b([Aa]) (?=[aeioAEIO]|unknown|umpire|usher)", r"\1n ", text)
    return re.sub(r"\b([Aa])n (?=one\b|euro)", r"\1 ", text)


def sentence(text):
    return text[:1].upper() + text[1:]


def respond(r, parts):
    """Lays the parts of an answer out after one of several plans."""
    intro, code, how, result, notes, remarks, closer = (parts[k] for k in ("intro", "code", "how", "result", "notes", "remarks", "closer"))
    extra = notes[:r.choice((0, 0, 1))] + remarks[:r.choice((0, 0, 1))]
    closer = closer if r.random() < 0.25 else ""
    r.shuffle(extra)
    plan = r.randrange(9)
    if plan == 0:
        tail = [how[0], result] + extra
        return [intro, code, " ".join(tail)]
    if plan == 1:
        tail = how[:2] + extra[:2] + [result]
        return [intro, code, r.choice(wording.LEADS), "\n".join("- " + t for t in tail)]
    if plan == 2:
        tail = [how[0]] + extra[:2] + [result]
        return [intro, code, r.choice(wording.LEADS), "\n".join("%d. %s" % (i + 1, t) for i, t in enumerate(tail))]
    if plan == 3:
        return [how[0] + " " + " ".join(extra[:1]), code, result + " " + " ".join(extra[1:] + [closer])]
    if plan == 4:
        return [intro, code, " ".join(how[:2]), " ".join([result] + extra[:1] + [closer])]
    if plan == 5:
        return [code, " ".join([how[-1]] + extra + [result])]
    if plan == 6:
        return [intro, how[0], code, " ".join([result] + extra)]
    if plan == 7:
        return [code, r.choice(wording.LEADS) + " " + how[0], " ".join(extra + [result, closer])]
    return [intro, code, result, " ".join(how[:1] + extra)]


def remarks_for(language, code, r):
    found = [text for pattern, text in wording.REMARKS[language] if re.search(pattern, code)]
    r.shuffle(found)
    return found


def make(r, language, kind, code_index, domain):
    """One row with what its program prints; raises Unsupported or Unfit where the draw does not fit."""
    if language in kind.skip:
        raise Unsupported(language)
    if language == "SQL":
        draw, body, printed, ask_text, how, notes = sql_program(r, kind, domain, Draw)
        checked, expected = False, printed
        spell = Python("")
        printed = [("", v) for v in printed]
    else:
        code = kind.codes[code_index]
        if len(code) > 2 and language in code[2]:
            raise Unsupported(language)
        draw = Draw(r, domain, kind)
        spell, body, printed, checked, expected = program(r, kind, code, draw, language)
        how, notes = list(code[1]), list(kind.notes)
        ask_text = r.choice(kind.asks)
    if not expected:
        raise Unfit
    ask = draw.prose(ask_text, spell)
    c = context(draw, language, r)
    c["ask"], c["base"] = ask, wording.base_form(ask)
    c["Aud"] = c["aud"]
    about = any(re.search(r"\b%s\b" % spell.name(n), body + ask) for n in (domain.q, domain.qs, domain.item, domain.items))
    prompt = r.choice(wording.PROMPTS if about else wording.GENERAL_PROMPTS).format(**c)
    scene = r.choice(wording.SCENES if about else wording.GENERAL_SCENES).format(**c)
    demand = r.choice(wording.DEMANDS)
    prompt += " " + scene if r.random() < 0.25 else ""
    prompt += " " + demand if r.random() < 0.12 else ""
    how = [draw.prose(h, spell) for h in how]
    notes = [draw.prose(n, spell) for n in notes]
    r.shuffle(how)
    r.shuffle(notes)
    out = spoken(expected if len(expected) > 1 else expected[0], language)
    if any(isinstance(v, list) for v in expected) and len(expected) > 1:
        out = "; ".join(spoken(v, language) for v in expected)
    if len(out) > 120:
        raise Unfit
    if len(out) > 24 and r.random() < 0.6:
        out = wording.long_result(r, expected)
    result = r.choice(wording.CHECKED if checked else wording.RESULTS).format(out=out)
    parts = dict(intro=articles(r.choice(wording.INTROS if about else wording.GENERAL_INTROS).format(**c)), how=how, notes=notes,
                 code="```%s\n%s\n```" % (FENCES.get(language, language.lower()), body),
                 result=result, remarks=remarks_for(language, body, r), closer=articles(r.choice(wording.CLOSERS if about else wording.GENERAL_CLOSERS).format(**c)))
    response = "\n\n".join(p.strip() for p in respond(r, parts) if p.strip())
    row = {"prompt": sentence(articles(prompt)), "main_topic": domain.topic, "subtopic": domain.sub, "adjective": c["adj"],
           "action_verb": c["base"].split(" ")[0], "scenario": articles("%s of a %s" % (domain.sub, domain.who)), "target_audience": c["aud"],
           "programming_language": language, "common_sense_topic": domain.sense, "idx": 0, "response": response}
    return row, body, printed


def combinations():
    """All (language, kind, program) that a printer can express, found once."""
    found = {language: [] for language in WEIGHTS}
    for kind in KINDS:
        for index in range(len(kind.codes)):
            for language in PRINTERS:
                r = random.Random(kind.name + str(index))
                for _ in range(20):
                    try:
                        make(r, language, kind, index, r.choice(DOMAINS))
                        found[language].append((kind, index))
                        break
                    except Unfit:
                        continue
                    except Unsupported:
                        break
    for kind in SQL_KINDS:
        found["SQL"].append((kind, 0))
    return found
