"""A reader's text cut into words, phrases, brackets and signs; the plainest of characters, however it was typed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from archive.search.query import DAYS, FACTS, FIELDS
from archive.swedish.words import find_words

MOST_LEXEMES = 150
SHORTEST = 3  # letters before a star: fewer stand for half the words there are
LONGEST = 80  # letters of a word; none in Swedish has so many, and to take one apart costs with its square
QUOTES = str.maketrans(dict.fromkeys("”“„‟»«″", '"'))
LEXEME = re.compile(r'"(?P<phrase>[^"]*)"(?P<star>\*?)|(?P<bracket>[()])|(?P<quote>")|(?P<plain>\|+|[^\s"()|]+)')
FIELD = re.compile(r"(?P<name>[^\W\d_]+):(?P<rest>.*)", re.DOTALL)
ENDINGS = re.compile("[sntaeo]|[ea]?r?[nts]s?|[eao]r|[ea]rna|are|na|ta")  # EU:s, tv:n, pdf:er, S:ta
NUMBERED = ("kl", "nr", "dnr", "tel")  # kl:10, dnr:2024/12
OPERATORS = {"OR": "or", "ELLER": "or", "|": "or", "||": "or", "AND": "and", "OCH": "and", "&": "and", "&&": "and"}
NEAR = re.compile(r"(?:NEAR|NÄRA)(?:/(\d{1,3}))?")
FAR = 10  # words between, where a NEAR does not say


@dataclass(frozen=True, slots=True)
class Lexeme:
    """One piece. kind: words, fact, field, (, ), not, or, and, near; `glued`: nothing stands before it."""

    kind: str
    text: str = ""
    words: tuple[str, ...] = ()
    star: bool = False
    short: bool = False  # a star after too few letters
    number: int = 0
    glued: bool = False
    stranger: str = ""  # of words: what stands before a colon as a field would, and is none


def clean(text: str) -> str:
    """Without control characters and halves of characters, letters and their marks joined, quotation marks alike.

    >>> clean("a\\x00”b”"), len(clean("a\\u030a"))
    ('a "b"', 1)
    """
    plain = "".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in text)
    return unicodedata.normalize("NFC", plain).translate(QUOTES)


def bare(text: str) -> str:
    """In small letters, without the marks over letters.

    >>> bare("Ämne"), bare("FRÅGA")
    ('amne', 'fraga')
    """
    parted = unicodedata.normalize("NFD", text.casefold())
    return "".join(c for c in parted if not unicodedata.combining(c))


def split_words(text: str) -> tuple[str, ...]:
    """The words of a text, as the index parts them.

    >>> split_words("A2021/01234, anna.ek@a.se")
    ('a2021', '01234', 'anna', 'ek', 'a', 'se')
    """
    return tuple(word[:LONGEST] for word in find_words(text))


def lex(text: str) -> Iterator[Lexeme | None]:
    """The pieces of a cleaned text; None where a quotation mark lacks its other half."""
    end = -1
    for match in list(LEXEME.finditer(text))[:MOST_LEXEMES]:
        glued, end = match.start() == end, match.end()
        if match["phrase"] is not None:
            if words := split_words(match["phrase"]):
                star = bool(match["star"]) and len(words[-1]) >= SHORTEST
                yield Lexeme("words", match["phrase"], words, star=star, glued=glued)
        elif match["bracket"]:
            yield Lexeme(match["bracket"], match["bracket"], glued=glued)
        elif match["quote"]:
            yield None
        else:
            yield from lex_plain(match["plain"], glued=glued, following=text[end : end + 1])


def lex_plain(text: str, *, glued: bool, following: str = "") -> Iterator[Lexeme]:
    """A run of characters without space: an operator, or a word with the signs that stand before it.

    following: the character that ends it.
    """
    if text in OPERATORS:
        yield Lexeme(OPERATORS[text], text, split_words(text), glued=glued)
        return
    if near := NEAR.fullmatch(text):
        yield Lexeme("near", text, split_words(text), number=int(near[1] or FAR), glued=glued)
        return
    if text == "NOT":
        yield Lexeme("not", text, split_words(text), glued=glued)
        return
    if not glued and text[0] in "-−" and (len(text) == 1 or text[1].isalnum()):
        yield Lexeme("not", text[0], glued=glued)
        text, glued = text[1:], True
    named = FIELD.fullmatch(text)
    name = FIELDS.get(bare(named["name"])) if named else None
    if named and name:
        yield Lexeme("field", name, split_words(named["name"]), glued=glued)
        text, glued = named["rest"], True
        if name in (*FACTS, *DAYS) and text:
            yield Lexeme("words", text, split_words(text), glued=True)
            return
    if words := split_words(text):
        starred, long = has_star(text), len(words[-1]) >= SHORTEST
        yield Lexeme(
            kind="words",
            text=text,
            words=words,
            star=starred and long,
            short=starred and not long,
            glued=glued,
            stranger=find_stranger(text + following),
        )


def find_stranger(text: str) -> str:
    """The name before a colon, where it stands as a field would and the archive has no such field; "" where not.

    >>> [find_stranger(text) for text in ("foo:bar", "datum:2024", 'ort:"', "Polisen: ", "EU:s", "tv:n", "10:30")]
    ['foo', 'datum', 'ort', '', '', '', '']
    >>> [find_stranger(text) for text in ("SOU:2023:45", "https://a.se", "S:ta", "2024:12", "dnr:2024/12", "rubrik:x")]
    ['', '', '', '', '', '']
    """
    named = FIELD.fullmatch(text)
    if named is None or len(named["name"]) < 2 or named["name"].isupper() or bare(named["name"]) in FIELDS:
        return ""
    rest = named["rest"]
    if bare(named["name"]) in NUMBERED and rest[:1].isdigit():
        return ""
    if not rest.strip() or rest.startswith("//") or any(map(ENDINGS.fullmatch, split_words(rest)[:1])):
        return ""
    return named["name"]


def has_star(text: str) -> bool:
    """Whether a star follows the last letter or digit.

    >>> has_star("skog*,"), has_star("sk*og"), has_star("skog")
    (True, False, False)
    """
    end = next(place for place in range(len(text), 0, -1) if text[place - 1].isalnum())
    return text[end : end + 1] == "*"
