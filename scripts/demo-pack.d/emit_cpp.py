"""The printer of C++."""
import ast
from emit_brace import Brace
from subset import *


class Cpp(Brace):
    counter = "int "
    expands_comprehensions = True
    self_name = "this"

    def name(self, name):
        return name if name not in ("double", "short", "long", "register", "switch", "char", "float", "union", "delete") else name + "_"

    def type_name(self, kind, place="own"):
        if kind.startswith("list"):
            text = "std::vector<" + self.type_name(kind[5:-1]) + ">"
        elif kind.startswith("dict"):
            text = "std::map<std::string, int>"
        else:
            text = {"str": "std::string", "None": "void"}.get(kind, kind)
            if kind not in ("str",) and kind not in self.records:
                return text
        return "const " + text + "&" if place == "param" else text

    def program(self):
        for item in self.order:
            if isinstance(item, Record):
                self.record(item)
            else:
                self.function(item)
            self.put()
        self.enter_main()
        self.put("int main() {")
        self.block(self.main)
        self.put("}")
        body = self.text()
        marks = (("std::max(", "algorithm"), ("std::min(", "algorithm"), ("std::sort(", "algorithm"), ("_element(", "algorithm"),
                 ("_of(", "algorithm"), ("std::count_if(", "algorithm"), ("std::swap(", "utility"), ("assert(", "cassert"),
                 ("std::is", "cctype"), ("std::to", "cctype"), ("std::abs(", "cstdlib"), ("std::cout", "iostream"),
                 ("std::map<", "map"), ("std::accumulate(", "numeric"), ("std::string", "string"), ("std::to_string(", "string"),
                 ("std::vector<", "vector"))
        heads = {h for m, h in marks if m in body}
        if "cctype" in heads and "std::is" not in body and "std::toupper" not in body and "std::tolower" not in body:
            heads.discard("cctype")
        return "".join("#include <%s>\n" % h for h in sorted(heads)) + "\n" + body

    def record(self, item):
        if not item.methods:
            self.put("struct %s {" % item.name)
            for n, t, _ in item.fields:
                self.put("    %s %s;" % (self.type_name(t), n))
            return self.put("};")
        self.put("class %s {" % item.name)
        self.put("public:")
        self.level += 1
        if item.given:
            args = ", ".join(self.type_name(t) + " " + n for n, t in item.given)
            self.put("explicit %s(%s) : %s {}" % (item.name, args, ", ".join("%s(%s)" % (n, n) for n, _ in item.given)))
            self.put()
        for i, m in enumerate(item.methods.values()):
            if i:
                self.put()
            self.function(m)
        self.level -= 1
        self.put()
        self.put("private:") if not self.reads_fields(item) else None
        self.env = {}
        for n, t, v in item.fields:
            tail = "" if v is None or isinstance(v, (ast.List, ast.Dict)) else " = " + self.e(v)
            self.put("    %s %s%s;" % (self.type_name(t), n, tail))
        self.put("};")

    def reads_fields(self, item):
        """Whether code outside the class reads a field."""
        trees = self.main + [f.node for f in self.functions.values()]
        return any(isinstance(n, ast.Attribute) and n.attr in item.types and not is_method(n, item)
                   for t in trees for n in ast.walk(t))

    def function(self, f):
        skip = self.doc(f)
        self.enter(f)
        params = []
        for n, t in f.params:
            place = "own" if n in self.rebound else "param"
            params.append(self.type_name(t, place) + " " + self.name(n))
        const = " const" if f.owner and not changes_self(f) else ""
        self.function_lines("%s %s(%s)%s" % (self.type_name(f.returns), self.name(f.name), ", ".join(params), const), f, skip)

    def field(self, node):
        if isinstance(node.value, ast.Name) and node.value.id == "self":
            clash = self.current and any(n == node.attr for n, _ in self.current.params)
            return ("this->" if clash else "") + node.attr
        return super().field(node)

    def method_call(self, owner, function, args):
        if isinstance(owner, ast.Name) and owner.id == "self":
            return self.name(function.name) + "(" + ", ".join(self.e(a) for a in args) + ")"
        return super().method_call(owner, function, args)

    def construct(self, record, args):
        body = ", ".join(self.e(a) for a in args)
        return record.name + ("(" + body + ")" if record.methods and args else "{" + body + "}")

    def declare(self, name, kind, value):
        n = self.name(name)
        const = "const " if name not in self.rebound | self.changed and (kind.startswith("list") or kind == "str") else ""
        if isinstance(value, ast.List) and not value.elts or isinstance(value, ast.Dict):
            return self.put("%s %s;" % (self.type_name(kind), n))
        if isinstance(value, ast.List):
            inner = ", ".join(self.braced(x) for x in value.elts)
            return self.put("%s%s %s = {%s};" % (const, self.type_name(kind), n, inner))
        if is_call(value, "sorted"):
            if self.type_of(value.args[0]).startswith("dict"):
                raise Unsupported("sorted keys")
            self.put("auto %s = %s;" % (n, self.e(value.args[0])))
            return self.put("std::sort(%s.begin(), %s.end());" % (n, n))
        if isinstance(value, ast.BinOp) and kind.startswith("list"):
            zero = isinstance(value.left.elts[0], ast.Constant) and not value.left.elts[0].value
            extra = "" if zero else ", " + self.e(value.left.elts[0])
            return self.put("%s %s(%s%s);" % (self.type_name(kind), n, self.e(value.right), extra))
        if isinstance(value, ast.Constant) and value.value == "":
            return self.put("std::string %s;" % n)
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "pop":
            xs = self.e(value.func.value)
            front = bool(value.args)
            self.put("%s %s = %s.%s();" % (self.type_name(kind), n, xs, "front" if front else "back"))
            return self.put("%s.%s;" % (xs, "erase(%s.begin())" % xs if front else "pop_back()"))
        if kind in self.records and isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == kind:
            args = ", ".join(self.e(a) for a in value.args)
            return self.put("%s %s%s;" % (kind, n, "(" + args + ")" if self.records[kind].methods and args else
                                          "{" + args + "}" if args else ""))
        if kind.startswith("list"):
            return self.put("%sauto %s = %s;" % (const, n, self.e(value)))
        self.put("%s%s %s = %s;" % (const, self.type_name(kind), n, self.e(value)))

    def braced(self, node):
        if isinstance(node, ast.List):
            return "{" + ", ".join(self.braced(x) for x in node.elts) + "}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in self.records:
            return "{" + ", ".join(self.e(a) for a in node.args) + "}"
        return self.e(node)

    def give(self, value):
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "pop":
            self.assign("last", self.current.returns, value)
            value = ast.Name("last")
        super().give(value)

    def assign_pair(self, left, right):
        if isinstance(left[0], ast.Name) and not self.declared(left[0].id):
            for t, v in zip(left, right):
                self.assign(t.id, self.type_of(v), v)
            return
        if ast.unparse(left[0]) == ast.unparse(right[1]) and ast.unparse(left[1]) == ast.unparse(right[0]):
            return self.put("std::swap(%s, %s);" % (self.e(left[0]), self.e(left[1])))
        self.put("%s swap = %s;" % (self.type_name(self.type_of(right[0])), self.e(right[0])))
        self.put("%s = %s;" % (self.e(left[1]), self.e(right[1])))
        self.put("%s = swap;" % self.e(left[0]))

    def do_AugAssign(self, stmt):
        if isinstance(stmt.op, (ast.Add, ast.Sub)) and isinstance(stmt.value, ast.Constant) and stmt.value.value == 1:
            return self.put(("++" if isinstance(stmt.op, ast.Add) else "--") + self.e(stmt.target) + ";")
        super().do_AugAssign(stmt)

    def indexed_loop(self, stmt, i, x, xs, kind):
        n, text = self.name(i), self.e(xs)
        self.env.update({i: "int", x: kind})
        self.put("for (int %s = 0; %s < static_cast<int>(%s.size()); %s++) {" % (n, n, text, n))
        self.put("    %s %s = %s[%s];" % (self.type_name(kind, "param"), self.name(x), text, n))
        self.scopes.append({i, x})
        self.block(stmt.body)
        self.scopes.pop()
        self.put("}")

    def key_loop(self, stmt, key, d):
        before = len(self.lines)
        self.loop("for (const auto& [%s, value] : %s)" % (self.name(key), self.e(d)), stmt, {key: "str"})
        read = "%s.at(%s)" % (self.e(d), self.name(key))
        body = self.lines[before + 1:]
        if any(read in line for line in body):
            self.lines[before + 1:] = [line.replace(read, "value") for line in body]
        else:
            self.lines[before] = self.lines[before].replace("[%s, value]" % self.name(key), "[%s, _]" % self.name(key))

    def each_loop(self, stmt, x, xs, kind):
        self.loop("for (%s %s : %s)" % (self.type_name(kind, "param"), self.name(x), self.e(xs)), stmt, {x: kind})

    def show(self, args):
        a = args[0]
        if len(args) == 1 and self.type_of(a).startswith("list"):
            free = "x" if not self.declared("x") else "item"
            self.put("for (%s %s : %s) {" % (self.type_name(self.element(self.type_of(a)), "param"), free, self.e(a)))
            self.put("    std::cout << %s << ' ';" % free)
            self.put("}")
            return self.put("std::cout << '\\n';")
        parts = self.parts(args) if isinstance(a, ast.JoinedStr) or len(args) > 1 else [a]
        out = []
        for p in parts:
            if isinstance(p, str):
                out.append(self.quote(p))
            elif self.type_of(p) == "bool":
                out.append("std::boolalpha << " + self.e(p, ADD))
            else:
                out.append(self.e(p, ADD))
        self.put("std::cout << " + " << ".join(out) + " << '\\n';")

    def format(self, node):
        texts = []
        for p in self.parts([node]):
            if isinstance(p, str):
                texts.append(self.quote(p))
            else:
                kind = self.type_of(p)
                texts.append(self.e(p, ADD) if kind == "str" else "std::string(1, %s)" % self.e(p) if kind == "char" else
                             "std::to_string(" + self.e(p) + ")")
        if texts[0].startswith('"') and (len(texts) < 2 or texts[1].startswith('"')):
            texts[0] = "std::string(" + texts[0] + ")"
        return " + ".join(texts), ADD

    def check(self, left, right):
        if isinstance(right, ast.Constant) and isinstance(right.value, bool):
            return self.put("assert(" + ("" if right.value else "!") + self.e(left, UNARY) + ");")
        self.put("assert(" + self.e(ast.Compare(left, [ast.Eq()], [right])) + ");")

    def bump(self, d, key, amount):
        one = isinstance(amount, ast.Constant) and amount.value == 1
        self.put("%s%s[%s]%s;" % ("++" if one else "", self.e(d), self.e(key), "" if one else " += " + self.e(amount)))

    def append(self, xs, value):
        self.put(self.e(xs, ATOM) + ".push_back(" + self.e(value) + ");")

    def expression(self, node):
        if isinstance(node, ast.Dict):
            return "{}", ATOM
        return super().expression(node)

    def concat(self, left, right):
        def literal(n):
            return isinstance(n, ast.Constant) or self.type_of(n) == "char"
        if literal(left) and literal(right):
            raise Unsupported("two literals")
        return super().concat(left, right)

    def list_literal(self, node):
        return self.type_name(self.type_of(node)) + self.braced(node)

    def item(self, value, index):
        if self.type_of(value).startswith("dict"):
            return self.e(value, ATOM) + ".at(" + self.e(index) + ")"
        if last_of(index):
            v = self.e(value, ATOM)
            return v + ".back()" if index.operand.value == 1 else "%s[%s.size() - %s]" % (v, v, self.e(index.operand))
        return super().item(value, index)

    def store(self, target, value):
        if isinstance(target, ast.Subscript) and self.type_of(target.value).startswith("dict"):
            return self.put("%s[%s] = %s;" % (self.e(target.value), self.e(target.slice), self.e(value)))
        super().store(target, value)

    def compare(self, left, op, right):
        if isinstance(op, ast.NotIn) and self.type_of(right).startswith("dict"):
            return "%s.count(%s) == 0" % (self.e(right, ATOM), self.e(left)), CMP
        return super().compare(left, op, right)

    def contains(self, left, right):
        kind, r = self.type_of(right), self.e(right, ATOM)
        if kind.startswith("dict"):
            return "%s.count(%s) > 0" % (r, self.e(left)), CMP
        if kind == "str":
            if isinstance(right, ast.Constant):
                r = "std::string(" + r + ")"
            return "%s.find(%s) != std::string::npos" % (r, self.e(left)), CMP
        raise Unsupported("in")

    def slice(self, value, lower, upper):
        if self.type_of(value) != "str":
            raise Unsupported("slice")
        low = self.e(lower) if lower else "0"
        if upper is None:
            return self.e(value, ATOM) + ".substr(" + low + ")"
        length = self.e(upper) if lower is None else self.e(upper, ADD) + " - " + self.e(lower, MUL)
        return self.e(value, ATOM) + ".substr(" + low + ", " + length + ")"

    def reduce(self, verb, comp):
        gen = comp.generators[0]
        if is_call(gen.iter, "range"):
            raise Unsupported("range")
        saved = self.bind_comprehension(gen)
        kind = self.type_name(self.env[gen.target.id], "param")
        xs, v = self.e(gen.iter, ATOM), self.name(gen.target.id)
        ends = "%s.begin(), %s.end(), [&](%s %s) { return " % (xs, xs, kind, v)
        if verb == "sum" and isinstance(comp.elt, ast.Constant) and gen.ifs:
            text = "std::count_if(" + ends + self.e(gen.ifs[0]) + "; })"
        elif verb in ("any", "all") and not gen.ifs:
            text = "std::%s_of(" % verb + ends + self.e(comp.elt) + "; })"
        else:
            raise Unsupported("generator")
        self.unbind(saved)
        return text, ATOM

    def do_Return(self, stmt):
        v = stmt.value
        if isinstance(v, ast.Call) and v.args and isinstance(v.args[0], ast.GeneratorExp):
            try:
                return self.put("return " + self.reduce(v.func.id, v.args[0])[0] + ";")
            except Unsupported:
                pass
        super().do_Return(stmt)

    def call_len(self, x):
        return "static_cast<int>(" + self.e(x, ATOM) + ".size())", ATOM

    def call_sum(self, x):
        x = self.e(x, ATOM)
        return "std::accumulate(%s.begin(), %s.end(), 0)" % (x, x), ATOM

    def call_max(self, *xs):
        if len(xs) == 1:
            x = self.e(xs[0], ATOM)
            return "*std::max_element(%s.begin(), %s.end())" % (x, x), UNARY
        return "std::max(" + ", ".join(self.e(x) for x in xs) + ")", ATOM

    def call_min(self, *xs):
        text, strength = self.call_max(*xs)
        return text.replace("std::max", "std::min", 1), strength

    def call_abs(self, x):
        return "std::abs(" + self.e(x) + ")", ATOM

    def call_list(self, x):
        return self.e(x), ATOM

    def call_str(self, x):
        return "std::to_string(" + self.e(x) + ")", ATOM

    def call_int(self, x):
        return "std::stoi(" + self.e(x) + ")", ATOM

    def call_ord(self, x):
        return (self.char(x.value) if isinstance(x, ast.Constant) else self.e(x)), ATOM

    def call_chr(self, x):
        return "static_cast<char>(" + self.e(x) + ")", ATOM

    def on_get(self, d, key, default):
        d, key = self.e(d, ATOM), self.e(key)
        return "%s.count(%s) ? %s.at(%s) : %s" % (d, key, d, key, self.e(default)), TERNARY

    def character(self, verb, c):
        if self.type_of(c) != "char":
            raise Unsupported("text case")
        return "std::%s(%s)" % (verb, self.e(c)), ATOM

    def on_isdigit(self, c):
        return self.character("isdigit", c)

    def on_isalpha(self, c):
        return self.character("isalpha", c)

    def on_isupper(self, c):
        return self.character("isupper", c)

    def on_upper(self, c):
        text, strength = self.character("toupper", c)
        return "static_cast<char>(" + text + ")", strength

    def on_lower(self, c):
        text, strength = self.character("tolower", c)
        return "static_cast<char>(" + text + ")", strength

    def on_startswith(self, s, t):
        return "%s.rfind(%s, 0) == 0" % (self.e(s, ATOM), self.e(t)), CMP


def is_method(node, item):
    return node.attr in item.methods
