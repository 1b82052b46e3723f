"""Words for generated names and texts. All are invented, except countries and languages."""

from __future__ import annotations


def _words(text: str) -> list[str]:
    return text.split()


def _names(text: str) -> list[str]:
    """Names that may have several words, separated by commas."""
    return [" ".join(name.split()) for name in text.split(",")]


FIRST_NAMES = _words("""
    Ada Alma Amir Anouk Arlo Asta Bela Bruno Cora Dario Edda Elio Emil Enzo Esra Fadi Fenja Finn Flora
    Gaia Greta Hana Hugo Ida Ilan Ines Ivo Jana Jonas Juna Kaja Kemal Kian Lara Leif Lena Linus Livia
    Luca Maja Malik Mara Milo Mina Nadja Nele Nico Nils Noor Ola Omar Otis Paula Pia Quinn Rafa Rhea
    Rosa Ruben Runa Sami Selma Silas Sofia Taro Tilda Timo Uma Vera Viggo Wanda Xenia Yara Yuki Zora
""")
LAST_NAMES = _words("""
    Abel Adler Amsel Arden Ashby Barlow Becker Birch Blume Brandt Brook Calder Castell Corvin Dale Dorn
    Eberle Elmer Falk Farrow Feld Fenwick Fischer Fuchs Garner Giese Glenn Hagen Harlow Heath Holm Horn
    Ibsen Irving Jensen Juhl Kaiser Keller Kirsch Kolb Krone Lamm Lindt Loew Marlow Meadow Mohn Moor
    Nagel Norden Oakes Olsen Parr Pfau Quist Rabe Reed Rivers Rook Sander Schilf Sperling Stark Stein
    Tanner Thorn Torres Uhl Vale Vogel Wagner Weide Wells Winter Wolff Yates Zander Ziegler
""")
# Names that break code with quoting or encoding errors: accents, other scripts, quotes, a comma, a backslash.
ODD_NAMES = (
    ("Zoé", "O'Hara"),
    ("Jürgen", "Müller"),
    ("Łucja", "Żółkiewska"),
    ("北斗", "山田"),
    ("Søren", 'Ray "Slim"'),
    ("Ana María", "Núñez, jr."),
    ("Kim", "Back\\slash"),
)

COUNTRIES = _names("""
    Afghanistan, Algeria, American Samoa, Angola, Anguilla, Argentina, Armenia, Australia, Austria,
    Azerbaijan, Bahrain, Bangladesh, Belarus, Bolivia, Brazil, Brunei, Bulgaria, Cambodia, Cameroon,
    Canada, Chad, Chile, China, Colombia, Côte d'Ivoire, Czech Republic, Dominican Republic, Ecuador,
    Egypt, Estonia, Ethiopia, Faroe Islands, Finland, France, French Guiana, French Polynesia, Gambia,
    Germany, Greece, Greenland, Hungary, India, Indonesia, Iran, Iraq, Israel, Italy, Japan, Kazakhstan,
    Kenya, Kuwait, Latvia, Liechtenstein, Lithuania, Madagascar, Malawi, Malaysia, Mexico, Moldova,
    Morocco, Mozambique, Myanmar, Nauru, Nepal, Netherlands, New Zealand, Nigeria, North Korea, Oman,
    Pakistan, Paraguay, Peru, Philippines, Poland, Puerto Rico, Romania, Réunion, Saint Vincent, Saudi
    Arabia, Senegal, Slovakia, South Africa, South Korea, Spain, Sri Lanka, Sudan, Sweden, Switzerland,
    Taiwan, Tanzania, Thailand, Tonga, Tunisia, Turkey, Turkmenistan, Tuvalu, Ukraine, United Arab
    Emirates, United Kingdom, United States, Uruguay, Uzbekistan, Vatican City, Venezuela, Vietnam,
    Virgin Islands, Yemen, Yugoslavia, Zambia
""")
CITY_HEADS = _words("""
    Alder Amber Ash Bay Birch Black Bright Cedar Clear Copper Crow Deep Elm Fair Fern Gold Green Hazel
    High Iron Lake Maple Mill North Oak Rose Salt Silver Stone Winter
""")
CITY_TAILS = _words("""
    bridge burgh bury cliff dale field ford gate ham haven hill hurst ley mere mouth port stead ton wick
    wood
""")
ODD_CITIES = ("Łódź", "São José", "Coeur d'Alene", "北京", "Ürgüp", "Al-Ḥasā, East", "Saint\\Slash")
STREETS = _words("""
    Acorn Barley Canal Dune Echo Ferry Garden Harbor Island Juniper Kiln Lantern Market Nectar Orchard
""")
WAYS = _words("Avenue Boulevard Drive Lane Loop Manor Parkway Place Street Way")
DISTRICTS = _words("""
    Alto Baixo Centro Dalmor Estrel Forland Gulmar Hessia Île-Nord Jutmark Kanto Lowmark Midden Nordland
    Ostmark Piemont Querétaro Rhön Süd Tarn
""")

LANGUAGES = _words("English Italian Japanese Mandarin French German")
CATEGORIES = _words("""
    Action Animation Children Classics Comedy Documentary Drama Family Foreign Games Horror Music New
    Sci-Fi Sports Travel
""")
RATINGS = _words("G PG PG-13 R NC-17")
FEATURES = _names("Trailers, Commentaries, Deleted Scenes, Behind the Scenes")
TITLE_HEADS = _words("""
    Amber Arctic Autumn Blazing Borrowed Broken Candle Crimson Crystal Daring Desert Distant Double
    Drifting Eager Electric Empty Endless Falling Fancy Final Flying Frozen Gentle Giant Golden Hidden
    Hollow Hungry Iron Ivory Jolly Laughing Lonely Lost Lucky Magic Midnight Moonlit Noble Open Paper
    Patient Purple Quiet Rapid Restless Rising Royal Rusty Sailing Scarlet Secret Seven Silent Silver
    Sleeping Stolen Summer Sunken Thunder Velvet Wandering Wild Winter
""")
TITLE_TAILS = _words("""
    Academy Anchor Angel Avenue Balloon Bandit Bazaar Bridge Butterfly Caravan Carnival Castle Chapel
    Circus Comet Compass Cousin Crown Detective Dragon Engine Express Feather Fever Fountain Galaxy
    Garden Ghost Harvest Horizon Hotel Island Jungle Kingdom Ladder Lantern Legend Lighthouse Machine
    Market Mirror Monsoon Mountain Museum Orchestra Palace Parade Pirate Planet Puzzle Railway Reunion
    River Rodeo Shadow Siren Station Symphony Tango Telescope Theater Treasure Violin Voyage Waltz
""")
ODD_TITLES = ("Amélie's Übung", 'The "Quoted", Film', "Back\\Slash Story", "北の国")
MOODS = _words("""
    Amazing Boring Brilliant Epic Fanciful Fateful Insightful Lacklusture Stunning Touching
""")
KINDS = _names("""
    Character Study, Display, Documentary, Drama, Epistle, Panorama, Reflection, Saga, Story, Tale, Yarn
""")
HEROES = _words("""
    Astronaut Baker Beekeeper Boat Cat Diver Gardener Moose Pilot Robot Sailor Squirrel Teacher Waiter
""")
DEEDS = _words("""
    Battle Build Chase Confront Discover Escape Find Meet Outrun Redeem Rescue Succumb
""")
PLACES = _names("""
    Ancient India, a Balloon, a Lighthouse, a Manor, Antarctica, Berlin, Nigeria, The Outback, Tokyo
""")
