"""Tasks over one list of numbers."""
from kinds import Kind, ints, middle

LIST = "$qs = $XS"

Kind("keep above a limit", [
    "keeps only the $qs above $A $unit", "selects every $q greater than $A", "drops all $qs of $A $unit or less",
    "filters a list of $qs by a lower limit of $A"],
    ["keep_high_$qs", "filter_$qs", "high_$qs", "$qs_above"],
    lambda r, d: dict(A=middle(r, d), XS=ints(r, d)),
    lambda p: [[x for x in p["XS"] if x > p["A"]]],
    [('''
def $f($limit: int, $qs: list[int]) -> list[int]:
    "Keeps the $q_words that lie above the limit."
    $out = []
    for $x in $qs:
        if $x > $limit:
            $out.append($x)
    return $out
''', ["A new list starts empty, and each `$x` above `$limit` is added to it.",
      "The loop looks at one `$x` at a time and copies it only when it is larger than `$limit`.",
      "Values at or below the limit are skipped, so `$out` keeps the original order."]),
     ('''
def $f($limit: int, $qs: list[int]) -> list[int]:
    return [$x for $x in $qs if $x > $limit]
''', ["The condition sits right beside the loop, so the whole filter is one short expression.",
      "Only values that pass the test `$x > $limit` reach the new list.",
      "Nothing in `$qs` is changed; a fresh list is built from the values that pass."]),
     ('''
def $f($limit: int, $qs: list[int]) -> list[int]:
    $out = []
    $i = 0
    while $i < len($qs):
        "A value on the limit itself does not count."
        if $qs[$i] > $limit:
            $out.append($qs[$i])
        $i += 1
    return $out
''', ["An index walks from the first position to the last and tests the value found there.",
      "`$i` counts up by one on every turn, whether or not the value was kept."])],
    LIST, ("$f($A, $qs)",),
    ["A value equal to the limit is left out.", "An empty list simply gives an empty list back.",
     "Every value is looked at once, so the time grows with the length of the list."])

Kind("count above a limit", [
    "counts how many $qs are over $A $unit", "tells how often a $q exceeds $A", "finds the number of $qs above $A $unit"],
    ["count_high_$qs", "count_over", "how_many_$qs", "$qs_over_limit"],
    lambda r, d: dict(A=middle(r, d), XS=ints(r, d)),
    lambda p: [sum(x > p["A"] for x in p["XS"])],
    [('''
def $f($limit: int, $qs: list[int]) -> int:
    $count = 0
    for $x in $qs:
        if $x > $limit:
            $count += 1
    return $count
''', ["`$count` goes up by one each time a value passes the test.",
      "Starting from zero, the counter is raised for each `$x` beyond the limit."]),
     ('''
def $f($limit: int, $qs: list[int]) -> int:
    return sum(1 for $x in $qs if $x > $limit)
''', ["Counting is left to the standard library: every value that passes the test adds one.",
      "There is no counter variable to forget; the expression states what is counted."]),
     ('''
def $f($limit: int, $qs: list[int]) -> int:
    $count = len($qs)
    for $x in $qs:
        if $x <= $limit:
            "This one is not high enough."
            $count -= 1
    return $count
''', ["The count starts at the full length and loses one for every value that is too small.",
      "Instead of adding the hits, this version subtracts the misses."])],
    LIST, ("$f($A, $qs)",),
    ["With no values at all the answer is 0.", "The limit itself is not counted."])

Kind("weighted total", [
    "adds up all $qs and a fee of $A for each $item", "totals the $qs with $A extra per $item",
    "computes the sum of the $qs plus $A for every entry"],
    ["total_with_fee", "sum_$qs", "total_$qs", "charge_for_$items"],
    lambda r, d: dict(A=r.randint(2, 25), XS=ints(r, d, 4, 7)),
    lambda p: [sum(p["XS"]) + p["A"] * len(p["XS"])],
    [('''
def $f($qs: list[int], $fee: int) -> int:
    $total = 0
    for $x in $qs:
        $total += $x + $fee
    return $total
''', ["On each turn the value and the fee are added together to `$total`.",
      "`$total` grows step by step, and the fee is counted once per entry."]),
     ('''
def $f($qs: list[int], $fee: int) -> int:
    "Adds the plain sum and one fee per entry."
    return sum($qs) + $fee * len($qs)
''', ["The sum of the values and the sum of the fees are separate, so the fee is multiplied by the number of entries.",
      "No loop is written by hand: the fees make one product and the values one sum."]),
     ('''
def $f($qs: list[int], $fee: int) -> int:
    if len($qs) == 0:
        return 0
    return $qs[0] + $fee + $f($qs[1:], $fee)
''', ["The function calls itself: the first value and its fee, plus the same question for the rest.",
      "An empty list ends the recursion with 0."])],
    LIST, ("$f($qs, $A)",), ["The order of the values does not matter for the total."])

Kind("position of the maximum", [
    "finds the position of the largest $q", "reports which $item has the highest $q by its index",
    "locates the maximum in a list of $qs"],
    ["position_of_largest", "index_of_max", "top_$item", "find_peak"],
    lambda r, d: dict(XS=ints(r, d)),
    lambda p: [p["XS"].index(max(p["XS"]))],
    [('''
def $f($qs: list[int]) -> int:
    $best = 0
    for $i in range(len($qs)):
        if $qs[$i] > $qs[$best]:
            $best = $i
    return $best
''', ["Only the position of the leader is stored; the value can always be looked up from it.",
      "`$best` moves to `$i` whenever a larger value turns up."]),
     ('''
def $f($qs: list[int]) -> int:
    $best = 0
    for $i, $x in enumerate($qs):
        "A tie keeps the earlier position."
        if $x > $qs[$best]:
            $best = $i
    return $best
''', ["The loop hands out each position together with its value.",
      "Because the comparison is strict, the first of several equal values wins."]),
     ('''
def $f($qs: list[int]) -> int:
    $top = $qs[0]
    $best = 0
    $i = 1
    while $i < len($qs):
        if $qs[$i] > $top:
            $top = $qs[$i]
            $best = $i
        $i += 1
    return $best
''', ["Both the leading value and its position are kept, and they change together.",
      "The search starts at the second value, since the first one is the leader to beat."])],
    LIST, notes=["Positions are counted from 0.", "The list must hold at least one value."])

Kind("second largest", [
    "finds the second largest $q", "returns the runner-up among the $qs", "picks the $q that comes second after the maximum"],
    ["second_largest", "runner_up", "second_best_$q", "next_to_top"],
    lambda r, d: dict(XS=ints(r, d, 5, 8)),
    lambda p: [sorted(p["XS"])[-2]],
    [('''
def $f($qs: list[int]) -> int:
    $top = -1
    $second = -1
    for $x in $qs:
        if $x > $top:
            "The old leader becomes the runner-up."
            $second = $top
            $top = $x
        elif $x > $second:
            $second = $x
    return $second
''', ["Two values are carried along: the leader and the runner-up.",
      "When a new leader appears, the old one moves down to second place."]),
     ('''
def $f($qs: list[int]) -> int:
    $ordered = sorted($qs)
    return $ordered[-2]
''', ["After sorting, the runner-up is the last value but one.",
      "A sorted copy puts the answer right before the end."])],
    LIST, notes=["All values here are different and not negative.", "The single pass needs no sorting at all.",
                 "At least two values are needed."])

Kind("whole average", [
    "computes the average of the $qs, rounded down", "works out the mean $q as a whole number",
    "calculates the average $q in $unit without fractions"],
    ["average_$q", "mean_$q", "mean_of_$qs", "average"],
    lambda r, d: dict(XS=ints(r, d, 4, 9)),
    lambda p: [sum(p["XS"]) // len(p["XS"])],
    [('''
def $f($qs: list[int]) -> int:
    if len($qs) == 0:
        return 0
    $total = 0
    for $x in $qs:
        $total += $x
    return $total // len($qs)
''', ["The total is divided by the number of values with whole-number division.",
      "An early return protects against division by zero."]),
     ('''
def $f($qs: list[int]) -> int:
    "The mean, rounded down to a whole number."
    return sum($qs) // len($qs)
''', ["Sum and length are all that a mean needs.", "Whole-number division cuts off the fraction."]),
     ('''
def $f($qs: list[int]) -> int:
    $total = 0
    $count = 0
    for $x in $qs:
        $total += $x
        $count += 1
    if $count == 0:
        return 0
    return $total // $count
''', ["Total and count grow in the same loop and are divided at the end.",
      "Counting along the way would also work for values that arrive one by one."])],
    LIST, notes=["The fraction is cut off, not rounded to the nearest number."])

Kind("spread", [
    "measures the spread between the smallest and the largest $q", "computes the difference of the extreme $qs",
    "tells how far apart the lowest and the highest $q are"],
    ["spread", "$q_spread", "spread_of_$qs", "gap_of_extremes"],
    lambda r, d: dict(XS=ints(r, d)),
    lambda p: [max(p["XS"]) - min(p["XS"])],
    [('''
def $f($qs: list[int]) -> int:
    $low = $qs[0]
    $top = $qs[0]
    for $x in $qs:
        if $x < $low:
            $low = $x
        if $x > $top:
            $top = $x
    return $top - $low
''', ["Both extremes start at the first value and are moved apart by the loop.",
      "One pass is enough to know the smallest and the largest value."]),
     ('''
def $f($qs: list[int]) -> int:
    return max($qs) - min($qs)
''', ["The two library calls name exactly what is wanted.", "The smallest value is subtracted from the largest."]),
     ('''
def $f($qs: list[int]) -> int:
    "Widens the band whenever a value falls outside it."
    $low = $qs[0]
    $top = $qs[0]
    for $x in $qs:
        $low = min($low, $x)
        $top = max($top, $x)
    return $top - $low
''', ["The band from `$low` to `$top` is widened as needed.", "Each value can only push one end of the band outwards."])],
    LIST, notes=["A list with one value has the spread 0."])

Kind("running totals", [
    "lists the running totals of the $qs", "builds the cumulative sums of the $qs",
    "shows after each $item how much was reached in total"],
    ["running_totals", "cumulative_$qs", "totals_so_far", "add_up_$qs"],
    lambda r, d: dict(XS=ints(r, d, 4, 7)),
    lambda p: [[sum(p["XS"][:i + 1]) for i in range(len(p["XS"]))]],
    [('''
def $f($qs: list[int]) -> list[int]:
    $out = []
    $total = 0
    for $x in $qs:
        $total += $x
        $out.append($total)
    return $out
''', ["`$total` is stored after every addition, so each entry includes all the earlier ones.",
      "The last entry of `$out` is the sum of everything."]),
     ('''
def $f($qs: list[int]) -> list[int]:
    "Each entry is the one before it plus a new value."
    $out = list($qs)
    for $i in range(1, len($out)):
        $out[$i] += $out[$i - 1]
    return $out
''', ["A copy of the list is changed in place: every entry takes over the sum of its left neighbour.",
      "The loop starts at 1 because the first entry has no neighbour on its left."])],
    LIST, notes=["The input keeps its values.", "There are as many totals as values."])

Kind("differences of neighbours", [
    "lists how much each $q differs from the one before", "computes the changes between successive $qs",
    "shows the rise or fall from one $item to the next"],
    ["changes", "differences", "$q_changes", "steps_between"],
    lambda r, d: dict(XS=ints(r, d, 5, 8)),
    lambda p: [[b - a for a, b in zip(p["XS"], p["XS"][1:])]],
    [('''
def $f($qs: list[int]) -> list[int]:
    $out = []
    for $i in range(1, len($qs)):
        $out.append($qs[$i] - $qs[$i - 1])
    return $out
''', ["Every value is compared with its left neighbour.", "The loop starts at 1, since the first value has nothing before it."]),
     ('''
def $f($qs: list[int]) -> list[int]:
    $out = []
    $before = $qs[0]
    for $x in $qs[1:]:
        "A negative number means a fall."
        $out.append($x - $before)
        $before = $x
    return $out
''', ["The previous value is remembered in `$before`, so no index is needed.",
      "After each subtraction the current value becomes the previous one."])],
    LIST, notes=["A fall gives a negative number.", "There is one change less than there are values."])

Kind("longest rise", [
    "finds the longest run of rising $qs", "tells how many $qs in a row kept rising at most",
    "measures the longest streak in which every $q beats the one before"],
    ["longest_rise", "longest_streak", "rising_run", "best_streak"],
    lambda r, d: dict(XS=ints(r, d, 7, 10)),
    lambda p: [longest_rise(p["XS"])],
    [('''
def $f($qs: list[int]) -> int:
    $best = 1
    $run = 1
    for $i in range(1, len($qs)):
        if $qs[$i] > $qs[$i - 1]:
            $run += 1
            if $run > $best:
                $best = $run
        else:
            "The streak is broken; start again."
            $run = 1
    return $best
''', ["`$run` is the length of the current streak and `$best` the longest one so far.",
      "A value that does not rise sets the current streak back to 1."]),
     ('''
def $f($qs: list[int]) -> int:
    $best = 0
    $start = 0
    for $i in range(len($qs)):
        if $i > 0 and $qs[$i] <= $qs[$i - 1]:
            $start = $i
        $best = max($best, $i - $start + 1)
    return $best
''', ["Instead of a counter, the start of the current streak is remembered.",
      "The length of a streak is the distance from `$start` to the current position."])],
    LIST, notes=["Equal neighbours do not count as a rise.", "A single value is a streak of length 1."])


def longest_rise(xs):
    lengths = [1] * len(xs)
    for i in range(1, len(xs)):
        if xs[i] > xs[i - 1]:
            lengths[i] = lengths[i - 1] + 1
    return max(lengths)


Kind("best window", [
    "finds the largest sum of $A $qs in a row", "looks for the best stretch of $A neighbouring $qs",
    "computes the maximum total over any $A consecutive $items"],
    ["best_window", "largest_stretch", "max_window_sum", "best_$A_in_a_row"],
    lambda r, d: dict(A=r.randint(2, 4), XS=ints(r, d, 6, 9)),
    lambda p: [max(sum(p["XS"][i:i + p["A"]]) for i in range(len(p["XS"]) - p["A"] + 1))],
    [('''
def $f($qs: list[int], $width: int) -> int:
    $total = 0
    for $i in range($width):
        $total += $qs[$i]
    $best = $total
    for $i in range($width, len($qs)):
        "One value enters on the right, one leaves on the left."
        $total += $qs[$i] - $qs[$i - $width]
        if $total > $best:
            $best = $total
    return $best
''', ["The window slides: each step adds the new value and removes the oldest one.",
      "Thanks to the sliding sum, no window is added up from scratch."]),
     ('''
def $f($qs: list[int], $width: int) -> int:
    $best = 0
    for $start in range(len($qs) - $width + 1):
        $total = 0
        for $k in range($width):
            $total += $qs[$start + $k]
        if $total > $best:
            $best = $total
    return $best
''', ["Every possible start is tried, and the inner loop adds up one window.",
      "This is the direct version: simple to check, though each window is summed anew."])],
    LIST, ("$f($qs, $A)",), ["The window must not be longer than the list."])

Kind("reverse", [
    "reverses a list of $qs without a library call", "puts the $qs in the opposite order",
    "turns the list of $qs round so that the last comes first"],
    ["reverse_$qs", "turn_round", "backwards", "flip_order"],
    lambda r, d: dict(XS=ints(r, d, 4, 8)),
    lambda p: [p["XS"][::-1]],
    [('''
def $f($qs: list[int]) -> list[int]:
    $out = list($qs)
    $left = 0
    $right = len($out) - 1
    while $left < $right:
        $out[$left], $out[$right] = $out[$right], $out[$left]
        $left += 1
        $right -= 1
    return $out
''', ["Two positions move towards each other and swap what they find.",
      "When the two positions meet in the middle, every value has changed sides."]),
     ('''
def $f($qs: list[int]) -> list[int]:
    $out = []
    for $i in range(len($qs) - 1, -1, -1):
        $out.append($qs[$i])
    return $out
''', ["The loop counts down from the last position to 0 and copies each value.",
      "Reading from the back and writing from the front reverses the order."])],
    LIST, notes=["The original list is not touched.", "With an odd length the middle value stays where it is."])

Kind("rotate", [
    "rotates the $qs by $A places to the left", "moves the first $A $qs to the end of the list",
    "shifts the $qs round by $A positions"],
    ["rotate_$qs", "rotate_left", "shift_round", "move_to_end"],
    lambda r, d: dict(A=r.randint(1, 4), XS=ints(r, d, 5, 8)),
    lambda p: [p["XS"][p["A"]:] + p["XS"][:p["A"]]],
    [('''
def $f($qs: list[int], $steps: int) -> list[int]:
    $out = []
    for $i in range(len($qs)):
        $out.append($qs[($i + $steps) % len($qs)])
    return $out
''', ["The remainder wraps the position round, so it never leaves the list.",
      "Each new place `$i` takes the value that stood `$steps` places further on."]),
     ('''
def $f($qs: list[int], $steps: int) -> list[int]:
    $out = []
    for $i in range($steps, len($qs)):
        $out.append($qs[$i])
    "Now the part that was in front."
    for $i in range($steps):
        $out.append($qs[$i])
    return $out
''', ["Two loops copy the back part first and the front part after it.",
      "The cut lies at `$steps`: what follows it moves to the front."])],
    LIST, ("$f($qs, $A)",), ["Rotating by the full length would change nothing.", "No value is lost and none is doubled."])

Kind("drop repeats", [
    "removes repeated $qs and keeps the first of each", "lists every different $q once, in the order of appearance",
    "cleans a list of $qs from duplicates"],
    ["drop_repeats", "unique_$qs", "without_duplicates", "distinct_$qs"],
    lambda r, d: dict(XS=repeats(r, d)),
    lambda p: [list(dict.fromkeys(p["XS"]))],
    [('''
def $f($qs: list[int]) -> list[int]:
    $out = []
    for $x in $qs:
        $seen = False
        for $y in $out:
            if $y == $x:
                $seen = True
        if not $seen:
            $out.append($x)
    return $out
''', ["Before a value is added, the inner loop checks whether it is already in `$out`.",
      "`$seen` says whether the value has turned up before."]),
     ('''
def $f($qs: list[int]) -> list[int]:
    $out = []
    for $x in $qs:
        if $x not in $out:
            $out.append($x)
    return $out
''', ["A value is added only when the result does not hold it yet.",
      "The membership test does the searching, so one loop is enough to write."])],
    LIST, notes=["The order of first appearance is kept.", "For long lists a set of seen values would be faster."])


def repeats(r, d):
    pool = r.sample(range(d.low, d.high + 1), 4)
    xs = pool + [r.choice(pool) for _ in range(4)]
    r.shuffle(xs)
    return xs


Kind("clamp", [
    "limits every $q to the range from $A to $B", "replaces $qs outside $A and $B by the nearest border",
    "clamps the $qs between $A and $B $unit"],
    ["clamp_$qs", "limit_$qs", "keep_in_bounds", "clip_$qs"],
    lambda r, d: dict(A=d.low + (d.high - d.low) // 4, B=d.high - (d.high - d.low) // 4, XS=ints(r, d, 5, 8)),
    lambda p: [[min(max(x, p["A"]), p["B"]) for x in p["XS"]]],
    [('''
def $f($low: int, $top: int, $qs: list[int]) -> list[int]:
    $out = []
    for $x in $qs:
        if $x < $low:
            $out.append($low)
        elif $x > $top:
            $out.append($top)
        else:
            $out.append($x)
    return $out
''', ["Three cases cover everything: too small, too large, and fine as it is.",
      "A value outside the range is replaced by the border that it crossed."]),
     ('''
def $f($low: int, $top: int, $qs: list[int]) -> list[int]:
    return [min(max($x, $low), $top) for $x in $qs]
''', ["The inner call lifts small values to the lower border, the outer one presses large values down.",
      "Nesting the two calls handles both borders without a single `if`."]),
     ('''
def clamp($x: int, $low: int, $top: int) -> int:
    if $x < $low:
        return $low
    if $x > $top:
        return $top
    return $x

def $f($low: int, $top: int, $qs: list[int]) -> list[int]:
    $out = []
    for $x in $qs:
        $out.append(clamp($x, $low, $top))
    return $out
''', ["A helper deals with one value, and the main function applies it to all of them.",
      "Splitting the work makes the helper easy to test alone."])],
    LIST, ("$f($A, $B, $qs)",), ["Values that already lie inside are passed through."])

Kind("pair with sum", [
    "checks whether two different $qs add up to $A", "decides if any pair of $qs gives exactly $A $unit",
    "looks for two $qs whose sum is $A"],
    ["has_pair", "pair_exists", "find_pair", "two_make_target"],
    lambda r, d: pair_setup(r, d),
    lambda p: [any(x + y == p["A"] for i, x in enumerate(p["XS"]) for y in p["XS"][:i])],
    [('''
def $f($target: int, $qs: list[int]) -> bool:
    for $i in range(len($qs)):
        for $j in range($i + 1, len($qs)):
            if $qs[$i] + $qs[$j] == $target:
                return True
    return False
''', ["The inner loop starts behind the outer position, so no pair is tested twice.",
      "As soon as a pair fits, the function stops with a yes."]),
     ('''
def $f($target: int, $qs: list[int]) -> bool:
    $ordered = sorted($qs)
    $left = 0
    $right = len($ordered) - 1
    while $left < $right:
        $total = $ordered[$left] + $ordered[$right]
        if $total == $target:
            return True
        if $total < $target:
            "Too small: take a larger value on the left."
            $left += 1
        else:
            $right -= 1
    return False
''', ["In a sorted list two pointers close in from both ends.",
      "A sum that is too small moves the left pointer, one that is too large moves the right one."])],
    LIST, ("$f($A, $qs)",), ["A value may not be paired with itself.", "If no pair fits, the answer is no."])


def pair_setup(r, d):
    xs = ints(r, d, 5, 7)
    a = xs[1] + xs[-1] if r.random() < 0.6 else xs[0] + xs[2] + 1
    return dict(A=a, XS=xs)


Kind("validate all", [
    "checks that every $q lies between $A and $B", "validates that no $q is outside the range $A to $B",
    "confirms that all $qs stay within $A and $B $unit"],
    ["all_valid", "within_bounds", "check_$qs", "$qs_are_valid"],
    lambda r, d: dict(A=d.low, B=d.high - r.choice((0, 0, (d.high - d.low) // 3)), XS=ints(r, d, 4, 7)),
    lambda p: [all(p["A"] <= x <= p["B"] for x in p["XS"])],
    [('''
def $f($low: int, $top: int, $qs: list[int]) -> bool:
    for $x in $qs:
        if $x < $low or $x > $top:
            return False
    return True
''', ["The first value outside the range settles the question, so the loop ends at once.",
      "Only when the loop has found no offender is the answer yes."]),
     ('''
def $f($low: int, $top: int, $qs: list[int]) -> bool:
    return all($x >= $low and $x <= $top for $x in $qs)
''', ["The call reads like the sentence it stands for: all values are inside the range.",
      "Evaluation stops at the first value that fails."]),
     ('''
def $f($low: int, $top: int, $qs: list[int]) -> bool:
    $bad = 0
    for $x in $qs:
        if $x < $low:
            $bad += 1
        elif $x > $top:
            $bad += 1
    return $bad == 0
''', ["Offending values are counted, and a count of zero means that all is well.",
      "Counting all problems makes it easy to report their number later."])],
    LIST, ("$f($A, $B, $qs)",), ["Both borders belong to the allowed range.", "An empty list counts as valid."])

Kind("first below", [
    "returns the position of the first $q below $A", "finds where the $qs fall under $A $unit for the first time",
    "locates the first $item with a $q smaller than $A"],
    ["first_below", "first_low_$q", "find_drop", "where_it_falls"],
    lambda r, d: dict(A=middle(r, d), XS=ints(r, d, 5, 8)),
    lambda p: [next((i for i, x in enumerate(p["XS"]) if x < p["A"]), -1)],
    [('''
def $f($limit: int, $qs: list[int]) -> int:
    for $i in range(len($qs)):
        if $qs[$i] < $limit:
            return $i
    return -1
''', ["The function returns from inside the loop, so later values are never read.",
      "If the loop ends without a hit, -1 says that there is none."]),
     ('''
def $f($limit: int, $qs: list[int]) -> int:
    $i = 0
    while $i < len($qs) and $qs[$i] >= $limit:
        $i += 1
    if $i == len($qs):
        return -1
    return $i
''', ["The loop walks on while values are large enough; where it stops is the answer.",
      "Checking the length first keeps the index inside the list."])],
    LIST, ("$f($A, $qs)",), ["The result -1 stands for not found."])
