"""How articles print true quotations, and how they alter them.

Each function returns a changed sentence, or None if the change cannot be made to it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from archive.changes.facts import NEGATIONS

Change = Callable[[str, random.Random], str | None]
Words = list[str]

MARKS = re.compile("[\"”“„»«‘’'…\\[\\]•*#|]|\\.\\.|<|http")
NAME = re.compile(r"(?<=[a-zåäö,] )[A-ZÅÄÖ][a-zåäö]{3,}\b")
NUMBER = re.compile(r"\b\d+\b")
VERB = re.compile(r"\b(är|ska|har|kan|vill|får|blir|måste)\b")
OTHER_NAMES = ("Norge", "Hallberg", "Svensson", "Malmö", "Finland")
OTHER_WORDS = ("hus", "stor", "redan", "ofta", "framtid", "åtgärd", "snabbt", "bättre")
ADDED = ("mycket", "alltså", "egentligen", "kanske")
OMISSIONS = ("…", "[…]", "(...)", "[...]", "/.../")
TENSES = (
    *(("ska", "skulle"), ("är", "var"), ("har", "hade")),
    *(("kan", "kunde"), ("kommer", "kom"), ("får", "fick")),
)


def on_words(change: Callable[[Words, random.Random], Words | None]) -> Change:
    """Return the change of a text that a change of its words makes."""

    def change_text(text: str, chance: random.Random) -> str | None:
        words = change(text.split(), chance)
        return None if words is None else " ".join(words)

    return change_text


def in_marks(text: str) -> str:
    return f"Enligt uppgift är ”{text}” vad som gäller."


def print_in_marks(change: Change) -> Change:
    def print_changed(text: str, chance: random.Random) -> str | None:
        changed = change(text, chance)
        return changed and in_marks(changed)

    return print_changed


# True quotations: how they are printed.


def restyle(text: str, chance: random.Random) -> str:
    """Change what does not matter: spaces, dashes, soft hyphens, the first letter."""
    text = re.sub(r"(?<=\d) (?=\d{3}\b)", "\u00a0", text)
    text = text.replace(" – ", chance.choice([" — ", " - ", " – "]))
    word = max(text.split(), key=len)
    text = text.replace(word, f"{word[:3]}\u00ad{word[3:]}", 1)
    return text[0].swapcase() + text[1:]


@on_words
def leave_out(words: Words, chance: random.Random) -> Words | None:
    """Leave out words without a negation and say so."""
    if len(words) < 12:
        return None
    start = chance.randrange(4, len(words) - 6)
    end = start + chance.randrange(1, len(words) - start - 3)
    if any(word.lower().strip(",.") in NEGATIONS for word in words[start:end]):
        return None
    return [*words[:start], chance.choice(OMISSIONS), *words[end:]]


def cut(text: str, chance: random.Random) -> str | None:
    words, size = text.split(), chance.randrange(4, 12)
    if len(words) <= size:
        return None
    start = chance.randrange(len(words) - size)
    return " ".join(words[start : start + size]).strip(",.;:–- ")


def end_with_comma(text: str, _: random.Random) -> str | None:
    return f"Hon säger att ”{text[:-1]},” och går." if text[-1] == "." else None


def use_other_marks(text: str, chance: random.Random) -> str:
    marks = chance.choice(["“”", "„“", "»»", "»«", "«»", '""', "‘’", "’’"])
    return f"Så här: {marks[0]}{text}{marks[1]}."


def reply(text: str, chance: random.Random) -> str | None:
    if text[-1] != "." or ", säger" in text:
        return None
    dash = chance.choice(["– ", "- ", "— ", "− ", "–\u00a0", "–"])
    verb = chance.choice(["säger", "sa", "skriver", "förklarar"])
    return f"{dash}{text[:-1]}, {verb} Anna Ek, generaldirektör."


PRINTED: dict[str, Change] = {
    "whole sentence": print_in_marks(lambda text, _: text),
    "sentence, comma within": end_with_comma,
    "other marks": use_other_marks,
    "other spaces, dashes, capital": print_in_marks(restyle),
    "dash reply, another speaker": reply,
    "part of a sentence": print_in_marks(cut),
    "marked omission": print_in_marks(leave_out),
}

# Alterations.


def change_number(text: str, chance: random.Random) -> str | None:
    numbers = list(NUMBER.finditer(text))
    if not numbers:
        return None
    match = chance.choice(numbers)
    other = str(int(match[0]) + chance.choice([1, 2, 10]))
    return text[: match.start()] + other + text[match.end() :]


def replace_negation(words: Words, edge: int, *others: str) -> Words | None:
    """Replace the first negation that is so many words from both ends."""
    places = (n for n in range(edge, len(words) - edge) if words[n].lower() in NEGATIONS)
    at = next(places, None)
    return None if at is None else [*words[:at], *others, *words[at + 1 :]]


def add_negation(text: str, _: random.Random) -> str | None:
    match = VERB.search(text)
    return None if match is None else f"{text[: match.end()]} inte{text[match.end() :]}"


def change_name(text: str, chance: random.Random) -> str | None:
    names = list(NAME.finditer(text))
    if not names:
        return None
    match, other = chance.choice(names), chance.choice(OTHER_NAMES)
    return None if match[0] == other else text[: match.start()] + other + text[match.end() :]


def change_words(words: Words, chance: random.Random, count: int = 1) -> Words:
    for at in chance.sample(range(1, len(words) - 1), count):
        words[at] = chance.choice([word for word in OTHER_WORDS if word != words[at]])
    return words


@on_words
def drop_word(words: Words, chance: random.Random) -> Words:
    at = chance.randrange(1, len(words) - 1)
    return words[:at] + words[at + 1 :]


@on_words
def drop_middle(words: Words, chance: random.Random) -> Words | None:
    if len(words) < 14:
        return None
    start = chance.randrange(4, len(words) - 8)
    return words[:start] + words[start + chance.randrange(3, 6) :]


@on_words
def add_word(words: Words, chance: random.Random) -> Words:
    words.insert(chance.randrange(1, len(words) - 1), chance.choice(ADDED))
    return words


def mistype(text: str, chance: random.Random) -> str | None:
    words = [word for word in text.split() if len(word) > 6 and word.isalpha()]
    words = [word for word in words if word[2] != word[3]]
    if not words:
        return None
    word = chance.choice(words)
    return text.replace(word, word[:2] + word[3] + word[2] + word[4:], 1)


def change_tense(text: str, _: random.Random) -> str | None:
    for one, other in TENSES:
        if f" {one} " in text:
            return re.sub(rf"(?<= ){one}(?= )", other, text)
    return None


def change_order(text: str, chance: random.Random) -> str | None:
    words = text.rstrip(".").split()
    if len(words) < 8 or "," in text:
        return None
    at = chance.randrange(3, len(words) - 3)
    first, second = words[:at], words[at:]
    return " ".join([second[0].capitalize(), *second[1:], *[first[0].lower()], *first[1:]]) + "."


def paraphrase(text: str, chance: random.Random) -> str | None:
    words = (change_tense(text, chance) or text).split()
    return " ".join(change_words(words, chance, 2)) if len(words) > 11 else None


ALTERATIONS: dict[str, Change] = {
    "number": change_number,
    "negation left out": on_words(lambda words, _: replace_negation(words, 1)),
    "negation behind …": on_words(lambda words, _: replace_negation(words, 3, "…")),
    "negation added": add_negation,
    "name": change_name,
    "word replaced": on_words(change_words),
    "word left out": drop_word,
    "words left out": drop_middle,
    "word added": add_word,
    "typing error": mistype,
    "tense": change_tense,
    "word order": change_order,
    "two words and tense": paraphrase,
}
