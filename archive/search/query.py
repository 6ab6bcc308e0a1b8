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

TYPED_DATE = re.compile(
    r"(?P<year>[12]\d{3})(?:"
    r"[-/.](?P<month>0?[1-9]|1[0-2])(?:[-/.](?P<day>0?[1-9]|[12]\d|3[01]))?"
    r"|(?P<mm>0[1-9]|1[0-2])(?P<dd>0[1-9]|[12]\d|3[01])?)?",
    re.ASCII,
)


def parse_query_date(text: str, *, end: bool = False) -> str | None:
    """The first day that a text names, or the last; None where it names none.

    >>> parse_query_date("2024"), parse_query_date("2024-02", end=True), parse_query_date("20240229"), parse_query_date("2024-2-9")
    ('2024-01-01', '2024-02-29', '2024-02-29', '2024-02-09')
    >>> parse_query_date("2023-02-29") is None
    True
    """
    match = TYPED_DATE.fullmatch(text.strip())
    if match is None:
        return None
    year, month = int(match["year"]), int(match["month"] or match["mm"] or (12 if end else 1))
    length = monthrange(year, month)[1]
    day = int(match["day"] or match["dd"] or (length if end else 1))
    return f"{year}-{month:02}-{day:02}" if day <= length else None


MAX_QUERY_WORDS = 32  # further words are left out, and the reader is told
MAX_QUERY_LENGTH = 2_000  # the same; links repeat them, a hundred times a page
QUERY_FIELDS = {  # as typed, without marks over letters → what it asks about
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
TEXT_FIELDS = ("title", "lead", "body", "question", "answer")  # fields that hold words to be found
NAME_FIELDS = ("agency", "tag")  # fields whose whole value is chosen
DATE_FIELDS = ("from", "to")


@dataclass(frozen=True, slots=True)
class TermNode:
    """Words that stand in this order, mostly one; `star`: the last may go on; `field`: only there."""

    words: tuple[str, ...]
    is_prefix: bool = False
    field: str | None = None


@dataclass(frozen=True, slots=True)
class NearNode:
    """Terms with at most `distance` words between them."""

    terms: tuple[TermNode, ...]
    distance: int
    field: str | None = None


@dataclass(frozen=True, slots=True)
class FilterNode:
    """An agency or a tag as typed, or a day from or to which (ISO 8601)."""

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class NotNode:
    """What must not be."""

    part: QueryNode


@dataclass(frozen=True, slots=True)
class AndNode:
    """What must be, each."""

    parts: tuple[QueryNode, ...]


@dataclass(frozen=True, slots=True)
class OrNode:
    """What must be, one at least."""

    parts: tuple[QueryNode, ...]


QueryNode: TypeAlias = TermNode | NearNode | FilterNode | NotNode | AndNode | OrNode


@dataclass(frozen=True, slots=True)
class SearchNote:
    """Something to tell the reader: a key of our texts, and what is filled in."""

    key: str
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query understood. `tree`: None where nothing is asked for; `blank`: something was typed, but no word."""

    tree: QueryNode | None = None
    notes: tuple[SearchNote, ...] = ()
    is_blank: bool = False
    text: str = field(default="", compare=False)


def find_terms(node: QueryNode | None) -> list[TermNode]:
    """The terms that a text must hold or may hold, in order; none of those it must not."""
    if isinstance(node, TermNode):
        return [node]
    if isinstance(node, NearNode):
        return list(node.terms)
    if isinstance(node, AndNode | OrNode):
        return [term for part in node.parts for term in find_terms(part)]
    return []


MAX_LEXEMES = 150
MIN_PREFIX_LENGTH = 3  # letters before a star: fewer stand for half the words there are
MAX_WORD_LENGTH = 80  # letters of a word; none in Swedish has so many, and to take one apart costs with its square
QUOTE_TRANSLATION = str.maketrans(dict.fromkeys("”“„‟»«″", '"'))
LEXEME_PATTERN = re.compile(
    r'"(?P<phrase>[^"]*)"(?P<star>\*?)|(?P<bracket>[()])|(?P<quote>")|(?P<plain>\|+|[^\s"()|]+)'
)
FIELD_PATTERN = re.compile(r"(?P<name>[^\W\d_]+):(?P<rest>.*)", re.DOTALL)
COLON_ENDINGS = re.compile("[sntaeo]|[ea]?r?[nts]s?|[eao]r|[ea]rna|are|na|ta")  # EU:s, tv:n, pdf:er, S:ta
NUMBER_PREFIXES = ("kl", "nr", "dnr", "tel")  # kl:10, dnr:2024/12
OPERATORS = {"OR": "or", "ELLER": "or", "|": "or", "||": "or", "AND": "and", "OCH": "and", "&": "and", "&&": "and"}
NEAR_PATTERN = re.compile(r"(?:NEAR|NÄRA)(?:/(\d{1,3}))?")
DEFAULT_NEAR_DISTANCE = 10  # words between, where a NEAR does not say


@dataclass(frozen=True, slots=True)
class Lexeme:
    """One piece. kind: words, fact, field, (, ), not, or, and, near; `glued`: nothing stands before it."""

    kind: str
    text: str = ""
    words: tuple[str, ...] = ()
    is_prefix: bool = False
    prefix_too_short: bool = False  # a star after too few letters
    distance: int = 0
    follows_directly: bool = False
    unknown_field: str = ""  # of words: what stands before a colon as a field would, and is none


def clean_query_text(text: str) -> str:
    """Without control characters and halves of characters, letters and their marks joined, quotation marks alike.

    >>> clean_query_text("a\\x00”b”"), len(clean_query_text("a\\u030a"))
    ('a "b"', 1)
    """
    plain = "".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in text)
    return unicodedata.normalize("NFC", plain).translate(QUOTE_TRANSLATION)


def fold_diacritics(text: str) -> str:
    """In small letters, without the marks over letters.

    >>> fold_diacritics("Ämne"), fold_diacritics("FRÅGA")
    ('amne', 'fraga')
    """
    parted = unicodedata.normalize("NFD", text.casefold())
    return "".join(c for c in parted if not unicodedata.combining(c))


def split_query_words(text: str) -> tuple[str, ...]:
    """The words of a text, as the index parts them.

    >>> split_query_words("A2021/01234, anna.ek@a.se")
    ('a2021', '01234', 'anna', 'ek', 'a', 'se')
    """
    return tuple(word[:MAX_WORD_LENGTH] for word in find_words(text))


def tokenise_query(text: str) -> Iterator[Lexeme | None]:
    """The pieces of a cleaned text; None where a quotation mark lacks its other half."""
    end = -1
    for match in list(LEXEME_PATTERN.finditer(text))[:MAX_LEXEMES]:
        glued, end = match.start() == end, match.end()
        if match["phrase"] is not None:
            if words := split_query_words(match["phrase"]):
                star = bool(match["star"]) and len(words[-1]) >= MIN_PREFIX_LENGTH
                yield Lexeme("words", match["phrase"], words, is_prefix=star, follows_directly=glued)
        elif match["bracket"]:
            yield Lexeme(match["bracket"], match["bracket"], follows_directly=glued)
        elif match["quote"]:
            yield None
        else:
            yield from tokenise_run(match["plain"], follows_directly=glued, next_character=text[end : end + 1])


def tokenise_run(text: str, *, follows_directly: bool, next_character: str = "") -> Iterator[Lexeme]:
    """A run of characters without space: an operator, or a word with the signs that stand before it.

    following: the character that ends it.
    """
    if text in OPERATORS:
        yield Lexeme(OPERATORS[text], text, split_query_words(text), follows_directly=follows_directly)
        return
    if near := NEAR_PATTERN.fullmatch(text):
        yield Lexeme(
            "near",
            text,
            split_query_words(text),
            distance=int(near[1] or DEFAULT_NEAR_DISTANCE),
            follows_directly=follows_directly,
        )
        return
    if text == "NOT":
        yield Lexeme("not", text, split_query_words(text), follows_directly=follows_directly)
        return
    if not follows_directly and text[0] in "-−" and (len(text) == 1 or text[1].isalnum()):
        yield Lexeme("not", text[0], follows_directly=follows_directly)
        text, follows_directly = text[1:], True
    named = FIELD_PATTERN.fullmatch(text)
    name = QUERY_FIELDS.get(fold_diacritics(named["name"])) if named else None
    if named and name:
        yield Lexeme("field", name, split_query_words(named["name"]), follows_directly=follows_directly)
        text, follows_directly = named["rest"], True
        if name in (*NAME_FIELDS, *DATE_FIELDS) and text:
            yield Lexeme("words", text, split_query_words(text), follows_directly=True)
            return
    if words := split_query_words(text):
        starred, long = ends_with_star(text), len(words[-1]) >= MIN_PREFIX_LENGTH
        yield Lexeme(
            kind="words",
            text=text,
            words=words,
            is_prefix=starred and long,
            prefix_too_short=starred and not long,
            follows_directly=follows_directly,
            unknown_field=find_unknown_field(text + next_character),
        )


def find_unknown_field(text: str) -> str:
    """The name before a colon, where it stands as a field would and the archive has no such field; "" where not.

    >>> [find_unknown_field(text) for text in ("foo:bar", "datum:2024", 'ort:"', "Polisen: ", "EU:s", "tv:n", "10:30")]
    ['foo', 'datum', 'ort', '', '', '', '']
    >>> [find_unknown_field(text) for text in ("SOU:2023:45", "https://a.se", "S:ta", "2024:12", "dnr:2024/12", "rubrik:x")]
    ['', '', '', '', '', '']
    """
    named = FIELD_PATTERN.fullmatch(text)
    if (
        named is None
        or len(named["name"]) < 2
        or named["name"].isupper()
        or fold_diacritics(named["name"]) in QUERY_FIELDS
    ):
        return ""
    rest = named["rest"]
    if fold_diacritics(named["name"]) in NUMBER_PREFIXES and rest[:1].isdigit():
        return ""
    if not rest.strip() or rest.startswith("//") or any(map(COLON_ENDINGS.fullmatch, split_query_words(rest)[:1])):
        return ""
    return named["name"]


def ends_with_star(text: str) -> bool:
    """Whether a star follows the last letter or digit.

    >>> ends_with_star("skog*,"), ends_with_star("sk*og"), ends_with_star("skog")
    (True, False, False)
    """
    end = next(place for place in range(len(text), 0, -1) if text[place - 1].isalnum())
    return text[end : end + 1] == "*"


MAX_BRACKET_DEPTH = 6  # brackets within brackets; further ones are left out


def parse_query(text: str) -> Query:
    """What a reader's text asks for.

    >>> parse_query("våld -krig rubrik:skola").tree
    AndNode(parts=(TermNode(words=('våld',), is_prefix=False, field=None), NotNode(part=TermNode(words=('krig',), is_prefix=False, field=None)), \
TermNode(words=('skola',), is_prefix=False, field='title')))
    """
    parser = QueryParser(clean_query_text(text[:MAX_QUERY_LENGTH]))
    if len(text) > MAX_QUERY_LENGTH:
        parser.add_note("cut")
    tree = parser.parse_and(None, 0)
    parser.check_date_range(tree)
    if tree is not None and not has_positive_part(tree):
        parser.add_note("only_not")
    typed = " ".join(text.split())
    return Query(tree=tree, notes=tuple(parser.notes), is_blank=bool(typed) and tree is None, text=typed)


class QueryParser:
    """Goes through the pieces once."""

    def __init__(self, text: str) -> None:
        pieces = list(tokenise_query(text))
        self.notes: list[SearchNote] = []
        if None in pieces:
            self.add_note("open_quote")
        self.lexemes = self.limit_words([piece for piece in pieces if piece is not None])
        self.position = 0

    def add_note(self, key: str, value: str = "") -> None:
        """Each told once."""
        if (note := SearchNote(key, value)) not in self.notes:
            self.notes.append(note)

    def check_date_range(self, tree: QueryNode | None) -> None:
        """Days that must be after one and before an earlier one are none."""
        facts = [part for part in tree.parts if isinstance(part, FilterNode)] if isinstance(tree, AndNode) else []
        begins = [fact.value for fact in facts if fact.field == "from"]
        ends = [fact.value for fact in facts if fact.field == "to"]
        if begins and ends and max(begins) > min(ends):
            self.add_note("no_time", f"{max(begins)} – {min(ends)}")

    def limit_words(self, lexemes: list[Lexeme]) -> list[Lexeme]:
        """As many pieces as hold MOST_WORDS words."""
        left = MAX_QUERY_WORDS
        for place, lexeme in enumerate(lexemes):
            left -= len(lexeme.words) if lexeme.kind == "words" else 0
            if left < 0:
                self.add_note("cut")
                return lexemes[:place] or [Lexeme("words", lexeme.text, lexeme.words[:MAX_QUERY_WORDS])]
        return lexemes

    def peek(self, offset: int = 0) -> Lexeme | None:
        place = self.position + offset
        return self.lexemes[place] if place < len(self.lexemes) else None

    def parse_and(self, field: str | None, depth: int) -> QueryNode | None:
        """Parts side by side, to the closing bracket or the end."""
        parts: list[QueryNode] = []
        while (piece := self.peek()) is not None:
            if piece.kind == ")":
                self.position += 1
                if depth:
                    break
                continue
            if (part := self.parse_or(field, depth)) is not None:
                parts.append(part)
        return join_nodes(AndNode, parts)

    def parse_or(self, field: str | None, depth: int) -> QueryNode | None:
        """Parts with OR between them."""
        parts = [part] if (part := self.parse_near(field, depth)) is not None else []
        while (piece := self.peek()) is not None and piece.kind == "or":
            self.position += 1
            following = self.peek()
            if not parts or following is None or following.kind in (")", "or", "and", "near"):
                if piece.words:
                    self.add_note("lone", piece.text)
                    parts = [join_nodes(AndNode, [*parts, TermNode(piece.words, field=field)]) or TermNode(piece.words)]
                continue
            if (part := self.parse_near(field, depth)) is not None:
                parts.append(part)
        return join_nodes(OrNode, parts)

    def parse_near(self, field: str | None, depth: int) -> QueryNode | None:
        """Terms with NEAR between them."""
        part = self.parse_operand(field, depth)
        terms, distance = [part] if isinstance(part, TermNode) else [], 0
        while terms and (piece := self.peek()) is not None and piece.kind == "near":
            following = self.peek(1)
            if following is None or following.kind != "words" or not following.words:
                break
            self.position += 1
            term = self.parse_operand(field, depth)
            if isinstance(term, TermNode):
                terms.append(term)
                distance = max(distance, piece.distance)
        if len(terms) < 2:
            return part
        fields = {term.field for term in terms}
        return NearNode(tuple(terms), distance, fields.pop() if len(fields) == 1 else None)

    def parse_operand(self, field: str | None, depth: int) -> QueryNode | None:
        """A term, a field with what it asks, a bracket, or what must not be."""
        piece = self.peek()
        if piece is None:
            return None
        self.position += 1
        if piece.kind == "words":
            if piece.prefix_too_short:
                self.add_note("short_star", piece.text)
            if piece.unknown_field:
                self.add_note("no_field", f"{piece.unknown_field}:")
            return TermNode(piece.words, piece.is_prefix, field) if piece.words else None
        if piece.kind == "(":
            return self.parse_and(field, depth + 1) if depth < MAX_BRACKET_DEPTH else None
        if piece.kind == "field":
            return self.parse_field(piece, field, depth)
        if piece.kind == "not":
            return self.parse_not(piece, field, depth)
        if piece.kind == "near":
            return self.parse_near_function(piece, field)
        return self.parse_stray_operator(piece, field)

    def parse_stray_operator(self, lexeme: Lexeme, field: str | None) -> QueryNode | None:
        """An operator with nothing beside it is a word; an AND between words is what the space says anyway."""
        between = self.position > 1 and self.peek() is not None
        if not lexeme.words or (lexeme.kind == "and" and between):
            return None
        self.add_note("lone", lexeme.text)
        return TermNode(lexeme.words, field=field)

    def parse_not(self, lexeme: Lexeme, field: str | None, depth: int) -> QueryNode | None:
        """What must not be; a dash that stands alone says nothing."""
        following = self.peek()
        if lexeme.words and (following is None or following.kind not in ("words", "(", "field")):
            return self.parse_stray_operator(lexeme, field)
        if not lexeme.words and (following is None or not following.follows_directly):
            return None
        part = self.parse_operand(field, depth)
        return None if part is None else NotNode(part)

    def parse_near_function(self, lexeme: Lexeme, field: str | None) -> QueryNode | None:
        """NEAR(a b, 5) as SQLite has it."""
        place, terms = self.position, []
        if (opening := self.peek()) is not None and opening.kind == "(":
            self.position += 1
            while (inner := self.peek()) is not None and inner.kind == "words":
                self.position += 1
                terms.append(TermNode(inner.words, inner.is_prefix, field))
        if len(terms) < 2:
            self.position = place
            return self.parse_stray_operator(lexeme, field)
        if (closing := self.peek()) is not None and closing.kind == ")":
            self.position += 1
        distance = lexeme.distance or DEFAULT_NEAR_DISTANCE
        if len(terms) > 2 and len(terms[-1].words) == 1 and terms[-1].words[0].isdecimal():
            distance = min(int(terms.pop().words[0]), 999)
        return NearNode(tuple(terms), distance, field)

    def parse_field(self, lexeme: Lexeme, outer_field: str | None, depth: int) -> QueryNode | None:
        """A field's value follows it, after a space at most; a field without one is a word."""
        following, name = self.peek(), lexeme.text
        wanted = ("words", "(") if name in TEXT_FIELDS else ("words",)
        if following is None or following.kind not in wanted or not (following.words or following.kind == "("):
            self.add_note("no_value_of", f"{lexeme.words[0]}:")
            return TermNode(lexeme.words, field=outer_field)
        if name in TEXT_FIELDS:
            return self.parse_operand(name, depth)
        if name in DATE_FIELDS:
            day = parse_query_date(following.text, end=name == "to")
            if day is None:
                self.add_note("no_day", f"{lexeme.words[0]}:{following.text}")
                return TermNode(lexeme.words, field=outer_field)
            self.position += 1
            return FilterNode(name, day)
        self.position += 1
        return FilterNode(name, " ".join(following.text.strip("\"' ,;").split()))


def join_nodes(kind: type[AndNode] | type[OrNode], parts: list[QueryNode]) -> QueryNode | None:
    """One part is itself; none is nothing."""
    if len(parts) > 1:
        return kind(tuple(parts))
    return parts[0] if parts else None


def has_positive_part(node: QueryNode) -> bool:
    """Whether a query says what must be, beside what must not."""
    if isinstance(node, NotNode):
        return False
    return any(map(has_positive_part, node.parts)) if isinstance(node, AndNode | OrNode) else True
