"""Text in tokens that a comparison takes as wholes: facts, names, words and marks, each with the space behind it."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from archive.changes.fact_words import ABBREVIATIONS, ATTRIBUTIONS, MODALS, NEGATED, NEGATING_PREFIXES, NEGATIONS
from archive.changes.facts import DIGIT, begins_fact, find_fact
from archive.changes.names import LINKING, Capitals, is_title_case, name_value, read_capitals

SHAPE = re.compile(
    r"(?P<link>(?:https?://|www\.)[^\s<>\"”)\]]*[^\s<>\"”)\].,;:!?])"
    r"|(?P<contact>\w[\w.+-]{0,63}@[\w-]+(?:\.[\w-]+)+|(?:\+\d{1,3}[\s()/-]{0,3}|(?<!\d)0)\d{1,4}[-/\s]\d{2,3}(?:\s?\d{2,3}){1,3}(?!\d))"
    rf"|(?P<digits>{DIGIT.pattern})"
    r"|(?P<word>[^\W\d_][^\W_]*(?:[-‑’':/.&][^\W_]+)*)"
    r"|(?P<mark>\S)"
)
SPACE = re.compile(r"\s*")
ENDS = frozenset(".!?:…|")  # after these a capital tells nothing
QUOTES = frozenset('"”“„«»')
EN_DASH = "–"
SPEECH_DASHES = (EN_DASH, "—", "−")
ATTRIBUTED = re.compile(rf",?[”\"“]?,? (?:{'|'.join(ATTRIBUTIONS)})\b[^.?!]*[.?!]?")
LONG_QUOTE = 4  # words inside quotation marks from which on they are somebody's, not a title or a doubt


class Token(NamedTuple):
    """One unit of text. kind: word, mark, negation, modal, or a fact (amount, number, date, time, name, …)."""

    text: str
    space: str  # the white space behind it
    kind: str
    value: str  # what it says whatever its spelling; equal for equal facts
    opens: bool  # whether it begins a sentence
    quoted: bool = False  # whether it stands in speech or between quotation marks


def tokenise(text: str, capitals: Capitals | None = None) -> list[Token]:
    """The tokens of a text; joined with their spaces they are that text (white space at its start left out).

    >>> [(t.text, t.kind) for t in tokenise("Det kostar inte 3 400 kronor, säger Ada Ek.") if t.kind != "word"]
    [('inte', 'negation'), ('3 400 kronor', 'amount'), (',', 'mark'), ('Ada Ek', 'name'), ('.', 'mark')]
    """
    shaped = _shape(text)
    capitals = capitals or read_capitals([text])
    if is_title_case(text):
        capitals = replace(capitals, telling=False)
    return _mark_quotes(text, _join_names(shaped, capitals))


def _shape(text: str) -> list[Token]:
    """Facts, words and marks; names are not told yet."""
    tokens: list[Token] = []
    place, opens = len(text) - len(text.lstrip()), True
    while place < len(text):
        found = SHAPE.match(text, place)
        assert found is not None and found.lastgroup  # noqa: S101, PT018 - a mark is anything but space
        word, kind, end = found[0], found.lastgroup, found.end()
        if kind == "digits" and word[0] == EN_DASH and _opens_speech(text, place):
            word, kind, end = EN_DASH, "mark", place + 1
        value = word
        if kind in {"word", "digits"}:
            kind, value, starts = _read_word(word)
            fact = find_fact(text, place) if starts else None
            if fact:
                kind, value, end = fact
                word = text[place:end]
        start, end = end, SPACE.match(text, end).end()  # type: ignore[union-attr]
        tokens.append(Token(word, text[start:end], kind, value, opens))
        opens = _opens_next(tokens, opens)
        place = end
    return tokens


def _opens_speech(text: str, place: int) -> bool:
    """Whether a dash opens a paragraph that is told to be somebody's words."""
    paragraph = text[place:].partition("\n\n")[0]
    return text[:place].strip(" ")[-1:] in ("", "\n") and ATTRIBUTED.search(paragraph) is not None


@lru_cache(maxsize=20_000)
def _read_word(word: str) -> tuple[str, str, bool]:
    """A lone word's kind and value, and whether it may begin a fact."""
    low = word.casefold()
    if any(letter.isdigit() for letter in word):
        return "number", low, True
    if low in NEGATIONS or low.startswith(NEGATING_PREFIXES) or low.endswith(NEGATED):
        return "negation", low, False
    modal = low in MODALS and word != "May"
    return "modal" if modal else "word", MODALS.get(low, low), begins_fact(word)


def _opens_next(tokens: list[Token], opens: bool) -> bool:
    """Whether the token after these begins a sentence."""
    last = tokens[-1]
    if "\n" in last.space:
        return True
    if last.kind != "mark":
        return False
    before = tokens[-2] if len(tokens) > 1 else None
    if last.text == "." and before and not before.space:
        return not (before.value in ABBREVIATIONS or (before.kind == "word" and len(before.text) == 1))
    if last.text in QUOTES:  # one that opens has space before it and none behind
        return opens or bool(not last.space and (before is None or before.space))
    return opens or last.text in ENDS


def _join_names(tokens: list[Token], capitals: Capitals) -> list[Token]:
    """Words that are names, neighbours made one: "Ada von Ek" is a single token."""
    named = [
        token.kind == "word"
        and capitals.is_name(token.text, opens=token.opens, follows=_is_capital(after) and token.space == " ")
        for token, after in pairwise([*tokens, None])
        if token
    ]
    joined: list[Token] = []
    place = 0
    while place < len(tokens):
        token = tokens[place]
        if not named[place]:
            joined.append(token)
            place += 1
            continue
        end = place + 1
        while tokens[end - 1].space and "\n" not in tokens[end - 1].space and end < len(tokens):
            if named[end] and not tokens[end].opens:
                end += 1
            elif tokens[end].value in LINKING and end + 1 < len(tokens) and named[end + 1]:
                end += 2
            else:
                break
        run = tokens[place:end]
        text = "".join(part.text + part.space for part in run[:-1]) + run[-1].text
        joined.append(Token(text, run[-1].space, "name", name_value(text), token.opens))
        place = end
    return joined


def _is_capital(token: Token | None) -> bool:
    return token is not None and token.kind == "word" and token.text[0].isupper()


def _mark_quotes(text: str, tokens: list[Token]) -> list[Token]:
    """Tokens in a paragraph of speech, but not who says it, and tokens between quotation marks."""
    spans: list[tuple[int, int]] = []
    start = 0
    for paragraph in text.split("\n\n"):
        spans.extend((start + a, start + b) for a, b in _find_speech(paragraph))
        start += len(paragraph) + 2
    if not spans:
        return tokens
    place, ahead = len(text) - len(text.lstrip()), spans[::-1]
    marked = []
    for token in tokens:
        while ahead and ahead[-1][1] <= place:
            ahead.pop()
        quoted = bool(ahead) and ahead[-1][0] <= place
        marked.append(token._replace(quoted=True) if quoted else token)
        place += len(token.text) + len(token.space)
    return marked


def _find_speech(paragraph: str) -> list[tuple[int, int]]:
    """The stretches of a paragraph that are somebody's words."""
    attributions = [found.span() for found in ATTRIBUTED.finditer(paragraph)]
    opening = paragraph.lstrip()
    if opening.startswith(SPEECH_DASHES) or (opening.startswith("- ") and attributions):
        edges = [0, *(edge for span in attributions for edge in span), len(paragraph)]
        return list(zip(edges[::2], edges[1::2], strict=True))
    marks = [place for place, letter in enumerate(paragraph) if letter in QUOTES]
    pairs = zip(marks[::2], marks[1::2], strict=False)
    return [(a, b) for a, b in pairs if len(paragraph[a:b].split()) >= LONG_QUOTE]
