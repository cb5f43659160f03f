"""Sorting, merging and searching in order, and tasks about single numbers, dates and money."""
import math

from kinds import Kind, ints
from tasks_numbers import LIST

Kind("binary search", [
    "searches a sorted list of $qs for $A", "finds the position of $A in sorted $qs by halving the range",
    "performs a binary search for the $q $A"],
    ["binary_search", "find_$q", "position_of", "search_sorted"],
    lambda r, d: search_setup(r, d),
    lambda p: [p["XS"].index(p["A"]) if p["A"] in p["XS"] else -1],
    [('''
def $f($target: int, $qs: list[int]) -> int:
    $left = 0
    $right = len($qs) - 1
    while $left <= $right:
        $mid = ($left + $right) // 2
        if $qs[$mid] == $target:
            return $mid
        if $qs[$mid] < $target:
            "The wanted value can only be in the upper half."
            $left = $mid + 1
        else:
            $right = $mid - 1
    return -1
''', ["Each comparison throws away half of the remaining range.",
      "The two borders move towards each other until the value is found or nothing is left."]),
     ('''
def search($target: int, $left: int, $right: int, $qs: list[int]) -> int:
    if $left > $right:
        return -1
    $mid = ($left + $right) // 2
    if $qs[$mid] == $target:
        return $mid
    if $qs[$mid] < $target:
        return search($target, $mid + 1, $right, $qs)
    return search($target, $left, $mid - 1, $qs)

def $f($target: int, $qs: list[int]) -> int:
    return search($target, 0, len($qs) - 1, $qs)
''', ["The helper calls itself with the half that may still contain the value.",
      "An empty range, where `$left` has passed `$right`, ends the recursion."])],
    LIST, ("$f($A, $qs)",), ["The list must be sorted in ascending order.", "The result -1 means that the value is missing.",
                             "Even a million values need only about twenty steps."])


def search_setup(r, d):
    xs = sorted(ints(r, d, 6, 9))
    missing = [v for v in range(d.low, d.high) if v not in xs]
    return dict(A=r.choice(xs) if r.random() < 0.75 or not missing else r.choice(missing), XS=xs)


Kind("sort by hand", [
    "sorts the $qs in ascending order without the library sort", "orders a list of $qs from small to large by hand",
    "arranges the $qs with a hand-written sorting method"],
    ["sort_$qs", "ascending", "order_$qs", "arrange_$qs"],
    lambda r, d: dict(XS=ints(r, d, 5, 8)),
    lambda p: [sorted(p["XS"])],
    [('''
def $f($qs: list[int]) -> list[int]:
    $out = list($qs)
    for $i in range(len($out)):
        for $j in range(len($out) - 1 - $i):
            if $out[$j] > $out[$j + 1]:
                $out[$j], $out[$j + 1] = $out[$j + 1], $out[$j]
    return $out
''', ["This is bubble sort: neighbours in the wrong order are swapped, and large values rise to the end.",
      "After each round one more value at the end is in its final place."]),
     ('''
def $f($qs: list[int]) -> list[int]:
    $out = list($qs)
    for $i in range(len($out)):
        $low = $i
        for $j in range($i + 1, len($out)):
            if $out[$j] < $out[$low]:
                $low = $j
        "Bring the smallest remaining value to the front."
        $out[$i], $out[$low] = $out[$low], $out[$i]
    return $out
''', ["This is selection sort: the smallest of the unsorted values is found and moved forward.",
      "Exactly one swap is made for every position."], ),
     ('''
def $f($qs: list[int]) -> list[int]:
    $out = list($qs)
    for $i in range(1, len($out)):
        moving = $out[$i]
        $j = $i - 1
        while $j >= 0 and $out[$j] > moving:
            $out[$j + 1] = $out[$j]
            $j -= 1
        $out[$j + 1] = moving
    return $out
''', ["This is insertion sort: each value is moved left until the part before it is in order.",
      "Larger values are shifted one place to the right to make room."])],
    LIST, notes=["The work grows with the square of the length, which is fine for short lists.", "The original order is kept in `$qs`."])

Kind("merge sorted lists", [
    "merges two sorted lists of $qs into one", "combines two ordered series of $qs", "joins two sorted lists so that the result is sorted too"],
    ["merge_$qs", "merge_sorted", "combine_sorted", "zip_in_order"],
    lambda r, d: dict(XS=sorted(ints(r, d, 3, 5)), YS=sorted(ints(r, d, 3, 5))),
    lambda p: [sorted(p["XS"] + p["YS"])],
    [('''
def $f($left: list[int], $right: list[int]) -> list[int]:
    $out = []
    $i = 0
    $j = 0
    while $i < len($left) and $j < len($right):
        if $left[$i] <= $right[$j]:
            $out.append($left[$i])
            $i += 1
        else:
            $out.append($right[$j])
            $j += 1
    "One list is used up; take the rest of the other."
    while $i < len($left):
        $out.append($left[$i])
        $i += 1
    while $j < len($right):
        $out.append($right[$j])
        $j += 1
    return $out
''', ["Two positions point at the next unused value of each list, and the smaller one is taken.",
      "When one list is used up, the rest of the other follows as it is."]),
     ('''
def $f($left: list[int], $right: list[int]) -> list[int]:
    $out = []
    $j = 0
    for $x in $left:
        while $j < len($right) and $right[$j] < $x:
            $out.append($right[$j])
            $j += 1
        $out.append($x)
    while $j < len($right):
        $out.append($right[$j])
        $j += 1
    return $out
''', ["Before a value of the first list is added, all smaller values of the second go in.",
      "Only the second list needs an index here; the first one is walked by the loop."])],
    "first_$qs = $XS\nmore_$qs = $YS", ("$f(first_$qs, more_$qs)",), ["Both inputs must already be sorted.", "This step is the heart of merge sort."])

Kind("median", [
    "finds the median of an odd number of $qs", "picks the middle $q after sorting", "determines the $q that lies in the middle of all $qs"],
    ["median", "middle_$q", "median_of_$qs", "central_$q"],
    lambda r, d: dict(XS=r.sample(range(d.low, d.high + 1), min(r.choice((5, 7, 9)), 9))),
    lambda p: [sorted(p["XS"])[len(p["XS"]) // 2]],
    [('''
def $f($qs: list[int]) -> int:
    $ordered = sorted($qs)
    $mid = len($ordered) // 2
    return $ordered[$mid]
''', ["After sorting, half of the values lie on each side of the middle position."]),
     ('''
def $f($qs: list[int]) -> int:
    $answer = -1
    for $x in $qs:
        $count = 0
        for $y in $qs:
            if $y < $x:
                $count += 1
        "The median has the same number of values below and above."
        if $count == len($qs) // 2:
            $answer = $x
    return $answer
''', ["For every value the smaller ones are counted; the median has exactly half of the others below it.",
      "No sorting is needed, at the price of comparing every pair."])],
    LIST, notes=["The number of values is odd and no value occurs twice.", "Unlike the mean, the median does not care about extremes."])

Kind("buckets", [
    "counts how many $qs fall into each of $N equal groups", "builds a histogram of the $qs with $N bins",
    "sorts the $qs into $N bins of width $W and counts them"],
    ["histogram", "count_bins", "group_$qs", "bin_$qs"],
    lambda r, d: (lambda n: dict(N=n, W=d.high // n + 1, XS=ints(r, d, 7, 10)))(r.randint(3, 5)),
    lambda p: [[sum(x // p["W"] == b for x in p["XS"]) for b in range(p["N"])]],
    [('''
def $f($qs: list[int], $width: int, $n: int) -> list[int]:
    $d = [0] * $n
    for $x in $qs:
        $d[$x // $width] += 1
    return $d
''', ["Dividing by the width gives the number of the bin directly.", "All bins start at zero, and each value raises exactly one of them."]),
     ('''
def $f($qs: list[int], $width: int, $n: int) -> list[int]:
    $out = []
    for $i in range($n):
        $count = 0
        for $x in $qs:
            if $x >= $i * $width and $x < ($i + 1) * $width:
                $count += 1
        $out.append($count)
    return $out
''', ["For every bin, the values between its two borders are counted.", "The lower border belongs to the bin, the upper one to the next."])],
    LIST, ("$f($qs, $W, $N)",), ["The first bin starts at 0.", "Adding up the bins gives the number of values."])

Kind("greatest common divisor", [
    "finds the greatest common divisor of $A and $B", "computes the largest number that divides both $A and $B",
    "tells the size of equal groups for $A and $B $items"],
    ["common_divisor", "gcd_of", "greatest_divisor", "group_size"],
    lambda r, d: (lambda g: dict(A=g * r.randint(3, 20), B=g * r.randint(2, 15)))(r.randint(2, 18)),
    lambda p: [math.gcd(p["A"], p["B"])],
    [('''
def $f($a: int, $b: int) -> int:
    while $b != 0:
        $a, $b = $b, $a % $b
    return $a
''', ["Euclid's method replaces the pair by the second number and the remainder until nothing remains.",
      "The last divisor that leaves no remainder is the answer."]),
     ('''
def $f($a: int, $b: int) -> int:
    if $b == 0:
        return $a
    return $f($b, $a % $b)
''', ["The recursive form of Euclid's method needs only two lines of logic.", "When the second number has become 0, the first is the answer."]),
     ('''
def $f($a: int, $b: int) -> int:
    $n = min($a, $b)
    while $a % $n != 0 or $b % $n != 0:
        $n -= 1
    return $n
''', ["Starting from the smaller number, every candidate is tried downwards.", "The first candidate that divides both numbers must be the largest."])],
    calls=("$f($A, $B)",), notes=["Every pair of numbers has at least the common divisor 1."])

Kind("common multiple", [
    "tells after how many days two schedules of $A and $B days meet", "computes the least common multiple of $A and $B",
    "finds when two routines that repeat every $A and $B days coincide"],
    ["next_meeting", "least_multiple", "days_until_both", "common_cycle"],
    lambda r, d: dict(A=r.randint(4, 24), B=r.randint(3, 21)),
    lambda p: [p["A"] * p["B"] // math.gcd(p["A"], p["B"])],
    [('''
def $f($a: int, $b: int) -> int:
    $n = $a
    while $n % $b != 0:
        $n += $a
    return $n
''', ["Multiples of the first number are tried until one is also a multiple of the second.", "Stepping by `$a` skips every day on which the first schedule is idle."]),
     ('''
def divisor($a: int, $b: int) -> int:
    while $b != 0:
        $a, $b = $b, $a % $b
    return $a

def $f($a: int, $b: int) -> int:
    return $a * $b // divisor($a, $b)
''', ["The product of both numbers counts the common factor twice, so it is divided out once.",
      "A helper finds the greatest common divisor first."])],
    calls=("$f($A, $B)",), notes=["If the numbers share no factor, the answer is their product."])

Kind("prime numbers", [
    "lists all prime numbers up to $A", "finds every prime not larger than $A", "collects the primes from 2 to $A"],
    ["primes_up_to", "list_primes", "find_primes", "collect_primes"],
    lambda r, d: dict(A=r.randint(15, 60)),
    lambda p: [[n for n in range(2, p["A"] + 1) if all(n % k for k in range(2, n))]],
    [('''
def is_prime($n: int) -> bool:
    $k = 2
    while $k * $k <= $n:
        if $n % $k == 0:
            return False
        $k += 1
    return $n >= 2

def $f($limit: int) -> list[int]:
    $out = []
    for $i in range(2, $limit + 1):
        if is_prime($i):
            $out.append($i)
    return $out
''', ["Divisors need to be tried only up to the square root of a number.", "The helper answers for a single number; the main function collects the hits."]),
     ('''
def $f($limit: int) -> list[int]:
    $seen = [0] * ($limit + 1)
    $out = []
    for $i in range(2, $limit + 1):
        if $seen[$i] == 0:
            $out.append($i)
            for $j in range($i, $limit + 1, $i):
                "Every multiple is crossed out."
                $seen[$j] = 1
    return $out
''', ["This is the sieve of Eratosthenes: the multiples of each prime are crossed out.",
      "A number that nobody has crossed out must be prime."])],
    calls=("$f($A)",), notes=["The number 1 is not a prime.", "Two is the only even prime."])

Kind("power", [
    "raises $A to the power $B with few multiplications", "computes $A to the power of $B", "works out $A multiplied by itself $B times"],
    ["power", "raise_to", "power_of", "repeat_multiply"],
    lambda r, d: dict(A=r.randint(2, 6), B=r.randint(3, 9)),
    lambda p: [p["A"] ** p["B"]],
    [('''
def $f($a: int, $n: int) -> int:
    $answer = 1
    while $n > 0:
        if $n % 2 == 1:
            $answer *= $a
        $a *= $a
        $n //= 2
    return $answer
''', ["The base is squared again and again, and the exponent is halved.", "An odd exponent contributes one factor of the current base."]),
     ('''
def $f($a: int, $n: int) -> int:
    if $n == 0:
        return 1
    return $a * $f($a, $n - 1)
''', ["One factor is split off, and the function asks itself for the rest.", "The power with exponent 0 is 1 and ends the recursion."]),
     ('''
def $f($a: int, $n: int) -> int:
    $answer = 1
    for $i in range($n):
        $answer *= $a
    return $answer
''', ["The product is built one factor at a time.", "Starting from 1, the loop multiplies as often as the exponent says."])],
    calls=("$f($A, $B)",))

Kind("digit sum", [
    "adds the digits of the number $A", "computes the digit sum of $A", "sums up all digits of the code $A"],
    ["digit_sum", "sum_of_digits", "add_digits", "cross_sum"],
    lambda r, d: dict(A=r.randint(1000, 999999)),
    lambda p: [sum(map(int, str(p["A"])))],
    [('''
def $f($n: int) -> int:
    $total = 0
    while $n > 0:
        $total += $n % 10
        $n //= 10
    return $total
''', ["The remainder by ten is the last digit, and dividing by ten removes it.", "The loop ends when no digit is left."]),
     ('''
def $f($n: int) -> int:
    if $n < 10:
        return $n
    return $n % 10 + $f($n // 10)
''', ["The last digit is added to the digit sum of the number without it.", "A single digit is its own digit sum."])],
    calls=("$f($A)",), notes=["A number is divisible by 3 exactly when its digit sum is."])

Kind("collatz", [
    "counts the steps from $A down to 1 under the rule of halving even and tripling odd numbers", "follows the Collatz sequence from $A and counts its steps",
    "tells how many steps $A needs to reach 1 in the Collatz game"],
    ["collatz_steps", "steps_to_one", "count_steps", "hailstone_length"],
    lambda r, d: dict(A=r.randint(5, 60)),
    lambda p: [collatz(p["A"])],
    [('''
def $f($n: int) -> int:
    $count = 0
    while $n != 1:
        if $n % 2 == 0:
            $n //= 2
        else:
            $n = 3 * $n + 1
        $count += 1
    return $count
''', ["Even numbers are halved; odd ones are tripled and raised by one.", "`$count` is the number of changes until 1 appears."]),
     ('''
def $f($n: int) -> int:
    if $n == 1:
        return 0
    if $n % 2 == 0:
        return 1 + $f($n // 2)
    return 1 + $f(3 * $n + 1)
''', ["One step is counted here, and the rest is left to the next call.", "Reaching 1 ends the chain of calls."])],
    calls=("$f($A)",), notes=["No start is known for which the sequence fails to reach 1."])


def collatz(n):
    return 0 if n == 1 else 1 + collatz(n // 2 if n % 2 == 0 else 3 * n + 1)


Kind("coins", [
    "pays $A cents with as few coins as possible", "splits an amount of $A cents into coins of 50, 20, 10, 5 and 1", "counts the coins needed for a change of $A cents"],
    ["count_coins", "coins_for", "make_change", "fewest_coins"],
    lambda r, d: dict(A=r.randint(23, 480)),
    lambda p: [change(p["A"])],
    [('''
def $f($rest: int, coins: list[int]) -> int:
    $count = 0
    for coin in coins:
        $count += $rest // coin
        $rest %= coin
    return $count
''', ["The greedy method takes as many of the largest coin as possible and moves on to the next.", "The remainder is what smaller coins still have to cover."]),
     ('''
def $f($rest: int, coins: list[int]) -> int:
    $count = 0
    for coin in coins:
        while $rest >= coin:
            $rest -= coin
            $count += 1
    return $count
''', ["As long as a coin fits into the rest, it is paid out and counted.", "Coins are tried from the largest to the smallest."])],
    given="coins = [50, 20, 10, 5, 1]", calls=("$f($A, coins)",), notes=["For these coin values the greedy choice is the best one."], )


def change(rest):
    count = 0
    for coin in (50, 20, 10, 5, 1):
        count += rest // coin
        rest %= coin
    return count


Kind("leap year", [
    "decides whether $A is a leap year", "checks if the year $A has 366 days", "tells whether February has 29 days in $A"],
    ["is_leap", "leap_year", "has_leap_day", "is_long_year"],
    lambda r, d: dict(A=r.choice([r.randint(1890, 2110), r.randint(400, 550) * 4, r.choice((1900, 2000, 2100, 1600))])),
    lambda p: [p["A"] % 400 == 0 or (p["A"] % 4 == 0 and p["A"] % 100 != 0)],
    [('''
def $f(year: int) -> bool:
    if year % 400 == 0:
        return True
    if year % 100 == 0:
        return False
    return year % 4 == 0
''', ["The rules are tested from the rarest to the most common.", "Full centuries are decided first, and every other year by its remainder by four."]),
     ('''
def $f(year: int) -> bool:
    return year % 4 == 0 and year % 100 != 0 or year % 400 == 0
''', ["One logical expression holds the whole rule.", "Years divisible by four count, except centuries, unless they are divisible by 400."])],
    calls=("$f($A)",), notes=["The year 2000 was a leap year, 1900 was not."])

MONTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
Kind("day of the year", [
    "works out which day of the year $D/$M is", "computes the number of the day $D in month $M within an ordinary year", "counts the days from New Year to day $D of month $M"],
    ["day_of_year", "day_number", "days_since_new_year", "ordinal_day"],
    lambda r, d: (lambda m: dict(M=m, D=r.randint(1, MONTHS[m - 1])))(r.randint(2, 12)),
    lambda p: [sum(MONTHS[:p["M"] - 1]) + p["D"]],
    [('''
def $f(month: int, day: int, lengths: list[int]) -> int:
    $total = day
    for $i in range(month - 1):
        $total += lengths[$i]
    return $total
''', ["The lengths of all earlier months are added to the day.", "The loop stops before the month itself, since only part of it has passed."]),
     ('''
def $f(month: int, day: int, lengths: list[int]) -> int:
    if month == 1:
        return day
    return lengths[month - 2] + $f(month - 1, day, lengths)
''', ["The question for one month is reduced to the month before it.", "In January the day is already the answer."])],
    "lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]", ("$f($M, $D, lengths)",), ["The table is for a year without a leap day."])

Kind("clock time", [
    "writes $A minutes as hours and minutes", "converts a duration of $A minutes to hours and minutes", "formats $A minutes in the form h:mm"],
    ["clock_text", "as_hours", "format_minutes", "to_clock"],
    lambda r, d: dict(A=r.randint(61, 900)),
    lambda p: ["%d:%02d" % divmod(p["A"], 60)],
    [('''
def $f(minutes: int) -> str:
    hours = minutes // 60
    $rest = minutes % 60
    if $rest < 10:
        return f"{hours}:0{$rest}"
    return f"{hours}:{$rest}"
''', ["Division gives the full hours and the remainder the minutes that are left.", "Minutes below ten get a leading zero."]),
     ('''
def $f(minutes: int) -> str:
    hours = 0
    while minutes >= 60:
        minutes -= 60
        hours += 1
    zero = ""
    if minutes < 10:
        zero = "0"
    return f"{hours}:{zero}{minutes}"
''', ["Full hours are taken away one at a time and counted.", "What is left after the loop is less than an hour."])],
    calls=("$f($A)",))

Kind("tiered price", [
    "computes a price of $A each, reduced to $B each from the eleventh piece on, for $N pieces", "prices $N pieces at $A for the first ten and $B for the rest",
    "calculates what $N $items cost when pieces after the tenth are cheaper"],
    ["order_price", "tiered_price", "total_price", "bulk_price"],
    lambda r, d: (lambda a: dict(A=a, B=a - r.randint(2, 7), N=r.randint(4, 40)))(r.randint(9, 48)),
    lambda p: [min(p["N"], 10) * p["A"] + max(p["N"] - 10, 0) * p["B"]],
    [('''
def $f(pieces: int, price: int, reduced: int) -> int:
    if pieces <= 10:
        return pieces * price
    return 10 * price + (pieces - 10) * reduced
''', ["Small orders pay the full price; larger ones pay it for ten pieces only.", "Only the pieces beyond the tenth get the lower price."]),
     ('''
def $f(pieces: int, price: int, reduced: int) -> int:
    $total = 0
    for $i in range(1, pieces + 1):
        if $i <= 10:
            $total += price
        else:
            $total += reduced
    return $total
''', ["Each piece is priced on its own, which keeps the rule visible.", "The loop makes it easy to add further steps to the tariff."]),
     ('''
def $f(pieces: int, price: int, reduced: int) -> int:
    full = min(pieces, 10)
    cheap = max(pieces - 10, 0)
    return full * price + cheap * reduced
''', ["The order is split into two parts with a minimum and a maximum, so no `if` is needed.", "For ten or fewer pieces the second part is simply 0."])],
    calls=("$f($N, $A, $B)",), notes=["The first ten pieces always cost the full price."])

Kind("grade", [
    "turns $A out of 100 points into a grade", "assigns a letter grade for $A points", "chooses the grade that belongs to $A points"],
    ["grade_for", "letter_grade", "rate_points", "grade"],
    lambda r, d: dict(A=r.randint(20, 99)),
    lambda p: ["A" if p["A"] >= 90 else "B" if p["A"] >= 75 else "C" if p["A"] >= 60 else "D" if p["A"] >= 45 else "F"],
    [('''
def $f(points: int) -> str:
    if points >= 90:
        return "A"
    elif points >= 75:
        return "B"
    elif points >= 60:
        return "C"
    elif points >= 45:
        return "D"
    return "F"
''', ["The borders are tested from top to bottom, so the first that fits decides.", "Because higher grades are tested first, no upper border has to be written."]),
     ('''
def $f(points: int) -> str:
    grade = "F"
    if points >= 45:
        grade = "D"
    if points >= 60:
        grade = "C"
    if points >= 75:
        grade = "B"
    if points >= 90:
        grade = "A"
    return grade
''', ["The grade starts at the bottom and is raised by every border that is passed.", "The order of the tests matters: the highest border must come last."])],
    calls=("$f($A)",), notes=["A value on a border gets the better grade."])

Kind("savings plan", [
    "counts the years until $A grows to $B at $P percent a year", "tells how long a deposit of $A must grow at $P percent to reach $B", "simulates yearly interest of $P percent from $A up to $B"],
    ["years_to_reach", "years_needed", "grow_until", "saving_years"],
    lambda r, d: (lambda a: dict(A=a, B=a * r.randint(13, 24) // 10, P=r.randint(3, 9)))(r.randint(8, 60) * 100),
    lambda p: [years(p["A"], p["B"], p["P"])],
    [('''
def $f(money: int, $target: int, percent: int) -> int:
    $count = 0
    while money < $target:
        "Interest is added once a year, cut to whole units."
        money += money * percent // 100
        $count += 1
    return $count
''', ["Every turn of the loop is one year, and the interest is added to the capital.", "The loop ends as soon as the goal is reached or passed."]),
     ('''
def $f(money: int, $target: int, percent: int) -> int:
    if money >= $target:
        return 0
    return 1 + $f(money + money * percent // 100, $target, percent)
''', ["One year is counted, and the same question is asked for the larger capital.", "When the goal is reached, no further year is needed."])],
    calls=("$f($A, $B, $P)",), notes=["Compound interest means that the interest earns interest, too."])


def years(money, target, percent):
    n = 0
    while money < target:
        money, n = money + money * percent // 100, n + 1
    return n


def ways(n):
    return sum(math.comb(n - twos, twos) for twos in range(n // 2 + 1))


Kind("ways up the stairs", [
    "counts the ways to climb $A steps by taking one or two at a time", "computes in how many ways $A steps can be climbed with strides of 1 or 2", "solves the staircase problem for $A steps"],
    ["climb_ways", "count_ways", "stair_ways", "ways_up"],
    lambda r, d: dict(A=r.randint(5, 17)),
    lambda p: [ways(p["A"])],
    [('''
def $f($n: int) -> int:
    $before = 1
    $answer = 1
    for $i in range(2, $n + 1):
        $before, $answer = $answer, $before + $answer
    return $answer
''', ["The last stride is either one or two steps, so the two previous numbers are added.", "Only the last two results are needed, not the whole table."]),
     ('''
def $f($n: int) -> int:
    if $n <= 1:
        return 1
    return $f($n - 1) + $f($n - 2)
''', ["The ways split into those that end with a single step and those that end with a double one.", "With one step or none there is exactly one way."]),
     ('''
def $f($n: int) -> int:
    table = [0] * ($n + 1)
    table[0] = 1
    table[1] = 1
    for $i in range(2, $n + 1):
        table[$i] = table[$i - 1] + table[$i - 2]
    return table[$n]
''', ["A table stores the answer for every smaller staircase.", "Each entry is the sum of the two before it, as in the Fibonacci numbers."])],
    calls=("$f($A)",))

Kind("tower moves", [
    "counts the moves to shift a tower of $A discs in the Towers of Hanoi", "computes how many moves $A discs need in the Hanoi puzzle", "tells the least number of moves for a Hanoi tower with $A discs"],
    ["hanoi_moves", "tower_moves", "moves_for", "count_moves"],
    lambda r, d: dict(A=r.randint(3, 14)),
    lambda p: [2 ** p["A"] - 1],
    [('''
def $f(discs: int) -> int:
    if discs == 0:
        return 0
    return 2 * $f(discs - 1) + 1
''', ["All discs but the largest are moved aside, the largest moves once, and the others follow.", "The smaller tower is moved twice, hence the factor 2."]),
     ('''
def $f(discs: int) -> int:
    moves = 0
    for $i in range(discs):
        "Each disc doubles the work and adds one move."
        moves = 2 * moves + 1
    return moves
''', ["The number is built up from the empty tower, one disc at a time.", "The loop replaces the recursion that usually explains the puzzle."])],
    calls=("$f($A)",), notes=["Ten discs already need more than a thousand moves."])

Kind("set bits", [
    "counts the one bits in the binary form of $A", "tells how many switches are on in the bit mask $A", "counts how many bits of $A are set"],
    ["count_bits", "bits_set", "switches_on", "ones_in"],
    lambda r, d: dict(A=r.randint(17, 4000)),
    lambda p: [bin(p["A"]).count("1")],
    [('''
def $f(mask: int) -> int:
    $count = 0
    while mask > 0:
        if mask % 2 == 1:
            $count += 1
        mask //= 2
    return $count
''', ["The lowest bit is the remainder by two; halving shifts the next bit into its place.", "Every odd remainder is one set bit."]),
     ('''
def $f(mask: int) -> int:
    $count = 0
    while mask > 0:
        "This clears the lowest bit that is set."
        mask = mask & (mask - 1)
        $count += 1
    return $count
''', ["Subtracting one flips the lowest set bit, and the `&` removes it.", "The loop runs once per set bit, not once per position."])],
    calls=("$f($A)",))

Kind("binary text", [
    "writes $A as a binary number", "converts $A to base two", "shows the bits of $A as text"],
    ["to_binary", "binary_text", "bits_of", "as_binary"],
    lambda r, d: dict(A=r.randint(9, 900)),
    lambda p: [bin(p["A"])[2:]],
    [('''
def $f($n: int) -> str:
    digits = ""
    while $n > 0:
        if $n % 2 == 1:
            digits = "1" + digits
        else:
            digits = "0" + digits
        $n //= 2
    return digits
''', ["The remainders by two are the digits, from right to left.", "New digits are put in front, because the lowest one is found first."]),
     ('''
def $f($n: int) -> str:
    if $n < 2:
        return str($n)
    return $f($n // 2) + str($n % 2)
''', ["The last digit is appended to the binary form of half the number.", "Numbers below two are written as they are."])],
    calls=("$f($A)",))
