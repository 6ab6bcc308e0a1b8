"""Parses queries: words, "phrases", -not, OR, word*, NEAR, brackets, fields, dates, references.

No input is an error: a misplaced operator is dropped or parsed as a word, and a `SearchNote` tells
the visitor if this may be surprising. OR binds more tightly than the space between words: `a b OR
c` means `a (b OR c)`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from itertools import takewhile
from typing import NamedTuple, TypeAlias, TypeGuard

from archive.language.compounds import GENITIVE, find_word_readings
from archive.language.reference_patterns import TYPED_REFERENCE, find_typed_references
from archive.language.synonyms import (
    AMBIGUOUS_WORDS,
    FUNCTION_WORDS,
    ONLY_ENGLISH_WORDS,
    read_agency_names,
    split_query_words,
)
from archive.language.terms import MAX_ABBREVIATION_LENGTH
from archive.times import parse_typed_date

MAX_QUERY_LENGTH = 2_000  # characters; the rest is dropped, with a note
MAX_QUERY_WORDS = 32  # further words are dropped, with a note
MAX_LEXEMES = 150
MIN_PREFIX_LENGTH = 3  # letters before a star; fewer would match half of all words
MAX_BRACKET_DEPTH = 6  # deeper brackets are dropped
DEFAULT_NEAR_DISTANCE = 10  # words between the terms

# Fields.
QUERY_FIELDS = {  # as typed, without diacritics → field
    **dict.fromkeys(("rubrik", "titel", "title"), "title"),
    **dict.fromkeys(("ingress", "lead"), "lead"),
    **dict.fromkeys(("text", "brodtext", "body"), "body"),
    **dict.fromkeys(("fraga", "fragor", "question", "questions"), "question"),
    **dict.fromkeys(("svar", "answer", "answers"), "answer"),
    **dict.fromkeys(("bilaga", "bilagor", "attachment", "attachments"), "attachment"),
    **dict.fromkeys(("myndighet", "agency"), "agency"),
    **dict.fromkeys(("amne", "amnesord", "tagg", "tag"), "tag"),
    **dict.fromkeys(("sager", "says"), "speaker"),
    **dict.fromkeys(("fran", "from"), "from"),
    **dict.fromkeys(("till", "to"), "to"),
    **dict.fromkeys(("borttaget", "borttagen", "borttagna", "removed"), "removed"),
    **dict.fromkeys(("tillagt", "tillagd", "tillagda", "added"), "added"),
    **dict.fromkeys(("liknar", "like"), "like"),
    **dict.fromkeys(("hanvisning", "ref", "reference"), "reference"),
}
# fields of text to search
TEXT_FIELDS = ("title", "lead", "body", "question", "answer", "attachment")
NAME_FIELDS = ("agency", "tag", "speaker")  # fields with a name as their value
DATE_FIELDS = ("from", "to")
LIKE_FIELD = "like"  # with the number of a release as its value
# of chosen facet values, not of the query language; with the slug of a person, and with a reference
PERSON_FIELD, CITED_FIELD = "person", "cited"
REFERENCE_FIELD = "reference"
VALUE_FIELDS = (
    *NAME_FIELDS,
    *DATE_FIELDS,
    LIKE_FIELD,
    REFERENCE_FIELD,
)  # fields with any text as their value
MAX_RELEASE_DIGITS = 15
EDIT_FIELDS = ("removed", "added")  # fields of the text that an edit changed
FIELD_PATTERN = re.compile(r"(?P<name>[^\W\d_]+):(?P<rest>.*)", re.DOTALL)
# EU:s, tv:n, pdf:er, S:ta
COLON_ENDINGS = re.compile("[sntaeo]|[ea]?r?[nts]s?|[eao]r|[ea]rna|are|na|ta")
NUMBER_PREFIXES = ("kl", "nr", "dnr", "tel")  # kl:10, dnr:2024/12

# Names.
MAX_NAME_WORDS = 9
MAX_NUMBER_LENGTH = 4  # digits of the number of ETS 2, Agenda 2030

# Characters and operators.
QUOTE_TRANSLATION = str.maketrans(dict.fromkeys("”“„‟»«″", '"'))
REFERENCE = re.sub(r"\?P<\w+>", "?:", TYPED_REFERENCE)
LEXEME_PATTERN = re.compile(
    r'"(?P<phrase>[^"]*)"(?P<star>\*?)'
    # with the bracket that closes its own: lagen (2013:319)
    rf"|(?P<reference>(?=[^()]{{,120}}\([^()]{{,60}}\)(?!\s*\d)){REFERENCE}\)|{REFERENCE})"
    r'|(?P<bracket>[()])|(?P<quote>")'
    rf"|(?P<plain>\|+|(?:(?!{REFERENCE})[^\s\"()|])+)"
)
NUMBER_ALONE = re.compile(r"[\w./:-]*\d[/:-][\w./:-]+")  # of a reference, in a field
CAPITALS = re.compile(rf"\W*[A-ZÅÄÖ]{{2,{MAX_ABBREVIATION_LENGTH}}}(?::[a-zåäö]+)?\W*")  # SAS, EU:s
OPERATORS = {
    **dict.fromkeys(("OR", "ELLER", "|", "||"), "or"),
    **dict.fromkeys(("AND", "OCH", "&", "&&"), "and"),
    "NOT": "not",
}
NEAR_PATTERN = re.compile(r"(?:NEAR|NÄRA)(?:/(\d{1,3}))?")


# How the words of a term match.
WORD = "word"  # in any form, and as part of compounds
WRITTEN = "written"  # an abbreviation, as written
QUOTED = "quoted"  # as written, in this order
REQUIRED = "required"  # in any form, but not in compounds
LOOSE = "loose"  # like WORD, and related words, beginnings of words and parts of any compound


@dataclass(frozen=True, slots=True)
class TermNode:
    """A word, or a sequence of words."""

    words: tuple[str, ...]
    is_prefix: bool = False  # the last word has a star: it may continue
    field: str | None = None  # search only this field
    match: str = WORD
    # the words without their hyphens: rotavdrag
    joined: str = dataclass_field(default="", compare=False)
    is_added: bool = False  # another name or spelling of what was typed

    @property
    def text(self) -> str:
        """Return the words as a visitor may type them, with abbreviations in capitals."""
        text = " ".join(self.words)
        return text.upper() if self.match == WRITTEN else text


class TypedWord(NamedTuple):
    """A part of the typed query that a result may lack: a word, a name, or words in brackets."""

    terms: tuple[TermNode, ...]
    readings: tuple[str, ...]  # the terms and their synonyms, as what is marked is labelled

    @property
    def label(self) -> str:
        """Return the words, each preceded by the name of its field, as in title:skola."""
        labels = (f"{term.field}:{term.text}" if term.field else term.text for term in self.terms)
        return " ".join(labels)


@dataclass(frozen=True, slots=True)
class NearNode:
    """Terms with at most `distance` words between them."""

    terms: tuple[TermNode, ...]
    distance: int
    field: str | None = None


@dataclass(frozen=True, slots=True)
class FilterNode:
    """A filter, for example for an agency, a speaker or a date.

    value: the slug if the filter is for a person, the date in ISO 8601 if it is for a date, and
        otherwise the value as typed.
    """

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class ReferenceNode:
    """A reference to a document, such as a bill, by its number.

    type: the type of the document, or "" for any type.
    """

    type: str
    number: str
    field: str | None = None  # search only this field


@dataclass(frozen=True, slots=True)
class NotNode:
    """A part of the query that must not match."""

    part: QueryNode


@dataclass(frozen=True, slots=True)
class AndNode:
    """Parts of the query that must all match."""

    parts: tuple[QueryNode, ...]


@dataclass(frozen=True, slots=True)
class OrNode:
    """Alternative parts of the query. At least one must match."""

    parts: tuple[QueryNode, ...]


@dataclass(frozen=True, slots=True)
class EditNode:
    """Words that a single edit must have removed, and words that it must have added.

    Filters are not part of this node.
    """

    removed: QueryNode | None = None
    added: QueryNode | None = None


QueryNode: TypeAlias = (
    TermNode | NearNode | ReferenceNode | FilterNode | EditNode | NotNode | AndNode | OrNode
)
# a part of the query that a text either contains or not
QueryLeaf: TypeAlias = TermNode | NearNode | ReferenceNode


@dataclass(frozen=True, slots=True)
class SearchNote:
    """The key of an interface text about the query, and a value to insert into the text."""

    key: str
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    tree: QueryNode | None = None  # None: no word, number or filter
    notes: tuple[SearchNote, ...] = ()
    is_blank: bool = False  # something was typed, but no word, number or filter
    text: str = dataclass_field(default="", compare=False)

    @property
    def has_words(self) -> bool:
        """Return whether every result must contain words of the query.

        >>> texts = ("fyr", "fyr från:2024", "från:2024", "-fyr", "fyr OR -hamn", "")
        >>> [parse_query(text).has_words for text in texts]
        [True, True, False, False, False, False]
        """
        return any(is_text(part) and requires_words(part) for part in iter_parts(self.tree))

    @property
    def can_be_ranked(self) -> bool:
        """Return whether results can be ranked, by words or by their similarity to a release."""
        return bool(find_terms(self.tree) or list_liked(self.tree))

    @property
    def has_edits(self) -> bool:
        """Return whether the query has an `added:` or `removed:` part that is not excluded."""
        return any(iter_edit_nodes(self.tree))


@dataclass(frozen=True, slots=True)
class Lexeme:
    kind: str  # words, reference, field, (, ), not, or, and, near, end
    text: str = ""
    words: tuple[str, ...] = ()
    is_prefix: bool = False
    prefix_too_short: bool = False  # a star after too few letters
    distance: int = 0
    follows_directly: bool = False  # whether there is no space before it
    match: str = WORD
    unknown_field: str = ""  # for words: a name before a colon that is not a field
    reference_type: str = ""  # for references, whose number is `text`


def parse_query(text: str) -> Query:
    """Parse the text of a query.

    >>> for part in parse_query("våld* -krig rubrik:skola").tree.parts:
    ...     terms = [(term.words, term.is_prefix, term.field) for term in find_terms(part)]
    ...     print(type(part).__name__, terms)
    TermNode [(('våld',), True, None)]
    NotNode []
    TermNode [(('skola',), False, 'title')]
    """
    parser = QueryParser(_clean_query_text(text[:MAX_QUERY_LENGTH]))
    if len(text) > MAX_QUERY_LENGTH:
        parser.add_note("cut")
    tree = parser.parse_and(None, 0)
    tree = tree and _complete_tree(tree)
    parser.notes += _check_date_range(tree)
    if tree is not None and not _has_positive_part(tree):
        parser.add_note("only_not")
    typed = " ".join(text.split())
    return Query(
        tree=tree, notes=tuple(parser.notes), is_blank=bool(typed) and tree is None, text=typed
    )


def add_filters(query: Query, filters: Sequence[QueryNode]) -> Query:
    """Add filters to a query.

    If the visitor typed something that contains no word, number or filter, the query is returned
    unchanged, so that it still finds nothing.
    """
    if query.is_blank or not filters:
        return query
    tree = join_nodes(AndNode, [*list_parts(query.tree), *filters])
    notes = dict.fromkeys((*query.notes, *_check_date_range(tree)))
    return replace(query, tree=tree, notes=tuple(notes))


def list_parts(tree: QueryNode | None) -> Sequence[QueryNode]:
    """Return the parts of a query that must all match. A query without AND is a single part."""
    if isinstance(tree, AndNode):
        return tree.parts
    return () if tree is None else (tree,)


def _check_date_range(tree: QueryNode | None) -> list[SearchNote]:
    """Return a note if the date filters exclude every day."""
    starts, ends = list_days(tree, "from"), list_days(tree, "to")
    if starts and ends and max(starts) > min(ends):
        return [SearchNote("no_time", f"{max(starts)} – {min(ends)}")]
    return []


def list_days(tree: QueryNode | None, field: str) -> list[str]:
    """Return the dates of the query's `from` or `to` filters.

    field: `from` or `to`.
    """
    parts = list_parts(tree)
    return [part.value for part in parts if isinstance(part, FilterNode) and part.field == field]


def find_terms(node: QueryNode | None, *, with_added: bool = False) -> list[TermNode]:
    """List the terms that a result must or may contain, in order.

    with_added: whether to also list the other names and spellings that were added to the typed
        words.
    """
    if isinstance(node, TermNode):
        return [node] if with_added or not node.is_added else []
    if isinstance(node, NearNode):
        return list(node.terms)
    if isinstance(node, AndNode | OrNode):
        return [term for part in node.parts for term in find_terms(part, with_added=with_added)]
    return []


def list_liked(node: QueryNode | None) -> list[str]:
    """List the numbers of the releases to which results should be similar."""
    if isinstance(node, AndNode | OrNode):
        return [number for part in node.parts for number in list_liked(part)]
    return [node.value] if isinstance(node, FilterNode) and node.field == LIKE_FIELD else []


def iter_parts(node: QueryNode | None) -> Iterator[QueryNode]:
    """Yield the parts of a query that must all match, including those inside brackets."""
    if isinstance(node, AndNode):
        for part in node.parts:
            yield from iter_parts(part)
    elif node:
        yield node


def find_reference_nodes(node: QueryNode | None) -> list[ReferenceNode]:
    """List the references that a result must or may contain, in order."""
    if isinstance(node, AndNode | OrNode):
        return [found for part in node.parts for found in find_reference_nodes(part)]
    return [node] if isinstance(node, ReferenceNode) else []


def iter_edit_nodes(node: QueryNode | None) -> Iterator[EditNode]:
    """Yield the edit nodes (added:, removed:) that a result must or may match, but not excluded
    ones.
    """
    if isinstance(node, EditNode):
        yield node
    elif isinstance(node, AndNode | OrNode):
        for part in node.parts:
            yield from iter_edit_nodes(part)


def requires_words(node: QueryNode) -> bool:
    """Return whether every text that matches a node contains a word or reference in the node."""
    if isinstance(node, AndNode):
        return any(map(requires_words, node.parts))
    if isinstance(node, OrNode):
        return all(map(requires_words, node.parts))
    return isinstance(node, QueryLeaf)


def is_text(node: QueryNode) -> bool:
    """Return whether a part of a query consists only of words and references."""
    if isinstance(node, AndNode | OrNode):
        return all(map(is_text, node.parts))
    return is_text(node.part) if isinstance(node, NotNode) else isinstance(node, QueryLeaf)


def _complete_tree(node: QueryNode) -> QueryNode:
    """Add other names and spellings to the typed words, and drop unnecessary function words."""
    if isinstance(node, EditNode):
        return EditNode(
            node.removed and _complete_tree(node.removed), node.added and _complete_tree(node.added)
        )
    if isinstance(node, AndNode):
        parts = _drop_function_words(
            _add_numbered_words(_add_names(_join_edits(list(map(_complete_tree, node.parts)))))
        )
        return AndNode(tuple(parts)) if len(parts) > 1 else parts[0]
    if isinstance(node, OrNode):
        return OrNode(tuple(map(_complete_tree, node.parts)))
    return _add_names([node])[0] if isinstance(node, TermNode) else node


def _join_edits(parts: Sequence[QueryNode]) -> list[QueryNode]:
    """Merge all `removed:` and `added:` parts, because a single edit must match all of them."""
    edits = [part for part in parts if isinstance(part, EditNode)]
    trees = ([tree for edit in edits if (tree := getattr(edit, name))] for name in EDIT_FIELDS)
    joined = EditNode(*(join_nodes(AndNode, changes) for changes in trees))
    return [*(part for part in parts if part not in edits), *([joined] if edits else [])]


def list_words(terms: Iterable[TermNode]) -> list[str]:
    return [word for term in terms for word in term.words]


def join_typed(parts: Sequence[QueryNode]) -> QueryNode:
    """Return a node that matches if all of the typed words occur."""
    return AndNode(tuple(parts)) if len(parts) > 1 else parts[0]


def is_plain_term(node: QueryNode | None) -> TypeGuard[TermNode]:
    """Return whether a node is a term typed without quotation marks, field, plus or star."""
    return (
        isinstance(node, TermNode)
        and node.match in (WORD, WRITTEN)
        and not (node.field or node.is_prefix or node.is_added)
    )


def _add_names(parts: Sequence[QueryNode]) -> list[QueryNode]:
    """Replace each name or abbreviation of an agency with an OR of all its names."""
    completed: list[QueryNode] = []
    start = 0
    while start < len(parts):
        run = list(takewhile(is_plain_term, parts[start : start + MAX_NAME_WORDS]))
        for end in range(len(run), 0, -1):
            if with_names := _find_other_names(run[:end]):
                completed.append(with_names)
                start += end
                break
        else:
            completed.append(parts[start])
            start += 1
    return completed


def _find_other_names(run: Sequence[QueryNode]) -> QueryNode | None:
    """Return an OR of all names of the agency that the given words stand for.

    Abbreviations that are also common words are not added. Returns None if the words are not the
    name of an agency, or if they are a common word.
    """
    names, words = read_agency_names(), tuple(list_words(find_terms(AndNode(tuple(run)))))
    others = names.get(words) or names.get((*words[:-1], words[-1].removesuffix("s")))
    is_written = len(run) == 1 and run[0].match == WRITTEN  # type: ignore[union-attr]
    if not others or (not is_written and _is_ordinary_word(words)):
        return None
    added = [
        TermNode(other, match=WRITTEN if _is_abbreviation(other) else WORD, is_added=True)
        for other in others
        if not (_is_abbreviation(other) and _is_ordinary_word(other))
    ]
    return OrNode((join_typed(_drop_function_words(run)), *added))


def _is_abbreviation(words: tuple[str, ...]) -> bool:
    return len(words) == 1 and len(words[0]) <= MAX_ABBREVIATION_LENGTH


def _is_ordinary_word(words: tuple[str, ...]) -> bool:
    """Return whether an agency's abbreviation, in lower case, is also a common word (BRA).

    The genitive of a name (Säpos) does not count as a common word.
    """
    if not _is_abbreviation(words):
        return False
    readings = find_word_readings(words[0])
    return words[0] in FUNCTION_WORDS or any(reading.relation != GENITIVE for reading in readings)


def _add_numbered_words(parts: Sequence[QueryNode]) -> list[QueryNode]:
    """Let an abbreviation followed by a number also match without the space: ETS 2, ETS2."""
    completed: list[QueryNode] = []
    for part in parts:
        before = completed[-1] if completed else None
        joined = _join_number(before, part)
        if before and joined:
            completed[-1] = OrNode((AndNode((before, part)), joined))
        else:
            completed.append(part)
    return completed


def _join_number(before: QueryNode | None, part: QueryNode) -> TermNode | None:
    """Return an abbreviation and the number after it as one word, or None for any other parts."""
    if not is_plain_term(part) or not is_plain_term(before) or _is_function_word(before):
        return None
    if not _is_abbreviation(before.words) or not before.words[0].isalpha():
        return None
    number = part.words[0]
    if len(part.words) > 1 or not number.isdecimal() or len(number) > MAX_NUMBER_LENGTH:
        return None
    return TermNode((before.words[0] + number,), match=WRITTEN, is_added=True)


def _drop_function_words(parts: Sequence[QueryNode]) -> list[QueryNode]:
    """Return the parts without function words, such as "hos" and "of", if other words remain."""
    words = {part: part.words[0] for part in parts if _is_function_word(part)}
    if ONLY_ENGLISH_WORDS.isdisjoint(words.values()):
        words = {part: word for part, word in words.items() if word not in AMBIGUOUS_WORDS}
    others = [part for part in parts if part not in words]
    has_subject = any(not isinstance(part, FilterNode | NotNode) for part in others)
    return others if has_subject else list(parts)


def _is_function_word(node: QueryNode) -> TypeGuard[TermNode]:
    return (
        is_plain_term(node)
        and node.match == WORD
        and len(node.words) == 1
        and node.words[0] in FUNCTION_WORDS
    )


class QueryParser:
    """Recursive-descent parser for the tokens of a query."""

    def __init__(self, text: str) -> None:
        read = list(_tokenise_query(text))
        self.notes: list[SearchNote] = []
        if None in read:
            self.add_note("open_quote")
        lexemes = [lexeme for lexeme in read if lexeme is not None]
        if _is_in_capitals(lexemes):
            lexemes = [
                replace(lexeme, match=WORD) if lexeme.match == WRITTEN else lexeme
                for lexeme in lexemes
            ]
        self.lexemes = [*self.limit_words(lexemes), Lexeme("end")]
        self.position = 0

    def add_note(self, key: str, value: str = "") -> None:
        """Add a note for the visitor, unless the same note has already been added."""
        if (note := SearchNote(key, value)) not in self.notes:
            self.notes.append(note)

    def limit_words(self, lexemes: list[Lexeme]) -> list[Lexeme]:
        """Return the first tokens, up to MAX_QUERY_WORDS words. Add a note if any are left out."""
        remaining = MAX_QUERY_WORDS
        for index, lexeme in enumerate(lexemes):
            remaining -= len(lexeme.words) if lexeme.kind == "words" else 0
            if remaining < 0:
                self.add_note("cut")
                return lexemes[:index] or [
                    Lexeme("words", lexeme.text, lexeme.words[:MAX_QUERY_WORDS])
                ]
        return lexemes

    def peek(self, offset: int = 0) -> Lexeme:
        return self.lexemes[min(self.position + offset, len(self.lexemes) - 1)]

    def parse_and(self, field: str | None, depth: int) -> QueryNode | None:
        """Parse parts that must all match, up to the closing bracket or the end of the query.

        Returns None if there are no parts.
        """
        parts: list[QueryNode] = []
        while (lexeme := self.peek()).kind != "end":
            if lexeme.kind == ")":
                self.position += 1
                if depth:
                    break
                continue
            if (part := self.parse_or(field, depth)) is not None:
                parts.append(part)
        return join_nodes(AndNode, parts)

    def parse_or(self, field: str | None, depth: int) -> QueryNode | None:
        parts = [part] if (part := self.parse_near(field, depth)) is not None else []
        while (lexeme := self.peek()).kind == "or":
            self.position += 1
            if not parts or self.peek().kind in (")", "or", "and", "near", "end"):
                if lexeme.words:
                    self.add_note("lone", lexeme.text)
                    word = TermNode(lexeme.words, field=field)
                    parts = [AndNode((*parts, word)) if parts else word]
                continue
            if (part := self.parse_near(field, depth)) is not None:
                parts.append(part)
        return join_nodes(OrNode, parts)

    def parse_near(self, field: str | None, depth: int) -> QueryNode | None:
        part = self.parse_operand(field, depth)
        terms, distance = [part] if isinstance(part, TermNode) else [], 0
        while terms and (lexeme := self.peek()).kind == "near":
            following = self.peek(1)
            if following.kind != "words" or not following.words:
                break
            self.position += 1
            term = self.parse_operand(field, depth)
            if isinstance(term, TermNode):
                terms.append(term)
                distance = max(distance, lexeme.distance)
        if len(terms) < 2:
            return part
        fields = {term.field for term in terms}
        return NearNode(tuple(terms), distance, fields.pop() if len(fields) == 1 else None)

    def parse_operand(self, field: str | None, depth: int) -> QueryNode | None:
        """Parse a term, a field with its value, a part in brackets, or a negated part."""
        lexeme = self.peek()
        self.position += 1
        if lexeme.kind == "words":
            return self.parse_words(lexeme, field)
        if lexeme.kind == "(":
            return self.parse_and(field, depth + 1) if depth < MAX_BRACKET_DEPTH else None
        if lexeme.kind == "field":
            return self.parse_field(lexeme, field, depth)
        if lexeme.kind == "reference":
            return _build_reference(lexeme, field)
        if lexeme.kind == "not":
            return self.parse_not(lexeme, field, depth)
        if lexeme.kind == "near":
            return self.parse_near_function(lexeme, field)
        return self.parse_stray_operator(lexeme, field)

    def parse_words(self, lexeme: Lexeme, field: str | None) -> TermNode | None:
        if lexeme.prefix_too_short:
            self.add_note("short_star", lexeme.text)
        if lexeme.unknown_field:
            self.add_note("no_field", f"{lexeme.unknown_field}:")
        if not lexeme.words:
            return None
        is_hyphenated = lexeme.match == WORD and "-" in lexeme.text and not lexeme.is_prefix
        joined = "".join(lexeme.words) if is_hyphenated else ""
        return TermNode(lexeme.words, lexeme.is_prefix, field, lexeme.match, joined)

    def parse_stray_operator(self, lexeme: Lexeme, field: str | None) -> QueryNode | None:
        """Parse an operator without operands as a word.

        An AND between words is dropped, because it changes nothing.
        """
        is_between = self.position > 1 and self.peek().kind != "end"
        if not lexeme.words or (lexeme.kind == "and" and is_between):
            return None
        self.add_note("lone", lexeme.text)
        return TermNode(lexeme.words, field=field)

    def parse_not(self, lexeme: Lexeme, field: str | None, depth: int) -> QueryNode | None:
        """Parse a negated part. A lone minus sign is dropped."""
        following = self.peek()
        if lexeme.words and following.kind not in ("words", "reference", "(", "field"):
            return self.parse_stray_operator(lexeme, field)
        if not lexeme.words and not following.follows_directly:
            return None
        part = self.parse_operand(field, depth)
        return None if part is None else NotNode(part)

    def parse_near_function(self, lexeme: Lexeme, field: str | None) -> QueryNode | None:
        """Parse NEAR in the syntax of SQLite: NEAR(a b, 5)."""
        start, terms = self.position, []
        if self.peek().kind == "(":
            self.position += 1
            while (inner := self.peek()).kind == "words":
                self.position += 1
                terms.append(TermNode(inner.words, inner.is_prefix, field))
        if len(terms) < 2:
            self.position = start
            return self.parse_stray_operator(lexeme, field)
        if self.peek().kind == ")":
            self.position += 1
        distance = lexeme.distance or DEFAULT_NEAR_DISTANCE
        if len(terms) > 2 and len(terms[-1].words) == 1 and terms[-1].words[0].isdecimal():
            distance = min(int(terms.pop().words[0]), 999)
        return NearNode(tuple(terms), distance, field)

    def parse_field(self, lexeme: Lexeme, outer_field: str | None, depth: int) -> QueryNode | None:
        """Parse a field and its value. A field without a value is parsed as a word."""
        following, name = self.peek(), lexeme.text
        if not _can_be_value(following, name):
            self.add_note("no_value_of", f"{lexeme.words[0]}:")
            return TermNode(lexeme.words, field=outer_field)
        if name in TEXT_FIELDS:
            return self.parse_operand(name, depth)
        if name in EDIT_FIELDS:
            return self.parse_edit(name, outer_field, depth)
        if name == REFERENCE_FIELD:
            return self.parse_reference_field(lexeme, outer_field, depth)
        if name in DATE_FIELDS:
            value = parse_typed_date(following.text, end=name == "to")
            note = "no_day"
        elif name == LIKE_FIELD:
            value, note = _read_release_number(following.text), "no_number"
        else:
            value, note = " ".join(following.text.strip("\"' ,;").split()), ""
        if value is None:
            self.add_note(note, f"{lexeme.words[0]}:{following.text}")
            return TermNode(lexeme.words, field=outer_field)
        self.position += 1
        return FilterNode(name, value)

    def parse_reference_field(
        self, lexeme: Lexeme, outer_field: str | None, depth: int
    ) -> QueryNode | None:
        """Parse the value of the field for references.

        A number without a type matches references of any type.
        """
        following = self.peek()
        if following.kind != "words":
            return self.parse_operand(outer_field, depth)
        number = following.text.strip("' ,;")
        nodes: list[QueryNode] = [
            ReferenceNode(found.type, found.number, outer_field)
            for found in find_typed_references(number)
        ]
        if not nodes and NUMBER_ALONE.fullmatch(number):
            nodes = [ReferenceNode("", number, outer_field)]
        if not nodes:
            self.add_note("no_number_of", f"{lexeme.words[0]}:{following.text}")
            return TermNode(lexeme.words, field=outer_field)
        self.position += 1
        return join_nodes(AndNode, nodes)

    def parse_edit(self, name: str, outer_field: str | None, depth: int) -> QueryNode | None:
        """Parse the words that an edit must have removed or added.

        Filters among these words apply to the whole release.

        name: `removed` or `added`.
        """
        parts = list_parts(self.parse_operand(outer_field, depth))
        text = join_nodes(AndNode, list(filter(is_text, parts)))
        others = [part for part in parts if not is_text(part)]
        return join_nodes(AndNode, ([EditNode(**{name: text})] if text else []) + others)


def _is_in_capitals(lexemes: Sequence[Lexeme]) -> bool:
    """Return whether a query is all in capitals, in which case capitals do not mark abbreviations.

    At least one word must be too long to be an abbreviation.
    """
    words = [lexeme for lexeme in lexemes if lexeme.kind == "words"]
    if not all(lexeme.text.isupper() for lexeme in words):
        return False
    return any(len(word) > MAX_ABBREVIATION_LENGTH for lexeme in words for word in lexeme.words)


def _can_be_value(lexeme: Lexeme, field: str) -> bool:
    """Return whether a token can be the value of a field. Some fields also accept brackets."""
    if lexeme.kind in ("(", "reference"):
        return field in (*TEXT_FIELDS, *EDIT_FIELDS, REFERENCE_FIELD)
    is_value = lexeme.kind == "words" or (lexeme.kind == "field" and field in EDIT_FIELDS)
    return is_value and bool(lexeme.words)


def _build_reference(lexeme: Lexeme, field: str | None) -> QueryNode:
    """Return the node for a reference. In the field for attachments, the reference is searched as a
    phrase.
    """
    if field == "attachment":
        return TermNode(lexeme.words, field=field, match=QUOTED)
    return ReferenceNode(lexeme.reference_type, lexeme.text, field)


def _read_release_number(text: str) -> str | None:
    """Return the number of a release without leading zeros, or None if the text is not a number.

    >>> _read_release_number("'007',"), _read_release_number("7a")
    ('7', None)
    """
    number = text.strip("\"' ,;")
    if not (number.isascii() and number.isdigit() and len(number) <= MAX_RELEASE_DIGITS):
        return None
    return str(int(number))


def join_nodes(kind: type[AndNode] | type[OrNode], parts: list[QueryNode]) -> QueryNode | None:
    """Join nodes. Return a single node unchanged, and None if there are no nodes."""
    if len(parts) > 1:
        return kind(tuple(parts))
    return parts[0] if parts else None


def _has_positive_part(node: QueryNode) -> bool:
    """Return whether a query has a part that must match."""
    if isinstance(node, NotNode):
        return False
    return any(map(_has_positive_part, node.parts)) if isinstance(node, AndNode | OrNode) else True


def _clean_query_text(text: str) -> str:
    """Return a text in NFC, with straight quotation marks.

    Control characters and lone surrogates are replaced by spaces.

    >>> _clean_query_text("a\\x00”b”"), len(_clean_query_text("a\\u030a"))
    ('a "b"', 1)
    """
    plain = "".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in text)
    return unicodedata.normalize("NFC", plain).translate(QUOTE_TRANSLATION)


def fold_diacritics(text: str) -> str:
    """Return a text in lower case and without diacritics.

    >>> fold_diacritics("Ämne"), fold_diacritics("FRÅGA")
    ('amne', 'fraga')
    """
    decomposed = unicodedata.normalize("NFD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _tokenise_query(text: str) -> Iterator[Lexeme | None]:
    """Yield the tokens of a cleaned text, and None for an unclosed quotation mark."""
    end = -1
    for match in list(LEXEME_PATTERN.finditer(text))[:MAX_LEXEMES]:
        follows_directly, end = match.start() == end, match.end()
        if match["phrase"] is not None:
            if words := split_query_words(match["phrase"]):
                is_prefix = bool(match["star"]) and len(words[-1]) >= MIN_PREFIX_LENGTH
                yield Lexeme(
                    "words",
                    match["phrase"],
                    words,
                    is_prefix=is_prefix,
                    follows_directly=follows_directly,
                    match=QUOTED,
                )
        elif match["reference"]:
            yield from _read_references(match["reference"], follows_directly=follows_directly)
        elif match["bracket"]:
            yield Lexeme(match["bracket"], match["bracket"], follows_directly=follows_directly)
        elif match["quote"]:
            yield None
        else:
            yield from _tokenise_run(
                match["plain"],
                follows_directly=follows_directly,
                next_character=text[end : end + 1],
            )


def _read_references(text: str, *, follows_directly: bool) -> list[Lexeme]:
    """Return a token for each reference in a text. If there are several, bracket tokens enclose
    them.
    """
    found = [
        Lexeme(
            "reference",
            each.number,
            split_query_words(each.number),
            follows_directly=follows_directly,
            reference_type=each.type,
        )
        for each in find_typed_references(text)
    ]
    if len(found) < 2:
        return found
    return [Lexeme("(", "(", follows_directly=follows_directly), *found, Lexeme(")", ")")]


def _tokenise_run(
    text: str, *, follows_directly: bool, next_character: str = ""
) -> Iterator[Lexeme]:
    """Yield the tokens of a text without spaces.

    The text is either a single operator, or a word, optionally preceded by a minus sign and a
    field.

    next_character: the character that follows the text in the query.
    """
    if operator := _read_operator(text, follows_directly=follows_directly):
        yield operator
        return
    if not follows_directly and _has_minus(text):
        yield Lexeme("not", text[0], follows_directly=follows_directly)
        text, follows_directly = text[1:], True
    field, typed, rest = _split_field(text)
    if field:
        yield Lexeme("field", field, split_query_words(typed), follows_directly=follows_directly)
        text, follows_directly = rest, True
    if field in EDIT_FIELDS and text:  # perhaps with a field of its own
        yield from _tokenise_run(text, follows_directly=True, next_character=next_character)
    elif field in VALUE_FIELDS and text:
        yield Lexeme("words", text, split_query_words(text), follows_directly=True)
    elif words := split_query_words(text):
        unknown_field = _find_unknown_field(text + next_character)
        yield _read_words(text, words, unknown_field, follows_directly=follows_directly)


def _has_minus(text: str) -> bool:
    """Return whether a text is a lone minus sign, or begins with one before a letter or digit."""
    return text[0] in "-−" and (len(text) == 1 or text[1].isalnum())


def _split_field(text: str) -> tuple[str, str, str]:
    """Return the field that a text begins with, the field's name as typed, and the rest of the
    text.

    >>> _split_field("Rubrik:skola"), _split_field("EU:s")
    (('title', 'Rubrik', 'skola'), ('', '', 'EU:s'))
    """
    match = FIELD_PATTERN.fullmatch(text)
    field = QUERY_FIELDS.get(fold_diacritics(match["name"])) if match else None
    return (field, match["name"], match["rest"]) if match and field else ("", "", text)


def _read_operator(text: str, *, follows_directly: bool) -> Lexeme | None:
    if near := NEAR_PATTERN.fullmatch(text):
        distance = int(near[1] or DEFAULT_NEAR_DISTANCE)
        return Lexeme(
            "near",
            text,
            split_query_words(text),
            distance=distance,
            follows_directly=follows_directly,
        )
    if text in OPERATORS:
        return Lexeme(
            OPERATORS[text], text, split_query_words(text), follows_directly=follows_directly
        )
    return None


def _read_words(
    text: str, words: tuple[str, ...], unknown_field: str, *, follows_directly: bool
) -> Lexeme:
    """Build one token from words that have no spaces between them, including any plus or star."""
    has_star, long_enough = _ends_with_star(text), len(words[-1]) >= MIN_PREFIX_LENGTH
    is_required = not follows_directly and text[0] == "+" and text[1:2].isalnum()
    match = WRITTEN if CAPITALS.fullmatch(text) else WORD
    return Lexeme(
        kind="words",
        text=text,
        words=words,
        is_prefix=has_star and long_enough,
        prefix_too_short=has_star and not long_enough,
        follows_directly=follows_directly,
        match=REQUIRED if is_required else match,
        unknown_field=unknown_field,
    )


def _find_unknown_field(text: str) -> str:
    """Return the name before a colon if it looks like a field that does not exist, otherwise "".

    >>> list(map(_find_unknown_field, ("foo:bar", "datum:2024", 'ort:"', "Polisen: ", "EU:s")))
    ['foo', 'datum', 'ort', '', '']
    >>> list(map(_find_unknown_field, ("tv:n", "10:30", "SOU:2023:45", "https://a.se", "S:ta")))
    ['', '', '', '', '']
    >>> list(map(_find_unknown_field, ("dnr:2024/12", "rubrik:x")))
    ['', '']
    """
    match = FIELD_PATTERN.fullmatch(text)
    if match is None or len(match["name"]) < 2 or match["name"].isupper():
        return ""
    name, rest = fold_diacritics(match["name"]), match["rest"]
    is_number = name in NUMBER_PREFIXES and rest[:1].isdigit()
    is_inflected = any(map(COLON_ENDINGS.fullmatch, split_query_words(rest)[:1]))
    if (
        name in QUERY_FIELDS
        or is_number
        or is_inflected
        or not rest.strip()
        or rest.startswith("//")
    ):
        return ""
    return match["name"]


def _ends_with_star(text: str) -> bool:
    """Return whether a star follows the last letter or digit of a text.

    >>> _ends_with_star("skog*,"), _ends_with_star("sk*og"), _ends_with_star("skog")
    (True, False, False)
    """
    end = next(position for position in range(len(text), 0, -1) if text[position - 1].isalnum())
    return text[end : end + 1] == "*"
