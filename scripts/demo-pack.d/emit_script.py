"""Printers for the indentation and keyword families: Python and Ruby."""
import ast
from subset import *


class Python(Printer):
    true, false, op_and, op_or, op_not = "True", "False", "and", "or", "not "
    end = ""
    hints = True

    def name(self, name):
        return name

    def comment(self, text):
        self.put("# " + text)

    def program(self):
        lines = []
        if any(not r.methods for r in self.records.values()):
            lines += ["from dataclasses import dataclass", "", ""]
        for item in self.order:
            if isinstance(item, Record):
                self.record(item)
            else:
                self.function(item)
            self.put()
            self.put()
        self.enter_main()
        for stmt in self.main:
            self.statement(stmt)
        return "".join(line + "\n" for line in lines) + self.text()

    def record(self, item):
        if not item.methods:
            self.put("@dataclass")
            self.put("class %s:" % item.name)
            for n, t, _ in item.fields:
                self.put("    %s: %s" % (n, t))
            return
        self.put("class %s:" % item.name)
        self.put("    def __init__(self%s):" % "".join(", " + n for n, _ in item.given))
        self.env = {"self": item.name}
        for n, _, v in item.fields:
            self.put("        self.%s = %s" % (n, n if v is None else self.e(v)))
        for m in item.methods.values():
            self.put()
            self.level += 1
            self.function(m)
            self.level -= 1

    def function(self, f):
        names = (["self"] if f.owner else []) + [n + (": " + t.replace("char", "str") if self.hints else "") for n, t in f.params]
        arrow = " -> " + f.returns.replace("char", "str") if self.hints and f.returns != "None" else ""
        self.put("def %s(%s)%s:" % (f.name, ", ".join(names), arrow))
        self.enter(f)
        body = list(f.node.body)
        doc = note_of(body[0])
        if doc:
            self.put(self.indent + '"""' + doc + '"""')
            body = body[1:]
        self.block(body)

    def declare(self, name, kind, value):
        self.put(name + " = " + self.e(value))

    def rebind(self, name, value):
        self.put(name + " = " + self.e(value))

    def store(self, target, value):
        self.put(self.e(target) + " = " + self.e(value))

    def assign_pair(self, left, right):
        for t, v in zip(left, right):
            if isinstance(t, ast.Name) and not self.declared(t.id):
                self.env[t.id] = self.type_of(v)
                self.scopes[-1].add(t.id)
        self.put(", ".join(self.e(t) for t in left) + " = " + ", ".join(self.e(v) for v in right))

    def do_AugAssign(self, stmt):
        op = "//" if isinstance(stmt.op, ast.FloorDiv) else SYMBOL[type(stmt.op)]
        self.put(self.e(stmt.target) + " " + op + "= " + self.e(stmt.value))

    def give(self, value):
        self.put("return" + ("" if value is None else " " + self.e(value)))

    def do_Pass(self, stmt):
        self.put("pass")

    def do_If(self, stmt, word="if"):
        self.put(word + " " + self.e(stmt.test) + ":")
        self.block(stmt.body)
        if len(stmt.orelse) == 1 and isinstance(stmt.orelse[0], ast.If):
            self.do_If(stmt.orelse[0], "elif")
        elif stmt.orelse:
            self.put("else:")
            self.block(stmt.orelse)

    def do_While(self, stmt):
        self.put("while " + self.e(stmt.test) + ":")
        self.block(stmt.body)

    def do_For(self, stmt):
        self.bind_loop(stmt)
        self.put("for " + ast.unparse(stmt.target).strip("()") + " in " + ast.unparse(stmt.iter) + ":")
        self.block(stmt.body)

    def bind_loop(self, stmt):
        if isinstance(stmt.target, ast.Tuple):
            self.env[stmt.target.elts[0].id] = "int"
            self.env[stmt.target.elts[1].id] = self.element(self.type_of(stmt.iter.args[0]))
        elif is_call(stmt.iter, "range"):
            self.env[stmt.target.id] = "int"
        else:
            self.env[stmt.target.id] = self.element(self.type_of(stmt.iter))

    def show(self, args):
        self.put("print(" + ", ".join(self.e(a) for a in args) + ")")

    def check(self, left, right):
        if isinstance(right, ast.Constant) and isinstance(right.value, bool):
            self.put("assert " + ("" if right.value else "not ") + self.e(left))
        else:
            self.put("assert " + self.e(left) + " == " + self.e(right))

    def bump(self, d, key, amount):
        d, key = self.e(d), self.e(key)
        self.put("%s[%s] = %s.get(%s, 0) + %s" % (d, key, d, key, self.e(amount)))

    def append(self, xs, value):
        self.put(self.e(xs) + ".append(" + self.e(value) + ")")

    def expression(self, node):
        strength = ATOM
        if isinstance(node, (ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp)):
            return ast.unparse(node), TERNARY
        text = ast.unparse(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = self.quote(node.value)
        return requote(text), strength

    def e(self, node, least=0):
        text, strength = self.expression(node)
        return requote("(" + text + ")" if strength < least else text)


def requote(text):
    """ast.unparse writes single quotes; the rows use double ones where no double quote is inside."""
    return text if '"' in text or "\\" in text else text.replace("'", '"')


class Ruby(Python):
    indent = "  "
    true, false, op_and, op_or, op_not = "true", "false", "&&", "||", "!"
    hints = False

    def program(self):
        for item in self.order:
            if isinstance(item, Record):
                self.record(item)
            else:
                self.function(item)
            self.put()
        self.enter_main()
        for stmt in self.main:
            self.statement(stmt)
        return self.text()

    def record(self, item):
        if not item.methods:
            self.put("%s = Struct.new(%s)" % (item.name, ", ".join(":" + n for n, _, _ in item.fields)))
            return
        self.put("class %s" % item.name)
        self.level += 1
        self.put("attr_reader " + ", ".join(":" + n for n, _, _ in item.fields))
        self.put()
        self.put("def initialize" + ("(" + ", ".join(n for n, _ in item.given) + ")" if item.given else ""))
        self.env = {"self": item.name}
        for n, _, v in item.fields:
            self.put("  @%s = %s" % (n, n if v is None else self.e(v)))
        self.put("end")
        for m in item.methods.values():
            self.put()
            self.function(m)
        self.level -= 1
        self.put("end")

    def function(self, f):
        names = [n for n, _ in f.params]
        body = list(f.node.body)
        doc = note_of(body[0])
        if doc:
            self.comment(doc)
            body = body[1:]
        self.put("def " + self.function_name(f) + ("(" + ", ".join(names) + ")" if names else ""))
        self.enter(f)
        last = body[-1]
        self.block(body[:-1])
        self.scopes.append(set())
        self.level += 1
        if isinstance(last, ast.Return) and last.value is not None:
            self.put(self.e(last.value))
        else:
            self.statement(last)
        self.level -= 1
        self.put("end")

    def function_name(self, f):
        return f.name + "?" if f.returns == "bool" else f.name

    def user_call(self, function, args):
        return self.function_name(function) + "(" + ", ".join(self.e(a) for a in args) + ")"

    def method_call(self, owner, function, args):
        head = self.function_name(function) if isinstance(owner, ast.Name) and owner.id == "self" else (
            self.e(owner) + "." + self.function_name(function))
        return head + ("(" + ", ".join(self.e(a) for a in args) + ")" if args else "")

    def construct(self, record, args):
        return record.name + ".new" + ("(" + ", ".join(self.e(a) for a in args) + ")" if args else "")

    def do_AugAssign(self, stmt):
        if self.type_of(stmt.target) == "str":
            self.put(self.e(stmt.target) + " += " + self.as_text(stmt.value))
        else:
            Printer.do_AugAssign(self, stmt)

    def as_text(self, node):
        return self.e(node)

    def do_If(self, stmt, word="if"):
        if word == "if" and not stmt.orelse and len(stmt.body) == 1 and isinstance(
                stmt.body[0], (ast.Return, ast.Break, ast.Continue)):
            before = len(self.lines)
            self.statement(stmt.body[0])
            if len(self.lines) == before + 1:
                line = self.lines.pop().strip()
                self.put(line + " if " + self.e(stmt.test))
                return
        self.put(word + " " + self.e(stmt.test))
        self.block(stmt.body)
        if len(stmt.orelse) == 1 and isinstance(stmt.orelse[0], ast.If):
            self.do_If(stmt.orelse[0], "elsif")
        elif stmt.orelse:
            self.put("else")
            self.block(stmt.orelse)
        if word == "if":
            self.put("end")

    def do_Break(self, stmt):
        self.put("break")

    def do_Continue(self, stmt):
        self.put("next")

    def do_While(self, stmt):
        if isinstance(stmt.test, ast.Constant):
            self.put("loop do")
        else:
            self.put("while " + self.e(stmt.test))
        self.block(stmt.body)
        self.put("end")

    def do_For(self, stmt):
        self.bind_loop(stmt)
        name = ast.unparse(stmt.target).strip("()")
        if is_call(stmt.iter, "range"):
            args = stmt.iter.args
            if len(args) == 1:
                head = self.e(args[0], ATOM) + ".times"
            elif len(args) == 2:
                head = "(" + self.e(args[0], ADD) + "..." + self.e(args[1], ADD) + ").each"
            elif last_of(args[2]):
                stop = self.minus_to(args[1])
                head = self.e(args[0], ATOM) + ".downto(" + stop + ")"
            else:
                head = "(" + self.e(args[0], ADD) + "..." + self.e(args[1], ADD) + ").step(" + self.e(args[2]) + ")"
        elif is_call(stmt.iter, "enumerate"):
            i, x = stmt.target.elts
            head, name = self.e(stmt.iter.args[0], ATOM) + self.chars(stmt.iter.args[0]) + ".each_with_index", x.id + ", " + i.id
        elif is_call(stmt.iter, "sorted") and self.type_of(stmt.iter.args[0]).startswith("dict"):
            head = self.e(stmt.iter.args[0]) + ".keys.sort.each"
        elif self.type_of(stmt.iter) == "str":
            head = self.e(stmt.iter, ATOM) + ".each_char"
        else:
            head = self.e(stmt.iter, ATOM) + ".each"
        self.put(head + " do |" + name + "|")
        self.block(stmt.body)
        self.put("end")

    def chars(self, node):
        return ".chars" if self.type_of(node) == "str" else ""

    def minus_to(self, node):
        if last_of(node):
            return "0"
        if isinstance(node, ast.Constant):
            return str(node.value + 1)
        return self.e(node) + " + 1"

    def show(self, args):
        if len(args) == 1 and self.type_of(args[0]).startswith("list"):
            self.put("p " + self.e(args[0]))
        else:
            text = '"' + "".join(p if isinstance(p, str) else "#{" + self.e(p) + "}" for p in self.parts(args)) + '"'
            self.put("puts " + (self.e(args[0]) if len(args) == 1 and not isinstance(args[0], ast.JoinedStr) else text))

    def check(self, left, right):
        self.put('raise "unexpected result" unless ' + self.e(left) + " == " + self.e(right))

    def bump(self, d, key, amount):
        self.put("%s[%s] += %s" % (self.e(d), self.e(key), self.e(amount)))

    def append(self, xs, value):
        self.put(self.e(xs) + " << " + self.e(value))

    def expression(self, node):
        if isinstance(node, ast.Dict):
            return "Hash.new(0)", ATOM
        return Printer.expression(self, node)

    e = Printer.e

    def field(self, node):
        if isinstance(node.value, ast.Name) and node.value.id == "self":
            return "@" + node.attr
        return self.e(node.value, ATOM) + "." + node.attr

    def format(self, node):
        return '"' + "".join(p if isinstance(p, str) else "#{" + self.e(p) + "}" for p in self.parts([node])) + '"', ATOM

    def list_literal(self, node):
        return "[" + ", ".join(self.e(x) for x in node.elts) + "]"

    def char(self, value):
        return self.quote(value)

    def repeat(self, value, count):
        return "Array.new(" + self.e(count) + ", " + self.e(value) + ")"

    def contains(self, left, right):
        if self.type_of(right).startswith("dict"):
            return self.e(right, ATOM) + ".key?(" + self.e(left) + ")", ATOM
        return self.e(right, ATOM) + ".include?(" + self.e(left) + ")", ATOM

    def slice(self, value, lower, upper):
        low = self.e(lower, ADD) if lower else "0"
        high = "..." + self.e(upper, ADD) if upper else ".."
        return self.e(value, ATOM) + "[" + low + high + "]"

    def comprehension(self, node):
        gen = node.generators[0]
        saved = self.bind_comprehension(gen)
        v = gen.target.id
        if is_call(gen.iter, "range"):
            if len(gen.iter.args) != 1:
                raise Unsupported("range")
            text = "(0..." + self.e(gen.iter.args[0], ADD) + ")"
        else:
            text = self.e(gen.iter, ATOM)
        if gen.ifs:
            text += ".select { |%s| %s }" % (v, self.e(gen.ifs[0]))
        if not (isinstance(node.elt, ast.Name) and node.elt.id == v):
            text += ".map { |%s| %s }" % (v, self.e(node.elt))
        self.unbind(saved)
        return text

    def reduce(self, verb, comp):
        gen = comp.generators[0]
        if is_call(gen.iter, "range"):
            raise Unsupported("range")
        saved = self.bind_comprehension(gen)
        v, text = gen.target.id, self.e(gen.iter, ATOM) + self.chars(gen.iter)
        if verb == "sum":
            if isinstance(comp.elt, ast.Constant) and gen.ifs:
                text += ".count { |%s| %s }" % (v, self.e(gen.ifs[0]))
            else:
                if gen.ifs:
                    text += ".select { |%s| %s }" % (v, self.e(gen.ifs[0]))
                text += ".sum" if isinstance(comp.elt, ast.Name) else ".sum { |%s| %s }" % (v, self.e(comp.elt))
        elif gen.ifs:
            raise Unsupported("filtered any")
        else:
            text += ".%s? { |%s| %s }" % (verb, v, self.e(comp.elt))
        self.unbind(saved)
        return text, ATOM

    def call_len(self, x):
        return self.e(x, ATOM) + ".length", ATOM

    def call_sum(self, x):
        return self.e(x, ATOM) + ".sum", ATOM

    def call_max(self, *xs):
        return (self.e(xs[0], ATOM) if len(xs) == 1 else "[" + ", ".join(self.e(x) for x in xs) + "]") + ".max", ATOM

    def call_min(self, *xs):
        return self.call_max(*xs)[0][:-3] + "min", ATOM

    def call_abs(self, x):
        return self.e(x, ATOM) + ".abs", ATOM

    def call_sorted(self, x):
        if self.type_of(x).startswith("dict"):
            return self.e(x) + ".keys.sort", ATOM
        return self.e(x, ATOM) + ".sort", ATOM

    def call_list(self, x):
        return self.e(x, ATOM) + ".dup", ATOM

    def call_str(self, x):
        return self.e(x, ATOM) + ".to_s", ATOM

    def call_int(self, x):
        return self.e(x, ATOM) + ".to_i", ATOM

    def call_ord(self, x):
        return self.e(x, ATOM) + ".ord", ATOM

    def call_chr(self, x):
        return self.e(x, ATOM) + ".chr", ATOM

    def on_get(self, d, key, default):
        return self.e(d) + ".fetch(" + self.e(key) + ", " + self.e(default) + ")", ATOM

    def on_upper(self, s):
        return self.e(s, ATOM) + ".upcase", ATOM

    def on_lower(self, s):
        return self.e(s, ATOM) + ".downcase", ATOM

    def on_strip(self, s):
        return self.e(s, ATOM) + ".strip", ATOM

    def on_split(self, s, sep):
        return self.e(s, ATOM) + ".split(" + self.e(sep) + ")", ATOM

    def on_join(self, sep, xs):
        return self.e(xs, ATOM) + ".join(" + self.e(sep) + ")", ATOM

    def on_pop(self, xs, index=None):
        return self.e(xs, ATOM) + (".pop" if index is None else ".shift"), ATOM

    def on_isdigit(self, c):
        return self.e(c, ATOM) + ".match?(/[0-9]/)", ATOM

    def on_isalpha(self, c):
        return self.e(c, ATOM) + ".match?(/[A-Za-z]/)", ATOM

    def on_isupper(self, c):
        return self.e(c, ATOM) + ".match?(/[A-Z]/)", ATOM

    def on_startswith(self, s, t):
        return self.e(s, ATOM) + ".start_with?(" + self.e(t) + ")", ATOM

    def on_endswith(self, s, t):
        return self.e(s, ATOM) + ".end_with?(" + self.e(t) + ")", ATOM
