"""Swedish and English lemmas, exceptions.

The few words that are told otherwise than the rules would: those without inflection, and forms no source has right.

Words of the closed classes (pronouns, prepositions, conjunctions, adverbs, months) look like forms of rare words:
mot of mod, mars of mara, hur of hu. They stand for themselves.

The lemma of a word, Swedish or English: the form under which all its inflections are found.

hunspell-sv tells what a form belongs to where it knows the word; simplemma knows what changes its vowel (män,
städer, större, gick), decides between readings, and knows much that is in no spelling list; a compound is inflected
as its last part is. A lemma's lemma is itself: so a word's forms agree even where one is some other word's form, too.
"""

from __future__ import annotations

import re
from functools import lru_cache

from simplemma import is_known, lemmatize

from archive.analysis.compounds import can_end_compound, split_compound
from archive.analysis.lexicon import (
    ADJECTIVE,
    AGREEING,
    BASE_FORM,
    GENITIVE,
    IMPERATIVE,
    INFLECTED,
    NOUN,
    PARTICIPLE,
    VERB,
    WordReading,
    find_word_readings,
    is_infinitive,
    load_lexicon,
)

CLOSED_CLASS_WORDS = """
    alla allt alltid allting andra annars antingen att av bakom bara bland bort borta bredvid båda både de den
    denna deras dess dessa dessutom det detta dig din då där därefter därför efter eftersom ej eller emellan en
    enda endast enligt er ett fler flera flest fram framför från för före förra genom gentemot han hans hellre
    helt henne hennes hit hon honom hos hur här i igen igenom in inför innan inne inom inte istället ju just
    jämte kanske kring längs med medan mellan men mer mera mest mig min mot många ned nedan nej ner ni nog nu
    någon någonsin något några när och också olika om omkring oss ovan på redan samma samt sedan sig sin sina
    sitt själv snart som strax stundom så sådan tack till tills tillsammans trots under upp uppe ut utan utanför
    utöver vad var varandra vare varför varje vars vart vem vi via vid vidare vilka vilken vilket visst vår våra
    väl åt än ändå ännu även över överallt januari februari mars april maj juni juli augusti september oktober
    november december
"""
IRREGULAR_FORMS = {
    "göra": "gör göra göras gjord gjorda gjorde gjordes gjort gjorts görs",
    "ko": "kor korna kornas",
    "bli": "blev blevs blir bliva bliver blivit",
    "bot": "böter böterna böternas böters",
    "bred": "brett",
    "bror": "broder brodern broderns bror brors bröder bröderna brödernas bröders",
    "data": "data",
    "finna": "fann",
    "finnas": "fanns finns",
    "fisk": "fisken fiskens fiskar fiskarna fiskarnas fiskars",
    "gälla": "gälla gäller gällt",
    "hand": "händer",
    "läsa": "läs",
    "lång": "längre längst längsta längste",
    "liten": "litet lilla lille små mindre minst minsta",
    "nöt": "nötter nötterna nötternas nötters",
    "nära": "närmare närmast närmaste",
    "politiker": "politikern politikerna politikernas politikerns politikers",
    "remiss": "remisser remisserna remissernas remissers",
    "se": "såg sågs",
    "ska": "ska skall skulle",
    "sälja": "såld sålda sålde såldes sålt sålts säljer säljs",
    "stå": "stod stods",
    "timme": "timma timman timmans timmar timmarna timmarnas timmars",
    "vinna": "vann vanns vinna vinnas vinner vinns vunna vunnen vunnet vunnit vunnits",
    "visa": "visat visade visades visas",
    "god": "bättre bäst bästa goda gott",
    "veta": "vet veta vetat vetas visste",
    "vit": "vitt",
    "öga": "ögon ögonen ögonens ögons",
    "öra": "öron öronen öronens örons",
}
LEMMA_EXCEPTIONS = {word: word for word in CLOSED_CLASS_WORDS.split()} | {
    form: base for base, forms in IRREGULAR_FORMS.items() for form in forms.split()
}


MAX_LEMMA_STEPS = 5  # from form to base to base; no chain is longer
GENITIVE_NAME = re.compile(r"(.{3,}[^saoui])s")  # a genitive; Paris, Lukas and Laos stay
READING_PRIORITY = (AGREEING, BASE_FORM, INFLECTED, PARTICIPLE, GENITIVE, IMPERATIVE)
MAX_LEMMATISED_LENGTH = 60  # letters of what may be a word
MIN_HEAD_LENGTH = 6  # letters of an ending that is taken for a word, whatever comes before
VOWELS = "aeiouyåäö"


@lru_cache(maxsize=300_000)
def swedish_lemma(word: str) -> str:
    """The lemma of a word in small letters; the word itself where none is known.

    >>> [swedish_lemma(word) for word in ("myndigheternas", "besluten", "män", "människohandelsbrotten")]
    ['myndighet', 'beslut', 'man', 'människohandelsbrott']
    """
    if len(word) > MAX_LEMMATISED_LENGTH:
        return word
    seen = [word]
    for _ in range(MAX_LEMMA_STEPS):
        base = find_base_form(seen[-1])
        if base in seen:
            return min(seen[seen.index(base) :])
        seen.append(base)
    return seen[-1]


@lru_cache(maxsize=50_000)  # many forms lead to the same base, whose own base is asked for each time
def find_base_form(word: str) -> str:
    """One step from a form towards its lemma."""
    if word in LEMMA_EXCEPTIONS:
        return LEMMA_EXCEPTIONS[word]
    known = look_up_lemma(word)
    if len(word) < 3 or not word.isalpha() or is_irregular(word, known):
        return known
    readings = find_word_readings(word)
    if word.endswith("an") and known == word and is_infinitive(word[:-1]):
        return word  # påverkan, början
    if not readings or (known == word and all(reading.relation in (GENITIVE, IMPERATIVE) for reading in readings)):
        return guess_base_form(word, known)
    return choose_base_form(word, readings, known)


def is_irregular(word: str, dictionary_lemma: str) -> bool:
    """Whether simplemma tells a lemma that no ending could: städer of stad, gick of gå.

    >>> is_irregular("städer", "stad"), is_irregular("stads", "stad")
    (True, False)
    """
    alike = next(
        (i for i, (a, b) in enumerate(zip(word, dictionary_lemma, strict=False)) if a != b), len(dictionary_lemma)
    )
    return (
        alike < len(dictionary_lemma) - 1
        and len(dictionary_lemma) <= len(word)
        and word[alike] in VOWELS
        and dictionary_lemma[alike] in VOWELS
    )


def choose_base_form(word: str, readings: list[WordReading], dictionary_lemma: str) -> str:
    """The base that counts."""
    nouns = {
        reading.base
        for reading in readings
        if reading.word_class == NOUN and reading.relation in (BASE_FORM, INFLECTED)
    }
    kept = [
        reading
        for reading in readings
        if not (reading.word_class == ADJECTIVE and reading.base.removesuffix("en") in nouns)  # beslutet is of beslut
        and not (reading.relation in (PARTICIPLE, IMPERATIVE) and word in nouns)  # följd is of följd
    ]
    kept = kept or readings
    if (
        dictionary_lemma in {reading.base for reading in kept if reading.relation != IMPERATIVE}
        and dictionary_lemma != word
    ):
        return dictionary_lemma
    chosen = min(kept, key=lambda reading: READING_PRIORITY.index(reading.relation))
    if chosen.base == word:
        return find_underlying_base(word, readings, dictionary_lemma)
    return chosen.base


def find_underlying_base(word: str, readings: list[WordReading], dictionary_lemma: str) -> str:
    """The base of what is one itself: a participle's verb, a noun's whose plural is a form of the verb beside it."""
    kinds = {reading.word_class for reading in readings if reading.relation == BASE_FORM}
    if ADJECTIVE in kinds and NOUN not in kinds:
        verb = next((reading.base for reading in readings if reading.relation == PARTICIPLE), word)
        return (
            dictionary_lemma
            if verb == word and word.endswith("st") and load_lexicon().is_headword(dictionary_lemma)
            else verb
        )
    if kinds == {VERB}:
        return find_related_noun(word) or word
    if kinds == {NOUN} and is_plural_only(word) and load_lexicon().is_headword(dictionary_lemma):
        return dictionary_lemma
    return word


def is_plural_only(noun: str) -> bool:
    """Whether a noun of the dictionary's has no endings of a singular: vänner, which is of vän.

    >>> is_plural_only("vänner"), is_plural_only("vän")
    (True, False)
    """
    lines = load_lexicon().flags.get(noun, ())
    return bool(lines) and all({*flags}.isdisjoint("BCDEFGHI") for flags in lines)


def find_related_noun(verb: str) -> str | None:
    """The noun that shares a form with a verb made of it, or the other way round: hamn, of hamna and hamnar."""
    if not verb.endswith("a"):
        return None
    mine = "".join(load_lexicon().flags[verb])
    cyclic = f"{verb[:-2]}e{verb[-2]}"
    if "m" in mine and any("I" in flags for flags in load_lexicon().flags.get(cyclic, ())):
        return cyclic  # cykel of cykla, for cyklar is of both
    for noun in (verb[:-1], verb[:-1] + "e"):
        for flags in load_lexicon().flags.get(noun, ()):
            if "I" in mine or ("G" in flags and "m" in mine) or ("H" in flags and "K" in mine):
                return noun
    return None


def guess_base_form(word: str, dictionary_lemma: str) -> str:
    """The base of a word that no reading explains."""
    if is_known(word, lang="sv"):
        return dictionary_lemma
    head = next(iter(split_compound(word)[-1:]), None) or find_compound_head(word)
    if head:
        return word.removesuffix(head) + swedish_lemma(head)
    name = GENITIVE_NAME.fullmatch(word)
    return name[1] if name else word


def find_compound_head(word: str) -> str | None:
    """The longest ending of a word that may stand last in a compound, whatever comes before.

    >>> find_compound_head("qvassinventeringarna")
    'inventeringarna'
    """
    return next(
        (word[start:] for start in range(2, len(word) - MIN_HEAD_LENGTH + 1) if can_end_compound(word[start:])), None
    )


def look_up_lemma(word: str) -> str:
    """What simplemma's dictionary tells; the word itself where that is no word (st.)."""
    lemma = lemmatize(word, lang="sv").lower()
    return lemma if lemma.isalnum() else word


@lru_cache(maxsize=50_000)
def english_lemma(word: str) -> str:
    """The same of an English word."""
    lemma = lemmatize(word, lang="en").lower() if len(word) <= MAX_LEMMATISED_LENGTH else word
    return lemma if lemma.isalnum() else word


@lru_cache(maxsize=50_000)
def is_swedish_word(word: str) -> bool:
    """Whether it is a known Swedish word, in any form."""
    return len(word) <= MAX_LEMMATISED_LENGTH and (is_known(word, lang="sv") or bool(find_word_readings(word)))
