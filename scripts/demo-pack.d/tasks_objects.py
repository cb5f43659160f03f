"""Tasks with objects that keep a state: stacks, accounts, counters, machines."""
from kinds import Kind, ints


def numbers(r, n, low=1, high=40):
    return [r.randint(low, high) for _ in range(n)]


Kind("stack", [
    "implements a stack for $qs with push and pop", "keeps $qs on a stack and takes the newest off first", "models a pile of $items where the last one comes off first"],
    ["Stack", "Pile", "Tower"], lambda r, d: dict(XS=ints(r, d, 3, 3)),
    lambda p: [p["XS"][2], p["XS"][1], 1],
    [('''
class $f:
    items: list[int] = []

    def push(self, $x: int) -> None:
        self.items.append($x)

    def pop(self) -> int:
        return self.items.pop()

    def size(self) -> int:
        return len(self.items)
''', ["New values go on top, and `pop` takes the top value away.", "The class hides the list, so nobody can reach into the middle of the pile."]),
     ('''
class $f:
    items: list[int] = []
    height: int = 0

    def push(self, $x: int) -> None:
        self.items.append($x)
        self.height += 1

    def pop(self) -> int:
        "Last in, first out."
        self.height -= 1
        return self.items.pop()

    def size(self) -> int:
        return self.height
''', ["Besides the values, the object counts how many it holds.", "Every `push` raises the height and every `pop` lowers it."])],
    "pile = $f()\nfor $x in $XS:\n    pile.push($x)\nprint(pile.pop())\nprint(pile.pop())\nprint(pile.size())", None,
    ["Popping from an empty stack is not guarded against here.", "A stack is what undo lists and function calls are built on."])

Kind("waiting line", [
    "models a waiting line of $items where the first to come is served first", "implements a queue for $qs", "keeps $items in a queue and serves them in order of arrival"],
    ["Queue", "WaitingLine", "Line"], lambda r, d: dict(XS=ints(r, d, 4, 4)),
    lambda p: [p["XS"][0], p["XS"][1], 2],
    [('''
class $f:
    waiting: list[int] = []

    def join(self, $x: int) -> None:
        self.waiting.append($x)

    def serve(self) -> int:
        return self.waiting.pop(0)

    def length(self) -> int:
        return len(self.waiting)
''', ["Newcomers are added at the back, and service takes from the front.", "The order of arrival is the order of service."]),
     ('''
class $f:
    waiting: list[int] = []
    served: int = 0

    def join(self, $x: int) -> None:
        self.waiting.append($x)

    def serve(self) -> int:
        next_one = self.waiting[self.served]
        self.served += 1
        return next_one

    def length(self) -> int:
        "Those who were served stay in the list, but are not counted."
        return len(self.waiting) - self.served
''', ["Instead of removing anybody, a counter marks how far the service has come.", "Taking from the front costs nothing here, because no element has to move."])],
    "line_up = $f()\nfor $x in $XS:\n    line_up.join($x)\nprint(line_up.serve())\nprint(line_up.serve())\nprint(line_up.length())", None,
    ["Queues appear wherever work must wait for its turn."])

Kind("account", [
    "models an account that refuses to go below zero", "keeps the balance of an account with deposits and withdrawals", "implements an account class with a guard against overdrafts"],
    ["Account", "Wallet", "Purse", "SavingsBox"],
    lambda r, d: (lambda a, b: dict(A=a, B=b, C=a + b + r.randint(1, 60), D=r.randint(1, a)))(r.randint(20, 300), r.randint(5, 90)),
    lambda p: [False, True, p["A"] + p["B"] - p["D"]],
    [('''
class $f:
    balance: int

    def deposit(self, amount: int) -> None:
        self.balance += amount

    def withdraw(self, amount: int) -> bool:
        if amount > self.balance:
            return False
        self.balance -= amount
        return True
''', ["A withdrawal first checks the balance and says whether it took place.", "The state changes only after the check has passed."]),
     ('''
class $f:
    balance: int
    refused: int = 0

    def deposit(self, amount: int) -> None:
        self.balance += amount

    def withdraw(self, amount: int) -> bool:
        if amount <= self.balance:
            self.balance -= amount
            return True
        "Remember how often a request was refused."
        self.refused += 1
        return False
''', ["Requests that are too large are refused and counted.", "The return value tells the caller whether the money was paid out."])],
    "account = $f($A)\naccount.deposit($B)\nprint(account.withdraw($C))\nprint(account.withdraw($D))\nprint(account.balance)", None,
    ["Amounts are whole numbers, which avoids rounding errors with money."])

Kind("tank", [
    "simulates a tank of $A litres that overflows when too much is poured in", "models a water tank with a capacity of $A", "keeps track of a tank's level and of the water lost by overflow"],
    ["Tank", "Reservoir", "Barrel", "Cistern"],
    lambda r, d: (lambda a: dict(A=a, B=r.randint(a // 2, a - 1), C=r.randint(a // 2, a), D=r.randint(1, a // 2)))(r.randint(30, 400)),
    lambda p: [p["B"] + p["C"] - p["A"] if p["B"] + p["C"] > p["A"] else 0, min(p["A"], p["B"] + p["C"]) - p["D"]],
    [('''
class $f:
    capacity: int
    level: int = 0

    def fill(self, litres: int) -> int:
        self.level += litres
        if self.level <= self.capacity:
            return 0
        overflow = self.level - self.capacity
        self.level = self.capacity
        return overflow

    def drain(self, litres: int) -> int:
        if litres > self.level:
            litres = self.level
        self.level -= litres
        return self.level
''', ["`fill` reports how much did not fit, and `drain` how much is left.", "After an overflow the level is set back to the capacity."]),
     ('''
class $f:
    capacity: int
    level: int = 0

    def fill(self, litres: int) -> int:
        room = self.capacity - self.level
        taken = min(litres, room)
        self.level += taken
        return litres - taken

    def drain(self, litres: int) -> int:
        "No more can flow out than is inside."
        self.level -= min(litres, self.level)
        return self.level
''', ["Only what fits into the free room is taken; the rest is returned.", "A minimum protects both ends: the tank is never overfull and never below empty."])],
    "tank = $f($A)\ntank.fill($B)\nprint(tank.fill($C))\nprint(tank.drain($D))", None, ["The level always stays between zero and the capacity."])

Kind("limited counter", [
    "counts visitors and refuses more than $A at once", "implements a door counter with an upper limit of $A", "keeps the number of people in a room at $A or fewer"],
    ["DoorCounter", "Turnstile", "RoomCounter", "Gate"],
    lambda r, d: dict(A=r.randint(2, 6), B=r.randint(7, 12), C=1),
    lambda p: [p["A"], p["B"] - p["A"]],
    [('''
class $f:
    limit: int
    inside: int = 0
    refused: int = 0

    def enter(self) -> bool:
        if self.inside == self.limit:
            self.refused += 1
            return False
        self.inside += 1
        return True

    def present(self) -> int:
        return self.inside

    def turned_away(self) -> int:
        return self.refused
''', ["When the room is full, the counter for refusals rises instead of the one for guests.", "The limit is given once, when the object is made."]),
     ('''
class $f:
    limit: int
    requests: int = 0

    def enter(self) -> bool:
        self.requests += 1
        return self.requests <= self.limit

    def present(self) -> int:
        "At most the limit can be inside."
        if self.requests > self.limit:
            return self.limit
        return self.requests

    def turned_away(self) -> int:
        return self.requests - self.present()
''', ["Only the requests are stored; both answers are worked out from them.", "Storing less means that less can get out of step."])],
    "door = $f($A)\nfor turn in range($B):\n    door.enter()\nprint(door.present())\nprint(door.turned_away())", None,
    ["Nobody leaves the room in this example."])

STATES = [("green", "yellow", "red"), ("idle", "running", "paused"), ("open", "closing", "closed"), ("draft", "review", "published"),
          ("asleep", "awake", "busy"), ("spring", "summer", "autumn")]


def state_setup(r, d):
    a, b, c = r.choice(STATES)
    return dict(A=a, B=b, C=c, N=r.randint(2, 14))


Kind("state cycle", [
    "switches between the states $A, $B and $C and tells the state after $N steps", "simulates a machine that cycles through $A, $B and $C", "models a small state machine with three states"],
    ["next_state", "advance", "follow", "step_state"], state_setup,
    lambda p: [(p["A"], p["B"], p["C"])[p["N"] % 3]],
    [('''
def $f($state: str) -> str:
    if $state == $A:
        return $B
    if $state == $B:
        return $C
    return $A

def state_after(count: int) -> str:
    $state = $A
    for turn in range(count):
        $state = $f($state)
    return $state
''', ["The transition function knows which state follows which.", "A loop applies the transition as often as needed."]),
     ('''
def state_after(count: int) -> str:
    "The order of the states repeats every three steps."
    $rest = count % 3
    if $rest == 0:
        return $A
    elif $rest == 1:
        return $B
    return $C
''', ["Because the cycle has three states, only the remainder by three matters.", "No simulation is needed when the pattern is known."]),
     ('''
def state_after(count: int) -> str:
    $state = $A
    while count > 0:
        if $state == $A:
            $state = $B
        elif $state == $B:
            $state = $C
        else:
            $state = $A
        count -= 1
    return $state
''', ["Each turn of the loop makes one transition, chosen by the current state.", "The machine starts in its first state and stops when all steps are used up."])],
    calls=("state_after($N)",), notes=["After three steps the machine is back where it started."])

Kind("thermostat", [
    "switches a heater on below $A degrees and off above $B", "simulates a thermostat with the limits $A and $B", "counts how often a heater is switched by a thermostat"],
    ["count_switches", "heater_switches", "thermostat", "switch_count"],
    lambda r, d: (lambda a: dict(A=a, B=a + r.randint(2, 4), XS=[r.randint(a - 4, a + 7) for _ in range(r.randint(6, 9))]))(r.randint(15, 20)),
    lambda p: [switches(p)],
    [('''
def $f($low: int, $top: int, temperatures: list[int]) -> int:
    heating = False
    $count = 0
    for degrees in temperatures:
        if degrees < $low and not heating:
            heating = True
            $count += 1
        elif degrees > $top and heating:
            heating = False
            $count += 1
    return $count
''', ["The heater changes only when a limit is crossed and it is not in the right state already.", "Between the two limits nothing happens, which avoids constant switching."]),
     ('''
def $f($low: int, $top: int, temperatures: list[int]) -> int:
    heating = False
    $count = 0
    for degrees in temperatures:
        wanted_state = heating
        if degrees < $low:
            wanted_state = True
        if degrees > $top:
            wanted_state = False
        "A change of state is one switching."
        if wanted_state != heating:
            $count += 1
        heating = wanted_state
    return $count
''', ["The wanted state is decided first and compared with the current one.", "Unless a limit is passed, the wanted state is the old state."])],
    "temperatures = $XS", ("$f($A, $B, temperatures)",), ["The heater is off at the beginning.", "Two limits instead of one make the control calm."])


def switches(p):
    on, n = False, 0
    for t in p["XS"]:
        new = True if t < p["A"] else False if t > p["B"] else on
        n += new != on
        on = new
    return n


Kind("rectangle", [
    "describes a rectangle with area and perimeter", "models a room of $A by $B metres with methods for its measures", "implements a class for rectangular fields"],
    ["Rectangle", "Room", "Field", "Plot", "Sheet"], lambda r, d: dict(A=r.randint(2, 40), B=r.randint(2, 30)),
    lambda p: [p["A"] * p["B"], 2 * (p["A"] + p["B"]), p["A"] == p["B"]],
    [('''
class $f:
    length: int
    width: int

    def area(self) -> int:
        return self.length * self.width

    def perimeter(self) -> int:
        return 2 * (self.length + self.width)

    def is_square(self) -> bool:
        return self.length == self.width
''', ["The two sides are stored once, and every measure is worked out from them.", "Each method answers one question about the shape."]),
     ('''
class $f:
    length: int
    width: int
    measured: int = 0

    def area(self) -> int:
        "Remember how often somebody asked."
        self.measured += 1
        return self.length * self.width

    def perimeter(self) -> int:
        self.measured += 1
        return 2 * self.length + 2 * self.width

    def is_square(self) -> bool:
        return self.width == self.length
''', ["Besides the sides, the object counts how often it was measured.", "The perimeter takes each side twice, since opposite sides are equal."])],
    "shape = $f($A, $B)\nprint(shape.area())\nprint(shape.perimeter())\nprint(shape.is_square())", None, ["A square is a rectangle with equal sides."])

Kind("score keeper", [
    "keeps the score of a game and remembers the best round", "records points per round and reports total and best", "implements a score keeper for a game with several rounds"],
    ["ScoreKeeper", "ScoreSheet", "PointCounter", "GameLog"], lambda r, d: dict(XS=numbers(r, r.randint(3, 6))),
    lambda p: ["total %d, best %d" % (sum(p["XS"]), max(p["XS"]))],
    [('''
class $f:
    total: int = 0
    best: int = 0

    def record(self, points: int) -> None:
        self.total += points
        if points > self.best:
            self.best = points

    def summary(self) -> str:
        return f"total {self.total}, best {self.best}"
''', ["Every call adds to the total and checks for a new best round.", "Only two numbers are stored, however many rounds are played."]),
     ('''
class $f:
    rounds: list[int] = []

    def record(self, points: int) -> None:
        self.rounds.append(points)

    def summary(self) -> str:
        $total = 0
        $best = 0
        for points in self.rounds:
            $total += points
            $best = max($best, points)
        return f"total {$total}, best {$best}"
''', ["All rounds are kept, and the summary is worked out when it is asked for.", "Keeping the rounds allows other questions later, such as the average."])],
    "keeper = $f()\nfor points in $XS:\n    keeper.record(points)\nprint(keeper.summary())", None)

Kind("battery", [
    "models a battery that is charged and used up", "tracks the charge of a battery in percent", "simulates a battery with charging and use"],
    ["Battery", "PowerPack", "Accumulator", "Cell"],
    lambda r, d: dict(A=r.randint(30, 80), B=r.randint(5, 70), C=r.randint(5, 60)),
    lambda p: [min(100, p["A"] + p["B"]), max(0, min(100, p["A"] + p["B"]) - p["C"])],
    [('''
class $f:
    charge: int

    def load(self, percent: int) -> int:
        self.charge += percent
        if self.charge > 100:
            self.charge = 100
        return self.charge

    def spend(self, percent: int) -> int:
        self.charge -= percent
        if self.charge < 0:
            self.charge = 0
        return self.charge
''', ["Both methods correct the charge when it leaves the range from 0 to 100.", "Each method returns the new charge, so the caller sees the effect."]),
     ('''
class $f:
    charge: int

    def change(self, percent: int) -> int:
        self.charge += percent
        if self.charge > 100:
            self.charge = 100
        elif self.charge < 0:
            self.charge = 0
        return self.charge

    def load(self, percent: int) -> int:
        return self.change(percent)

    def spend(self, percent: int) -> int:
        return self.change(0 - percent)
''', ["Charging and use are the same change with different signs.", "The limits are enforced in one place only."])],
    "battery = $f($A)\nprint(battery.load($B))\nprint(battery.spend($C))", None, ["A charge outside 0 to 100 percent would make no sense."])
