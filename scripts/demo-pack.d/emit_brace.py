"""What the languages with braces share, and the printers of JavaScript and TypeScript."""
import ast
from subset import *


class Brace(Printer):
    end = ";"
    open_test, close_test = "(", ")"

    def do_If(self, stmt, head="if"):
        self.put(head + " " + self.open_test + self.e(stmt.test) + self.close_test + " {")
        self.block(stmt.body)
        rest = stmt.orelse
        if len(rest) == 1 and isinstance(rest[0], ast.If):
            return self.do_If(rest[0], "} else if")
        if rest:
            self.put("} else {")
            self.block(rest)
        self.put("}")

    def do_While(self, stmt):
        self.put("while " + self.open_test + self.e(stmt.test) + self.close_test + " {")
        self.block(stmt.body)
        self.put("}")

    def loop(self, head, stmt, names):
        """A loop head, its body with the loop's names bound, and the closing brace."""
        before = {n: self.env.get(n) for n in names}
        self.env.update(names)
        self.scopes.append(set(names))
        self.put(head + " {")
        self.block(stmt.body)
        self.put("}")
        self.scopes.pop()
        for n, kind in before.items():
            if kind is None:
                self.env.pop(n, None)
            else:
                self.env[n] = kind

    def do_For(self, stmt):
        it = stmt.iter
        if is_call(it, "range"):
            return self.count_loop(stmt, stmt.target.id, *it.args)
        if is_call(it, "enumerate"):
            i, x = (t.id for t in stmt.target.elts)
            return self.indexed_loop(stmt, i, x, it.args[0], self.element(self.type_of(it.args[0])))
        if is_call(it, "sorted") and self.type_of(it.args[0]).startswith("dict"):
            return self.key_loop(stmt, stmt.target.id, it.args[0])
        return self.each_loop(stmt, stmt.target.id, it, self.element(self.type_of(it)))

    def count_loop(self, stmt, name, *args):
        low, high, step = (ast.Constant(0), args[0], None) if len(args) == 1 else (args + (None,))[:3]
        self.env[name] = "int"
        v, compare, move = self.name(name), "<", self.name(name) + "++"
        if step is not None and last_of(step):
            compare, move = ">", v + "--"
            if last_of(high):
                compare, high = ">=", ast.Constant(0)
        elif step is not None:
            move = v + " += " + self.e(step)
        self.loop("for %s%s%s = %s; %s %s %s; %s%s" % (
            self.open_test, self.counter, v, self.e(low), v, compare, self.e(high, ADD), move, self.close_test), stmt, {name: "int"})

    def function_lines(self, head, f, skip=0):
        body = list(f.node.body)
        self.put(head + " {")
        self.block(body[skip:])
        self.put("}")

    def doc(self, f):
        doc = note_of(f.node.body[0])
        if doc:
            self.comment(doc)
        return 1 if doc else 0

    def give(self, value):
        self.put("return" + ("" if value is None else " " + self.e(value)) + self.end)

    def rebind(self, name, value):
        self.put(self.name(name) + " = " + self.e(value) + self.end)

    def store(self, target, value):
        self.put(self.e(target) + " = " + self.e(value) + self.end)


class JavaScript(Brace):
    indent = "  "
    counter = "let "
    self_name = "this"
    typed = False

    def note_type(self, kind):
        if not self.typed:
            return ""
        return ": " + self.type_name(kind)

    def type_name(self, kind):
        if kind.startswith("list"):
            return self.type_name(kind[5:-1]) + "[]"
        if kind.startswith("dict"):
            return "Map<string, number>"
        return {"int": "number", "str": "string", "char": "string", "bool": "boolean", "None": "void"}.get(kind, kind)

    def program(self):
        for item in self.order:
            if isinstance(item, Record):
                if not self.record(item):
                    continue
            else:
                skip = self.doc(item)
                self.enter(item)
                params = ", ".join(self.name(n) + self.note_type(t) for n, t in item.params)
                self.function_lines("function %s(%s)%s" % (self.name(item.name), params, self.note_type(item.returns)), item, skip)
            self.put()
        self.enter_main()
        for stmt in self.main:
            self.statement(stmt)
        return self.text()

    def record(self, item):
        if not item.methods:
            if not self.typed:
                return False
            self.put("interface %s {" % item.name)
            for n, t, _ in item.fields:
                self.put("  %s%s;" % (self.name(n), self.note_type(t)))
            self.put("}")
            return True
        self.put("class %s {" % item.name)
        self.level += 1
        if self.typed:
            for n, t, _ in item.fields:
                self.put(self.name(n) + self.note_type(t) + ";")
            self.put()
        self.put("constructor(%s) {" % ", ".join(self.name(n) + self.note_type(t) for n, t in item.given))
        self.env = {"self": item.name}
        for n, t, v in item.fields:
            self.put("  this.%s = %s;" % (self.name(n), self.name(n) if v is None else self.e(v)))
        self.put("}")
        for m in item.methods.values():
            self.put()
            skip = self.doc(m)
            self.enter(m)
            params = ", ".join(self.name(n) + self.note_type(t) for n, t in m.params)
            self.function_lines("%s(%s)%s" % (self.name(m.name), params, self.note_type(m.returns)), m, skip)
        self.level -= 1
        self.put("}")
        return True

    def declare(self, name, kind, value):
        word = "let " if name in self.rebound else "const "
        mark = self.note_type(kind) if isinstance(value, ast.List) and not value.elts else ""
        if self.typed and word == "let " and isinstance(value, ast.Name):
            mark = self.note_type(kind)
        if self.typed and isinstance(value, ast.List) and kind[5:-1] in self.records:
            mark = self.note_type(kind)
        self.put(word + self.name(name) + mark + " = " + self.e(value) + ";")

    def assign_pair(self, left, right):
        fresh = isinstance(left[0], ast.Name) and not self.declared(left[0].id)
        if fresh:
            for t, v in zip(left, right):
                self.assign(t.id, self.type_of(v), v)
            return
        self.put("[" + ", ".join(self.e(t) for t in left) + "] = [" + ", ".join(self.e(v) for v in right) + "];")

    def store(self, target, value):
        if isinstance(target, ast.Subscript) and self.type_of(target.value).startswith("dict"):
            self.put("%s.set(%s, %s);" % (self.e(target.value), self.e(target.slice), self.e(value)))
        else:
            super().store(target, value)

    def do_AugAssign(self, stmt):
        if isinstance(stmt.op, ast.FloorDiv):
            t = self.e(stmt.target)
            return self.put("%s = Math.floor(%s / %s);" % (t, t, self.e(stmt.value, UNARY)))
        if isinstance(stmt.op, (ast.Add, ast.Sub)) and isinstance(stmt.value, ast.Constant) and stmt.value.value == 1:
            return self.put(self.e(stmt.target) + ("++;" if isinstance(stmt.op, ast.Add) else "--;"))
        super().do_AugAssign(stmt)

    def indexed_loop(self, stmt, i, x, xs, kind):
        what = "[..." + self.e(xs) + "].entries()" if kind == "char" else self.e(xs, ATOM) + ".entries()"
        self.loop("for (const [%s, %s] of %s)" % (self.name(i), self.name(x), what), stmt, {i: "int", x: kind})

    def key_loop(self, stmt, key, d):
        self.loop("for (const %s of [...%s.keys()].sort())" % (self.name(key), self.e(d)), stmt, {key: "str"})

    def each_loop(self, stmt, x, xs, kind):
        self.loop("for (const %s of %s)" % (self.name(x), self.e(xs)), stmt, {x: kind})

    def show(self, args):
        a = args[0]
        if len(args) == 1 and self.type_of(a).startswith("list"):
            text = self.e(a, ATOM) + '.join(", ")'
        else:
            text = self.e(a) if len(args) == 1 else self.template(self.parts(args))
        self.put("console.log(" + text + ");")

    def template(self, parts):
        return "`" + "".join(p if isinstance(p, str) else "${" + self.e(p) + "}" for p in parts) + "`"

    def check(self, left, right):
        self.put("console.assert(" + self.e(left, ADD) + " === " + self.e(right, ADD) + ");")

    def bump(self, d, key, amount):
        d, key = self.e(d), self.e(key)
        self.put("%s.set(%s, (%s.get(%s) ?? 0) + %s);" % (d, key, d, key, self.e(amount)))

    def append(self, xs, value):
        self.put(self.e(xs) + ".push(" + self.e(value) + ");")

    def expression(self, node):
        if isinstance(node, ast.Dict):
            return ("new Map<string, number>()" if self.typed else "new Map()"), ATOM
        return super().expression(node)

    def compare(self, left, op, right):
        text, strength = super().compare(left, op, right)
        if isinstance(op, (ast.Eq, ast.NotEq)):
            text = self.side(left, right) + {"Eq": " === ", "NotEq": " !== "}[type(op).__name__] + self.side(right, left)
        return text, strength

    def divide(self, left, right):
        return "Math.floor(" + self.e(left, MUL) + " / " + self.e(right, UNARY) + ")", ATOM

    def format(self, node):
        return self.template(self.parts([node])), ATOM

    def list_literal(self, node):
        return "[" + ", ".join(self.e(x) for x in node.elts) + "]"

    def char(self, value):
        return self.quote(value)

    def item(self, value, index):
        if self.type_of(value).startswith("dict"):
            return self.e(value, ATOM) + ".get(" + self.e(index) + ")" + ("!" if self.typed else "")
        if last_of(index):
            return self.e(value, ATOM) + "[" + self.e(value, ATOM) + ".length - " + self.e(index.operand) + "]"
        return super().item(value, index)

    def construct(self, record, args):
        if not record.methods:
            pairs = []
            for (n, _), a in zip(record.given, args):
                n, a = self.name(n), self.e(a)
                pairs.append(n if n == a else n + ": " + a)
            return "{ " + ", ".join(pairs) + " }"
        return "new " + super().construct(record, args)

    def repeat(self, value, count):
        if isinstance(value, ast.List):
            raise Unsupported("repeat")
        return "new Array(%s).fill(%s)" % (self.e(count), self.e(value))

    def contains(self, left, right):
        verb = ".has(" if self.type_of(right).startswith("dict") else ".includes("
        return self.e(right, ATOM) + verb + self.e(left) + ")", ATOM

    def slice(self, value, lower, upper):
        args = [self.e(lower) if lower else "0"] + ([self.e(upper)] if upper else [])
        return self.e(value, ATOM) + ".slice(" + ", ".join(args) + ")"

    def chain(self, gen):
        if is_call(gen.iter, "range"):
            if len(gen.iter.args) != 1:
                raise Unsupported("range")
            raise Unsupported("range comprehension")
        text = self.e(gen.iter, ATOM)
        if self.type_of(gen.iter) == "str":
            text = "[..." + text + "]"
        if gen.ifs:
            text += ".filter((%s) => %s)" % (self.name(gen.target.id), self.e(gen.ifs[0]))
        return text

    def comprehension(self, node):
        gen = node.generators[0]
        saved = self.bind_comprehension(gen)
        v = gen.target.id
        text = self.chain(gen)
        if not (isinstance(node.elt, ast.Name) and node.elt.id == v):
            text += ".map((%s) => %s)" % (self.name(v), self.e(node.elt))
        self.unbind(saved)
        return text

    def reduce(self, verb, comp):
        gen = comp.generators[0]
        saved = self.bind_comprehension(gen)
        v = self.name(gen.target.id)
        text = self.chain(gen)
        if verb == "sum":
            if isinstance(comp.elt, ast.Constant):
                text += ".length"
            else:
                text += ".reduce((sum, %s) => sum + %s, 0)" % (v, self.e(comp.elt, MUL))
        else:
            text += ".%s((%s) => %s)" % ({"any": "some", "all": "every"}[verb], v, self.e(comp.elt))
        self.unbind(saved)
        return text, ATOM

    def call_len(self, x):
        return self.e(x, ATOM) + (".size" if self.type_of(x).startswith("dict") else ".length"), ATOM

    def call_sum(self, x):
        return self.e(x, ATOM) + ".reduce((a, b) => a + b, 0)", ATOM

    def call_max(self, *xs):
        inner = "..." + self.e(xs[0]) if len(xs) == 1 else ", ".join(self.e(x) for x in xs)
        return "Math.max(" + inner + ")", ATOM

    def call_min(self, *xs):
        return "Math.min" + self.call_max(*xs)[0][8:], ATOM

    def call_abs(self, x):
        return "Math.abs(" + self.e(x) + ")", ATOM

    def call_sorted(self, x):
        if self.type_of(x).startswith("dict"):
            return "[..." + self.e(x) + ".keys()].sort()", ATOM
        order = "(a, b) => a - b" if self.type_of(x) == "list[int]" else ""
        return "[..." + self.e(x) + "].sort(" + order + ")", ATOM

    def call_list(self, x):
        return "[..." + self.e(x) + "]", ATOM

    def call_str(self, x):
        return "String(" + self.e(x) + ")", ATOM

    def call_int(self, x):
        return "Number(" + self.e(x) + ")", ATOM

    def call_ord(self, x):
        return self.e(x, ATOM) + ".charCodeAt(0)", ATOM

    def call_chr(self, x):
        return "String.fromCharCode(" + self.e(x) + ")", ATOM

    def on_get(self, d, key, default):
        return self.e(d) + ".get(" + self.e(key) + ") ?? " + self.e(default), TERNARY

    def on_upper(self, s):
        return self.e(s, ATOM) + ".toUpperCase()", ATOM

    def on_lower(self, s):
        return self.e(s, ATOM) + ".toLowerCase()", ATOM

    def on_strip(self, s):
        return self.e(s, ATOM) + ".trim()", ATOM

    def on_split(self, s, sep):
        return self.e(s, ATOM) + ".split(" + self.e(sep) + ")", ATOM

    def on_join(self, sep, xs):
        return self.e(xs, ATOM) + ".join(" + self.e(sep) + ")", ATOM

    def on_pop(self, xs, index=None):
        return self.e(xs, ATOM) + (".pop()" if index is None else ".shift()") + ("!" if self.typed else ""), ATOM

    def on_isdigit(self, c):
        return "/[0-9]/.test(" + self.e(c) + ")", ATOM

    def on_isalpha(self, c):
        return "/[A-Za-z]/.test(" + self.e(c) + ")", ATOM

    def on_isupper(self, c):
        return "/[A-Z]/.test(" + self.e(c) + ")", ATOM

    def on_startswith(self, s, t):
        return self.e(s, ATOM) + ".startsWith(" + self.e(t) + ")", ATOM

    def on_endswith(self, s, t):
        return self.e(s, ATOM) + ".endsWith(" + self.e(t) + ")", ATOM


class TypeScript(JavaScript):
    typed = True
