"""Tasks that group, look up and summarise named things: dictionaries and records."""
from kinds import Kind, Raw


def named(r, d, low=5, high=7, few=3):
    names = r.sample(d.names, few)
    keys = names + [r.choice(names) for _ in range(r.randint(low, high) - few)]
    r.shuffle(keys)
    return dict(NS=keys, XS=[r.randint(d.low, d.high) for _ in keys], K=r.choice(names))


def sums(p):
    out = {}
    for n, x in zip(p["NS"], p["XS"]):
        out[n] = out.get(n, 0) + x
    return out


BOTH = "names = $NS\n$qs = $XS"

Kind("group totals", [
    "adds up the $qs for each $item", "groups the $qs by $item and totals them", "computes one total $q per $item"],
    ["totals_by_$item", "group_totals", "sum_by_name", "totals_per_$item"], named,
    lambda p: [sums(p)[p["K"]]],
    [('''
def $f(names: list[str], $qs: list[int]) -> dict[str, int]:
    $d: dict[str, int] = {}
    for $i in range(len(names)):
        bump($d, names[$i], $qs[$i])
    return $d
''', ["Each name leads to one entry, and its number is added to what is already there.", "The two lists run in parallel, so the same position is used for both."]),
     ('''
def $f(names: list[str], $qs: list[int]) -> dict[str, int]:
    $d: dict[str, int] = {}
    for $i, $key in enumerate(names):
        "A new name starts at zero."
        if $key not in $d:
            $d[$key] = 0
        bump($d, $key, $qs[$i])
    return $d
''', ["A name that has not been seen yet is entered with zero first.", "The dictionary grows with the number of different names, not with the number of entries."])],
    BOTH, ("$f(names, $qs)[$K]",), ["Names that never occur have no entry.", "Both lists must have the same length."])

Kind("word counts", [
    "counts how often each $item is mentioned", "builds a frequency table of the $items", "tallies the mentions of every $item"],
    ["count_mentions", "frequencies", "tally_$items", "count_$items"], named,
    lambda p: [p["NS"].count(p["K"]), len(set(p["NS"]))],
    [('''
def $f(names: list[str]) -> dict[str, int]:
    $d: dict[str, int] = {}
    for $key in names:
        bump($d, $key, 1)
    return $d
''', ["Every name raises its own counter by one.", "The dictionary maps a name to the number of times it was seen."]),
     ('''
def $f(names: list[str]) -> dict[str, int]:
    $d: dict[str, int] = {}
    for $key in names:
        if $key in $d:
            bump($d, $key, 1)
        else:
            "First time that this one is seen."
            $d[$key] = 1
    return $d
''', ["A known name is raised by one, and a new name starts with one.", "The two cases, known and new, are written out."])],
    "names = $NS\n$d = $f(names)", ("$d[$K]", "len($d)"), ["The second number tells how many different names there are."])

Kind("most frequent", [
    "finds the $item that is named most often", "determines the winner of a vote among the $items", "picks the most frequent name"],
    ["most_frequent", "vote_winner", "most_named", "favourite_$item"],
    lambda r, d: winner_setup(r, d),
    lambda p: [max(sorted(set(p["NS"])), key=p["NS"].count)],
    [('''
def $f(names: list[str]) -> str:
    $d: dict[str, int] = {}
    for $key in names:
        bump($d, $key, 1)
    $best = ""
    $top = 0
    for $key in sorted($d):
        if $d[$key] > $top:
            $top = $d[$key]
            $best = $key
    return $best
''', ["The votes are counted first, and the highest count is searched afterwards.", "Going through the names in order makes the result the same on every run."]),
     ('''
def $f(names: list[str]) -> str:
    $best = names[0]
    $top = 0
    for $key in names:
        $count = 0
        for other_name in names:
            if other_name == $key:
                $count += 1
        if $count > $top:
            $top = $count
            $best = $key
    return $best
''', ["For every name the whole list is counted again, which needs no dictionary.", "The leader is replaced only by a name with strictly more votes."])],
    "names = $NS", ("$f(names)",), ["The sample has a single winner."])


def winner_setup(r, d):
    a, b, c = r.sample(d.names, 3)
    keys = [a] * r.randint(3, 4) + [b] * 2 + [c]
    r.shuffle(keys)
    return dict(NS=keys)


Kind("stock booking", [
    "books deliveries and sales of the $items and reports what is left", "keeps a stock of $items up to date", "applies a list of bookings to the stock of each $item"],
    ["book_stock", "apply_bookings", "update_stock", "stock_after"],
    lambda r, d: booking_setup(r, d),
    lambda p: [sums(p)[p["K"]]],
    [('''
def $f(names: list[str], moves: list[int], wanted: str) -> int:
    stock_book: dict[str, int] = {}
    for $i in range(len(names)):
        bump(stock_book, names[$i], moves[$i])
    return stock_book.get(wanted, 0)
''', ["Deliveries are positive and sales negative, so one addition handles both.", "A $item without bookings has the stock 0."]),
     ('''
def $f(names: list[str], moves: list[int], wanted: str) -> int:
    $rest = 0
    for $i, $key in enumerate(names):
        if $key == wanted:
            $rest += moves[$i]
    return $rest
''', ["Only the bookings of the wanted $item are added.", "No table is needed when a single stock is asked for."])],
    "names = $NS\nmoves = $XS", ("$f(names, moves, $K)",), ["A negative booking takes goods out of the stock."])


def booking_setup(r, d):
    p = named(r, d, 5, 7, 2)
    p["XS"] = [r.randint(10, 60) if p["NS"].index(n) == i else r.choice((r.randint(3, 30), -r.randint(1, 9))) for i, n in enumerate(p["NS"])]
    return p


def shelf(r, d, n=4):
    names = r.sample(d.names, n)
    return [(n, r.randint(2, 40), r.randint(1, 25)) for n in names]


def records(record, rows):
    return Raw("[" + ", ".join('%s(%s)' % (record, ", ".join('"%s"' % v if isinstance(v, str) else str(v) for v in row)) for row in rows) + "]")


def record_setup(names):
    def setup(r, d):
        rows = shelf(r, d, r.randint(3, 4))
        while len({a * b for _, a, b in rows}) < len(rows) or len({a for _, a, _ in rows}) < len(rows):
            rows = shelf(r, d, len(rows))
        record = r.choice(names)
        return dict(R=Raw(record), RS=records(record, rows), rows=rows, L=sorted(a for _, a, _ in rows)[1])
    return setup


Kind("value of records", [
    "computes the total value of a list of records with price and quantity", "multiplies price and quantity of every record and adds the products", "totals what all $items on a list are worth"],
    ["total_value", "worth_of", "list_value", "add_values"], record_setup(["Item", "Article", "Product", "Entry", "Good"]),
    lambda p: [sum(a * b for _, a, b in p["rows"])],
    [('''
class $R:
    name: str
    price: int
    quantity: int

def $f(stock_list: list[$R]) -> int:
    $total = 0
    for part in stock_list:
        $total += part.price * part.quantity
    return $total
''', ["Price and quantity are multiplied for each record and added up.", "The record keeps the three facts about a thing together."]),
     ('''
class $R:
    name: str
    price: int
    quantity: int

def value_of(part: $R) -> int:
    return part.price * part.quantity

def $f(stock_list: list[$R]) -> int:
    $total = 0
    for part in stock_list:
        $total += value_of(part)
    return $total
''', ["A helper knows how to value one record; the loop only adds.", "If the rule for one record changes, only the helper changes."])],
    "stock_list: list[$R] = $RS", ("$f(stock_list)",), ["A quantity of zero adds nothing."])

Kind("best record", [
    "finds the record with the highest price and tells its name", "names the most expensive entry of a list", "searches a list of records for the largest price"],
    ["most_expensive", "name_of_best", "dearest", "top_entry"], record_setup(["Offer", "Item", "Product", "Listing"]),
    lambda p: [max(p["rows"], key=lambda t: t[1])[0]],
    [('''
class $R:
    name: str
    price: int
    quantity: int

def $f(offers: list[$R]) -> str:
    $best = offers[0].name
    $top = offers[0].price
    for offer in offers:
        if offer.price > $top:
            $top = offer.price
            $best = offer.name
    return $best
''', ["Name and price of the leader are remembered together.", "The first record sets the mark that the others have to beat."]),
     ('''
class $R:
    name: str
    price: int
    quantity: int

def $f(offers: list[$R]) -> str:
    $best = 0
    for $i in range(len(offers)):
        if offers[$i].price > offers[$best].price:
            $best = $i
    return offers[$best].name
''', ["The position of the leading record is enough to find its name later.", "Fields are compared through the position, so no record is copied."])],
    "offers: list[$R] = $RS", ("$f(offers)",), ["All prices in the sample differ."])

Kind("filter records", [
    "lists the names of all records that cost more than $L", "selects the entries with a price above $L and returns their names", "filters records by price and keeps the names"],
    ["names_above", "expensive_names", "pick_names", "dear_ones"], record_setup(["Item", "Ticket", "Product", "Part"]),
    lambda p: [[n for n, a, _ in p["rows"] if a > p["L"]]],
    [('''
class $R:
    name: str
    price: int
    quantity: int

def $f(things: list[$R], $limit: int) -> list[str]:
    $out: list[str] = []
    for thing in things:
        if thing.price > $limit:
            $out.append(thing.name)
    return $out
''', ["The test uses the price, but only the name is kept.", "Records that are too cheap are passed over."]),
     ('''
class $R:
    name: str
    price: int
    quantity: int

def $f(things: list[$R], $limit: int) -> list[str]:
    return [thing.name for thing in things if thing.price > $limit]
''', ["Filter and projection are written in one expression: which records, and what of them."])],
    "things: list[$R] = $RS", ("$f(things, $L)",), ["The names appear in the order of the list."])

Kind("reorder list", [
    "counts the records whose quantity is below $M", "tells how many $items must be ordered again because fewer than $M are left", "checks the stock and counts what runs low"],
    ["count_low", "to_reorder", "running_low", "short_items"],
    lambda r, d: {**record_setup(["Item", "Supply", "Part", "Stock"])(r, d), "M": r.randint(5, 18)},
    lambda p: [sum(b < p["M"] for _, _, b in p["rows"])],
    [('''
class $R:
    name: str
    price: int
    quantity: int

def $f(supplies: list[$R], minimum: int) -> int:
    $count = 0
    for supply in supplies:
        if supply.quantity < minimum:
            $count += 1
    return $count
''', ["Every record with too small a quantity raises the counter.", "The minimum is a parameter, so the rule can be changed with the call."]),
     ('''
class $R:
    name: str
    price: int
    quantity: int

def is_low(supply: $R, minimum: int) -> bool:
    return supply.quantity < minimum

def $f(supplies: list[$R], minimum: int) -> int:
    $count = 0
    for supply in supplies:
        if is_low(supply, minimum):
            $count += 1
    return $count
''', ["The condition has a name of its own, which makes the loop easy to read."])],
    "supplies: list[$R] = $RS", ("$f(supplies, $M)",))
