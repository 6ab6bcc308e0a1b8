"""The table of kinds of change, their importance, their wording.

The kinds of change and what each weighs: the table that the rules in archive/changes/__init__.py are read with.

The kinds of change in Swedish and English, and a comparison told in one line of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from archive.dates import only_hour_differs
from archive.i18n import Text

KINDS = {  # heaviest first; the order in which a summary tells them
    "amount": 75,
    "negation": 75,
    "number": 70,  # percent, ages, references and any other figure
    "date": 70,  # years and weekdays too
    "name": 65,
    "time": 65,  # of day
    "contact": 65,  # a telephone number, an address of e-mail, whom to ask
    "published": 59,  # HOUR_ONLY where only the hour came or went
    "opposite": 48,  # höja, sänka; minst, högst
    "quotation": 40,  # wording inside speech or quotation marks
    "modality": 40,  # ska, bör, får, kan
    "attachment": 35,
    "answer": 33,
    "question": 28,
    "paragraph_removed": 27,
    "paragraph_added": 25,
    "wording": 20,
    "link": 20,
    "kind": 15,
    "language": 15,
    "image": 8,
    "typo": 8,
    "paragraph_moved": 6,
    "tags": 5,
    "punctuation": 4,  # and capital letters
    "layout": 2,
    "updated": 0,  # the agency's own update stamp
}
FACTS = ("amount", "negation", "number", "date", "name", "time", "contact")
FIELD_SHARES = {"title": 1.2, "lead": 1.1}  # of the weight a change has in the body
PARTS_SHARE = 5  # words for each point that size adds
MOST_FOR_SIZE = 10
HOUR_ONLY = 4  # a date of the same day, whose hour is told in one version alone
FIGURES = 20  # added where a paragraph holds a figure
SPEECH = 2  # added where a paragraph is speech
MOST_FOR_MANY = 5
MANY_FROM = 5  # weight from which a further change counts
EXCERPT = 300  # characters of a long change that are kept; the revisions hold the whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change. before, after: the words, facts or addresses changed; empty where added or removed."""

    field: str  # the release's field it stands in: title, lead, body, questions, tags, …
    kind: str  # one of KINDS
    before: str
    after: str
    weight: int  # 0 (nothing to tell) to 100


def to_change(field: str, kind: str, before: str | None, after: str | None, extra: int = 0) -> Change:
    """A change with its weight: that of its kind, `extra` added, more in the title and the lead.

    >>> to_change("body", "date", "4 maj", "5 maj").weight, to_change("title", "date", "4 maj", "5 maj").weight
    (70, 84)
    """
    weight = round((KINDS[kind] + extra) * FIELD_SHARES.get(field, 1))
    return Change(field=field, kind=kind, before=_cut(before), after=_cut(after), weight=weight)


def size_points(words: int) -> int:
    """What a change's size adds to its weight.

    >>> size_points(4), size_points(23), size_points(400)
    (0, 4, 10)
    """
    return min(MOST_FOR_SIZE, words // PARTS_SHARE)


def weigh_all(changes: list[Change]) -> int:
    """The weight of a comparison: its heaviest change, and a point for each further one that matters, five at most."""
    if not changes:
        return 0
    further = sum(change.weight >= MANY_FROM for change in changes) - 1
    return min(100, max(change.weight for change in changes) + max(0, min(MOST_FOR_MANY, further)))


def _cut(text: str | None) -> str:
    text = (text or "").strip()
    return text if len(text) <= EXCERPT else text[: EXCERPT - 1].rstrip() + "…"


class KindWords(NamedTuple):
    """A kind's noun in both languages, one and many; `neuter` agrees the Swedish participle (ett belopp ändrat)."""

    text: Text
    neuter: bool = False
    counted: bool = True  # "2 links", but only "layout"


def _words(sv: str, svs: str, en: str, ens: str, *, neuter: bool = False, counted: bool = True) -> KindWords:
    return KindWords(Text((sv, svs), (en, ens)), neuter, counted)


KIND_WORDS = {
    "amount": _words("belopp", "belopp", "amount", "amounts", neuter=True),
    "negation": _words("negation", "negationer", "negation", "negations"),
    "number": _words("siffra", "siffror", "figure", "figures"),
    "date": _words("datum", "datum", "date", "dates", neuter=True),
    "name": _words("namn", "namn", "name", "names", neuter=True),
    "time": _words("klockslag", "klockslag", "time", "times", neuter=True),
    "contact": _words("kontaktuppgift", "kontaktuppgifter", "contact detail", "contact details"),
    "published": _words(
        "publiceringsdatum", "publiceringsdatum", "publication date", "publication dates", neuter=True, counted=False
    ),
    "opposite": _words("motsatsord", "motsatsord", "opposite", "opposites", neuter=True),
    "quotation": _words("citat", "citat", "quotation", "quotations", neuter=True),
    "modality": _words("kravord", "kravord", "modal verb", "modal verbs", neuter=True),
    "attachment": _words("bilaga", "bilagor", "attachment", "attachments"),
    "answer": _words("svar", "svar", "answer", "answers", neuter=True),
    "question": _words("fråga", "frågor", "question", "questions"),
    "paragraph_removed": _words("stycke", "stycken", "paragraph", "paragraphs", neuter=True),
    "paragraph_added": _words("stycke", "stycken", "paragraph", "paragraphs", neuter=True),
    "wording": _words("formulering", "formuleringar", "wording", "wordings"),
    "link": _words("länk", "länkar", "link", "links"),
    "kind": _words("slag", "slag", "kind", "kinds", neuter=True, counted=False),
    "language": _words("språk", "språk", "language", "languages", neuter=True, counted=False),
    "image": _words("bild", "bilder", "picture", "pictures"),
    "typo": _words("stavning", "stavningar", "spelling", "spellings"),
    "paragraph_moved": _words("stycke", "stycken", "paragraph", "paragraphs", neuter=True),
    "tags": _words("ämnesord", "ämnesord", "tag", "tags", neuter=True),
    "punctuation": _words("skiljetecken", "skiljetecken", "punctuation", "punctuation", neuter=True, counted=False),
    "layout": _words("layout", "layout", "layout", "layout", counted=False),
    "updated": _words(
        "uppdateringsdatum", "uppdateringsdatum", "update date", "update dates", neuter=True, counted=False
    ),
}
DEEDS = {  # what happened: common gender, neuter, many or mixed; English
    "changed": (("ändrad", "ändrat", "ändrade"), "changed"),
    "added": (("tillagd", "tillagt", "tillagda"), "added"),
    "removed": (("borttagen", "borttaget", "borttagna"), "removed"),
    "moved": (("flyttad", "flyttat", "flyttade"), "moved"),
}
HOURS = {  # of a publication date whose day stayed
    "hour_added": Text("publiceringens klockslag anges nu", "time of day of publication now told"),
    "hour_removed": Text("publiceringens klockslag anges inte längre", "time of day of publication no longer told"),
}
ALWAYS_CHANGED = frozenset(
    ("wording", "typo", "punctuation", "quotation", "modality", "opposite", "layout", "published", "updated")
)
NOTHING = Text("Ingen ändring", "No change")


def summarise(changes: Iterable[Change], language: str) -> str:
    """Changes told in one line, the heaviest first: how many of each kind were changed, added, removed or moved.

    What weighs next to nothing (punctuation, layout, an update stamp) is told only where nothing else changed.
    A change made alike in several places counts once.

    >>> one = Change(field="body", kind="amount", before="2 kr", after="3 kr", weight=75)
    >>> two = Change(field="body", kind="paragraph_added", before="", after="Ett nytt stycke.", weight=25)
    >>> summarise([one, two], "sv"), summarise([one, two], "en")
    ('1 belopp ändrat; 1 stycke tillagt', '1 amount changed; 1 paragraph added')
    """
    if language not in {"sv", "en"}:
        raise ValueError(f"no words in {language!r}: sv or en")
    counts = _count(changes)
    if not counts:
        return str(getattr(NOTHING, language))
    deeds = list(dict.fromkeys(deed for deed, _ in counts))
    return "; ".join(
        _tell(deed, {kind: count for (done, kind), count in counts.items() if done == deed}, language) for deed in deeds
    )


def deed_of(change: Change) -> str:
    """What happened: changed, added, removed or moved; an hour of publication added or removed."""
    if change.kind == "published" and only_hour_differs(change.before, change.after):
        return "hour_added" if len(change.before) < len(change.after) else "hour_removed"
    if change.kind in ALWAYS_CHANGED:
        return "changed"
    if change.kind == "paragraph_moved":
        return "moved"
    if not change.before:
        return "added"
    return "changed" if change.after else "removed"


def _count(changes: Iterable[Change]) -> dict[tuple[str, str], int]:
    """How many distinct changes there are of each deed and kind, heaviest kind first."""
    changes = list(changes)
    most = max((change.weight for change in changes), default=0)
    told = [change for change in changes if most < MANY_FROM or change.weight >= MANY_FROM]
    if most > 0:
        told = [change for change in told if change.weight > 0]
    distinct = dict.fromkeys((deed_of(change), change.kind, change.before, change.after) for change in told)
    order = list(KINDS)
    counts: dict[tuple[str, str], int] = {}
    for deed, kind, *_ in sorted(distinct, key=lambda row: order.index(row[1])):
        counts[deed, kind] = counts.get((deed, kind), 0) + 1
    return counts


def _tell(deed: str, counts: dict[str, int], language: str) -> str:
    """One deed's kinds with how many of each.

    The Swedish participle agrees with the whole list: singular only where each is one and all are of one gender.
    """
    if deed in HOURS:
        return str(getattr(HOURS[deed], language))
    parts, agreeing = [], set()
    for kind, count in counts.items():
        words = KIND_WORDS[kind]
        agreeing.add(2 if count > 1 and words.counted else int(words.neuter))
        pair = getattr(words.text, language)
        parts.append(f"{count} {pair[count > 1]}" if words.counted else pair[0])
    forms, english = DEEDS[deed]
    done = english if language == "en" else forms[agreeing.pop() if len(agreeing) == 1 else 2]
    return f"{', '.join(parts)} {done}"
