"""The query language: words, "phrases", -not, OR, word*, NEAR, brackets, fields and dates, read from anyone's typing.

A sign that cannot mean anything where it stands is left out or read as a word; where that may surprise, a note tells.
OR binds closer than the space between words: a b OR c asks for a, and for b or c.
"""

from __future__ import annotations

from archive.search.days import find_day
from archive.search.lexing import FAR, Lexeme, clean, lex
from archive.search.query import (
    DAYS,
    MOST_LETTERS,
    MOST_WORDS,
    TEXTS,
    All,
    Any,
    Asked,
    Fact,
    Near,
    Node,
    Not,
    Note,
    Term,
)

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
