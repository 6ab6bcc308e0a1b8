"""The table of intended renames: gives new names to a recorder, and applies them to a record."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote

Record = dict[str, str]  # the text of each file, by its name
Pair = tuple[str, str]

LISTS = ("tables", "columns", "urls", "commands", "keys")
KNOWN = {*LISTS, "text", "mask", "order", "expected"}
END = r"(?=[/.?#\"'&<>)\]\s,;:|\\]|$)"  # after the beginning of a path
DUMP = re.compile(r"tables/[^/]+/[^/]+/(?P<table>.+)\.jsonl")
PAGE = re.compile(r"\S+ /archive/(?P<table>\w+)")  # beginning of the first line of a table's page
# The same of a page that names every table, and the beginning of each table's part:
LISTING = re.compile(r"\S+ /(?:archive(?:\.json)?|\.json|-/metadata\.json)(?![\w/])")
PART = re.compile(
    r'^ +"name": "(\w+)",\n +"columns"|^    "(\w+)": \{$|<h3><a [^>]*>(\w+)</a>', re.MULTILINE
)
QUOTED = (
    r"(?<=[\"'>\[(]){name}(?=[\"'<\])])|(?<=<title>archive: ){name}(?=[:<])"
    r"|(?<=from[ +]){name}(?=[ +\"])|(?<=table-){name}(?=[ \"])|(?<=-archive-){name}(?=[.\"-])"
)
LISTED_TABLE = (
    r'(?<="name": "){name}(?=")|(?<=_table": "){name}(?=")|(?<=\n    "){name}(?=": \{)'
    r"|(?<=>){name}(?=</a>(?:<em>[^<]*</em>)?</h3>)"
)
LISTED_COLUMN = r'(?<!_table": ")(?<="){name}(?=")|(?<=<em>){name}(?=[,<])|(?<=, ){name}(?=[,<])'
COLUMN = r"(?<![\w/.])(?:(?<=col-)|(?<=facet-)|(?<![-])){name}(?![\w/.-])"
SAID = re.compile(  # descriptions of columns, and cells, on a table's page
    r"(<dd>.*?</dd>"
    r'|data-column-description="[^"]*"'
    r'|"metadata-description">\s*.*|Data'
    r" source:"
    r" .*|>[^<]*</td>"
    r'|(?<!"sql": )"(?:[^"\\\n<>]|\\.)* (?:[^"\\\n]|\\.)*"(?=,?$))',
    re.MULTILINE,
)
SCHEMA_COLUMN = r"(?<![\w.]){name}(?!\w)"
SCHEMA_TABLE = r"(?<!\n  )(?<!\w){name}(?!\w)"  # a column may have the name of a table


class RenamesError(Exception):
    """The table of renames cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A regular expression on the text of some files."""

    pattern: re.Pattern[str]
    replacement: str
    files: str = "*"


@dataclass(frozen=True, kw_only=True)
class Order:
    """Parts of files that are sorted by name, so that renames change their order."""

    pattern: re.Pattern[str]  # one part
    files: str
    separator: str = "\n"

    def sort(self, text: str) -> str:
        """Return a text with each sequence of parts sorted.

        >>> Order(pattern=re.compile(r"[a-z]=\\d"), files="*", separator=", ").sort("(b=1, a=2) (d=1, c=2)")
        '(a=2, b=1) (c=2, d=1)'
        """
        part = self.pattern.pattern
        run = re.compile(f"(?:{part})(?:{re.escape(self.separator)}(?:{part}))+", re.MULTILINE)
        return run.sub(lambda found: self.separator.join(sorted(self.parts(found[0]))), text)

    def parts(self, text: str) -> list[str]:
        """Return each sequence of parts."""
        return [found[0] for found in self.pattern.finditer(text)]


@dataclass(frozen=True, kw_only=True)
class Expected:
    """An intended difference."""

    files: str
    reason: str
    pattern: re.Pattern[str] | None = None


@dataclass(frozen=True, kw_only=True)
class Renames:
    """A parsed table of renames."""

    tables: Mapping[str, str] = field(default_factory=dict)
    # by the table's old name
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    urls: Sequence[Pair] = ()
    commands: Sequence[Pair] = ()
    keys: Sequence[tuple[str, str, str]] = ()
    text: Sequence[Rule] = ()
    mask: Sequence[Rule] = ()
    order: Sequence[Order] = ()
    expected: Sequence[Expected] = ()

    def table(self, name: str) -> str:
        """Return the new name of a table."""
        return self.tables.get(name, name)

    def column(self, table: str, name: str) -> str:
        """Return the new name of a column. table: its old name."""
        return self.columns.get(table, {}).get(name, name)

    def key(self, name: str) -> str:
        """Return the new name of a key of JSON."""
        return next((new for old, new, _ in self.keys if old == name), name)

    def url(self, text: str) -> str:
        """Return an address, or a text with addresses in it, under the new names."""
        paths = [(f"/archive/{old}", f"/archive/{new}") for old, new in self.tables.items()]
        return swap(text, [*self.urls, *paths], r"(?<!\w){name}" + END)

    def command(self, text: str) -> str:
        """Return a command, or a text with commands in it, under the new names."""
        return swap(text, self.commands, r"(?<![\w-]){name}(?![\w-])")

    def apply(self, record: Record) -> Record:
        """Return an old record with all renames applied."""
        return dict(self.rename(name, text) for name, text in record.items())

    def rename(self, name: str, text: str) -> tuple[str, str]:
        """Return one file's new name and text."""
        page = PAGE.match(text) if name.startswith("urls/") else None
        text = self.command(self.url(text))
        if dump := DUMP.fullmatch(name):
            table = dump["table"]
            name = f"{name[: dump.start('table')]}{self.table(table)}.jsonl"
            text = rename_rows(text, self.columns.get(table, {}))
        elif page:
            text = self.rename_page(page["table"], text)
        elif LISTING.match(text) and name.startswith("urls/"):
            text = self.rename_listing(text)
        elif name.startswith("schema/"):
            text = self.rename_schema(text)
        if name.startswith("urls/"):
            name = name_page(text.partition("\n")[0])
        for old, new, files in self.keys:
            if fnmatchcase(name, files):
                text = re.sub(
                    rf'(\\*"+|&#34;){re.escape(old)}(\\*"+|&#34;)(?=\s*:)',
                    rf"\g<1>{new}\g<2>",
                    text,
                )
        return name, replace(self.text, name, text)

    def rename_page(self, table: str, text: str) -> str:
        """Return a table's page under the new names, with descriptions and cells unchanged."""
        rows = (
            text.partition("\n\n")[2].partition("\n")[2]
            if ".csv" in text.partition("\n")[0]
            else ""
        )
        parts = SAID.split(text.removesuffix(rows))
        for turn in range(0, len(parts), 2):
            named = swap(parts[turn], self.columns.get(table, {}).items(), COLUMN)
            parts[turn] = swap(named, {table: self.table(table)}.items(), QUOTED)
        return "".join(parts) + rows

    def rename_listing(self, text: str) -> str:
        """Return a page that names every table under the new names; a table's part begins with its
        name.
        """
        ends, parts = [0, *(found.start() for found in PART.finditer(text)), len(text)], []
        for begin, end in pairwise(ends):
            named = PART.match(text, begin)
            columns = self.columns.get(next(filter(None, named.groups())), {}) if named else {}
            parts.append(swap(text[begin:end], columns.items(), LISTED_COLUMN))
        return swap("".join(parts), self.tables.items(), LISTED_TABLE)

    def rename_schema(self, text: str) -> str:
        """Return a schema under the new names; each table's part begins with its name and ends with
        an empty line.
        """
        parts = []
        for part in text.split("\n\n"):
            table = part.partition("\n")[0].rpartition(" ")[2]
            renamed = swap(part, self.columns.get(table, {}).items(), SCHEMA_COLUMN)
            parts.append(swap(renamed, self.tables.items(), SCHEMA_TABLE))
        return "\n\n".join(sorted(parts))


def replace(rules: Iterable[Rule], name: str, text: str) -> str:
    """Return a file's text with the rules for it applied."""
    for rule in rules:
        if fnmatchcase(name, rule.files):
            text = rule.pattern.sub(rule.replacement, text)
    return text


def swap(text: str, pairs: Iterable[Pair], form: str) -> str:
    """Replace all old names by new ones in one pass. form: a regular expression around {name}."""
    new = dict(pairs)
    if not new:
        return text
    either = "|".join(re.escape(old) for old in sorted(new, key=len, reverse=True))
    return re.sub(form.replace("{name}", f"(?:{either})"), lambda found: new[found[0]], text)


def rename_rows(text: str, columns: Mapping[str, str]) -> str:
    """Return a table's dump with its columns renamed."""
    return to_lines(
        {columns.get(key, key): value for key, value in row.items()} for row in read_rows(text)
    )


def read_rows(text: str) -> list[dict[str, Any]]:
    """Return the rows of lines of JSON; only \\n ends a line."""
    return [json.loads(line) for line in text.split("\n") if line]


def to_lines(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as sorted lines of JSON."""
    return "".join(
        sorted(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows)
    )


def name_page(asked: str) -> str:
    """Return the file name of a request, such as "GET /search?q=skog".

    >>> name_page("GET /about")
    'urls/about-ed3260.txt'
    """
    words = (
        re.sub(r"[^\w.=-]+", "_", unquote(asked).removeprefix("GET ")).strip("_")[:100] or "index"
    )
    return f"urls/{words}-{sha256(asked.encode()).hexdigest()[:6]}.txt"


def read_renames(file: Path | None) -> Renames:
    """Return the table in a file, or an empty one for None. Raises RenamesError."""
    if file is None:
        return Renames()
    try:
        told = tomllib.loads(file.read_text("utf-8"))
        if unknown := sorted(set(told) - KNOWN):
            raise RenamesError(
                f"{file}: {', '.join(unknown)}: there are {', '.join(sorted(KNOWN))}"
            )
        return to_renames(told)
    except (OSError, KeyError, TypeError, ValueError, re.error) as error:
        raise RenamesError(f"{file}: {type(error).__name__}: {error}") from error


def to_renames(told: Mapping[str, Any]) -> Renames:
    """Return the table in parsed TOML."""
    lists = {name: [tuple(map(str, row)) for row in told.get(name, ())] for name in LISTS}
    columns: dict[str, dict[str, str]] = {}
    for old, new in lists["columns"]:
        table, dot, column = old.rpartition(".")
        if not dot:
            raise ValueError(f"columns: {old} does not say of which table")
        columns.setdefault(table, {})[column] = new
    return Renames(
        tables={old: new for old, new in lists["tables"]},  # noqa: C416 - checks that each has two names
        columns=columns,
        urls=[(old, new) for old, new in lists["urls"]],
        commands=[(old, new) for old, new in lists["commands"]],
        keys=[(old, new, rest[0] if rest else "*") for old, new, *rest in lists["keys"]],
        text=[to_rule(row) for row in told.get("text", ())],
        mask=[to_rule({"replacement": "<MASKED>", **row}) for row in told.get("mask", ())],
        order=[to_order(row) for row in told.get("order", ())],
        expected=[to_expected(row) for row in told.get("expected", ())],
    )


def to_rule(row: Mapping[str, str]) -> Rule:
    """Return a rule from its table."""
    return Rule(**{**row, "pattern": re.compile(row["pattern"], re.MULTILINE)})  # type: ignore[arg-type] # all else is text


def to_order(row: Mapping[str, str]) -> Order:
    """Return an order from its table."""
    return Order(**{**row, "pattern": re.compile(row["pattern"], re.MULTILINE)})  # type: ignore[arg-type] # all else is text


def to_expected(row: Mapping[str, str]) -> Expected:
    """Return an intended difference from its table."""
    pattern = re.compile(row["pattern"]) if "pattern" in row else None
    return Expected(files=row["files"], reason=row["reason"], pattern=pattern)
