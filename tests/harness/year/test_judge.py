"""The checks of a simulated year accept correct records, and report each wrong one as a miss."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from archive.store.releases import Archive
from archive.times import to_iso
from tests.harness.year.author import START
from tests.harness.year.events import EDITS, Event
from tests.harness.year.history import History
from tests.harness.year.judge_edits import INVENTED, judge_edits
from tests.harness.year.judge_phrases import FOUND, INVENTED_PHRASE, judge_phrases
from tests.harness.year.judge_removals import (
    FALSE,
    OUTAGE,
    judge_moves,
    judge_outages,
    judge_removals,
)
from tests.harness.year.told import Told, Verdict
from tests.harness.year.world import World
from tests.site.knobs import Asked
from tests.site.server import Site

DAY = timedelta(days=1)
KEY = "skogsbruksradet#0"
STATE = "title, lead, body, body_html, hash"


@dataclass
class Year:
    """A site without a server, whose log and archive are written by hand."""

    world: World
    archive: Archive
    log: list[Asked]

    def happens(self, day: float, kind: str, act: str, subject: str = KEY, **given: object) -> None:
        self.world.site.set_clock(START + day * DAY)
        event = Event(moment=START + day * DAY, kind=kind, subject=subject, act=act, given=given)
        self.world.carry_out(event)

    def asks(
        self, day: float, status: int = 200, *, path: str | None = None, fault: bool = False
    ) -> None:
        path = path or self.world.subjects[KEY].release.path
        host = "skogsbruksradet.localhost"
        self.log.append(
            Asked(moment=START + day * DAY, host=host, path=path, status=status, fault=fault)
        )

    def tells(self, sql: str, **values: object) -> None:
        """Run a statement on the archive; days become times, `release` is the release in its
        current state.
        """
        release = self.world.subjects[KEY].release
        told = {
            "title": release.title,
            "lead": release.lead,
            "body": "\n\n".join(release.body),
            "url": self.world.subjects[KEY].url,
        }
        days = {
            name: to_iso(START + day * DAY)
            for name, day in values.items()
            if isinstance(day, float)
        }
        with self.archive.transaction():
            self.archive.db.execute(sql, told | values | days)

    def revises(self, day: float, cause: str = "source", **columns: object) -> None:
        """Add a revision of the current state."""
        facts = {
            "update_date_changed": 0,
            "importance": 9,
            "summary": "ändrat",
            "changes": '[{"field": "lead"}]',
            **columns,
        }
        names, marks = (
            "".join(f", {name}" for name in facts),
            "".join(f", :{name}" for name in facts),
        )
        self.tells(
            "update revisions set last_seen = :before where id = (select max(id) from revisions)",
            before=0.0,
        )
        self.tells(
            f"insert into revisions (release, previous, seen, cause, {STATE}{names})"
            f" select 1, max(id), :seen,"
            f" :cause, :title, :lead,"
            f" :body, '', 'x'{marks} from"
            f" revisions",
            seen=float(day),
            cause=cause,
            **facts,
        )

    def misses(self) -> list[str]:
        """Return the result of all checks."""
        verdict, told, history = Verdict(), Told(self.archive.path), History(self.world, self.log)
        for judge in (judge_edits, judge_removals, judge_moves, judge_outages):
            judge(history, told, verdict)
        assert len(verdict.misses) >= sum(verdict.due.values()) - sum(verdict.right.values())
        return verdict.misses


@pytest.fixture
def year(tmp_path: Path) -> Iterator[Year]:
    """A year with one release, read once at the beginning."""
    with Archive(tmp_path / "archive.db") as archive:
        made = Year(World(Site(port=1, releases=4), START, set()), archive, [])
        archive.add_agency(
            "skogsbruksradet", name="Skogsbruksrådet", home="http://skogsbruksradet.localhost:1/"
        )
        made.tells(
            f"insert into releases (id, agency, url, first_seen, last_checked, {STATE})"
            " values (1, 'skogsbruksradet', :url, :seen, :seen, :title, :lead, :body, '', 'x')",
            seen=0.0,
        )
        made.tells(
            f"insert into revisions (id, release, seen, cause, {STATE})"
            " values (1, 1, :seen, 'first', :title, :lead, :body, '', 'x')",
            seen=0.0,
        )
        made.asks(0)
        yield made


def edited(year: Year) -> None:
    """Edit the lead, and read it afterwards."""
    year.happens(1, "undated", "change", how="longer_lead")
    year.asks(2)


def test_an_edit_told_right_passes(year: Year) -> None:
    edited(year)
    year.revises(2)
    assert year.misses() == []


def test_an_edit_that_is_not_told_is_a_miss(year: Year) -> None:
    edited(year)
    (miss,) = year.misses()
    assert miss.startswith(EDITS["undated"])
    assert miss.endswith("not seen")


@pytest.mark.parametrize(
    ("day", "columns", "problem"),
    [
        (3, {}, "not seen"),
        (2, {"cause": "parser"}, "told as parser"),
        (2, {"update_date_changed": 1}, "update_date_changed is 1"),
        (2, {"summary": None}, "not described"),
        (2, {"lead": "En annan ingress."}, "lead is 'En annan ingress.'"),
    ],
)
def test_an_edit_told_wrong_is_a_miss(
    year: Year, day: int, columns: dict[str, object], problem: str
) -> None:
    edited(year)
    lead = columns.pop("lead", None)
    year.revises(day, **columns)  # type: ignore[arg-type] # cause is among them
    if lead:
        year.tells("update revisions set lead = :other where id > 1", other=lead)
    assert any(problem in miss for miss in year.misses())


def test_an_edit_that_nobody_could_see_is_none(year: Year) -> None:
    year.happens(1, "undone", "change", how="new_title")
    year.happens(1.5, "undone", "change", how="new_title", undo=True)
    year.asks(2)
    assert year.misses() == []
    year.revises(2)
    assert any(miss.startswith(INVENTED) for miss in year.misses())


def test_a_text_that_is_back_must_be_told_so(year: Year) -> None:
    edited(year)
    year.revises(2)
    year.happens(3, "flap", "change", how="longer_lead", undo=True)
    year.asks(4)
    year.revises(4)
    year.tells("update revisions set last_seen = :seen where id = 2", seen=2.0)
    assert [miss for miss in year.misses() if "reverts_to is not told" in miss]
    year.tells("update revisions set reverts_to = 1 where id = 3")
    assert year.misses() == []


def removed(
    year: Year, kind: str, *, first: float, confirmed: float | None, ended: float | None = None
) -> None:
    """Add a removal to the archive."""
    year.tells(
        "insert into removals (release, kind, first_seen, last_seen, checks, confirmed, ended)"
        " values (1, :kind, :first, :first, 3, :confirmed, :ended)",
        kind=kind,
        first=first,
        confirmed=confirmed,
        ended=ended,
    )


def test_a_removal_must_be_told_and_as_what_it_was(year: Year) -> None:
    year.happens(1, "404", "delete", status=404)
    for day in (2, 3, 4, 5):
        year.asks(day, 404)
    (miss,) = year.misses()
    assert "not told" in miss
    removed(year, "gone", first=2.0, confirmed=4.0)
    assert year.misses() == []
    year.tells("update removals set kind = 'redirected'")
    assert "told as redirected" in year.misses()[0]
    year.tells("update removals set kind = 'gone', confirmed = :at", at=2.2)
    assert "confirmed at" in year.misses()[0]
    year.tells("update removals set confirmed = null")
    assert "not confirmed" in year.misses()[0]


def test_a_return_must_be_told(year: Year) -> None:
    year.happens(1, "404", "delete", status=404)
    year.asks(2, 404)
    year.happens(3, "404", "restore")
    year.asks(4, 304)
    removed(year, "gone", first=2.0, confirmed=None)
    assert "not told as back" in year.misses()[0]
    year.tells("update removals set ended = :at", at=4.0)
    assert year.misses() == []


def test_an_outage_is_no_removal(year: Year) -> None:
    year.happens(1, "503", "break_", "skogsbruksradet", sort="503")
    year.asks(2, 503, fault=True)
    year.happens(3, "503", "mend", "skogsbruksradet", sort="503")
    year.tells(
        "insert into crawls (agency, spider, started, errors, rejected, requests)"
        " values ('skogsbruksradet', 'revisit', :started, 1, 0, 1)",
        started=2.0,
    )
    assert year.misses() == []
    removed(year, "gone", first=2.0, confirmed=None)
    assert year.misses()[0].startswith(OUTAGE)
    year.tells("update removals set first_seen = :at", at=9.0)
    assert year.misses()[0].startswith(FALSE)
    year.tells("delete from removals")
    year.tells("update crawls set errors = 0")
    assert "tells no errors" in year.misses()[0]


def test_a_no_of_robots_must_be_kept(year: Year) -> None:
    year.happens(1, "robots no", "break_", "skogsbruksradet", sort="robots no")
    year.asks(2)
    year.happens(3, "robots no", "mend", "skogsbruksradet", sort="robots no")
    year.tells(
        "insert into crawls (agency, spider, started, errors, rejected, requests)"
        " values ('skogsbruksradet', 'revisit', :started, 0, 1, 1)",
        started=2.0,
    )
    (miss,) = year.misses()
    assert "was asked for" in miss


def test_a_move_must_lead_to_the_same_release(year: Year) -> None:
    old = year.world.subjects[KEY].release.path
    year.happens(1, "301", "move")
    year.asks(2, 301, path=old)
    year.asks(2)
    assert "different releases" in year.misses()[0]
    year.tells("update releases set url = :url")
    year.tells(
        "insert into frontier (url, agency, role, state, first_seen, release)"
        " values (:old, 'skogsbruksradet', 'release', 'held', '', 1)",
        old=year.world.subjects[KEY].urls[0],
    )
    assert year.misses()[0].endswith("no move is told")
    removed(year, "moved", first=2.0, confirmed=2.0)
    assert year.misses() == []


def judge_lookups(year: Year) -> list[str]:
    """Return what is wrong about the histories of the phrases that the edit of day 2 changed."""
    year.tells(
        "update releases set lead = :lead, last_checked = :seen,"
        " revision = (select max(v.id) from revisions v where v.release = releases.id)",
        seen=2.0,
    )
    year.tells("update revisions set hash = id")
    year.archive.recompute()
    verdict = Verdict()
    judge_phrases(
        History(year.world, year.log), Told(year.archive.path), year.archive.path, verdict
    )
    assert verdict.happened[FOUND] > 0
    return verdict.misses


def test_phrases_of_an_edit_are_found_between_the_right_checks(year: Year) -> None:
    edited(year)
    year.revises(2)
    assert judge_lookups(year) == []
    year.tells("update revisions set seen = :later where id = 2", later=3.0)
    (miss,) = judge_lookups(year)
    assert miss.startswith(FOUND)


def test_a_phrase_that_a_page_never_had_is_invented(year: Year) -> None:
    edited(year)
    year.revises(2)
    other = next(subject for key, subject in year.world.subjects.items() if key != KEY)
    year.tells(
        "insert into releases (agency, url, first_seen,"
        " last_checked, title, lead, body, body_html, hash)"
        " select agency, :other,"
        " first_seen, last_checked,"
        " title, :lead, body, '', 'y' from releases",
        other=other.url,
    )
    year.tells(
        "insert into revisions (release, seen, cause, title, lead, body, body_html, hash)"
        " select id, first_seen, 'first', title, lead, body, '', 'y' from releases where id = 2"
    )
    (miss,) = judge_lookups(year)
    assert miss.startswith(INVENTED_PHRASE)
    assert miss.endswith(other.url)
