"""The printer of Bash: integers, texts and arrays; a function prints its result and the caller captures it."""
import ast
from emit_brace import Brace
from subset import *


class Bash(Brace):
    indent = "  "
    end = ""
    expands_comprehensions = expands_choices = True

    def name(self, name):
        return name

    def comment(self, text):
        self.put("# " + text)

    def program(self):
        if self.records:
            raise Unsupported("records")
        self.put("#!/usr/bin/env bash")
        self.put()
        for f in self.functions.values():
            skip = self.doc(f)
            self.enter(f)
            self.put(f.name + "() {")
            self.level += 1
            lists = [n for n, t in f.params if t.startswith("list")]
            if len(lists) > 1 or any(t.startswith(("dict", "list[list")) for _, t in f.params):
                raise Unsupported("parameters")
            plain = [n for n, t in f.params if not t.startswith("list")]
            if plain:
                self.put("local " + " ".join('%s="$%d"' % (n, i + 1) if dict(f.params)[n] == "str" else "%s=$%d" % (n, i + 1)
                                             for i, n in enumerate(plain)))
            if lists:
                if plain:
                    self.put("shift" + (" %d" % len(plain) if len(plain) > 1 else ""))
                self.put('local %s=("$@")' % lists[0])
            for stmt in f.node.body[skip:]:
                self.statement(stmt)
            self.level -= 1
            self.put("}")
            self.put()
        self.enter_main()
        for stmt in self.main:
            self.statement(stmt)
        return self.text()

    # Arithmetic text, for inside (( )): names without a dollar sign

    def word(self, node):
        """The value as a shell word."""
        kind = self.type_of(node)
        if isinstance(node, ast.Constant):
            if isinstance(node.value, bool):
                return "1" if node.value else "0"
            return str(node.value) if kind == "int" else self.quote(node.value)
        if isinstance(node, ast.Name):
            return '"${%s[@]}"' % node.id if kind.startswith("list") else ("$" + node.id if kind in ("int", "bool") else '"$%s"' % node.id)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in self.functions:
            f = self.functions[node.func.id]
            order = sorted(range(len(node.args)), key=lambda i: f.params[i][1].startswith("list"))
            return "$(" + " ".join([f.name] + [self.word(node.args[i]) for i in order]) + ")"
        if isinstance(node, ast.Subscript) and kind == "str":
            return '"${' + node.value.id + "[" + self.e(node.slice) + ']}"'
        if kind in ("str", "char"):
            return '"' + self.inside(node) + '"'
        return "$(( " + self.e(node) + " ))"

    def inside(self, node):
        """The value inside double quotes."""
        kind = self.type_of(node)
        if isinstance(node, ast.Constant):
            return str(node.value).replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
        if isinstance(node, ast.Name):
            return "${" + node.id + "[*]}" if kind.startswith("list") else "$" + node.id if kind != "str" else "${" + node.id + "}"
        if isinstance(node, ast.Subscript):
            if kind == "char":
                return "${" + node.value.id + ":" + self.e(node.slice) + ":1}"
            return "${" + node.value.id + "[" + self.e(node.slice) + "]}"
        if isinstance(node, ast.JoinedStr):
            return "".join(self.inside(ast.Constant(p)) if isinstance(p, str) else self.inside(p) for p in self.parts([node]))
        if isinstance(node, ast.BinOp) and kind == "str":
            return self.inside(node.left) + self.inside(node.right)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("upper", "lower"):
            if isinstance(node.func.value, ast.Name):
                return "${" + node.func.value.id + ("^^" if node.func.attr == "upper" else ",,") + "}"
            raise Unsupported("case of an expression")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "str":
            return self.inside(node.args[0])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in self.functions:
            return self.word(node)
        if isinstance(node, ast.Call) and kind == "str":
            raise Unsupported("text call")
        if kind in ("int", "bool"):
            return "$(( " + self.e(node) + " ))"
        raise Unsupported("text")

    def expression(self, node):
        if isinstance(node, ast.Constant) and isinstance(node.value, bool):
            return ("1" if node.value else "0"), ATOM
        if self.type_of(node) in ("str", "char"):
            raise Unsupported("text in arithmetic")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in self.functions:
            return self.word(node), ATOM
        return super().expression(node)

    def test(self, node):
        """A condition as a command."""
        if isinstance(node, ast.BoolOp):
            word = " && " if isinstance(node.op, ast.And) else " || "
            if not self.is_text(node):
                return "(( " + self.e(node) + " ))"
            return word.join("{ " + self.test(v) + "; }" if isinstance(v, ast.BoolOp) else self.test(v) for v in node.values)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) and self.is_text(node.operand):
            return "! " + self.test(node.operand)
        if isinstance(node, ast.Compare) and self.is_text(node):
            left, op, right = node.left, node.ops[0], node.comparators[0]
            if isinstance(op, ast.In):
                return "[[ %s == *%s* ]]" % (self.word(right), self.word(left))
            if isinstance(op, ast.NotIn):
                return "[[ %s != *%s* ]]" % (self.word(right), self.word(left))
            if not isinstance(op, (ast.Eq, ast.NotEq)):
                raise Unsupported("text order")
            return "[[ %s %s %s ]]" % (self.word(left), "==" if isinstance(op, ast.Eq) else "!=", self.word(right))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("isdigit", "isalpha", "isupper"):
            pattern = {"isdigit": "[0-9]", "isalpha": "[[:alpha:]]", "isupper": "[[:upper:]]"}[node.func.attr]
            return "[[ %s == %s ]]" % (self.word(node.func.value), pattern)
        return "(( " + self.e(node) + " ))"

    def is_text(self, node):
        for n in ast.walk(node):
            if isinstance(n, ast.Compare) and any(self.type_of(x) in ("str", "char") for x in [n.left] + n.comparators):
                return True
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr.startswith("is"):
                return True
        return False

    def do_If(self, stmt, head="if"):
        self.put(head + " " + self.test(stmt.test) + "; then")
        self.block(stmt.body)
        rest = stmt.orelse
        if len(rest) == 1 and isinstance(rest[0], ast.If):
            return self.do_If(rest[0], "elif")
        if rest:
            self.put("else")
            self.block(rest)
        self.put("fi")

    def do_While(self, stmt):
        always = isinstance(stmt.test, ast.Constant)
        self.put("while " + ("true" if always else self.test(stmt.test)) + "; do")
        self.block(stmt.body)
        self.put("done")

    def loop(self, head, stmt, names):
        self.env.update(names)
        if self.current:
            fresh = [n for n in names if not self.declared(n)]
            self.scopes[0].update(fresh)
            if fresh:
                self.put("local " + " ".join(fresh))
        self.put(head + "; do")
        self.block(stmt.body)
        self.put("done")

    def count_loop(self, stmt, name, *args):
        self.env[name] = "int"
        low, high, step = (ast.Constant(0), args[0], None) if len(args) == 1 else (args + (None,))[:3]
        compare, move = "<", name + "++"
        if step is not None and last_of(step):
            compare, move = ">", name + "--"
        elif step is not None:
            move = name + " += " + self.e(step)
        self.loop("for (( %s = %s; %s %s %s; %s ))" % (name, self.e(low), name, compare, self.e(high, ADD), move), stmt, {name: "int"})

    def indexed_loop(self, stmt, i, x, xs, kind):
        if kind == "char" or not isinstance(xs, ast.Name):
            raise Unsupported("characters with positions")
        if self.current:
            self.put("local %s %s" % (i, x))
            self.scopes[0].update((i, x))
        self.env.update({i: "int", x: kind})
        self.put('for %s in "${!%s[@]}"; do' % (i, xs.id))
        self.put("%s%s=${%s[i]}" % (self.indent, x, xs.id) if i == "i" else "%s%s=${%s[%s]}" % (self.indent, x, xs.id, i))
        self.block(stmt.body)
        self.put("done")

    def key_loop(self, *args):
        raise Unsupported("dictionary")

    def each_loop(self, stmt, x, xs, kind):
        if kind == "char":
            if not isinstance(xs, ast.Name):
                raise Unsupported("characters of an expression")
            free = "i" if not self.declared("i") else "k"
            self.env.update({x: "char"})
            if self.current:
                self.put("local %s %s" % (free, x))
                self.scopes[0].update((free, x))
            self.put("for (( %s = 0; %s < ${#%s}; %s++ )); do" % (free, free, xs.id, free))
            self.put("%s%s=${%s:%s:1}" % (self.indent, x, xs.id, free))
            self.block(stmt.body)
            return self.put("done")
        if not isinstance(xs, ast.Name):
            raise Unsupported("loop over an expression")
        self.loop('for %s in "${%s[@]}"' % (x, xs.id), stmt, {x: kind})

    def block(self, body):
        """Bash variables live in the whole function, so a block opens no scope of its own."""
        self.level += 1
        for stmt in body:
            self.statement(stmt)
        self.level -= 1

    def declare(self, name, kind, value):
        if kind.startswith("dict") or kind.startswith("list[list"):
            raise Unsupported("dictionary")
        self.put(("local " if self.current else "") + name + "=" + self.array_or_word(name, kind, value))

    def rebind(self, name, value):
        self.put(name + "=" + self.array_or_word(name, self.env[name], value))

    def array_or_word(self, name, kind, value):
        if not kind.startswith("list"):
            return self.word(value)
        if isinstance(value, ast.List):
            return "(" + " ".join(self.word(x) for x in value.elts) + ")"
        if isinstance(value, ast.Name) or is_call(value, "list"):
            node = value if isinstance(value, ast.Name) else value.args[0]
            return "(" + self.word(node) + ")"
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in self.functions:
            return "(" + self.word(value) + ")"
        if isinstance(value, ast.BinOp):
            raise Unsupported("repeat")
        if is_call(value, "sorted") and kind == "list[int]":
            return "($(printf '%s\\n' " + self.word(value.args[0]) + " | sort -n))"
        raise Unsupported("list value")

    def store(self, target, value):
        if not isinstance(target, ast.Subscript):
            raise Unsupported("store")
        self.put("%s[%s]=%s" % (target.value.id, self.e(target.slice), self.word(value)))

    def assign_pair(self, left, right):
        if isinstance(left[0], ast.Name) and not self.declared(left[0].id):
            for t, v in zip(left, right):
                self.assign(t.id, self.type_of(v), v)
            return
        if self.current and not self.declared("swap"):
            self.scopes[0].add("swap")
            self.env["swap"] = "int"
            self.put("local swap")
        self.put("swap=" + self.word(right[0]))
        for target, text in ((left[1], self.word(right[1])), (left[0], "$swap")):
            if isinstance(target, ast.Subscript):
                self.put("%s[%s]=%s" % (target.value.id, self.e(target.slice), text))
            else:
                self.put(target.id + "=" + text)

    def do_AugAssign(self, stmt):
        if self.type_of(stmt.target) == "str":
            return self.put("%s+=%s" % (stmt.target.id, self.word(stmt.value)))
        if isinstance(stmt.target, ast.Attribute):
            raise Unsupported("field")
        op = SYMBOL[type(stmt.op)]
        if isinstance(stmt.op, (ast.Add, ast.Sub)) and isinstance(stmt.value, ast.Constant) and stmt.value.value == 1:
            return self.put("(( " + self.e(stmt.target) + (" += 1" if op == "+" else " -= 1") + " ))")
        self.put("(( " + self.e(stmt.target) + " " + op + "= " + self.e(stmt.value) + " ))")

    def give(self, value):
        kind = self.current.returns
        if kind == "None":
            return self.put("return")
        if kind == "bool" and not isinstance(value, (ast.Constant, ast.Name)):
            self.put("if " + self.test(value) + "; then echo 1; else echo 0; fi")
        elif kind.startswith("list") and isinstance(value, ast.List):
            self.put("echo " + " ".join(self.word(x) for x in value.elts))
        else:
            self.put("echo " + self.word(value))
        body = self.current.node.body
        last = body[-1]
        if not (isinstance(last, ast.Return) and self.level == 1):
            self.put("return")

    def show(self, args):
        a = args[0]
        if len(args) == 1 and isinstance(a, ast.Call) and isinstance(a.func, ast.Name) and a.func.id in self.functions:
            return self.put(self.word(a)[2:-1])
        if len(args) == 1 and not isinstance(a, ast.JoinedStr):
            return self.put("echo " + self.word(a))
        self.put('echo "' + "".join(self.inside(ast.Constant(p)) if isinstance(p, str) else self.inside(p)
                                    for p in self.parts(args)) + '"')

    def check(self, left, right):
        self.put("[[ %s == %s ]] || { echo \"unexpected result\" >&2; exit 1; }" % (self.word(left), self.word(right)))

    def bump(self, *args):
        raise Unsupported("dictionary")

    def append(self, xs, value):
        self.put("%s+=(%s)" % (xs.id, self.word(value)))

    def format(self, node):
        raise Unsupported("text in arithmetic")

    def item(self, value, index):
        if not isinstance(value, ast.Name):
            raise Unsupported("nested index")
        return super().item(value, index)

    def call_len(self, x):
        if not isinstance(x, ast.Name):
            raise Unsupported("length of an expression")
        return ("${#%s}" if self.type_of(x) == "str" else "${#%s[@]}") % x.id, ATOM

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
        t = self.e(x)
        return "%s < 0 ? -(%s) : %s" % (self.e(x, ADD), t, t), TERNARY

    def call_int(self, x):
        if isinstance(x, ast.Name):
            return "10#$" + x.id, ATOM
        raise Unsupported("number of an expression")
