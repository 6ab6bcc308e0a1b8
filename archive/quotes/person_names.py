"""Finds people's names and roles in Swedish and English text, and the subject of an attribution.

An attribution is a verb of saying with its subject, as in ", säger hamnchef Anna Ek". A single name
is a first name or a surname alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from typing import NamedTuple

from archive.changes.facts import ABBREVIATIONS, FUNCTION_WORDS, NAME_PARTICLES
from archive.quotes.quotation_comparison import (
    DOUBLE_MARKS,
    ROLE_HEADS,
    SENTENCE_END,
    SPEECH_VERBS,
)

MAX_ATTRIBUTION_LENGTH = 600  # characters
MAX_VERB_PHRASE_LENGTH = 120  # characters that LEAD_IN finds at most

# Names. Acronyms ("MSB", "EU-") have no small letter after the capital, so they are no part of a
# name.
UPPER = "A-ZÀ-ÖØ-ÞĀĂĄĆĈČĎĐĒĖĘĚĞĠĢĪİĶĹĻĽŁŃŅŇŌŐŒŔŘŚŜŞŠŢŤŪŮŰŲŴŶŸŹŻŽ"
NAME_WORD = (
    rf"(?:[{UPPER}](?:[’'][{UPPER}])?[^\W\d_{UPPER}]|[{UPPER}][’'][{UPPER}])[\w’'-]*(?<!-)(?![\w-])"
)
PARTICLES = "|".join(
    sorted(
        {*NAME_PARTICLES, "del", "du", "dos", "ter", "ten", "zu", "le", "van den"} - {"av", "den"}
    )
)
NAME = re.compile(
    rf"(?<![\w-])(?:(?:{PARTICLES}) )*{NAME_WORD}(?: (?:(?:{PARTICLES})"
    rf" )*(?:{NAME_WORD}|[{UPPER}]\.?(?= [{UPPER}])))*"
)
PARTY = re.compile(rf"\s*\((?:[{UPPER}]{{1,4}}|[{UPPER}]\w{{0,3}})\)")
# Roles: what may follow what their last word ends in.
# rejects most texts without a role, in lower case, in little time
HEAD_STEM = re.compile(f"{ROLE_HEADS}|vd")
DEFINITE = "(?:n|en|et|rna|erna|na|en|e|s)?"
ROLE_HEAD = rf"(?:[\w:-]*(?:{ROLE_HEADS}){DEFINITE}|VD)(?!\w)"
ENGLISH_TITLE = re.compile(
    r"(?:Minister|Director|President"
    r"|Chancellor|Commissioner"
    r"|Secretary|General|Ambassador"
    r"|Representative|Chair|Chairman"
    r"|Chairperson|Professor|Premier|Governor|Speaker|Mr|Ms|Mrs|Dr)(?!\w)"
)
GROUP_GENITIVE = re.compile(r"\w{4,}(?:ernas|arnas|ornas|ets|ens)")  # "Moderaternas NAME"
OPENING_WORDS = (
    "möt",
    "följ",
    "läs",
    "hör",
    "träffa",
    "intervju",
    "kontakta",
    "därefter",
    "dessutom",
    "samtidigt",
    "enligt",
    "eller",
    "fråga",
    "kanske",
    "tack",
    "hej",
    "grattis",
    "välkommen",
)
COURTESY_TITLES = ("Mr", "Ms", "Mrs", "Dr", "dr", "Herr", "herr", "Fru", "fru")
ADJECTIVE = (
    r"(?:(?:biträdande|ställföreträdande|vice|tf|tillförordnad|tidigare|särskild|ny|nya|svensk"
    r"|svenska) )"
)
# "Försäkringskassans generaldirektör", "jämställdhets- och biträdande arbetsmarknadsminister"
ROLE = (
    rf"(?:(?:[{UPPER}][\w:-]*s|[\w-]+s) )?(?:[\w]+-,? ?)*(?:och )?"
    rf"(?:[\w-]+(?:ande|ig|isk|iga|iska|(?<!ad)(?<!dd)(?<![^s]t)e) |{ADJECTIVE})*{ROLE_HEAD}"
)
# … and with what it is a role for: "minister för civilt försvar"
ROLE_BEFORE = re.compile(
    rf"(?<![\w-])(?P<role>{ROLE}(?: (?:för|vid|på|i|hos|inom|till)(?: [\w:-]+){{1,6}}?)?) $", re.I
)
# "ordföranden i nämnden, NAME, "
ROLE_APPOSED = re.compile(
    rf"(?<![\w-])(?P<role>(?:[{UPPER}][\w:-]*s (?:[\w-]+ ){{0,2}}?[\w-]*(?:{ROLE_HEADS})"
    rf"|(?:{ADJECTIVE})?[\w-]*(?"
    rf":{ROLE_HEADS})(?:n|en))(?:"
    rf" (?:för|vid|på|i|hos|inom|till|med)"
    rf" [^,.;:\n]{{2,80}})?), $",
)
APPOSITION_END = re.compile(r"(?:[,.)]|$| och )")
# "säger NAME talesperson för …", without the comma
ROLE_WITHOUT_COMMA = re.compile(
    rf"(?:[a-zåäö][\w-]*,? (?:och )?){{0,3}}?{ROLE_HEAD}", re.IGNORECASE
)
ROLE_ALONE = re.compile(
    rf"(?:(?:den|det|de|the) )?(?:[\w-]+ ){{0,3}}?(?P<head>{ROLE_HEAD})", re.IGNORECASE
)
# "NAME är chef för …", "NAME tillträdde i maj som chef för …"
IS_ROLE = re.compile(
    r"\s*(?:\([^)\n]*\) )?(?:(?:är|blir|var)(?: (?:från och med|sedan) [^,.\n]{2,25}?)?"
    r"|(?:tillträdde|tillträder|arbetar|jobbar"
    r"|tjänstgör|gör|verkar|utsågs"
    r"|börjar)\b[^,.\n]{0,60}?(?<! år) som) "
    rf"(?P<role>(?:en av )?(?:(?:[{UPPER}][\w:-]*s|[\w-]+)"
    rf" ){{0,4}}?[\w:-]*(?:{ROLE_HEADS})\w*[^.,;\n]*)",
)
# Text that follows a role and is not part of it.
ROLE_END = re.compile(
    r"\s+(?:när|efter|som|inför|i samband med|med anledning av|med ansvar|sedan|för"
    r" att|där|under|i (?:ett|en|sitt|sin)|och (?:deltog|talade|har|är|var|ska"
    r"|kommer|arbetar|leder|håller|vill|tillägger|fortsätter|fortsatte)"
    r"|vid (?:ett|en|dagens|mötet|besöket|pressträffen"
    r"|presskonferensen|konferensen|seminariet|invigningen)"
    r"|who|where|when|which|in a|following|announcing|after|is|was|has|will)(?!\w)"
)
NO_ROLE = re.compile(
    r"(?:är|blir|var|har|ska|finns|ser|får"
    r"|ger|kommer|går|gör|vet"
    r"|kan|vill|måste|tror|hoppas|som"
    r"|när|efter|och|där|vilket|vid|i|på|med|under|inför|om|att"
    r"|han|hon|men|who|which|where|when|in|at|after|on"
    r"|following|announcing|as|utan|eftersom|samt|enligt|för|av"
    r"|till|samtidigt|medan|innan|sedan"
    r"|trots|bland|dock|men|hans"
    r"|hennes|varpå|varefter|angående|apropå)(?!\w)",
    re.IGNORECASE,
)
# The organisation in a role: its chef, or chef of it.
OWNER = re.compile(
    rf"(?P<body>[{UPPER}]\w*?):?s (?=[a-zåäö])|(?P<units>[{UPPER}][\w-]+)s (?=[a-zåäö])"
)
MEMBERSHIP = re.compile(r" (?:för|vid|på|i|hos|inom) (?P<body>.+)$")
BODY = re.compile(
    rf"[{UPPER}]|[\w ]*?\w+(?:utskott|utskottet|nämnd|nämnden|rådet|styrelsen|departementet)(?!\w)"
)
# Attributions.
ADVERBS = "också|även|vidare|därför|bland annat|till sist|slutligen|sedan|dessutom|nu"
AUTHOR_PRONOUNS = ("jag", "i")
INTRODUCED_PRONOUN = re.compile(r"(?<!\w)(?:han|hon|hen|he|she|jag|I)(?!\w)", re.IGNORECASE)
SUBJECT_PRONOUN = re.compile(r"(?:han|hon|hen|he|she|they|denne|denna)(?!\w)", re.IGNORECASE)
NO_SUBJECT = re.compile(
    r"(?:att|som|that|vi|we|man|det|den|it"
    r"|this|jag|I|du|ni|you|då"
    r"|nej|ja|alla|många|någon|några"
    r"|i|på|om|till|hur|vad|varför)(?!\w)",
    re.IGNORECASE,
)
# "säger NAME, ska vi …": the words of the speaker go on
RESUMED_SPEECH = re.compile(
    r"(?<=[^\W\d_]),(?= (?:så"
    r" )?(?:ska|skall|är|har|måste|kan"
    r"|vill|blir|behöver|får|vi|jag|det finns|we|I)(?!\w))"
)
INITIALS_BEFORE = re.compile(rf"[{UPPER}]\.(?: ?[{UPPER}]\.)*")  # "J. K. NAME"
INITIALS = re.compile(rf"(?:[{UPPER}]\.)*[{UPPER}]")
SEGMENT_END = re.compile(rf"[.!?:](?=\s|$|[{DOUBLE_MARKS}])")
# not one in "minister för hav, skog och fjäll"
COMMA = re.compile(r"(?<!-),\s+(?!\w+ och \w+(?:[,.]|$))")
ORGANISATION = re.compile(
    r"(?:Nations|Union|Fund|Watch|Council|Forum|International"
    r"|Commission|Bank|Agency|Institute"
    r"|University|Development"
    r"|Committee|Sverige|Europa|York|Stockholm|Sweden|Women|Rights"
    r"|Affairs|Convergence|Republiken"
    r"|Globala|Centre|Center|Foundation|Cooperation|Operan|Museum|Parliament"
    r"|Assembly|Office|Service|Network"
    r"|Association|Alliance|Ministry"
    r"|Government|Programme|Society|Academy|Conference|Defence)$"
)
NO_PERSON = re.compile(
    r"\w+(?:et|[^aeiouyäö\W]nen|ionen|heten|verket|rådet"
    r"|styrelsen|kommissionen|partiet|museet"
    r"|institutet|ministeriet|departementet|kassan|polisen|skolan"
    r"|gården|landet|unionen"
    r"|demokraterna|alen|ien|ska|erna|ing|ingen)$"
    rf"|{ORGANISATION.pattern}"
)
NAME_OF_BODY = re.compile(r"(?<!\S)(?:för|på|vid|i|av|inom|hos|till|for|of) $")
MAX_PREPOSITION_LENGTH = 5  # characters, with the space behind it
OWNED_ROLE = re.compile(rf" (?:[\w-]+ ){{0,2}}{ROLE_HEAD} ", re.IGNORECASE)  # "Anna Eks hamnchef "
LOWER_WORD = re.compile(r" ([a-zåäö]{3,})(?!\w)")
# What an organisation or a place of several words begins with: "Svenska Hamnbladet", "Costa Rica"
NO_FIRST_NAME = re.compile(
    r"(?:Svensk\w?|Sveriges|Röda|Rädda"
    r"|Karolinska|Nationella"
    r"|Statens|Riksdagens|Regeringens"
    r"|Europeiska|Nordiska|Kungliga"
    r"|Region|Stiftelsen|Föreningen"
    r"|Förbundet|Länsstyrelsen"
    r"|Dagens|Nya|Norra|Södra|Östra|Västra"
    r"|Stora|Sri|Costa|New|El"
    r"|Saudi|Förenade|United|World|Human|Amnesty|Save)(?= )"
)
# Before a name that is not the speaker's: "säger generaldirektören för Hamnverket", "säger hon
# till Anna Ek"
AFTER_WORD = re.compile(
    r"(?:^| )(?:för|vid|på|i|hos|inom|till|från|av|med|om|att|of|at|in|from|that|for|to) $"
)
# Text right before a quoted passage: a verb after or before its subject, or "i
# formuleringen:"
LEAD_IN = re.compile(
    rf"(?:(?P<verb>{SPEECH_VERBS})(?: (?P<object>[^.!?\"”]{{0,80}}?))?(?::| att|,)"
    rf"|(?:formuleringen|orden|citerar\)?):|(?:{SPEECH_VERBS}))$"
)
# Roles that only one person has at a time, without deputies.
SOLE_ROLE = re.compile(
    r"(?!.*\b(?:vice|biträdande|bitr|ställföreträdande|tf|tillförordnad|tidigare|förre|f\.d)\b)"
    r"(?P<stem>(?:[\w-]+,? )*?[\w-]*(?:minister|generaldirektör|landshövding|överbefälhavare"
    r"|rikspolischef|riksåklagare))(?:n|en)?(?P<field> för .+)?",
    re.IGNORECASE,
)
# Differences between spellings of a role that do not matter: articles, cases and prepositions. The
# order of the words does not matter either.
ROLE_ENDING = re.compile(
    rf"(?:(?P<head>{ROLE_HEADS})(?:n|en|et)|(?P<group>arna|erna|orna|et|en)s|(?P<kind>isk)[ae])$"
)
MINOR_ROLE_WORDS = frozenset(("för", "i", "vid", "på", "hos", "inom", "till", "och"))
MIN_MISPRINTED = 10  # characters of a name of which one may be wrong
FoundName = tuple[int, int, str]  # start, end and words of a name


class Subject(NamedTuple):
    """The subject of an attribution: a full or single name, a role, or a pronoun.

    If the subject is a name, `role` is the role printed beside it, or None if none is printed.
    """

    name: str | None
    role: str | None
    is_pronoun: bool
    end: int  # of the attribution, in its paragraph
    is_author: bool = False  # "jag": who wrote or gave the text
    organisation: str | None = None  # printed in the place of a role: "NAME, Hamnpartiet"


def name_in(name: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}s?(?!\w)", text) is not None


def parse_introduction(text: str) -> Subject | None:
    """Return the subject of the verb of saying that follows a text.

    The subject is the name or pronoun that comes last in the text or, if there is none, the role at
    its end. Returns None if there is no subject.
    """
    text = re.sub(r",?[ (]+(?:och )?jag(?: citerar\)?)?:?\s*$", "", text) or text
    found = [*_find_pronouns(text), *_find_introduced_names(text)]
    if (role := ROLE_BEFORE.search(text.rstrip() + " ")) and not found:
        return Subject(None, role["role"], False, 0)
    return max(found, key=lambda each: each[0])[1] if found else None


def _find_pronouns(text: str) -> Iterator[tuple[int, Subject]]:
    """Yield each pronoun in a text as a subject, with its position.

    The preposition "i" is left out, and "I" counts as a pronoun only at the end of the text.
    """
    for match in INTRODUCED_PRONOUN.finditer(text):
        word = match[0]
        if word == "i" or (word == "I" and text[match.end() :].strip()):
            continue
        is_author = word.casefold() in AUTHOR_PRONOUNS
        yield match.start(), Subject(None, None, True, 0, is_author=is_author)


def _find_introduced_names(text: str) -> Iterator[tuple[int, Subject]]:
    """Yield each person's name in a text as a subject, with its position.

    A single name counts only at the end of the text. A full name does not count if it follows a
    preposition such as "till".
    """
    for start, end, name in iter_names(text):
        if name.casefold() in ("he", "she"):
            continue
        if " " in name:
            is_named = not re.search(r"(?:^| )(?:för|till|om|for|to) $", text[:start])
        else:
            is_named = not text[end:].strip() and _is_introduced_single_name(name, text[:start])
        if is_named:
            yield start, Subject(name, find_role_before(text, start), False, 0)


def _is_introduced_single_name(name: str, before: str) -> bool:
    if not is_single_name(name) or name.casefold() in (*FUNCTION_WORDS, *OPENING_WORDS):
        return False
    return not AFTER_WORD.search(before)


def sentence_start(text: str, position: int) -> int:
    return max((match.end() for match in SENTENCE_END.finditer(text, 0, position)), default=0)


def parse_subject(text: str, start: int) -> Subject | None:
    """Return the subject of an attribution that begins at `start`.

    Returns None if nobody in the attribution can be the subject.
    """
    end = segment_end(text, start)
    if resumed := RESUMED_SPEECH.search(text, start, end):
        end = resumed.start()
    segment = text[start:end]
    tail_end = end + (text[end : end + 1] in ".:")
    if SUBJECT_PRONOUN.match(segment):
        return Subject(None, None, True, tail_end)
    return _parse_named_subject(segment, tail_end)


def _parse_named_subject(segment: str, end: int) -> Subject | None:
    """Return the subject of an attribution if it is a name or a role, or None if it is neither.

    segment: the text of the attribution.
    """
    clauses = COMMA.split(segment)
    head = clauses[0]
    names = list(iter_names(head))
    found = next((name for name in names if _is_full_subject(head, *name)), None)
    if _has_no_subject(segment, head, found):
        return None
    if found is None and names and _is_single_subject(head, *names[0]):
        found = names[0]
    if apposed := _find_apposed_name(clauses, found):
        return Subject(apposed, _clean_role(head), False, end)  # "Sveriges hamnchef, NAME"
    if found and not _ends_after_role(head):
        return _build_named_subject(clauses, found, end)
    role = ROLE_ALONE.match(head)
    return Subject(None, role[0], False, end) if role else None


def _has_no_subject(segment: str, head: str, full: FoundName | None) -> bool:
    """Return whether an attribution begins with a word that cannot be a subject, such as "att".

    An article can begin a subject if a role and a name follow it.
    """
    if not NO_SUBJECT.match(segment):
        return False
    return full is None or not _is_article_of_role(head, full[0])


def _find_apposed_name(clauses: Sequence[str], found: FoundName | None) -> str | None:
    """Return the full name that begins an attribution's second clause ("Sveriges hamnchef, NAME").

    Returns None unless the first clause contains a role and no full name.
    """
    if len(clauses) < 2 or (found and " " in found[2]):
        return None
    apposed = NAME.match(clauses[1])
    if apposed is None or " " not in apposed[0] or ORGANISATION.search(apposed[0]):
        return None
    return apposed[0] if re.search(ROLE_HEAD, clauses[0], re.IGNORECASE) else None


def _ends_after_role(head: str) -> bool:
    """Return whether the subject at the start of an attribution is only a role.

    An example is "ministrarna i ett uttalande från Norra Hamnen".
    """
    role = ROLE_ALONE.match(head)
    end = ROLE_END.match(head, role.end()) if role else None
    return end is not None and not end[0].startswith(" med ansvar")


def _build_named_subject(clauses: Sequence[str], found: FoundName, end: int) -> Subject | None:
    name_start, name_end, name = found
    head = clauses[0]
    before = head[:name_start].strip()
    if NO_ROLE.match(before) and " " not in name:
        return None
    after = PARTY.sub("", head[name_end:], count=1).strip()
    if INITIALS_BEFORE.fullmatch(before):
        before, name = "", f"{before} {name}"
    role, organisation = _clean_role(before), None
    if role is None and (not after or after.startswith("(")):
        role, organisation = _parse_apposition(clauses[1:])
    elif role is None and (stated := ROLE_WITHOUT_COMMA.match(after)):
        role = None if _has_function_word(stated[0]) else _cut_role(after)
    return Subject(name, role, False, end, organisation=organisation)


def parse_lead_in(before: str) -> Subject | None:
    """Return the subject of "NAME sade:" or "sade NAME att" right before a quoted passage.

    Returns None if the text before the passage does not end in such words.
    """
    match = LEAD_IN.search(before, max(len(before) - MAX_VERB_PHRASE_LENGTH, 0))
    if not match:
        return None
    sentence = before[sentence_start(before, match.start()) :]
    offset = len(before) - len(sentence)
    if match["verb"]:
        if match["object"] and match["object"].split()[0] == "jag":
            return Subject(None, None, True, 0, is_author=True)
        after = parse_subject(before + ".", match.end("verb") + 1) if match["object"] else None
        if after and (after.name or after.is_pronoun):
            return after
    return parse_introduction(before[offset : match.start()])


def _is_full_subject(head: str, start: int, end: int, name: str) -> bool:
    """Return whether a full name in an attribution is the speaker's name.

    Returns False for organisations, for places, and for people who are spoken to or about.
    """
    is_relative = (
        name.endswith("s")
        and is_genitive(head, end)
        and not ROLE_WITHOUT_COMMA.match(head[end:].strip())
    )
    return (
        " " in name
        and not ORGANISATION.search(name)
        and not NO_FIRST_NAME.match(name)
        and not (AFTER_WORD.search(head[:start]) and " " in head[:start].strip())
        and not is_relative  # "säger Anna Eks kollega"
    )


def _is_single_subject(head: str, start: int, _end: int, name: str) -> bool:
    """Return whether a single name in an attribution is the speaker's name."""
    before = head[:start]
    return (
        " " not in name
        and is_single_name(name)
        and not NO_ROLE.match(before)
        and not AFTER_WORD.search(before)
    )


def _is_article_of_role(head: str, name_start: int) -> bool:
    """Return whether only an article and a role precede a name, as in "den nya hamnchefen NAME"."""
    role = find_role_before(head, name_start)
    return (
        role is not None
        and re.fullmatch(rf"(?:den|det|the) (?:\w+ )?{re.escape(role)} ", head[:name_start])
        is not None
    )


def _parse_apposition(clauses: Sequence[str]) -> tuple[str | None, str | None]:
    """Return the role and the organisation in the clauses after a name.

    Either is None if it is missing. An example of such clauses is "Hamnpartiet, ordförande i
    nämnden".
    """
    first, second = (*(each for each in clauses if not each[:1].isdigit()), "", "")[:2]  # no age
    if not first[:1].isupper() or re.search(ROLE_HEAD, first, re.IGNORECASE):
        return _cut_role(first), None
    return _cut_role(second) if ROLE_WITHOUT_COMMA.match(second) else None, _cut_role(first)


def _has_function_word(text: str) -> bool:
    return any(
        word in FUNCTION_WORDS for word in text.casefold().split() if word not in ("och", "and")
    )


def segment_end(text: str, start: int) -> int:
    """Return the end of the sentence that begins at `start`, but at most `start` plus
    MAX_ATTRIBUTION_LENGTH.

    The full stop after an initial or abbreviation does not end a sentence.
    """
    for match in SEGMENT_END.finditer(text, start, start + MAX_ATTRIBUTION_LENGTH):
        word = text[start : match.start()].rpartition(" ")[2]
        if match[0] == "." and (
            INITIALS.fullmatch(word) or word.casefold() in (*ABBREVIATIONS, "tf", "bitr", "vik")
        ):
            continue
        return match.start()
    return min(len(text), start + MAX_ATTRIBUTION_LENGTH)


def iter_names(text: str) -> Iterator[FoundName]:
    """Yield the start, the end and the words of each person's name in a text.

    Titles before a name are left out. Names in the genitive before a role ("Anna Eks hamnchef") are
    also left out.
    """
    for match in NAME.finditer(text):
        start, words = _trim_name(text, match.start(), match[0].split(" "))
        name = " ".join(words)
        is_owner = name.endswith("s") and OWNED_ROLE.match(text, match.end())
        if name and not is_owner:
            yield start, start + len(name), name


def _trim_name(text: str, start: int, words: list[str]) -> tuple[int, list[str]]:
    """Return the start and words of a name, without titles, roles and organisations beside it."""
    while words and _is_no_name_word(words, text, start):
        start += len(words[0]) + 1
        words.pop(0)
    while len(words) > 1 and _is_role_word(words[-1]):
        words.pop()
    titles = [number for number, word in enumerate(words) if ENGLISH_TITLE.fullmatch(word)]
    if titles:
        start += len(" ".join(words[: titles[-1] + 1])) + 1
        words = words[titles[-1] + 1 :]
    if len(words) > 2 and NAME_OF_BODY.search(text, max(start - MAX_PREPOSITION_LENGTH, 0), start):
        keep = 2 + (words[-2] in NAME_PARTICLES)  # "vd för Hamnbolaget Anna Ek"
        start += len(" ".join(words[:-keep])) + 1
        words = words[-keep:]
    return start, words


def _is_no_name_word(words: Sequence[str], text: str, start: int) -> bool:
    """Return whether the first of one or more capitalised words, such as a title, is not part of
    the name.
    """
    word = words[0]
    if _is_role_word(word) or word in COURTESY_TITLES:
        return True
    if len(words) > 1 and GROUP_GENITIVE.fullmatch(word):
        return True
    is_opening_word = word.casefold() in (*FUNCTION_WORDS, *OPENING_WORDS)
    return len(words) > 1 and is_opening_word and opens_sentence(text, start)


def opens_sentence(text: str, position: int, role: str = "") -> bool:
    """Return whether a sentence begins at `position`.

    If `role` ends right before `position`, return whether a sentence begins at the start of `role`.
    """
    # without copying all text before: a paragraph may name thousands of people
    end = _skip_spaces_back(text, position)
    if role and text.endswith(role, 0, end):
        end = _skip_spaces_back(text, end - len(role))
    return not end or text[end - 1] in ".!?:"


def _skip_spaces_back(text: str, position: int) -> int:
    while position and text[position - 1].isspace():
        position -= 1
    return position


@lru_cache(maxsize=4096)
def _is_role_word(word: str) -> bool:
    return re.fullmatch(ROLE_HEAD, word, re.IGNORECASE) is not None


def is_single_name(name: str) -> bool:
    return " " in name or not NO_PERSON.search(name)


def has_full_name(text: str) -> bool:
    return any(" " in name for _, _, name in iter_names(text))


def _clean_role(text: str) -> str | None:
    """Return a role without words that do not belong to it, or None if nothing is left."""
    role = text.strip(" ,")
    role = re.sub(rf"^(?:{ADVERBS}|och) ", "", role)
    if (
        role in COURTESY_TITLES
        or not role
        or GROUP_GENITIVE.fullmatch(role)
        or role.casefold() in FUNCTION_WORDS
    ):
        return None
    return re.sub(r" (?:för|på|vid|i|inom|hos|och|till)$", "", role)


def _cut_role(text: str) -> str | None:
    """Return the role at the start of a clause after a name, or None if there is none."""
    if NO_ROLE.match(text):
        return None
    end = ROLE_END.search(text)
    return _clean_role(PARTY.sub("", text[: end.start()] if end else text).rstrip(" .:"))


def find_role_before(text: str, start: int, end: int | None = None) -> str | None:
    """Return the role printed right before a name, or None if there is none.

    end: the end of the name. If given, the role in "ordföranden, NAME, " is also found.
    """
    if not start or text[start - 1 : start] != " ":
        return None
    window = text[max(0, start - 120) : start]
    window = window[sentence_start(window, len(window)) :]
    titles = re.search(r"((?:[A-Z][a-z]+(?:-[A-Z][a-z]+)* (?:(?:for|of|and|to|the) )*)+)$", window)
    if titles and ENGLISH_TITLE.search(titles[1]):
        return _clean_role(titles[1])
    if not HEAD_STEM.search(window.casefold()):
        return None
    match = ROLE_BEFORE.search(window)
    if match is None and end is not None and APPOSITION_END.match(text, end):
        match = ROLE_APPOSED.search(window)
    return _clean_role(match["role"]) if match else None


def find_role_after(text: str, end: int) -> str | None:
    """Return the role printed after a name, or None if there is none.

    The role is in an apposition ("NAME, ordförande i nämnden"), or follows "är" or "som".

    end: the end of the name.
    """
    rest = PARTY.sub("", text[end : end + 250], count=1)
    if rest.startswith(", "):
        clause = COMMA.split(rest[2:])[0]
        clause = clause[: segment_end(clause, 0)]
        match = HEAD_STEM.search(clause.casefold()) and re.search(ROLE_HEAD, clause, re.IGNORECASE)
        return _cut_role(clause) if match and match.start() < 60 else None
    sentence = rest[: segment_end(rest, 0)]
    match = IS_ROLE.match(sentence)
    return _cut_role(match["role"]) if match else None


@lru_cache(maxsize=4096)
def build_role_key(role: str) -> str:
    """Return a key that is the same for all spellings of a person's role.

    >>> keys = map(build_role_key, ("Sjö- och hamnministern", "sjö-och hamnminister"))
    >>> len(set(keys)), build_role_key("nämndens ordförande")
    (1, 'nämnden ordförande')
    """
    words = re.findall(r"\w+", role.casefold())
    plain = {ROLE_ENDING.sub(r"\g<head>\g<group>\g<kind>", word) for word in words}
    return " ".join(sorted(plain - MINOR_ROLE_WORDS))


def find_right_name(name: str, role: str, text: str) -> str:
    """Return the correct full name of a person whose name is misprinted, or is only a surname.

    If no correct name is found, the name itself is returned.

    text: the text to search. The full name must occur in it with the same role, and the role must
        be one that only one person has. A misprint has one wrong letter, and occurs less often than
        the correct name.

    >>> text = "Sjöminister Annika Berg Ek reser. Berg Ek far hem, sa sjöminister Anika Berg Ek."
    >>> find_right_name("Berg Ek", "sjöministern", text)
    'Annika Berg Ek'
    >>> find_right_name("Anika Berg Ek", "sjöminister", f"{text} Annika Berg Ek log.")
    'Annika Berg Ek'
    >>> find_right_name("Anika Berg Ek", "jurist", text)
    'Anika Berg Ek'
    """
    sole = SOLE_ROLE.fullmatch(role)
    if not sole:
        return name
    printed = rf"(?<![\w-]){re.escape(sole['stem'])}(?:n|en)?{re.escape(sole['field'] or '')} "
    places = re.finditer(printed, text, re.IGNORECASE)
    names = [found[0] for place in places if (found := NAME.match(text, place.end()))]
    return next((each for each in names if _is_right_name(each, name, text)), name)


def _is_right_name(name: str, printed: str, text: str) -> bool:
    blocks = SequenceMatcher(None, name, printed, autojunk=False).get_matching_blocks()
    wrong = max(len(name), len(printed)) - sum(block.size for block in blocks)
    is_misprint = wrong == 1 and len(printed) >= MIN_MISPRINTED and name != f"{printed}s"
    return name.endswith(f" {printed}") or (is_misprint and text.count(name) > text.count(printed))


def find_organisation(role: str) -> str | None:
    """Return the organisation that a role names, or None if it names no organisation.

    >>> [find_organisation(role) for role in ("talesperson för Liberalerna", "Sidas chef", "chef")]
    ['Liberalerna', 'Sida', None]
    """
    membership = MEMBERSHIP.search(role)
    if membership and BODY.match(membership["body"]):
        return re.split(rf" och (?={ROLE_HEAD})", membership["body"])[0]
    owner = OWNER.match(role)
    return (owner["body"] or owner["units"]) if owner else None


def is_genitive(text: str, end: int) -> bool:
    """Return whether a name that ends in "s" is a genitive, that is, followed by a noun and not by
    a verb.
    """
    following = LOWER_WORD.match(text, end)
    return following is not None and not (
        following[1] in FUNCTION_WORDS or re.search(r"(?:[ae]r|[^n]de|te|[äöå]r|tt)$", following[1])
    )
