"""Archive.save: one release into SQLite with everything that belongs to it, in one transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, Self

from sqlite_utils import Database

from archive.errors import ArchiveError
from archive.files import open_writable
from archive.frontier import Frontier
from archive.held import Held, find_held, is_reordered
from archive.hosts import Hosts
from archive.migrations import migrate
from archive.prepared import Prepared, prepare
from archive.records import Capture, Release
from archive.removals import Removals
from archive.search.counted import fill_counted
from archive.takedowns.rules import Rules
from archive.times import to_text
from archive.walks import Walks
from archive.writer import Writer

OWN = ("first", "parser")  # causes of states that no agency's edit made


class Outcome(Enum):
    """What saving a release came to."""

    NEW = "new"
    REVISED = "revised"
    REREAD = "reread"  # the text stands as it did, and is read otherwise now
    UNCHANGED = "unchanged"
    AWAY = "away"  # something else stood at its address
    HELD_BACK = "held_back"  # kept aside (archive.aside)


class Archive:
    """An archive.db, opened for writing and brought to the newest schema. Use as a context manager.

    A search index made by another lemmatiser is made anew at once (about a second for a thousand releases),
    unless `renew` is False.
    """

    def __init__(self, path: Path | str, *, renew: bool = True) -> None:
        self.path = Path(path)
        if not self.path.parent.is_dir():
            raise ArchiveError(self.path, f"there is no folder {self.path.parent}")
        try:
            self.db = Database(open_writable(self.path))  # transactions are ours alone, see `transaction`
            migrate(self.db, self.path)
        except sqlite3.Error as error:
            raise ArchiveError(self.path, f"cannot be opened as an archive: {error}") from error
        self.frontier = Frontier(self.db)
        self.hosts = Hosts(self.db)
        self.walks = Walks(self.db)
        self.removals = Removals(self.db)
        self.rules = Rules(self.db, self.path)
        self.writer = Writer(self.db, self.rules)
        self._prepared: Prepared | None = None  # the release that was asked about last
        if renew and self.writer.index.is_stale():
            self.writer.index.renew()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; nothing is pending, each transaction has ended."""
        self.db.close()

    def renew(self, watch: Callable[[str, int, int], None] = lambda *_: None) -> int:
        """Make anew what is made from releases: the search index, keys of joint texts, counts. Gives their number."""
        number = self.writer.index.renew(watch)
        with self.transaction():
            if self.writer.joint.is_stale():
                self.writer.joint.renew_all()
            fill_counted(self.db)
        return number

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written inside stands or falls together; nests (the outermost commits)."""
        connection = self.db.conn
        if connection.in_transaction:
            yield
            return
        connection.execute("begin immediate")
        try:
            yield
        except BaseException:
            connection.execute("rollback")
            raise
        connection.execute("commit")

    @contextmanager
    def bulk(self) -> Iterator[None]:
        """A transaction in which many releases are saved: what they share is written once. All fall, or stand."""
        with self.transaction(), self.writer.index.gathering():
            yield

    def add_agency(
        self, slug: str, *, name: str, home: str, name_en: str | None = None, org_number: str | None = None
    ) -> None:
        """Hold an agency; later calls bring its facts up to date."""
        facts = {"slug": slug, "name": name, "name_en": name_en, "org_number": org_number, "home": home}
        with self.transaction():
            self.db.execute(
                "insert into agencies (slug, name, name_en, org_number, home)"
                " values (:slug, :name, :name_en, :org_number, :home) on conflict (slug) do update set"
                " name = excluded.name, name_en = excluded.name_en, org_number = excluded.org_number,"
                " home = excluded.home where (name, name_en, org_number, home)"
                " is not (excluded.name, excluded.name_en, excluded.org_number, excluded.home)",
                facts,
            )

    def add_capture(self, capture: Capture) -> int:
        """Note an answer whose bytes are in captures.db already; gives its id."""
        row = {
            "url": capture.url,
            "seen": to_text(capture.seen),
            "status": capture.status,
            "headers": json.dumps(dict(capture.headers), ensure_ascii=False),
            "sha256": capture.sha256,
            "bytes": capture.bytes,
        }
        return self.writer.insert("captures", row)

    def save(
        self,
        release: Release,
        *,
        seen: datetime,
        cause: str = "source",
        capture: int | None = None,
        reader: str | None = None,
        follows: Held | None = None,
        prepared: Prepared | None = None,
    ) -> Outcome:
        """Keep a release as it stood at `seen`: a first state, a new state where it differs, or a mere check.

        `cause` names why a new state differs (source; parser, also where nothing differs to a reader); a first state
        is always `first`, an `import` stays one. `capture`: the answer it was read from; `reader`: the rules it was
        read with; `follows`: the state it follows where not the one held under its address (it moved); `prepared`: by
        another process. Its agency must be held already. ArchiveError names table and key of what cannot be written.
        """
        prepared = prepared or self._prepare(release)
        with self.transaction():
            try:
                return self._save(prepared, seen, {"cause": cause, "capture": capture, "reader": reader}, follows)
            except sqlite3.IntegrityError as error:
                raise ArchiveError(self.path, str(error), table="releases", key=release.url) from error

    def _save(self, prepared: Prepared, seen: datetime, facts: dict[str, Any], follows: Held | None) -> Outcome:
        release, facts = prepared.release, {**facts, "seen": to_text(seen)}
        row = self.db.execute("select id, hash from releases where url = ?", [release.url]).fetchone()
        if row is None:
            self.writer.first(prepared, facts)
            return Outcome.NEW
        held = self._find_other(row[1], prepared)
        if held is None:
            self.checked(row[0], seen)
            return Outcome.UNCHANGED
        cause = self.writer.revise(held, prepared.state, facts, follows or held)
        return Outcome.REREAD if cause in OWN else Outcome.REVISED

    def held(self, url: str) -> Held | None:
        """The state that stands now of the release under a canonical URL, if it is held."""
        return find_held(self.db, self.rules, "r.url = ? and v.id = r.revision", url)

    def last_of(self, release: int) -> Held | None:
        """The state that stands now of a release, or stood last."""
        return find_held(self.db, self.rules, "r.id = ? and v.id = r.revision", release)

    def first_of(self, release: int) -> Held | None:
        """The state in which a release was first read."""
        first = "r.id = ? and v.id = (select min(id) from revisions where release = r.id)"
        return find_held(self.db, self.rules, first, release)

    def release_id(self, url: str) -> int | None:
        """The id of the release held under a canonical URL, if any."""
        row = self.db.execute("select id from releases where url = ?", [url]).fetchone()
        return row[0] if row else None

    def url_of(self, release: int) -> str | None:
        """The address a release stands at."""
        row = self.db.execute("select url from releases where id = ?", [release]).fetchone()
        return row[0] if row else None

    def dates_of(self, release: int) -> tuple[str, str | None, str | None]:
        """When a release was first seen, when it says it was published and updated."""
        found: tuple[str, str | None, str | None] = self.db.execute(
            "select first_seen, published, updated from releases where id = ?", [release]
        ).fetchone()
        return found

    def last_checked(self, release: int) -> str:
        """When a release was last seen standing."""
        return str(self.db.execute("select last_checked from releases where id = ?", [release]).fetchone()[0])

    def captured_at(self, capture: int | None) -> str | None:
        """The address an answer came from."""
        row = self.db.execute("select url from captures where id = ?", [capture]).fetchone()
        return row[0] if row else None

    def differs(self, release: Release, prepared: Prepared | None = None) -> bool:
        """Whether a release is new, or stands otherwise than held."""
        row = self.db.execute("select hash from releases where url = ?", [release.url]).fetchone()
        return row is None or self._find_other(row[0], prepared or self._prepare(release)) is not None

    def _find_other(self, digest: str, prepared: Prepared) -> Held | None:
        """The state held, with that hash, of a release that stands otherwise; None where it stands so."""
        held = None if digest == prepared.hash else self.held(prepared.release.url)
        return None if held is None or is_reordered(prepared.state, held) else held

    def _prepare(self, release: Release) -> Prepared:
        """A release's state and hash: a page's are asked for several times in a row."""
        if self._prepared is None or self._prepared.release is not release:
            self._prepared = prepare(release, words=False)
        return self._prepared

    def readdress(self, release: int, url: str, seen: datetime) -> None:
        """A release was held under an address that is another one's: its own is the one it was read at."""
        self.db.execute("update releases set url = ? where id = ?", [url, release])
        self.frontier.held(url, release, seen)

    def note_design(self, release: int, capture: int) -> None:
        """A capture shows a release unchanged in a new design."""
        self.db.execute("update releases set capture = ? where id = ?", [capture, release])

    def postpone(self, release: int, next_check: datetime) -> None:
        """Look at a release again at another time, without having seen it."""
        self.db.execute("update releases set next_check = ? where id = ?", [to_text(next_check), release])

    def checked(self, release: int, seen: datetime, next_check: datetime | None = None) -> None:
        """Note that a release was looked at and stood as held, and when it is to be looked at again."""
        self.db.execute(
            "update releases set last_checked = ?, checks = checks + 1, next_check = coalesce(?, next_check)"
            " where id = ?",
            [to_text(seen), to_text(next_check), release],
        )
