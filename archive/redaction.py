"""Takedowns in force, what they leave of a state, passages in every spelling, withheld.db.

Finds passages however they are spelled: in running text, in an address, as a number.

What is shown of a state in place of what was taken down: nothing of a hidden one, a mark for each passage.

withheld.db: what was taken down, as it stood; beside archive.db, readable by its owner alone, and never served.

    states     revision · state, its columns as they stood, JSON: with them its hash and the manifests can be checked
    passages   takedown · passage, the words that are redacted

Like captures.db it is written and committed first: what a transaction of archive.db then fails to point to is
not looked at.

Which takedowns are in force, and what they leave to be shown of a state.
"""

from __future__ import annotations

import json
import re
import sqlite3
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from lxml import etree, html
from sqlite_utils import Database

from archive.database import ArchiveError, open_readonly, open_writable
from archive.dates import to_text
from archive.models import LISTS, STATE

BETWEEN = r"[\s\u00ad\u200b]*"  # words may stand on two lines, in two elements, or hold soft hyphens
PARTING = r"\s\u00ad\u200b\u2010-\u2015\u2212_-"  # what parts words, set one way and another: Anna-Lena, Anna Lena
LETTER = re.compile(f"([{PARTING}]*)([^{PARTING}])")  # and what parts it from the one before
DIGITS = 7  # of a number, the last so many, by which a link to it is known: 010-123 45 67, tel:+46101234567
LETTERS = 5  # of a passage, by which a link's readable address is known: Nora Kvist, /nora-kvist
NUMBERS = (  # how a number is told shorter and longer: what is always told of it, and what may stand before that
    (re.compile(r"(?:18|19|20)(\d{6}[-+ ]?\d{4})|(\d{6}[-+]\d{4})"), "(?:18|19|20)?"),  # a person's, the century
    (
        re.compile(r"(?:0|(?:\+|00)\s?46[\s-]*(?:\(0\)\s*)?)([1-9][\d\s/-]+)"),  # a telephone's, the country
        rf"(?:0|(?:\+|00)[{PARTING}]*46[{PARTING}]*(?:\(0\))?)[{PARTING}]*",
    ),
)
ADDRESS = re.compile(
    r"(?:https?://|www\.)[^\s<>\"']*[^\s<>\"'.,:;!?)]|(?<![\w.+-])[\w.+-]+@[\w.-]*\w", re.IGNORECASE
)  # that stands in a text


class Passages:
    """Some passages, to be found in whatever spelling."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = [text for text in texts if LETTER.search(text)]
        self.pattern = to_pattern(self.texts)

    def find(self, text: str) -> list[tuple[int, int]]:
        """Where a passage begins and ends in a text, in order; an address that tells one is taken as a whole.

        >>> Passages(["Nora Kvist"]).find("Av Nora-Kvist, nora.kvist@ek.se")
        [(3, 13), (15, 31)]
        """
        spans = [found.span() for found in self.pattern.finditer(text)]
        spans += [found.span() for found in ADDRESS.finditer(text) if self.are_told_by(found[0])]
        merged: list[tuple[int, int]] = []
        for span in sorted(spans):
            overlapped = merged.pop() if merged and span[0] < merged[-1][1] else span
            merged.append((overlapped[0], max(overlapped[1], span[1])))
        return merged

    def are_told_by(self, address: str) -> bool:
        """Whether an address, or an attribute of an element, tells any of them."""
        return any(self.pattern.search(text) for text in (address, unquote(address))) or any(
            leads_to(address, text) for text in self.texts
        )


def to_pattern(passages: Iterable[str]) -> re.Pattern[str]:
    """Finds any of some passages, however their white space, hyphens and letters' case stand.

    A number is not found within a longer one. A person's may be told with its century and without, a telephone's
    with its country's.

    >>> pattern = to_pattern(["Anna Ek", "010-123 45 67"])
    >>> [bool(pattern.search(text)) for text in ("av anna\\n\u00a0 EK.", "Anna-Ek", "010 1234567", "010-123 45 678")]
    [True, True, True, False]
    """
    longest_first = sorted(passages, key=len, reverse=True)
    return re.compile("|".join(map(to_spellings, longest_first)) or "(?!)", re.IGNORECASE)


def to_spellings(passage: str) -> str:
    """One passage as a pattern."""
    passage = passage.strip()
    told, before = next(
        (
            (next(filter(None, found.groups())), before)
            for form, before in NUMBERS
            if (found := form.fullmatch(passage))
        ),
        (passage, ""),
    )
    letters, long = LETTER.findall(told), len(only(told, str.isdigit)) >= DIGITS
    pattern, last = "", ""
    for gap, letter in letters:
        pattern += (to_parting(gap, last, letter, long=long) if last else "") + re.escape(letter)
        last = letter
    before = r"(?<!\d)" + before if letters[0][1].isdigit() else before
    return before + pattern + (r"(?!\d)" if last.isdigit() else "")


def to_parting(gap: str, last: str, letter: str, *, long: bool) -> str:
    """What may stand between two letters of a passage. long: a number of its is, so that any grouping is the same."""
    digits = last.isdigit() and letter.isdigit()
    if digits and gap.strip() and not long:
        return f"[{PARTING}]+"  # 10-15 is not 1015
    return f"[{PARTING}]*" if gap or (digits and long) else BETWEEN


def leads_to(address: str, passage: str) -> bool:
    """Whether an attribute tells a passage in another spelling: a telephone link, a readable address.

    >>> leads_to("tel:+46101234567", "010-123 45 67"), leads_to("/om/nora-kvist", "Nora Kvist"), leads_to("/a", "a")
    (True, True, False)
    """
    number, slug = only(passage, str.isdigit)[-DIGITS:], only(to_ascii(passage), str.isalnum)
    told = to_ascii(unquote(address))
    if len(number) == DIGITS and re.search("[^0-9a-z]{0,3}".join(number) + "(?![0-9])", told):
        return True
    return len(slug) >= LETTERS and slug in only(told, str.isalnum)


def only(text: str, wanted: Callable[[str], bool]) -> str:
    """The letters of a text that are wanted."""
    return "".join(filter(wanted, text))


def to_ascii(text: str) -> str:
    """A text as addresses have it: small letters without marks."""
    return unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()


MARK = "█████"  # always as long, so that it tells nothing of what it covers
SHORTEST = 3  # letters and digits of a passage; a shorter one would blacken half a text
KEPT = ("kind", "published", "updated", "language")  # of a hidden state: that there was a release, and when
ADDRESSES = ("url", "email")  # of a state's parts
INLINE = ("a", "b", "em", "i", "strong", "sub", "sup")  # of body_html's elements, those that part no words


def hide_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """A state of which only kind, days and language are told."""
    hidden: dict[str, Any] = {name: value if name in KEPT else None for name, value in state.items()}
    return {**hidden, "title": MARK, "body": "", "body_html": "", **{name: [] for name in LISTS}}


def redact_state(state: Mapping[str, Any], passages: Iterable[str]) -> dict[str, Any]:
    """A state with a mark in place of each passage, in whatever field it stands but kind, days and language.

    A file's, a picture's or a mail's address that tells a passage is a mark alone: the rest of it would lead nowhere.
    """
    covered = Passages(passages)
    texts = {name: value for name, value in state.items() if name not in (*KEPT, "body_html")}
    return {**state, **redact(texts, covered), "body_html": redact_markup(state["body_html"], covered)}


def is_too_short(passage: str) -> bool:
    """Whether a passage would be found everywhere."""
    return sum(letter.isalnum() for letter in passage) < SHORTEST


def redact(value: Any, passages: Passages) -> Any:
    """A text, or a list or object of texts.

    >>> redact({"url": "https://ek.se/nora_kvist.jpg", "caption": "Nora-Kvist, 2026"}, Passages(["Nora Kvist"]))
    {'url': '█████', 'caption': '█████, 2026'}
    """
    if isinstance(value, str):
        for start, end in reversed(passages.find(value)):
            value = value[:start] + MARK + value[end:]
        return value
    if isinstance(value, list):
        return [redact(member, passages) for member in value]
    if isinstance(value, dict):
        return {name: redact_field(name, member, passages) for name, member in value.items()}
    return value


def redact_field(name: str, value: Any, passages: Passages) -> Any:
    """A field of a state or of one of its parts."""
    return MARK if name in ADDRESSES and value and passages.are_told_by(value) else redact(value, passages)


def redact_markup(markup: str, passages: Passages) -> str:
    """The same of HTML, where a passage may begin in one element and end in another, or be told by an attribute.

    >>> redact_markup('<p>av Anna <b>Ek</b>, <a href="mailto:a@ek.se">4</a></p>', Passages(["Anna Ek", "a@ek.se"]))
    '<p>av █████<b></b>, <a>4</a></p>'
    """
    if not markup:
        return markup
    root = html.fragment_fromstring(markup, create_parent="div")
    places = [(node, "text" if event == "start" else "tail") for event, node in etree.iterwalk(root, ("start", "end"))]
    partings = ["" if node.tag in INLINE else "\n" for node, _ in places]
    texts = [getattr(node, name) or "" for node, name in places]
    pieces = [parting + text for parting, text in zip(partings, texts, strict=True)]
    ends = [*accumulate(map(len, pieces))]
    starts = [end - len(text) for end, text in zip(ends, texts, strict=True)]
    spans = passages.find("".join(pieces))
    for begin, finish in reversed(spans):
        for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
            first, last = max(begin, start) - start, min(finish, end) - start
            if first < last:
                mark = MARK if start + first == begin else ""
                texts[number] = texts[number][:first] + mark + texts[number][last:]
    for (node, name), text in zip(places, texts, strict=True):
        setattr(node, name, text or None)
    telling = [(node, name) for node in root.iter() for name, value in node.items() if passages.are_told_by(value)]
    for node, name in telling:
        del node.attrib[name]
    if not spans and not telling:
        return markup  # as it was, to the letter
    return str(html.tostring(root, encoding="unicode")).removeprefix("<div>").removesuffix("</div>")


WITHHELD_FILE = "withheld.db"
SCHEMA = (
    "create table if not exists states (revision integer primary key, state text not null)",
    "create table if not exists passages (takedown integer primary key, passage text not null)",
)
COLUMNS = (*STATE, *LISTS, "summary", "summary_en", "changes")


class Withheld:
    """The withheld.db beside an archive. Each call opens it anew: there is seldom anything in it.

    ArchiveError names file, table and key of what cannot be read or written.
    """

    def __init__(self, archive: Path) -> None:
        self.path = archive.with_name(WITHHELD_FILE)

    @classmethod
    def of(cls, db: sqlite3.Connection) -> Withheld:
        """Beside the file that a connection has open."""
        return cls(Path(next(file for _, name, file in db.execute("pragma database_list") if name == "main")))

    def keep_state(self, revision: int, row: Mapping[str, Any]) -> None:
        """Hold a revision's columns as they stand without a takedown."""
        text = json.dumps({name: row[name] for name in COLUMNS}, ensure_ascii=False)
        self._write("replace into states values (?, ?)", [revision, text])

    def keep_passage(self, takedown: int, passage: str) -> None:
        """Hold the words of a takedown."""
        self._write("replace into passages values (?, ?)", [takedown, passage])

    def state(self, revision: int) -> dict[str, Any]:
        """A revision's columns as they stood."""
        found = self._read("select state from states where revision = ?", "states", revision)
        return dict(json.loads(found))

    def passage(self, takedown: int) -> str:
        """The words of a takedown."""
        return self._read("select passage from passages where takedown = ?", "passages", takedown)

    def _read(self, sql: str, table: str, key: int) -> str:
        try:
            db = open_readonly(self.path)
            try:
                found = db.execute(sql, [key]).fetchone()
            finally:
                db.close()
        except sqlite3.Error as error:
            raise ArchiveError(self.path, f"cannot be read: {error}", table=table, key=str(key)) from error
        if found is None:
            raise ArchiveError(self.path, "is not held", table=table, key=str(key))
        return str(found[0])

    def _write(self, sql: str, values: list[object]) -> None:
        try:
            self.path.touch(mode=0o600, exist_ok=True)
            db = open_writable(self.path)
            try:
                db.execute("pragma synchronous = full")
                for statement in SCHEMA:
                    db.execute(statement)
                db.execute(sql, values)
            finally:
                db.close()
        except (sqlite3.Error, OSError) as error:
            raise ArchiveError(self.path, f"cannot be written: {error}") from error


def restore_row(db: sqlite3.Connection, row: dict[str, Any]) -> dict[str, Any]:
    """A row of revisions as it stood before it was taken down, by its `id` and `withheld`; any other as it is."""
    if row["withheld"] is None:
        return row
    kept = Withheld.of(db).state(row["id"])
    return {name: kept.get(name, value) for name, value in row.items()}


KINDS = {"hide": "hidden", "redact": "redacted"}  # of takedowns, and what releases.withheld says of them


class Rules:
    """The takedowns table. No method commits: wrap calls in `Archive.transaction`."""

    def __init__(self, db: Database, archive: Path) -> None:
        self.db = db
        self.withheld = Withheld(archive)

    def add(self, release: int, kind: str, at: datetime, reason: str, reason_en: str | None = None) -> int:
        """A line in the log, in force from now on; gives its number."""
        key = self.db.execute(
            "insert into takedowns (release, kind, reason, reason_en, at) values (?, ?, ?, ?, ?)",
            [release, kind, reason, reason_en, to_text(at)],
        ).lastrowid
        assert key is not None  # noqa: S101 - an insert that did not raise has given a rowid
        return key

    def in_force(self, release: int) -> list[tuple[int, str]]:
        """Number and kind of what covers a release, a hiding first."""
        found: list[tuple[int, str]] = self.db.execute(
            "select id, kind from takedowns where release = ? and lifted is null order by kind, id", [release]
        ).fetchall()
        return found

    def shown(self, release: int, state: Mapping[str, Any]) -> tuple[Mapping[str, Any], int | None]:
        """A state as it may be shown, and the takedown that covers it; the same state and None where none does.

        Every version of a release is covered, whether a passage stands in it or not: the page it was read from may
        hold it elsewhere.
        """
        rules = self.in_force(release)
        if not rules:
            return state, None
        covering, kind = rules[0]
        if kind == "hide":
            return hide_state(state), covering
        return redact_state(state, [self.withheld.passage(key) for key, _ in rules]), covering
