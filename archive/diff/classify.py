"""Finds and classifies the changes between two states of a release, and rates their importance.

In the text, paragraphs are matched, and each changed passage of an altered one is classified, facts before wording.
Other changes are in dates, tags, images, attachments, contacts, links and layout. The package's docstring describes the
rules that use the kinds and numbers below.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from lxml import html
from rapidfuzz.distance import OSA

from archive.dates import only_hour_differs
from archive.diff.align import (
    BlockPair,
    State,
    TextBlock,
    build_blocks,
    find_changed_spans,
    join_blocks,
    join_tokens,
    match_blocks,
    normalise_words,
)
from archive.diff.facts import SPEECH_DASHES, CapitalUsage, DiffToken, analyse_capitals, tokenise
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


REPORTED_KINDS = ("amount", "number", "date", "name", "time", "link", "contact", "day")
FIGURE_FACTS = ("amount", "number", "date", "time", "day")  # may replace one another: "i dag", "den 4 maj"
MERGED_KINDS = ("quotation", "answer", "question")  # several changed passages in one of these are a single change
MAX_PHRASE_WORDS = 15  # in a longer passage, a negation or modal verb does not by itself change the meaning
MAX_SHORT_FACT_LENGTH = 3  # characters; such a fact occurs elsewhere by chance
MISSPELLING_LIMITS = ((5, 1), (8, 2))  # (letters of the word, letters that may differ in a misspelling of it)
PLAIN_FIELDS = ("published", "updated", "kind", "language")  # each has a kind of change with the same name

OPPOSITE_PREFIXES = ("o", "un")  # möjligt → omöjligt; "in" would take införa for the opposite of föra
OPPOSITES = (  # stems of words with opposite meanings
    "höj/sänk höjn/sänkn öka/minska ökn/minskn ökar/minskar minst/högst över/under före/efter fler/färre"
    " mer/mindre större/mindre tillåt/förbj tillåt/förbud bifall/avsl godkän/avsl bevilja/avsl stärk/försvag"
    " utvidg/inskränk öppn/stäng tidigare/senare snabbare/långsammare"
    " increas/decreas rais/lower more/less above/below before/after over/under approv/reject allow/forbid allow/ban"
    " minimum/maximum open/clos strengthen/weaken earlier/later"
)
OPPOSITE_STEMS = [pair.split("/") for pair in OPPOSITES.split()]

StatePart = Mapping[str, Any]
TextLink = tuple[str, str]  # its text, its URL


@dataclass(frozen=True, slots=True)
class ChangedPassage:
    """One changed passage: its tokens in both versions, and the tokens next to it."""

    field: str
    role: str  # title, lead, body, question, answer
    before: Sequence[DiffToken]
    after: Sequence[DiffToken]
    previous_token: DiffToken | None = None
    next_token: DiffToken | None = None


# a fact in only one version of a passage, which the other version of the text may have elsewhere; whether it was added
UnmatchedFact = tuple[DiffToken, bool]


class ClassifiedPassage(NamedTuple):
    """A changed passage, its changes, and the facts that only one version of it has."""

    passage: ChangedPassage
    changes: list[Change]
    unmatched: list[UnmatchedFact]


def find_text_changes(before: State, after: State) -> list[Change]:
    """List the changes of title, lead, body and questions, in the order of the text."""
    old, new = build_blocks(before), build_blocks(after)
    if old == new:
        return []
    pairs = match_blocks(old, new)
    capitals: CapitalUsage | None = None
    changes: list[Change] = []
    passages: list[list[ClassifiedPassage]] = []  # those of each altered pair
    for pair in pairs:
        if not pair.before or not pair.after:
            continue
        text, new_text, field = join_blocks(pair.before), join_blocks(pair.after), pair.after[0].field
        roles, new_roles = ([(block.field, block.role) for block in side] for side in (pair.before, pair.after))
        if pair.moved:
            changes.append(build_change(field, "paragraph_moved", text, new_text))
        if text != new_text:
            capitals = capitals or analyse_capitals(
                dict.fromkeys(block.text for block in (*old, *new)), after.get("language") or before.get("language")
            )
            passages.append([classify_passage(passage) for passage in _find_passages(pair, capitals)])
        elif roles != new_roles:
            changes.append(build_change(field, "layout", pair.before[0].field, field))
    changes += _build_paragraph_changes(pairs)
    return changes + _resolve_unmatched_facts(passages, old, new)


def _find_passages(pair: BlockPair, capitals: CapitalUsage) -> list[ChangedPassage]:
    old, new = (tokenise(join_blocks(side), capitals) for side in (pair.before, pair.after))
    block = pair.after[0]
    passages = [
        ChangedPassage(
            block.field,
            block.role,
            old[span.first : span.last],
            new[span.new_first : span.new_last],
            old[span.first - 1] if span.first else None,
            old[span.last] if span.last < len(old) else None,
        )
        for span in find_changed_spans(old, new)
    ]
    if passages:
        return passages
    # Only white space differs.
    respaced = [tokens for tokens in zip(old, new, strict=True) if tokens[0].space != tokens[1].space]
    return [ChangedPassage(block.field, block.role, [left for left, _ in respaced], [right for _, right in respaced])]


def classify_passage(passage: ChangedPassage) -> ClassifiedPassage:
    """Find the changes in one passage: facts first, then wording, spelling or punctuation."""
    spelling_change = _compare_spelling(passage)
    if spelling_change:
        return ClassifiedPassage(passage, [spelling_change], [])
    is_phrase = _count_words(passage) <= MAX_PHRASE_WORDS
    changes, unmatched = _compare_facts(passage, is_phrase=is_phrase)
    if is_phrase:
        changes += filter(None, (_compare_word_kind(passage, kind) for kind in ("negation", "modal")))
    reported = [text for change in changes for text in (change.before, change.after)]
    reported += [token.text for token, _ in unmatched]
    reported_words = {word for text in reported for word in normalise_words(text)}
    remaining = _compare_remaining_words(passage, reported_words, is_only_change=not changes and not unmatched)
    return ClassifiedPassage(passage, [*changes, *remaining], unmatched)


def _compare_spelling(passage: ChangedPassage) -> Change | None:
    """Return the change if only marks, capitals or spaces differ, else None.

    Passages with figures are left out, because a mark can change a figure. A misspelt fact ("mådnag") is a typo, too.
    """
    before, after = join_tokens(passage.before), join_tokens(passage.after)
    old, new = normalise_words(before), normalise_words(after)
    letters = "".join(old)
    if [len(passage.before), len(passage.after)] == [1, 1]:
        kinds = {passage.before[0].kind, passage.after[0].kind}
        if "word" in kinds and len(kinds - {"name", "mark"}) == 2 and _is_misspelling(before.strip(), after.strip()):
            return build_change(passage.field, "typo", before, after)
    if letters != "".join(new) or any(letter.isdigit() for letter in letters):
        return None
    if old != new:
        return build_change(passage.field, "typo", before, after)  # an extra or missing space
    return build_change(passage.field, "layout" if before.split() == after.split() else "punctuation", before, after)


def _compare_facts(passage: ChangedPassage, *, is_phrase: bool) -> tuple[list[Change], list[UnmatchedFact]]:
    """Pair facts with those that replace them, in order: first facts of the same kind, then any figures.

    The facts left over are returned as unmatched. In a long passage, names are not paired.
    """
    old, new = (
        _find_missing_facts(side, other)
        for side, other in ((passage.before, passage.after), (passage.after, passage.before))
    )
    changes = [_build_fact_change(passage, *pair) for pair in _find_swapped_figures(passage)] if is_phrase else []
    for kinds in [*((kind,) for kind in REPORTED_KINDS if is_phrase or kind != "name"), FIGURE_FACTS]:
        removed, inserted = ([token for token in side if token.kind in kinds] for side in (old, new))
        pairs = list(zip(removed, inserted, strict=False))
        changes += [_build_fact_change(passage, *pair) for pair in pairs if not _is_same_name(*pair)]
        paired = {id(token) for pair in pairs for token in pair}
        old, new = ([token for token in side if id(token) not in paired] for side in (old, new))
    unmatched = [(token, added) for added, side in ((False, old), (True, new)) for token in side]
    return changes, [fact for fact in unmatched if fact[0].kind != "day"]  # "i dag" alone is not a reported date


def _find_swapped_figures(passage: ChangedPassage) -> list[tuple[DiffToken, DiffToken]]:
    """Return pairs of figures that swapped places in the passage."""
    swapped = []
    for kind in FIGURE_FACTS:
        old, new = ([token for token in side if token.kind == kind] for side in (passage.before, passage.after))
        if Counter(token.value for token in old) == Counter(token.value for token in new):
            swapped += [pair for pair in zip(old, new, strict=True) if pair[0].value != pair[1].value]
    return swapped


def _build_fact_change(passage: ChangedPassage, old: DiffToken, new: DiffToken) -> Change:
    heavier = max((_change_kind(old.kind), _change_kind(new.kind)), key=lambda kind: KIND_IMPORTANCE[kind])
    return build_change(passage.field, heavier, old.text, new.text)


def _find_missing_facts(side: Sequence[DiffToken], other: Sequence[DiffToken]) -> list[DiffToken]:
    others = Counter((token.kind, token.value) for token in other)
    facts = []
    for token in side:
        if token.kind not in REPORTED_KINDS:
            continue
        if others[token.kind, token.value] > 0:
            others[token.kind, token.value] -= 1
        else:
            facts.append(token)
    return facts


def _change_kind(name: str) -> str:
    return {"day": "date", "modal": "modality"}.get(name, name)


def _is_same_name(old: DiffToken, new: DiffToken) -> bool:
    """Return whether one name is a short form of the other: Ada Ek, Ek."""
    old_words, new_words = set(old.value.split()), set(new.value.split())
    return old.kind == new.kind == "name" and (old_words <= new_words or new_words <= old_words)


def _count_words(passage: ChangedPassage) -> int:
    return max(sum(token.kind != "mark" for token in side) for side in (passage.before, passage.after))


def _compare_word_kind(passage: ChangedPassage, kind: str) -> Change | None:
    """Return the change if the number of negations or the strength of modal verbs differs, else None."""
    old, new = ([token for token in side if token.kind == kind] for side in (passage.before, passage.after))
    values, new_values = (Counter(kind if kind == "negation" else token.value for token in side) for side in (old, new))
    if values == new_values:
        return None
    before, after = (" ".join(token.text for token in side) for side in (old, new))
    return build_change(passage.field, _change_kind(kind), before, after)


def _compare_remaining_words(passage: ChangedPassage, reported: set[str], *, is_only_change: bool) -> list[Change]:
    """Return the change in all words not in `reported`: none, or one of punctuation, spelling or wording."""
    before, after = join_tokens(passage.before), join_tokens(passage.after)
    old, new = ([word for word in normalise_words(text) if word not in reported] for text in (before, after))
    if Counter(old) == Counter(new) and not is_only_change:
        return []
    if old == new and normalise_words(before) == normalise_words(after):
        kind = "layout" if before.split() == after.split() else "punctuation"
        return [build_change(passage.field, kind, before, after)]
    opposite = _find_opposite(passage.field, old, new)
    if opposite:
        return [opposite]
    if _is_typo(passage, old, new):
        return [build_change(passage.field, "typo", before, after)]
    return [build_wording_change(passage)]


def _find_opposite(field: str, old: list[str], new: list[str]) -> Change | None:
    """Return the change of a word to its negation (möjligt, omöjligt) or opposite (höjs, sänks), or None."""
    for old_word, new_word in zip(old, new, strict=False) if len(old) == len(new) else ():
        short, long = sorted((old_word, new_word), key=len)
        if len(short) > 3 and any(long == prefix + short for prefix in OPPOSITE_PREFIXES):
            return build_change(field, "negation", old_word, new_word)
        if any(
            (old_word.startswith(a) and new_word.startswith(b)) or (old_word.startswith(b) and new_word.startswith(a))
            for a, b in OPPOSITE_STEMS
        ):
            return build_change(field, "opposite", old_word, new_word)
    return None


def _is_typo(passage: ChangedPassage, old: list[str], new: list[str]) -> bool:
    if len(old) == len(new):
        return all(_is_misspelling(old_word, new_word) for old_word, new_word in zip(old, new, strict=True))
    words = [*old, *new]
    if len(words) == 1:
        return any(
            token and token.text.casefold() == words[0] for token in (passage.previous_token, passage.next_token)
        )
    return False


def _is_misspelling(one: str, two: str) -> bool:
    length = max(len(one), len(two))
    limit = max((letters for least, letters in MISSPELLING_LIMITS if length >= least), default=0)
    return one == two or OSA.distance(one, two) <= limit


def build_wording_change(passage: ChangedPassage) -> Change:
    """Build a change of wording, or of the question, answer or quotation that contains the passage."""
    before, after = join_tokens(passage.before), join_tokens(passage.after)
    if passage.role in {"question", "answer"}:
        return build_change(passage.field, passage.role, before, after)
    tokens = [*passage.before, *passage.after]
    if sum(token.quoted for token in tokens) * 2 > len(tokens):
        return build_change(passage.field, "quotation", before, after)
    return build_change(passage.field, "wording", before, after, count_size_points(_count_words(passage)))


def _resolve_unmatched_facts(
    passages: Sequence[Sequence[ClassifiedPassage]], old: list[TextBlock], new: list[TextBlock]
) -> list[Change]:
    """Return the changes of all passages, including facts that the other version lacks everywhere."""
    unmatched = [fact for pair in passages for classified in pair for fact in classified.unmatched]
    added, removed = ({token.value for token, is_new in unmatched if is_new == side} for side in (True, False))
    texts = (join_blocks(old), join_blocks(new)) if unmatched else ("", "")
    words = [frozenset(normalise_words(text)) for text in texts]
    changes: list[Change] = []
    for pair in passages:
        found: list[Change] = []
        for classified in pair:
            new_facts = [
                _build_side_change(classified.passage.field, token.kind, token.text, added=is_new)
                for token, is_new in classified.unmatched
                if token.value not in added & removed
                and not _contains_fact(token, texts[not is_new], words[not is_new])
            ]
            found += [*classified.changes, *new_facts] or [build_wording_change(classified.passage)]
        changes += _merge_changes(found)
    return changes


def _build_side_change(field: str, kind: str, text: str, *, added: bool, extra_points: int = 0) -> Change:
    return build_change(field, kind, "" if added else text, text if added else "", extra_points)


def _contains_fact(token: DiffToken, text: str, words: frozenset[str]) -> bool:
    """Return whether a text contains a fact: a name by its words, any other fact as printed."""
    if token.kind == "name":
        return all({word, word + "s"} & words for word in normalise_words(token.value))
    if len(token.text) <= MAX_SHORT_FACT_LENGTH:
        return False
    return re.search(rf"(?<!\w){re.escape(token.text)}(?!\w)", text) is not None


def _merge_changes(changes: list[Change]) -> list[Change]:
    """Merge the changed passages of one quotation, answer or question into a single change."""
    merged = [change for change in changes if change.kind not in MERGED_KINDS]
    for kind in MERGED_KINDS:
        parts = [change for change in changes if change.kind == kind]
        if parts:
            sides = [[part.before for part in parts], [part.after for part in parts]]
            before, after = (" … ".join(text for text in side if text) for side in sides)
            merged.append(build_change(parts[0].field, kind, before, after))
    return merged


def _build_paragraph_changes(pairs: list[BlockPair]) -> list[Change]:
    """List added and removed paragraphs. Paragraphs of one question or answer make a single change."""
    runs: list[list[BlockPair]] = []
    for pair in pairs:
        if pair.before and pair.after:
            continue
        if runs and _belongs_together(runs[-1][-1], pair):
            runs[-1].append(pair)
        else:
            runs.append([pair])
    return [_build_paragraph_change(run) for run in runs]


def _belongs_together(first_pair: BlockPair, second_pair: BlockPair) -> bool:
    first, second = (first_pair.before or first_pair.after)[0], (second_pair.before or second_pair.after)[0]
    same_side = bool(first_pair.before) == bool(second_pair.before)
    return same_side and first.question > 0 and (first.role, first.question) == (second.role, second.question)


def _build_paragraph_change(block_pairs: list[BlockPair]) -> Change:
    removed = bool(block_pairs[0].before)
    blocks = [block for pair in block_pairs for block in pair.before or pair.after]
    block, text = blocks[0], join_blocks(blocks)
    if block.role in {"question", "answer"}:
        kind, extra_points = block.role, 0
    else:
        kind = "paragraph_removed" if removed else "paragraph_added"
        extra_points = count_size_points(len(text.split())) // 2
    if any(letter.isdigit() for letter in text):
        extra_points += FIGURE_POINTS
    if text.startswith(SPEECH_DASHES):
        extra_points += SPEECH_POINTS
    return _build_side_change(block.field, kind, text, added=not removed, extra_points=extra_points)


def find_metadata_changes(before: State, after: State, *, text_changes: Sequence[Change]) -> list[Change]:
    """List all changes outside the text. A link in one of `text_changes` is not reported again."""
    changes = [
        _build_value_change(field, before.get(field), after.get(field))
        for field in PLAIN_FIELDS
        if before.get(field) != after.get(field)
    ]
    tags, new_tags = before.get("tags") or (), after.get("tags") or ()
    changes += [_build_side_change("tags", "tags", tag, added=False) for tag in tags if tag not in new_tags]
    changes += [_build_side_change("tags", "tags", tag, added=True) for tag in new_tags if tag not in tags]
    changes += _compare_parts("attachments", before, after, ("url", "title"), kind="attachment")
    changes += _compare_parts("images", before, after, ("url", "caption", "credit", "alt"), kind="image")
    changes += _compare_parts("contacts", before, after, ("name", "email", "phone", "role"), kind="contact")
    changes += _compare_answerers(before.get("questions") or (), after.get("questions") or ())
    return changes + _compare_markup(before, after, text_changes)


def _build_value_change(field: str, before: str | None, after: str | None) -> Change:
    """Build the change of a value. It has little importance if only the hour of publication differs."""
    if field == "published" and only_hour_differs(before, after):
        return build_change(field, field, before, after, HOUR_ONLY_IMPORTANCE - KIND_IMPORTANCE[field])
    return build_change(field, field, before, after)


def _compare_answerers(before: Sequence[StatePart], after: Sequence[StatePart]) -> list[Change]:
    answerers = {pair.get("question"): pair.get("answered_by") for pair in before}
    return [
        build_change("questions", "name", answerers[pair.get("question")], pair.get("answered_by"))
        for pair in after
        if pair.get("question") in answerers and answerers[pair.get("question")] != pair.get("answered_by")
    ]


def _compare_parts(field: str, before: State, after: State, keys: Sequence[str], *, kind: str) -> list[Change]:
    """Compare lists of parts. Parts that have the same value for one of the keys count as the same part."""
    old: list[StatePart] = [part for part in before.get(field) or () if part not in (after.get(field) or ())]
    new: list[StatePart] = [part for part in after.get(field) or () if part not in (before.get(field) or ())]
    changes = []
    for part in list(old):
        partner = next((other for key in keys for other in new if part.get(key) and part[key] == other.get(key)), None)
        if partner is None:
            changes.append(build_change(field, kind, _format_part(part, keys), ""))
            continue
        new.remove(partner)
        differing = [key for key in keys if part.get(key) != partner.get(key)]
        if differing:
            changes.append(build_change(field, kind, _format_part(part, differing), _format_part(partner, differing)))
    return changes + [build_change(field, kind, "", _format_part(part, keys)) for part in new]


def _format_part(part: StatePart, keys: Sequence[str]) -> str:
    return ", ".join(str(part[key]) for key in keys if part.get(key)) or "–"


def _compare_markup(before: State, after: State, text_changes: Sequence[Change]) -> list[Change]:
    """Compare the links of unchanged text, and the layout if the whole text is the same."""
    if before.get("body_html") == after.get("body_html"):
        return []
    old, new = _parse_markup(before.get("body_html")), _parse_markup(after.get("body_html"))
    files = {part.get("url") for state in (before, after) for part in state.get("attachments") or ()}
    changes, removed, added = _compare_links(_count_links(old, files), _count_links(new, files))
    removed_text = _pad_words([change.before for change in text_changes])
    added_text = _pad_words([change.after for change in text_changes])
    old_text, new_text = _pad_words([str(old.text_content())]), _pad_words([str(new.text_content())])
    for links, other_text, changed_text in ((removed, new_text, removed_text), (added, old_text, added_text)):
        changes += [
            _build_side_change("body_html", "link", url, added=links is added)
            for text, url in links
            if _is_link_text_kept(text, other_text, changed_text)
        ]
    if changes or any(change.field in {"lead", "body", "questions"} for change in text_changes):
        return changes
    old_elements, new_elements = Counter(_list_element_names(old)), Counter(_list_element_names(new))
    only_old = " ".join((old_elements - new_elements).elements())
    only_new = " ".join((new_elements - old_elements).elements())
    return [build_change("body_html", "layout", only_old, only_new)]


def _compare_links(
    before: Counter[TextLink], after: Counter[TextLink]
) -> tuple[list[Change], list[TextLink], list[TextLink]]:
    """Return the changes of target, the links that only `before` has, and those that only `after` has.

    A link with only a new text is left out, because the change of the text is reported.
    """
    removed, added = list((before - after).elements()), list((after - before).elements())
    changes: list[Change] = []
    for part in (0, 1):  # the text, then the URL
        candidates: dict[str, list[TextLink]] = {}
        for link in added:
            candidates.setdefault(link[part], []).append(link)
        unpaired = []
        for link in removed:
            partner = candidates[link[part]].pop(0) if candidates.get(link[part]) else None
            if partner is None:
                unpaired.append(link)
            elif part == 0:
                changes.append(build_change("body_html", "link", link[1], partner[1]))
        removed, added = unpaired, [link for links in candidates.values() for link in links]
    return changes, removed, added


def _parse_markup(markup: str | None) -> html.HtmlElement:
    return html.fragment_fromstring(markup or "", create_parent="div")


def _list_element_names(tree: html.HtmlElement) -> list[str]:
    return [str(element.tag) for element in tree.iterdescendants() if isinstance(element.tag, str)]


def _count_links(tree: html.HtmlElement, files: set[object]) -> Counter[TextLink]:
    found = ((" ".join(a.text_content().split()), str(a.get("href"))) for a in tree.iter("a") if a.get("href"))
    return Counter(link for link in found if link[1] not in files)


def _pad_words(texts: Sequence[str]) -> str:
    return " " + " ".join(word for text in texts for word in normalise_words(text)) + " "


def _is_link_text_kept(link_text: str, other: str, changed: str) -> bool:
    """Return whether the other version also has a link's text, outside the changed words."""
    padded = _pad_words([link_text])
    return bool(padded.strip()) and padded in other and padded not in changed
