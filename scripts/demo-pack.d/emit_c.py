"""The printers of C and C++."""
import ast
from emit_brace import Brace
from subset import *

CAPACITY = 64


class C(Brace):
    counter = "int "
    expands_comprehensions = True
    self_name = "self"

    def name(self, name):
        return name if name not in ("double", "short", "long", "register", "switch", "char", "float") else name + "_"

    def type_name(self, kind):
        simple = {"int": "int", "str": "const char *", "char": "char", "bool": "bool", "None": "void"}
        if kind in simple:
            return simple[kind]
        if kind in self.records:
            return kind
        raise Unsupported(kind)

    def typed(self, kind, name):
        t = self.type_name(kind)
        return t + ("" if t.endswith("*") else " ") + name

    def parameter(self, name, kind):
        n = self.name(name)
        if kind.startswith("list"):
            element = kind[5:-1]
            if element.startswith("list"):
                raise Unsupported("nested list")
            const = "" if element == "str" else "const "
            return "%s%s, int %s_count" % (const, self.typed(element, "*" + n if element == "int" or element in self.records else n + "[]"), n)
        return self.typed(kind, n)

    def program(self):
        self.uncounted = set()
        for item in self.order:
            if isinstance(item, Record):
                self.record(item)
            else:
                self.function(item)
            self.put()
        self.enter_main()
        self.arrays = {}
        self.out = None
        self.put("int main(void) {")
        self.block(self.main)
        self.put("    return 0;")
        self.put("}")
        body = self.without_unread_counts(self.text())
        heads = []
        for mark, head in (("assert(", "assert"), ("isdigit(", "ctype"), ("isalpha(", "ctype"), ("isupper(", "ctype"),
                           ("toupper(", "ctype"), ("tolower(", "ctype"), ("bool ", "stdbool"), ("true", "stdbool"),
                           ("printf(", "stdio"), ("abs(", "stdlib"), ("atoi(", "stdlib"), ("strlen(", "string"),
                           ("strcmp(", "string"), ("strchr(", "string")):
            if mark in body and head not in heads:
                heads.append(head)
        return "".join("#include <%s.h>\n" % h for h in sorted(heads)) + "\n" + body

    @staticmethod
    def without_unread_counts(body):
        lines = body.splitlines()
        for line in list(lines):
            words = line.split()
            if len(words) > 2 and words[0] == "int" and words[1].endswith("_count") and body.count(words[1]) == 1:
                lines.remove(line)
        return "\n".join(lines) + "\n"

    def record(self, item):
        self.put("typedef struct {")
        for n, t, _ in item.fields:
            if t == "list[int]":
                self.put("    int %s[%d];" % (n, CAPACITY))
                self.put("    int %s_count;" % n)
            else:
                self.put("    " + self.typed(t, n) + ";")
        self.put("} %s;" % item.name)
        for m in item.methods.values():
            self.put()
            self.function(m)

    def function(self, f):
        skip = self.doc(f)
        self.enter(f)
        self.arrays = {}
        self.out = None
        params = [self.parameter(n, t) for n, t in f.params]
        if f.owner:
            params.insert(0, ("" if changes_self(f) else "const ") + f.owner + " *self")
        returns = f.returns
        if returns == "list[int]":
            made = {s.value.id for s in ast.walk(f.node) if isinstance(s, ast.Return) and isinstance(s.value, ast.Name)}
            comps = [s for s in ast.walk(f.node) if isinstance(s, ast.Return) and isinstance(s.value, ast.ListComp)]
            if comps:
                made.add("result")
            gives = [s for s in ast.walk(f.node) if isinstance(s, ast.Return)]
            if len(made) != 1 or len(gives) != 1 or made & self.params:
                raise Unsupported("list result")
            self.out = made.pop()
            params.append("int *%s" % self.name(self.out))
            returns = "int"
        elif returns == "str" and not all(isinstance(s.value, (ast.Constant, ast.Attribute, ast.Subscript)) for s in ast.walk(
                f.node) if isinstance(s, ast.Return)):
            names = [s.value for s in ast.walk(f.node) if isinstance(s, ast.Return)]
            if not all(isinstance(n, ast.Name) and n.id not in self.built_texts(f) for n in names):
                raise Unsupported("text result")
        head = len(self.lines)
        self.put("%s(%s) {" % (self.typed(returns, self.function_name(f)), ", ".join(params) or "void"))
        self.block(f.node.body[skip:])
        self.put("}")
        # A length that is never read is not passed at all.
        for n, t in f.params:
            count = self.name(n) + "_count"
            if t.startswith("list") and not any(count in line for line in self.lines[head + 1:]):
                self.lines[head] = self.lines[head].replace(", int " + count, "")
                self.uncounted.add((f.name, n))

    def built_texts(self, f):
        return {s.target.id for s in ast.walk(f.node) if isinstance(s, ast.AugAssign) and isinstance(s.target, ast.Name)}

    def function_name(self, f):
        return f.owner.lower() + "_" + f.name if f.owner else self.name(f.name)

    def arguments(self, function, args):
        texts = []
        for a, (n, _) in zip(args, function.params):
            texts.append(self.e(a))
            if self.type_of(a).startswith("list") and (function.name, n) not in self.uncounted:
                texts.append(self.count(a))
        return texts

    def count(self, node):
        return self.e(node, ATOM) + "_count"

    def user_call(self, function, args):
        if function.returns == "list[int]":
            raise Unsupported("list call")
        return self.name(function.name) + "(" + ", ".join(self.arguments(function, args)) + ")"

    def method_call(self, owner, function, args):
        text = self.e(owner)
        if not (isinstance(owner, ast.Name) and owner.id == "self"):
            text = "&" + text
        return self.function_name(function) + "(" + ", ".join([text] + self.arguments(function, args)) + ")"

    def field(self, node):
        arrow = "->" if isinstance(node.value, ast.Name) and node.value.id == "self" else "."
        return self.e(node.value, ATOM) + arrow + node.attr

    def construct(self, record, args):
        values = ["." + n + " = " + self.e(a) for (n, _), a in zip(record.given, args)]
        values += ["." + n + " = " + self.e(v) for n, t, v in record.fields
                   if v is not None and not t.startswith(("list", "dict")) and not (isinstance(v, ast.Constant) and not v.value)]
        if not record.methods:
            return "{" + ", ".join(self.e(a) for a in args) + "}"
        return "{" + ", ".join(values or ["0"]) + "}"

    def declare(self, name, kind, value):
        n = self.name(name)
        if kind.startswith("list"):
            element = kind[5:-1]
            if element.startswith("list") or element == "char":
                raise Unsupported("nested list")
            if isinstance(value, ast.List) and not value.elts:
                if element != "int":
                    raise Unsupported("list of texts")
                if name != self.out:
                    self.put("int %s[%d];" % (n, CAPACITY))
                return self.put("int %s_count = 0;" % n)
            if isinstance(value, ast.List):
                size = "[]" if name not in self.changed else "[%d]" % CAPACITY
                self.put("%s%s = {%s};" % (self.typed(element, n), size, ", ".join(self.e(x) for x in value.elts)))
                if size == "[]":
                    return self.put("int %s_count = sizeof %s / sizeof %s[0];" % (n, n, n))
                return self.put("int %s_count = %d;" % (n, len(value.elts)))
            if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in self.functions:
                self.put("int %s[%d];" % (n, CAPACITY))
                args = ", ".join(self.arguments(self.functions[value.func.id], value.args) + [n])
                return self.put("int %s_count = %s(%s);" % (n, self.name(value.func.id), args))
            if is_call(value, "list") and element == "int":
                xs = self.e(value.args[0])
                if name != self.out:
                    self.put("int %s[%d];" % (n, CAPACITY))
                self.put("int %s_count = %s_count;" % (n, xs))
                self.put("for (int k = 0; k < %s_count; k++) {" % n)
                self.put("    %s[k] = %s[k];" % (n, xs))
                return self.put("}")
            if isinstance(value, ast.BinOp) and element == "int":
                if not (isinstance(value.left, ast.List) and isinstance(value.left.elts[0], ast.Constant)
                        and value.left.elts[0].value == 0) or name == self.out:
                    raise Unsupported("repeat")
                return self.put("int %s[%d] = {0};" % (n, CAPACITY))
            raise Unsupported("list value")
        if kind == "str" and name in self.rebound and self.current and any(
                isinstance(s, ast.AugAssign) and isinstance(s.target, ast.Name) and s.target.id == name
                for s in ast.walk(self.current.node)):
            raise Unsupported("built text")
        self.put("%s = %s;" % (self.typed(kind, n), self.e(value)))

    def plain_assign(self, name, kind, value, fresh):
        if not fresh and kind.startswith("list"):
            raise Unsupported("list assignment")
        super().plain_assign(name, kind, value, fresh)

    def give(self, value):
        if self.out:
            return self.put("return %s_count;" % self.name(self.out))
        super().give(value)

    def assign_pair(self, left, right):
        if isinstance(left[0], ast.Name) and not self.declared(left[0].id):
            for t, v in zip(left, right):
                self.assign(t.id, self.type_of(v), v)
            return
        self.put("%s = %s;" % (self.typed(self.type_of(right[0]), "swap"), self.e(right[0])))
        self.put("%s = %s;" % (self.e(left[1]), self.e(right[1])))
        self.put("%s = swap;" % self.e(left[0]))

    def do_AugAssign(self, stmt):
        if self.type_of(stmt.target) == "str":
            raise Unsupported("text append")
        if isinstance(stmt.op, (ast.Add, ast.Sub)) and isinstance(stmt.value, ast.Constant) and stmt.value.value == 1:
            return self.put(self.e(stmt.target) + ("++;" if isinstance(stmt.op, ast.Add) else "--;"))
        super().do_AugAssign(stmt)

    def indexed_loop(self, stmt, i, x, xs, kind):
        n, text = self.name(i), self.e(xs)
        test = "%s[%s] != '\\0'" % (text, n) if kind == "char" else "%s < %s" % (n, self.count(xs))
        self.env.update({i: "int", x: kind})
        self.put("for (int %s = 0; %s; %s++) {" % (n, test, n))
        self.put("    %s = %s[%s];" % (self.typed(kind, self.name(x)), text, n))
        self.scopes.append({i, x})
        self.block(stmt.body)
        self.scopes.pop()
        self.put("}")

    def each_loop(self, stmt, x, xs, kind):
        free = [n for n in "ijkpq" if not self.declared(n) and n != x]
        self.indexed_loop(stmt, free[0], x, xs, kind)

    def key_loop(self, *args):
        raise Unsupported("dictionary")

    def show(self, args):
        a = args[0]
        if len(args) == 1 and self.type_of(a).startswith("list"):
            if not isinstance(a, ast.Name) or self.type_of(a) != "list[int]":
                raise Unsupported("list print")
            self.put("for (int i = 0; i < %s; i++) {" % self.count(a))
            self.put('    printf("%%d%%s", %s[i], i + 1 < %s ? ", " : "\\n");' % (self.e(a), self.count(a)))
            return self.put("}")
        parts = self.parts(args) if isinstance(a, ast.JoinedStr) or len(args) > 1 else [a]
        self.put("printf(" + self.pattern(parts) + ");")

    def pattern(self, parts):
        verbs = {"int": "%d", "str": "%s", "char": "%c", "bool": "%s"}
        text = "".join(p.replace("%", "%%") if isinstance(p, str) else verbs[self.type_of(p)] for p in parts)
        rest = ""
        for p in parts:
            if not isinstance(p, str):
                t = self.e(p, OR)
                rest += ", " + (t + ' ? "true" : "false"' if self.type_of(p) == "bool" else t)
        return '"' + text + '\\n"' + rest

    def check(self, left, right):
        if isinstance(right, ast.Constant) and isinstance(right.value, bool):
            return self.put("assert(" + ("" if right.value else "!") + self.e(left, UNARY) + ");")
        self.put("assert(" + self.e(ast.Compare(left, [ast.Eq()], [right])) + ");")

    def bump(self, *args):
        raise Unsupported("dictionary")

    def append(self, xs, value):
        if self.type_of(xs) != "list[int]":
            raise Unsupported("append")
        self.put("%s[%s++] = %s;" % (self.e(xs), self.count(xs), self.e(value)))

    def format(self, node):
        raise Unsupported("format")

    def concat(self, left, right):
        raise Unsupported("concatenation")

    def expression(self, node):
        if isinstance(node, ast.Dict):
            raise Unsupported("dictionary")
        return super().expression(node)

    def list_literal(self, node):
        raise Unsupported("list literal in an expression")

    def compare(self, left, op, right):
        if isinstance(op, (ast.Eq, ast.NotEq)) and self.type_of(left) == "str" and self.type_of(right) == "str":
            return "strcmp(%s, %s) %s 0" % (self.e(left), self.e(right), COMPARE[type(op)]), CMP
        return super().compare(left, op, right)

    def item(self, value, index):
        if last_of(index):
            size = "strlen(" + self.e(value) + ")" if self.type_of(value) == "str" else self.count(value)
            return "%s[%s - %s]" % (self.e(value, ATOM), size, self.e(index.operand))
        return super().item(value, index)

    def contains(self, left, right):
        if self.type_of(right) == "str" and self.type_of(left) == "char":
            return "strchr(%s, %s) != NULL" % (self.e(right), self.e(left)), CMP
        raise Unsupported("in")

    def call_len(self, x):
        if self.type_of(x) == "str":
            return "(int)strlen(" + self.e(x) + ")", UNARY
        return self.count(x), ATOM

    def call_max(self, a, b=None):
        return self.extreme(a, b, ">")

    def call_min(self, a, b=None):
        return self.extreme(a, b, "<")

    def extreme(self, a, b, sign):
        if b is None:
            raise Unsupported("extreme of a list")
        x, y = self.e(a, ADD), self.e(b, ADD)
        return "%s %s %s ? %s : %s" % (x, sign, y, x, y), TERNARY

    def call_abs(self, x):
        return "abs(" + self.e(x) + ")", ATOM

    def call_ord(self, x):
        return (self.char(x.value) if isinstance(x, ast.Constant) else self.e(x)), ATOM

    def call_chr(self, x):
        return "(char)(" + self.e(x) + ")", UNARY

    def call_int(self, x):
        return "atoi(" + self.e(x) + ")", ATOM

    def character(self, verb, c):
        return "%s(%s)" % (verb, self.e(c)), ATOM

    def on_isdigit(self, c):
        return self.character("isdigit", c)

    def on_isalpha(self, c):
        return self.character("isalpha", c)

    def on_isupper(self, c):
        return self.character("isupper", c)

    def on_pop(self, xs, index=None):
        if index is not None:
            raise Unsupported("pop from the front")
        return "%s[--%s]" % (self.e(xs, ATOM), self.count(xs)), ATOM
