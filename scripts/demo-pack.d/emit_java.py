"""The printer of Java."""
import ast
from emit_brace import Brace
from subset import *


class Java(Brace):
    counter = "int "
    self_name = "this"

    def type_name(self, kind, boxed=False):
        if kind.startswith("list"):
            return "List<" + self.type_name(kind[5:-1], True) + ">"
        if kind.startswith("dict"):
            return "Map<String, Integer>"
        if boxed and kind in ("int", "char", "bool"):
            return {"int": "Integer", "char": "Character", "bool": "Boolean"}[kind]
        return {"str": "String", "bool": "boolean", "None": "void"}.get(kind, kind)

    def program(self):
        self.level = 1
        for item in self.order:
            if isinstance(item, Record):
                self.record(item)
            else:
                self.function("static ", item)
            self.put()
        self.enter_main()
        self.put("public static void main(String[] args) {")
        self.block(self.main)
        self.put("}")
        self.level = 0
        body = self.text()
        names = [n for n in ("ArrayList", "Collections", "List", "Map", "TreeMap") if n + "<" in body or n + "." in body]
        if len(names) > 2:
            head = "import java.util.*;\n\n"
        else:
            head = "".join("import java.util.%s;\n" % n for n in names) + ("\n" if names else "")
        return head + "public class Main {\n" + body + "}\n"

    def function(self, prefix, f):
        skip = self.doc(f)
        self.enter(f)
        params = ", ".join(self.type_name(t) + " " + self.name(n) for n, t in f.params)
        self.function_lines("%s%s %s(%s)" % (prefix, self.type_name(f.returns), self.name(f.name), params), f, skip)

    def record(self, item):
        if not item.methods:
            self.put("record %s(%s) {}" % (item.name, ", ".join(self.type_name(t) + " " + self.name(n) for n, t, _ in item.fields)))
            return
        self.put("static class %s {" % item.name)
        self.level += 1
        self.env = {"self": item.name}
        for n, t, v in item.fields:
            tail = "" if v is None else " = " + self.fresh_value(t, v)
            self.put("private " + self.type_name(t) + " " + self.name(n) + tail + ";")
        if item.given:
            self.put()
            self.put("%s(%s) {" % (item.name, ", ".join(self.type_name(t) + " " + self.name(n) for n, t in item.given)))
            for n, t in item.given:
                self.put("    this.%s = %s;" % (self.name(n), self.name(n)))
            self.put("}")
        for m in item.methods.values():
            self.put()
            self.function("", m)
        self.level -= 1
        self.put("}")

    def fresh_value(self, kind, value):
        if isinstance(value, ast.List) and not value.elts:
            return "new ArrayList<>()"
        return self.e(value)

    def declare(self, name, kind, value):
        text = self.fresh_value(kind, value)
        if isinstance(value, ast.List) and value.elts and name in self.changed:
            text = "new ArrayList<>(" + text + ")"
        self.put("%s %s = %s;" % (self.type_name(kind), self.name(name), text))

    def rebind(self, name, value):
        self.put("%s = %s;" % (self.name(name), self.fresh_value(self.env[name], value)))

    def assign_pair(self, left, right):
        if isinstance(left[0], ast.Name) and not self.declared(left[0].id):
            for t, v in zip(left, right):
                self.assign(t.id, self.type_of(v), v)
            return
        kind = self.type_of(right[0])
        self.put("%s swap = %s;" % (self.type_name(kind), self.e(right[0])))
        self.assign_to(left[1], right[1])
        self.assign_to(left[0], None)

    def assign_to(self, target, value):
        text = "swap" if value is None else self.e(value)
        if isinstance(target, ast.Subscript):
            self.put("%s.set(%s, %s);" % (self.e(target.value), self.e(target.slice), text))
        else:
            self.put("%s = %s;" % (self.e(target), text))

    def store(self, target, value):
        if isinstance(target, ast.Subscript):
            verb = "put" if self.type_of(target.value).startswith("dict") else "set"
            self.put("%s.%s(%s, %s);" % (self.e(target.value), verb, self.e(target.slice), self.e(value)))
        else:
            self.put(self.e(target) + " = " + self.fresh_value(self.type_of(target), value) + ";")

    def do_AugAssign(self, stmt):
        if isinstance(stmt.target, ast.Subscript):
            return self.store(stmt.target, ast.BinOp(stmt.target, stmt.op, stmt.value))
        if isinstance(stmt.op, (ast.Add, ast.Sub)) and isinstance(stmt.value, ast.Constant) and stmt.value.value == 1:
            return self.put(self.e(stmt.target) + ("++;" if isinstance(stmt.op, ast.Add) else "--;"))
        super().do_AugAssign(stmt)

    def indexed_loop(self, stmt, i, x, xs, kind):
        n, text = self.name(i), self.e(xs, ATOM)
        size = ".length()" if kind == "char" else ".size()"
        get = ".charAt(" if kind == "char" else ".get("
        self.env.update({i: "int", x: kind})
        self.put("for (int %s = 0; %s < %s%s; %s++) {" % (n, n, text, size, n))
        self.put("%s%s %s = %s%s%s);" % (self.indent, self.type_name(kind), self.name(x), text, get, n))
        self.scopes.append({i, x})
        self.block(stmt.body)
        self.scopes.pop()
        self.put("}")

    def key_loop(self, stmt, key, d):
        self.loop("for (String %s : %s.keySet())" % (self.name(key), self.e(d)), stmt, {key: "str"})

    def each_loop(self, stmt, x, xs, kind):
        text = self.e(xs, ATOM) + (".toCharArray()" if kind == "char" else "")
        self.loop("for (%s %s : %s)" % (self.type_name(kind), self.name(x), text), stmt, {x: kind})

    def show(self, args):
        text = self.e(args[0]) if len(args) == 1 and not isinstance(args[0], ast.JoinedStr) else self.join_parts(self.parts(args))
        self.put("System.out.println(" + text + ");")

    def join_parts(self, parts):
        texts, is_text = [], False
        for p in parts:
            if isinstance(p, str):
                texts.append(self.quote(p))
                is_text = True
            else:
                if not is_text and self.type_of(p) != "str":
                    if not texts:
                        texts.append('""')
                is_text = True
                texts.append(self.e(p, MUL))
        return " + ".join(texts)

    def format(self, node):
        return self.join_parts(self.parts([node])), ADD

    def check(self, left, right):
        kind = self.type_of(left)
        if kind == "bool":
            test = self.e(left, UNARY) if not right.value else "!" + self.e(left, UNARY)
        elif kind == "int":
            test = self.e(left, ADD) + " != " + self.e(right, ADD)
        else:
            test = "!" + self.e(left, ATOM) + ".equals(" + self.e(right) + ")"
        self.put("if (" + test + ") throw new AssertionError();")

    def bump(self, d, key, amount):
        self.put("%s.merge(%s, %s, Integer::sum);" % (self.e(d), self.e(key), self.e(amount)))

    def append(self, xs, value):
        self.put(self.e(xs) + ".add(" + self.e(value) + ");")

    def expression(self, node):
        if isinstance(node, ast.Dict):
            return "new TreeMap<>()", ATOM
        return super().expression(node)

    def compare(self, left, op, right):
        if isinstance(op, (ast.Eq, ast.NotEq)):
            kinds = self.type_of(left), self.type_of(right)
            boxed = all(isinstance(n, ast.Subscript) for n in (left, right)) and kinds == ("int", "int")
            if "str" in kinds and "char" not in kinds or boxed:
                a, b = (right, left) if isinstance(right, ast.Constant) else (left, right)
                text = self.e(left, ATOM) + ".equals(" + self.e(right) + ")"
                return (text, ATOM) if isinstance(op, ast.Eq) else ("!" + text, UNARY)
        return super().compare(left, op, right)

    def concat(self, left, right):
        if self.type_of(left) == "char" and self.type_of(right) == "char":
            raise Unsupported("char + char")
        return super().concat(left, right)

    def field(self, node):
        owner = self.type_of(node.value)
        if isinstance(node.value, ast.Name) and node.value.id == "self":
            clash = self.current and any(n == node.attr for n, _ in self.current.params)
            return ("this." if clash else "") + self.name(node.attr)
        tail = "" if self.records[owner].methods else "()"
        return self.e(node.value, ATOM) + "." + self.name(node.attr) + tail

    def method_call(self, owner, function, args):
        if isinstance(owner, ast.Name) and owner.id == "self":
            return self.name(function.name) + "(" + ", ".join(self.e(a) for a in args) + ")"
        return super().method_call(owner, function, args)

    def item(self, value, index):
        kind = self.type_of(value)
        if last_of(index):
            size = ".length()" if kind == "str" else ".size()"
            index_text = self.e(value, ATOM) + size + " - " + self.e(index.operand)
        else:
            index_text = self.e(index)
        return self.e(value, ATOM) + (".charAt(" if kind == "str" else ".get(") + index_text + ")"

    def construct(self, record, args):
        return "new " + super().construct(record, args)

    def list_literal(self, node):
        return "List.of(" + ", ".join(self.e(x) for x in node.elts) + ")"

    def repeat(self, value, count):
        return "new ArrayList<>(Collections.nCopies(%s, %s))" % (self.e(count), self.e(value))

    def contains(self, left, right):
        kind = self.type_of(right)
        if kind.startswith("dict"):
            return self.e(right, ATOM) + ".containsKey(" + self.e(left) + ")", ATOM
        if kind == "str" and self.type_of(left) == "char":
            return self.e(right, ATOM) + ".indexOf(" + self.e(left) + ") >= 0", CMP
        return self.e(right, ATOM) + ".contains(" + self.e(left) + ")", ATOM

    def slice(self, value, lower, upper):
        verb, size = (".substring(", ".length()") if self.type_of(value) == "str" else (".subList(", ".size()")
        args = [self.e(lower) if lower else "0"]
        if upper:
            args.append(self.e(upper))
        elif verb == ".subList(":
            args.append(self.e(value, ATOM) + size)
        return self.e(value, ATOM) + verb + ", ".join(args) + ")"

    def stream(self, gen):
        if is_call(gen.iter, "range") or not self.type_of(gen.iter).startswith("list"):
            raise Unsupported("stream")
        text = self.e(gen.iter, ATOM) + ".stream()"
        if gen.ifs:
            text += ".filter(%s -> %s)" % (self.name(gen.target.id), self.e(gen.ifs[0]))
        return text

    def effectively_final(self, node):
        for n in ast.walk(node):
            if isinstance(n, ast.Name) and n.id in self.rebound:
                raise Unsupported("captured variable changes")

    def comprehension(self, node):
        gen = node.generators[0]
        self.effectively_final(node)
        saved = self.bind_comprehension(gen)
        v = gen.target.id
        text = self.stream(gen)
        if not (isinstance(node.elt, ast.Name) and node.elt.id == v):
            text += ".map(%s -> %s)" % (self.name(v), self.e(node.elt))
        self.unbind(saved)
        return text + ".toList()"

    def reduce(self, verb, comp):
        gen = comp.generators[0]
        self.effectively_final(comp)
        saved = self.bind_comprehension(gen)
        v = self.name(gen.target.id)
        strength = ATOM
        if verb == "sum":
            text = self.stream(gen)
            if isinstance(comp.elt, ast.Constant):
                text, strength = "(int) " + text + ".count()", UNARY
            else:
                text += ".mapToInt(%s -> %s).sum()" % (v, self.e(comp.elt))
        else:
            text = self.stream(gen) + ".%sMatch(%s -> %s)" % (verb, v, self.e(comp.elt))
        self.unbind(saved)
        return text, strength

    def call_len(self, x):
        return self.e(x, ATOM) + (".length()" if self.type_of(x) == "str" else ".size()"), ATOM

    def call_sum(self, x):
        return self.e(x, ATOM) + ".stream().mapToInt(Integer::intValue).sum()", ATOM

    def call_max(self, *xs):
        head = "Collections.max(" if len(xs) == 1 else "Math.max("
        return head + ", ".join(self.e(x) for x in xs) + ")", ATOM

    def call_min(self, *xs):
        return self.call_max(*xs)[0].replace(".max(", ".min(", 1), ATOM

    def call_abs(self, x):
        return "Math.abs(" + self.e(x) + ")", ATOM

    def call_list(self, x):
        return "new ArrayList<>(" + self.e(x) + ")", ATOM

    def call_sorted(self, x):
        if self.type_of(x).startswith("dict"):
            return "new ArrayList<>(" + self.e(x) + ".keySet())", ATOM
        return self.e(x, ATOM) + ".stream().sorted().toList()", ATOM

    def call_str(self, x):
        return "String.valueOf(" + self.e(x) + ")", ATOM

    def call_int(self, x):
        return "Integer.parseInt(" + self.e(x) + ")", ATOM

    def call_ord(self, x):
        if isinstance(x, ast.Constant):
            return self.char(x.value), ATOM
        return "(int) " + self.e(x, UNARY), UNARY

    def call_chr(self, x):
        return "(char) (" + self.e(x) + ")", UNARY

    def on_get(self, d, key, default):
        return self.e(d) + ".getOrDefault(" + self.e(key) + ", " + self.e(default) + ")", ATOM

    def text_or_char(self, s, verb):
        if self.type_of(s) == "char":
            return "Character.%s(%s)" % (verb, self.e(s)), ATOM
        return self.e(s, ATOM) + "." + verb + "()", ATOM

    def on_upper(self, s):
        return self.text_or_char(s, "toUpperCase")

    def on_lower(self, s):
        return self.text_or_char(s, "toLowerCase")

    def on_strip(self, s):
        return self.e(s, ATOM) + ".strip()", ATOM

    def on_split(self, s, sep):
        return "List.of(" + self.e(s, ATOM) + ".split(" + self.e(sep) + "))", ATOM

    def on_join(self, sep, xs):
        return "String.join(" + self.e(sep) + ", " + self.e(xs) + ")", ATOM

    def on_pop(self, xs, index=None):
        text = self.e(xs, ATOM)
        return "%s.remove(%s)" % (text, "0" if index is not None else text + ".size() - 1"), ATOM

    def on_isdigit(self, c):
        return "Character.isDigit(" + self.e(c) + ")", ATOM

    def on_isalpha(self, c):
        return "Character.isLetter(" + self.e(c) + ")", ATOM

    def on_isupper(self, c):
        return "Character.isUpperCase(" + self.e(c) + ")", ATOM

    def on_startswith(self, s, t):
        return self.e(s, ATOM) + ".startsWith(" + self.e(t) + ")", ATOM

    def on_endswith(self, s, t):
        return self.e(s, ATOM) + ".endsWith(" + self.e(t) + ")", ATOM
