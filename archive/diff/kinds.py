"""The kinds of change: their importance, their names in Swedish and English, and a summary of changes in one line.

The package's docstring describes the rules that use these numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from archive.dates import only_hour_differs
from archive.i18n import Translation

KIND_IMPORTANCE = {  # highest first, which is also the order of a summary
    "amount": 75,
    "negation": 75,
    "number": 70,  # percentages, ages, references and any other figure
    "date": 70,  # years and weekdays too
    "name": 65,
    "time": 65,  # of day
    "contact": 65,  # a telephone number, an e-mail address, a contact
    "published": 59,  # HOUR_ONLY_IMPORTANCE if only the hour was added or removed
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
    "updated": 0,  # the agency's own update date
}
FACT_KINDS = ("amount", "negation", "number", "date", "name", "time", "contact")

FIELD_FACTORS = {"title": 1.2, "lead": 1.1}  # of the importance that the change would have in the body
WORDS_PER_POINT = 5  # changed words for each point that size adds
MAX_SIZE_POINTS = 10
HOUR_ONLY_IMPORTANCE = 4  # same day, and only one version has an hour
FIGURE_POINTS = 20  # added for a paragraph with a figure
SPEECH_POINTS = 2  # added for a paragraph of speech
MAX_FURTHER_POINTS = 5
MIN_FURTHER_IMPORTANCE = 5  # a less important further change adds no point
MAX_EXCERPT_LENGTH = 300  # characters of a change that are stored; the revisions have the rest
UNDIRECTED_KINDS = frozenset(  # always "changed", never "added" or "removed"
    ("wording", "typo", "punctuation", "quotation", "modality", "opposite", "layout", "published", "updated")
)


class KindLabel(NamedTuple):
    """The name of a kind in both languages, singular and plural.

    `neuter` decides the form of the Swedish participle (ett belopp ändrat).
    """

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
ACTION_LABELS = {  # the Swedish participle in common gender, neuter and plural, and the English one
    "changed": (("ändrad", "ändrat", "ändrade"), "changed"),
    "added": (("tillagd", "tillagt", "tillagda"), "added"),
    "removed": (("borttagen", "borttaget", "borttagna"), "removed"),
    "moved": (("flyttad", "flyttat", "flyttade"), "moved"),
}
HOUR_LABELS = {  # of a publication date whose day is unchanged
    "hour_added": Translation("publiceringens klockslag anges nu", "time of day of publication now told"),
    "hour_removed": Translation(
        "publiceringens klockslag anges inte längre", "time of day of publication no longer told"
    ),
}
NO_CHANGE_LABEL = Translation("Ingen ändring", "No change")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change. before, after: the words, facts or URLs that changed; empty if it was added or removed."""

    field: str  # of the release: title, lead, body, questions, tags, …
    kind: str  # a key of KIND_IMPORTANCE
    before: str
    after: str
    importance: int  # 0 to 100


def build_change(field: str, kind: str, before: str | None, after: str | None, extra_points: int = 0) -> Change:
    """Build a change and compute its importance.

    It is that of the kind plus `extra_points`, and higher in the title and the lead.

    >>> build_change("body", "date", "4 maj", "5 maj").importance
    70
    >>> build_change("title", "date", "4 maj", "5 maj").importance
    84
    """
    importance = round((KIND_IMPORTANCE[kind] + extra_points) * FIELD_FACTORS.get(field, 1))
    return Change(field=field, kind=kind, before=_shorten(before), after=_shorten(after), importance=importance)


def _shorten(text: str | None) -> str:
    text = (text or "").strip()
    return text if len(text) <= MAX_EXCERPT_LENGTH else text[: MAX_EXCERPT_LENGTH - 1].rstrip() + "…"


def count_size_points(words: int) -> int:
    """Return the points that a change of so many words adds to its importance.

    >>> count_size_points(4), count_size_points(23), count_size_points(400)
    (0, 4, 10)
    """
    return min(MAX_SIZE_POINTS, words // WORDS_PER_POINT)


def compute_importance(changes: list[Change]) -> int:
    """Return the importance of all changes of an edit: that of the most important one, plus a few points.

    Each further change that matters adds a point, up to MAX_FURTHER_POINTS.
    """
    if not changes:
        return 0
    further = sum(change.importance >= MIN_FURTHER_IMPORTANCE for change in changes) - 1
    return min(100, max(change.importance for change in changes) + max(0, min(MAX_FURTHER_POINTS, further)))


def summarise_changes(changes: Iterable[Change], language: str) -> str:
    """Summarise changes in one line: how many of each kind were changed, added, removed or moved.

    The most important kinds come first. Changes of next to no importance (punctuation, layout, an update date) are only
    mentioned if nothing else changed. The same change in several places counts once.

    >>> one = Change(field="body", kind="amount", before="2 kr", after="3 kr", importance=75)
    >>> two = Change(field="body", kind="paragraph_added", before="", after="Ett nytt stycke.", importance=25)
    >>> summarise_changes([one, two], "sv"), summarise_changes([one, two], "en")
    ('1 belopp ändrat; 1 stycke tillagt', '1 amount changed; 1 paragraph added')
    """
    if language not in {"sv", "en"}:
        raise ValueError(f"no words in {language!r}: sv or en")
    counts = _count_changes(changes)
    if not counts:
        return str(getattr(NO_CHANGE_LABEL, language))
    actions = list(dict.fromkeys(action for action, _ in counts))
    return "; ".join(
        _format_action(action, {kind: count for (other, kind), count in counts.items() if other == action}, language)
        for action in actions
    )


def classify_action(change: Change) -> str:
    """Return what happened: changed, added, removed or moved, or hour_added or hour_removed."""
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
    """Count the distinct changes of each action and kind, the most important kind first."""
    changes = list(changes)
    highest = max((change.importance for change in changes), default=0)
    relevant = [
        change for change in changes if highest < MIN_FURTHER_IMPORTANCE or change.importance >= MIN_FURTHER_IMPORTANCE
    ]
    if highest > 0:
        relevant = [change for change in relevant if change.importance > 0]
    distinct = dict.fromkeys((classify_action(change), change.kind, change.before, change.after) for change in relevant)
    order = list(KIND_IMPORTANCE)
    counts: dict[tuple[str, str], int] = {}
    for action, kind, *_ in sorted(distinct, key=lambda row: order.index(row[1])):
        counts[action, kind] = counts.get((action, kind), 0) + 1
    return counts


def _format_action(action: str, counts: dict[str, int], language: str) -> str:
    """Format the counts of one action's kinds.

    The Swedish participle agrees with the whole list: it is singular only if every count is 1 and all kinds have the
    same gender.
    """
    if action in HOUR_LABELS:
        return str(getattr(HOUR_LABELS[action], language))
    parts, form_numbers = [], set()
    for kind, count in counts.items():
        label = KIND_LABELS[kind]
        form_numbers.add(2 if count > 1 and label.countable else int(label.neuter))
        names = getattr(label.text, language)
        parts.append(f"{count} {names[count > 1]}" if label.countable else names[0])
    forms, english = ACTION_LABELS[action]
    participle = english if language == "en" else forms[form_numbers.pop() if len(form_numbers) == 1 else 2]
    return f"{', '.join(parts)} {participle}"
