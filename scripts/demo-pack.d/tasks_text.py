"""Tasks over text: letters, words, codes and simple formats."""
from kinds import Kind, labels

SENTENCES = """the ferry leaves at nine|a quiet evening by the lake|bring the green folder|two cats slept on the wall|we counted every lamp
rain fell on the old roof|the baker opens before dawn|nobody heard the small bell|seven boats crossed the bay|write the date on each box
an early train is often empty|the map shows a hidden path|blue paint dries very slowly|keep the receipt for later|the choir sang without a break
her bicycle needs new brakes|open the window after lunch|the museum closes on monday|fresh bread and salted butter|they walked along the canal
please water the tall fern|a letter arrived from lisbon|the orchard smells of apples|lock the gate when you leave|his answer surprised the room""".replace("\n", "|").split("|")
WORDS = "level rotor harbour civic lantern radar orchid kayak window refer pepper noon cactus madam stats button deed meadow sagas copper".split()


def text_setup(r, d):
    return dict(T=r.choice(SENTENCES))


def word_setup(r, d):
    return dict(T=r.choice(WORDS))


TEXT = "$text = $T"
CALL = ("$f($text)",)

Kind("count vowels", [
    "counts the vowels in a sentence", "tells how many vowels the text $T has", "finds the number of vowels in a line of text"],
    ["count_vowels", "vowels_in", "number_of_vowels", "vowel_count"], text_setup,
    lambda p: [sum(c in "aeiou" for c in p["T"])],
    [('''
def $f($text: str) -> int:
    $count = 0
    for $c in $text:
        if $c in "aeiou":
            $count += 1
    return $count
''', ["Each character is looked up in the short text that holds the five vowels.", "Spaces and consonants simply fail the test."]),
     ('''
def is_vowel($c: char) -> bool:
    return $c in "aeiou"

def $f($text: str) -> int:
    return sum(1 for $c in $text if is_vowel($c))
''', ["A helper names the condition, and the main function counts for how many characters it holds."]),
     ('''
def $f($text: str) -> int:
    $count = 0
    for $c in $text:
        if $c == "a" or $c == "e" or $c == "i" or $c == "o" or $c == "u":
            "One more vowel."
            $count += 1
    return $count
''', ["The five comparisons are written out, which works in any language.", "At most one of the comparisons can be true for a character."])],
    TEXT, CALL, ["The text is in lower case; capital vowels would need a conversion first."])

Kind("palindrome", [
    "checks whether the word $T is a palindrome", "tells if $T reads the same backwards", "decides whether a word is its own mirror image"],
    ["is_palindrome", "reads_both_ways", "is_mirrored", "same_backwards"], word_setup,
    lambda p: [p["T"] == p["T"][::-1]],
    [('''
def $f($text: str) -> bool:
    $left = 0
    $right = len($text) - 1
    while $left < $right:
        if $text[$left] != $text[$right]:
            return False
        $left += 1
        $right -= 1
    return True
''', ["Letters are compared from both ends towards the middle.", "One pair that differs is enough for a no."]),
     ('''
def $f($text: str) -> bool:
    backwards = ""
    for $c in $text:
        backwards = $c + backwards
    return backwards == $text
''', ["The word is rebuilt in reverse by putting each letter in front.", "If the reversed word equals the original, the answer is yes."])],
    TEXT, CALL, ["A word with one letter is always a palindrome."])

Kind("shift letters", [
    "encodes $T by shifting each letter by $A", "applies a Caesar cipher with the key $A", "replaces each letter by the one $A places later in the alphabet"],
    ["shift_letters", "caesar", "encode", "scramble"],
    lambda r, d: dict(T=r.choice(WORDS), A=r.randint(1, 11)),
    lambda p: ["".join(chr((ord(c) - 97 + p["A"]) % 26 + 97) for c in p["T"])],
    [('''
def $f($text: str, shift: int) -> str:
    coded = ""
    for $c in $text:
        place = (ord($c) - ord("a") + shift) % 26
        coded += chr(place + ord("a"))
    return coded
''', ["A letter becomes its place in the alphabet, is moved, and becomes a letter again.", "The remainder by 26 brings letters that pass z back to the start."]),
     ('''
def shifted($c: char, shift: int) -> char:
    place = ord($c) - ord("a") + shift
    if place >= 26:
        place -= 26
    return chr(place + ord("a"))

def $f($text: str, shift: int) -> str:
    coded = ""
    for $c in $text:
        coded += shifted($c, shift)
    return coded
''', ["The helper moves one letter and takes 26 off when it would leave the alphabet.", "The main function only puts the moved letters together."])],
    TEXT, ("$f($text, $A)",), ["Shifting by 26 minus the key decodes the text.", "Only lower-case letters are expected."])

Kind("run lengths", [
    "compresses $T by writing how often each letter repeats", "performs run-length encoding of $T", "shortens repeated characters to a letter and a number"],
    ["run_lengths", "compress", "encode_runs", "pack_text"],
    lambda r, d: dict(T="".join(c * r.randint(1, 5) for c in r.sample("abcdwxyz", r.randint(3, 5)))),
    lambda p: [runs(p["T"])],
    [('''
def $f($text: str) -> str:
    packed = ""
    $i = 0
    while $i < len($text):
        $j = $i
        while $j < len($text) and $text[$j] == $text[$i]:
            $j += 1
        packed += f"{$text[$i]}{$j - $i}"
        $i = $j
    return packed
''', ["The inner loop walks to the end of the run; the distance walked is its length.", "After a run has been written, the search goes on behind it."]),
     ('''
def $f($text: str) -> str:
    packed = ""
    $count = 0
    $before: char = $text[0]
    for $c in $text:
        if $c == $before:
            $count += 1
        else:
            packed += f"{$before}{$count}"
            $before = $c
            $count = 1
    "The last run is still open here."
    packed += f"{$before}{$count}"
    return packed
''', ["A counter grows while the letter stays the same and is written when it changes.", "The last run has to be written after the loop."])],
    TEXT, CALL, ["Letters that stand alone get the number 1, so such a text becomes longer."])


def runs(text):
    import itertools
    return "".join(c + str(len(list(g))) for c, g in itertools.groupby(text))


Kind("balanced brackets", [
    "checks whether the brackets in $T are balanced", "tells if every opening bracket in $T is closed", "verifies the nesting of the parentheses in $T"],
    ["is_balanced", "brackets_match", "check_brackets", "nesting_is_fine"],
    lambda r, d: dict(T=brackets(r)),
    lambda p: [balanced(p["T"])],
    [('''
def $f($text: str) -> bool:
    $depth = 0
    for $c in $text:
        if $c == "(":
            $depth += 1
        elif $c == ")":
            $depth -= 1
            if $depth < 0:
                return False
    return $depth == 0
''', ["A counter goes up at every opening bracket and down at every closing one.", "A counter below zero means that a bracket was closed before it was opened."]),
     ('''
def $f($text: str) -> bool:
    $depth = 0
    lowest_depth = 0
    for $c in $text:
        if $c == "(":
            $depth += 1
        if $c == ")":
            $depth -= 1
        lowest_depth = min(lowest_depth, $depth)
    "Both conditions must hold: nothing left open, nothing closed too early."
    return $depth == 0 and lowest_depth == 0
''', ["The depth and the lowest depth ever reached are recorded.", "The decision is made once, at the end, from the two recorded numbers."])],
    TEXT, CALL, ["Other characters are ignored.", "With several kinds of brackets a stack would be needed."])


def brackets(r):
    def build(depth):
        return "".join("(" + build(depth - 1) + ")" if r.random() < 0.5 and depth else r.choice("abxy+*") for _ in range(r.randint(1, 3)))
    text = "(" + build(2) + ")" + r.choice(("", "*(a+b)", "(x)"))
    if r.random() < 0.35:
        i = r.randrange(len(text))
        text = text[:i] + r.choice("()") + text[i:]
    return text[:26] if balanced(text[:26]) == balanced(text) else text


def balanced(text):
    depth = 0
    for c in text:
        depth += (c == "(") - (c == ")")
        if depth < 0:
            return False
    return depth == 0


Kind("initials", [
    "builds an abbreviation from the first letters of $T", "takes the initials of the words in $T", "forms an acronym out of $T"],
    ["initials", "acronym", "abbreviate", "first_letters"], text_setup,
    lambda p: ["".join(w[0].upper() for w in p["T"].split())],
    [('''
def $f($text: str) -> str:
    short_form = ""
    for $w in $text.split(" "):
        short_form += $w[0].upper()
    return short_form
''', ["The text is split at the blanks, and the first letter of every word is kept.", "Each first letter is turned into a capital before it is added."]),
     ('''
def $f($text: str) -> str:
    short_form = ""
    $before: char = " "
    for $c in $text:
        if $before == " " and $c != " ":
            short_form += $c.upper()
        $before = $c
    return short_form
''', ["A letter is an initial when the character before it is a blank.", "No splitting is needed, because the previous character tells where words begin."])],
    TEXT, CALL)

Kind("longest word", [
    "finds the longest name in a list of $items", "picks the longest label of the $items", "returns the name with the most letters"],
    ["longest_name", "longest_label", "longest_of", "widest_$item"],
    lambda r, d: dict(XS=labels(r, d, 4, 6)),
    lambda p: [max(p["XS"], key=len)],
    [('''
def $f($words: list[str]) -> str:
    $best = $words[0]
    for $w in $words:
        if len($w) > len($best):
            $best = $w
    return $best
''', ["The longest name so far is kept and replaced when a longer one appears.", "The first name serves as the starting point of the comparison."]),
     ('''
def $f($words: list[str]) -> str:
    $best = 0
    for $i, $w in enumerate($words):
        if len($w) > len($words[$best]):
            $best = $i
    return $words[$best]
''', ["Only the position of the longest name is stored.", "At the end the position is turned back into a name."])],
    "$words = $XS", ("$f($words)",), ["Among names of equal length the first one wins."])


Kind("count a letter", [
    "counts how often the letter $C occurs in $T", "tells how many times $C appears in a text", "finds the number of $C characters in a line"],
    ["count_letter", "occurrences", "how_often", "letter_count"],
    lambda r, d: (lambda t: dict(T=t, C=r.choice([c for c in t if c != " "])))(r.choice(SENTENCES)),
    lambda p: [p["T"].count(p["C"])],
    [('''
def $f($text: str, wanted: char) -> int:
    $count = 0
    for $c in $text:
        if $c == wanted:
            $count += 1
    return $count
''', ["Every character is compared with the wanted one.", "The counter rises by one at each match and is returned at the end."]),
     ('''
def $f($text: str, wanted: char) -> int:
    $count = 0
    for $i in range(len($text)):
        if $text[$i] == wanted:
            $count += 1
    return $count
''', ["The text is read position by position.", "The wanted letter is the second argument."])],
    TEXT, ("$f($text, $C)",), ["Capital and small letters are different characters."])

Kind("valid code", [
    "checks whether $T is a valid code of letters followed by digits", "validates that $T has two letters and then only digits", "verifies the format of the product code $T"],
    ["is_valid_code", "check_code", "code_is_fine", "valid_format"],
    lambda r, d: dict(T=code(r)),
    lambda p: [len(p["T"]) >= 4 and p["T"][:2].isalpha() and p["T"][2:].isdigit()],
    [('''
def $f($text: str) -> bool:
    if len($text) < 4:
        return False
    for $i, $c in enumerate($text):
        if $i < 2:
            if not $c.isalpha():
                return False
        elif not $c.isdigit():
            return False
    return True
''', ["The position decides which rule applies: letters first, digits afterwards.", "Any character that breaks its rule ends the check."]),
     ('''
def $f($text: str) -> bool:
    letters = 0
    digits = 0
    for $c in $text:
        if $c.isalpha():
            if digits > 0:
                return False
            letters += 1
        elif $c.isdigit():
            digits += 1
        else:
            return False
    return letters == 2 and digits >= 2
''', ["Letters and digits are counted, and a letter after a digit is refused at once.", "The final line states the rule in terms of the two counters."])],
    TEXT, CALL, ["At least two digits are required.", "A regular expression would also do, but this version shows each step."])


def code(r):
    good = "".join(r.sample("ABCDEFGHJKLMNPQRSTUVWXYZ", 2)) + str(r.randint(10, 9999))
    if r.random() < 0.4:
        i = r.randrange(len(good))
        return good[:i] + r.choice("-7X.") + good[i + 1:]
    return good


Kind("slug", [
    "turns $T into a file name with hyphens", "makes a web address part out of $T", "converts a title to a slug in lower case"],
    ["make_slug", "slug", "file_name_for", "address_part"],
    lambda r, d: dict(T=r.choice(SENTENCES).title()),
    lambda p: [p["T"].lower().replace(" ", "-")],
    [('''
def $f($text: str) -> str:
    slug_text = ""
    for $c in $text:
        if $c == " ":
            slug_text += "-"
        else:
            slug_text += $c.lower()
    return slug_text
''', ["Blanks become hyphens and all other characters are put in lower case.", "The new text grows by exactly one character per turn."]),
     ('''
def $f($text: str) -> str:
    lowered = $text.lower()
    $words = lowered.split(" ")
    return "-".join($words)
''', ["The title is lowered, split into words and joined again with hyphens.", "Splitting and joining with different separators replaces the blanks."])],
    TEXT, CALL, ["The title holds only letters and single blanks."])

Kind("sum of fields", [
    "adds up the numbers in the line $T", "reads a line of comma-separated $qs and sums them", "parses $T and totals its fields"],
    ["sum_fields", "total_of_line", "parse_and_add", "add_fields"],
    lambda r, d: dict(T=",".join(str(r.randint(d.low, d.high)) for _ in range(r.randint(3, 6)))),
    lambda p: [sum(map(int, p["T"].split(",")))],
    [('''
def $f($text: str) -> int:
    $total = 0
    for field in $text.split(","):
        amount = int(field)
        $total += amount
    return $total
''', ["The line is split at the commas, and each field is turned into a number.", "Conversion and addition are separate steps, so a bad field is easy to find."]),
     ('''
def $f($text: str) -> int:
    $total = 0
    $n = 0
    for $c in $text:
        if $c == ",":
            $total += $n
            $n = 0
        else:
            $n = $n * 10 + ord($c) - ord("0")
    return $total + $n
''', ["The number is built digit by digit, and a comma closes it.", "The last number has no comma after it, so it is added at the end."])],
    TEXT, CALL, ["All fields are whole numbers without blanks."])

Kind("key and value", [
    "reads the setting $K out of the line $T", "finds the value for $K among key=value pairs", "parses $T and looks up $K"],
    ["read_setting", "value_of", "find_setting", "look_up"],
    lambda r, d: settings(r, d),
    lambda p: [int(dict(x.split("=") for x in p["T"].split(";")).get(p["K"], -1))],
    [('''
def $f($text: str, wanted: str) -> int:
    for pair in $text.split(";"):
        parts = pair.split("=")
        if parts[0] == wanted:
            amount = int(parts[1])
            return amount
    return -1
''', ["The line is cut into pairs, and every pair into its key and its value.", "The search stops at the first pair with the wanted key."]),
     ('''
def $f($text: str, wanted: str) -> int:
    start_mark = wanted + "="
    for pair in $text.split(";"):
        if pair.startswith(start_mark):
            parts = pair.split("=")
            amount = int(parts[1])
            return amount
    return -1
''', ["A pair belongs to the key when it starts with the key and an equals sign.", "Only the matching pair is taken apart."])],
    TEXT, ("$f($text, $K)",), ["A key that does not occur gives -1."])


def settings(r, d):
    keys = labels(r, d, 3, 4)
    return dict(T=";".join("%s=%d" % (k, r.randint(2, 99)) for k in keys), K=r.choice(keys))


Kind("table line", [
    "formats a $item and its $q as a line of a report", "puts a name and a number into one line of text", "writes $T and $A as a short report line"],
    ["report_line", "describe_$item", "line_for", "format_$item"],
    lambda r, d: dict(T=r.choice(d.names), A=r.randint(d.low, d.high), L=(d.low + d.high) // 2),
    lambda p: ["%s: %d (%s)" % (p["T"], p["A"], "high" if p["A"] > p["L"] else "normal")],
    [('''
def $f(label: str, $q: int) -> str:
    remark = "normal"
    if $q > $L:
        remark = "high"
    return f"{label}: {$q} ({remark})"
''', ["The remark is chosen first, and then everything is put into one text.", "Starting with the common case makes an `else` unnecessary."]),
     ('''
def remark_for($q: int) -> str:
    if $q > $L:
        return "high"
    return "normal"

def $f(label: str, $q: int) -> str:
    remark = remark_for($q)
    return f"{label}: {$q} ({remark})"
''', ["A helper judges the number, so the formatting stays short.", "Judging and formatting are kept apart."])],
    calls=("$f($T, $A)",), notes=["The limit for the remark is $L."])

Kind("join names", [
    "joins the names of the $items to one sentence part", "lists the $items with commas and a final and", "writes a list of $items as people would say it"],
    ["join_names", "spoken_list", "name_list", "as_sentence"],
    lambda r, d: dict(XS=labels(r, d, 3, 5)),
    lambda p: [", ".join(p["XS"][:-1]) + " and " + p["XS"][-1]],
    [('''
def $f($words: list[str]) -> str:
    $text = $words[0]
    for $i in range(1, len($words)):
        if $i == len($words) - 1:
            $text += " and "
        else:
            $text += ", "
        $text += $words[$i]
    return $text
''', ["Before every name but the first comes a separator, and the last one is special.", "The separator depends on whether the name is the last in the list."]),
     ('''
def $f($words: list[str]) -> str:
    $text = ", ".join($words[:len($words) - 1])
    return $text + " and " + $words[-1]
''', ["All names but the last are joined with commas, and the last is added after the word and.", "The list is cut into two parts that are joined in different ways."])],
    "$words = $XS", ("$f($words)",), ["At least two names are expected."])
