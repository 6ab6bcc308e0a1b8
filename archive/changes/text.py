"""Changes of the running text: paragraphs matched first, then what differs in each, classed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from archive.changes.blocks import Block, Pair, match_blocks, to_blocks, to_text
from archive.changes.classes import Classed, Loose, Place, class_place, to_wording
from archive.changes.differences import find_spans
from archive.changes.kinds import FIGURES, SPEECH, Change, size_points, to_change
from archive.changes.names import Capitals, read_capitals
from archive.changes.paragraphs import read_words
from archive.changes.tokens import SPEECH_DASHES, Token, tokenise

Places = list[tuple[Place, Classed]]
JOINED = ("quotation", "answer", "question")  # however many places of one are altered, it is one
SHORT_FACT = 3  # characters; a fact this short stands in many places by chance


def find_text_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """The changes of title, lead, body and questions, in the order of the text."""
    old, new = to_blocks(before), to_blocks(after)
    if old == new:
        return []
    pairs = match_blocks(old, new)
    differ = any(pair.before and pair.after and to_text(pair.before) != to_text(pair.after) for pair in pairs)
    texts = dict.fromkeys(block.text for block in (*old, *new))
    capitals = read_capitals(texts, after.get("language") or before.get("language")) if differ else None
    changes: list[Change] = []
    places: list[Places] = []  # of each pair
    for pair in pairs:
        if pair.moved:
            changes.append(_to_moved(pair))
        if pair.before and pair.after:
            if capitals:
                places.append([(place, class_place(place)) for place in _find_places(pair, capitals)])
            if to_text(pair.before) == to_text(pair.after) and _roles(pair.before) != _roles(pair.after):
                changes.append(to_change(pair.after[0].field, "layout", pair.before[0].field, pair.after[0].field))
    changes += _to_whole(pairs)
    return changes + _settle(places, old, new)


def _find_places(pair: Pair, capitals: Capitals) -> list[Place]:
    before, after = to_text(pair.before), to_text(pair.after)
    if before == after:
        return []
    old, new = tokenise(before, capitals), tokenise(after, capitals)
    block = pair.after[0]
    places = [
        Place(
            block.field,
            block.role,
            old[span.first : span.last],
            new[span.new_first : span.new_last],
            old[span.first - 1] if span.first else None,
            old[span.last] if span.last < len(old) else None,
        )
        for span in find_spans(old, new)
    ]
    return places or [Place(block.field, block.role, _with_other_space(old, new), _with_other_space(new, old))]


def _with_other_space(side: Sequence[Token], other: Sequence[Token]) -> list[Token]:
    """Tokens with other white space behind them than in the other version, which has the same tokens."""
    return [token for token, twin in zip(side, other, strict=True) if token.space != twin.space]


def _settle(places: Sequence[Places], old: list[Block], new: list[Block]) -> list[Change]:
    """Each place's changes; a loose fact counts unless the other version holds it elsewhere too."""
    loose = [one for pair in places for _, classed in pair for one in classed.loose]
    both = {one.token.value for one in loose if one.added} & {one.token.value for one in loose if not one.added}
    texts = (to_text(old), to_text(new)) if loose else ("", "")
    words = [frozenset(read_words(text)) for text in texts]
    changes: list[Change] = []
    for pair in places:
        found: list[Change] = []
        for place, classed in pair:
            new_facts = [
                to_change(one.field, one.token.kind, *(("", one.token.text) if one.added else (one.token.text, "")))
                for one in classed.loose
                if one.token.value not in both and not _stands(one, texts[not one.added], words[not one.added])
            ]
            found += [*classed.changes, *new_facts] or [to_wording(place)]
        changes += _join_alike(found)
    return changes


def _join_alike(changes: list[Change]) -> list[Change]:
    """The places of one quotation, answer or question as one change."""
    joined = [change for change in changes if change.kind not in JOINED]
    for kind in JOINED:
        parts = [change for change in changes if change.kind == kind]
        if parts:
            sides = [[part.before for part in parts], [part.after for part in parts]]
            before, after = (" … ".join(text for text in side if text) for side in sides)
            joined.append(to_change(parts[0].field, kind, before, after))
    return joined


def _stands(loose: Loose, text: str, words: frozenset[str]) -> bool:
    """Whether a text holds a fact somewhere: a name by its words, another fact as printed."""
    token = loose.token
    if token.kind == "name":
        return all({word, word + "s"} & words for word in read_words(token.value))
    if len(token.text) <= SHORT_FACT:
        return False
    return re.search(rf"(?<!\w){re.escape(token.text)}(?!\w)", text) is not None


def _to_whole(pairs: list[Pair]) -> list[Change]:
    """Paragraphs added and removed; those of one question or one answer are one change."""
    runs: list[list[Pair]] = []
    for pair in pairs:
        if pair.before and pair.after:
            continue
        if runs and _belongs(runs[-1][-1], pair):
            runs[-1].append(pair)
        else:
            runs.append([pair])
    return [_to_paragraph(run) for run in runs]


def _belongs(one: Pair, two: Pair) -> bool:
    first, second = (one.before or one.after)[0], (two.before or two.after)[0]
    same_side = bool(one.before) == bool(two.before)
    return same_side and first.question > 0 and (first.role, first.question) == (second.role, second.question)


def _to_paragraph(run: list[Pair]) -> Change:
    gone = bool(run[0].before)
    blocks = [block for pair in run for block in pair.before or pair.after]
    block, text = blocks[0], to_text(blocks)
    if block.role in {"question", "answer"}:
        kind, extra = block.role, 0
    else:
        kind, extra = ("paragraph_removed" if gone else "paragraph_added"), size_points(len(text.split())) // 2
    if any(letter.isdigit() for letter in text):
        extra += FIGURES
    if text.startswith(SPEECH_DASHES):
        extra += SPEECH
    return to_change(block.field, kind, text if gone else "", "" if gone else text, extra)


def _to_moved(pair: Pair) -> Change:
    return to_change(pair.after[0].field, "paragraph_moved", to_text(pair.before), to_text(pair.after))


def _roles(blocks: Sequence[Block]) -> list[tuple[str, str]]:
    return [(block.field, block.role) for block in blocks]
