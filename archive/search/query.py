"""Query language: AST, lexer, parser, dates.

A day as a reader types it in från: and till:, whole or a month or year of days.

What a reader typed, understood: a tree of words, phrases, fields and dates. No input is an error; notes tell why
something was read otherwise than it was meant.

A reader's text cut into words, phrases, brackets and signs; the plainest of characters, however it was typed.

The query language: words, "phrases", -not, OR, word*, NEAR, brackets, fields and dates, read from anyone's typing.

A sign that cannot mean anything where it stands is left out or read as a word; where that may surprise, a note tells.
OR binds closer than the space between words: a b OR c asks for a, and for b or c.
"""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from archive.analysis import find_words

DAY = re.compile(
    r"(?P<year>[12]\d{3})(?:"
    r"[-/.](?P<month>0?[1-9]|1[0-2])(?:[-/.](?P<day>0?[1-9]|[12]\d|3[01]))?"
    r"|(?P<mm>0[1-9]|1[0-2])(?P<dd>0[1-9]|[12]\d|3[01])?)?",
    re.ASCII,
)


def find_day(text: str, *, last: bool = False) -> str | None:
    """The first day that a text names, or the last; None where it names none.

    >>> find_day("2024"), find_day("2024-02", last=True), find_day("20240229"), find_day("2024-2-9")
    ('2024-01-01', '2024-02-29', '2024-02-29', '2024-02-09')
    >>> find_day("2023-02-29") is None
    True
    """
    match = DAY.fullmatch(text.strip())
    if match is None:
        return None
    year, month = int(match["year"]), int(match["month"] or match["mm"] or (12 if last else 1))
    length = monthrange(year, month)[1]
    day = int(match["day"] or match["dd"] or (length if last else 1))
    return f"{year}-{month:02}-{day:02}" if day <= length else None


MOST_WORDS = 32  # further words are left out, and the reader is told
MOST_LETTERS = 2_000  # the same; links repeat them, a hundred times a page
FIELDS = {  # as typed, without marks over letters → what it asks about
    **dict.fromkeys(("rubrik", "titel", "title"), "title"),
    **dict.fromkeys(("ingress", "lead"), "lead"),
    **dict.fromkeys(("text", "brodtext", "body"), "body"),
    **dict.fromkeys(("fraga", "fragor", "question", "questions"), "question"),
    **dict.fromkeys(("svar", "answer", "answers"), "answer"),
    **dict.fromkeys(("myndighet", "agency"), "agency"),
    **dict.fromkeys(("amne", "amnesord", "tagg", "tag"), "tag"),
    **dict.fromkeys(("fran", "from"), "from"),
    **dict.fromkeys(("till", "to"), "to"),
}
TEXTS = ("title", "lead", "body", "question", "answer")  # fields that hold words to be found
FACTS = ("agency", "tag")  # fields whose whole value is chosen
DAYS = ("from", "to")


@dataclass(frozen=True, slots=True)
class Term:
    """Words that stand in this order, mostly one; `star`: the last may go on; `field`: only there."""

    words: tuple[str, ...]
    star: bool = False
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Near:
    """Terms with at most `distance` words between them."""

    terms: tuple[Term, ...]
    distance: int
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """An agency or a tag as typed, or a day from or to which (ISO 8601)."""

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Not:
    """What must not be."""

    part: Node


@dataclass(frozen=True, slots=True)
class All:
    """What must be, each."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """What must be, one at least."""

    parts: tuple[Node, ...]


Node: TypeAlias = Term | Near | Fact | Not | All | Any


@dataclass(frozen=True, slots=True)
class Note:
    """Something to tell the reader: a key of our texts, and what is filled in."""

    key: str
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A query understood. `tree`: None where nothing is asked for; `blank`: something was typed, but no word."""

    tree: Node | None = None
    notes: tuple[Note, ...] = ()
    blank: bool = False
    typed: str = field(default="", compare=False)


def find_terms(node: Node | None) -> list[Term]:
    """The terms that a text must hold or may hold, in order; none of those it must not."""
    if isinstance(node, Term):
        return [node]
    if isinstance(node, Near):
        return list(node.terms)
    if isinstance(node, All | Any):
        return [term for part in node.parts for term in find_terms(part)]
    return []


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


DEEPEST = 6  # brackets within brackets; further ones are left out


def parse_query(text: str) -> Asked:
    """What a reader's text asks for.

    >>> parse_query("våld -krig rubrik:skola").tree
    All(parts=(Term(words=('våld',), star=False, field=None), Not(part=Term(words=('krig',), star=False, field=None)), \
Term(words=('skola',), star=False, field='title')))
    """
    parser = Parser(clean(text[:MOST_LETTERS]))
    if len(text) > MOST_LETTERS:
        parser.note("cut")
    tree = parser.read_all(None, 0)
    parser.note_days(tree)
    if tree is not None and not any_positive(tree):
        parser.note("only_not")
    typed = " ".join(text.split())
    return Asked(tree=tree, notes=tuple(parser.notes), blank=bool(typed) and tree is None, typed=typed)


class Parser:
    """Goes through the pieces once."""

    def __init__(self, text: str) -> None:
        pieces = list(lex(text))
        self.notes: list[Note] = []
        if None in pieces:
            self.note("open_quote")
        self.lexemes = self.cut([piece for piece in pieces if piece is not None])
        self.at = 0

    def note(self, key: str, words: str = "") -> None:
        """Each told once."""
        if (note := Note(key, words)) not in self.notes:
            self.notes.append(note)

    def note_days(self, tree: Node | None) -> None:
        """Days that must be after one and before an earlier one are none."""
        facts = [part for part in tree.parts if isinstance(part, Fact)] if isinstance(tree, All) else []
        begins = [fact.value for fact in facts if fact.field == "from"]
        ends = [fact.value for fact in facts if fact.field == "to"]
        if begins and ends and max(begins) > min(ends):
            self.note("no_time", f"{max(begins)} – {min(ends)}")

    def cut(self, lexemes: list[Lexeme]) -> list[Lexeme]:
        """As many pieces as hold MOST_WORDS words."""
        left = MOST_WORDS
        for place, lexeme in enumerate(lexemes):
            left -= len(lexeme.words) if lexeme.kind == "words" else 0
            if left < 0:
                self.note("cut")
                return lexemes[:place] or [Lexeme("words", lexeme.text, lexeme.words[:MOST_WORDS])]
        return lexemes

    def peek(self, ahead: int = 0) -> Lexeme | None:
        place = self.at + ahead
        return self.lexemes[place] if place < len(self.lexemes) else None

    def read_all(self, field: str | None, depth: int) -> Node | None:
        """Parts side by side, to the closing bracket or the end."""
        parts: list[Node] = []
        while (piece := self.peek()) is not None:
            if piece.kind == ")":
                self.at += 1
                if depth:
                    break
                continue
            if (part := self.read_any(field, depth)) is not None:
                parts.append(part)
        return join(All, parts)

    def read_any(self, field: str | None, depth: int) -> Node | None:
        """Parts with OR between them."""
        parts = [part] if (part := self.read_near(field, depth)) is not None else []
        while (piece := self.peek()) is not None and piece.kind == "or":
            self.at += 1
            following = self.peek()
            if not parts or following is None or following.kind in (")", "or", "and", "near"):
                if piece.words:
                    self.note("lone", piece.text)
                    parts = [join(All, [*parts, Term(piece.words, field=field)]) or Term(piece.words)]
                continue
            if (part := self.read_near(field, depth)) is not None:
                parts.append(part)
        return join(Any, parts)

    def read_near(self, field: str | None, depth: int) -> Node | None:
        """Terms with NEAR between them."""
        part = self.read_one(field, depth)
        terms, distance = [part] if isinstance(part, Term) else [], 0
        while terms and (piece := self.peek()) is not None and piece.kind == "near":
            following = self.peek(1)
            if following is None or following.kind != "words" or not following.words:
                break
            self.at += 1
            term = self.read_one(field, depth)
            if isinstance(term, Term):
                terms.append(term)
                distance = max(distance, piece.number)
        if len(terms) < 2:
            return part
        fields = {term.field for term in terms}
        return Near(tuple(terms), distance, fields.pop() if len(fields) == 1 else None)

    def read_one(self, field: str | None, depth: int) -> Node | None:
        """A term, a field with what it asks, a bracket, or what must not be."""
        piece = self.peek()
        if piece is None:
            return None
        self.at += 1
        if piece.kind == "words":
            if piece.short:
                self.note("short_star", piece.text)
            if piece.stranger:
                self.note("no_field", f"{piece.stranger}:")
            return Term(piece.words, piece.star, field) if piece.words else None
        if piece.kind == "(":
            return self.read_all(field, depth + 1) if depth < DEEPEST else None
        if piece.kind == "field":
            return self.read_field(piece, field, depth)
        if piece.kind == "not":
            return self.read_not(piece, field, depth)
        if piece.kind == "near":
            return self.read_near_call(piece, field)
        return self.read_lone(piece, field)

    def read_lone(self, piece: Lexeme, field: str | None) -> Node | None:
        """An operator with nothing beside it is a word; an AND between words is what the space says anyway."""
        between = self.at > 1 and self.peek() is not None
        if not piece.words or (piece.kind == "and" and between):
            return None
        self.note("lone", piece.text)
        return Term(piece.words, field=field)

    def read_not(self, piece: Lexeme, field: str | None, depth: int) -> Node | None:
        """What must not be; a dash that stands alone says nothing."""
        following = self.peek()
        if piece.words and (following is None or following.kind not in ("words", "(", "field")):
            return self.read_lone(piece, field)
        if not piece.words and (following is None or not following.glued):
            return None
        part = self.read_one(field, depth)
        return None if part is None else Not(part)

    def read_near_call(self, piece: Lexeme, field: str | None) -> Node | None:
        """NEAR(a b, 5) as SQLite has it."""
        place, terms = self.at, []
        if (opening := self.peek()) is not None and opening.kind == "(":
            self.at += 1
            while (inner := self.peek()) is not None and inner.kind == "words":
                self.at += 1
                terms.append(Term(inner.words, inner.star, field))
        if len(terms) < 2:
            self.at = place
            return self.read_lone(piece, field)
        if (closing := self.peek()) is not None and closing.kind == ")":
            self.at += 1
        distance = piece.number or FAR
        if len(terms) > 2 and len(terms[-1].words) == 1 and terms[-1].words[0].isdecimal():
            distance = min(int(terms.pop().words[0]), 999)
        return Near(tuple(terms), distance, field)

    def read_field(self, piece: Lexeme, outer: str | None, depth: int) -> Node | None:
        """A field's value follows it, after a space at most; a field without one is a word."""
        following, name = self.peek(), piece.text
        wanted = ("words", "(") if name in TEXTS else ("words",)
        if following is None or following.kind not in wanted or not (following.words or following.kind == "("):
            self.note("no_value_of", f"{piece.words[0]}:")
            return Term(piece.words, field=outer)
        if name in TEXTS:
            return self.read_one(name, depth)
        if name in DAYS:
            day = find_day(following.text, last=name == "to")
            if day is None:
                self.note("no_day", f"{piece.words[0]}:{following.text}")
                return Term(piece.words, field=outer)
            self.at += 1
            return Fact(name, day)
        self.at += 1
        return Fact(name, " ".join(following.text.strip("\"' ,;").split()))


def join(kind: type[All] | type[Any], parts: list[Node]) -> Node | None:
    """One part is itself; none is nothing."""
    if len(parts) > 1:
        return kind(tuple(parts))
    return parts[0] if parts else None


def any_positive(node: Node) -> bool:
    """Whether a query says what must be, beside what must not."""
    if isinstance(node, Not):
        return False
    return any(map(any_positive, node.parts)) if isinstance(node, All | Any) else True
