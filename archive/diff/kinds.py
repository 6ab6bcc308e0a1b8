"""The table of kinds of change, their importance, their wording.

The kinds of change and what each weighs: the table that the rules in archive/changes/__init__.py are read with.

The kinds of change in Swedish and English, and a comparison told in one line of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from archive.dates import only_hour_differs
from archive.i18n import Translation

KIND_IMPORTANCE = {  # heaviest first; the order in which a summary tells them
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
FACT_KINDS = ("amount", "negation", "number", "date", "name", "time", "contact")
FIELD_FACTORS = {"title": 1.2, "lead": 1.1}  # of the weight a change has in the body
WORDS_PER_POINT = 5  # words for each point that size adds
MAX_SIZE_POINTS = 10
HOUR_ONLY_IMPORTANCE = 4  # a date of the same day, whose hour is told in one version alone
FIGURE_POINTS = 20  # added where a paragraph holds a figure
SPEECH_POINTS = 2  # added where a paragraph is speech
MAX_FURTHER_POINTS = 5
MIN_FURTHER_IMPORTANCE = 5  # weight from which a further change counts
MAX_EXCERPT_LENGTH = 300  # characters of a long change that are kept; the revisions hold the whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change. before, after: the words, facts or addresses changed; empty where added or removed."""

    field: str  # the release's field it stands in: title, lead, body, questions, tags, …
    kind: str  # one of KINDS
    before: str
    after: str
    weight: int  # 0 (nothing to tell) to 100


def build_change(field: str, kind: str, before: str | None, after: str | None, extra_points: int = 0) -> Change:
    """A change with its weight: that of its kind, `extra` added, more in the title and the lead.

    >>> build_change("body", "date", "4 maj", "5 maj").weight, build_change("title", "date", "4 maj", "5 maj").weight
    (70, 84)
    """
    weight = round((KIND_IMPORTANCE[kind] + extra_points) * FIELD_FACTORS.get(field, 1))
    return Change(field=field, kind=kind, before=_shorten(before), after=_shorten(after), weight=weight)


def count_size_points(words: int) -> int:
    """What a change's size adds to its weight.

    >>> count_size_points(4), count_size_points(23), count_size_points(400)
    (0, 4, 10)
    """
    return min(MAX_SIZE_POINTS, words // WORDS_PER_POINT)


def compute_importance(changes: list[Change]) -> int:
    """The weight of a comparison: its heaviest change, and a point for each further one that matters, five at most."""
    if not changes:
        return 0
    further = sum(change.weight >= MIN_FURTHER_IMPORTANCE for change in changes) - 1
    return min(100, max(change.weight for change in changes) + max(0, min(MAX_FURTHER_POINTS, further)))


def _shorten(text: str | None) -> str:
    text = (text or "").strip()
    return text if len(text) <= MAX_EXCERPT_LENGTH else text[: MAX_EXCERPT_LENGTH - 1].rstrip() + "…"


class KindLabel(NamedTuple):
    """A kind's noun in both languages, one and many; `neuter` agrees the Swedish participle (ett belopp ändrat)."""

    text: Translation
    neuter: bool = False
    countable: bool = True  # "2 links", but only "layout"


def _kind_label(
    sv: str, sv_plural: str, en: str, en_plural: str, *, neuter: bool = False, countable: bool = True
) -> KindLabel:
    return KindLabel(Translation((sv, sv_plural), (en, en_plural)), neuter, countable)


KIND_LABELS = {
    "amount": _kind_label("belopp", "belopp", "amount", "amounts", neuter=True),
    "negation": _kind_label("negation", "negationer", "negation", "negations"),
    "number": _kind_label("siffra", "siffror", "figure", "figures"),
    "date": _kind_label("datum", "datum", "date", "dates", neuter=True),
    "name": _kind_label("namn", "namn", "name", "names", neuter=True),
    "time": _kind_label("klockslag", "klockslag", "time", "times", neuter=True),
    "contact": _kind_label("kontaktuppgift", "kontaktuppgifter", "contact detail", "contact details"),
    "published": _kind_label(
        "publiceringsdatum", "publiceringsdatum", "publication date", "publication dates", neuter=True, countable=False
    ),
    "opposite": _kind_label("motsatsord", "motsatsord", "opposite", "opposites", neuter=True),
    "quotation": _kind_label("citat", "citat", "quotation", "quotations", neuter=True),
    "modality": _kind_label("kravord", "kravord", "modal verb", "modal verbs", neuter=True),
    "attachment": _kind_label("bilaga", "bilagor", "attachment", "attachments"),
    "answer": _kind_label("svar", "svar", "answer", "answers", neuter=True),
    "question": _kind_label("fråga", "frågor", "question", "questions"),
    "paragraph_removed": _kind_label("stycke", "stycken", "paragraph", "paragraphs", neuter=True),
    "paragraph_added": _kind_label("stycke", "stycken", "paragraph", "paragraphs", neuter=True),
    "wording": _kind_label("formulering", "formuleringar", "wording", "wordings"),
    "link": _kind_label("länk", "länkar", "link", "links"),
    "kind": _kind_label("slag", "slag", "kind", "kinds", neuter=True, countable=False),
    "language": _kind_label("språk", "språk", "language", "languages", neuter=True, countable=False),
    "image": _kind_label("bild", "bilder", "picture", "pictures"),
    "typo": _kind_label("stavning", "stavningar", "spelling", "spellings"),
    "paragraph_moved": _kind_label("stycke", "stycken", "paragraph", "paragraphs", neuter=True),
    "tags": _kind_label("ämnesord", "ämnesord", "tag", "tags", neuter=True),
    "punctuation": _kind_label(
        "skiljetecken", "skiljetecken", "punctuation", "punctuation", neuter=True, countable=False
    ),
    "layout": _kind_label("layout", "layout", "layout", "layout", countable=False),
    "updated": _kind_label(
        "uppdateringsdatum", "uppdateringsdatum", "update date", "update dates", neuter=True, countable=False
    ),
}
ACTION_LABELS = {  # what happened: common gender, neuter, many or mixed; English
    "changed": (("ändrad", "ändrat", "ändrade"), "changed"),
    "added": (("tillagd", "tillagt", "tillagda"), "added"),
    "removed": (("borttagen", "borttaget", "borttagna"), "removed"),
    "moved": (("flyttad", "flyttat", "flyttade"), "moved"),
}
HOUR_LABELS = {  # of a publication date whose day stayed
    "hour_added": Translation("publiceringens klockslag anges nu", "time of day of publication now told"),
    "hour_removed": Translation(
        "publiceringens klockslag anges inte längre", "time of day of publication no longer told"
    ),
}
UNDIRECTED_KINDS = frozenset(
    ("wording", "typo", "punctuation", "quotation", "modality", "opposite", "layout", "published", "updated")
)
NO_CHANGE_LABEL = Translation("Ingen ändring", "No change")


def summarise_changes(changes: Iterable[Change], language: str) -> str:
    """Changes told in one line, the heaviest first: how many of each kind were changed, added, removed or moved.

    What weighs next to nothing (punctuation, layout, an update stamp) is told only where nothing else changed.
    A change made alike in several places counts once.

    >>> one = Change(field="body", kind="amount", before="2 kr", after="3 kr", weight=75)
    >>> two = Change(field="body", kind="paragraph_added", before="", after="Ett nytt stycke.", weight=25)
    >>> summarise_changes([one, two], "sv"), summarise_changes([one, two], "en")
    ('1 belopp ändrat; 1 stycke tillagt', '1 amount changed; 1 paragraph added')
    """
    if language not in {"sv", "en"}:
        raise ValueError(f"no words in {language!r}: sv or en")
    counts = _count_changes(changes)
    if not counts:
        return str(getattr(NO_CHANGE_LABEL, language))
    deeds = list(dict.fromkeys(deed for deed, _ in counts))
    return "; ".join(
        _format_action(deed, {kind: count for (done, kind), count in counts.items() if done == deed}, language)
        for deed in deeds
    )


def classify_action(change: Change) -> str:
    """What happened: changed, added, removed or moved; an hour of publication added or removed."""
    if change.kind == "published" and only_hour_differs(change.before, change.after):
        return "hour_added" if len(change.before) < len(change.after) else "hour_removed"
    if change.kind in UNDIRECTED_KINDS:
        return "changed"
    if change.kind == "paragraph_moved":
        return "moved"
    if not change.before:
        return "added"
    return "changed" if change.after else "removed"


def _count_changes(changes: Iterable[Change]) -> dict[tuple[str, str], int]:
    """How many distinct changes there are of each deed and kind, heaviest kind first."""
    changes = list(changes)
    most = max((change.weight for change in changes), default=0)
    told = [change for change in changes if most < MIN_FURTHER_IMPORTANCE or change.weight >= MIN_FURTHER_IMPORTANCE]
    if most > 0:
        told = [change for change in told if change.weight > 0]
    distinct = dict.fromkeys((classify_action(change), change.kind, change.before, change.after) for change in told)
    order = list(KIND_IMPORTANCE)
    counts: dict[tuple[str, str], int] = {}
    for deed, kind, *_ in sorted(distinct, key=lambda row: order.index(row[1])):
        counts[deed, kind] = counts.get((deed, kind), 0) + 1
    return counts


def _format_action(action: str, counts: dict[str, int], language: str) -> str:
    """One deed's kinds with how many of each.

    The Swedish participle agrees with the whole list: singular only where each is one and all are of one gender.
    """
    if action in HOUR_LABELS:
        return str(getattr(HOUR_LABELS[action], language))
    parts, agreeing = [], set()
    for kind, count in counts.items():
        words = KIND_LABELS[kind]
        agreeing.add(2 if count > 1 and words.countable else int(words.neuter))
        pair = getattr(words.text, language)
        parts.append(f"{count} {pair[count > 1]}" if words.countable else pair[0])
    forms, english = ACTION_LABELS[action]
    done = english if language == "en" else forms[agreeing.pop() if len(agreeing) == 1 else 2]
    return f"{', '.join(parts)} {done}"
