"""A state's running text in blocks, each paragraph with its role, and which of two states' blocks belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rapidfuzz.distance import LCSseq

from archive.changes.paragraphs import align_paragraphs, read_words, split_paragraphs

MOVED_ALIKE = 0.8  # share of words that a paragraph found elsewhere has kept
MOST_MOVED = 400  # pairs of removed and added paragraphs that are looked through for moved ones


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph and the part it has in the release."""

    field: str  # title, lead, body, questions
    role: str  # title, lead, body, question, answer
    text: str
    question: int = 0  # the question it belongs to, counted from 1; 0 for none


@dataclass(frozen=True, slots=True)
class Pair:
    """Blocks that answer to each other; one side is empty where they were added or removed."""

    before: Sequence[Block]
    after: Sequence[Block]
    moved: bool = False


def to_blocks(state: Mapping[str, Any]) -> list[Block]:
    """The title, then every paragraph in the page's order; questions that the body lacks stand last.

    A paragraph of the body that is a question or (a paragraph of) an answer has that role.
    """
    blocks = [Block("title", "title", state.get("title") or "")]
    blocks += [Block("lead", "lead", text) for text in split_paragraphs(state.get("lead") or "")]
    asked = _to_question_blocks(state)
    body = split_paragraphs(state.get("body") or "")
    if not asked:
        return blocks + [Block("body", "body", text) for text in body]
    roles = {read_words(block.text): block for block in reversed(asked)}
    here = {read_words(text) for text in body}
    for text in body:
        part = roles.get(read_words(text))
        blocks.append(Block(part.field, part.role, text, part.question) if part else Block("body", "body", text))
    return blocks + [block for block in asked if read_words(block.text) not in here]


def match_blocks(old: list[Block], new: list[Block]) -> list[Pair]:
    """Title with title; the other blocks wherever they stand, whatever field they are counted to."""
    matches = align_paragraphs([block.text for block in old[1:]], [block.text for block in new[1:]])
    pairs = [Pair(old[:1], new[:1])]
    pairs += [Pair([old[n + 1] for n in match.before], [new[n + 1] for n in match.after]) for match in matches]
    return _find_moved(pairs)


def to_text(blocks: Sequence[Block]) -> str:
    """Blocks as a text, paragraphs parted by a blank line."""
    return "\n\n".join(block.text for block in blocks)


def _to_question_blocks(state: Mapping[str, Any]) -> list[Block]:
    blocks = []
    for number, pair in enumerate(state.get("questions") or (), 1):
        blocks.append(Block("questions", "question", pair.get("question") or "", number))
        texts = split_paragraphs(pair.get("answer") or "")
        blocks.extend(Block("questions", "answer", text, number) for text in texts)
    return [block for block in blocks if read_words(block.text)]


def _find_moved(pairs: list[Pair]) -> list[Pair]:
    """Paragraphs that were removed in one place and added in another, taken together."""
    gone = [pair for pair in pairs if not pair.after]
    come = [pair for pair in pairs if not pair.before]
    if not gone or not come or len(gone) * len(come) > MOST_MOVED:
        return pairs
    found: dict[int, Pair] = {}
    taken: set[int] = set()
    words = {id(pair): read_words(to_text(pair.before or pair.after)) for pair in (*gone, *come)}
    for pair in come:
        best = max(
            (other for other in gone if id(other) not in taken),
            key=lambda other: LCSseq.normalized_similarity(words[id(other)], words[id(pair)]),
            default=None,
        )
        if best and LCSseq.normalized_similarity(words[id(best)], words[id(pair)]) >= MOVED_ALIKE:
            taken.add(id(best))
            found[id(pair)] = Pair(best.before, pair.after, moved=True)
    return [found.get(id(pair), pair) for pair in pairs if id(pair) not in taken]
