"""The printer of Rust. Integers are i64; a loop over positions keeps its usize where it only indexes."""
import ast
from emit_brace import Brace
from subset import *


class Rust(Brace):
    open_test = close_test = ""

    def __init__(self, source):
        super().__init__(source)
        self.index, self.owned = set(), set()

    def name(self, name):
        return name if name not in ("type", "match", "move", "loop", "box", "ref", "in") else name + "_"

    def type_name(self, kind, place="own"):
        if kind.startswith("list"):
            inner = kind[5:-1]
            if inner == "str":
                return "&[&str]" if place == "param" else "Vec<String>"
            inner = self.type_name(inner)
            return "&[" + inner + "]" if place == "param" else "Vec<" + inner + ">"
        if kind.startswith("dict"):
            return ("&" if place == "param" else "") + "BTreeMap<String, i64>"
        if kind == "str":
            return {"param": "&str", "field": "&'static str"}.get(place, "String")
        if kind in self.records and place == "param":
            return "&" + kind
        return {"int": "i64"}.get(kind, kind)

    def program(self):
        for item in self.order:
            if isinstance(item, Record):
                self.record(item)
            else:
                self.function(item)
            self.put()
        self.enter_main()
        self.index, self.owned = set(), set()
        self.put("fn main() {")
        self.block(self.main)
        self.put("}")
        body = self.text()
        return ("use std::collections::BTreeMap;\n\n" if "BTreeMap" in body else "") + body

    def doc(self, f):
        doc = note_of(f.node.body[0])
        if doc:
            self.put("/// " + doc)
        return 1 if doc else 0

    def function(self, f):
        skip = self.doc(f)
        self.enter(f)
        self.index, self.owned = set(), set()
        params = []
        if f.owner:
            params.append("&mut self" if changes_self(f) else "&self")
        for n, t in f.params:
            params.append(("mut " if n in self.rebound else "") + self.name(n) + ": " + self.type_name(t, "param"))
        arrow = "" if f.returns == "None" else " -> " + self.type_name(f.returns)
        self.put("fn %s(%s)%s {" % (self.name(f.name), ", ".join(params), arrow))
        body = f.node.body[skip:]
        self.level += 1
        for stmt in body:
            self.statement(stmt)
        if isinstance(body[-1], ast.Return) and self.lines[-1].strip().startswith("return "):
            line = self.lines[-1]
            self.lines[-1] = line.replace("return ", "", 1)[:-1]
        self.level -= 1
        self.put("}")

    def record(self, item):
        if not item.methods:
            self.put("#[derive(Clone, Copy)]")
        self.put("struct %s {" % item.name)
        for n, t, _ in item.fields:
            self.put("    %s: %s," % (self.name(n), self.type_name(t, "field")))
        self.put("}")
        if not item.methods:
            return
        self.put()
        self.put("impl %s {" % item.name)
        self.level += 1
        self.put("fn new(%s) -> Self {" % ", ".join(n + ": " + self.type_name(t, "field") for n, t in item.given))
        self.env = {}
        values = [n if v is None else n + ": " + self.fresh(t, v) for n, t, v in item.fields]
        self.put("    Self { " + ", ".join(values) + " }")
        self.put("}")
        for m in item.methods.values():
            self.put()
            self.function(m)
        self.level -= 1
        self.put("}")

    def fresh(self, kind, value):
        if isinstance(value, ast.List) and not value.elts:
            return "Vec::new()"
        if isinstance(value, ast.Dict):
            return "BTreeMap::new()"
        return self.e(value)

    def construct(self, record, args):
        if record.methods:
            return record.name + "::new(" + ", ".join(self.e(a) for a in args) + ")"
        pairs = []
        for (n, _), a in zip(record.given, args):
            text = self.e(a)
            pairs.append(n if n == text else n + ": " + text)
        return record.name + " { " + ", ".join(pairs) + " }"

    def is_owned_text(self, node):
        if isinstance(node, (ast.JoinedStr, ast.BinOp)):
            return True
        if isinstance(node, ast.Call):
            return not (isinstance(node.func, ast.Attribute) and node.func.attr == "strip")
        if isinstance(node, ast.Name):
            return node.id in self.owned
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and not isinstance(node.slice, ast.Slice):
            return node.value.id in self.owned
        return False

    def own(self, node):
        text = self.e(node)
        if self.type_of(node) != "str" or self.is_owned_text(node) and not isinstance(node, ast.Subscript):
            return text
        if self.is_owned_text(node):
            return text + ".clone()"
        return (text if isinstance(node, (ast.Constant, ast.Name)) else self.e(node, ATOM)) + ".to_string()"

    def borrow(self, node):
        """An argument where a reference is wanted."""
        kind = self.type_of(node)
        text = self.e(node)
        if kind == "str":
            return "&" + text if self.is_owned_text(node) else text
        if kind.startswith(("list", "dict")) or kind in self.records:
            if isinstance(node, ast.Name) and (node.id in self.params or node.id in self.refs()):
                return text
            if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
                return text
            return "&" + text
        return text

    def refs(self):
        return getattr(self, "ref_names", set())

    def user_call(self, function, args):
        return self.name(function.name) + "(" + ", ".join(self.borrow(a) for a in args) + ")"

    def method_call(self, owner, function, args):
        return self.e(owner, ATOM) + "." + self.name(function.name) + "(" + ", ".join(self.borrow(a) for a in args) + ")"

    def declare(self, name, kind, value):
        word = "let mut " if name in self.rebound | self.changed else "let "
        mark = ""
        if isinstance(value, ast.List) and not value.elts:
            text = "Vec::new()"
            mark = ": " + self.type_name(kind) if kind != "list[int]" or self.current is None else ": Vec<i64>"
            self.owned.add(name)
        elif isinstance(value, ast.Dict):
            text, mark = "BTreeMap::new()", ": BTreeMap<String, i64>"
        elif is_call(value, "sorted") and not self.type_of(value.args[0]).startswith("dict"):
            self.put("let mut %s = %s.to_vec();" % (self.name(name), self.e(value.args[0], ATOM)))
            self.put("%s.sort();" % self.name(name))
            return
        elif kind == "str" and (name in self.rebound or name in self.changed):
            text = "String::new()" if isinstance(value, ast.Constant) and not value.value else self.own(value)
            self.owned.add(name)
        else:
            text = self.e(value)
            if kind == "str" and self.is_owned_text(value):
                self.owned.add(name)
            if isinstance(value, ast.Call) and kind == "list[str]":
                if isinstance(value.func, ast.Attribute) and value.func.attr == "split":
                    mark = ": Vec<&str>"
                else:
                    self.owned.add(name)
            if isinstance(value, ast.ListComp):
                mark = ": " + self.type_name(kind)
            if isinstance(value, ast.Subscript) and (kind.startswith("list")):
                text = "&" + text if not text.startswith("&") else text
                self.ref_names = self.refs() | {name}
        if kind == "list[char]":
            mark = ": Vec<char>"
        self.put(word + self.name(name) + mark + " = " + text + ";")

    def rebind(self, name, value):
        text = self.own(value) if name in self.owned and self.env[name] == "str" else self.fresh(None, value)
        self.put(self.name(name) + " = " + text + ";")

    def assign_pair(self, left, right):
        if isinstance(left[0], ast.Name) and not self.declared(left[0].id):
            for t, v in zip(left, right):
                self.assign(t.id, self.type_of(v), v)
            return
        if isinstance(left[0], ast.Subscript) and ast.unparse(left[0]) == ast.unparse(right[1]) and ast.unparse(
                left[1]) == ast.unparse(right[0]):
            xs = self.e(left[0].value, ATOM)
            return self.put("%s.swap(%s, %s);" % (xs, self.at(left[0].slice), self.at(left[1].slice)))
        self.put("(" + ", ".join(self.e(t) for t in left) + ") = (" + ", ".join(self.e(v) for v in right) + ");")

    def give(self, value):
        if value is None:
            return self.put("return;")
        text = self.own(value) if self.current.returns == "str" else self.e(value)
        if isinstance(value, ast.Name) and value.id in self.params and self.current.returns.startswith("list"):
            text += ".to_vec()"
        if isinstance(value, ast.Attribute) and self.current.returns.startswith("list"):
            text += ".clone()"
        if isinstance(value, ast.List) and not value.elts:
            text = "Vec::new()"
        self.put("return " + text + ";")

    def do_AugAssign(self, stmt):
        if self.type_of(stmt.target) == "str":
            verb = "push" if self.type_of(stmt.value) == "char" else "push_str"
            if isinstance(stmt.value, ast.Constant):
                arg = self.quote(stmt.value.value)
            else:
                arg = self.e(stmt.value) if verb == "push" else self.borrow(stmt.value)
            return self.put("%s.%s(%s);" % (self.e(stmt.target), verb, arg))
        super().do_AugAssign(stmt)

    def do_While(self, stmt):
        always = isinstance(stmt.test, ast.Constant)
        self.put("loop {" if always else "while " + self.e(stmt.test) + " {")
        self.block(stmt.body)
        self.put("}")

    def used_name(self, name, body):
        for stmt in body:
            for n in ast.walk(stmt):
                if isinstance(n, ast.Name) and n.id == name:
                    return self.name(name)
        return "_"

    def count_loop(self, stmt, name, *args):
        low, high, step = (ast.Constant(0), args[0], None) if len(args) == 1 else (args + (None,))[:3]
        v = self.used_name(name, stmt.body)
        self.env[name] = "int"
        if is_call(high, "len") and isinstance(low, ast.Constant) and step is None:
            self.index.add(name)
            self.loop("for %s in %s..%s.len()" % (v, self.e(low), self.e(high.args[0], ATOM)), stmt, {name: "int"})
            self.index.discard(name)
            return
        if step is not None and last_of(step):
            bottom = "0" if last_of(high) else self.e(ast.BinOp(high, ast.Add(), ast.Constant(1))) if not isinstance(
                high, ast.Constant) else str(high.value + 1)
            head = "(%s..=%s).rev()" % (bottom, self.e(low, ADD))
        elif step is not None:
            head = "(%s..%s).step_by(%s)" % (self.e(low, ADD), self.e(high, ADD), self.at(step))
        else:
            head = "%s..%s" % (self.e(low, ADD), self.e(high, ADD))
        self.loop("for %s in %s" % (v, head), stmt, {name: "int"})

    def source(self, xs):
        text = self.e(xs, ATOM)
        if isinstance(xs, ast.Name) and (xs.id in self.params or xs.id in self.refs()):
            return text
        return text if text.startswith("&") else "&" + text

    def pattern(self, x, kind, xs):
        copied = kind in ("int", "bool") or kind in self.records and not self.records[kind].methods
        if kind == "str":
            copied = not (isinstance(xs, ast.Name) and xs.id in self.owned)
        return "&" + self.name(x) if copied and kind not in self.records else self.name(x)

    def indexed_loop(self, stmt, i, x, xs, kind):
        self.index.add(i)
        if kind == "char":
            head = "for (%s, %s) in %s.chars().enumerate()" % (self.name(i), self.name(x), self.e(xs, ATOM))
        else:
            head = "for (%s, %s) in %s.iter().enumerate()" % (self.name(i), self.pattern(x, kind, xs), self.e(xs, ATOM))
        self.loop(head, stmt, {i: "int", x: kind})
        self.index.discard(i)

    def key_loop(self, stmt, key, d):
        self.loop("for %s in %s.keys()" % (self.name(key), self.e(d, ATOM)), stmt, {key: "str"})

    def each_loop(self, stmt, x, xs, kind):
        if kind == "char":
            return self.loop("for %s in %s.chars()" % (self.name(x), self.e(xs, ATOM)), stmt, {x: kind})
        if kind.startswith("list") or kind in self.records:
            self.ref_names = self.refs() | {x}
        if isinstance(xs, ast.Call) and isinstance(xs.func, ast.Attribute) and xs.func.attr == "split":
            head = "for %s in %s" % (self.name(x), self.e(xs).replace(".collect()", ""))
            return self.loop(head, stmt, {x: kind})
        self.loop("for %s in %s" % (self.pattern(x, kind, xs), self.source(xs)), stmt, {x: kind})

    def show(self, args):
        if len(args) == 1 and not isinstance(args[0], ast.JoinedStr):
            hole = "{:?}" if self.type_of(args[0]).startswith("list") else "{}"
            return self.put('println!("%s", %s);' % (hole, self.e(args[0])))
        self.put("println!(" + self.macro(self.parts(args)) + ");")

    def macro(self, parts):
        text, rest = "", []
        for p in parts:
            if isinstance(p, str):
                text += p.replace("{", "{{").replace("}", "}}")
            elif isinstance(p, ast.Name) and p.id != "self":
                text += "{" + self.name(p.id) + "}"
            else:
                text += "{}"
                rest.append(self.e(p))
        return '"' + text + '"' + "".join(", " + r for r in rest)

    def format(self, node):
        return "format!(" + self.macro(self.parts([node])) + ")", ATOM

    def check(self, left, right):
        if isinstance(right, ast.Constant) and isinstance(right.value, bool):
            self.put("assert!(" + ("" if right.value else "!") + self.e(left, UNARY) + ");")
        else:
            self.put("assert_eq!(" + self.e(left) + ", " + self.e(right) + ");")

    def bump(self, d, key, amount):
        self.put("*%s.entry(%s).or_insert(0) += %s;" % (self.e(d, ATOM), self.own(key), self.e(amount)))

    def append(self, xs, value):
        self.put(self.e(xs, ATOM) + ".push(" + self.own(value) + ");")

    def store(self, target, value):
        if isinstance(target, ast.Subscript) and self.type_of(target.value).startswith("dict"):
            self.put("%s.insert(%s, %s);" % (self.e(target.value, ATOM), self.own(target.slice), self.e(value)))
        else:
            self.put(self.e(target) + " = " + self.e(value) + ";")

    def expression(self, node):
        if isinstance(node, ast.Name) and node.id in self.index:
            return self.name(node.id) + " as i64", UNARY - 0.5
        return super().expression(node)

    def compare(self, left, op, right):
        if is_call(left, "len") and is_call(right, "len"):
            a, b = (self.e(n.args[0], ATOM) + ".len()" for n in (left, right))
            return a + " " + COMPARE[type(op)] + " " + b, CMP
        if is_call(left, "len") and isinstance(right, ast.Constant):
            return self.e(left.args[0], ATOM) + ".len() %s %d" % (COMPARE[type(op)], right.value), CMP
        if isinstance(left, ast.Name) and left.id in self.index and isinstance(right, ast.Constant) and right.value >= 0:
            return self.name(left.id) + " %s %d" % (COMPARE[type(op)], right.value), CMP
        return super().compare(left, op, right)

    def side(self, node, other):
        text = super().side(node, other)
        return "(" + text + ")" if text.endswith((" as i64", " as usize")) else text

    def at(self, node):
        """An index: usize where every name in it is one, else a cast."""
        if isinstance(node, ast.Constant):
            return str(node.value)
        names = [n for n in ast.walk(node) if isinstance(n, ast.Name)]
        simple = all(isinstance(n, (ast.Name, ast.Constant, ast.BinOp, ast.Add, ast.Sub, ast.Load)) for n in ast.walk(node))
        if simple and names and all(n.id in self.index for n in names):
            saved, self.index = self.index, set()
            text = self.e(node)
            self.index = saved
            return text
        return self.e(node, UNARY) + " as usize"

    def choose(self, node):
        return "if %s { %s } else { %s }" % (self.e(node.test), self.e(node.body), self.e(node.orelse))

    def concat(self, left, right):
        pieces = []

        def flat(n):
            if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Add) and self.type_of(n) == "str":
                flat(n.left)
                flat(n.right)
            elif isinstance(n, ast.Constant):
                pieces.append(n.value)
            else:
                pieces.append(n)
        flat(left)
        flat(right)
        return "format!(" + self.macro(pieces) + ")", ATOM

    def list_literal(self, node):
        return "vec![" + ", ".join(self.e(x) for x in node.elts) + "]"

    def item(self, value, index):
        kind = self.type_of(value)
        if kind == "str":
            if isinstance(index, ast.Constant):
                return "%s.chars().nth(%d).unwrap()" % (self.e(value, ATOM), index.value) if index.value else (
                    self.e(value, ATOM) + ".chars().next().unwrap()")
            raise Unsupported("character at a position")
        if kind.startswith("dict"):
            return self.e(value, ATOM) + "[" + self.borrow(index) + "]"
        if last_of(index):
            v = self.e(value, ATOM)
            return "%s[%s.len() - %s]" % (v, v, self.e(index.operand))
        return self.e(value, ATOM) + "[" + self.at(index) + "]"

    def repeat(self, value, count):
        return "vec![%s; %s]" % (self.e(value), self.at(count))

    def contains(self, left, right):
        kind = self.type_of(right)
        if kind.startswith("dict"):
            return self.e(right, ATOM) + ".contains_key(" + self.borrow(left) + ")", ATOM
        if kind.startswith("list"):
            return self.e(right, ATOM) + ".contains(&" + self.e(left, UNARY) + ")", ATOM
        return self.e(right, ATOM) + ".contains(" + self.borrow(left) + ")", ATOM

    def slice(self, value, lower, upper):
        if self.type_of(value) == "str" and lower is None and upper is None:
            raise Unsupported("slice")
        low = self.at(lower) if lower else ""
        high = self.at(upper) if upper else ""
        return "&%s[%s..%s]" % (self.e(value, ATOM), low, high)

    def iterate(self, gen):
        if is_call(gen.iter, "range"):
            args = gen.iter.args
            text = "(%s..%s)" % ("0" if len(args) == 1 else self.e(args[0], ADD), self.e(args[-1], ADD))
        elif self.type_of(gen.iter) == "str":
            text = self.e(gen.iter, ATOM) + ".chars()"
        elif self.type_of(gen.iter) in ("list[int]",):
            text = self.e(gen.iter, ATOM) + ".iter().copied()"
        else:
            text = self.e(gen.iter, ATOM) + ".iter()"
        if gen.ifs:
            v = self.name(gen.target.id)
            copied = self.env[gen.target.id] in ("int", "char")
            text += ".filter(|%s%s| %s)" % ("&" if copied else "", v, self.e(gen.ifs[0]))
        return text

    def comprehension(self, node):
        gen = node.generators[0]
        saved = self.bind_comprehension(gen)
        v = gen.target.id
        kind = self.env[v]
        if self.type_of(node.elt) in ("str",) or kind.startswith("list"):
            self.ref_names = self.refs() | {v}
        text = self.iterate(gen)
        if not (isinstance(node.elt, ast.Name) and node.elt.id == v) or kind == "str":
            text += ".map(|%s| %s)" % (self.name(v), self.own(node.elt))
        self.unbind(saved)
        return text + ".collect()"

    def reduce(self, verb, comp):
        gen = comp.generators[0]
        saved = self.bind_comprehension(gen)
        v = self.name(gen.target.id)
        text = self.iterate(gen)
        strength = ATOM
        if verb == "sum":
            if isinstance(comp.elt, ast.Constant):
                text, strength = text + ".count() as i64", UNARY - 0.5
            else:
                text += ("" if isinstance(comp.elt, ast.Name) else ".map(|%s| %s)" % (v, self.e(comp.elt))) + ".sum::<i64>()"
        else:
            text += ".%s(|%s| %s)" % (verb, v, self.e(comp.elt))
        self.unbind(saved)
        return text, strength

    def call_len(self, x):
        return self.e(x, ATOM) + ".len() as i64", UNARY - 0.5

    def call_sum(self, x):
        return self.e(x, ATOM) + ".iter().sum::<i64>()", ATOM

    def call_max(self, *xs):
        return self.extreme("max", xs)

    def call_min(self, *xs):
        return self.extreme("min", xs)

    def extreme(self, verb, xs):
        if len(xs) == 1:
            return "*%s.iter().%s().unwrap()" % (self.e(xs[0], ATOM), verb), UNARY
        if isinstance(xs[0], ast.Constant):
            xs = xs[::-1]
        return "%s.%s(%s)" % (self.e(xs[0], ATOM), verb, self.e(xs[1])), ATOM

    def call_abs(self, x):
        return self.e(x, ATOM) + ".abs()", ATOM

    def call_list(self, x):
        return self.e(x, ATOM) + ".to_vec()", ATOM

    def call_str(self, x):
        return self.e(x, ATOM) + ".to_string()", ATOM

    def call_int(self, x):
        return self.e(x, ATOM) + ".parse::<i64>().unwrap()", ATOM

    def call_ord(self, x):
        if isinstance(x, ast.Constant):
            return self.char(x.value) + " as i64", UNARY - 0.5
        return self.e(x, ATOM) + " as i64", UNARY - 0.5

    def call_chr(self, x):
        return "(" + self.e(x) + ") as u8 as char", UNARY - 0.5

    def on_get(self, d, key, default):
        return "*%s.get(%s).unwrap_or(&%s)" % (self.e(d, ATOM), self.borrow(key), self.e(default)), UNARY

    def case(self, s, verb):
        if self.type_of(s) == "char":
            return "%s.to_ascii_%s()" % (self.e(s, ATOM), verb), ATOM
        return "%s.to_%s()" % (self.e(s, ATOM), verb), ATOM

    def on_upper(self, s):
        return self.case(s, "uppercase")

    def on_lower(self, s):
        return self.case(s, "lowercase")

    def on_strip(self, s):
        return self.e(s, ATOM) + ".trim()", ATOM

    def on_split(self, s, sep):
        return self.e(s, ATOM) + ".split(" + self.e(sep) + ").collect()", ATOM

    def on_join(self, sep, xs):
        return self.e(xs, ATOM) + ".join(" + self.e(sep) + ")", ATOM

    def on_pop(self, xs, index=None):
        return self.e(xs, ATOM) + (".pop().unwrap()" if index is None else ".remove(0)"), ATOM

    def on_isdigit(self, c):
        return self.e(c, ATOM) + ".is_ascii_digit()", ATOM

    def on_isalpha(self, c):
        return self.e(c, ATOM) + ".is_alphabetic()", ATOM

    def on_isupper(self, c):
        return self.e(c, ATOM) + ".is_uppercase()", ATOM

    def on_startswith(self, s, t):
        return self.e(s, ATOM) + ".starts_with(" + self.borrow(t) + ")", ATOM

    def on_endswith(self, s, t):
        return self.e(s, ATOM) + ".ends_with(" + self.borrow(t) + ")", ATOM
