"""The sentences around the code: prompts, introductions, results, language remarks and plans."""
import re

ADJECTIVES = ["simple", "short", "clear", "moderately complex", "compact", "small", "readable", "low-complexity", "careful",
              "well-structured", "beginner-friendly", "plain", "complete", "tidy", "straightforward", "self-contained"]
AUDIENCES = ["Beginners", "Students", "Engineers", "Professionals", "Analysts", "Researchers", "Teachers", "Hobbyists",
             "Executives", "Intermediate users", "Team leads", "Data scientists", "Career changers", "Testers"]
FORMS = ["program", "code snippet", "script", "function", "example", "solution", "piece of code"]

PROMPTS = [
    "Write a {adj} {lang} {form} for {aud} that {ask}.",
    "Create a {adj} {lang} {form} which {ask}.",
    "Using {lang}, show {aud} how a {form} {ask}.",
    "How would you write a {adj} {form} in {lang} that {ask}?",
    "Generate a {adj} {lang} {form} for {aud} which {ask}.",
    "I need a {adj} {form} in {lang} that {ask}.",
    "{Aud} at work need to {base}. Write a {adj} {form} in {lang} for them.",
    "Explain to {aud} how to {base} in {lang}, with a {adj} {form}.",
    "Develop a {adj} {lang} {form} for {sub}: it should {base}.",
    "In {lang}, {base}. Keep the {form} {adj}.",
    "Give {aud} a {adj} {lang} {form} to {base}.",
    "Topic: {sub}. Write a {lang} {form} that {ask}.",
    "A {who} wants to {base}. Help with a {adj} {form} in {lang}.",
    "Please {base} with a {adj} {lang} {form}.",
    "Construct a {lang} {form} that {ask}; it is meant for {aud}.",
    "Design a {adj} {form} in {lang} for a {who}. It {ask}.",
]
SCENES = [
    "The data come from a {who} who looks after several {items}.",
    "Each entry stands for one {item}, measured in {unit}.",
    "The setting is {sub_low}, where a {who} keeps the figures.",
    "Use a few made-up {qs} as sample data.",
    "Think of a {who} with a list of {items}.",
    "The example belongs to the topic of {topic_low}.",
    "A typical day brings a handful of {items} to look at.",
    "Values are whole numbers in {unit}.",
]
DEMANDS = [
    "Explain the main steps.", "Show a call with sample data.", "Describe how the code works.", "Keep the names meaningful.",
    "Say what the program prints.", "Mention one special case.", "Do not use outside libraries.", "Finish with a short explanation.",
    "Point out what to watch for.", "Make the control flow easy to follow.", "Prefer clarity over cleverness.",
]

INTROS = [
    "Here is one way to {base}:", "The following {lang} {form} {ask}:", "This {form} {ask}:", "One possible solution in {lang}:",
    "Sure. The code below {ask}.", "A {lang} version could look like this:", "The idea fits into a few lines of {lang}:",
    "Below is a {adj} answer in {lang}.", "Let us {base}, step by step.", "To {base}, we can write:",
    "In {lang} the task can be solved as follows.", "Here is the {form}, with sample data from {sub_low}:",
    "The program has two parts: the work itself and a short demonstration.", "Certainly, this {form} does the job:",
    "We start with the sample data of a {who} and then {base}.", "A {who} could use this {lang} code:",
    "Let me show the code first and explain it afterwards.", "This is how it looks in {lang}:",
]
LEADS = ["How it works:", "Explanation:", "What happens here:", "Step by step:", "Some remarks:", "In detail:", "Notes:", "Why it works:",
         "The reasoning:", "A closer look:", "Walkthrough:"]
RESULTS = [
    "With these data the program prints {out}.", "Running it shows {out}.", "The output is {out}.",
    "For the sample values the answer is {out}.", "The last part prints {out}, as expected.",
    "You should see {out} on the screen.", "Started as shown, it reports {out}.", "The sample run ends with {out}.",
]
CHECKED = [
    "The checks at the end stay silent when the results are right.", "The last lines compare the results with the expected values.",
    "If a result were wrong, the check at the end would stop the program.", "The check in the last part confirms {out}.",
    "Instead of printing, the example verifies that the answer is {out}.",
]
CLOSERS = [
    "To try other figures, change the sample values.", "The same pattern works for any other list of {qs}.",
    "A {who} would only replace the sample data.", "From here it is a small step to reading the {qs} from a file.",
    "The names come from {sub_low}, but nothing depends on them.", "Swap in your own {items} to reuse it.",
    "Feel free to extend it with more {items}.", "For real {items} the data would come from a file or a form.",
    "The code needs nothing outside the standard library.", "It is a good exercise to add one more case by hand.",
    "Try it with a single {item} as well.", "Renaming the variables is all it takes for another field than {sub_low}.",
]

# For tasks that have nothing to do with the field of life.
GENERAL_PROMPTS = [p for p in PROMPTS if "{sub}" not in p]
GENERAL_SCENES = [
    "The example belongs to a course on {topic_low}.", "It is an exercise for a {who} who learns to program.",
    "No input has to be read; use fixed sample values.", "The same function will be called many times.",
    "It came up while working on {sub_low}.", "Assume that the input is valid.", "A result on the screen is enough.",
    "The code will be read by other people, too.",
]
GENERAL_INTROS = [p for p in INTROS if "{sub_low}" not in p and "{who}" not in p]
GENERAL_CLOSERS = [
    "Try it with other values to see how the answer changes.", "It is a good exercise to add one more case by hand.",
    "The code needs nothing outside the standard library.", "A few more calls would make a small test of it.",
    "A next step would be to read the input from the user.", "Larger inputs work in the same way.",
    "The function has no side effects, so it can be called anywhere.", "Comparing it with a second solution is a good way to learn.",
]

# Remarks on the language, used where the code has what they speak of.
REMARKS = {
    "Python": [
        (r"for \w+ in range\(", "`range` leaves out its upper end, which suits positions."),
        (r"enumerate\(", "`enumerate` saves us from counting positions by hand."),
        (r"\[.* for .* in .*\]", "The list comprehension replaces a loop with `append`."),
        (r"-> ", "The type hints document what goes in and what comes out."),
        (r"f\"", "The f-string puts the value straight into the text."),
        (r"@dataclass", "`@dataclass` writes the constructor for us."),
        (r"\.get\(", "`get` with a default avoids a missing-key error."),
        (r"//", "`//` divides and drops the remainder."),
        (r"\[-1\]", "Index -1 is the last element."),
        (r"class ", "Each method receives the object itself as `self`."),
        (r" not in ", "`not in` reads almost like English."),
        (r"\w, \w+ = \w", "A tuple assignment swaps or sets two names at once."),
        (r"assert ", "`assert` raises an error when its condition is false."),
    ],
    "JavaScript": [
        (r"const ", "`const` is used wherever a name is never assigned again."),
        (r"===", "`===` compares without converting types."),
        (r"of .*\) \{", "`for...of` visits the values, not the indexes."),
        (r"=>", "The arrow function keeps the condition short."),
        (r"`.*\$\{", "The template literal inserts the value with `${...}`."),
        (r"Math\.floor", "`Math.floor` is needed because `/` gives fractions."),
        (r"new Map", "A `Map` is safer than a plain object for arbitrary keys."),
        (r"\?\?", "`??` supplies a value when the key is missing."),
        (r"\.push\(", "`push` adds to the end of the array."),
        (r"\[\.\.\.", "The spread syntax makes a copy, so the original stays as it was."),
        (r"class ", "`this` refers to the object whose method was called."),
    ],
    "TypeScript": [
        (r": number\[\]", "The annotation `number[]` lets the compiler refuse other arrays."),
        (r"\): \w+", "The declared return type is checked at compile time."),
        (r"interface ", "The interface describes the shape of one record."),
        (r"===", "Strict equality avoids surprises with mixed types."),
        (r"const ", "Names declared with `const` cannot be assigned twice."),
        (r"=>", "The parameter type of the arrow function is inferred."),
        (r"Map<string, number>", "The map is typed, so a wrong key or value is an error."),
        (r"let ", "`let` marks the few names that do change."),
    ],
    "Go": [
        (r"_, \w+ := range ", "`range` yields index and value; the blank identifier drops the one not needed."),
        (r":=", "`:=` declares a variable and infers its type."),
        (r"append\(", "`append` returns the grown slice, so the result is assigned back."),
        (r"func \(\w+ \*", "The pointer receiver lets the method change the struct."),
        (r"map\[string\]int", "Reading a missing key of the map gives 0."),
        (r"Printf", "`Printf` fills in the values where the verbs stand."),
        (r"sort\.", "The `sort` package works in place."),
        (r"for .*; .*; ", "Go has only one loop keyword, `for`."),
        (r"type \w+ struct", "The struct groups the fields that belong together."),
        (r"panic\(", "`panic` stops the program if the check fails."),
    ],
    "Rust": [
        (r"&\[i64\]", "The slice `&[i64]` borrows the data without copying it."),
        (r"let mut ", "Only names marked `mut` may change."),
        (r"\.iter\(\)", "The iterator does no work until its result is asked for."),
        (r"as usize", "Positions are of type `usize`, hence the conversion."),
        (r"println!", "`println!` is a macro and checks its arguments at compile time."),
        (r"impl ", "The `impl` block holds the methods of the struct."),
        (r"&mut self", "`&mut self` says that the method changes the value."),
        (r"BTreeMap", "A `BTreeMap` keeps its keys in order."),
        (r"\.entry\(", "The entry call inserts the start value only when the key is new."),
        (r"\n    \w+\n\}", "The last expression, without a semicolon, is the value of the function."),
        (r"assert", "A failed assertion ends the program with a message."),
    ],
    "C": [
        (r"_count", "Since an array does not know its length, the length travels along as a parameter."),
        (r"sizeof", "Dividing the two sizes gives the number of elements."),
        (r"const int \*", "`const` promises that the function only reads the array."),
        (r"printf", "`printf` formats the numbers with `%d`."),
        (r"strlen|strcmp", "Text functions come from `string.h`."),
        (r"typedef struct", "The struct gives the record a type of its own."),
        (r"->", "The arrow reaches a field through a pointer."),
        (r"\? .* :", "The conditional operator picks one of two values."),
        (r"int \*\w+\) \{", "The caller provides the array that receives the result."),
        (r"assert\(", "`assert` stops the program when the condition is false."),
        (r"bool", "The type `bool` needs the header `stdbool.h`."),
    ],
    "C++": [
        (r"const std::vector", "The vector is passed by constant reference, so nothing is copied."),
        (r"push_back", "`push_back` lets the vector grow by itself."),
        (r"for \(.* : ", "The range-based loop needs no index."),
        (r"static_cast<int>", "The cast avoids comparing signed with unsigned numbers."),
        (r"std::map", "`std::map` keeps its keys sorted."),
        (r"std::swap", "`std::swap` exchanges two values."),
        (r"std::sort", "`std::sort` orders the copy in place."),
        (r"\[&\]", "The lambda captures the limit by reference."),
        (r"std::cout", "Output goes to `std::cout` piece by piece."),
        (r"explicit", "`explicit` rules out accidental conversions."),
        (r"\) const \{", "Methods marked `const` leave the object unchanged."),
    ],
    "Java": [
        (r"List<Integer>", "The list holds `Integer` objects, which are unboxed when needed."),
        (r"List\.of", "`List.of` makes a list that cannot be changed."),
        (r"new ArrayList", "An `ArrayList` can grow while it is filled."),
        (r"\.stream\(\)", "The stream describes the steps; the last call starts the work."),
        (r"record ", "The record provides constructor and accessors."),
        (r"\.equals\(", "Objects are compared with `equals`, not with `==`."),
        (r"merge\(", "`merge` adds to an existing entry or creates it."),
        (r"StringBuilder|\+ \w+\)", "Joining with `+` turns numbers into text."),
        (r"static ", "The method is static, so `main` can call it directly."),
        (r"private ", "Private fields can only be changed through the methods."),
        (r"AssertionError", "The check throws an error if the result is wrong."),
    ],
    "Ruby": [
        (r"\.each do", "`each` passes the values to the block one after the other."),
        (r"<<", "`<<` appends to the array."),
        (r"\.select", "`select` keeps the elements for which the block is true."),
        (r"#\{", "Interpolation with `#{...}` works in double-quoted strings."),
        (r"\n  \w+\nend", "The last expression is the return value, so no `return` is needed."),
        (r"\?\(", "The question mark is part of the name and hints at a yes-or-no answer."),
        (r"attr_reader", "`attr_reader` creates the reading methods."),
        (r"Hash\.new\(0\)", "`Hash.new(0)` starts every new key at 0."),
        (r" if ", "The trailing `if` keeps short conditions on one line."),
        (r"\.times", "`times` repeats the block a fixed number of times."),
        (r"@\w", "Names with `@` belong to the object."),
        (r"Struct\.new", "`Struct.new` defines a small record in one line."),
    ],
    "Bash": [
        (r"local ", "`local` keeps the variables inside the function."),
        (r"\(\( ", "Arithmetic goes into double parentheses, where no dollar signs are needed."),
        (r"\$\(\w", "The command substitution captures what the function prints."),
        (r"\[@\]", "Quoting `\"${...[@]}\"` keeps every array element separate."),
        (r"shift", "After `shift`, the remaining arguments are the list."),
        (r"\[\[", "The double brackets compare text safely."),
        (r"\$\{#", "`${#...}` gives a length."),
        (r"\+=\(", "`+=( )` appends to an array."),
        (r"echo", "A function hands back its result by printing it."),
    ],
    "SQL": [
        (r"GROUP BY", "`GROUP BY` collects the rows that share a value."),
        (r"HAVING", "`HAVING` filters groups, while `WHERE` filters rows."),
        (r"ORDER BY", "Without `ORDER BY` the order of the rows would be undefined."),
        (r"JOIN", "The `ON` clause says which rows belong together."),
        (r"LEFT JOIN", "A left join keeps rows without a partner."),
        (r"CASE", "`CASE` works like an if-else inside the query."),
        (r"WITH ", "The common table expression gives an intermediate result a name."),
        (r"OVER", "A window function computes across rows without merging them."),
        (r"CREATE TABLE", "The table and its rows are created first, so the query can be run as it stands."),
        (r"COUNT\(", "`COUNT(*)` counts rows."),
        (r"AVG|SUM|MAX|MIN", "Aggregate functions turn many rows into one value."),
    ],
}

IRREGULAR = {"has": "have", "does": "do", "is": "be", "goes": "go"}


def base_form(ask):
    """`keeps the largest` becomes `keep the largest`; a second verb after `and` follows it."""
    word, _, rest = ask.partition(" ")
    if word in IRREGULAR:
        word = IRREGULAR[word]
    elif re.search(r"(ches|shes|sses|xes|zzes)$", word):
        word = word[:-2]
    elif word.endswith("ies"):
        word = word[:-3] + "y"
    elif word.endswith("s"):
        word = word[:-1]
    rest = re.sub(r"\band (keeps|reports|prints|shows|counts|removes|returns|tells|adds|finds|lists|gives|names|picks|undoes|sorts)\b",
                  lambda m: "and " + {"undoes": "undo"}.get(m[1], m[1][:-1]), rest)
    return word + " " + rest


def long_result(r, expected):
    """A long result is described instead of repeated."""
    values = expected[0] if len(expected) == 1 and isinstance(expected[0], list) else expected
    return r.choice(["%d values" % len(values), "a line with %d entries" % len(values), "%d results in all" % len(values),
                     "the %d values asked for" % len(values)]) if len(values) > 1 else "one line of text"
