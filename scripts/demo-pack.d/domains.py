"""The fields of life that the rows are about: what is measured, its unit and range, and the names of things.

A line is: main topic | common-sense topic | subtopic | thing | things | quantity | quantities | unit | low-high | names | who asks
"""

TABLE = """
Weather|Nature|Rain gauges|gauge|gauges|rainfall|rainfalls|millimetres|0-80|harbour,hilltop,orchard,airport,quarry,lighthouse,meadow,ferry|forecaster
Weather|Nature|Wind speed|mast|masts|gust|gusts|kilometres per hour|5-120|north,south,cape,ridge,dune,tower,pier,valley|climber
Gardening|Plants|Greenhouse beds|bed|beds|height|heights|centimetres|3-90|basil,tomato,pepper,fennel,kale,sorrel,radish,chard|gardener
Gardening|Plants|Seed packets|packet|packets|seed_count|seed_counts|seeds|10-200|poppy,lupin,aster,cosmos,clover,foxglove,marigold,dahlia|seed seller
Farming|Food|Milk yield|cow|cows|yield_size|yields|litres|8-40|daisy,bella,clara,mabel,rosie,greta,frieda,paula|dairy farmer
Farming|Food|Grain silos|silo|silos|load|loads|tonnes|20-400|wheat,barley,oats,rye,maize,spelt,millet,sorghum|grain trader
Beekeeping|Animals|Hive weights|hive|hives|weight|weights|kilograms|12-60|amber,birch,cedar,dogwood,elm,fir,gorse,hazel|beekeeper
Fishing|Animals|Catch records|boat|boats|catch_size|catches|crates|0-95|petrel,heron,osprey,tern,gannet,curlew,plover,skua|harbour master
Astronomy|Science|Star brightness|star|stars|magnitude|magnitudes|tenths|1-99|vega,deneb,altair,rigel,spica,mira,castor,pollux|observer
Astronomy|Science|Crater surveys|crater|craters|depth|depths|metres|40-900|tycho,plato,kepler,copernicus,bessel,euler,lambert,timocharis|selenographer
Chemistry|Science|Titration runs|sample|samples|volume|volumes|millilitres|5-60|acid,base,buffer,saline,ester,ether,ketone,amine|lab assistant
Physics|Science|Pendulum timings|swing|swings|period|periods|milliseconds|300-990|brass,steel,lead,copper,oak,glass,quartz,nickel|physics teacher
Geology|Science|Core samples|core|cores|layer|layers|centimetres|2-150|clay,shale,chalk,gravel,basalt,granite,marl,slate|geologist
Oceanography|Science|Tide tables|port|ports|tide|tides|decimetres|2-88|brest,cadiz,bergen,dover,oban,vigo,leith,cork|pilot
Medicine|Health|Pulse readings|patient|patients|pulse|pulses|beats per minute|48-140|ada,boris,chen,dora,emil,farah,gita,hugo|nurse
Medicine|Health|Vaccine stock|clinic|clinics|dose_count|doses|doses|0-300|riverside,oakwood,central,lakeview,westgate,hillcrest,parkside,eastfield|pharmacist
Sport|Health|Sprint times|runner|runners|sprint|sprints|tenths of a second|98-180|amina,bruno,carla,diego,elena,felix,grace,henrik|coach
Sport|Health|Swimming lengths|swimmer|swimmers|length|lengths|lengths|4-120|otto,petra,quinn,rosa,stefan,tilda,umar,vera|swimming club
Cycling|Transport|Stage distances|stage|stages|distance|distances|kilometres|30-240|alps,coast,forest,gorge,lakes,moors,plain,summit|race director
Railways|Transport|Train delays|train|trains|delay|delays|minutes|0-75|express,local,night,mail,freight,shuttle,regional,sleeper|dispatcher
Shipping|Transport|Container loads|container|containers|cargo|cargos|tonnes|2-30|rotterdam,hamburg,antwerp,genoa,valencia,gdansk,piraeus,izmir|port planner
Aviation|Transport|Gate usage|gate|gates|departure_count|departures|flights|0-45|alpha,bravo,delta,echo,golf,hotel,kilo,lima|airport manager
Buses|Transport|Passenger counts|stop|stops|boarding|boardings|passengers|0-70|market,museum,station,hospital,school,stadium,library,bridge|bus company
Cars|Transport|Fuel logs|trip|trips|fuel_use|fuel_uses|litres|2-60|commute,holiday,delivery,school_run,weekend,airport_run,moving,shopping|driver
Libraries|Culture|Book loans|branch|branches|loan_count|loans|loans|3-250|fiction,history,poetry,travel,science,music,cooking,drama|librarian
Museums|Culture|Visitor numbers|gallery|galleries|visitor_count|visitors|visitors|10-800|bronze,ceramics,maps,clocks,textiles,portraits,armour,fossils|curator
Music|Culture|Song lengths|song|songs|duration|durations|seconds|95-420|prelude,ballad,anthem,waltz,lullaby,march,serenade,reel|band leader
Theatre|Culture|Seat sales|show|shows|sale_count|sales|tickets|15-400|hamlet,macbeth,tartuffe,medea,faust,salome,electra,othello|box office
Film|Culture|Review scores|film|films|rating|ratings|points|10-100|comet,harvest,mirror,lantern,voyage,silence,garden,echoes|critic
Photography|Culture|Exposure times|photo|photos|exposure|exposures|milliseconds|1-250|dawn,dusk,noon,storm,snow,street,portrait,night|photographer
Chess|Games|Player ratings|player|players|elo|elos|points|400-990|anand,boris,capa,david,efim,fischer,garry,hou|tournament director
Board games|Games|Score sheets|team|teams|score|scores|points|0-150|red,blue,green,yellow,purple,orange,silver,black|game master
Video games|Games|Level times|level|levels|clear_time|clear_times|seconds|20-600|cavern,castle,jungle,desert,volcano,reef,temple,citadel|speed runner
Card games|Games|Trick counts|hand|hands|trick_count|tricks|tricks|0-13|north,east,south,west,dealer,partner,guest,host|bridge club
Cooking|Food|Recipe portions|recipe|recipes|portion|portions|grams|20-600|soup,stew,salad,risotto,curry,omelette,gratin,paella|cook
Baking|Food|Oven batches|batch|batches|bake_time|bake_times|minutes|8-75|rye,brioche,focaccia,pretzel,baguette,scone,muffin,tart|baker
Coffee|Food|Roast profiles|roast|roasts|heat|heats|degrees|150-240|kenya,brazil,sumatra,yemen,peru,rwanda,java_hill,colombia|roaster
Restaurants|Food|Table orders|table|tables|bill|bills|euros|9-180|window,terrace,corner,bar,garden,balcony,booth,fireside|waiter
Markets|Money|Fruit prices|stall|stalls|price|prices|cents|20-400|apple,pear,plum,cherry,quince,fig,melon,peach|stall holder
Banking|Money|Account movements|account|accounts|deposit|deposits|euros|5-900|rent,salary,grocery,travel,savings,energy,phone,gifts|bank clerk
Budgets|Money|Household costs|bill_item|bill_items|cost|costs|euros|4-500|heating,water,internet,insurance,groceries,repairs,clothes,books|household
Auctions|Money|Bids|lot|lots|bid|bids|pounds|10-950|vase,clock,mirror,desk,carpet,lamp,globe,violin|auctioneer
Shops|Money|Till receipts|receipt|receipts|amount|amounts|euros|1-120|bread,cheese,coffee,olives,pasta,honey,rice,butter|shopkeeper
Warehouses|Work|Stock levels|shelf|shelves|stock|stocks|boxes|0-160|bolts,nuts,screws,hinges,brackets,cables,valves,gaskets|stock clerk
Factories|Work|Machine output|machine|machines|output_size|outputs|parts|30-500|lathe,mill,press,drill,saw,grinder,welder,router|foreman
Offices|Work|Meeting lengths|meeting|meetings|minute_count|meeting_times|minutes|10-150|planning,review,budget,hiring,design,retro,launch,sales|office manager
Postal service|Work|Parcel weights|parcel|parcels|mass|masses|grams|50-990|oslo,paris,rome,sofia,tallinn,vienna,warsaw,zagreb|postal worker
Construction|Work|Beam lengths|beam|beams|span|spans|centimetres|80-600|oak,pine,larch,steel,teak,ash,beech,spruce|site manager
Energy|Technology|Solar output|panel|panels|power_level|power_levels|watts|0-400|roof,barn,garage,shed,carport,balcony,porch,field|solar installer
Energy|Technology|Meter readings|meter|meters|usage|usages|kilowatt hours|1-90|kitchen,workshop,attic,cellar,studio,laundry,office,hall|tenant
Networks|Technology|Ping times|server|servers|latency|latencies|milliseconds|1-350|tokyo,sydney,dublin,lagos,lima,delhi,boston,oslo|network engineer
Storage|Technology|Disk usage|disk|disks|used_space|used_spaces|gigabytes|5-500|root,home,logs,backup,media,cache,archive,scratch|system administrator
Sensors|Technology|Temperature probes|probe|probes|reading|readings|degrees|2-99|inlet,outlet,boiler,chiller,tank,pump,duct,vent|technician
Robotics|Technology|Arm movements|arm|arms|angle|angles|degrees|0-180|shoulder,elbow,wrist,gripper,base,torso,neck,hip|robot builder
Printing|Technology|Print jobs|job|jobs|page_count|page_counts|pages|1-300|poster,leaflet,novel,thesis,menu,calendar,atlas,manual|print shop
Education|People|Exam marks|student|students|mark|marks|points|15-100|alice,ben,chloe,dan,eva,finn,gina,hal|teacher
Education|People|Reading logs|reader|readers|page_total|page_totals|pages|4-220|iris,jonas,kira,leo,mona,nils,olga,pavel|tutor
Elections|People|Vote counts|district|districts|vote_count|votes|votes|40-950|north,south,east,west,centre,harbour,heights,fields|clerk
Surveys|People|Questionnaire answers|answer|answers|opinion|opinions|points|1-10|service,quality,speed,comfort,price_fit,safety,design,taste|pollster
Charity|People|Donations|donor|donors|gift|gifts|pounds|5-750|harper,imran,jana,kofi,lena,marco,nadia,oscar|fund raiser
Housing|Home|Flat sizes|flat|flats|area|areas|square metres|22-180|maple,cedar,willow,linden,poplar,birch,alder,rowan|estate agent
Cleaning|Home|Chore times|chore|chores|effort|efforts|minutes|5-90|dishes,laundry,dusting,windows,floors,garbage,ironing,hoovering|housemate
Pets|Animals|Feeding plans|pet|pets|ration|rations|grams|10-400|rex,tom,fido,luna,milo,nala,ollie,pepper|pet sitter
Zoos|Animals|Animal ages|animal|animals|age|ages|months|2-300|lion,tapir,okapi,lemur,otter,bison,ibex,panda|zoo keeper
Birds|Animals|Ringing data|bird|birds|wingspan|wingspans|millimetres|60-900|robin,wren,finch,siskin,dunnock,thrush,jackdaw,swift|bird ringer
Forests|Nature|Tree girths|tree|trees|girth|girths|centimetres|20-420|oak,beech,maple,spruce,pine,larch,ash,lime|forester
Rivers|Nature|Water levels|river|rivers|water_level|water_levels|centimetres|15-620|rhine,loire,tagus,vistula,danube,ebro,oder,elbe|flood warden
Mountains|Nature|Hiking ascents|hike|hikes|ascent|ascents|metres|50-950|ridge_walk,glacier,saddle,canyon,pass_road,summit,traverse,valley|mountain guide
"""


class Domain:
    def __init__(self, line):
        (self.topic, self.sense, self.sub, self.item, self.items, self.q, self.qs, self.unit, span, names, self.who) = line.split("|")
        self.low, self.high = (int(v) for v in span.split("-"))
        self.names = names.split(",")

    def words(self, key):
        """A field as plain words."""
        return getattr(self, key).replace("_", " ")


DOMAINS = [Domain(line) for line in TABLE.strip().splitlines()]
