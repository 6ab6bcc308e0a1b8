"""Words that carry a fact in Swedish and English text: numbers, money, months and days, negations, modal verbs."""

from __future__ import annotations

from archive.texts import MONTHS


def _each(words: str, value: int) -> dict[str, int]:
    return dict.fromkeys(words.split(), value)


def _row(words: str) -> tuple[str, ...]:
    return tuple(words.split())


_UNITS = (
    "noll ett två tre fyra fem sex sju åtta nio tio elva tolv tretton fjorton femton sexton sjutton arton nitton",
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen",
)
_TENS = (
    "tjugo trettio fyrtio femtio sextio sjuttio åttio nittio",
    "twenty thirty forty fifty sixty seventy eighty ninety",
)
_ORDINALS = (  # from the third: "för det första", "andra" (others) and "a second" are seldom numbers
    "tredje fjärde femte sjätte sjunde åttonde nionde tionde",
    "third fourth fifth sixth seventh eighth ninth tenth",
)
SCALES = {
    **_each("hundra hundred", 100),
    **_each("tusen thousand", 1000),
    **_each("miljon miljoner million millions mn milj", 10**6),
    **_each("miljard miljarder billion billions md mdr", 10**9),
    **_each("biljon biljoner trillion trillions", 10**12),
}
SHORT_MONEY = {**_each("tkr", 1000), **_each("mkr mnkr msek", 10**6), **_each("mdkr mdrkr", 10**9)}
CURRENCIES = {
    **dict.fromkeys(_row("kr kronor krona kronors kronorna sek"), "kr"),
    **dict.fromkeys(_row("euro eur euros €"), "euro"),
    **dict.fromkeys(_row("dollar dollars usd $"), "dollar"),
    **dict.fromkeys(_row("pund pounds gbp £"), "pund"),
    **dict.fromkeys(_row("öre ören"), "öre"),
}
SIGNS = "€$£"
UNITS = _row(  # what a number measures; 3 km is not 3 mil
    "år månad månader vecka veckor dygn dag dagar timme timmar minut minuter sekunder mil km meter m cm mm kvm m2 m³"
    " hektar ha kg gram g ton liter grader °C MW GW kW kWh MWh GWh TWh km/h"
    " year years month months week weeks day days hour hours minute minutes seconds mile miles metres degrees"
)
COUNTED = _row(  # what four digits before these count is no year
    "personer människor barn elever poliser platser företag kommuner ärenden stycken st meter km kg ton hektar timmar"
    " dagar procent people persons children places companies cases hours days percent"
)

NEGATIONS = frozenset(
    _row("inte ej aldrig ingen inget inga ingenting ingenstans icke varken utan")
    + _row("not no never none nothing nobody neither nor without cannot")
)
NEGATING_PREFIXES = ("icke-", "non-")
NEGATED = ("n't", "n’t")  # doesn't
OPPOSITES = ("o", "un")  # möjligt → omöjligt; "in" would take införa for the opposite of föra
OPPOSED = tuple(  # beginnings of words that say the opposite of each other
    tuple(pair.split("/"))
    for pair in _row(
        "höj/sänk höjn/sänkn öka/minska ökn/minskn ökar/minskar minst/högst över/under före/efter fler/färre"
        " mer/mindre större/mindre tillåt/förbj tillåt/förbud bifall/avsl godkän/avsl bevilja/avsl stärk/försvag"
        " utvidg/inskränk öppn/stäng tidigare/senare snabbare/långsammare"
        " increas/decreas rais/lower more/less above/below before/after over/under approv/reject allow/forbid allow/ban"
        " minimum/maximum open/clos strengthen/weaken earlier/later"
    )
)
MODALS = {  # the strength of a duty or a possibility; forms that say the same share a value
    **{word: word for word in _row("kan kunde bör borde får fick måste skulle can could may might must should would")},
    **dict.fromkeys(_row("ska skall shall will"), "ska"),
}

ABBREVIATIONS = frozenset(  # a full stop after these ends no sentence
    _row("kl kap prop dir skr bet ca cirka tel tfn dr prof st mr mrs ms nr no art resp inkl exkl max min ev jfr dnr")
    + _row("bl.a t.ex s.k f.d m.fl m.m d.v.s dvs bla tex fd sk e.g i.e")
)
ROLES = _row(  # a capital at the start of a sentence belongs to the title, not to the name behind it; also -n, -en
    "minister ministern direktör direktören chef chefen hövding hövdingen sekreterare sekreteraren ordförande"
    " ordföranden president presidenten talesperson professor professorn kung kungen drottning drottningen prins"
    " prinsessan general generalen expert experten handläggare utredare utredaren ledare ledaren ambassadör"
    " ambassadören ledamot ledamoten kommissionär doktor director secretary chair chairman commissioner king queen"
    " prince princess spokesperson ambassador"
)
FUNCTION_WORDS = frozenset(
    _row(
        "i av på för med det den de en ett och att som om när där här nu då vid till från under över efter före mellan"
    )
    + _row(
        "hos genom enligt inom utom mot åt men vi jag ni du han hon hen deras vår våra vårt sin alla ingen både samt"
    )
    + _row(
        "även idag hur vad vem var nya ny nytt dessa denna detta the a an in on at of for from by with to and but as"
    )
    + _row("if when where under over after before our their we he she they it this that these those both all no new")
)
ATTRIBUTIONS = _row(
    "säger sade sa menar skriver berättar förklarar framhåller uppger kommenterar konstaterar says said"
)

FRACTION_WORDS = _row(
    "hälften halva halv tredjedel tredjedelar fjärdedel fjärdedelar femtedel femtedelar tiondel tiondelar dubbelt"
    " half twice thirds quarters"
)
WEEKDAYS = _row("måndag tisdag onsdag torsdag fredag lördag söndag Monday Tuesday Wednesday Thursday Friday Saturday")
WEEKDAYS += ("Sunday",)
SEASONS = _row("våren sommaren hösten vintern årsskiftet halvårsskiftet")
SEASONS_EN = _row("spring summer autumn winter")  # dates only where a year follows

FACT_OPENERS = _row(  # words, besides numbers and months, that a fact may begin with: den 4 maj, kl. 10, SOU 2024:88
    "den the i en ett one a an half kl klockan vecka week v sek eur usd gbp sou ds com sfs prop dir skr bet rskr dnr"
    " idag igår imorgon today yesterday tomorrow första andra tredje fjärde first second third fourth"
)


def _number_words() -> dict[str, int]:
    words: dict[str, int] = {}
    for units, tens, joint in zip(_UNITS, _TENS, ("", "-"), strict=True):
        small = {word: number for number, word in enumerate(units.split())}
        for count, ten in enumerate(tens.split(), 2):
            words[ten] = count * 10
            words |= {f"{ten}{joint}{unit}": count * 10 + number for unit, number in small.items() if 0 < number < 10}
        words |= {word: number for word, number in small.items() if number != 1}  # ett, one: seldom a number
    for row in _ORDINALS:
        words |= {word: number for number, word in enumerate(row.split(), 3)}
    return words


NUMBER_WORDS = _number_words()
TENS = (*_row(_TENS[0]), "tio")  # ett femtiotal
FULL_MONTHS = {str(name).casefold(): number for number, pair in enumerate(MONTHS, 1) for name in pair}
_SHORT = "jan,feb febr,mar,apr,,jun,jul,aug,sep sept,okt oct,nov,dec"
SHORT_MONTHS = {short: number for number, row in enumerate(_SHORT.split(","), 1) for short in row.split()}
MONTH_NUMBERS = FULL_MONTHS | SHORT_MONTHS
MONTHS_ALONE = tuple(str(pair.sv) for pair in MONTHS)  # a date without day and year; "may" and "March" need one
