"""What a query's names stand for in this archive: agencies and tags as typed, and words that begin so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from archive.search.lexing import bare
from archive.search.matching import Known
from archive.search.query import All, Any, Fact, Near, Node, Not, Note, Term
from archive.search.run import Run
from archive.swedish.match import find_part
from archive.swedish.parts import find_parts

MOST_BEGUN = 60  # lemmas besides those that begin as the word does: kvinnor* also finds kvinna
Key = TypeVar("Key")
SHORTEST = 3  # letters of a part; fewer are in every other word
LAST = "\U0010ffff"
BEGUN = """
    select lemma, sum(releases) as n from vocabulary where word >= :low and word < :high
    and not (lemma >= :low and lemma < :high) group by lemma order by n desc limit :most
"""
# a part's last letter may have changed: scenario, framtidsscenarier
HOLDING = "select distinct lemma from vocabulary where instr(lemma, substr(:part, 1, max(2, length(:part) - 1)))"


async def find_known(run: Run, tree: Node | None, *, pairs: bool = False) -> tuple[Known, list[Note]]:
    """The names that stand in a query, looked up; a note for each that nobody knows. `pairs`: it asks for pairs."""
    facts = [node for node in walk(tree) if isinstance(node, Fact)]
    terms = [node for node in walk(tree) if isinstance(node, Term)]
    agencies = {fact.value for fact in facts if fact.field == "agency"}
    tags = {fact.value for fact in facts if fact.field == "tag"}
    begun = {" ".join(term.words) for term in terms if term.star}
    # the index has one column of parts for all texts of a release, and none for pairs
    asked = {find_part(" ".join(term.words)) for term in terms if (term.field or pairs) and not term.star}
    parts = {part for part in asked if len(part) >= SHORTEST}
    known = Known(
        begun={text: await find_begun(run, text) for text in begun if " " not in text},
        compounds={part: await find_compounds(run, part) for part in parts},
        agencies=await find_agencies(run, agencies) if agencies else {},
        tags=await find_tags(run, tags) if tags else {},
    )
    notes = [Note("no_agency", value) for value in sorted(agencies) if not known.agencies[value]]
    notes += [Note("no_tag", value) for value in sorted(tags) if not known.tags[value]]
    return known, notes


def walk(node: Node | None) -> Iterable[Node]:
    """A query's parts, each."""
    if node is None:
        return
    yield node
    if isinstance(node, All | Any):
        for part in node.parts:
            yield from walk(part)
    elif isinstance(node, Not):
        yield from walk(node.part)
    elif isinstance(node, Near):
        yield from node.terms


async def find_begun(run: Run, text: str) -> tuple[str, ...]:
    """Lemmas of the words that begin so, where the lemma itself does not."""
    rows = await run(BEGUN, {"low": text, "high": text + LAST, "most": MOST_BEGUN})
    return tuple(row["lemma"] for row in rows)


async def find_compounds(run: Run, part: str) -> tuple[str, ...]:
    """Lemmas of the compounds in this archive that a lemma is a part of."""
    rows = await run(HOLDING, {"part": part})
    return tuple(row["lemma"] for row in rows if part in find_parts(row["lemma"]))


async def find_agencies(run: Run, asked: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The agencies whose short name or name it is, else those whose name holds it; letters' marks do not matter."""
    rows = await run("select slug, name, name_en from agencies", {})
    names = [(row["slug"], {bare(row["slug"]), bare(row["name"]), bare(row["name_en"] or "")}) for row in rows]
    return {value: choose(bare(value), names) for value in asked}


async def find_tags(run: Run, asked: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """The same of tags."""
    rows = await run("select id, name from tags", {})
    names = [(row["id"], {bare(row["name"])}) for row in rows]
    return {value: choose(bare(value), names) for value in asked}


def choose(value: str, names: list[tuple[Key, set[str]]]) -> tuple[Key, ...]:
    """Those that are called so; else those in whose name a word begins so."""
    if exact := tuple(key for key, called in names if value in called):
        return exact
    return tuple(key for key, called in names if any(f" {value}" in f" {name}" for name in called))[:200]
