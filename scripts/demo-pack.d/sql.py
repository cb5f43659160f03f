"""Tasks answered by a query: small tables, and results worked out in Python."""
from kinds import Raw

SQL_KINDS = []


class SqlKind:
    skip, notes = (), ()
    names = ["query"]

    def __init__(self, name, asks, query, solve, how, notes=(), tables=1):
        self.name, self.asks, self.query, self.solve, self.how, self.hints, self.tables = name, asks, query, solve, how, list(notes), tables
        self.codes = [("",)]
        SQL_KINDS.append(self)

    def setup(self, r, d):
        few = r.sample(d.names, r.randint(3, 4))
        rows = [(i + 1, few[i] if i < len(few) else r.choice(few), r.randint(d.low, d.high)) for i in range(r.randint(4, 6))]
        while len({v for _, _, v in rows}) < len(rows):
            rows = [(i, n, r.randint(d.low, d.high)) for i, n, _ in rows]
        values = sorted(v for _, _, v in rows)
        return dict(L=values[len(values) // 2 - 1], N=r.randint(2, 3), rows=rows, few=few, K=few[0],
                    towns=[(n, r.choice(("Leeds", "Turin", "Gent", "Lyon", "Graz", "Porto", "Malmo"))) for n in few[:-1]])


def sql_program(r, kind, domain, draw_type):
    draw = draw_type(r, domain, kind)
    p = draw.values
    table, column = draw.names["items"] + r.choice(("", "_log", "_data", "_2023", "_list", "_records")), draw.names["q"]
    label = r.choice(["name", "label", "title", draw.names["item"] + "_name"])
    draw.names.update(table=table, col=column, label=label, place=r.choice(["town", "city", "place", "location"]))
    draw.names.update(tots=r.choice(["total", "sum_of_" + draw.names["qs"], "all_" + draw.names["qs"]]), cnt=r.choice(["entries", "how_many", "row_count"]))
    query = draw.fill(r.choice(kind.query).strip("\n"))
    lines = ["CREATE TABLE %s (id INTEGER PRIMARY KEY, %s TEXT, %s INTEGER);" % (table, label, column),
             "INSERT INTO %s VALUES" % table]
    lines += ["  (%d, '%s', %d)%s" % (i, n, v, "," if k + 1 < len(p["rows"]) else ";") for k, (i, n, v) in enumerate(p["rows"])]
    if kind.tables == 2:
        lines += ["CREATE TABLE places (%s TEXT, %s TEXT);" % (label, draw.names["place"]),
                  "INSERT INTO places VALUES " + ", ".join("('%s', '%s')" % t for t in p["towns"]) + ";"]
    body = "\n".join(lines) + "\n\n" + query
    return draw, body, kind.solve(p), r.choice(kind.asks), list(kind.how), kind.hints


def line(*xs):
    return "|".join("" if x is None else str(x) for x in xs)


def grouped(p):
    out = {}
    for _, n, v in p["rows"]:
        out.setdefault(n, []).append(v)
    return sorted(out.items())


SqlKind("sql filter", ["lists the rows whose $q is above $L", "selects every $item with more than $L $qs", "filters a table by a lower limit of $L"],
        ["SELECT $label, $col\nFROM $table\nWHERE $col > $L\nORDER BY $col;", "SELECT $label, $col FROM $table WHERE NOT $col <= $L ORDER BY $col ASC;"],
        lambda p: [line(n, v) for _, n, v in sorted(p["rows"], key=lambda t: t[2]) if v > p["L"]],
        ["The `WHERE` clause keeps only the rows above the limit.", "Rows are tested one by one, and the survivors are sorted by their value."])
SqlKind("sql totals", ["adds up the $qs for each $item", "groups a table by $item and sums the $qs", "computes one total per name"],
        ["SELECT $label, SUM($col) AS $tots\nFROM $table\nGROUP BY $label\nORDER BY $label;", "SELECT $label, SUM($col) AS $tots\nFROM $table\nGROUP BY 1\nORDER BY 1;"],
        lambda p: [line(n, sum(v)) for n, v in grouped(p)],
        ["All rows with the same name form a group, and each group is reduced to its sum.", "The result has one row per name."])
SqlKind("sql having", ["finds the names that occur at least $N times", "lists each $item with $N or more entries", "counts entries per name and keeps counts from $N"],
        ["SELECT $label, COUNT(*) AS $cnt\nFROM $table\nGROUP BY $label\nHAVING COUNT(*) >= $N\nORDER BY $label;",
         "WITH counted AS (\n  SELECT $label, COUNT(*) AS $cnt FROM $table GROUP BY $label\n)\nSELECT $label, $cnt FROM counted\nWHERE $cnt >= $N\nORDER BY $label;"],
        lambda p: [line(n, len(v)) for n, v in grouped(p) if len(v) >= p["N"]],
        ["The groups are counted first; only then can small ones be dropped.", "A condition on a count cannot stand in the `WHERE` of the same query level."])
SqlKind("sql top", ["shows the $N largest $qs", "picks the top $N rows by $q", "lists the $N entries with the highest values"],
        ["SELECT $label, $col\nFROM $table\nORDER BY $col DESC\nLIMIT $N;",
         "SELECT $label, $col FROM (\n  SELECT $label, $col, RANK() OVER (ORDER BY $col DESC) AS place\n  FROM $table\n) AS ranked\nWHERE place <= $N\nORDER BY $col DESC;"],
        lambda p: [line(n, v) for _, n, v in sorted(p["rows"], key=lambda t: -t[2])[:p["N"]]],
        ["The rows are put in descending order, and only the first ones are kept.", "The largest value comes first in the result."])
SqlKind("sql above average", ["finds the rows whose $q is above the average", "lists each entry that beats the mean $q", "compares every row with the average of the table"],
        ["SELECT $label, $col\nFROM $table\nWHERE $col > (SELECT AVG($col) FROM $table)\nORDER BY $col;",
         "WITH mean AS (SELECT AVG($col) AS level FROM $table)\nSELECT $label, $col\nFROM $table, mean\nWHERE $col > level\nORDER BY $col;"],
        lambda p: [line(n, v) for _, n, v in sorted(p["rows"], key=lambda t: t[2]) if v * len(p["rows"]) > sum(t[2] for t in p["rows"])],
        ["The average is computed once in a query of its own and then used in the comparison.", "The inner query gives a single number."])
SqlKind("sql join", ["joins each row with the place of its $item", "combines two tables to show $q and place", "looks up the place for every entry"],
        ["SELECT t.$label, t.$col, p.$place\nFROM $table AS t\nJOIN places AS p ON p.$label = t.$label\nORDER BY t.id;",
         "SELECT t.$label, t.$col, p.$place\nFROM $table AS t, places AS p\nWHERE t.$label = p.$label\nORDER BY t.id;"],
        lambda p: [line(n, v, dict(p["towns"])[n]) for _, n, v in p["rows"] if n in dict(p["towns"])],
        ["Rows of both tables are matched where the names agree.", "Names without a place do not appear in an inner join."], tables=2)
SqlKind("sql missing", ["lists the names that have no place yet", "finds entries without a partner in the second table", "shows which $items are missing in the list of places"],
        ["SELECT DISTINCT t.$label\nFROM $table AS t\nLEFT JOIN places AS p ON p.$label = t.$label\nWHERE p.$label IS NULL\nORDER BY t.$label;",
         "SELECT DISTINCT $label\nFROM $table\nWHERE $label NOT IN (SELECT $label FROM places)\nORDER BY $label;"],
        lambda p: sorted({n for _, n, _ in p["rows"]} - set(dict(p["towns"]))),
        ["What has no match in the second table is exactly what is asked for.", "`DISTINCT` makes sure that each name is shown once."], tables=2)
SqlKind("sql classes", ["labels each $q as high or low by the limit $L", "sorts the rows into two classes at $L", "marks every entry above $L as high"],
        ["SELECT $label, CASE WHEN $col > $L THEN 'high' ELSE 'low' END AS class\nFROM $table\nORDER BY id;",
         "SELECT $label, IIF($col > $L, 'high', 'low') AS class\nFROM $table\nORDER BY id;"],
        lambda p: [line(n, "high" if v > p["L"] else "low") for _, n, v in p["rows"]],
        ["Each row gets one of two words, depending on its value.", "The table itself is not changed; the class exists only in the result."])
SqlKind("sql class counts", ["counts how many $qs are above and how many at or below $L", "splits the table at $L and counts both parts", "counts high and low entries in one row"],
        ["SELECT SUM(CASE WHEN $col > $L THEN 1 ELSE 0 END) AS high,\n       SUM(CASE WHEN $col <= $L THEN 1 ELSE 0 END) AS low\nFROM $table;",
         "SELECT COUNT(*) FILTER (WHERE $col > $L) AS high,\n       COUNT(*) FILTER (WHERE $col <= $L) AS low\nFROM $table;"],
        lambda p: [line(sum(v > p["L"] for _, _, v in p["rows"]), sum(v <= p["L"] for _, _, v in p["rows"]))],
        ["Two conditional counts are made in the same pass over the table.", "The two numbers add up to the number of rows."])
SqlKind("sql running total", ["shows the running total of the $qs", "adds the $qs row by row", "computes a cumulative sum ordered by id"],
        ["SELECT id, $col, SUM($col) OVER (ORDER BY id) AS running\nFROM $table\nORDER BY id;",
         "SELECT a.id, a.$col, (SELECT SUM(b.$col) FROM $table AS b WHERE b.id <= a.id) AS running\nFROM $table AS a\nORDER BY a.id;"],
        lambda p: [line(i, v, sum(w for j, _, w in p["rows"] if j <= i)) for i, _, v in p["rows"]],
        ["Every row shows the sum of all rows up to and including itself.", "The order by id decides what counts as earlier."])
SqlKind("sql change", ["shows how each $q differs from the one before", "computes the change from row to row", "compares every entry with its predecessor"],
        ["SELECT id, $col - LAG($col) OVER (ORDER BY id) AS change\nFROM $table\nORDER BY id;",
         "SELECT a.id, a.$col - b.$col AS change\nFROM $table AS a\nLEFT JOIN $table AS b ON b.id = a.id - 1\nORDER BY a.id;"],
        lambda p: [line(i, None if k == 0 else v - p["rows"][k - 1][2]) for k, (i, _, v) in enumerate(p["rows"])],
        ["The first row has no predecessor, so its change is empty.", "Each row is paired with the row before it."])
SqlKind("sql best of group", ["finds the largest $q of each $item", "shows the record of every name", "lists the maximum per group"],
        ["SELECT $label, MAX($col) AS best\nFROM $table\nGROUP BY $label\nORDER BY $label;",
         "SELECT t.$label, t.$col AS best\nFROM $table AS t\nWHERE t.$col = (SELECT MAX(u.$col) FROM $table AS u WHERE u.$label = t.$label)\nORDER BY t.$label;"],
        lambda p: [line(n, max(v)) for n, v in grouped(p)],
        ["Within each group only the largest value survives.", "One row per name remains, with its highest value."])
SqlKind("sql update", ["raises all $qs below $L by $N and shows the table", "corrects small $qs with an update", "updates the rows under $L and lists the result"],
        ["UPDATE $table SET $col = $col + $N WHERE $col < $L;\n\nSELECT $label, $col FROM $table ORDER BY id;",
         "UPDATE $table\nSET $col = CASE WHEN $col < $L THEN $col + $N ELSE $col END;\n\nSELECT $label, $col\nFROM $table\nORDER BY id;"],
        lambda p: [line(n, v + p["N"] if v < p["L"] else v) for _, n, v in p["rows"]],
        ["The update changes only the rows below the limit; the query shows all of them.", "The old values are read before any new ones are written."])
SqlKind("sql delete", ["deletes all rows with a $q under $L and counts the rest", "removes small entries and reports how many remain", "cleans the table of $qs below $L"],
        ["DELETE FROM $table WHERE $col < $L;\n\nSELECT COUNT(*) AS remaining FROM $table;",
         "DELETE FROM $table\nWHERE id IN (SELECT id FROM $table WHERE $col < $L);\n\nSELECT COUNT(id) AS remaining\nFROM $table;"],
        lambda p: [line(sum(v >= p["L"] for _, _, v in p["rows"]))],
        ["Deleting follows the same conditions as selecting.", "It is wise to run the condition in a `SELECT` before using it in a `DELETE`."])
SqlKind("sql range", ["reports the smallest and the largest $q per $item", "shows the range of values for each name", "lists minimum, maximum and their difference per group"],
        ["SELECT $label, MIN($col) AS low, MAX($col) AS high, MAX($col) - MIN($col) AS gap\nFROM $table\nGROUP BY $label\nORDER BY $label;",
         "WITH edges AS (\n  SELECT $label, MIN($col) AS low, MAX($col) AS high\n  FROM $table\n  GROUP BY $label\n)\nSELECT $label, low, high, high - low AS gap\nFROM edges\nORDER BY $label;"],
        lambda p: [line(n, min(v), max(v), max(v) - min(v)) for n, v in grouped(p)],
        ["Several aggregates can stand side by side in one query.", "A group with one row has equal ends and a gap of zero."])
SqlKind("sql rank", ["gives every row a rank by its $q", "ranks the entries from the largest $q down", "numbers the rows in the order of their $qs"],
        ["SELECT $label, $col, ROW_NUMBER() OVER (ORDER BY $col DESC) AS place\nFROM $table\nORDER BY place;",
         "SELECT a.$label, a.$col, COUNT(*) AS place\nFROM $table AS a\nJOIN $table AS b ON b.$col >= a.$col\nGROUP BY a.id\nORDER BY place;"],
        lambda p: [line(n, v, k + 1) for k, (_, n, v) in enumerate(sorted(p["rows"], key=lambda t: -t[2]))],
        ["The place of a row is one more than the number of rows above it.", "Since all values differ, no two rows share a place."])
SqlKind("sql series", ["counts the entries in each quarter of the scale", "produces a list of steps with the number of $qs above each", "joins a generated series with the table"],
        ["WITH RECURSIVE steps(level) AS (\n  SELECT 1\n  UNION ALL\n  SELECT level + 1 FROM steps WHERE level < $N\n)\nSELECT level, (SELECT COUNT(*) FROM $table WHERE $col > level * $L / $N) AS $cnt\nFROM steps;"],
        lambda p: [line(k, sum(v > k * p["L"] // p["N"] for _, _, v in p["rows"])) for k in range(1, p["N"] + 1)],
        ["The recursive part makes the numbers one after the other, and each of them is compared with the table.", "The recursion ends when the last step is reached."])
SqlKind("sql exists", ["tells which $items have at least one $q above $L", "checks per name whether a large value exists", "lists the names with any entry over $L"],
        ["SELECT DISTINCT t.$label\nFROM $table AS t\nWHERE EXISTS (\n  SELECT 1 FROM $table AS u WHERE u.$label = t.$label AND u.$col > $L\n)\nORDER BY t.$label;",
         "SELECT $label\nFROM $table\nGROUP BY $label\nHAVING MAX($col) > $L\nORDER BY $label;"],
        lambda p: [line(n) for n, v in grouped(p) if max(v) > p["L"]],
        ["One large value is enough for a name to be listed.", "How many such values there are makes no difference."])
