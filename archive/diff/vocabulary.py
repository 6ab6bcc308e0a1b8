"""Swedish and English words that mark facts: numbers, money, months and days, negations, modal verbs, titles."""

from __future__ import annotations

from archive.i18n import MONTH_NAMES


def _map_words(words: str, value: int) -> dict[str, int]:
    return dict.fromkeys(words.split(), value)


def _split_words(words: str) -> tuple[str, ...]:
    return tuple(words.split())


# Numbers.
_SMALL_NUMBERS = (
    "noll ett två tre fyra fem sex sju åtta nio tio elva tolv tretton fjorton femton sexton sjutton arton nitton",
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen",
)
_TENS_NAMES = (
    "tjugo trettio fyrtio femtio sextio sjuttio åttio nittio",
    "twenty thirty forty fifty sixty seventy eighty ninety",
)
_ORDINALS = (  # from the third on: "för det första", "andra" (others) and "a second" are seldom numbers
    "tredje fjärde femte sjätte sjunde åttonde nionde tionde",
    "third fourth fifth sixth seventh eighth ninth tenth",
)


def _number_words() -> dict[str, int]:
    words: dict[str, int] = {}
    for units, tens, hyphen in zip(_SMALL_NUMBERS, _TENS_NAMES, ("", "-"), strict=True):
        small = {word: number for number, word in enumerate(units.split())}
        for count, ten in enumerate(tens.split(), 2):
            words[ten] = count * 10
            words |= {f"{ten}{hyphen}{unit}": count * 10 + number for unit, number in small.items() if 0 < number < 10}
        words |= {word: number for word, number in small.items() if number != 1}  # ett, one: seldom a number
    for row in _ORDINALS:
        words |= {word: number for number, word in enumerate(row.split(), 3)}
    return words


NUMBER_WORDS = _number_words()
TENS_WORDS = (*_split_words(_TENS_NAMES[0]), "tio")  # ett femtiotal
FRACTION_WORDS = _split_words(
    "hälften halva halv tredjedel tredjedelar fjärdedel fjärdedelar femtedel femtedelar tiondel tiondelar dubbelt"
    " half twice thirds quarters"
)
SCALES = {
    **_map_words("hundra hundred", 100),
    **_map_words("tusen thousand", 1000),
    **_map_words("miljon miljoner million millions mn milj", 10**6),
    **_map_words("miljard miljarder billion billions md mdr", 10**9),
    **_map_words("biljon biljoner trillion trillions", 10**12),
}

# Money and measures.
MONEY_ABBREVIATIONS = {
    **_map_words("tkr", 1000),
    **_map_words("mkr mnkr msek", 10**6),
    **_map_words("mdkr mdrkr", 10**9),
}
CURRENCIES = {
    **dict.fromkeys(_split_words("kr kronor krona kronors kronorna sek"), "kr"),
    **dict.fromkeys(_split_words("euro eur euros €"), "euro"),
    **dict.fromkeys(_split_words("dollar dollars usd $"), "dollar"),
    **dict.fromkeys(_split_words("pund pounds gbp £"), "pund"),
    **dict.fromkeys(_split_words("öre ören"), "öre"),
}
CURRENCY_SIGNS = "€$£"
UNITS = _split_words(  # of measured numbers; 3 km is not 3 mil
    "år månad månader vecka veckor dygn dag dagar timme timmar minut minuter sekunder mil km meter m cm mm kvm m2 m³"
    " hektar ha kg gram g ton liter grader °C MW GW kW kWh MWh GWh TWh km/h"
    " year years month months week weeks day days hour hours minute minutes seconds mile miles metres degrees"
)
LOWERCASE_UNITS = {unit.casefold() for unit in UNITS}
COUNTED_NOUNS = _split_words(  # four digits before these are a count, not a year
    "personer människor barn elever poliser platser företag kommuner ärenden stycken st meter km kg ton hektar timmar"
    " dagar procent people persons children places companies cases hours days percent"
)

# Dates.
FULL_MONTHS = {str(name).casefold(): number for number, pair in enumerate(MONTH_NAMES, 1) for name in pair}
_SHORT = "jan,feb febr,mar,apr,,jun,jul,aug,sep sept,okt oct,nov,dec"
SHORT_MONTHS = {short: number for number, row in enumerate(_SHORT.split(","), 1) for short in row.split()}
MONTH_NUMBERS = FULL_MONTHS | SHORT_MONTHS
# A Swedish month is a date even without a day or year; "may" and "March" are not.
MONTHS_ALONE = tuple(str(pair.sv) for pair in MONTH_NAMES)
WEEKDAYS = _split_words(
    "måndag tisdag onsdag torsdag fredag lördag söndag Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
)
SEASONS = _split_words("våren sommaren hösten vintern årsskiftet halvårsskiftet")
SEASONS_EN = _split_words("spring summer autumn winter")  # dates only where a year follows
# Words other than numbers and months that may begin a fact: den 4 maj, kl. 10, SOU 2024:88.
FACT_OPENERS = _split_words(
    "den the i en ett one a an half kl klockan vecka week v sek eur usd gbp sou ds com sfs prop dir skr bet rskr dnr"
    " idag igår imorgon today yesterday tomorrow första andra tredje fjärde first second third fourth"
)

# Negations, opposites and modal verbs.
NEGATIONS = frozenset(
    _split_words(
        "inte ej aldrig ingen inget inga ingenting ingenstans icke varken utan"
        " not no never none nothing nobody neither nor without cannot"
    )
)
NEGATING_PREFIXES = ("icke-", "non-")
NEGATING_SUFFIXES = ("n't", "n’t")  # doesn't
OPPOSITE_PREFIXES = ("o", "un")  # möjligt → omöjligt; "in" would take införa for the opposite of föra
OPPOSITE_STEMS = tuple(  # stems of words with opposite meanings
    tuple(pair.split("/"))
    for pair in _split_words(
        "höj/sänk höjn/sänkn öka/minska ökn/minskn ökar/minskar minst/högst över/under före/efter fler/färre"
        " mer/mindre större/mindre tillåt/förbj tillåt/förbud bifall/avsl godkän/avsl bevilja/avsl stärk/försvag"
        " utvidg/inskränk öppn/stäng tidigare/senare snabbare/långsammare"
        " increas/decreas rais/lower more/less above/below before/after over/under approv/reject allow/forbid allow/ban"
        " minimum/maximum open/clos strengthen/weaken earlier/later"
    )
)
MODALS = {  # word → value; forms of the same strength share a value
    **{
        word: word
        for word in _split_words("kan kunde bör borde får fick måste skulle can could may might must should would")
    },
    **dict.fromkeys(_split_words("ska skall shall will"), "ska"),
}

# Names, sentences and speech.
# A capital on one of these at the start of a sentence is not part of the name that follows.
ROLE_TITLES = _split_words(
    "minister ministern direktör direktören chef chefen hövding hövdingen sekreterare sekreteraren ordförande"
    " ordföranden president presidenten talesperson professor professorn kung kungen drottning drottningen prins"
    " prinsessan general generalen expert experten handläggare utredare utredaren ledare ledaren ambassadör"
    " ambassadören ledamot ledamoten kommissionär doktor director secretary chair chairman commissioner king queen"
    " prince princess spokesperson ambassador"
)
NAME_PARTICLES = frozenset(("von", "af", "av", "de", "la", "der", "den", "van", "el", "al", "bin", "da", "di"))
FUNCTION_WORDS = frozenset(
    _split_words(
        "i av på för med det den de en ett och att som om när där här nu då vid till från under över efter före"
        " mellan hos genom enligt inom utom mot åt men vi jag ni du han hon hen deras vår våra vårt sin alla ingen"
        " både samt även idag hur vad vem var nya ny nytt dessa denna detta the a an in on at of for from by with to"
        " and but as if when where under over after before our their we he she they it this that these those both all"
        " no new"
    )
)
ABBREVIATIONS = frozenset(  # a full stop after these ends no sentence
    _split_words(
        "kl kap prop dir skr bet ca cirka tel tfn dr prof st mr mrs ms nr no art resp inkl exkl max min ev jfr dnr"
        " bl.a t.ex s.k f.d m.fl m.m d.v.s dvs bla tex fd sk e.g i.e"
    )
)
ATTRIBUTIONS = _split_words(
    "säger sade sa menar skriver berättar förklarar framhåller uppger kommenterar konstaterar says said"
)
