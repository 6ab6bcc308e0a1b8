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

from archive.database import SCHEMA_VERSION, ArchiveError, check_version, open_readonly, open_writable
from archive.dates import to_iso
from archive.models import LIST_FIELDS, STATE_FIELDS

OPTIONAL_SPACE = r"[\s\u00ad\u200b]*"  # words may stand on two lines, in two elements, or hold soft hyphens
SEPARATORS = r"\s\u00ad\u200b\u2010-\u2015\u2212_-"  # what parts words, set one way and another: Anna-Lena, Anna Lena
LETTER = re.compile(f"([{SEPARATORS}]*)([^{SEPARATORS}])")  # and what parts it from the one before
MIN_LINK_DIGITS = 7  # of a number, the last so many, by which a link to it is known: 010-123 45 67, tel:+46101234567
MIN_SLUG_LETTERS = 5  # of a passage, by which a link's readable address is known: Nora Kvist, /nora-kvist
NUMBER_FORMS = (  # how a number is told shorter and longer: what is always told of it, and what may stand before that
    (re.compile(r"(?:18|19|20)(\d{6}[-+ ]?\d{4})|(\d{6}[-+]\d{4})"), "(?:18|19|20)?"),  # a person's, the century
    (
        re.compile(r"(?:0|(?:\+|00)\s?46[\s-]*(?:\(0\)\s*)?)([1-9][\d\s/-]+)"),  # a telephone's, the country
        rf"(?:0|(?:\+|00)[{SEPARATORS}]*46[{SEPARATORS}]*(?:\(0\))?)[{SEPARATORS}]*",
    ),
)
ADDRESS_IN_TEXT = re.compile(
    r"(?:https?://|www\.)[^\s<>\"']*[^\s<>\"'.,:;!?)]|(?<![\w.+-])[\w.+-]+@[\w.-]*\w", re.IGNORECASE
)  # that stands in a text


class PassageMatcher:
    """Some passages, to be found in whatever spelling."""

    def __init__(self, passages: Iterable[str]) -> None:
        self.passages = [text for text in passages if LETTER.search(text)]
        self.pattern = compile_passages(self.passages)

    def find(self, text: str) -> list[tuple[int, int]]:
        """Where a passage begins and ends in a text, in order; an address that tells one is taken as a whole.

        >>> PassageMatcher(["Nora Kvist"]).find("Av Nora-Kvist, nora.kvist@ek.se")
        [(3, 13), (15, 31)]
        """
        spans = [found.span() for found in self.pattern.finditer(text)]
        spans += [found.span() for found in ADDRESS_IN_TEXT.finditer(text) if self.is_in_address(found[0])]
        merged: list[tuple[int, int]] = []
        for span in sorted(spans):
            overlapped = merged.pop() if merged and span[0] < merged[-1][1] else span
            merged.append((overlapped[0], max(overlapped[1], span[1])))
        return merged

    def is_in_address(self, address: str) -> bool:
        """Whether an address, or an attribute of an element, tells any of them."""
        return any(self.pattern.search(text) for text in (address, unquote(address))) or any(
            address_contains(address, text) for text in self.passages
        )


def compile_passages(passages: Iterable[str]) -> re.Pattern[str]:
    """Finds any of some passages, however their white space, hyphens and letters' case stand.

    A number is not found within a longer one. A person's may be told with its century and without, a telephone's
    with its country's.

    >>> pattern = compile_passages(["Anna Ek", "010-123 45 67"])
    >>> [bool(pattern.search(text)) for text in ("av anna\\n\u00a0 EK.", "Anna-Ek", "010 1234567", "010-123 45 678")]
    [True, True, True, False]
    """
    longest_first = sorted(passages, key=len, reverse=True)
    return re.compile("|".join(map(build_passage_pattern, longest_first)) or "(?!)", re.IGNORECASE)


def build_passage_pattern(passage: str) -> str:
    """One passage as a pattern."""
    passage = passage.strip()
    told, before = next(
        (
            (next(filter(None, found.groups())), before)
            for form, before in NUMBER_FORMS
            if (found := form.fullmatch(passage))
        ),
        (passage, ""),
    )
    letters, long = LETTER.findall(told), len(keep_characters(told, str.isdigit)) >= MIN_LINK_DIGITS
    pattern, last = "", ""
    for gap, letter in letters:
        pattern += (build_gap_pattern(gap, last, letter, is_long_number=long) if last else "") + re.escape(letter)
        last = letter
    before = r"(?<!\d)" + before if letters[0][1].isdigit() else before
    return before + pattern + (r"(?!\d)" if last.isdigit() else "")


def build_gap_pattern(gap: str, previous_letter: str, letter: str, *, is_long_number: bool) -> str:
    """What may stand between two letters of a passage. long: a number of its is, so that any grouping is the same."""
    digits = previous_letter.isdigit() and letter.isdigit()
    if digits and gap.strip() and not is_long_number:
        return f"[{SEPARATORS}]+"  # 10-15 is not 1015
    return f"[{SEPARATORS}]*" if gap or (digits and is_long_number) else OPTIONAL_SPACE


def address_contains(address: str, passage: str) -> bool:
    """Whether an attribute tells a passage in another spelling: a telephone link, a readable address.

    >>> address_contains("tel:+46101234567", "010-123 45 67"), address_contains("/om/nora-kvist", "Nora Kvist"), address_contains("/a", "a")
    (True, True, False)
    """
    number, slug = (
        keep_characters(passage, str.isdigit)[-MIN_LINK_DIGITS:],
        keep_characters(to_ascii_letters(passage), str.isalnum),
    )
    told = to_ascii_letters(unquote(address))
    if len(number) == MIN_LINK_DIGITS and re.search("[^0-9a-z]{0,3}".join(number) + "(?![0-9])", told):
        return True
    return len(slug) >= MIN_SLUG_LETTERS and slug in keep_characters(told, str.isalnum)


def keep_characters(text: str, predicate: Callable[[str], bool]) -> str:
    """The letters of a text that are wanted."""
    return "".join(filter(predicate, text))


def to_ascii_letters(text: str) -> str:
    """A text as addresses have it: small letters without marks."""
    return unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()


REDACTION_MARK = "█████"  # always as long, so that it tells nothing of what it covers
MIN_PASSAGE_LENGTH = 3  # letters and digits of a passage; a shorter one would blacken half a text
UNREDACTED_FIELDS = (
    "kind",
    "published",
    "updated",
    "language",
)  # of a hidden state: that there was a release, and when
ADDRESS_FIELDS = ("url", "email")  # of a state's parts
INLINE_TAGS = ("a", "b", "em", "i", "strong", "sub", "sup")  # of body_html's elements, those that part no words


def hide_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """A state of which only kind, days and language are told."""
    hidden: dict[str, Any] = {name: value if name in UNREDACTED_FIELDS else None for name, value in state.items()}
    return {**hidden, "title": REDACTION_MARK, "body": "", "body_html": "", **{name: [] for name in LIST_FIELDS}}


def redact_state(state: Mapping[str, Any], passages: Iterable[str]) -> dict[str, Any]:
    """A state with a mark in place of each passage, in whatever field it stands but kind, days and language.

    A file's, a picture's or a mail's address that tells a passage is a mark alone: the rest of it would lead nowhere.
    """
    covered = PassageMatcher(passages)
    texts = {name: value for name, value in state.items() if name not in (*UNREDACTED_FIELDS, "body_html")}
    return {**state, **redact_value(texts, covered), "body_html": redact_html(state["body_html"], covered)}


def is_passage_too_short(passage: str) -> bool:
    """Whether a passage would be found everywhere."""
    return sum(letter.isalnum() for letter in passage) < MIN_PASSAGE_LENGTH


def redact_value(value: Any, matcher: PassageMatcher) -> Any:
    """A text, or a list or object of texts.

    >>> redact_value({"url": "https://ek.se/nora_kvist.jpg", "caption": "Nora-Kvist, 2026"}, PassageMatcher(["Nora Kvist"]))
    {'url': '█████', 'caption': '█████, 2026'}
    """
    if isinstance(value, str):
        for start, end in reversed(matcher.find(value)):
            value = value[:start] + REDACTION_MARK + value[end:]
        return value
    if isinstance(value, list):
        return [redact_value(member, matcher) for member in value]
    if isinstance(value, dict):
        return {name: redact_field(name, member, matcher) for name, member in value.items()}
    return value


def redact_field(name: str, value: Any, matcher: PassageMatcher) -> Any:
    """A field of a state or of one of its parts."""
    return (
        REDACTION_MARK
        if name in ADDRESS_FIELDS and value and matcher.is_in_address(value)
        else redact_value(value, matcher)
    )


def redact_html(markup: str, matcher: PassageMatcher) -> str:
    """The same of HTML, where a passage may begin in one element and end in another, or be told by an attribute.

    >>> redact_html('<p>av Anna <b>Ek</b>, <a href="mailto:a@ek.se">4</a></p>', PassageMatcher(["Anna Ek", "a@ek.se"]))
    '<p>av █████<b></b>, <a>4</a></p>'
    """
    if not markup:
        return markup
    root = html.fragment_fromstring(markup, create_parent="div")
    places = [(node, "text" if event == "start" else "tail") for event, node in etree.iterwalk(root, ("start", "end"))]
    partings = ["" if node.tag in INLINE_TAGS else "\n" for node, _ in places]
    texts = [getattr(node, name) or "" for node, name in places]
    pieces = [parting + text for parting, text in zip(partings, texts, strict=True)]
    ends = [*accumulate(map(len, pieces))]
    starts = [end - len(text) for end, text in zip(ends, texts, strict=True)]
    spans = matcher.find("".join(pieces))
    for begin, finish in reversed(spans):
        for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
            first, last = max(begin, start) - start, min(finish, end) - start
            if first < last:
                mark = REDACTION_MARK if start + first == begin else ""
                texts[number] = texts[number][:first] + mark + texts[number][last:]
    for (node, name), text in zip(places, texts, strict=True):
        setattr(node, name, text or None)
    telling = [(node, name) for node in root.iter() for name, value in node.items() if matcher.is_in_address(value)]
    for node, name in telling:
        del node.attrib[name]
    if not spans and not telling:
        return markup  # as it was, to the letter
    return str(html.tostring(root, encoding="unicode")).removeprefix("<div>").removesuffix("</div>")


WITHHELD_FILE = "withheld.db"
WITHHELD_SCHEMA = (  # one transaction, for two processes may create the file at once
    "begin immediate",
    "create table if not exists states (revision integer primary key, state text not null)",
    "create table if not exists passages (takedown integer primary key, passage text not null)",
    f"pragma user_version = {SCHEMA_VERSION}",
    "commit",
)
WITHHELD_COLUMNS = (*STATE_FIELDS, *LIST_FIELDS, "summary", "summary_en", "changes")


class WithheldStore:
    """The withheld.db beside an archive. Each call opens it anew: there is seldom anything in it.

    ArchiveError names file, table and key of what cannot be read or written.
    """

    def __init__(self, archive: Path) -> None:
        self.path = archive.with_name(WITHHELD_FILE)

    @classmethod
    def beside_connection(cls, db: sqlite3.Connection) -> WithheldStore:
        """Beside the file that a connection has open."""
        return cls(Path(next(file for _, name, file in db.execute("pragma database_list") if name == "main")))

    def add_state(self, revision_id: int, row: Mapping[str, Any]) -> None:
        """Hold a revision's columns as they stand without a takedown."""
        text = json.dumps({name: row[name] for name in WITHHELD_COLUMNS}, ensure_ascii=False)
        self._write("replace into states values (?, ?)", [revision_id, text])

    def add_passage(self, takedown_id: int, passage: str) -> None:
        """Hold the words of a takedown."""
        self._write("replace into passages values (?, ?)", [takedown_id, passage])

    def get_state(self, revision_id: int) -> dict[str, Any]:
        """A revision's columns as they stood."""
        found = self._read("select state from states where revision = ?", "states", revision_id)
        return dict(json.loads(found))

    def get_passage(self, takedown_id: int) -> str:
        """The words of a takedown."""
        return self._read("select passage from passages where takedown = ?", "passages", takedown_id)

    def _read(self, sql: str, table: str, key: int) -> str:
        try:
            db = open_readonly(self.path)
            try:
                check_version(db, self.path)
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
                for statement in () if check_version(db, self.path) else WITHHELD_SCHEMA:
                    db.execute(statement)
                db.execute(sql, values)
            finally:
                db.close()
        except (sqlite3.Error, OSError) as error:
            raise ArchiveError(self.path, f"cannot be written: {error}") from error


def restore_withheld_row(db: sqlite3.Connection, row: dict[str, Any]) -> dict[str, Any]:
    """A row of revisions as it stood before it was taken down, by its `id` and `takedown`; any other as it is."""
    if row["takedown"] is None:
        return row
    kept = WithheldStore.beside_connection(db).get_state(row["id"])
    return {name: kept.get(name, value) for name, value in row.items()}


TAKEDOWN_KINDS = {"hide": "hidden", "redact": "redacted"}  # of takedowns, and what releases.takedown says of them


class Takedowns:
    """The takedowns table. No method commits: wrap calls in `Archive.transaction`."""

    def __init__(self, db: Database, archive: Path) -> None:
        self.db = db
        self.withheld = WithheldStore(archive)

    def add(self, release_id: int, kind: str, started_at: datetime, reason: str, reason_en: str | None = None) -> int:
        """A line in the log, in force from now on; gives its number."""
        key = self.db.execute(
            "insert into takedowns (release, kind, reason, reason_en, at) values (?, ?, ?, ?, ?)",
            [release_id, kind, reason, reason_en, to_iso(started_at)],
        ).lastrowid
        assert key is not None  # noqa: S101 - an insert that did not raise has given a rowid
        return key

    def list_active(self, release_id: int) -> list[tuple[int, str]]:
        """Number and kind of what covers a release, a hiding first."""
        found: list[tuple[int, str]] = self.db.execute(
            "select id, kind from takedowns where release = ? and lifted is null order by kind, id", [release_id]
        ).fetchall()
        return found

    def redact_for_display(self, release_id: int, state: Mapping[str, Any]) -> tuple[Mapping[str, Any], int | None]:
        """A state as it may be shown, and the takedown that covers it; the same state and None where none does.

        Every version of a release is covered, whether a passage stands in it or not: the page it was read from may
        hold it elsewhere.
        """
        rules = self.list_active(release_id)
        if not rules:
            return state, None
        covering, kind = rules[0]
        if kind == "hide":
            return hide_state(state), covering
        return redact_state(state, [self.withheld.get_passage(key) for key, _ in rules]), covering
