# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The things captions name: which words are nouns, and which say the same. For words that are also verbs or adjectives, those are
listed that captions use as nouns as a rule ("car park" but not "to park")."""
NOUNS = set("""
accordion adult airplane airport aisle alley altar ambulance animal ape apartment apple appliance apron arcade arch area arena arm armchair
army art artist asphalt athlete attic audience awning baby back backpack backyard bag balcony ball balloon band bandanna bank banner bar
barn barrel barrier base baseball basket basketball bat bath bathroom bathtub bay beach bead beak beam bean bear beard bed bedding bedroom
bedspread beer bell belt bench bicycle bicyclist bike biker bikini bin bird blanket blind block board boardwalk boat body boogie book
bookshelf boot booth border bottle boulder bowl box boxer boy branch bread brick bride bridge bubble bucket building bull bunny bus bush
cabin cabinet cable cafe cage cake camel camera camper canal candle candy canoe canyon cap car card cardboard carnival carousel carpet
carriage cart case castle cat cave ceiling cell cellphone cement chain chair chandelier cheerleader cheese chest chicken child
chocolate christmas church cigarette circle city classroom cliff climber clock closet cloth clothes clothing cloud clown coach coast
coaster coat cobblestone coffee collar collie column computer concert concrete cone construction container cord corn corner corridor
costume couch counter countertop country countryside couple court courtyard cow cowboy crane creek crib crosswalk crowd cubicle cup cupboard
curb curtain cushion cyclist dancer deck deer desert desk device diner dirt disc dish distance diver dock doctor dog doll donut door
doorway downhill dress dresser driver driveway duck dune dust ear elephant elevator engine entrance escalator excavator eye face facade factory
family farm father faucet feather fence ferry field figure fire fireplace firework fish fisherman flag flamingo flip flock floor flower
flute foam foot football forest fork fountain fox frame freezer freight fridge friend frisbee fruit fur furniture game garage garden gas
gate gear geese gentleman giraffe girl glass glove goal goalie goat goggles golf grape grass grassland gravel greenhouse greyhound group
guitar gun guy gym hair hall hallway hand handrail harness hat hay head headband headboard headphone headscarf hedge helicopter helmet
highway hiker hill hillside hockey hole home hood hoodie hoop horizon horse hose hospital hotel house human hurdle husky hut ice igloo
instrument intersection island jacket jean jeep jersey jet jockey jungle kangaroo karate kayak kayaker keyboard kid kitchen kite kitten
lab lady lake lamp land landscape lane laptop laundry lawn leaf leash leather leaves leg lemon library lighthouse lily lion lip lizard lobby
locker locomotive log lounge luggage machine machinery mall man mane marble market mask mat meadow meal meat microphone microwave mirror mohawk
money monitor monkey monument moose moss motel mother motocross motorbike motorcycle motorcyclist mound mountain mountainside mouse mouth mud
muddle mural museum mushroom music musician muzzle neck necklace net newspaper night nose obstacle ocean office officer onlooker orchard
oven owl pad paddle painting palm pan panda panel pant pants paper parachute parade park parking parrot passenger passerby path patio pavement
paw pedestrian pen penguin person phone photo photograph photographer piano picnic picture pier pig pigeon pile pillar pillow pine pipe pit
pitch pitcher pizza plain plane plant plate platform player playground plaza pole police policeman pond pony poodle pool porch post poster pot
potato propeller puck puddle pug pumpkin puppy purse rabbit racer racetrack rack racket raft rail railing railroad railway rain ram ramp
rapid referee refrigerator reporter restaurant retriever rider river road robe rock rodeo roof room rope row rower rubble rug rugby runner
runway sailboat salad sand sandal sandwich santa scarf scene school scooter screen sea seagull seal seat sedan shade shadow sheep sheet
shelf shell shepherd ship shirt shoe shop shopper shore shoreline shorts shoulder shovel shower shrub shutter sidewalk sign silhouette sink
skateboard skateboarder skater ski skier skirt skull sky skyline skyscraper sled sleeve slope smoke snake snow snowball snowboard snowboarder
snowmobile soap soccer sock soda sofa softball soil soldier spectator spider spoon sprinkler squirrel stable stadium stage stair staircase
stall statue steam steel step stick stilt stone stool store stove strawberry stream street stroller student studio stump subway suit suitcase
sumo sun sunglass sunset surf surfboard surfer suv swan sweater sweatshirt swimmer swimsuit sword t-shirt table tail taxi teacher team
teapot teenager telescope television temple tennis tent terrain terrier theater ticket tie tiger tile tire toddler toilet tongue tool tooth
top tower town toy track tractor traffic trail trailer train trainer tram trampoline tray tree treadmill tree-line trophy truck trumpet trunk
tube tub tulip tunnel tutu umbrella underwater unicycle uniform van vase vegetable vehicle vest video view village violin volleyball wagon waiter wall
warehouse warrior washing water waterfall wave wedding weed wetsuit wheel wheelchair wheelie window windshield wing winter wire wolf woman wood
woods worker workshop wrestler yacht yard zebra bubbles men women people feet mice children scaffolding suv hatchback pickup minivan pedestrian
balcony corridor hill""".split()) - {"muddle", "back", "top", "case", "head"}

SYNONYMS = {
    "men": "man", "guy": "man", "guys": "man", "gentleman": "man", "women": "woman", "lady": "woman", "ladies": "woman",
    "people": "person", "persons": "person", "pedestrian": "person", "pedestrians": "person", "human": "person",
    "children": "child", "kid": "child", "kids": "child", "toddler": "child", "toddlers": "child",
    "puppy": "dog", "puppies": "dog", "kitten": "cat", "kittens": "cat", "feet": "foot", "mice": "mouse", "geese": "goose",
    "bicycle": "bike", "bicycles": "bike", "bicyclist": "cyclist", "bicyclists": "cyclist", "motorbike": "motorcycle",
    "motorbikes": "motorcycle", "biker": "cyclist", "bikers": "cyclist", "sofa": "couch", "sofas": "couch", "photo": "picture",
    "photograph": "picture", "pavement": "sidewalk", "ocean": "sea", "shore": "beach", "shoreline": "beach", "taxi": "car",
    "sedan": "car", "hatchback": "car", "suv": "car", "tee": "t-shirt", "railway": "railroad", "trousers": "pants",
    "airplane": "plane", "airplanes": "plane", "leaves": "leaf", "sunglasses": "glasses", "television": "tv",
}
