"""Redaction: which takedowns cover a release, and which parts of a state may be shown.

`PassageMatcher` finds passages in texts and URLs, regardless of their spelling and of how their
digits are grouped. `Takedowns` reads the takedowns in force and redacts states: a hidden state
shows only the type, dates and language, while a redacted state shows everything except the
passages. `WithheldStore` reads and writes withheld.db, which is beside archive.db and holds the
content that was taken down. Only the file's owner can read the file, and it is never served:

    states     revision; state, the columns without redaction, as JSON, so that hashes and
               manifests can be checked
    passages   takedown; passage, the text that is redacted

Like captures.db, withheld.db is committed before archive.db. After a failed transaction,
withheld.db may contain rows that archive.db does not refer to. Such rows are harmless.
"""

from __future__ import annotations

import json
import re
import sqlite3
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from lxml import etree, html
from sqlite_utils import Database

from archive.database.models import LIST_FIELDS, STATE_FIELDS
from archive.database.sqlite_files import (
    SCHEMA_VERSION,
    ArchiveError,
    check_version,
    open_readonly,
    open_writable,
    sqlite_errors,
)
from archive.times import to_iso

# Spelling of passages
# characters between words, which are interchangeable: Anna-Lena, Anna Lena
SEPARATORS = r"\s\u00ad\u200b\u2010-\u2015\u2212_-"
# a character, with the separators before it
LETTER = re.compile(f"([{SEPARATORS}]*)([^{SEPARATORS}])")
# a word may be divided by line ends, elements or soft hyphens
OPTIONAL_SPACE = r"[\s\u00ad\u200b]*"
NUMBER_FORMS = (  # numbers: pattern with the core as a group, and pattern of the optional prefix
    # personal identity number, century
    (re.compile(r"(?:18|19|20)(\d{6}[-+ ]?\d{4})|(\d{6}[-+]\d{4})"), "(?:18|19|20)?"),
    # telephone number, country code
    (
        re.compile(r"(?:0|(?:\+|00)\s?46[\s-]*(?:\(0\)\s*)?)([1-9][\d\s/-]+)"),
        rf"(?:0|(?:\+|00)[{SEPARATORS}]*46[{SEPARATORS}]*(?:\(0\))?)[{SEPARATORS}]*",
    ),
)
# digits; a link to a number is recognised by its last digits: 010-123 45 67, tel:+46101234567
MIN_LINK_DIGITS = 7
# letters; shorter passages are not looked for in readable URLs (Nora Kvist, /nora-kvist)
MIN_SLUG_LETTERS = 5
ADDRESS_IN_TEXT = re.compile(
    r"(?:https?://|www\.)[^\s<>\"']*[^\s<>\"'.,:;!?)]|(?<![\w.+-])[\w.+-]+@[\w.-]*\w", re.IGNORECASE
)

# Replacements
REDACTION_MARK = "█████"  # of constant length, so that it reveals nothing
MIN_PASSAGE_LENGTH = 3  # letters and digits; a shorter passage would occur everywhere
UNREDACTED_FIELDS = ("kind", "published", "updated", "language")  # shown even of a hidden state
ADDRESS_FIELDS = ("url", "email")  # fields of the parts of a state
# elements of body_html that do not separate words
INLINE_TAGS = ("a", "b", "em", "i", "strong", "sub", "sup")
TAKEDOWN_KINDS = {"hide": "hidden", "redact": "redacted"}  # takedowns.kind → releases.takedown

# withheld.db
WITHHELD_FILE = "withheld.db"
WITHHELD_SCHEMA = (  # in one transaction, because two processes may create the file at once
    "begin immediate",
    "create table if not exists states (revision integer primary key, state text not null)",
    "create table if not exists passages (takedown integer primary key, passage text not null)",
    f"pragma user_version = {SCHEMA_VERSION}",
    "commit",
)
# whether a release that links to the attachment `f`, or has linked to it, is taken down
IS_FILE_WITHHELD_SQL = (
    "exists (select 1 from attachment_versions w join attachment_links l on l.url = w.url"
    " where w.file = f.id and l.takedown is not null)"
)
WITHHELD_COLUMNS = (*STATE_FIELDS, *LIST_FIELDS)


class Takedowns:
    """The takedowns table. No method commits: wrap calls in `Archive.transaction`."""

    def __init__(self, db: Database, archive: Path) -> None:
        self.db = db
        self.withheld = WithheldStore(archive)

    def add(
        self,
        release_id: int,
        kind: str,
        started_at: datetime,
        reason: str,
        reason_en: str | None = None,
    ) -> int:
        row = {
            "release": release_id,
            "kind": kind,
            "reason": reason,
            "reason_en": reason_en,
            "at": to_iso(started_at),
        }
        takedown_id = self.db.table("takedowns").insert(row).last_pk
        assert isinstance(takedown_id, int)  # noqa: S101 - the primary key
        return takedown_id

    def list_active(self, release_id: int) -> list[tuple[int, str]]:
        """Return the id and type of each takedown that covers a release.

        Takedowns that hide the release come first.
        """
        found: list[tuple[int, str]] = self.db.execute(
            "select id, kind from takedowns where release = ? and lifted is null order by kind, id",
            [release_id],
        ).fetchall()
        return found

    def describe_active(self, release_id: int) -> str | None:
        """Describe the takedowns that cover a release, with their ids.

        Returns None if no takedown covers the release.
        """
        active = self.list_active(release_id)
        numbers = ", ".join(str(key) for key, _ in active)
        return f"{TAKEDOWN_KINDS[active[0][1]]} (takedown {numbers})" if active else None

    def redact_for_display(
        self, release_id: int, state: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any], int | None]:
        """Return a state as it may be shown, and the id of the takedown that covers the release.

        The id is None if no takedown covers the release. A takedown covers every version of a
        release, because any version may contain the passage.
        """
        active = self.list_active(release_id)
        if not active:
            return state, None
        takedown_id, kind = active[0]
        if kind == "hide":
            return _hide_state(state), takedown_id
        return redact_state(
            state, [self.withheld.get_passage(active_id) for active_id, _ in active]
        ), takedown_id


def _hide_state(state: Mapping[str, Any]) -> dict[str, Any]:
    hidden: dict[str, Any] = {
        name: value if name in UNREDACTED_FIELDS else None for name, value in state.items()
    }
    return {
        **hidden,
        "title": REDACTION_MARK,
        "body": "",
        "body_html": "",
        **{name: [] for name in LIST_FIELDS},
    }


def redact_state(state: Mapping[str, Any], passages: Iterable[str]) -> dict[str, Any]:
    """Return a state in which █████ replaces each passage, except in the type, the dates and the
    language.

    The URL of a file or image, or an email address, is replaced as a whole if it contains a
    passage, because the rest of it would not work.
    """
    matcher = PassageMatcher(passages)
    texts = {
        name: value
        for name, value in state.items()
        if name not in (*UNREDACTED_FIELDS, "body_html")
    }
    return {
        **state,
        **redact_value(texts, matcher),
        "body_html": _redact_html(state["body_html"], matcher),
    }


def redact_value(value: Any, matcher: PassageMatcher) -> Any:
    """Redact a string, or all strings in a list or dict.

    >>> matcher = PassageMatcher(["Nora Kvist"])
    >>> image = {"url": "https://ek.se/nora_kvist.jpg", "caption": "Nora-Kvist, 2026"}
    >>> redact_value(image, matcher)
    {'url': '█████', 'caption': '█████, 2026'}
    """
    if isinstance(value, str):
        for start, end in reversed(matcher.find(value)):
            value = value[:start] + REDACTION_MARK + value[end:]
        return value
    if isinstance(value, list):
        return [redact_value(member, matcher) for member in value]
    if isinstance(value, dict):
        return {
            name: REDACTION_MARK
            if name in ADDRESS_FIELDS and member and matcher.is_in_address(member)
            else redact_value(member, matcher)
            for name, member in value.items()
        }
    return value


def _redact_html(markup: str, matcher: PassageMatcher) -> str:
    """Redact HTML. A passage may span several elements, or be in an attribute.

    >>> markup = '<p>av Anna <b>Ek</b>, <a href="mailto:a@ek.se">4</a></p>'
    >>> _redact_html(markup, PassageMatcher(["Anna Ek", "a@ek.se"]))
    '<p>av █████<b></b>, <a>4</a></p>'
    """
    if not markup:
        return markup
    root = html.fragment_fromstring(markup, create_parent="div")
    has_passages = _redact_texts(root, matcher)
    has_attributes = _delete_revealing_attributes(root, matcher)
    if not has_passages and not has_attributes:
        return markup  # unchanged, not re-serialised by lxml
    return str(html.tostring(root, encoding="unicode")).removeprefix("<div>").removesuffix("</div>")


def _redact_texts(root: html.HtmlElement, matcher: PassageMatcher) -> bool:
    """Redact the text of all elements as one string. Return whether it contained any of the
    passages to redact.
    """
    text_slots = [
        (node, "text" if event == "start" else "tail")
        for event, node in etree.iterwalk(root, ("start", "end"))
    ]
    separators = ["" if node.tag in INLINE_TAGS else "\n" for node, _ in text_slots]
    texts = [getattr(node, name) or "" for node, name in text_slots]
    pieces = [separator + text for separator, text in zip(separators, texts, strict=True)]
    ends = [*accumulate(map(len, pieces))]
    spans = matcher.find("".join(pieces))
    _mark_spans(texts, ends, spans)
    for (node, name), text in zip(text_slots, texts, strict=True):
        setattr(node, name, text or None)
    return bool(spans)


def _mark_spans(texts: list[str], ends: Sequence[int], spans: Sequence[tuple[int, int]]) -> None:
    """Replace each span of the joined texts with a single █████.

    ends: the positions in the joined text at which the texts end.
    """
    starts = [end - len(text) for end, text in zip(ends, texts, strict=True)]
    for begin, finish in reversed(spans):
        for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
            first, last = max(begin, start) - start, min(finish, end) - start
            if first < last:
                mark = REDACTION_MARK if start + first == begin else ""
                texts[number] = texts[number][:first] + mark + texts[number][last:]


def _delete_revealing_attributes(root: html.HtmlElement, matcher: PassageMatcher) -> bool:
    """Delete the attributes that contain a passage. Return whether any were deleted."""
    revealing = [
        (node, name)
        for node in root.iter()
        for name, value in node.items()
        if matcher.is_in_address(value)
    ]
    for node, name in revealing:
        del node.attrib[name]
    return bool(revealing)


class PassageMatcher:
    """Finds passages in a text, in any spelling."""

    def __init__(self, passages: Iterable[str]) -> None:
        self.passages = [text for text in passages if LETTER.search(text)]
        self.pattern = _compile_passages(self.passages)

    def find(self, text: str) -> list[tuple[int, int]]:
        """Return the start and end of each occurrence of a passage in a text, in order.

        A URL or email address that contains a passage is a single span.

        >>> PassageMatcher(["Nora Kvist"]).find("Av Nora-Kvist, nora.kvist@ek.se")
        [(3, 13), (15, 31)]
        """
        spans = [found.span() for found in self.pattern.finditer(text)]
        spans += [
            found.span() for found in ADDRESS_IN_TEXT.finditer(text) if self.is_in_address(found[0])
        ]
        merged: list[tuple[int, int]] = []
        for span in sorted(spans):
            overlapped = merged.pop() if merged and span[0] < merged[-1][1] else span
            merged.append((overlapped[0], max(overlapped[1], span[1])))
        return merged

    def is_in_address(self, address: str) -> bool:
        """Return whether a URL or the value of another HTML attribute contains any of the
        passages.
        """
        return any(self.pattern.search(text) for text in (address, unquote(address))) or any(
            _address_contains(address, text) for text in self.passages
        )


def _compile_passages(passages: Iterable[str]) -> re.Pattern[str]:
    """Compile a pattern for any of the passages, regardless of white space, hyphenation and case.

    A number is not found inside a longer one. Personal identity numbers are found with or without
    the century, and telephone numbers with or without the country code.

    >>> pattern = _compile_passages(["Anna Ek", "010-123 45 67"])
    >>> texts = ("av anna\\n\u00a0 EK.", "Anna-Ek", "010 1234567", "010-123 45 678")
    >>> [bool(pattern.search(text)) for text in texts]
    [True, True, True, False]
    """
    longest_first = sorted(passages, key=len, reverse=True)
    return re.compile("|".join(map(_build_passage_pattern, longest_first)) or "(?!)", re.IGNORECASE)


def _build_passage_pattern(passage: str) -> str:
    passage = passage.strip()
    core, prefix = next(
        (
            (next(filter(None, found.groups())), prefix)
            for form, prefix in NUMBER_FORMS
            if (found := form.fullmatch(passage))
        ),
        (passage, ""),
    )
    letters, is_long_number = (
        LETTER.findall(core),
        len(keep_characters(core, str.isdigit)) >= MIN_LINK_DIGITS,
    )
    pattern, last = "", ""
    for gap, letter in letters:
        if last:
            pattern += _build_gap_pattern(gap, last, letter, is_long_number=is_long_number)
        pattern += re.escape(letter)
        last = letter
    prefix = r"(?<!\d)" + prefix if letters[0][1].isdigit() else prefix
    return prefix + pattern + (r"(?!\d)" if last.isdigit() else "")


def _build_gap_pattern(gap: str, previous_letter: str, letter: str, *, is_long_number: bool) -> str:
    """Return a pattern for what may be between two characters of a passage.

    is_long_number: whether the passage is a long number. If so, its digits may be grouped in any
        way.
    """
    digits = previous_letter.isdigit() and letter.isdigit()
    if digits and gap.strip() and not is_long_number:
        return f"[{SEPARATORS}]+"  # 10-15 is not 1015
    return f"[{SEPARATORS}]*" if gap or (digits and is_long_number) else OPTIONAL_SPACE


def _address_contains(address: str, passage: str) -> bool:
    """Return whether a URL contains a passage as it is spelt in telephone links or readable paths.

    >>> phone, page = ("tel:+46101234567", "010-123 45 67"), ("/om/nora-kvist", "Nora Kvist")
    >>> _address_contains(*phone), _address_contains(*page)
    (True, True)
    >>> _address_contains("/a", "a")
    False
    """
    number = keep_characters(passage, str.isdigit)[-MIN_LINK_DIGITS:]
    slug = keep_characters(_to_ascii_letters(passage), str.isalnum)
    plain_address = _to_ascii_letters(unquote(address))
    if len(number) == MIN_LINK_DIGITS and re.search(
        "[^0-9a-z]{0,3}".join(number) + "(?![0-9])", plain_address
    ):
        return True
    return len(slug) >= MIN_SLUG_LETTERS and slug in keep_characters(plain_address, str.isalnum)


def keep_characters(text: str, predicate: Callable[[str], bool]) -> str:
    return "".join(filter(predicate, text))


def _to_ascii_letters(text: str) -> str:
    """Return a text in the form used in readable URLs: lower case, without diacritics."""
    return unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()


class WithheldStore:
    """The withheld.db beside an archive. The file is rarely needed, so each call opens it.

    Raises ArchiveError, which names the file, the table and the key, if a row cannot be read or
    written.
    """

    def __init__(self, archive: Path) -> None:
        self.path = archive.with_name(WITHHELD_FILE)

    @classmethod
    def beside_connection(cls, db: sqlite3.Connection) -> WithheldStore:
        """Return the withheld.db beside the archive that a connection has opened."""
        return cls(
            Path(
                next(file for _, name, file in db.execute("pragma database_list") if name == "main")
            )
        )

    def add_state(self, revision_id: int, row: Mapping[str, Any]) -> None:
        """Store the columns of a revision as they are without redaction."""
        text = json.dumps({name: row[name] for name in WITHHELD_COLUMNS}, ensure_ascii=False)
        self._write("replace into states values (?, ?)", [revision_id, text])

    def add_passage(self, takedown_id: int, passage: str) -> None:
        self._write("replace into passages values (?, ?)", [takedown_id, passage])

    def get_state(self, revision_id: int) -> dict[str, Any]:
        return dict(
            json.loads(
                self._read("select state from states where revision = ?", "states", revision_id)
            )
        )

    def get_passage(self, takedown_id: int) -> str:
        return self._read(
            "select passage from passages where takedown = ?", "passages", takedown_id
        )

    def _read(self, sql: str, table: str, key: int) -> str:
        errors = sqlite_errors(self.path, "cannot be read", table=table, key=key)
        with errors, closing(open_readonly(self.path)) as db:
            check_version(db, self.path)
            found = db.execute(sql, [key]).fetchone()
        if found is None:
            raise ArchiveError(self.path, "is not stored", table=table, key=str(key))
        return str(found[0])

    def _write(self, sql: str, values: list[object]) -> None:
        try:
            self.path.touch(mode=0o600, exist_ok=True)
            with closing(open_writable(self.path)) as db:
                db.execute("pragma synchronous = full")
                for statement in () if check_version(db, self.path) else WITHHELD_SCHEMA:
                    db.execute(statement)
                db.execute(sql, values)
        except (sqlite3.Error, OSError) as error:
            raise ArchiveError(self.path, f"cannot be written: {error}") from error


def restore_withheld_row(db: sqlite3.Connection, row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of `revisions` as it was before it was redacted. `row` must contain `id` and
    `takedown`.
    """
    if row["takedown"] is None:
        return row
    withheld = WithheldStore.beside_connection(db).get_state(row["id"])
    return {name: withheld.get(name, value) for name, value in row.items()}
