"""The kinds of change in Swedish and English, and a comparison told in one line of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from archive.changes.kinds import KINDS, MANY_FROM, Change
from archive.texts import Text
from archive.times import only_hour_differs


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
