"""A query understood, as SQL: an FTS5 expression where words lead, conditions for all else, and the values of both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice, product
from typing import Any as Anything

from archive.search.query import All, Any, Fact, Near, Node, Not, Term
from archive.swedish import to_term
from archive.swedish.facts import AGENCY, TAG, to_fact
from archive.swedish.match import PARTS, TEXTS, match_word, quote

MOST_READINGS = 16  # of the words of a NEAR together


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """Lemmas of words that begin as one with a star does: besides all that begin so, or (`alone`) these only.

    left: how many lemmas of such words are not among them.
    """

    lemmas: tuple[str, ...] = ()
    alone: bool = False
    left: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the archive knows of a query's names: lemmas of words that begin so, slugs of agencies, names of tags."""

    begun: Mapping[str, Begun] = field(default_factory=dict)
    agencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # as typed → slugs
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # as typed → names


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is searched: the index `table`, whose columns `fields` names; `key` is what its rowid is."""

    table: str
    texts: str
    fields: Mapping[str, str]
    parted: str = ""  # columns of parts that are weighed apart


RELEASES = Source(table="search", texts=TEXTS, fields={"title": "title", "lead": "lead", "body": "body"})
RANKED = replace(RELEASES, parted=PARTS)
PAIRS = Source(
    table="search_questions",
    texts="{question answer}",
    fields={"question": "question", "answer": "answer"},
)
BY_PAIR = "l.release in (select release from questions where id in (select rowid from search_questions where {match}))"
BY_RELEASE = "l.release in (select rowid from search where {match})"


@dataclass(slots=True)
class Plan:
    """match: the expression of the words, "" where none leads; conditions on `listed l`, all of which must hold.

    within: expressions over the index's facts that hold for whatever the conditions hold for, and make it fewer.
    """

    match: str = ""
    conditions: list[str] = field(default_factory=list)
    within: list[str] = field(default_factory=list)
    values: dict[str, Anything] = field(default_factory=dict)

    def bind(self, value: Anything) -> str:
        """A name for a value."""
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f":{name}"


def to_plan(tree: Node | None, known: Known, source: Source = RELEASES) -> Plan:
    """How to find what is asked for.

    >>> to_plan(Term(("myndigheterna",)), Known()).match
    '"myndighet"'
    """
    plan = Plan()
    parts = tree.parts if isinstance(tree, All) else (tree,) if tree is not None else ()
    wanted = [part for part in parts if not isinstance(part, Not)]
    matches = {part: match for part in wanted if (match := to_match(part, known, source))}
    plan.match = join_all(matches.values())
    unwanted = [part.part for part in parts if isinstance(part, Not)]
    if plan.match:
        refused = {part: match for part in unwanted if (match := to_match(part, known, source))}
        for match in refused.values():
            plan.match = f"({plan.match}) NOT ({match})"
        unwanted = [part for part in unwanted if part not in refused]
    plan.conditions = [f"({to_condition(part, plan, known, source)})" for part in wanted if part not in matches]
    plan.conditions += [f"not ({to_condition(part, plan, known, source)})" for part in unwanted]
    plan.within = [within for part in wanted if isinstance(part, Fact) and (within := find_within(part, known))]
    return plan


def to_match(node: Node, known: Known, source: Source) -> str:
    """The node as an FTS5 expression over the source; "" where it cannot be one."""
    if isinstance(node, Term):
        return match_term(node, known, source)
    if isinstance(node, Near):
        return match_near(node, source)
    if isinstance(node, Any):
        matches = [to_match(part, known, source) for part in node.parts]
        return " OR ".join(f"({match})" for match in matches) if all(matches) else ""
    if isinstance(node, All):
        plain = [to_match(part, known, source) for part in node.parts if not isinstance(part, Not)]
        refused = [to_match(part.part, known, source) for part in node.parts if isinstance(part, Not)]
        if not plain or not all(plain) or not all(refused):
            return ""
        return join_all(plain) + "".join(f" NOT ({match})" for match in refused)
    return ""


def to_condition(node: Node, plan: Plan, known: Known, source: Source) -> str:
    """The node as a condition on `listed l`."""
    if isinstance(node, Not):
        return f"not ({to_condition(node.part, plan, known, source)})"
    if isinstance(node, All | Any):
        word = " and " if isinstance(node, All) else " or "
        return word.join(f"({to_condition(part, plan, known, source)})" for part in node.parts)
    if isinstance(node, Fact):
        return fact_condition(node, plan, known)
    other, by = (PAIRS, BY_PAIR) if node.field in PAIRS.fields else (RELEASES, BY_RELEASE)
    match = to_match(node, known, other)
    return by.format(match=f"{other.table} match {plan.bind(match)}") if match else "false"


def fact_condition(fact: Fact, plan: Plan, known: Known) -> str:
    """An agency, a tag, or a day; what nobody knows holds for nothing."""
    if fact.field == "agency":
        slugs = ", ".join(map(plan.bind, known.agencies.get(fact.value, ())))
        return f"l.agency in ({slugs})"
    if fact.field == "tag":
        tags = ", ".join(map(plan.bind, known.tags.get(fact.value, ())))
        named = f"select rt.release from release_tags rt join tags t on t.id = rt.tag where t.name in ({tags})"
        return f"l.release in ({named})"
    # what has no date is on no day: a "not" finds it
    return f"ifnull(l.day {'>=' if fact.field == 'from' else '<='} {plan.bind(fact.value)}, 0)"


def find_within(fact: Fact, known: Known) -> str:
    """An agency, a tag or a day as an expression over the index's facts; "" where none would make much fewer."""
    if fact.field == "agency":
        return any_fact(AGENCY, known.agencies.get(fact.value, ()))
    if fact.field == "tag":
        return any_fact(TAG, known.tags.get(fact.value, ()))
    return ""


def any_fact(kind: str, values: Iterable[str]) -> str:
    """Any of some values.

    >>> any_fact("\ue001", ["fyr", "hamn"]).encode("ascii", "replace")
    b'facts: ("?667972" OR "?68616d6e")'
    """
    told = " OR ".join(quote(to_fact(kind, value)) for value in values)
    return f"facts: ({told})" if told else ""


def match_term(term: Term, known: Known, source: Source) -> str:
    """A word, a phrase or a beginning; only in the field asked for."""
    columns = source.texts
    if term.field:
        if term.field not in source.fields:
            return ""
        columns = f"{{{source.fields[term.field]}}}"
    text = " ".join(term.words)
    if term.star:
        begun = known.begun.get(text, Begun())
        readings = [*([] if begun.alone else [f"{quote(text)} *"]), *map(quote, begun.lemmas)]
        return f"{columns}: ({' OR '.join(readings)})"
    match = match_word(text, columns, source.parted)
    if not term.field or not match:
        return match
    name = source.fields[term.field]
    return f"{{{name} {name}_parts}}: ({match})"


def match_near(near: Near, source: Source) -> str:
    """In every reading of its words, up to a number of them."""
    columns = source.texts
    if near.field:
        if near.field not in source.fields:
            return ""
        columns = f"{{{source.fields[near.field]}}}"
    readings = [
        [f"{quote(' '.join(term.words))} *"] if term.star else list(map(quote, to_term(" ".join(term.words)).lemmas))
        for term in near.terms
    ]
    nears = [f"NEAR({' '.join(choice)}, {near.distance})" for choice in islice(product(*readings), MOST_READINGS)]
    return f"{columns}: ({' OR '.join(nears)})" if nears else ""


def join_all(matches: Iterable[str]) -> str:
    """Expressions that must all hold."""
    held = list(matches)
    return held[0] if len(held) == 1 else " AND ".join(f"({match})" for match in held)
