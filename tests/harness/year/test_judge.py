"""The checks of a simulated year accept correct records, and report each wrong one as a miss."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from archive.store.releases import Archive
from archive.times import to_iso
from tests.harness.world.simulation import DAY
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

AGENCY = "skogsbruksradet"
KEY = f"{AGENCY}#0"
STATE = "title, lead, body, body_html, hash"


@dataclass
class Year:
    """A site without a server, whose log and archive are written by hand."""

    world: World
    archive: Archive
    log: list[Asked]

    def happens(self, day: float, kind: str, act: str, subject: str = KEY, **given: object) -> None:
        moment = START + day * DAY
        self.world.site.set_clock(moment)
        self.world.carry_out(Event(moment=moment, kind=kind, subject=subject, act=act, given=given))

    def asks(
        self, day: float, status: int = 200, *, path: str | None = None, fault: bool = False
    ) -> None:
        path = path or self.world.subjects[KEY].release.path
        where = {"host": f"{AGENCY}.localhost", "path": path}
        self.log.append(Asked(moment=START + day * DAY, status=status, fault=fault, **where))

    def tells(self, sql: str, **values: object) -> None:
        """Run a statement on the archive; days become times, `release` is the release in its
        current state.
        """
        subject = self.world.subjects[KEY]
        texts = {"lead": subject.release.lead, "body": "\n\n".join(subject.release.body)}
        told = {"title": subject.release.title, "url": subject.url, **texts, **values}
        days = {n: to_iso(START + v * DAY) for n, v in values.items() if isinstance(v, float)}
        with self.archive.transaction():
            self.archive.db.execute(sql, told | days)

    def inserts(self, table: str, **values: object) -> None:
        """Insert a row."""
        marks = ", ".join(f":{name}" for name in values)
        self.tells(f"insert into {table} ({', '.join(values)}) values ({marks})", **values)

    def revises(self, day: float, cause: str = "source", **columns: object) -> None:
        """Add a revision of the current state."""
        facts: dict[str, object] = {"update_date_changed": 0, "importance": 9, "summary": "ändrat"}
        facts |= {"changes": '[{"field": "lead"}]', **columns}
        self.tells(
            "update revisions set last_seen = :before where id = (select max(id) from revisions)",
            before=0.0,
        )
        self.tells(
            f"insert into revisions (release, previous, seen, cause, {STATE}, {', '.join(facts)})"
            f" select 1, max(id), :seen, :cause, :title, :lead, :body, '', 'x',"
            f" {', '.join(f':{name}' for name in facts)} from revisions",
            seen=float(day),
            cause=cause,
            **facts,
        )

    def removes(self, kind: str, first: float, confirmed: float | None = None) -> None:
        """Add a removal."""
        times = {"first_seen": first, "last_seen": first, "confirmed": confirmed}
        self.inserts("removals", release=1, kind=kind, checks=3, **times)

    def crawls(self, day: float, *, errors: int, rejected: int) -> None:
        """Add a crawl."""
        counts = {"errors": errors, "rejected": rejected, "requests": 1}
        self.inserts("crawls", agency=AGENCY, spider="revisit", started=day, **counts)

    def misses(self) -> list[str]:
        """Return the result of all checks."""
        verdict, told, history = Verdict(), Told(self.archive.path), History(self.world, self.log)
        for judge in (judge_edits, judge_removals, judge_moves, judge_outages):
            judge(history, told, verdict)
        assert len(verdict.misses) >= sum(verdict.due.values()) - sum(verdict.right.values())
        return verdict.misses

    def lookups(self) -> list[str]:
        """Return what is wrong about the histories of the phrases that the edit of day 2
        changed.
        """
        self.tells(
            "update releases set lead = :lead, last_checked = :seen,"
            " revision = (select max(v.id) from revisions v where v.release = releases.id)",
            seen=2.0,
        )
        self.tells("update revisions set hash = id")
        self.archive.recompute()
        verdict, path = Verdict(), self.archive.path
        judge_phrases(History(self.world, self.log), Told(path), path, verdict)
        assert verdict.happened[FOUND] > 0
        return verdict.misses


@pytest.fixture
def year(tmp_path: Path) -> Iterator[Year]:
    """A year with one release, read once at the beginning."""
    with Archive(tmp_path / "archive.db") as archive:
        made = Year(World(Site(port=1, releases=4), START, set()), archive, [])
        archive.add_agency(AGENCY, name="Skogsbruksrådet", home=f"http://{AGENCY}.localhost:1/")
        values = ":title, :lead, :body, '', 'x')"
        made.tells(
            f"insert into releases (id, agency, url, added, first_seen, last_checked, {STATE})"
            f" values (1, '{AGENCY}', :url, :seen, :seen, :seen, {values}",
            seen=0.0,
        )
        made.tells(
            f"insert into revisions (id, release, seen, cause, {STATE})"
            f" values (1, 1, :seen, 'first', {values}",
            seen=0.0,
        )
        made.asks(0)
        yield made


@pytest.fixture
def edited(year: Year) -> Year:
    """A year with an edit of the lead, read afterwards."""
    year.happens(1, "undated", "change", how="longer_lead")
    year.asks(2)
    return year


def test_an_edit_must_be_told(edited: Year) -> None:
    (miss,) = edited.misses()
    assert miss.startswith(EDITS["undated"])
    assert miss.endswith("not seen")
    edited.revises(2)
    assert edited.misses() == []


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
    edited: Year, day: int, columns: dict[str, object], problem: str
) -> None:
    lead = columns.pop("lead", None)
    edited.revises(day, **columns)  # type: ignore[arg-type] # cause is among them
    if lead:
        edited.tells("update revisions set lead = :other where id > 1", other=lead)
    assert any(problem in miss for miss in edited.misses())


def test_an_edit_that_nobody_could_see_is_none(year: Year) -> None:
    year.happens(1, "undone", "change", how="new_title")
    year.happens(1.5, "undone", "change", how="new_title", undo=True)
    year.asks(2)
    assert year.misses() == []
    year.revises(2)
    assert any(miss.startswith(INVENTED) for miss in year.misses())


def test_a_text_that_is_back_must_be_told_so(edited: Year) -> None:
    edited.revises(2)
    edited.happens(3, "flap", "change", how="longer_lead", undo=True)
    edited.asks(4)
    edited.revises(4)
    edited.tells("update revisions set last_seen = :seen where id = 2", seen=2.0)
    assert [miss for miss in edited.misses() if "reverts_to is not told" in miss]
    edited.tells("update revisions set reverts_to = 1 where id = 3")
    assert edited.misses() == []


def test_a_removal_must_be_told_and_as_what_it_was(year: Year) -> None:
    year.happens(1, "404", "delete", status=404)
    for day in (2, 3, 4, 5):
        year.asks(day, 404)
    assert "not told" in year.misses()[0]
    year.removes("gone", 2.0, 4.0)
    assert year.misses() == []
    for changed, problem in (
        ("kind = 'redirected'", "told as redirected"),
        ("kind = 'gone', confirmed = :at", "confirmed at"),
        ("confirmed = null", "not confirmed"),
    ):
        year.tells(f"update removals set {changed}", at=2.2)
        assert problem in year.misses()[0]


def test_a_return_must_be_told(year: Year) -> None:
    year.happens(1, "404", "delete", status=404)
    year.asks(2, 404)
    year.happens(3, "404", "restore")
    year.asks(4, 304)
    year.removes("gone", 2.0)
    assert "not told as back" in year.misses()[0]
    year.tells("update removals set ended = :at", at=4.0)
    assert year.misses() == []


def test_an_outage_is_no_removal(year: Year) -> None:
    year.happens(1, "503", "break_", AGENCY, sort="503")
    year.asks(2, 503, fault=True)
    year.happens(3, "503", "mend", AGENCY, sort="503")
    year.crawls(2.0, errors=1, rejected=0)
    assert year.misses() == []
    year.removes("gone", 2.0)
    assert year.misses()[0].startswith(OUTAGE)
    year.tells("update removals set first_seen = :at", at=9.0)
    assert year.misses()[0].startswith(FALSE)
    year.tells("delete from removals")
    year.tells("update crawls set errors = 0")
    assert "tells no errors" in year.misses()[0]


def test_a_no_of_robots_must_be_kept(year: Year) -> None:
    year.happens(1, "robots no", "break_", AGENCY, sort="robots no")
    year.asks(2)
    year.happens(3, "robots no", "mend", AGENCY, sort="robots no")
    year.crawls(2.0, errors=0, rejected=1)
    (miss,) = year.misses()
    assert "was asked for" in miss


def test_a_move_must_lead_to_the_same_release(year: Year) -> None:
    old = year.world.subjects[KEY].release.path
    year.happens(1, "301", "move")
    year.asks(2, 301, path=old)
    year.asks(2)
    assert "different releases" in year.misses()[0]
    year.tells("update releases set url = :url")
    known = {"role": "release", "state": "held", "first_seen": "", "release": 1}
    year.inserts("frontier", url=year.world.subjects[KEY].urls[0], agency=AGENCY, **known)
    assert year.misses()[0].endswith("no move is told")
    year.removes("moved", 2.0, 2.0)
    assert year.misses() == []


def test_phrases_of_an_edit_are_found_between_the_right_checks(edited: Year) -> None:
    edited.revises(2)
    assert edited.lookups() == []
    edited.tells("update revisions set seen = :later where id = 2", later=3.0)
    (miss,) = edited.lookups()
    assert miss.startswith(FOUND)


def test_a_phrase_that_a_page_never_had_is_invented(edited: Year) -> None:
    edited.revises(2)
    other = next(subject for key, subject in edited.world.subjects.items() if key != KEY)
    edited.tells(
        f"insert into releases (agency, url, added, first_seen, last_checked, {STATE})"
        " select agency, :other, added, first_seen, last_checked, title, :lead, body, '', 'y'"
        " from releases",
        other=other.url,
    )
    edited.tells(
        f"insert into revisions (release, seen, cause, {STATE})"
        " select id, first_seen, 'first', title, lead, body, '', 'y' from releases where id = 2"
    )
    (miss,) = edited.lookups()
    assert miss.startswith(INVENTED_PHRASE)
    assert miss.endswith(other.url)
