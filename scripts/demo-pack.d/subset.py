"""Reads a small typed subset of Python and is the base of the printers for the other languages.

A task is written once as a few Python functions. Each printer walks the same tree, so the programs agree in what they
compute, while every language gets its own idioms (see emit_*.py). What a language has no natural form for raises
Unsupported, and the rows simply leave that language out.
"""
import ast


class Unsupported(Exception):
    """The program has no natural form in this language."""


TERNARY, OR, AND, CMP, ADD, MUL, UNARY, ATOM = 1, 2, 3, 4, 7, 8, 9, 10
SYMBOL = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.FloorDiv: "/", ast.Mod: "%", ast.BitAnd: "&",
          ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>"}
COMPARE = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
BITS = (ast.BitAnd, ast.BitOr, ast.BitXor, ast.LShift, ast.RShift)


def camel(name):
    head, *rest = name.split("_")
    return head + "".join(w[:1].upper() + w[1:] for w in rest)


def pascal(name):
    return "".join(w[:1].upper() + w[1:] for w in name.split("_"))


def is_call(node, name):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def note_of(stmt):
    if isinstance(stmt, ast.Expr) and isinstance(stmt.value, ast.Constant) and isinstance(stmt.value.value, str):
        return stmt.value.value
    return None


class Function:
    def __init__(self, node, owner=None):
        self.node, self.name, self.owner = node, node.name, owner
        self.params = [(a.arg, ast.unparse(a.annotation) if a.annotation else owner) for a in node.args.args]
        if owner:
            self.params = self.params[1:]
        self.returns = ast.unparse(node.returns) if node.returns else "None"


class Record:
    def __init__(self, node):
        self.name, self.fields, self.methods = node.name, [], {}
        for stmt in node.body:
            if isinstance(stmt, ast.AnnAssign):
                self.fields.append((stmt.target.id, ast.unparse(stmt.annotation), stmt.value))
            elif isinstance(stmt, ast.FunctionDef):
                self.methods[stmt.name] = Function(stmt, node.name)
        self.types = {n: t for n, t, _ in self.fields}
        self.given = [(n, t) for n, t, v in self.fields if v is None]


class Printer:
    """Walks the tree. Subclasses define the tokens and the idioms of one language."""
    indent = "    "
    true, false = "true", "false"
    op_and, op_or, op_not = "&&", "||", "!"
    self_name = "self"
    expands_comprehensions = False
    expands_choices = False

    def __init__(self, source):
        self.lines, self.level = [], 0
        self.records, self.functions, self.main = {}, {}, []
        self.order = []
        for stmt in ast.parse(source).body:
            if isinstance(stmt, ast.ClassDef):
                self.records[stmt.name] = Record(stmt)
                self.order.append(self.records[stmt.name])
            elif isinstance(stmt, ast.FunctionDef):
                self.functions[stmt.name] = Function(stmt)
                self.order.append(self.functions[stmt.name])
            else:
                self.main.append(stmt)
        self.mark_characters()
        self.env, self.scopes, self.params = {}, [set()], set()
        self.current = None
        self.rebound, self.changed = set(), set()

    def mark_characters(self):
        """Finds the one-letter texts that stand where a `char` is declared."""
        functions = list(self.functions.values()) + [m for r in self.records.values() for m in r.methods.values()]
        for f in functions:
            for node in ast.walk(f.node):
                if isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "char":
                    node.value.is_char = True
                elif isinstance(node, ast.Return) and f.returns == "char" and isinstance(node.value, ast.Constant):
                    node.value.is_char = True
        for node in ast.walk(ast.Module(body=[f.node for f in functions] + self.main, type_ignores=[])):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in self.functions:
                for a, (_, kind) in zip(node.args, self.functions[node.func.id].params):
                    if kind == "char" and isinstance(a, ast.Constant):
                        a.is_char = True

    # Names

    def name(self, name):
        return camel(name)

    # Types

    def type_of(self, node):
        if isinstance(node, ast.Constant):
            if getattr(node, "is_char", False):
                return "char"
            return {bool: "bool", int: "int", str: "str"}[type(node.value)]
        if isinstance(node, ast.Name):
            if node.id in self.env:
                return self.env[node.id]
            raise Unsupported("unknown name " + node.id)
        if isinstance(node, ast.BinOp):
            left, right = self.type_of(node.left), self.type_of(node.right)
            if left.startswith("list"):
                return left
            return "str" if isinstance(node.op, ast.Add) and ("str" in (left, right) or "char" in (left, right)) else "int"
        if isinstance(node, (ast.Compare, ast.BoolOp)):
            return "bool"
        if isinstance(node, ast.UnaryOp):
            return "bool" if isinstance(node.op, ast.Not) else "int"
        if isinstance(node, ast.IfExp):
            return self.type_of(node.body)
        if isinstance(node, ast.JoinedStr):
            return "str"
        if isinstance(node, ast.List):
            return "list[%s]" % (self.type_of(node.elts[0]) if node.elts else "int")
        if isinstance(node, ast.Dict):
            return "dict[str, int]"
        if isinstance(node, ast.ListComp):
            with_names = self.bind_comprehension(node.generators[0])
            kind = self.type_of(node.elt)
            self.unbind(with_names)
            return "list[%s]" % kind
        if isinstance(node, ast.Attribute):
            return self.records[self.type_of(node.value)].types[node.attr]
        if isinstance(node, ast.Subscript):
            outer = self.type_of(node.value)
            if isinstance(node.slice, ast.Slice):
                return outer
            return self.element(outer)
        if isinstance(node, ast.Call):
            return self.type_of_call(node)
        raise Unsupported(ast.dump(node))

    def element(self, kind):
        if kind == "str":
            return "char"
        if kind.startswith("dict"):
            return "int"
        return kind[5:-1]

    def type_of_call(self, node):
        f = node.func
        if isinstance(f, ast.Name):
            if f.id in self.functions:
                return self.functions[f.id].returns
            if f.id in self.records:
                return f.id
            if f.id in ("sorted", "list"):
                inner = self.type_of(node.args[0])
                return "list[str]" if inner.startswith("dict") else inner
            return {"len": "int", "sum": "int", "max": "int", "min": "int", "abs": "int", "int": "int", "ord": "int",
                    "str": "str", "chr": "char", "any": "bool", "all": "bool"}[f.id]
        owner = self.type_of(f.value)
        if owner in self.records:
            return self.records[owner].methods[f.attr].returns
        if f.attr == "pop":
            return self.element(owner)
        return {"get": "int", "upper": owner, "lower": owner, "strip": "str", "split": "list[str]", "join": "str",
                "isdigit": "bool", "isalpha": "bool", "isupper": "bool", "startswith": "bool", "endswith": "bool",
                "copy": owner, "index": "int"}[f.attr]

    def bind_comprehension(self, gen):
        if not isinstance(gen.target, ast.Name):
            raise Unsupported("comprehension target")
        kind = "int" if is_call(gen.iter, "range") else self.element(self.type_of(gen.iter))
        before = self.env.get(gen.target.id)
        self.env[gen.target.id] = kind
        return gen.target.id, before

    def unbind(self, saved):
        name, before = saved
        if before is None:
            self.env.pop(name, None)
        else:
            self.env[name] = before

    # Output

    def put(self, text=""):
        self.lines.append(self.indent * self.level + text if text else "")

    def text(self):
        while self.lines and not self.lines[-1]:
            self.lines.pop()
        return "\n".join(self.lines) + "\n"

    def comment(self, text):
        self.put("// " + text)

    def analyse(self, body):
        """Finds which names are bound again or changed in place."""
        seen, self.rebound, self.changed = set(), set(), set()
        for node in ast.walk(ast.Module(body=body, type_ignores=[])):
            targets = []
            if isinstance(node, ast.Assign):
                for t in node.targets:
                    targets += t.elts if isinstance(t, ast.Tuple) else [t]
            elif isinstance(node, ast.AnnAssign):
                targets = [node.target]
            elif isinstance(node, ast.AugAssign):
                targets = [node.target, node.target]
            for t in targets:
                if isinstance(t, ast.Name):
                    if t.id in seen or t.id in self.params:
                        self.rebound.add(t.id)
                    seen.add(t.id)
                else:
                    root = t
                    while isinstance(root, (ast.Subscript, ast.Attribute)):
                        root = root.value
                    if isinstance(root, ast.Name):
                        self.changed.add(root.id)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                root, method = node.func.value, node.func.attr
                while isinstance(root, (ast.Subscript, ast.Attribute)):
                    root = root.value
                if isinstance(root, ast.Name):
                    if method in ("append", "pop", "insert", "sort", "reverse") or any(
                            method in r.methods and changes_self(r.methods[method]) for r in self.records.values()):
                        self.changed.add(root.id)
            if is_call(node, "bump"):
                self.changed.add(node.args[0].id)

    def enter(self, function):
        self.current = function
        self.env = dict(function.params)
        if function.owner:
            self.env["self"] = function.owner
        self.params = set(self.env)
        self.scopes = [set(self.env)]
        self.analyse(function.node.body)

    def enter_main(self):
        self.current = None
        self.env, self.params, self.scopes = {}, set(), [set()]
        self.analyse(self.main)

    def declared(self, name):
        return any(name in s for s in self.scopes)

    def block(self, body):
        self.level += 1
        self.scopes.append(set())
        for stmt in body:
            self.statement(stmt)
        self.scopes.pop()
        self.level -= 1

    def statement(self, stmt):
        note = note_of(stmt)
        if note is not None:
            self.comment(note)
            return
        getattr(self, "do_" + type(stmt).__name__)(stmt)

    def do_Assign(self, stmt):
        target = stmt.targets[0]
        if isinstance(target, ast.Tuple):
            if isinstance(stmt.value, ast.Tuple):
                return self.assign_pair(target.elts, stmt.value.elts)
            raise Unsupported("unpacking")
        if not isinstance(target, ast.Name):
            return self.store(target, stmt.value)
        self.assign(target.id, self.type_of(stmt.value), stmt.value)

    def do_AnnAssign(self, stmt):
        self.assign(stmt.target.id, ast.unparse(stmt.annotation), stmt.value)

    def assign(self, name, kind, value):
        fresh = not self.declared(name)
        if isinstance(value, ast.ListComp) and self.expands_comprehensions and fresh:
            return self.expand_list(name, kind, value)
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.args and isinstance(
                value.args[0], ast.GeneratorExp) and self.expands_comprehensions and value.func.id == "sum":
            return self.expand_sum(name, value.args[0])
        if isinstance(value, ast.IfExp) and self.expands_choices:
            self.plain_assign(name, kind, value.orelse, fresh)
            return self.do_If(ast.If(value.test, [self.parse_assign(name, value.body)], []))
        self.plain_assign(name, kind, value, fresh)

    def plain_assign(self, name, kind, value, fresh):
        if fresh:
            self.declare(name, kind, value)
            self.scopes[-1].add(name)
            self.env[name] = kind
        else:
            self.rebind(name, value)

    @staticmethod
    def parse_assign(name, value):
        return ast.Assign([ast.Name(name)], value)

    def expand_list(self, name, kind, comp):
        gen = comp.generators[0]
        self.changed.add(name)
        self.plain_assign(name, kind, ast.List([]), True)
        inner = ast.Expr(ast.Call(ast.Attribute(ast.Name(name), "append"), [comp.elt], []))
        self.expand_loop(gen, inner)

    def expand_sum(self, name, comp):
        gen = comp.generators[0]
        self.rebound.add(name)
        self.plain_assign(name, "int", ast.Constant(0), not self.declared(name))
        self.expand_loop(gen, ast.AugAssign(ast.Name(name), ast.Add(), comp.elt))

    def expand_loop(self, gen, inner):
        body = [ast.If(gen.ifs[0], [inner], [])] if gen.ifs else [inner]
        self.do_For(ast.For(gen.target, gen.iter, body, []))

    def do_AugAssign(self, stmt):
        op = SYMBOL[type(stmt.op)]
        self.put(self.e(stmt.target) + " " + op + "= " + self.e(stmt.value) + self.end)

    def do_Return(self, stmt):
        value = stmt.value
        if value is not None:
            if isinstance(value, ast.ListComp) and self.expands_comprehensions:
                name = "result" if not self.declared("result") else "output"
                self.assign(name, self.current.returns, value)
                value = ast.Name(name)
            elif isinstance(value, ast.IfExp) and self.expands_choices:
                self.do_If(ast.If(value.test, [ast.Return(value.body)], []))
                return self.do_Return(ast.Return(value.orelse))
            elif isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.args and isinstance(
                    value.args[0], ast.GeneratorExp) and self.expands_comprehensions:
                comp, verb = value.args[0], value.func.id
                if verb == "sum":
                    name = "total" if not self.declared("total") else "result"
                    self.assign(name, "int", value)
                    value = ast.Name(name)
                elif verb in ("any", "all"):
                    hit = verb == "any"
                    test = comp.elt if hit else ast.UnaryOp(ast.Not(), comp.elt)
                    self.expand_loop(comp.generators[0], ast.If(test, [ast.Return(ast.Constant(hit))], []))
                    value = ast.Constant(not hit)
        self.give(value)

    def do_Pass(self, stmt):
        pass

    def do_Break(self, stmt):
        self.put("break" + self.end)

    def do_Continue(self, stmt):
        self.put("continue" + self.end)

    def do_Expr(self, stmt):
        call = stmt.value
        if is_call(call, "print"):
            return self.show(call.args)
        if is_call(call, "bump"):
            return self.bump(*call.args)
        if is_call(call, "check"):
            return self.check(*call.args)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "append":
            return self.append(call.func.value, call.args[0])
        self.put(self.e(call) + self.end)

    # Expressions: each returns (text, precedence)

    def e(self, node, least=0):
        text, strength = self.expression(node)
        return "(" + text + ")" if strength < least else text

    def expression(self, node):
        if isinstance(node, ast.Constant):
            if getattr(node, "is_char", False):
                return self.char(node.value), ATOM
            return self.constant(node.value), ATOM
        if isinstance(node, ast.Name):
            return (self.self_name if node.id == "self" else self.name(node.id)), ATOM
        if isinstance(node, ast.BinOp):
            return self.binary(node)
        if isinstance(node, ast.UnaryOp):
            if isinstance(node.op, ast.Not):
                return self.negate(node.operand)
            return "-" + self.e(node.operand, UNARY), UNARY
        if isinstance(node, ast.BoolOp):
            is_and = isinstance(node.op, ast.And)
            level = AND if is_and else OR
            least = level + 1 if is_and else CMP
            return (" " + (self.op_and if is_and else self.op_or) + " ").join(self.e(v, least) for v in node.values), level
        if isinstance(node, ast.Compare):
            if len(node.ops) != 1:
                raise Unsupported("chained comparison")
            return self.compare(node.left, node.ops[0], node.comparators[0])
        if isinstance(node, ast.IfExp):
            return self.choose(node), TERNARY
        if isinstance(node, ast.JoinedStr):
            return self.format(node)
        if isinstance(node, ast.List):
            return self.list_literal(node), ATOM
        if isinstance(node, ast.Attribute):
            return self.field(node), ATOM
        if isinstance(node, ast.Subscript):
            if isinstance(node.slice, ast.Slice):
                return self.slice(node.value, node.slice.lower, node.slice.upper), ATOM
            return self.item(node.value, node.slice), ATOM
        if isinstance(node, ast.Call):
            return self.call(node)
        if isinstance(node, ast.ListComp):
            return self.comprehension(node), ATOM
        raise Unsupported(type(node).__name__)

    def negate(self, operand):
        return self.op_not + self.e(operand, UNARY), UNARY

    def constant(self, value):
        if isinstance(value, bool):
            return self.true if value else self.false
        return str(value) if isinstance(value, int) else self.quote(value)

    def quote(self, text):
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    def binary(self, node):
        op = node.op
        if isinstance(op, BITS):
            return self.e(node.left, UNARY) + " " + SYMBOL[type(op)] + " " + self.e(node.right, UNARY), TERNARY
        if self.type_of(node.left).startswith("list"):
            return self.repeat(node.left.elts[0], node.right), ATOM
        if self.type_of(node) == "str":
            return self.concat(node.left, node.right)
        if isinstance(op, ast.FloorDiv):
            return self.divide(node.left, node.right)
        level = ADD if isinstance(op, (ast.Add, ast.Sub)) else MUL
        return self.e(node.left, level) + " " + SYMBOL[type(op)] + " " + self.e(node.right, level + 1), level

    def divide(self, left, right):
        return self.e(left, MUL) + " / " + self.e(right, UNARY), MUL

    def concat(self, left, right):
        return self.e(left, ADD) + " + " + self.e(right, MUL), ADD

    def compare(self, left, op, right):
        if isinstance(op, (ast.In, ast.NotIn)):
            text, strength = self.contains(left, right)
            if isinstance(op, ast.NotIn):
                text, strength = self.op_not + (text if strength >= UNARY else "(" + text + ")"), UNARY
            return text, strength
        return self.side(left, right) + " " + COMPARE[type(op)] + " " + self.side(right, left), CMP

    def side(self, node, other):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) == 1:
            if self.type_of(other) == "char":
                return self.char(node.value)
        return self.e(node, ADD)

    def char(self, value):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"

    def choose(self, node):
        return self.e(node.test, OR) + " ? " + self.e(node.body, OR) + " : " + self.e(node.orelse, OR)

    def field(self, node):
        return self.e(node.value, ATOM) + "." + self.name(node.attr)

    def item(self, value, index):
        return self.e(value, ATOM) + "[" + self.e(index) + "]"

    def slice(self, value, lower, upper):
        raise Unsupported("slice")

    def comprehension(self, node):
        raise Unsupported("comprehension")

    def repeat(self, value, count):
        raise Unsupported("repeat")

    def contains(self, left, right):
        raise Unsupported("in")

    def call(self, node):
        f = node.func
        if isinstance(f, ast.Name):
            if f.id in self.functions:
                return self.user_call(self.functions[f.id], node.args), ATOM
            if f.id in self.records:
                return self.construct(self.records[f.id], node.args), ATOM
            if node.args and isinstance(node.args[0], ast.GeneratorExp):
                return self.reduce(f.id, node.args[0])
            handler = getattr(self, "call_" + f.id, None)
        else:
            owner = self.type_of(f.value)
            if owner in self.records:
                return self.method_call(f.value, self.records[owner].methods[f.attr], node.args), ATOM
            if f.attr == "append":
                raise Unsupported("append in an expression")
            handler = getattr(self, "on_" + f.attr, None)
            if handler:
                return handler(f.value, *node.args)
        if not handler:
            raise Unsupported(ast.unparse(f))
        return handler(*node.args)

    def user_call(self, function, args):
        return self.name(function.name) + "(" + ", ".join(self.e(a) for a in args) + ")"

    def method_call(self, owner, function, args):
        return self.e(owner, ATOM) + "." + self.name(function.name) + "(" + ", ".join(self.e(a) for a in args) + ")"

    def construct(self, record, args):
        return record.name + "(" + ", ".join(self.e(a) for a in args) + ")"

    def reduce(self, verb, comp):
        raise Unsupported("generator")

    def parts(self, args):
        """The pieces of a print: texts and expressions, an f-string taken apart."""
        if len(args) == 1 and isinstance(args[0], ast.JoinedStr):
            return [p.value if isinstance(p, ast.Constant) else p.value for p in args[0].values]
        pieces = []
        for i, a in enumerate(args):
            if i:
                pieces.append(" ")
            pieces.append(a)
        return pieces


def changes_self(function):
    for node in ast.walk(function.node):
        target = None
        if isinstance(node, ast.Assign):
            target = node.targets[0]
        elif isinstance(node, ast.AugAssign):
            target = node.target
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("append", "pop"):
            target = node.func.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            # Another method of the same object may change it.
            target = node.func.value if isinstance(node.func.value, ast.Name) else None
        elif is_call(node, "bump"):
            target = node.args[0]
        while isinstance(target, (ast.Subscript, ast.Attribute)):
            target = target.value
        if isinstance(target, ast.Name) and target.id == "self":
            return True
    return False


def last_of(node):
    """The list of `xs[-1]`-like indexes, or None."""
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant)
