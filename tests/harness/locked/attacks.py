"""Requests with which a visitor could try to stop the site, fill its memory, write, or read what is
not public.

`attacks.tsv`: the group; a name; the correct statuses; options (POST, body: how many bytes are
sent, slow: the response is read only after some seconds, waits: seconds that a reader beside eight
attacks may wait, 95th percentile); path and query. `$NAME` stands for one of PARTS; {one} and
{other} are the ids of the two longest versions.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from string import Template
from urllib.parse import urlencode

LETTERS = "abcdefghijklmnoprstuv"
WORDS = (
    "skogen vägen hamnen fyren tillsyn beslut regeringen myndigheten kommunen trafik vatten"
    " luft miljö stöd"
)
COLUMNS = ("title", "lead", "body", "body_html", "hash", "seen", "tags", "changes", "questions")
ENDLESS = "with recursive c(x) as (select 1 union all select x + 1 from c)"
PARTS = {
    "ENDLESS": ENDLESS,
    "NINE": "with recursive c(x) as (select 1 union all select x + 1 from c limit 900)",
    "BIG": "hex(zeroblob(4000000))",
    "DOUBLING": ", ".join(
        ["t0 as (select 1 x union all select 2)"]
        + [f"t{i} as (select a.x from t{i - 1} a, t{i - 1} b)" for i in range(1, 30)]
    ),
    "SIXTY": ", ".join(f"releases r{i}" for i in range(60))
    + " where "
    + " and ".join(f"(r{i}.id = r{i + 1}.id or r{i}.agency = r{i + 1}.agency)" for i in range(59)),
    "PREFIXES": " OR ".join(f"{one}{other}*" for one in LETTERS for other in LETTERS),
    "CELLS": ", ".join(["x"] * 190),
    "COLUMNS": ", ".join(["x"] * 1900),
    "DEEP": "(" * 900 + "1" + ")" * 900 + " " * 55_000,
    "UNENDED": "/*" * 4_900,
    "COMMENTS": "/**/--x\n  " * 900,
    "SPACES": " " * 60_000,
    "WHERE_6000": "&".join(["_where=1"] * 6_000),
    "WHERE_190": "&".join(["_where=1"] * 190),
    "FACETS": "&".join(f"_facet={name}&_facet_date={name}" for name in (*COLUMNS, "contacts")),
    "WORDS": WORDS.replace(" ", " OR "),
    "MANY": "skogen -hamnen " * 600,
    "LETTERS": "a" * 200_000,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One request, as in `attacks.tsv`."""

    name: str
    path: str
    statuses: tuple[int, ...] = (400,)
    method: str = "GET"
    body: int = 0
    slow: bool = False
    waits: float = 1.0


def sql(text: str, ending: str = "json", **more: str) -> str:
    """Return the URL of a statement."""
    return f"/archive.{ending}?{urlencode({'sql': text, **more})}"


def read_attacks() -> dict[str, tuple[Attack, ...]]:
    """Return the attacks by group."""
    groups: dict[str, tuple[Attack, ...]] = {}
    lines = Path(__file__).with_name("attacks.tsv").read_text("utf-8").splitlines()
    for group, *cells in (line.split("\t") for line in lines[1:]):
        groups[group] = (*groups.get(group, ()), to_attack(*cells))
    return groups


def to_attack(name: str, statuses: str, options: str, path: str, query: str) -> Attack:
    given = dict(option.partition("=")[::2] for option in options.split())
    pairs = [pair.partition("=")[::2] for pair in Template(query).substitute(PARTS).split("&")]
    return Attack(
        name=name,
        path=f"{path}?{urlencode(pairs)}" if query else path,
        statuses=tuple(map(int, statuses.split())),
        method="POST" if "POST" in given else "GET",
        body=int(given.get("body", 0)),
        slow="slow" in given,
        waits=float(given.get("waits", 1.0)),
    )


TIME, SIZE, READ, OURS = read_attacks().values()
ATTACKS = (*TIME, *SIZE, *READ, *OURS)
