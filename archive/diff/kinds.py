"""The kinds of change, their importance, and a summary of changes in one line.

The package's docstring describes the rules that use these numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from archive.dates import only_hour_differs
from archive.i18n import LANGUAGES, translate

KIND_IMPORTANCE = {  # highest first, which is also the order of a summary
    "amount": 75,
    "negation": 75,
    "number": 70,  # percentages, ages, references and any other figure
    "date": 70,  # years and weekdays too
    "name": 65,
    "time": 65,  # times of day
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
    "punctuation": 4,  # punctuation marks and capital letters
    "layout": 2,
    "updated": 0,  # the agency's own update date
}
FACT_KINDS = ("amount", "negation", "number", "date", "name", "time", "contact")

FIELD_FACTORS = {"title": 1.2, "lead": 1.1}  # times the importance of the same change in the body
WORDS_PER_POINT = 5  # changed words for each point that size adds
MAX_SIZE_POINTS = 10
HOUR_ONLY_IMPORTANCE = 4  # same day, and only one version has an hour
FIGURE_POINTS = 20  # added for a paragraph with a figure
SPEECH_POINTS = 2  # added for a paragraph of speech
MAX_FURTHER_POINTS = 5
MIN_FURTHER_IMPORTANCE = 5  # further changes of less importance add no point
MAX_EXCERPT_LENGTH = 300  # characters stored per change; the revisions have the full text
UNCOUNTABLE_KINDS = frozenset(("published", "kind", "language", "punctuation", "layout", "updated"))
# Kinds whose Swedish name is neuter, which decides the form of the participle: ett belopp ändrat, en länk ändrad.
NEUTER_KINDS = frozenset(
    (
        *("amount", "date", "name", "time", "published", "opposite", "quotation", "modality", "answer"),
        *("paragraph_removed", "paragraph_added", "paragraph_moved", "language", "tags", "punctuation", "updated"),
    )
)
UNDIRECTED_KINDS = frozenset(  # always "changed", never "added" or "removed"
    ("wording", "typo", "punctuation", "quotation", "modality", "opposite", "layout", "published", "updated")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change between two states."""

    field: str  # field of the release: title, lead, body, questions, tags, …
    kind: str  # a key of KIND_IMPORTANCE
    before: str  # the words, fact or URL that changed; "" if it was added
    after: str  # the same afterwards; "" if it was removed
    importance: int  # 0 to 100


def build_change(field: str, kind: str, before: str | None, after: str | None, extra_points: int = 0) -> Change:
    """Build a change. Its importance is its kind's plus `extra_points`, and higher in title and lead.

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
    """Return the points that the number of changed words adds to the importance.

    >>> count_size_points(4), count_size_points(23), count_size_points(400)
    (0, 4, 10)
    """
    return min(MAX_SIZE_POINTS, words // WORDS_PER_POINT)


def compute_importance(changes: list[Change]) -> int:
    """Return the importance of an edit: its most important change's, plus points for further changes."""
    if not changes:
        return 0
    further = sum(change.importance >= MIN_FURTHER_IMPORTANCE for change in changes) - 1
    return min(100, max(change.importance for change in changes) + max(0, min(MAX_FURTHER_POINTS, further)))


def summarise_changes(changes: Iterable[Change], language: str) -> str:
    """Summarise changes in one line: how many of each kind were changed, added, removed or moved.

    The most important kinds come first. Changes of little importance (punctuation, layout, an update date) are only
    included if there are no others. The same change in several places counts once.

    >>> one = Change(field="body", kind="amount", before="2 kr", after="3 kr", importance=75)
    >>> two = Change(field="body", kind="paragraph_added", before="", after="Ett nytt stycke.", importance=25)
    >>> summarise_changes([one, two], "sv"), summarise_changes([one, two], "en")
    ('1 belopp ändrat; 1 stycke tillagt', '1 amount changed; 1 paragraph added')
    """
    if language not in LANGUAGES:
        raise ValueError(f"no texts in {language!r}")
    counts = _count_changes(list(changes))
    if not counts:
        return translate(language, "change.none")
    return "; ".join(_format_action(action, kind_counts, language) for action, kind_counts in counts.items())


def classify_action(change: Change) -> str:
    """Return the action of a change: changed, added, removed, moved, hour_added or hour_removed."""
    if change.kind == "published" and only_hour_differs(change.before, change.after):
        return "hour_added" if len(change.before) < len(change.after) else "hour_removed"
    if change.kind in UNDIRECTED_KINDS:
        return "changed"
    if change.kind == "paragraph_moved":
        return "moved"
    if not change.before:
        return "added"
    return "changed" if change.after else "removed"


def _count_changes(changes: list[Change]) -> dict[str, dict[str, int]]:
    """Count the distinct changes by action and kind, the most important kind first."""
    highest = max((change.importance for change in changes), default=0)
    lowest = min(highest, MIN_FURTHER_IMPORTANCE if highest >= MIN_FURTHER_IMPORTANCE else 1)
    distinct = dict.fromkeys(
        (classify_action(change), change.kind, change.before, change.after)
        for change in changes
        if change.importance >= lowest
    )
    order = list(KIND_IMPORTANCE)
    counts: dict[str, dict[str, int]] = {}
    for action, kind, *_ in sorted(distinct, key=lambda row: order.index(row[1])):
        kind_counts = counts.setdefault(action, {})
        kind_counts[kind] = kind_counts.get(kind, 0) + 1
    return counts


def _format_action(action: str, counts: Mapping[str, int], language: str) -> str:
    """Format the counts of an action.

    The participle is singular only if all counts are 1 and the kinds have the same gender.
    """
    if action in ("hour_added", "hour_removed"):
        return translate(language, f"change.{action}")
    parts = [translate(language, f"change.{kind}", n=count) for kind, count in counts.items()]
    forms = {
        "plural" if count > 1 and kind not in UNCOUNTABLE_KINDS else "neuter" if kind in NEUTER_KINDS else "common"
        for kind, count in counts.items()
    }
    form = forms.pop() if len(forms) == 1 else "plural"
    return f"{', '.join(parts)} {translate(language, f'change.action.{action}.{form}')}"
