"""Finds the changes between two states of a release, and the type and importance of each.

In the text, paragraphs are matched, and each changed passage of an altered paragraph is classified:
facts first, then wording. Other changes are in dates, tags, images, attachments, contacts, links
and layout. comparison.py describes the rules, and importance.py contains the table of types and
their importance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, TypeVar

from lxml import html

from archive.changes.diff import (
    BlockPair,
    State,
    TextBlock,
    WholeText,
    build_blocks,
    find_changed_spans,
    join_blocks,
    join_tokens,
    match_blocks,
    normalise_words,
)
from archive.changes.facts import (
    FUNCTION_WORDS,
    SPEECH_DASHES,
    CapitalUsage,
    DiffToken,
    analyse_capitals,
    are_opposites,
    differ_by_prefix,
    find_content_lemma,
    has_ending,
    tokenise,
)
from archive.changes.importance import (
    ACTOR_POINTS,
    CAPTION_IMPORTANCE,
    HOUR_ONLY_IMPORTANCE,
    KIND_IMPORTANCE,
    LONE_MODAL_IMPORTANCE,
    MAX_SIZE_POINTS,
    MISSPELLING_IMPORTANCE,
    PLAIN_SENTENCE_IMPORTANCE,
    REFERENCE_IMPORTANCE,
    REPLACED_POINTS,
    SENTENCE_IMPORTANCE,
    SPEECH_POINTS,
    WORDS_PER_POINT,
    Change,
    build_change,
    shorten,
)
from archive.changes.misspellings import is_misspelling, is_misspelt_name
from archive.times import only_hour_differs

REPORTED_KINDS = ("amount", "number", "date", "name", "time", "reference", "link", "contact", "day")
UNNAMED_KINDS = tuple(kind for kind in REPORTED_KINDS if kind != "name")
# may replace one another: "i dag", "den 4 maj"
FIGURE_FACTS = ("amount", "number", "date", "time", "reference", "day")
# several changed passages in one of these are a single change
MERGED_KINDS = ("quotation", "answer", "question")
# in a longer passage, a negation or modal verb does not by itself change the meaning
MAX_PHRASE_WORDS = 15
MAX_SEARCHED_LETTERS = 50_000  # of added and removed paragraphs, which are searched for facts
# each has a kind of change with the same name
PLAIN_FIELDS = ("published", "updated", "kind", "language")

ACTOR_PREPOSITIONS = frozenset(("av", "till", "åt", "by", "to"))

StatePart = Mapping[str, Any]
TextLink = tuple[str, str]  # its text, its URL
Value = TypeVar("Value")


class ParagraphShares(NamedTuple):
    """How much of a paragraph changed.

    changed_words: the number of changed words.
    replaced: the share of the changed words that were replaced by words with another meaning.
    """

    changed_words: int
    replaced: float


@dataclass(frozen=True, slots=True)
class ChangedPassage:
    """A changed passage: its tokens in both versions, and the tokens next to it."""

    field: str
    role: str  # title, lead, body, question, answer
    shares: ParagraphShares
    before: Sequence[DiffToken]
    after: Sequence[DiffToken]
    previous_token: DiffToken | None = None
    next_token: DiffToken | None = None


class UnmatchedFact(NamedTuple):
    """A fact that only one version of a passage contains.

    The other version of the text may contain the fact elsewhere.
    """

    token: DiffToken
    added: bool


class ClassifiedPassage(NamedTuple):
    """A changed passage, its changes, and the facts that only one of its versions contains."""

    passage: ChangedPassage
    changes: list[Change]
    unmatched: list[UnmatchedFact]


def find_text_changes(before: State, after: State) -> list[Change]:
    """List the changes of title, lead, body and questions, in the order of the text."""
    old, new = build_blocks(before), build_blocks(after)
    if old == new:
        return []
    pairs = match_blocks(old, new)

    @cache
    def capitals() -> CapitalUsage:
        texts = dict.fromkeys(block.text for block in (*old, *new))
        return analyse_capitals(texts, after.get("language") or before.get("language"))

    changes: list[Change] = []
    passages: list[list[ClassifiedPassage]] = []  # those of each altered pair
    for pair in pairs:
        if not pair.before or not pair.after:
            continue
        text, new_text = join_blocks(pair.before), join_blocks(pair.after)
        field = pair.after[0].field
        if pair.moved:
            changes.append(build_change(field, "paragraph_moved", text, new_text))
        if text != new_text:
            passages.append(list(map(_classify_passage, _find_passages(pair, capitals()))))
        elif _list_roles(pair.before) != _list_roles(pair.after):
            changes.append(build_change(field, "layout", pair.before[0].field, field))
    versions = WholeText(old), WholeText(new)
    changes += _build_paragraph_changes(pairs, capitals, versions)
    return changes + _resolve_unmatched_facts(passages, versions)


def _list_roles(blocks: Sequence[TextBlock]) -> list[tuple[str, str]]:
    return [(block.field, block.role) for block in blocks]


def _find_passages(pair: BlockPair, capitals: CapitalUsage) -> list[ChangedPassage]:
    old, new = (tokenise(join_blocks(side), capitals) for side in (pair.before, pair.after))
    block = pair.after[0]
    spans = find_changed_spans(old, new)
    shares = _measure_shares(
        [token for span in spans for token in old[span.first : span.last]],
        [token for span in spans for token in new[span.new_first : span.new_last]],
    )
    if not spans:
        before, after = _find_respaced_tokens(old, new)
        return [ChangedPassage(block.field, block.role, shares, before, after)]
    return [
        ChangedPassage(
            block.field,
            block.role,
            shares,
            old[span.first : span.last],
            new[span.new_first : span.new_last],
            old[span.first - 1] if span.first else None,
            old[span.last] if span.last < len(old) else None,
        )
        for span in spans
    ]


def _find_respaced_tokens(
    old: Sequence[DiffToken], new: Sequence[DiffToken]
) -> tuple[list[DiffToken], list[DiffToken]]:
    """Compare two texts with the same tokens, and return those tokens of each text after which the
    white space differs.
    """
    pairs = [
        (left, right) for left, right in zip(old, new, strict=True) if left.space != right.space
    ]
    return [left for left, _ in pairs], [right for _, right in pairs]


def _measure_shares(before: Sequence[DiffToken], after: Sequence[DiffToken]) -> ParagraphShares:
    """Count the changed words of a paragraph, and compute the share of them that was replaced by
    other words.

    Only words that name or describe something (see `find_content_lemma`) count as replaced.
    """
    old, new = (
        {find_content_lemma(token.text.casefold()) for token in side if token.kind == "word"} - {""}
        for side in (before, after)
    )
    words = max(
        sum(token.kind != "mark" and token.value not in FUNCTION_WORDS for token in side)
        for side in (before, after)
    )
    changed_words = sum(map(_count_token_words, (*before, *after)))
    return ParagraphShares(
        max(1, changed_words), min(len(old - new), len(new - old)) / max(1, words)
    )


def _classify_passage(passage: ChangedPassage) -> ClassifiedPassage:
    """Find the changes in one passage: facts first, then wording, spelling or punctuation."""
    spelling_change = _compare_spelling(passage)
    if spelling_change:
        return ClassifiedPassage(passage, [spelling_change], [])
    is_phrase = _count_words(passage) <= MAX_PHRASE_WORDS
    changes, unmatched = _compare_facts(passage, is_phrase=is_phrase)
    if is_phrase:
        changes += filter(
            None, (_compare_word_kind(passage, kind) for kind in ("negation", "modal"))
        )
    reported = [text for change in changes for text in (change.before, change.after)]
    reported += [token.text for token, _ in unmatched]
    reported_words = {word for text in reported for word in normalise_words(text)}
    remaining = _compare_remaining_words(
        passage, reported_words, is_only_change=not changes and not unmatched
    )
    return ClassifiedPassage(passage, [*changes, *remaining], unmatched)


def _compare_spelling(passage: ChangedPassage) -> Change | None:
    """Return the change if only punctuation, capitals or spaces differ, or if a single fact is
    misspelt ("mådnag"); otherwise None.

    Also returns None for any other passage with figures, because a punctuation mark can change a
    figure.
    """
    before, after = join_tokens(passage.before), join_tokens(passage.after)
    old, new = normalise_words(before), normalise_words(after)
    letters = "".join(old)
    if [len(passage.before), len(passage.after)] == [1, 1]:
        kinds = {passage.before[0].kind, passage.after[0].kind}
        if (
            "word" in kinds
            and len(kinds - {"name", "mark"}) == 2
            and is_misspelling(before.strip(), after.strip())
        ):
            return build_change(passage.field, "typo", before, after)
    if letters != "".join(new) or any(letter.isdigit() for letter in letters):
        return None
    if old != new:
        return build_change(passage.field, "typo", before, after)  # an extra or missing space
    return _build_mark_change(passage.field, before, after)


def _compare_facts(
    passage: ChangedPassage, *, is_phrase: bool
) -> tuple[list[Change], list[UnmatchedFact]]:
    """Pair facts with their replacements, and return the changes and the unmatched facts.

    Facts are paired in order: first facts of the same type, then figures of any type. Names in long
    passages are not paired.
    """
    old = _find_missing_facts(passage.before, passage.after)
    new = _find_missing_facts(passage.after, passage.before)
    swapped = _find_swapped_figures(passage) if is_phrase else []
    changes = [_build_fact_change(passage, *pair) for pair in swapped]
    paired_kinds = REPORTED_KINDS if is_phrase else UNNAMED_KINDS
    for kinds in (*((kind,) for kind in paired_kinds), FIGURE_FACTS):
        pairs, old, new = _pair_facts(old, new, kinds)
        changes += [
            _build_fact_change(passage, *pair) for pair in pairs if not _is_same_name(*pair)
        ]
    unmatched = [UnmatchedFact(token, added=False) for token in old]
    unmatched += [UnmatchedFact(token, added=True) for token in new]
    # "i dag" alone is not a reported date
    return changes, [fact for fact in unmatched if fact.token.kind != "day"]


def _pair_facts(
    old: Sequence[DiffToken], new: Sequence[DiffToken], kinds: Sequence[str]
) -> tuple[list[tuple[DiffToken, DiffToken]], list[DiffToken], list[DiffToken]]:
    """Return pairs of facts of the types `kinds`, in order, and the unpaired facts on each side."""
    pairs = list(zip(_select_kinds(old, kinds), _select_kinds(new, kinds), strict=False))
    paired = {id(token) for pair in pairs for token in pair}
    return (
        pairs,
        [token for token in old if id(token) not in paired],
        [token for token in new if id(token) not in paired],
    )


def _select_kinds(tokens: Sequence[DiffToken], kinds: Sequence[str]) -> list[DiffToken]:
    return [token for token in tokens if token.kind in kinds]


def _find_swapped_figures(passage: ChangedPassage) -> list[tuple[DiffToken, DiffToken]]:
    """Return pairs of figures that swapped places in the passage."""
    swapped = []
    for kind in FIGURE_FACTS:
        old, new = _select_kinds(passage.before, (kind,)), _select_kinds(passage.after, (kind,))
        if Counter(token.value for token in old) == Counter(token.value for token in new):
            swapped += [
                pair for pair in zip(old, new, strict=True) if pair[0].value != pair[1].value
            ]
    return swapped


def _build_fact_change(passage: ChangedPassage, old: DiffToken, new: DiffToken) -> Change:
    heavier = max((old, new), key=_rate_fact)
    is_misspelling = old.kind == new.kind == "name" and is_misspelt_name(old.text, new.text)
    importance = MISSPELLING_IMPORTANCE if is_misspelling else _rate_fact(heavier)
    return build_change(passage.field, _change_kind(heavier.kind), old.text, new.text, importance)


def _rate_fact(token: DiffToken) -> int:
    return (
        REFERENCE_IMPORTANCE
        if token.kind == "reference"
        else KIND_IMPORTANCE[_change_kind(token.kind)]
    )


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
    return {"day": "date", "modal": "modality", "reference": "number"}.get(name, name)


def _is_same_name(old: DiffToken, new: DiffToken) -> bool:
    """Return whether one name is a short form of the other, such as Ek for Ada Ek."""
    old_words, new_words = set(old.value.split()), set(new.value.split())
    return old.kind == new.kind == "name" and (old_words <= new_words or new_words <= old_words)


def _count_words(passage: ChangedPassage) -> int:
    return max(
        sum(token.kind != "mark" for token in side) for side in (passage.before, passage.after)
    )


def _compare_word_kind(passage: ChangedPassage, kind: str) -> Change | None:
    """Return the change in the negations or modal verbs of a passage, or None if there is none.

    kind: `negation` or `modal`. Negations are compared by number, modal verbs by strength.
    """
    old, new = _select_kinds(passage.before, (kind,)), _select_kinds(passage.after, (kind,))
    if _count_word_kind(old, kind) == _count_word_kind(new, kind):
        return None
    if kind == "negation" and _is_double_negation(passage):
        return None
    before, after = (" ".join(token.text for token in side) for side in (old, new))
    importance = LONE_MODAL_IMPORTANCE if kind == "modal" and not (before and after) else None
    return build_change(passage.field, _change_kind(kind), before, after, importance)


def _count_word_kind(tokens: Sequence[DiffToken], kind: str) -> Counter[str]:
    """Count all negations together, or modal verbs by strength."""
    return Counter(kind if kind == "negation" else token.value for token in tokens)


def _is_double_negation(passage: ChangedPassage) -> bool:
    """Return whether a double negation replaced a plain word, or the other way round.

    An example is "inte ovanligt" for "vanligt". The function compares the two passages without
    their separate negations, and returns True if two corresponding words differ by a negating
    prefix.
    """
    words, new_words = (
        [token.value for token in side if token.kind not in ("negation", "mark")]
        for side in (passage.before, passage.after)
    )
    return len(words) == len(new_words) and any(map(differ_by_prefix, words, new_words))


def _compare_remaining_words(
    passage: ChangedPassage, reported: set[str], *, is_only_change: bool
) -> list[Change]:
    """Return a list with the change in the words that are not in `reported`.

    The change is in punctuation, spelling or wording. The list is empty if only reported words
    changed.
    """
    before, after = join_tokens(passage.before), join_tokens(passage.after)
    words, new_words = normalise_words(before), normalise_words(after)
    old, new = _leave_out(words, reported), _leave_out(new_words, reported)
    if Counter(old) == Counter(new) and not is_only_change:
        return []
    if old == new and words == new_words:
        return [_build_mark_change(passage.field, before, after)]
    opposite = _find_opposite(passage.field, old, new) or _find_ending(passage)
    if opposite:
        return [opposite]
    if _is_typo(passage, old, new):
        return [build_change(passage.field, "typo", before, after)]
    return [_build_wording_change(passage)]


def _leave_out(values: Iterable[Value], excluded: Container[Value]) -> list[Value]:
    return [value for value in values if value not in excluded]


def _build_mark_change(field: str, before: str, after: str) -> Change:
    """Build the change for a passage in which only punctuation or white space changed."""
    kind = "layout" if before.split() == after.split() else "punctuation"
    return build_change(field, kind, before, after)


def _find_opposite(field: str, old: list[str], new: list[str]) -> Change | None:
    """Return the change of a word to its negation or opposite, or None if there is no such change.

    Examples: möjligt, omöjligt; höjs, sänks.
    """
    for old_word, new_word in zip(old, new, strict=False) if len(old) == len(new) else ():
        if differ_by_prefix(old_word, new_word):
            return build_change(field, "negation", old_word, new_word)
        if are_opposites(old_word, new_word):
            return build_change(field, "opposite", old_word, new_word)
    return None


def _find_ending(passage: ChangedPassage) -> Change | None:
    """Return the change if only one version of a phrase says that something has ended. Otherwise,
    return None.

    Examples: upphävd, ställs in.
    """
    before, after = join_tokens(passage.before), join_tokens(passage.after)
    if _count_words(passage) > MAX_PHRASE_WORDS or has_ending(before) == has_ending(after):
        return None
    return build_change(passage.field, "opposite", before, after)


def _is_typo(passage: ChangedPassage, old: list[str], new: list[str]) -> bool:
    if len(old) == len(new):
        return all(
            is_misspelling(old_word, new_word) for old_word, new_word in zip(old, new, strict=True)
        )
    words = [*old, *new]
    if len(words) == 1:
        return any(
            token and token.text.casefold() == words[0]
            for token in (passage.previous_token, passage.next_token)
        )
    return False


def _build_wording_change(passage: ChangedPassage) -> Change:
    """Build a change of wording, or of the question, answer or quotation that contains the
    passage.
    """
    before, after = join_tokens(passage.before), join_tokens(passage.after)
    tokens = [*passage.before, *passage.after]
    kind = passage.role if passage.role in {"question", "answer"} else "wording"
    if kind == "wording" and sum(token.quoted for token in tokens) * 2 > len(tokens):
        kind = "quotation"
    return build_change(
        passage.field, kind, before, after, _rate_wording(passage, KIND_IMPORTANCE[kind])
    )


def _rate_wording(passage: ChangedPassage, base: int) -> float:
    """Return the importance of a reworded passage.

    The importance grows with the size of the passage and the share of words with a new meaning. An
    added or removed sentence has at least PLAIN_SENTENCE_IMPORTANCE.
    """
    sides = passage.before, passage.after
    if not all(sides) and _is_sentence(passage):
        return max(base, PLAIN_SENTENCE_IMPORTANCE)
    values, new_values = ([token.value for token in side if token.kind != "mark"] for side in sides)
    if values == new_values:
        return KIND_IMPORTANCE["punctuation"]  # the same facts in another spelling
    points = REPLACED_POINTS * passage.shares.replaced
    if passage.shares.replaced == 1 and _names_actor(passage):
        points += ACTOR_POINTS
    return base + points + min(MAX_SIZE_POINTS, _count_words(passage) // WORDS_PER_POINT)


def _names_actor(passage: ChangedPassage) -> bool:
    """Return whether a passage is likely to name the person or body that does something.

    This is likely at the start of a sentence, and after "av" or "till".
    """
    if not passage.before or not passage.after:
        return False
    follows_preposition = (
        passage.previous_token is not None and passage.previous_token.value in ACTOR_PREPOSITIONS
    )
    return follows_preposition or (
        passage.before[0].starts_sentence and passage.after[0].starts_sentence
    )


def _is_sentence(passage: ChangedPassage) -> bool:
    tokens = [*passage.before, *passage.after]
    return bool(tokens) and tokens[0].starts_sentence and _ends_sentence(tokens)


def _ends_sentence(tokens: Sequence[DiffToken]) -> bool:
    return any(token.text in {".", "!", "?"} for token in tokens[-2:])


def _resolve_unmatched_facts(
    passages: Sequence[Sequence[ClassifiedPassage]], versions: tuple[WholeText, WholeText]
) -> list[Change]:
    """Return the changes of all passages.

    An unmatched fact is a change only if the other version does not contain the fact anywhere.
    """
    unmatched = [fact for pair in passages for classified in pair for fact in classified.unmatched]
    added, removed = (
        {fact.token.value for fact in unmatched if fact.added == side} for side in (True, False)
    )
    changes: list[Change] = []
    for pair in passages:
        found: list[Change] = []
        for classified in pair:
            new_facts = _list_fact_changes(classified, added & removed, versions)
            found += [*classified.changes, *new_facts] or [
                _build_wording_change(classified.passage)
            ]
        changes += _merge_changes(found)
    return changes


def _list_fact_changes(
    classified: ClassifiedPassage, moved: Set[str], versions: tuple[WholeText, WholeText]
) -> list[Change]:
    """Return the changes for facts that the other version does not contain.

    moved: the values of facts that one passage lost and another gained.
    """
    return [
        _build_side_change(
            classified.passage.field,
            _change_kind(fact.token.kind),
            fact.token.text,
            added=fact.added,
            importance=_rate_unmatched_fact(fact, classified),
        )
        for fact in classified.unmatched
        if fact.token.value not in moved and not versions[not fact.added].has_fact(fact.token)
    ]


def _rate_unmatched_fact(fact: UnmatchedFact, classified: ClassifiedPassage) -> float:
    """Return the importance of an added or removed fact.

    The importance is lower if many other words also changed.
    """
    facts = [other.token for other in classified.unmatched if other.added == fact.added]
    passage = classified.passage
    share = sum(map(_count_token_words, facts)) / passage.shares.changed_words
    tokens = [*passage.before, *passage.after]
    # an aside
    if fact.token.kind == "reference" or (tokens[0].text, tokens[-1].text) == (
        "(",
        ")",
    ):
        share /= 2
    wording = KIND_IMPORTANCE["wording"]
    rating = wording + (_rate_fact(fact.token) - wording) * share
    return max(rating, SENTENCE_IMPORTANCE.get(fact.token.kind, 0) if _is_sentence(passage) else 0)


def _count_token_words(token: DiffToken) -> int:
    return 0 if token.kind == "mark" else len(token.text.split())


def _build_side_change(
    field: str, kind: str, text: str, *, added: bool, importance: float | None = None
) -> Change:
    return build_change(field, kind, "" if added else text, text if added else "", importance)


def _merge_changes(changes: list[Change]) -> list[Change]:
    """Merge the changed passages of one quotation, answer or question into a single change."""
    merged = [change for change in changes if change.kind not in MERGED_KINDS]
    for kind in MERGED_KINDS:
        parts = [change for change in changes if change.kind == kind]
        if parts:
            before = shorten(" … ".join(filter(None, (part.before for part in parts))))
            after = shorten(" … ".join(filter(None, (part.after for part in parts))))
            most = max(part.importance for part in parts)
            merged.append(
                Change(field=parts[0].field, kind=kind, before=before, after=after, importance=most)
            )
    return merged


def _build_paragraph_changes(
    pairs: list[BlockPair],
    capitals: Callable[[], CapitalUsage],
    versions: tuple[WholeText, WholeText],
) -> list[Change]:
    """List the changes for added and removed paragraphs.

    All paragraphs of one question or answer are a single change.
    """
    changes, letters = [], MAX_SEARCHED_LETTERS
    for run in _group_lone_pairs(pairs):
        text = join_blocks([block for pair in run for block in pair.before or pair.after])
        letters -= len(text)
        importance = _rate_text(text)
        if letters >= 0:
            importance = _rate_paragraph(tokenise(text, capitals()), versions[bool(run[0].before)])
        changes.append(_build_paragraph_change(run[0], text, importance))
    return changes


def _group_lone_pairs(pairs: list[BlockPair]) -> list[list[BlockPair]]:
    """Return groups of added or removed blocks.

    Consecutive blocks of the same question or answer are one group. Any other block is a group of
    its own.
    """
    runs: list[list[BlockPair]] = []
    for pair in pairs:
        if pair.before and pair.after:
            continue
        if runs and _belongs_together(runs[-1][-1], pair):
            runs[-1].append(pair)
        else:
            runs.append([pair])
    return runs


def _belongs_together(first_pair: BlockPair, second_pair: BlockPair) -> bool:
    first, second = (
        (first_pair.before or first_pair.after)[0],
        (second_pair.before or second_pair.after)[0],
    )
    same_side = bool(first_pair.before) == bool(second_pair.before)
    return (
        same_side
        and first.question > 0
        and (first.role, first.question) == (second.role, second.question)
    )


def _build_paragraph_change(pair: BlockPair, text: str, importance: int) -> Change:
    block, removed = (pair.before or pair.after)[0], bool(pair.before)
    kind = "paragraph_removed" if removed else "paragraph_added"
    if block.role in {"question", "answer"}:
        kind = block.role
    return _build_side_change(block.field, kind, text, added=not removed, importance=importance)


def _rate_text(text: str) -> int:
    """Return the importance of a paragraph without searching the paragraph for facts.

    This is used if so much text changed that a search for facts would take too long.
    """
    return (
        SENTENCE_IMPORTANCE["number"] if any(map(str.isdigit, text)) else PLAIN_SENTENCE_IMPORTANCE
    )


def _rate_paragraph(tokens: Sequence[DiffToken], other: WholeText) -> int:
    """Return the importance of an added or removed paragraph, based on its most important fact.

    A fact counts if it is not in the other version. A name counts only in a sentence, and only if
    the paragraph has no telephone number or email address, because headings, links and contacts are
    less important.
    """
    text = join_tokens(tokens)
    is_plain = _ends_sentence(tokens) and all(token.kind != "contact" for token in tokens)
    importance = PLAIN_SENTENCE_IMPORTANCE if is_plain else CAPTION_IMPORTANCE
    if has_ending(text):
        importance = SENTENCE_IMPORTANCE["opposite"]
    for token in tokens:
        rating = SENTENCE_IMPORTANCE.get(token.kind, 0)
        is_counted = is_plain or token.kind != "name"
        if rating > importance and is_counted and not other.has_fact(token):
            importance = rating
    return importance + (SPEECH_POINTS if text.startswith(SPEECH_DASHES) else 0)


def find_metadata_changes(
    before: State, after: State, *, text_changes: Sequence[Change]
) -> list[Change]:
    """List all changes outside the text.

    A changed link is left out if it is already in one of `text_changes`.
    """
    changes = [
        _build_value_change(field, before.get(field), after.get(field))
        for field in PLAIN_FIELDS
        if before.get(field) != after.get(field)
    ]
    changes += _compare_tags(before.get("tags") or (), after.get("tags") or ())
    changes += _compare_parts("attachments", before, after, ("url", "title"), kind="attachment")
    changes += _compare_parts(
        "images", before, after, ("url", "caption", "credit", "alt"), kind="image"
    )
    changes += _compare_parts(
        "contacts", before, after, ("name", "email", "phone", "role"), kind="contact"
    )
    changes += _compare_answerers(before.get("questions") or (), after.get("questions") or ())
    return changes + _compare_markup(before, after, text_changes)


def _compare_tags(before: Sequence[str], after: Sequence[str]) -> list[Change]:
    return [
        *(
            _build_side_change("tags", "tags", tag, added=False)
            for tag in _leave_out(before, after)
        ),
        *(_build_side_change("tags", "tags", tag, added=True) for tag in _leave_out(after, before)),
    ]


def _build_value_change(field: str, before: str | None, after: str | None) -> Change:
    """Build the change for a field whose value differs.

    If the two publication dates are on the same day, and only one of them states a time of day, the
    change has a low importance.
    """
    if field == "published" and only_hour_differs(before, after):
        return build_change(field, field, before, after, HOUR_ONLY_IMPORTANCE)
    return build_change(field, field, before, after)


def _compare_answerers(before: Sequence[StatePart], after: Sequence[StatePart]) -> list[Change]:
    answerers = {pair.get("question"): pair.get("answered_by") for pair in before}
    return [
        build_change("questions", "name", answerers[pair.get("question")], pair.get("answered_by"))
        for pair in after
        if pair.get("question") in answerers
        and answerers[pair.get("question")] != pair.get("answered_by")
    ]


def _compare_parts(
    field: str, before: State, after: State, keys: Sequence[str], *, kind: str
) -> list[Change]:
    """Compare lists of parts, such as tags or contacts.

    Two parts with the same value for one of the keys count as the same part.
    """
    parts, new_parts = before.get(field) or (), after.get(field) or ()
    old, new = _leave_out(parts, new_parts), _leave_out(new_parts, parts)
    changes = []
    for part in old:
        partner = _find_partner(part, new, keys)
        if partner is None:
            changes.append(build_change(field, kind, _format_part(part, keys), ""))
            continue
        new.remove(partner)
        differing = [key for key in keys if part.get(key) != partner.get(key)]
        if differing:
            changes.append(
                build_change(
                    field, kind, _format_part(part, differing), _format_part(partner, differing)
                )
            )
    return changes + [build_change(field, kind, "", _format_part(part, keys)) for part in new]


def _find_partner(
    part: StatePart, others: Sequence[StatePart], keys: Sequence[str]
) -> StatePart | None:
    """Return the first part in `others` with the same value for a key, or None if there is none.

    The keys are tried in order.
    """
    for key in keys:
        if not part.get(key):
            continue
        for other in others:
            if part[key] == other.get(key):
                return other
    return None


def _format_part(part: StatePart, keys: Sequence[str]) -> str:
    return ", ".join(str(part[key]) for key in keys if part.get(key)) or "–"


def _compare_markup(before: State, after: State, text_changes: Sequence[Change]) -> list[Change]:
    """Compare the links of unchanged text, and the layout if the whole text is unchanged."""
    if before.get("body_html") == after.get("body_html"):
        return []
    old, new = _parse_markup(before.get("body_html")), _parse_markup(after.get("body_html"))
    files = {
        part.get("url") for state in (before, after) for part in state.get("attachments") or ()
    }
    changes = _compare_kept_links(old, new, files, text_changes)
    if changes or any(change.field in {"lead", "body", "questions"} for change in text_changes):
        return changes
    old_elements, new_elements = (
        Counter(_list_element_names(old)),
        Counter(_list_element_names(new)),
    )
    only_old = " ".join((old_elements - new_elements).elements())
    only_new = " ".join((new_elements - old_elements).elements())
    return [build_change("body_html", "layout", only_old, only_new)]


def _compare_kept_links(
    old: html.HtmlElement,
    new: html.HtmlElement,
    files: set[object],
    text_changes: Sequence[Change],
) -> list[Change]:
    """Return the changes to links whose text was kept, except links to files."""
    changes, removed, added = _compare_links(_count_links(old, files), _count_links(new, files))
    removed_text = _pad_words([change.before for change in text_changes])
    added_text = _pad_words([change.after for change in text_changes])
    old_text = _pad_words([str(old.text_content())])
    new_text = _pad_words([str(new.text_content())])
    for links, other_text, changed_text in (
        (removed, new_text, removed_text),
        (added, old_text, added_text),
    ):
        changes += [
            _build_side_change("body_html", "link", url, added=links is added)
            for text, url in links
            if _is_link_text_kept(text, other_text, changed_text)
        ]
    return changes


def _compare_links(
    before: Counter[TextLink], after: Counter[TextLink]
) -> tuple[list[Change], list[TextLink], list[TextLink]]:
    """Return the links whose target changed (as changes), the links that are only in `before`, and
    those that are only in `after`.

    A link with a new text and the same target is left out, because its text is compared separately.
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
    found = (
        (" ".join(a.text_content().split()), str(a.get("href")))
        for a in tree.iter("a")
        if a.get("href")
    )
    return Counter(link for link in found if link[1] not in files)


def _pad_words(texts: Sequence[str]) -> str:
    return " " + " ".join(word for text in texts for word in normalise_words(text)) + " "


def _is_link_text_kept(link_text: str, other: str, changed: str) -> bool:
    """Return whether the other version also contains a link's text, outside the changed words."""
    padded = _pad_words([link_text])
    return bool(padded.strip()) and padded in other and padded not in changed
