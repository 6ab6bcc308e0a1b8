"""What a reader typed, understood: a tree of words, phrases, fields and dates. No input is an error; notes tell why
something was read otherwise than it was meant."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

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
