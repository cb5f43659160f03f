"""Graphs, grids, dynamic programming and simulations."""
from kinds import Kind, ints


def grid_setup(r, d):
    rows, cols = r.randint(3, 4), r.randint(3, 4)
    return dict(G=[[r.randint(d.low, min(d.high, d.low + 90)) for _ in range(cols)] for _ in range(rows)], I=r.randint(0, rows - 1), J=r.randint(0, cols - 1))


GRID = "$grid = $G"

Kind("row sums", [
    "adds up each row of a table of $qs", "computes one total per row of a grid", "sums the rows of a matrix of $qs"],
    ["row_sums", "sum_rows", "totals_per_row", "add_rows"], grid_setup, lambda p: [[sum(x) for x in p["G"]]],
    [('''
def $f($grid: list[list[int]]) -> list[int]:
    $out = []
    for $row in $grid:
        $total = 0
        for $x in $row:
            $total += $x
        $out.append($total)
    return $out
''', ["The outer loop takes a row, and the inner loop adds its numbers.", "`$total` starts again at zero for every row."]),
     ('''
def $f($grid: list[list[int]]) -> list[int]:
    return [sum($row) for $row in $grid]
''', ["Each row is replaced by its sum.", "The whole table shrinks to one number per row in a single expression."])],
    GRID, ("$f($grid)",), ["Rows may have different lengths."])

Kind("column sum", [
    "adds up column $J of a table", "totals one column in a grid of $qs", "computes the sum of the numbers in column $J"],
    ["column_sum", "sum_column", "total_of_column", "add_column"], grid_setup, lambda p: [sum(row[p["J"]] for row in p["G"])],
    [('''
def $f($grid: list[list[int]], column: int) -> int:
    $total = 0
    for $row in $grid:
        $total += $row[column]
    return $total
''', ["From each row exactly one number is taken, always at the same position.", "The rows are visited once, and the column stays fixed."]),
     ('''
def $f($grid: list[list[int]], column: int) -> int:
    $total = 0
    for $i in range(len($grid)):
        "Row first, then column."
        $total += $grid[$i][column]
    return $total
''', ["Two indexes are used: the first moves down the rows, the second stays.", "The loop counts the rows, so the table may have any height."])],
    GRID, ("$f($grid, $J)",), ["Columns are counted from 0."])

Kind("transpose", [
    "turns the rows of a table into columns", "transposes a grid of $qs", "swaps rows and columns and returns row $J of the result"],
    ["transposed_row", "column_as_row", "transpose_row", "turn_column"], grid_setup, lambda p: [[row[p["J"]] for row in p["G"]]],
    [('''
def $f($grid: list[list[int]], column: int) -> list[int]:
    $out = []
    for $row in $grid:
        $out.append($row[column])
    return $out
''', ["What was a column is collected into a list and so becomes a row.", "Calling the function for every column gives the whole transposed table."]),
     ('''
def transpose($grid: list[list[int]]) -> list[list[int]]:
    turned: list[list[int]] = []
    for $j in range(len($grid[0])):
        new_row: list[int] = []
        for $row in $grid:
            new_row.append($row[$j])
        turned.append(new_row)
    return turned

def $f($grid: list[list[int]], column: int) -> list[int]:
    turned = transpose($grid)
    return turned[column]
''', ["The outer loop runs over the columns, and each of them becomes a new row.", "The helper turns the whole table, and the main function picks one row of it."], ("Rust",))],
    GRID, ("$f($grid, $J)",), ["All rows must have the same length."])


def square(r, d):
    n = r.randint(3, 4)
    return dict(G=[[r.randint(d.low, min(d.high, d.low + 60)) for _ in range(n)] for _ in range(n)])


Kind("diagonals", [
    "compares the two diagonals of a square table", "computes the difference of the diagonal sums of a grid", "subtracts one diagonal sum from the other"],
    ["diagonal_gap", "diagonal_difference", "compare_diagonals", "cross_gap"], square,
    lambda p: [abs(sum(p["G"][i][i] - p["G"][i][-1 - i] for i in range(len(p["G"]))))],
    [('''
def $f($grid: list[list[int]]) -> int:
    falling = 0
    rising = 0
    for $i in range(len($grid)):
        falling += $grid[$i][$i]
        rising += $grid[$i][len($grid) - 1 - $i]
    return abs(falling - rising)
''', ["One index is enough: the falling diagonal has equal row and column, the rising one counts back.", "Both sums grow in the same loop."]),
     ('''
def $f($grid: list[list[int]]) -> int:
    gap = 0
    for $i, $row in enumerate($grid):
        gap += $row[$i]
        gap -= $row[len($grid) - 1 - $i]
    if gap < 0:
        return 0 - gap
    return gap
''', ["What one diagonal adds, the other takes away, so a single number suffices.", "At the end a negative gap changes its sign."])],
    GRID, ("$f($grid)",), ["In a table of odd size the middle number belongs to both diagonals."])

Kind("neighbours", [
    "counts the marked cells around the cell in row $I and column $J", "counts the neighbours of one cell in a grid of zeros and ones", "finds how many of the eight cells around a place are set"],
    ["count_neighbours", "neighbours_of", "marked_around", "cells_around"],
    lambda r, d: dict(G=[[int(r.random() < 0.45) for _ in range(4)] for _ in range(r.randint(3, 4))], I=r.randint(0, 2), J=r.randint(0, 3)),
    lambda p: [sum(p["G"][a][b] for a in range(max(0, p["I"] - 1), min(len(p["G"]), p["I"] + 2)) for b in range(max(0, p["J"] - 1), min(4, p["J"] + 2))) - p["G"][p["I"]][p["J"]]],
    [('''
def $f($grid: list[list[int]], r: int, c: int) -> int:
    $count = 0
    for $i in range(max(0, r - 1), min(len($grid), r + 2)):
        for $j in range(max(0, c - 1), min(len($grid[0]), c + 2)):
            $count += $grid[$i][$j]
    return $count - $grid[r][c]
''', ["The block around the cell is cut off at the borders and added up.", "The cell itself is part of the block and is subtracted at the end."]),
     ('''
def $f($grid: list[list[int]], r: int, c: int) -> int:
    $count = 0
    for $i, $row in enumerate($grid):
        for $j, mark in enumerate($row):
            near = abs($i - r) <= 1 and abs($j - c) <= 1
            if near and not ($i == r and $j == c):
                $count += mark
    return $count
''', ["Every cell is visited, and only those at a distance of one are counted.", "No care is needed at the borders, since only cells that exist are visited."])],
    GRID, ("$f($grid, $I, $J)",), ["Cells on the border have fewer neighbours."])


def graph(r, d):
    n = r.randint(5, 7)
    links = [[] for _ in range(n)]
    for i in range(1, n):
        j = r.randrange(i)
        if r.random() < 0.85:
            links[i].append(j)
            links[j].append(i)
    return dict(G=links, A=0, B=r.randrange(1, n))


def distance(p):
    seen, wave, steps = {p["A"]}, [p["A"]], 0
    while wave:
        if p["B"] in wave:
            return steps
        wave = sorted({m for n in wave for m in p["G"][n]} - seen)
        seen |= set(wave)
        steps += 1
    return -1


def linked(r, d):
    while True:
        p = graph(r, d)
        if all(p["G"]):
            return p


Kind("shortest path", [
    "finds the fewest steps between two $items in a network", "measures the distance from node $A to node $B in a graph", "searches a network breadth-first to reach place $B"],
    ["fewest_steps", "shortest_path", "distance_between", "steps_between"], linked, lambda p: [distance(p)],
    [('''
def $f(links: list[list[int]], $start: int, $target: int) -> int:
    distance = [-1] * len(links)
    distance[$start] = 0
    $queue = [$start]
    $i = 0
    while $i < len($queue):
        node = $queue[$i]
        $i += 1
        for other_node in links[node]:
            if distance[other_node] < 0:
                distance[other_node] = distance[node] + 1
                $queue.append(other_node)
    return distance[$target]
''', ["Breadth-first search visits the nodes in the order of their distance.", "A distance below zero marks a node that has not been reached yet."]),
     ('''
def $f(links: list[list[int]], $start: int, $target: int) -> int:
    $seen = [0] * len(links)
    $seen[$start] = 1
    wave = [$start]
    $steps = 0
    while len(wave) > 0:
        following: list[int] = []
        for node in wave:
            if node == $target:
                return $steps
            for other_node in links[node]:
                if $seen[other_node] == 0:
                    $seen[other_node] = 1
                    following.append(other_node)
        wave = following
        $steps += 1
    return -1
''', ["The search spreads in waves; the number of the wave is the distance.", "Each wave consists of all new neighbours of the wave before it."])],
    "links = $G", ("$f(links, $A, $B)",), ["Every connection can be used in both directions.", "If there is no path, the answer is -1."])

Kind("reachable", [
    "counts the places that can be reached from place $A", "explores a network depth-first and counts the nodes found", "tells how many $items are connected with number $A"],
    ["count_reachable", "reachable_from", "explore", "connected_places"], linked,
    lambda p: [sum(distance({**p, "B": b}) >= 0 for b in range(len(p["G"])))],
    [('''
def $f(links: list[list[int]], $start: int) -> int:
    $seen = [0] * len(links)
    $seen[$start] = 1
    open_nodes = [$start]
    $count = 0
    while len(open_nodes) > 0:
        node = open_nodes.pop()
        $count += 1
        for other_node in links[node]:
            if $seen[other_node] == 0:
                $seen[other_node] = 1
                open_nodes.append(other_node)
    return $count
''', ["A stack holds the nodes still to be explored; the newest is taken first.", "A node is marked when it is put on the stack, so it cannot be put there twice."]),
     ('''
def $f(links: list[list[int]], $start: int) -> int:
    $seen = [0] * len(links)
    $seen[$start] = 1
    changed = True
    while changed:
        changed = False
        for node in range(len(links)):
            if $seen[node] == 1:
                for other_node in links[node]:
                    if $seen[other_node] == 0:
                        $seen[other_node] = 1
                        changed = True
    return sum($seen)
''', ["Marks spread from neighbour to neighbour until a full round changes nothing.", "The sum of the marks is the number of nodes that were reached."])],
    "links = $G", ("$f(links, $A)",), ["The starting place itself is counted as well."])

Kind("knapsack", [
    "picks $items with the greatest total value for a bag that carries $A", "solves a small packing problem with a limit of $A", "finds the best value that fits into a bag of size $A"],
    ["best_load", "pack_bag", "best_value", "fill_bag"],
    lambda r, d: (lambda n: dict(W=[r.randint(2, 9) for _ in range(n)], V=[r.randint(3, 40) for _ in range(n)], A=r.randint(9, 20)))(r.randint(4, 5)),
    lambda p: [max(sum(v for i, v in enumerate(p["V"]) if m >> i & 1) for m in range(2 ** len(p["W"])) if sum(w for i, w in enumerate(p["W"]) if m >> i & 1) <= p["A"])],
    [('''
def $f(weights: list[int], values: list[int], capacity: int) -> int:
    $best = [0] * (capacity + 1)
    for $i in range(len(weights)):
        for room in range(capacity, weights[$i] - 1, -1):
            $best[room] = max($best[room], $best[room - weights[$i]] + values[$i])
    return $best[capacity]
''', ["The table stores the best value for every amount of room.", "Room is filled from the top down, so that no thing is packed twice."]),
     ('''
def best_from($i: int, room: int, weights: list[int], values: list[int]) -> int:
    if $i == len(weights):
        return 0
    without = best_from($i + 1, room, weights, values)
    if weights[$i] > room:
        return without
    packed = values[$i] + best_from($i + 1, room - weights[$i], weights, values)
    if packed > without:
        return packed
    return without

def $f(weights: list[int], values: list[int], capacity: int) -> int:
    return best_from(0, capacity, weights, values)
''', ["For each thing there are two choices, to pack it or not, and the better one counts.", "The recursion tries both choices and compares their results."])],
    "weights = $W\nvalues = $V", ("$f(weights, values, $A)",), ["Everything can be taken at most once."])


Kind("different letters", [
    "counts the positions at which $T and $U differ", "computes the Hamming distance of $T and $U", "compares two codes of the same length letter by letter"],
    ["count_differences", "hamming", "letters_that_differ", "mismatches"],
    lambda r, d: (lambda a: dict(T=a, U="".join(c if r.random() < 0.6 else r.choice("abcdefgh") for c in a)))("".join(r.choice("abcdefgh") for _ in range(r.randint(5, 9)))),
    lambda p: [sum(a != b for a, b in zip(p["T"], p["U"]))],
    [('''
def $f($a: str, $b: str) -> int:
    $count = 0
    for $i in range(len($a)):
        if $a[$i] != $b[$i]:
            $count += 1
    return $count
''', ["Both texts are read at the same position, and each mismatch is counted.", "One index serves both texts, since they have the same length."]),
     ('''
def $f($a: str, $b: str) -> int:
    same = 0
    $i = 0
    while $i < len($a):
        if $a[$i] == $b[$i]:
            same += 1
        $i += 1
    "What is not the same is different."
    return len($a) - same
''', ["The matches are counted, and the length minus the matches gives the differences."])],
    "first_code = $T\nsecond_code = $U", ("$f(first_code, second_code)",), ["Texts of different lengths would need another measure."])

Kind("service counter", [
    "simulates a counter that serves $A people a minute and reports the longest line", "models a service desk with arrivals per minute", "finds how long a waiting line grows when $A can be served per minute"],
    ["longest_line", "simulate_desk", "max_waiting", "busy_counter"],
    lambda r, d: dict(A=r.randint(2, 4), XS=[r.randint(0, 7) for _ in range(r.randint(6, 9))]),
    lambda p: [line(p)],
    [('''
def $f(speed: int, arrivals: list[int]) -> int:
    waiting = 0
    longest = 0
    for newcomers in arrivals:
        waiting += newcomers
        longest = max(longest, waiting)
        waiting -= min(waiting, speed)
    return longest
''', ["Each minute people arrive, the length is noted, and then some are served.", "The number served is limited by the number waiting."]),
     ('''
def $f(speed: int, arrivals: list[int]) -> int:
    waiting = 0
    longest = 0
    for newcomers in arrivals:
        waiting += newcomers
        if waiting > longest:
            longest = waiting
        waiting -= speed
        if waiting < 0:
            "The desk was idle for a part of this minute."
            waiting = 0
    return longest
''', ["The line may not become negative, so it is set back to zero when the desk was faster.", "The record is taken before the service, when the line is longest."])],
    "arrivals = $XS", ("$f($A, arrivals)",), ["The line is empty at the start."])


def line(p):
    w = best = 0
    for x in p["XS"]:
        w += x
        best = max(best, w)
        w = max(0, w - p["A"])
    return best


Kind("lift", [
    "adds up how many floors a lift travels", "works out how far a lift travels between the stops of a day", "totals the distance between successive floors"],
    ["floors_travelled", "lift_distance", "total_distance", "travel"],
    lambda r, d: dict(XS=[0] + [r.randint(0, 12) for _ in range(r.randint(5, 8))]),
    lambda p: [sum(abs(a - b) for a, b in zip(p["XS"], p["XS"][1:]))],
    [('''
def $f(floors: list[int]) -> int:
    $total = 0
    for $i in range(1, len(floors)):
        $total += abs(floors[$i] - floors[$i - 1])
    return $total
''', ["The absolute difference counts a trip down as much as a trip up.", "Each stop is compared with the one before it."]),
     ('''
def $f(floors: list[int]) -> int:
    $total = 0
    here = floors[0]
    for stop in floors:
        if stop > here:
            $total += stop - here
        else:
            $total += here - stop
        here = stop
    return $total
''', ["The larger floor minus the smaller one is the distance, whatever the direction.", "`here` always holds the floor where the lift stands."])],
    "floors = $XS", ("$f(floors)",), ["The ground floor has the number 0.", "Stopping twice at the same floor adds nothing."])

Kind("pond", [
    "counts the days until the lilies cover a pond of $A square metres", "simulates growth from $B by $C each day plus a tenth until $A is passed", "tells on which day a growing number passes $A"],
    ["days_until_full", "grow_days", "days_to_cover", "count_days"],
    lambda r, d: dict(A=r.randint(200, 900), B=r.randint(5, 40), C=r.randint(3, 20)),
    lambda p: [pond(p)],
    [('''
def $f(area: int, start_area: int, growth: int) -> int:
    covered = start_area
    days = 0
    while covered < area:
        covered += covered // 10 + growth
        days += 1
    return days
''', ["Each day adds a tenth of what is there and a fixed amount.", "The loop stops on the first day on which the whole area is covered."]),
     ('''
def $f(area: int, start_area: int, growth: int) -> int:
    if start_area >= area:
        return 0
    tomorrow = start_area + start_area // 10 + growth
    return 1 + $f(area, tomorrow, growth)
''', ["One day is counted, and the rest is worked out from the state of tomorrow.", "When the area is covered, no more days are needed."])],
    calls=("$f($A, $B, $C)",), notes=["Growth by a share of the present size speeds up by itself."])


def pond(p):
    x, n = p["B"], 0
    while x < p["A"]:
        x, n = x + x // 10 + p["C"], n + 1
    return n


Kind("dice", [
    "rolls $N dice with a simple random generator and adds the spots", "simulates $N dice rolls from the seed $S", "produces repeatable dice rolls and totals them"],
    ["roll_dice", "sum_of_rolls", "dice_total", "throw_dice"],
    lambda r, d: dict(N=r.randint(3, 12), S=r.randint(1, 96)),
    lambda p: [dice(p)],
    [('''
def $f(seed: int, rolls: int) -> int:
    $total = 0
    for $i in range(rolls):
        seed = (seed * 37 + 11) % 101
        $total += seed % 6 + 1
    return $total
''', ["A linear rule turns each seed into the next, and the remainder by six gives the spots.", "Since the rule is fixed, the same seed always gives the same rolls."]),
     ('''
def next_seed(seed: int) -> int:
    return (seed * 37 + 11) % 101

def $f(seed: int, rolls: int) -> int:
    $total = 0
    while rolls > 0:
        seed = next_seed(seed)
        $total += seed % 6 + 1
        rolls -= 1
    return $total
''', ["The helper makes the next seed; the loop only turns seeds into spots.", "The number of rolls is counted down to zero."])],
    calls=("$f($S, $N)",), notes=["Such a generator is good for examples, not for secrets."])


def dice(p):
    s, total = p["S"], 0
    for _ in range(p["N"]):
        s = (s * 37 + 11) % 101
        total += s % 6 + 1
    return total


Kind("coin combinations", [
    "counts the ways to pay $A with the given coins", "computes how many combinations of coins give $A", "finds the number of ways to make $A out of coins"],
    ["ways_to_pay", "coin_ways", "count_combinations", "payment_ways"],
    lambda r, d: dict(A=r.randint(8, 40), CS=sorted(r.sample([1, 2, 3, 4, 5, 10, 20], r.randint(3, 4)))),
    lambda p: [combos(p["A"], p["CS"])],
    [('''
def $f(amount: int, coins: list[int]) -> int:
    ways = [0] * (amount + 1)
    ways[0] = 1
    for coin in coins:
        for part in range(coin, amount + 1):
            ways[part] += ways[part - coin]
    return ways[amount]
''', ["Coins are allowed one kind at a time, and the table counts the ways for each smaller amount.", "There is one way to pay nothing, which starts the table."]),
     ('''
def $f(amount: int, coins: list[int]) -> int:
    if amount == 0:
        return 1
    if amount < 0 or len(coins) == 0:
        return 0
    with_first = $f(amount - coins[0], coins)
    return with_first + $f(amount, coins[1:])
''', ["Either the first coin is used once more, or it is never used again.", "An amount of exactly zero is one finished way."])],
    "coins = $CS", ("$f($A, coins)",), ["The order of the coins does not matter.", "Every coin may be used as often as needed."])


def combos(a, cs):
    if a == 0:
        return 1
    if a < 0 or not cs:
        return 0
    return combos(a - cs[0], cs) + combos(a, cs[1:])


Kind("best profit", [
    "finds the best gain from buying once and selling later", "computes the largest rise between an earlier and a later $q", "determines the highest profit over a series of prices"],
    ["best_gain", "best_profit", "largest_rise", "buy_and_sell"],
    lambda r, d: dict(XS=ints(r, d, 6, 9)),
    lambda p: [max(0, max(b - a for i, a in enumerate(p["XS"]) for b in p["XS"][i:]))],
    [('''
def $f(prices: list[int]) -> int:
    cheapest = prices[0]
    $best = 0
    for price in prices:
        if price < cheapest:
            cheapest = price
        elif price - cheapest > $best:
            $best = price - cheapest
    return $best
''', ["The cheapest price so far is remembered, and each later price is compared with it.", "A single pass is enough, because only the cheapest earlier day matters."]),
     ('''
def $f(prices: list[int]) -> int:
    $best = 0
    for $i in range(len(prices)):
        for $j in range($i + 1, len(prices)):
            gain = prices[$j] - prices[$i]
            if gain > $best:
                $best = gain
    return $best
''', ["All pairs of an earlier and a later day are tried.", "The inner loop starts behind the outer one, so selling never comes before buying."])],
    "prices = $XS", ("$f(prices)",), ["If prices only fall, the best gain is 0: it is better not to buy."])
