"""Finds the lemma of a Swedish or English word, that is, the form that stands for all its inflected
forms.

hunspell-sv provides the base of most forms. simplemma provides the base of words whose vowel
changes (män, städer, större, gick), and of many words that hunspell-sv lacks. If a word has several
readings, simplemma also decides between them. A compound is inflected like its last part. The lemma
of a lemma is the lemma itself. All forms of a word therefore have the same lemma, even if one of
them is also a form of another word.
"""

from __future__ import annotations

import re
from functools import lru_cache

from simplemma import is_known, lemmatize

from archive.language.compounds import (
    ADJECTIVE,
    AGREEING,
    BASE_FORM,
    GENITIVE,
    IMPERATIVE,
    INFLECTED,
    NOUN,
    PARTICIPLE,
    VERB,
    VOWELS,
    WordReading,
    can_end_compound,
    find_word_readings,
    is_infinitive,
    load_lexicon,
    split_compound,
)

# These are their own lemmas, although they look like forms of rare words: mot of mod, mars of mara,
# hur of hu.
CLOSED_CLASS_WORDS = """
    alla allt alltid allting andra annars antingen att av bakom bara bland bort borta bredvid båda
    både de den denna deras dess dessa dessutom det detta dig din då där därefter därför efter
    eftersom ej eller emellan en enda endast enligt er ett fler flera flest fram framför från för
    före förra genom gentemot han hans hellre helt henne hennes hit hon honom hos hur här i igen
    igenom in inför innan inne inom inte istället ju just jämte kanske kring längs med medan mellan
    men mer mera mest mig min mot många ned nedan nej ner ni nog nu någon någonsin något några när
    och också olika om omkring oss ovan på redan samma samt sedan sig sin sina sitt själv snart som
    strax stundom så sådan tack till tills tillsammans trots under upp uppe ut utan utanför utöver
    vad var varandra vare varför varje vars vart vem vi via vid vidare vilka vilken vilket visst vår
    våra väl åt än ändå ännu även över överallt januari februari mars april maj juni juli augusti
    september oktober november december
"""
IRREGULAR_FORMS = {  # words for which both sources are wrong, and forms of at most three letters
    "göra": "gör göra göras gjord gjorda gjorde gjordes gjort gjorts görs",
    "ko": "kor korna kornas",
    "bli": "blev blevs blir bliva bliver blivit",
    "bo": "bor",
    "bot": "böter böterna böternas böters",
    "bred": "brett",
    "bror": "broder brodern broderns bror brors bröder bröderna brödernas bröders",
    "böra": "bör",
    "data": "data",
    "de": "dem",
    "dna": "dna",
    "finna": "fann",
    "finnas": "fanns finns",
    "fisk": "fisken fiskens fiskar fiskarna fiskarnas fiskars",
    "få": "fås",
    "ge": "ges giv",
    "gälla": "gälla gäller gällt",
    "hand": "händer",
    "höra": "hör",
    "komma": "kom",
    "kunna": "kan",
    "läsa": "läs",
    "låta": "lät",
    "lång": "längre längst längsta längste",
    "liten": "litet lilla lille små mindre minst minsta",
    "man": "män",
    "nå": "nås",
    "nöt": "nötter nötterna nötternas nötters",
    "nära": "närmare närmast närmaste",
    "någon": "nån",
    "politiker": "politikern politikerna politikernas politikerns politikers",
    "remiss": "remisser remisserna remissernas remissers",
    "se": "ses såg sågs",
    "ska": "ska skall skulle",
    "sova": "sov",
    "säga": "sa",
    "sälja": "såld sålda sålde såldes sålt sålts säljer säljs",
    "söka": "sök",
    "stå": "stod stods",
    "ta": "tar tas tog",
    "timme": "timma timman timmans timmar timmarna timmarnas timmars",
    "tåla": "tål",
    "vara": "är äro",
    "vinna": "vann vanns vinna vinnas vinner vinns vunna vunnen vunnet vunnit vunnits",
    "visa": "visat visade visades visas",
    "god": "bättre bäst bästa goda gott",
    "veta": "vet veta vetat vetas visste",
    "vit": "vitt",
    "åka": "åk",
    "öst": "öst",
    "år": "års",
    "äga": "ägs",
    "öga": "ögon ögonen ögonens ögons",
    "öra": "öron öronen öronens örons",
}
LEMMA_EXCEPTIONS = {word: word for word in CLOSED_CLASS_WORDS.split()} | {
    form: base for base, forms in IRREGULAR_FORMS.items() for form in forms.split()
}

MAX_LEMMATISED_LENGTH = 60  # letters; anything longer is not a word
MAX_SHORT_LENGTH = 3  # letters; many words of this length are abbreviations: EG, IT, LAS, SAS
MAX_LEMMA_STEPS = 5  # steps from a form to its base, to the base of that, and so on
MIN_HEAD_LENGTH = 6  # letters; a shorter ending of an unknown word may look like a word by chance
GENITIVE_NAME = re.compile(r"(.{3,}[^saoui])s")  # Paris, Lukas and Laos are not genitives
READING_PRIORITY = (AGREEING, BASE_FORM, INFLECTED, PARTICIPLE, GENITIVE, IMPERATIVE)


@lru_cache(maxsize=300_000)
def swedish_lemma(word: str) -> str:
    """Return the lemma of a lower-case Swedish word, or the word itself if no lemma is known.

    >>> swedish_lemma("myndigheternas"), swedish_lemma("män"), swedish_lemma("sjukhusbesluten")
    ('myndighet', 'man', 'sjukhusbeslut')
    """
    if len(word) > MAX_LEMMATISED_LENGTH:
        return word
    seen = [word]
    for _ in range(MAX_LEMMA_STEPS):
        base = _find_base_form(seen[-1])
        if base in seen:
            return min(seen[seen.index(base) :])
        seen.append(base)
    return seen[-1]


@lru_cache(maxsize=50_000)
def english_lemma(word: str) -> str:
    """Return the lemma of a lower-case English word, or the word itself if no lemma is known."""
    return _look_up_lemma(word, "en") if len(word) <= MAX_LEMMATISED_LENGTH else word


@lru_cache(maxsize=50_000)
def is_swedish_word(word: str) -> bool:
    """Return whether a word is a form of a known Swedish word."""
    return len(word) <= MAX_LEMMATISED_LENGTH and (
        is_known(word, lang="sv") or bool(find_word_readings(word))
    )


@lru_cache(maxsize=50_000)
def is_english_word(word: str) -> bool:
    """Return whether a word is a form of a known English word."""
    return is_known(word, lang="en")


@lru_cache(maxsize=50_000)  # many words have the same base
def _find_base_form(word: str) -> str:
    if word in LEMMA_EXCEPTIONS:
        return LEMMA_EXCEPTIONS[word]
    if len(word) <= MAX_SHORT_LENGTH:
        return _find_short_base(word)
    dictionary_lemma = _look_up_lemma(word, "sv")
    if not word.isalpha() or _is_irregular(word, dictionary_lemma):
        return dictionary_lemma
    readings = find_word_readings(word)
    if dictionary_lemma == word and _is_verbal_noun(word):
        return word
    if not readings or (dictionary_lemma == word and _are_unlikely(readings)):
        return _guess_base_form(word, dictionary_lemma)
    return _choose_base_form(word, readings, dictionary_lemma)


def _is_verbal_noun(word: str) -> bool:
    """Return whether a word is a noun formed by adding -n to a verb.

    >>> _is_verbal_noun("påverkan"), _is_verbal_noun("gatan")
    (True, False)
    """
    return word.endswith("an") and is_infinitive(word[:-1])


def _are_unlikely(readings: list[WordReading]) -> bool:
    return all(reading.relation in (GENITIVE, IMPERATIVE) for reading in readings)


def _find_short_base(word: str) -> str:
    """Return the base of a short word.

    The word itself is returned unless hunspell-sv knows it as an ordinary inflected form.
    Imperatives, words ending in -s, and words that only simplemma knows are not reduced, because
    abbreviations look like them.

    >>> [_find_short_base(word) for word in ("byn", "går", "las", "sas", "ets")]
    ['by', 'gå', 'las', 'sas', 'ets']
    """
    readings = [
        reading
        for reading in find_word_readings(word)
        if reading.relation in (BASE_FORM, INFLECTED, AGREEING)
    ]
    if word.endswith("s") or not readings:
        return word
    bases = {reading.base for reading in readings if len(reading.base) <= len(word) + 1}
    lemma = _look_up_lemma(word, "sv")
    return lemma if lemma in bases else word


def _look_up_lemma(word: str, language: str) -> str:
    """Return simplemma's lemma for a word, in lower case.

    If the lemma is not a single word, the word itself is returned.
    """
    lemma = lemmatize(word, lang=language).lower()
    return lemma if lemma.isalnum() else word


def _is_irregular(word: str, dictionary_lemma: str) -> bool:
    """Return whether a word's lemma in simplemma has a different stem vowel, as in städer and stad.

    >>> _is_irregular("städer", "stad"), _is_irregular("stads", "stad")
    (True, False)
    """
    common_length = next(
        (i for i, (a, b) in enumerate(zip(word, dictionary_lemma, strict=False)) if a != b),
        len(dictionary_lemma),
    )
    return (
        common_length < len(dictionary_lemma) - 1
        and len(dictionary_lemma) <= len(word)
        and word[common_length] in VOWELS
        and dictionary_lemma[common_length] in VOWELS
    )


def _choose_base_form(word: str, readings: list[WordReading], dictionary_lemma: str) -> str:
    likely = _list_likely_readings(word, readings) or readings
    bases = {reading.base for reading in likely if reading.relation != IMPERATIVE}
    if dictionary_lemma in bases and dictionary_lemma != word:
        return dictionary_lemma
    chosen = min(likely, key=lambda reading: READING_PRIORITY.index(reading.relation))
    if chosen.base == word:
        return _find_underlying_base(word, readings, dictionary_lemma)
    return chosen.base


def _list_likely_readings(word: str, readings: list[WordReading]) -> list[WordReading]:
    """Return the readings without those that are less likely than a noun with the same form.

    For example, "beslutet" is read as a form of the noun "beslut", not of the adjective "besluten",
    and "följd" as a noun, not as a participle of "följa".
    """
    nouns = {
        reading.base
        for reading in readings
        if reading.word_class == NOUN and reading.relation in (BASE_FORM, INFLECTED)
    }
    return [
        reading
        for reading in readings
        if not (reading.word_class == ADJECTIVE and reading.base.removesuffix("en") in nouns)
        and not (reading.relation in (PARTICIPLE, IMPERATIVE) and word in nouns)
    ]


def _find_underlying_base(word: str, readings: list[WordReading], dictionary_lemma: str) -> str:
    """Return the base of a headword that is a participle, superlative or plural.

    For a verb that shares forms with a noun, the noun is returned. Other words are returned
    unchanged.
    """
    word_classes = {reading.word_class for reading in readings if reading.relation == BASE_FORM}
    if ADJECTIVE in word_classes and NOUN not in word_classes:
        return _find_adjective_base(word, readings, dictionary_lemma)
    if word_classes == {VERB}:
        return _find_related_noun(word) or word
    if (
        word_classes == {NOUN}
        and _is_plural_only(word)
        and load_lexicon().is_headword(dictionary_lemma)
    ):
        return dictionary_lemma
    return word


def _find_adjective_base(word: str, readings: list[WordReading], dictionary_lemma: str) -> str:
    """Return the verb from which a participle is formed, or the base of a superlative. Any other
    word is returned unchanged.
    """
    verb = next((reading.base for reading in readings if reading.relation == PARTICIPLE), word)
    if verb != word or not word.endswith("st"):
        return verb
    return dictionary_lemma if load_lexicon().is_headword(dictionary_lemma) else word


def _is_plural_only(noun: str) -> bool:
    """Return whether the dictionary entries of a noun have no singular endings.

    >>> _is_plural_only("vänner"), _is_plural_only("vän")
    (True, False)
    """
    entries = load_lexicon().flags.get(noun, ())
    return bool(entries) and all({*flags}.isdisjoint("BCDEFGHI") for flags in entries)


def _find_related_noun(verb: str) -> str | None:
    """Return the noun that shares forms with a verb, or None if there is no such noun.

    For example, hamn and hamna share the form hamnar.
    """
    if not verb.endswith("a"):
        return None
    all_flags = load_lexicon().flags
    verb_flags = "".join(all_flags[verb])
    cyclic = f"{verb[:-2]}e{verb[-2]}"
    if "m" in verb_flags and any("I" in flags for flags in all_flags.get(cyclic, ())):
        return cyclic  # cykla → cykel, because cyklar is a form of both
    for noun in (verb[:-1], verb[:-1] + "e"):
        if any(_share_forms(flags, verb_flags) for flags in all_flags.get(noun, ())):
            return noun
    return None


def _share_forms(noun_flags: str, verb_flags: str) -> bool:
    return (
        "I" in verb_flags
        or ("G" in noun_flags and "m" in verb_flags)
        or ("H" in noun_flags and "K" in verb_flags)
    )


def _guess_base_form(word: str, dictionary_lemma: str) -> str:
    if is_known(word, lang="sv"):
        return dictionary_lemma
    head = next(iter(split_compound(word)[-1:]), None) or find_compound_head(word)
    if head:
        return word.removesuffix(head) + swedish_lemma(head)
    name = GENITIVE_NAME.fullmatch(word)
    return name[1] if name else word


def find_compound_head(word: str) -> str | None:
    """Return the longest ending of a word that can be the last part of a compound.

    Returns None if there is no such ending.

    word: a word of at most MAX_COMPOUND_LENGTH letters. Longer words are not allowed, because every
        ending is looked up, and the result is cached.

    >>> find_compound_head("qvassinventeringarna")
    'inventeringarna'
    """
    return next(
        (
            word[start:]
            for start in range(2, len(word) - MIN_HEAD_LENGTH + 1)
            if can_end_compound(word[start:])
        ),
        None,
    )
