"""The rules for the general text's varied short pieces: entries, notes, changes, questions, recipes, diaries, instructions."""

RULES = {
    "person": """
Agnes Moor
Tobias Lind
Renata Alves
Samuel Okoro
Greta Halvorsen
Iain Macrae
Yuki Tanaka
Pilar Ortega
Anton Weiss
Leila Haddad
Marek Novak
Bridget Shaw
Emil Castellan
Nadia Petrova
Hugh Pembry
Sofia Marchetti
Kwame Boateng
Ingrid Solheim
Dario Conti
Ruth Abelson
""",
    "village": """
Aldermoor
Brackenford
Castelvento
Dunhollow
Eastwick Mills
Fennimore
Grauberg
Hallowby
Insel Norden
Jarrow Cross
Kilmarth
Lindenau
Mirabel
Nether Stowe
Ostrava Bend
Pellworth
Quarry Hill
Rosenthal
Saltmarsh
Tillingham
Undervale
Veldrik
Westering
Yarrowdale
""",
    "river": """
the Ashe
the Brill
the Corran
the Drave
the Elder
the Fallow
the Garrow
the Isel
the Lune
the Marl
the Nidd
the Oster
the Rill
the Sorn
the Tamble
the Wend
""",
    "trade": """
glass
wool
slate
cider
paper
bells
rope
barrels
clay pipes
lace
lime
copper pans
baskets
linen
honey
clocks
buttons
salted fish
""",
    "animal": """
heron
otter
hedgehog
tawny owl
mole
stoat
swift
toad
kingfisher
badger
pine marten
bat
slow worm
hare
jackdaw
water vole
""",
    "place": """
the old customs house
the swimming bath
the chapel by the weir
the grain exchange
the upper mill
the rope walk
the botanical garden
the fire station
the tannery
the railway shed
the assembly rooms
the brewery
the observatory
the toll bridge
the ice house
the school for pilots
""",
    "plant": """
sea holly
wood sorrel
lady's mantle
hart's tongue
bog myrtle
dusky cranesbill
star moss
white bryony
marsh gentian
goat's beard
wild angelica
stonecrop
toothwort
pellitory
rock samphire
water avens
""",
    "tool": """
adze
spokeshave
plumb line
bradawl
mitre box
turnscrew
calliper
marking gauge
hand drill
drawknife
trowel
float
rasp
cold chisel
seam roller
pruning saw
""",
    "dish": """
barley soup
onion tart
pear cake
lentil stew
potato pancakes
stuffed cabbage
cheese dumplings
fish pie
bean salad
rhubarb crumble
mushroom ragout
plum dumplings
leek pudding
corn fritters
beetroot broth
rice with saffron
""",
    "tempo": """
slowly
without haste
in a hurry
with great care
by torchlight
against all advice
before breakfast
in the rain
for the second time
in complete silence
""",
    "weather": """
It had rained since [dawn|noon|the evening before], and the [gutters|lanes|ditches] were full.
The wind had turned to the [north|east|west] and smelled of [snow|smoke|the sea|hay].
It was so [still|clear|cold] that one could hear [the mill|the trains at {village}|dogs on the far side of {river}].
Fog lay over {river}, and only [the church|the top of the crane|the tallest poplars] stood out of it.
The heat had lasted for {9-20} days, and [the wells|the tempers|the shadows] had become short.
A thin frost covered the [boats|roofs|fields] and was gone by [nine|ten].
Clouds came over the hill one by one, like [sheep through a gate|guests who have all been told the same hour].
The first swallows were back, [a week early|a week late|on the usual day].
Hail had broken {3-40} panes in the greenhouse at {village}.
""",
    "entry": """
== {village} ¶ {geography} {history} {peculiar}
== {v=village} ¶ {history} {geography} {peculiar} {visit}
== {plant} ¶ {botany} {habitat} {useplant}
== {plant} ¶ {habitat} {botany} {useplant} {folklore}
== {animal} ¶ {zoology} {habits} {observed}
== The {tool} ¶ {toolform} {tooluse} {toolcare}
== {person} ¶ {birth} {career} {legacy}
""",
    "geography": """
The village lies on the [left|right|sunny|steep] bank of {river}, {4-60} kilometres above {village}.
It stands on a ridge of [chalk|sandstone|gravel|slate], {90-900} metres above the sea, and can be seen from {village}.
Its houses form a [ring|single street|half moon|cross] around [a pond|{place}|a green with {3-9} lime trees].
To the north the land falls to [marshes|the valley of {river}|a lake without a name], to the south it rises to [bare hills|beech woods|a pass].
About {200-4900} people live here, [most of them in the lower part|fewer than a century ago|and nearly as many sheep].
The road from {village} reaches it after {11-40} bends; the railway [never did|came in 1881 and left in 1964|stops on request].
""",
    "history": """
It was first mentioned in {1050-1490}, in a quarrel about [fishing rights|tithes|a stolen bell|the width of a road].
From {1610-1790} on it lived by making {trade}, which was carried to {village} on [mules|flat boats|people's backs].
After the fire of {1640-1880} it was rebuilt in [brick|stone|half the size], and only {place} still shows the older style.
The trade in {trade} ended when [the railway was built elsewhere|the clay ran out|fashion changed|a cheaper kind came from {village}].
In {1820-1930} {person} founded a school for makers of {trade}; it existed for {12-80} years.
During the floods of {1700-1950} the inhabitants lived for {3-19} days in {place}.
""",
    "peculiar": """
On the first Sunday in [May|August|October] the children [race ducks|carry lanterns|exchange shoes] on {river}.
The church clock has only one hand, since [the other was melted down|nobody asked for more|the money ran out].
A local law of {1700-1900} forbids [whistling after ten|keeping geese in {place}|the sale of {trade} on Fridays]; it was never repealed.
The dialect has {4-14} words for mud and none for [yes|hurry|island].
Visitors are shown a stone on which {person} is said to have [slept|changed his mind|eaten a whole cheese].
The football club has not lost a home match since {1950-2015}, which is partly due to the [slope|wind|referee].
""",
    "visit": """
{place} is open from [April to October|Thursday to Sunday|sunrise to dusk]; the key hangs [at the bakery|on a nail|with {person}].
Walkers reach {village} in {2-6} hours by a path that follows {river}.
There is one inn, with {4-13} beds and a view of [the quarry|the orchards|{place}].
""",
    "botany": """
It is a perennial that grows to a height of {8-140} centimetres, with [narrow|hairy|heart-shaped|deeply cut|leathery] leaves and [white|pale blue|greenish|crimson|yellow] flowers.
The stem is [square|hollow|creeping|reddish at the base] and dies back in [late summer|the first frost].
From {4-9} to {10-30} flowers stand together in a loose [head|spike|umbel]; they open [towards evening|only in full sun|from below].
The fruit is a [capsule|berry|nutlet|pod] that [bursts|floats|clings to fur|is carried off by ants].
The root smells faintly of [cloves|cucumber|ink|roses] when it is cut.
""",
    "habitat": """
It grows in [damp meadows|cracks of old walls|open oak woods|salt marshes|gravel by rivers], rarely above {600-1900} metres.
It avoids lime and is often found together with {plant}.
In the lowlands it has become scarce since [ditches were deepened|hay is cut earlier|sheep no longer graze there].
Near {village} there is a stand of about {40-900} plants that has been known since {1780-1930}.
It prefers shade in the south and sun in the north, as if it knew [what it is about|the difference].
""",
    "useplant": """
The leaves were used to [dye wool grey|keep moths from linen|curdle milk|pack butter for the market].
Bees visit it [gladly|in the morning only|when nothing better flowers].
It can be raised from seed, which needs [frost|light|two winters|a warm bed] to germinate.
An infusion of the [root|flowering tops] was given against [coughs|homesickness|warts], with uncertain success.
""",
    "folklore": """
It was said that whoever carried it [would not be cheated at market|could hear the grass grow|would be bitten by no dog].
In {village} it was hung over the door at midsummer and [forgotten until the next|taken down in silence].
Sailors believed that it must never be brought [on board|into a house with an odd number of windows].
""",
    "zoology": """
The {a=animal} weighs between {20-90} grams and {1-9} kilograms, as anyone will tell you who has not weighed one.
Its [ears|eyes|feet|feathers|whiskers] are unusually [large|small|sensitive], which suits a life [at night|under ground|near water|among roots].
The young are born in [March|early May|June], {2-7} at a time, [blind|already furred|in a nest of {plant}].
It is seen less often than heard; its call resembles [a rusty hinge|a cork being drawn|distant laughter|a question].
""",
    "habits": """
It feeds on [beetles|worms|small fish|seeds|whatever {village} throws away] and hides what it cannot eat.
In autumn it [moves to lower ground|doubles its weight|lines its den with leaves|becomes quarrelsome].
It keeps to the same paths for years, and these can be recognised by [flattened grass|tufts of hair|a strong smell].
Neighbours are [tolerated|chased away|ignored] except in [spring|hard winters].
""",
    "observed": """
A ringed one was found {40-990} kilometres from {village} after {2-9} years.
Numbers have [risen|fallen|stayed the same] since {1970-2010}, chiefly because of [milder winters|fewer hedges|cleaner rivers].
The best time to watch is [an hour after sunset|on still mornings|after rain], from a distance of {10-60} metres and with the wind in one's face.
{person} followed one for {3-12} nights and wrote down {20-90} pages, most of which say that it slept.
""",
    "toolform": """
It consists of a [blade|bar|wheel|frame] of [hardened steel|beech|brass] and a handle that fits the [palm|thumb|whole fist].
The older form has [two handles|no screw at all|a wooden wedge instead of a screw] and is still preferred in {village}.
A good one weighs about {90-900} grams; a heavier one tires the wrist, a lighter one [chatters|wanders].
""",
    "tooluse": """
It is used to [mark a line parallel to an edge|shave curved pieces|test what is upright|open a hole without splitting the wood|smooth wet plaster].
Draw it towards you in [short|long|overlapping] strokes and [let the tool do the work|stop as soon as it sings|turn the piece, not the tool].
Beginners press too hard, which [tears the grain|dulls the edge|leaves a step]; a light hand leaves a surface that needs no sanding.
With it {person} is said to have made {12-60} chairs in one winter.
""",
    "toolcare": """
After work it is wiped dry and rubbed with [a drop of oil|wax|a greasy rag].
The edge is renewed on a stone, at an angle of about {20-35} degrees.
Keep it [hanging|in its box|away from the stove]; a fall costs more than years of use.
""",
    "birth": """
Was born in {1790-1950} in {village}, the [third|youngest|only|seventh] child of a maker of {trade}.
Grew up with an aunt at {village}, above {place}.
Came to {village} as a [stowaway|student of law|refugee|singer] in {1810-1960} and stayed.
""",
    "career": """
After {2-9} years as [a clerk|an apprentice|a ship's cook|a teacher of drawing] came a turn to [botany|bridge building|the theory of knots|the collection of proverbs].
The [first|second|unfinished] book, on the {animal}s of {river}, sold {40-900} copies and was translated into [Danish|Latin|four languages].
Between {1830-1900} and {1901-1970} {20-300} [maps|instruments|songs|letters] came out of the small workshop behind {place}.
A dispute with {person} about [the age of {river}|priority|a borrowed ladder] lasted {8-30} years and produced {3-11} pamphlets.
""",
    "legacy": """
A street in {village} bears the name, and [a kind of {plant}|a crater|a brand of {trade}].
Most of the papers burned in {1900-1950}; what survived is kept in {place}.
The last words are reported as "[more light on the left|I should have counted them twice|tell {person} that I was right|it is only the wind]".
""",
    "changes": """
== Version {1-9}.{0-19}.{0-9} ¶ {change} ⏎{change} ⏎{change} ⏎{change} ¶ {upgrade}
== Changes in {1-6}.{0-30} ¶ {change} ⏎{change} ⏎{change} ⏎{change} ⏎{change}
== Release notes, week {2-52} ¶ {upgrade} ¶ {change} ⏎{change} ⏎{change}
""",
    "change": """
- The [export|import|search|preview|print] command [accepts|now refuses|remembers] [several files at once|folders with spaces|dates before 1970|an empty selection].
- Fixed: [rows|labels|attachments|bookmarks] with more than {100-900} [characters|entries] were [cut off|shown twice|sorted as text].
- [Opening|Saving|Comparing] large [tables|drawings|logs] is about {2-9} times faster, since [indexes are built lazily|nothing is copied any more|only the visible part is drawn].
- The option `--{opt}` has been renamed to `--{opt}`; the old name [still works|prints a warning|will be removed in the next major version].
- New: [a column for {unitname}|a shortcut for the last folder|a report that lists unused {things}|an undo that survives a restart].
- Removed the [blinking cursor|automatic backup|welcome page|second toolbar], which {3-40} people used and {person} defended to the last.
- Corrected a mistake in the [rounding|time zone|page numbers|plural forms] that appeared only [on Mondays|in leap years|with {11-99} users].
- Error messages about {things} now name the [line|file|setting] and suggest [the nearest spelling|what to do next|a command].
- If the [network|disk|printer] is missing, the program [waits {2-30} seconds|continues without it|says so once instead of {20-200} times].
- Documented the [limits|defaults|environment variables|exit codes] of `{command}`, at last.
""",
    "upgrade": """
No steps are needed when coming from version {1-6}.{0-9} or later; older ones should [export their {things} first|be upgraded twice|read the notes on `--{opt}`].
The format of the [cache|index|settings] has changed. It is rebuilt at the first start, which takes about {1-9} minutes for {10-90} thousand {things}.
Thanks to {person} and {person}, who found the cause of the [slow start|wrong totals|missing umlauts] that had puzzled us since {march=month}.
This is a small release. It exists because of one mistake, made in {m=month}, that could [lose|double|mix up] {things}.
""",
    "opt": """
quiet
keep-order
max-depth
strict
from-scratch
width
no-header
follow
since
merge-empty
dry-run
limit
""",
    "unitname": """
file sizes
opening hours
cargo weights
reading times
page counts
distances by road
""",
    "things": """
invoices
contacts
sketches
recordings
subscriptions
templates
readings
tickets
shipments
notebooks
translations
reminders
""",
    "command": """
tally
gather
weave
sift
align
harvest
collate
mirror
stitch
unfold
""",
    "month": """
January
March
April
June
August
September
November
December
""",
    "manual": """
== {c=command} ¶ `{c}` [reads|merges|rewrites|compares] {t=things} [from standard input|in the given folder|that have changed since the last run] and [prints a summary|writes them to a new file|reports what differs]. ¶ {option} ¶ {option} ¶ {remark} {remark}
== The command {c=command} ¶ Synopsis: `{c} [file|-n number|folder target]`. {remark} ¶ {option} ¶ {remark}
""",
    "option": """
`--{opt}` [limits|orders|skips|repeats] the {things} [by name|by date|that are older than {2-30} days|until nothing changes]. The default is {1-64}.
With `--{opt}` the command [asks before each step|keeps going after an error|shows what it would do and changes nothing].
`--{opt} NUMBER` sets how many {things} are held in memory. More is faster up to about {100-900}; beyond that the gain is [small|lost again|a matter of taste].
`--{opt}` cannot be combined with `--{opt}`, because [both claim the same output|the order would be ambiguous|one of them always wins].
""",
    "remark": """
The exit status is 0 if all {things} could be read, 1 if some were skipped, and 2 for a mistake in the call.
Names are compared without regard to case, except on systems [where case matters|with a very old file system].
A file that is [empty|being written|a link to itself] is left out with a warning.
Interrupting the command is safe: results appear under their final name only when they are [complete|checked|closed].
In a pipeline, `{command}` is usually followed by `{command}`, and then the flag `--{opt}` should be given to both.
Time zones are a frequent source of confusion; all {things} are stored in universal time and shown in local time.
""",
    "faq": """
== Questions about {place} ¶ {qa} ¶ {qa} ¶ {qa}
== Questions, {m=month} ¶ {qa} ¶ {qa}
""",
    "qa": """
Can I bring [children|a bicycle|my own {tool}|a {animal}]? [Yes|Certainly|In principle], as long as [it stays on the ground floor|somebody holds it|{person} is not told].
What does it cost? {2-30} [pounds|euros|crowns], or nothing on [the first Monday|rainy days|the birthday of {person}].
Why is [the tower|the east wing|the cellar] closed? Because [of falling slates|a pair of {animal}s is nesting there|the key is in {village}]; we expect to open it in {month}.
Who built it? {person}, in {1680-1910}, for a [bet|widow|bank|society of makers of {trade}].
May I take photographs? Without a flash and [not of the staff|as many as you like|for private use].
Is there parking? For {4-40} cars, behind {place}. On market days take the [tram|footpath|ferry] instead.
How long does a visit take? Most people stay for {20-90} minutes; the record is held by {person} with {2-9} days.
Where does the noise come from? From [the pump|the weir|the organ|{animal}s in the roof]. It stops at {5-9} in the evening.
""",
    "recipe": """
== {d=dish} ¶ For {2-8} people. {ingredients} ¶ {step} {step} {step} {serve}
== {person}'s {d=dish} ¶ {origin} {ingredients} ¶ {step} {step} {serve}
""",
    "ingredients": """
Take {200-900} grams of [flour|potatoes|barley|beans], {2-6} [onions|eggs|leeks|apples], a [cup|pinch|handful] of [salt|thyme|raisins|breadcrumbs], and [butter|oil|stock|cider] as needed.
You need [one large pot|two pans|a deep tin], {1-4} [lemons|carrots|bay leaves], {100-700} grams of [cheese|mushrooms|lentils|plums], and patience.
The list is short: [milk|cream|broth], [rice|bread|noodles], {2-5} cloves of garlic, and whatever the garden at {village} offers in {month}.
""",
    "step": """
[Chop|Slice|Grate] the [onions|roots|apples] finely and let them turn [golden|soft|glassy] over a low flame, which takes about {6-25} minutes.
Stir in the [flour|spices|grated rind] and do not leave the stove; it [burns|sticks|sulks] at once.
Cover with a cloth and let it rest for {20-90} minutes in a place without draught.
Bake in the lower third of the oven at {160-220} degrees until [a knife comes out clean|the edges pull away|the kitchen smells of {month}].
Taste now, as later it will be too late, and add [salt|vinegar|sugar|pepper] by degrees.
Press the mixture through a sieve, or leave it coarse, as they do in {village}.
Bring to the boil once, skim, and keep it just below boiling for {10-80} minutes.
""",
    "serve": """
Serve [hot|lukewarm|the next day], with [bread|sour cream|a green salad|nothing else].
It keeps for {2-6} days and is [better|not worse|a different dish] on the second.
If it has failed, call it {dish} and say nothing.
""",
    "origin": """
{person} had it from a cook on {river} who never wrote anything down.
The recipe is found on the back of a bill for {trade} from {1880-1950}.
In {village} it is eaten when [the nets are mended|somebody comes home|the first snow falls].
""",
    "diary": """
== {month}, the {2-28}th ¶ {weather} {event} {event} {thought}
== From a notebook ¶ {event} {weather} {event} {thought}
""",
    "event": """
{person} came by to return the {tool} and stayed [for soup|until dark|three days].
I walked to {village} {tempo} and met nobody but a {animal}.
We carried the [piano|stove|wardrobe] up to {place}, all {20-90} steps, {tempo}.
The postman brought a parcel that was meant for {person}; it [rattled|smelled of oranges|was warm].
I have counted the {trade} in the store again: {100-900}, which is {2-9} more than yesterday.
At noon the bridge over {river} was closed, and everyone had a reason to be late.
Finished the {dish}. Nobody asked for the recipe.
The choir practised in {place} because of the echo, {tempo}.
Somebody has planted {plant} along the whole wall by night.
Repaired the roof {tempo}; {person} held the ladder and talked about {trade}.
""",
    "thought": """
I must remember that [a plan is not a promise|it was worse last year|the key turns to the left].
One could do without [half of it|clocks|the news] and would not notice for {2-9} weeks.
Tomorrow, if [the ice holds|it stops|she writes], we start again.
Perhaps {person} is right, and it is only a question of {trade}.
It is strange how [quiet|large|familiar] a room becomes when one thing is missing from it.
""",
    "notice": """
== Notice ¶ {announcement} {announcement}
== To all [residents|members|passengers] ¶ {announcement} {announcement} {sign}
""",
    "announcement": """
On {month} {2-28} the water in {place} will be turned off between {6-9} and {10-12}.
The footpath along {river} is closed until further notice; a detour of {1-9} kilometres leads through {village}.
A {animal} has been found near {place}. It is well and [bites|sleeps|answers to no name].
Whoever borrowed the {tool} from the shed is asked to return it {tempo}, without questions.
The course in making {trade} begins on the first [Tuesday|Thursday] of {month}; there are {3-12} places left.
Lost: a grey [glove|umbrella|notebook] with the initials of {person}. The finder will be given {dish}.
The lift is out of order. The engineer is expected [today|on Friday|from {village}].
Because of the [frost|fair|election] the market is moved to {place}.
""",
    "sign": """
{person}, for the committee.
We thank you for your patience, which has been noticed.
Questions may be addressed to {person}, though answers cannot be promised.
""",
}
