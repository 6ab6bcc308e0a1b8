"""What a query's names stand for in this archive: agencies and tags as typed, and words that begin so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from archive.search.lexing import bare
from archive.search.matching import Begun, Known
from archive.search.query import All, Any, Fact, Near, Node, Not, Note, Term
from archive.search.run import Run

MOST_BEGUN = 60  # lemmas besides those that begin as the word does: kvinnor* also finds kvinna
MOST_POSTINGS = 60_000  # of words that begin so, of which the index makes one list; of more, the commonest are asked
MOST_LEMMAS = 40  # of those
Key = TypeVar("Key")
LAST = "\U0010ffff"
BEGUN = """
    select lemma, sum(releases) as n, sum(sum(releases)) over () as whole, count(*) over () as lemmas,
      lemma >= :low and lemma < :high as alike
    from vocabulary where word >= :low and word < :high group by lemma order by n desc limit :most
"""


async def find_known(run: Run, tree: Node | None) -> tuple[Known, list[Note]]:
    """The names that stand in a query, looked up; a note for each that nobody knows."""
    facts = [node for node in walk(tree) if isinstance(node, Fact)]
    terms = [node for node in walk(tree) if isinstance(node, Term)]
    agencies = {fact.value for fact in facts if fact.field == "agency"}
    tags = {fact.value for fact in facts if fact.field == "tag"}
    begun = {" ".join(term.words) for term in terms if term.star}
    known = Known(
        begun={text: await find_begun(run, text) for text in begun if " " not in text},
        agencies=await find_agencies(run, agencies) if agencies else {},
        tags=await find_tags(run, tags) if tags else {},
    )
    notes = [Note("no_agency", value) for value in sorted(agencies) if not known.agencies[value]]
    notes += [Note("many_begin", f"{text}*") for text, begun in known.begun.items() if begun.left]
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


async def find_begun(run: Run, text: str) -> Begun:
    """What words that begin so are indexed by."""
    rows = await run(BEGUN, {"low": text, "high": text + LAST, "most": 200})
    if rows and rows[0]["whole"] > MOST_POSTINGS:
        lemmas = tuple(row["lemma"] for row in rows[:MOST_LEMMAS])
        return Begun(lemmas=lemmas, alone=True, left=rows[0]["lemmas"] - len(lemmas))
    return Begun(lemmas=tuple(row["lemma"] for row in rows if not row["alike"])[:MOST_BEGUN])


async def find_agencies(run: Run, asked: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The agencies whose short name or name it is, else those whose name holds it; letters' marks do not matter."""
    rows = await run("select slug, name, name_en from agencies", {})
    names = [(row["slug"], {bare(row["slug"]), bare(row["name"]), bare(row["name_en"] or "")}) for row in rows]
    return {value: choose(bare(value), names) for value in asked}


async def find_tags(run: Run, asked: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The same of tags."""
    rows = await run("select id, name from tags", {})
    names = [(row["name"], {bare(row["name"])}) for row in rows]
    return {value: choose(bare(value), names) for value in asked}


def choose(value: str, names: list[tuple[Key, set[str]]]) -> tuple[Key, ...]:
    """Those that are called so; else those in whose name a word begins so."""
    if exact := tuple(key for key, called in names if value in called):
        return exact
    return tuple(key for key, called in names if any(f" {value}" in f" {name}" for name in called))[:200]
