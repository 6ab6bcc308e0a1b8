"""Defines the types of changes and their importance, and summarises a comparison in one line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from archive.i18n import LANGUAGES, translate
from archive.times import only_hour_differs

KIND_IMPORTANCE = {  # in the order of a summary
    "negation": 82,
    "amount": 75,
    "opposite": 73,  # höja, sänka; minst, högst; upphävd
    "number": 70,  # percentages, ages and any other figure; REFERENCE_IMPORTANCE for references
    "date": 70,  # years and weekdays too
    "name": 70,  # MISSPELLING_IMPORTANCE if its spelling was corrected
    "modality": 65,  # ska, bör, får, kan; LONE_MODAL_IMPORTANCE if only one version has one
    "time": 60,  # times of day
    "published": 55,  # HOUR_ONLY_IMPORTANCE if only the hour was added or removed
    "attachment": 36,
    "contact": 28,  # a telephone number, an e-mail address, a contact
    "quotation": 20,  # this and the next three: without what rate_wording and rate_paragraph add
    "answer": 15,
    "question": 12,
    "paragraph_removed": 12,
    "paragraph_added": 12,
    "wording": 12,
    "link": 18,
    "kind": 12,
    "language": 12,
    "image": 8,
    "typo": 6,
    "paragraph_moved": 6,
    "tags": 5,
    "punctuation": 3,  # punctuation marks and capital letters
    "layout": 2,
    "updated": 0,  # the agency's own update date
}

FIELD_FACTORS = {"title": 1.15, "lead": 1.05}  # times the importance of the same change in the body
# a reference identifies a document; its change seldom alters what is said
REFERENCE_IMPORTANCE = 25
MISSPELLING_IMPORTANCE = 20
LONE_MODAL_IMPORTANCE = 40  # kan innebära, innebär
HOUR_ONLY_IMPORTANCE = 4  # same day, and only one version has an hour
# A whole sentence or paragraph is as important as the most important fact in it.
SENTENCE_IMPORTANCE = {
    "amount": 66,
    "opposite": 64,
    "number": 58,
    "date": 58,
    "time": 50,
    "name": 42,
    "contact": 20,
}
PLAIN_SENTENCE_IMPORTANCE = 30
CAPTION_IMPORTANCE = 12  # a heading, a link, an item of a list
SPEECH_POINTS = 5  # added for a paragraph of speech
# added for wording if all its words are nouns and adjectives replaced by others
REPLACED_POINTS = 40
ACTOR_POINTS = 15  # added to these where a sentence names who does something, or for whom
WORDS_PER_POINT = 5  # changed words for each point that size adds to wording
MAX_SIZE_POINTS = 10
MAX_FURTHER_POINTS = 5
MIN_FURTHER_IMPORTANCE = 5  # further changes of less importance add no point
MAX_EXCERPT_LENGTH = 300  # characters stored per change; the revisions have the full text
UNCOUNTABLE_KINDS = frozenset(("published", "kind", "language", "punctuation", "layout", "updated"))
# Kinds whose Swedish name is neuter, which decides the form of the participle: ett belopp ändrat,
# en länk ändrad.
NEUTER_KINDS = frozenset(
    (
        *(
            "amount",
            "date",
            "name",
            "time",
            "published",
            "opposite",
            "quotation",
            "modality",
            "answer",
        ),
        *(
            "paragraph_removed",
            "paragraph_added",
            "paragraph_moved",
            "language",
            "tags",
            "punctuation",
            "updated",
        ),
    )
)
UNDIRECTED_KINDS = frozenset(  # always "changed", never "added" or "removed"
    (
        "wording",
        "typo",
        "punctuation",
        "quotation",
        "modality",
        "opposite",
        "layout",
        "published",
        "updated",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change between two states."""

    field: str  # field of the release: title, lead, body, questions, tags, …
    kind: str  # a key of KIND_IMPORTANCE
    before: str  # the words, fact or URL that changed; "" if it was added
    after: str  # the same afterwards; "" if it was removed
    importance: int  # 0 to 100


def build_change(
    field: str, kind: str, before: str | None, after: str | None, importance: float | None = None
) -> Change:
    """Build a change. If `importance` is None, the change has the importance of its type.

    The importance is higher in the title and the lead.

    >>> build_change("body", "date", "4 maj", "5 maj").importance
    70
    >>> build_change("title", "date", "4 maj", "5 maj").importance
    80
    """
    base = KIND_IMPORTANCE[kind] if importance is None else importance
    rounded = min(100, round(base * FIELD_FACTORS.get(field, 1)))
    return Change(
        field=field, kind=kind, before=shorten(before), after=shorten(after), importance=rounded
    )


def shorten(text: str | None) -> str:
    text = (text or "").strip()
    return (
        text if len(text) <= MAX_EXCERPT_LENGTH else text[: MAX_EXCERPT_LENGTH - 1].rstrip() + "…"
    )


def compute_importance(changes: list[Change]) -> int:
    """Return the importance of an edit.

    It is the importance of the most important change, plus up to five points for further changes.
    """
    if not changes:
        return 0
    further = sum(change.importance >= MIN_FURTHER_IMPORTANCE for change in changes) - 1
    return min(
        100, max(change.importance for change in changes) + max(0, min(MAX_FURTHER_POINTS, further))
    )


def summarise_changes(changes: Iterable[Change], language: str) -> str:
    """Summarise changes in one line: how many of each type were changed, added, removed or moved.

    The most important types come first. Changes of little importance (punctuation, layout, an
    update date) are included only if there are no others. A change that occurs in several places
    counts once.

    >>> from dataclasses import replace
    >>> one = Change(field="body", kind="amount", before="2 kr", after="3 kr", importance=75)
    >>> two = replace(one, kind="paragraph_added", before="", after="Ett stycke.", importance=25)
    >>> summarise_changes([one, two], "sv"), summarise_changes([one, two], "en")
    ('1 belopp ändrat; 1 stycke tillagt', '1 amount changed; 1 paragraph added')
    """
    if language not in LANGUAGES:
        raise ValueError(f"no texts in {language!r}")
    counts = _count_changes(list(changes))
    if not counts:
        return translate(language, "change.none")
    return "; ".join(
        _format_action(action, kind_counts, language) for action, kind_counts in counts.items()
    )


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
    """Count the distinct changes by action and type, the most important type first."""
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

    The participle is singular only if each type is uncountable or has the count 1, and all types
    have the same gender.
    """
    if action in ("hour_added", "hour_removed"):
        return translate(language, f"change.{action}")
    parts = [translate(language, f"change.{kind}", n=count) for kind, count in counts.items()]
    forms = {
        "plural"
        if count > 1 and kind not in UNCOUNTABLE_KINDS
        else "neuter"
        if kind in NEUTER_KINDS
        else "common"
        for kind, count in counts.items()
    }
    form = forms.pop() if len(forms) == 1 else "plural"
    return f"{', '.join(parts)} {translate(language, f'change.action.{action}.{form}')}"
