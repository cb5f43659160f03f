"""The printer of Go."""
import ast
from emit_brace import Brace
from subset import *


class Go(Brace):
    indent = "\t"
    end = ""
    open_test = close_test = ""
    expands_comprehensions = expands_choices = True
    self_name = "self"

    def type_name(self, kind):
        if kind.startswith("list"):
            return "[]" + self.type_name(kind[5:-1])
        if kind.startswith("dict"):
            return "map[string]int"
        return {"str": "string", "char": "rune", "None": ""}.get(kind, kind)

    def name(self, name):
        return camel(name) if name not in ("len", "type", "range", "map", "func", "string") else name + "_"

    def program(self):
        self.imports = {"fmt"}
        for item in self.order:
            if isinstance(item, Record):
                self.record(item)
            else:
                self.function("func " + self.name(item.name), item)
            self.put()
        self.enter_main()
        self.put("func main() {")
        self.block(self.main)
        self.put("}")
        body = self.text()
        if "fmt." not in body:
            self.imports.discard("fmt")
        names = sorted(self.imports)
        if len(names) == 1:
            head = 'import "%s"\n' % names[0]
        else:
            head = "import (\n" + "".join('\t"%s"\n' % n for n in names) + ")\n"
        return "package main\n\n" + (head + "\n" if names else "") + body

    def function(self, head, f):
        skip = self.doc(f)
        self.enter(f)
        params = ", ".join(self.name(n) + " " + self.type_name(t) for n, t in f.params)
        returns = self.type_name(f.returns)
        self.function_lines("%s(%s)%s" % (head, params, " " + returns if returns else ""), f, skip)

    def record(self, item):
        self.put("type %s struct {" % item.name)
        width = max(len(self.name(n)) for n, _, _ in item.fields)
        for n, t, _ in item.fields:
            self.put("\t%s %s" % (self.name(n).ljust(width), self.type_name(t)))
        self.put("}")
        for m in item.methods.values():
            self.put()
            self.receiver = item.name[0].lower()
            while any(self.receiver == n for n, _ in m.params):
                self.receiver += "s"
            self.self_name = self.receiver
            self.function("func (%s *%s) %s" % (self.receiver, item.name, pascal(m.name)), m)

    def method_call(self, owner, function, args):
        return self.e(owner, ATOM) + "." + pascal(function.name) + "(" + ", ".join(self.e(a) for a in args) + ")"

    def construct(self, record, args):
        pairs = [self.name(n) + ": " + self.e(a) for (n, _), a in zip(record.given, args)]
        for n, t, v in record.fields:
            if v is not None and not (isinstance(v, ast.Constant) and not v.value) and not (
                    isinstance(v, ast.List) and not v.elts):
                pairs.append(self.name(n) + ": " + ("map[string]int{}" if t.startswith("dict") else self.e(v)))
        return ("&" if record.methods else "") + record.name + "{" + ", ".join(pairs) + "}"

    def assign(self, name, kind, value):
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in ("max", "min") and len(
                value.args) == 2:
            a, b = value.args
            if isinstance(b, ast.Name) and b.id == name:
                a, b = b, a
            if not (isinstance(a, ast.Name) and a.id == name):
                self.rebound.add(name)
                self.plain_assign(name, "int", a, not self.declared(name))
            test = ast.Compare(b, [ast.Gt() if value.func.id == "max" else ast.Lt()], [ast.Name(name)])
            return self.do_If(ast.If(test, [ast.Assign([ast.Name(name)], b)], []))
        super().assign(name, kind, value)

    def compare(self, left, op, right):
        if self.type_of(left) == self.type_of(right) == "char" and isinstance(left, ast.Subscript) != isinstance(
                right, ast.Subscript) and not isinstance(left, ast.Constant) and not isinstance(right, ast.Constant):
            return self.rune(left) + " " + COMPARE[type(op)] + " " + self.rune(right), CMP
        return super().compare(left, op, right)

    def declare(self, name, kind, value):
        n = self.name(name)
        if kind == "char":
            return self.put("%s := %s" % (n, self.rune(value)))
        if is_call(value, "sorted") or is_call(value, "list"):
            xs = value.args[0]
            if self.type_of(xs).startswith("dict"):
                self.imports.add("sort")
                self.put("%s := make([]string, 0, len(%s))" % (n, self.e(xs)))
                self.put("for key := range %s {" % self.e(xs))
                self.put("\t%s = append(%s, key)" % (n, n))
                self.put("}")
                self.put("sort.Strings(%s)" % n)
                return
            self.put("%s := append(%s(nil), %s...)" % (n, self.type_name(kind), self.e(xs)))
            if value.func.id == "sorted":
                self.imports.add("sort")
                self.put("sort.%s(%s)" % ("Ints" if kind == "list[int]" else "Strings", n))
            return
        if is_call(value, "int"):
            self.imports.add("strconv")
            return self.put("%s, _ := strconv.Atoi(%s)" % (n, self.e(value.args[0])))
        if isinstance(value, ast.List) and not value.elts:
            return self.put("var %s %s" % (n, self.type_name(kind)))
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "pop":
            xs = self.e(value.func.value)
            if value.args:
                self.put("%s := %s[0]" % (n, xs))
                return self.put("%s = %s[1:]" % (xs, xs))
            self.put("%s := %s[len(%s)-1]" % (n, xs, xs))
            return self.put("%s = %s[:len(%s)-1]" % (xs, xs, xs))
        if isinstance(value, ast.List) and self.element(kind) in self.records:
            self.put("%s := []%s{" % (n, self.element(kind)))
            for x in value.elts:
                self.put("\t{" + ", ".join(self.e(a) for a in x.args) + "},")
            return self.put("}")
        self.put("%s := %s" % (n, self.e(value)))

    def do_Return(self, stmt):
        v = stmt.value
        if isinstance(v, ast.Call) and (isinstance(v.func, ast.Attribute) and v.func.attr == "pop" or isinstance(
                v.func, ast.Name) and v.func.id in ("sorted", "list", "max", "min")):
            name = "last" if isinstance(v.func, ast.Attribute) else "result"
            self.assign(name, self.current.returns, v)
            stmt = ast.Return(ast.Name(name))
        super().do_Return(stmt)

    def assign_pair(self, left, right):
        fresh = isinstance(left[0], ast.Name) and not self.declared(left[0].id)
        if fresh:
            for t, v in zip(left, right):
                self.env[t.id] = self.type_of(v)
                self.scopes[-1].add(t.id)
        self.put(", ".join(self.e(t) for t in left) + (" := " if fresh else " = ") + ", ".join(self.e(v) for v in right))

    def do_AugAssign(self, stmt):
        if isinstance(stmt.op, (ast.Add, ast.Sub)) and isinstance(stmt.value, ast.Constant) and stmt.value.value == 1:
            return self.put(self.e(stmt.target) + ("++" if isinstance(stmt.op, ast.Add) else "--"))
        if self.type_of(stmt.target) == "str" and self.type_of(stmt.value) == "char":
            return self.put(self.e(stmt.target) + " += string(" + self.e(stmt.value) + ")")
        super().do_AugAssign(stmt)

    def do_While(self, stmt):
        always = isinstance(stmt.test, ast.Constant)
        self.put("for " + ("" if always else self.e(stmt.test) + " ") + "{")
        self.block(stmt.body)
        self.put("}")

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
        if v == "_":
            v, move = "turn", "turn++"
        self.loop("for %s := %s; %s %s %s; %s" % (v, self.e(low), v, compare, self.e(high, ADD), move), stmt, {name: "int"})

    def indexed_loop(self, stmt, i, x, xs, kind):
        self.loop("for %s, %s := range %s" % (self.name(i), self.name(x), self.e(xs)), stmt, {i: "int", x: kind})

    def key_loop(self, stmt, key, d):
        keys = "names" if not self.declared("names") else "keys"
        self.assign(keys, "list[str]", ast.Call(ast.Name("sorted"), [d], []))
        self.each_loop(stmt, key, ast.Name(keys), "str")

    def each_loop(self, stmt, x, xs, kind):
        self.loop("for _, %s := range %s" % (self.name(x), self.e(xs)), stmt, {x: kind})

    def show(self, args):
        parts = self.parts(args)
        if len(args) == 1 and not isinstance(args[0], ast.JoinedStr):
            kind = self.type_of(args[0])
            if kind == "list[str]":
                return self.put('fmt.Printf("%q\\n", ' + self.e(args[0]) + ")")
            return self.put("fmt.Println(" + self.e(args[0]) + ")")
        self.put("fmt.Printf(" + self.pattern(parts, "\\n") + ")")

    def pattern(self, parts, tail=""):
        verbs = {"int": "%d", "str": "%s", "char": "%c", "bool": "%t"}
        text = "".join(p.replace("%", "%%") if isinstance(p, str) else verbs.get(self.type_of(p), "%v") for p in parts)
        return '"' + text + tail + '"' + "".join(", " + self.e(p) for p in parts if not isinstance(p, str))

    def format(self, node):
        return "fmt.Sprintf(" + self.pattern(self.parts([node])) + ")", ATOM

    def check(self, left, right):
        if self.type_of(left).startswith("list"):
            raise Unsupported("list check")
        self.put("if " + self.e(ast.Compare(left, [ast.NotEq()], [right])) + " {")
        self.put('\tpanic("unexpected result")')
        self.put("}")

    def bump(self, d, key, amount):
        one = isinstance(amount, ast.Constant) and amount.value == 1
        self.put("%s[%s]%s" % (self.e(d), self.e(key), "++" if one else " += " + self.e(amount)))

    def append(self, xs, value):
        self.put("%s = append(%s, %s)" % (self.e(xs), self.e(xs), self.e(value)))

    def expression(self, node):
        if isinstance(node, ast.Dict):
            return "map[string]int{}", ATOM
        return super().expression(node)

    def choose(self, node):
        raise Unsupported("conditional expression")

    def concat(self, left, right):
        sides = []
        for n in (left, right):
            text = self.e(n, ADD)
            sides.append("string(" + text + ")" if self.type_of(n) == "char" else text)
        return " + ".join(sides), ADD

    def list_literal(self, node):
        return self.type_name(self.type_of(node)) + "{" + ", ".join(self.e(x) for x in node.elts) + "}"

    def item(self, value, index):
        if last_of(index):
            return "%s[len(%s)-%s]" % (self.e(value, ATOM), self.e(value), self.e(index.operand))
        if isinstance(index, ast.BinOp) and not isinstance(index.left, ast.BinOp):
            # gofmt sets no blanks around the operator of a simple index.
            return self.e(value, ATOM) + "[" + self.e(index).replace(" ", "") + "]"
        return super().item(value, index)

    def repeat(self, value, count):
        if isinstance(value, ast.Constant) and not value.value:
            return "make([]%s, %s)" % (self.type_name(self.type_of(value)), self.e(count))
        raise Unsupported("repeat")

    def contains(self, left, right):
        kind = self.type_of(right)
        if kind == "str" and self.type_of(left) == "char":
            self.imports.add("strings")
            return "strings.ContainsRune(" + self.e(right) + ", " + self.e(left) + ")", ATOM
        if kind == "str":
            self.imports.add("strings")
            return "strings.Contains(" + self.e(right) + ", " + self.e(left) + ")", ATOM
        raise Unsupported("in")

    def slice(self, value, lower, upper):
        return "%s[%s:%s]" % (self.e(value, ATOM), self.e(lower) if lower else "", self.e(upper) if upper else "")

    def call_len(self, x):
        return "len(" + self.e(x) + ")", ATOM

    def call_str(self, x):
        self.imports.add("strconv")
        return "strconv.Itoa(" + self.e(x) + ")", ATOM

    def call_ord(self, x):
        if isinstance(x, ast.Constant):
            return self.char(x.value), ATOM
        return "int(" + self.e(x) + ")", ATOM

    def call_chr(self, x):
        return "rune(" + self.e(x) + ")", ATOM

    def on_get(self, d, key, default):
        if isinstance(default, ast.Constant) and default.value == 0:
            return self.e(d) + "[" + self.e(key) + "]", ATOM
        raise Unsupported("get")

    def strings(self, verb, *args):
        self.imports.add("strings")
        return "strings.%s(%s)" % (verb, ", ".join(self.e(a) for a in args)), ATOM

    def on_upper(self, s):
        if self.type_of(s) == "char":
            self.imports.add("unicode")
            return "unicode.ToUpper(" + self.rune(s) + ")", ATOM
        return self.strings("ToUpper", s)

    def on_lower(self, s):
        if self.type_of(s) == "char":
            self.imports.add("unicode")
            return "unicode.ToLower(" + self.rune(s) + ")", ATOM
        return self.strings("ToLower", s)

    def on_strip(self, s):
        return self.strings("TrimSpace", s)

    def on_split(self, s, sep):
        return self.strings("Split", s, sep)

    def on_join(self, sep, xs):
        return self.strings("Join", xs, sep)

    def on_startswith(self, s, t):
        return self.strings("HasPrefix", s, t)

    def on_endswith(self, s, t):
        return self.strings("HasSuffix", s, t)

    def unicode(self, verb, c):
        self.imports.add("unicode")
        return "unicode.%s(%s)" % (verb, self.rune(c)), ATOM

    def rune(self, c):
        """An indexed text gives a byte; the unicode package wants a rune."""
        return "rune(" + self.e(c) + ")" if isinstance(c, ast.Subscript) else self.e(c)

    def on_isdigit(self, c):
        return self.unicode("IsDigit", c)

    def on_isalpha(self, c):
        return self.unicode("IsLetter", c)

    def on_isupper(self, c):
        return self.unicode("IsUpper", c)
