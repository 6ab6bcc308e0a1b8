"""What the archive says about quotations: of current, earlier, removed and hidden versions."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from archive.database.models import Capture, Release
from archive.database.sqlite_files import build_connection_runner
from archive.quotes import quotation_lookup as quotation_check
from archive.quotes.quotation_comparison import find_quotations
from archive.quotes.quotation_lookup import QuotationCheck, QuotationResult
from archive.store.releases import Archive
from archive.store.takedowns import hide_release, redact_passage

FIRST_DAY = datetime(2024, 5, 1, tzinfo=UTC)
SHARED = "Fyrarna ska tändas igen före midsommar."


class QuotedArchive:
    """An archive whose releases are found at days, and a check of quotations in it."""

    def __init__(self, path: Path) -> None:
        self.path, self.archive = path, Archive(path)
        self.archive.add_agency("prov", name="Provverket", home="https://prov.example/")

    def read(
        self, name: str, day: int, *paragraphs: str, cause: str = "source", **fields: Any
    ) -> int:
        """Store a page as found on a day; return the id of its release."""
        url, body = f"https://prov.example/{name}", "\n\n".join(paragraphs)
        html = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
        found = Release(
            agency="prov",
            url=url,
            title=f"Om {name}",
            body=body,
            body_html=html,
            language="sv",
            **fields,
        )
        seen, stored = FIRST_DAY + timedelta(days=day), self.archive.get(url)
        with self.archive.transaction():
            capture = stored.capture_id if stored and cause == "parser" else None
            capture = capture or self.archive.add_capture(
                Capture(url=url, seen=seen, status=200, headers={}, sha256="0" * 64, bytes=9)
            )
            self.archive.save(found, seen_at=seen, cause=cause, capture_id=capture)
        key = self.archive.find_release_id(url)
        assert key is not None
        return key

    def remove(self, key: int, day: int) -> None:
        for later in range(3):
            with self.archive.transaction():
                self.archive.removals.mark_missing(
                    key, FIRST_DAY + timedelta(days=day + later), "gone", status=404
                )

    def check(self, *passages: str, seconds: float = 60) -> list[QuotationResult]:
        text = "\n\n".join(f"”{passage}”" for passage in passages)
        with closing(sqlite3.connect(self.path)) as db:
            check = QuotationCheck(build_connection_runner(db), seconds=seconds)
            return asyncio.run(check.check(find_quotations(text)))

    def check_one(self, passage: str) -> QuotationResult:
        (result,) = self.check(passage)
        return result

    def read_body(self, result: QuotationResult) -> str:
        rows = self.archive.db.execute("select body from revisions where id = ?", [result.revision])
        return str(rows.fetchone()[0])


@pytest.fixture
def quoted(tmp_path: Path) -> Iterator[QuotedArchive]:
    made = QuotedArchive(tmp_path / "archive.db")
    for number in range(30):  # so that some words are rare
        made.read(
            f"sida-{number}",
            0,
            f"Det här är sidan {number}. Den handlar om vägar, broar och vatten i länet.",
        )
    yield made
    made.archive.close()


def format_days(result: QuotationResult) -> list[str | None]:
    """Return the days between which a passage disappeared."""
    assert result.presence
    return [when and when[8:10] for when in result.presence.disappeared or (None, None)]


def test_the_oldest_of_several_releases(
    quoted: QuotedArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, month in (("nyast", 9), ("aldst", 3), ("mitten", 6)):
        quoted.read(name, 0, f"Nytt om {name}.", SHARED, published=date(2023, month, 1))
    result = quoted.check_one(SHARED)
    assert (result.verdict, result.releases, result.is_minimum) == ("verbatim", 3, False)
    assert "aldst" in quoted.read_body(result)
    monkeypatch.setattr(quotation_check, "MAX_VERBATIM_RELEASES", 2)
    result = quoted.check_one(SHARED)
    assert (result.releases, result.is_minimum) == (2, True)


def test_a_passage_that_an_edit_removed(quoted: QuotedArchive) -> None:
    quoted.read("fyrar", 1, "Nytt om fyrar.", SHARED)
    quoted.read("fyrar", 4, "Nytt om fyrar.", "Fyrarna ska tändas igen efter midsommar.")
    result = quoted.check_one(SHARED)
    assert (result.verdict, format_days(result), quoted.read_body(result)) == (
        *("withdrawn", ["02", "05"]),
        f"Nytt om fyrar.\n\n{SHARED}",
    )
    assert result.presence
    assert result.presence.after == result.presence.last + 1
    assert quoted.check_one("Fyrarna ska tändas igen efter midsommar").verdict == "verbatim"
    altered = quoted.check_one("Fyrarna ska tändas igen efter julafton")
    assert (altered.verdict, "efter" in quoted.read_body(altered)) == ("altered", True)
    # found again
    quoted.read("fyrar", 9, "Nytt om fyrar.", SHARED)
    assert quoted.check_one(SHARED).verdict == "verbatim"


def test_altered_from_an_earlier_version(quoted: QuotedArchive) -> None:
    quoted.read(
        "fyrar",
        1,
        "Nytt om fyrar.",
        "Fyrmästaren Hedvig Alm lovar trettio nya lampor till Norrskär.",
    )
    quoted.read("fyrar", 4, "Nytt om fyrar.", "Sidan har inget mer att säga.")
    result = quoted.check_one("Fyrmästaren Hedvig Alm lovar fyrtio nya lampor till Norrskär")
    assert (result.verdict, "trettio" in quoted.read_body(result)) == ("altered", True)
    assert [(part.op, part.text.strip()) for part in result.segments if part.op != "same"] == [
        ("del", "trettio"),
        ("ins", "fyrtio"),
    ]


def test_altered_from_the_release_that_has_most_of_it(quoted: QuotedArchive) -> None:
    for name, text in (
        ("tre", "Fyrmästaren Hedvig Alm lovar tre nya lampor till Norrskär."),
        ("mest", "Fyrmästaren Hedvig Alm lovar trettio nya lampor till Norrskär i höst."),
        ("minst", "Fyrmästaren Hedvig Alm lovar trettio nya lampor."),
    ):
        quoted.read(name, 1, text)
    passage = "Fyrmästaren Hedvig Alm lovar trettio nya kronor till Norrskär i höst"
    result = quoted.check_one(passage)
    assert result.verdict == "altered"
    assert "lampor till Norrskär i höst" in quoted.read_body(result)


@pytest.mark.parametrize(
    "passage", ["Avgiften för fyrar … nästa år", "Avgiften för fyrar ändras.", "Fyrarna … nästa år"]
)
def test_a_hidden_negation_is_marked(quoted: QuotedArchive, passage: str) -> None:
    quoted.read("fyrar", 1, "Fyrarna är fina. Avgiften för fyrar ändras inte nästa år.")
    result = quoted.check_one(passage)
    assert result.verdict == "altered"
    assert "inte" in "".join(part.text for part in result.segments if part.op == "del")


def test_a_removed_release(quoted: QuotedArchive) -> None:
    key = quoted.read("fyrar", 1, "Nytt om fyrar.", SHARED)
    quoted.remove(key, 5)
    result = quoted.check_one(SHARED)
    assert (result.verdict, format_days(result)) == ("withdrawn", ["02", "06"])
    assert result.presence
    assert (result.presence.removal is not None, result.presence.after) == (True, None)
    quoted.read("fyrar-igen", 7, SHARED)
    result = quoted.check_one(SHARED)
    assert (result.verdict, result.releases, quoted.read_body(result)) == ("verbatim", 1, SHARED)


def test_what_the_archive_took_down_is_not_found(quoted: QuotedArchive) -> None:
    hidden = quoted.read("fyrar", 1, "Nytt om fyrar.", SHARED)
    quoted.read("fyrar", 2, "Nytt om fyrar.")
    redacted = quoted.read("namn", 1, "Fyrvaktaren heter Hedvig Alm och bor på Norrskär.")
    quoted.read("namn", 2, "Fyrvaktaren heter Hedvig Alm och bor numera på Lillgrund.")
    assert {
        result.verdict for result in quoted.check(SHARED, "Hedvig Alm och bor på Norrskär")
    } == {"withdrawn"}
    at = FIRST_DAY + timedelta(days=9)
    hide_release(quoted.archive, hidden, at, reason="rättslig grund")
    redact_passage(quoted.archive, redacted, "Hedvig Alm", at, reason="personuppgift")
    verdicts = [result.verdict for result in quoted.check(SHARED, "Hedvig Alm och bor på Norrskär")]
    assert "withdrawn" not in verdicts
    assert "verbatim" not in verdicts


def test_a_page_that_was_only_parsed_again(quoted: QuotedArchive) -> None:
    quoted.read("fyrar", 1, "Nytt om fyrar.", SHARED)
    quoted.read("fyrar", 1, "Nytt om fyrar.", cause="parser")
    assert quoted.check_one(SHARED).verdict in ("not_found", "altered")


def test_what_is_not_checked(quoted: QuotedArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    quoted.read("fyrar", 1, SHARED)

    def check(*passages: str, **options: Any) -> Sequence[tuple[str, str | None]]:
        return [(result.verdict, result.reason) for result in quoted.check(*passages, **options)]

    assert check(SHARED, "ord " * 401) == [("verbatim", None), ("not_checked", "length")]
    assert check(SHARED, seconds=-1) == [("not_checked", "time")]
    monkeypatch.setattr(quotation_check, "MAX_QUOTATIONS", 1)
    assert check("fyrarna", SHARED, SHARED, "midsommar") == [
        *(
            ("short", None),
            ("verbatim", None),
            ("not_checked", "number"),
            ("not_checked", "number"),
        ),
    ]


def test_a_slow_query_leaves_one_quotation_unchecked(quoted: QuotedArchive) -> None:
    quoted.read("fyrar", 1, SHARED)
    with closing(sqlite3.connect(quoted.path)) as db:
        run = build_connection_runner(db)

        async def run_or_stop(sql: str, values: dict[str, Any], /) -> Sequence[Any]:
            if "långsamma" in str(values) and "match" in sql:
                raise TimeoutError
            return await run(sql, values)

        check = QuotationCheck(run_or_stop, seconds=60)
        results = asyncio.run(
            check.check(find_quotations(f"”de långsamma orden här” och ”{SHARED}”"))
        )
    assert [(result.verdict, result.reason) for result in results] == [
        ("not_checked", "time"),
        ("verbatim", None),
    ]


def test_short_passages_are_counted(quoted: QuotedArchive) -> None:
    quoted.read("fyrar", 1, SHARED)
    found = {
        result.quotation.text: result.releases
        for result in quoted.check("tändas igen", "vatten", "rymdfärja", "fyrarna … igen")
    }
    assert found == {"tändas igen": 1, "vatten": 30, "rymdfärja": 0, "fyrarna … igen": 1}


def test_numbers_are_found_with_grouped_digits_or_without(quoted: QuotedArchive) -> None:
    quoted.read("tabell", 1, "Åren 2022, 2023: 10 000 12500 9 000 och 15 000 Weiß kronor.")
    found = quoted.check(
        "10000 12 500 9000",
        "10 000 12500 9 000 och 15000 Weiß kronor",
        "12 500",
        "2022, 2023",
        "7 000",
    )
    assert [(result.verdict, result.releases) for result in found] == [
        *(("verbatim", 1), ("verbatim", 1), ("short", 1), ("short", 1), ("short", 0)),
    ]
