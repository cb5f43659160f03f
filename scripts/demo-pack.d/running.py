"""Runs programs of many languages where their compilers are installed, and compares what they print."""
import concurrent.futures
import contextlib
import io
import json
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile

CC = shutil.which("gcc") or shutil.which("clang") or "gcc"
STRICT = [CC, "-std=c11", "-Wall", "-Wextra", "-Werror"]
NEEDS = {"Python": None, "SQL": None, "JavaScript": "node", "TypeScript": "tsc", "Go": "go", "Rust": "rustc", "C": CC, "C++": "g++",
         "Java": "javac", "Ruby": "ruby", "Bash": "bash"}


def available(language):
    return NEEDS[language] is None or shutil.which(NEEDS[language]) is not None


def expected_words(printed, language):
    """What a program should print, as words; lists look different in every language."""
    words = []
    for label, value in printed:
        if label:
            words += (label + ":").split()
        words += value_words(value, language)
    return words


def value_words(value, language):
    if isinstance(value, bool):
        if language == "Bash":
            return [str(int(value))]
        return [str(value) if language == "Python" else str(value).lower()]
    if isinstance(value, list):
        return [w for v in value for w in value_words(v, language)]
    return clean(str(value))


def clean(text):
    return re.sub(r"[\[\]\",']", " ", text).split()


def shell(args, folder, seconds=30):
    done = subprocess.run(args, cwd=folder, capture_output=True, text=True, timeout=seconds)
    return done.returncode, done.stdout, done.stderr


def in_process(body):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(body, "row", "exec"), {"__name__": "__main__"})
    return out.getvalue()


def query(body):
    connection = sqlite3.connect(":memory:")
    lines = []
    for statement in body.split(";\n"):
        for row in connection.execute(statement):
            lines.append("|".join("" if v is None else str(v) for v in row))
    return "\n".join(lines)


# One node process runs every JavaScript program in a context of its own.
NODE = """
const vm = require("vm"), fs = require("fs");
const bodies = JSON.parse(fs.readFileSync(0, "utf8"));
const results = bodies.map((body) => {
  let text = "";
  const console = { log: (...xs) => { text += xs.join(" ") + "\\n"; }, assert: (ok) => { if (!ok) throw new Error("assert"); } };
  try { vm.runInNewContext(body, { console }); return [text, ""]; } catch (error) { return [text, String(error)]; }
});
process.stdout.write(JSON.stringify(results));
"""


def run_node(bodies):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "run.js")
        with open(path, "w") as f:
            f.write(NODE)
        done = subprocess.run(["node", path], input=json.dumps(bodies), capture_output=True, text=True, timeout=300)
        return json.loads(done.stdout)


def run_typescript(bodies):
    """One compiler run for all files: each becomes a module, so that names do not meet."""
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for i, body in enumerate(bodies):
            names.append("p%d.ts" % i)
            with open(os.path.join(folder, names[-1]), "w") as f:
                f.write(body + "\nexport {};\n")
        with open(os.path.join(folder, "console.d.ts"), "w") as f:
            f.write("declare const console: { log(x: unknown): void; assert(x: boolean): void };\n")
        code, out, err = shell(["tsc", "--strict", "--target", "es2021", "--module", "es2020", "--lib", "es2021", "console.d.ts"] + names, folder, 900)
        errors = {}
        for m in re.finditer(r"p(\d+)\.ts\((.*)", out):
            errors.setdefault(int(m[1]), m[0])
        scripts = []
        for i in range(len(bodies)):
            with open(os.path.join(folder, "p%d.js" % i)) as f:
                scripts.append(f.read().replace("export {};", ""))
        return [(text, errors.get(i, "") + err) for i, (text, err) in enumerate(run_node(scripts))]


# One Java process runs every Java program: each lies in a package of its own.
RUNNER = """
import java.io.*;
public class Runner {
    public static void main(String[] args) throws Exception {
        PrintStream real = System.out;
        for (int i = 0; i < Integer.parseInt(args[0]); i++) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            System.setOut(new PrintStream(bytes));
            String error = "";
            try {
                Class.forName("p" + i + ".Main").getMethod("main", String[].class).invoke(null, (Object) new String[0]);
            } catch (Throwable t) {
                error = String.valueOf(t.getCause() == null ? t : t.getCause());
            }
            System.out.flush();
            real.print(bytes + "\\u0001" + error + "\\u0002");
        }
    }
}
"""


def run_java(bodies):
    with tempfile.TemporaryDirectory() as folder:
        names = ["Runner.java"]
        with open(os.path.join(folder, names[0]), "w") as f:
            f.write(RUNNER)
        for i, body in enumerate(bodies):
            os.mkdir(os.path.join(folder, "p%d" % i))
            names.append("p%d/Main.java" % i)
            with open(os.path.join(folder, names[-1]), "w") as f:
                f.write("package p%d;\n%s\n" % (i, body))
        code, out, err = shell(["javac", "-proc:none"] + names, folder, 600)
        if code:
            failed = {int(m) for m in re.findall(r"^p(\d+)/Main\.java:\d+: error", err, re.M)}
            return [("", err if i in failed else "not compiled") for i in range(len(bodies))]
        code, out, err = shell(["java", "-XX:TieredStopAtLevel=1", "-cp", ".", "Runner", str(len(bodies))], folder, 300)
        return [tuple(part.split("\u0001")) for part in out.split("\u0002")[:-1]]


def run_compiled(language, body):
    with tempfile.TemporaryDirectory() as folder:
        def write(name):
            with open(os.path.join(folder, name), "w") as f:
                f.write(body + "\n")
        if language == "Bash":
            write("p.sh")
            code, out, err = shell(["bash", "p.sh"], folder)
            return out, err if code or err else ""
        if language == "Ruby":
            write("p.rb")
            code, out, err = shell(["ruby", "p.rb"], folder)
            return out, err if code else ""
        if language == "Go":
            write("p.go")
            code, out, err = shell(["go", "run", "p.go"], folder, 120)
            return out, err if code else ""
        name, compiler = {"C": ("p.c", STRICT),
                          "C++": ("p.cpp", ["g++", "-std=c++17", "-Wall"]),
                          "Rust": ("p.rs", ["rustc", "--edition", "2021", "-A", "dead_code"])}[language]
        write(name)
        code, out, err = shell(compiler + [name, "-o", "p"], folder, 120)
        if code or (language == "Rust" and "warning" in err):
            return out, err
        code, out, err = shell([os.path.join(folder, "p")], folder)
        return out, err if code else ""


def compile_c(bodies):
    """What the compiler says against each program; one call compiles many."""
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for i, body in enumerate(bodies):
            names.append("p%d.c" % i)
            with open(os.path.join(folder, names[-1]), "w") as f:
                f.write(body + "\n")
        code, out, err = shell(STRICT + ["-fsyntax-only"] + names, folder, 600)
        said = {int(m[1]): m[0] for m in re.finditer(r"^p(\d+)\.c:.*(?:error|warning): .*", err, re.M)}
        return [said.get(i, err if code and not said else "") for i in range(len(bodies))]


def run_all(language, bodies):
    """(output, error) of each program; an empty error means that it ran to its end."""
    if language == "JavaScript":
        return run_node(bodies)
    if language == "Java":
        return run_java(bodies)
    if language == "TypeScript":
        return run_typescript(bodies)
    if language in ("Python", "SQL"):
        results = []
        for body in bodies:
            try:
                results.append((in_process(body) if language == "Python" else query(body), ""))
            except Exception as error:
                results.append(("", repr(error)))
        return results
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda body: run_compiled(language, body), bodies))
