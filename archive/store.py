"""Archive.save: one release into SQLite with everything that belongs to it, in one transaction."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, Self

from sqlite_utils import Database

from archive.errors import ArchiveError
from archive.frontier import Frontier
from archive.migrations import STATE, migrations
from archive.records import Release
from archive.times import to_text

PARTS = ("questions", "images", "attachments")
LISTS = ("tags", *PARTS)


class Outcome(Enum):
    """What saving a release came to."""

    NEW = "new"
    REVISED = "revised"
    UNCHANGED = "unchanged"


class Archive:
    """An archive.db, opened for writing and brought to the newest schema. Use as a context manager."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        try:
            # isolation_level None: transactions are ours alone, begun and ended in `transaction`
            connection = sqlite3.connect(self.path, isolation_level=None, timeout=30)
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = normal")
            connection.execute("pragma foreign_keys = on")
            self.db = Database(connection)
            migrations.apply(self.db)
        except sqlite3.Error as error:
            raise ArchiveError(self.path, f"cannot be opened as an archive: {error}") from error
        self.frontier = Frontier(self.db)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; nothing is pending, each transaction has ended."""
        self.db.close()

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

    def save(self, release: Release, *, seen: datetime, cause: str = "source") -> Outcome:
        """Keep a release as it stood at `seen`: a first state, a new state where it differs, or a mere check.

        `cause` names why a new state differs (source, parser); a first state is always `first`.
        Its agency must be held already. ArchiveError names table and key of what cannot be written.
        """
        state = to_state(release)
        digest = state_hash(state)
        moment = to_text(seen)
        with self.transaction():
            try:
                return self._save(release, state, digest, moment, cause)
            except sqlite3.IntegrityError as error:
                raise ArchiveError(self.path, str(error), table="releases", key=release.url) from error

    def release_id(self, url: str) -> int | None:
        """The id of the release held under a canonical URL, if any."""
        row = self.db.execute("select id from releases where url = ?", [url]).fetchone()
        return row[0] if row else None

    def title_of(self, url: str) -> str | None:
        """The title of the release held under a canonical URL, if any."""
        row = self.db.execute("select title from releases where url = ?", [url]).fetchone()
        return row[0] if row else None

    def checked(self, release: int, seen: datetime) -> None:
        """Note that a release was looked at and stood as held."""
        self.db.execute("update releases set last_checked = ? where id = ?", [to_text(seen), release])

    def _save(self, release: Release, state: dict[str, Any], digest: str, moment: str | None, cause: str) -> Outcome:
        held = self.db.execute("select id, hash, updated from releases where url = ?", [release.url]).fetchone()
        if held and held[1] == digest:
            self.db.execute("update releases set last_checked = ? where id = ?", [moment, held[0]])
            return Outcome.UNCHANGED
        columns = {name: state[name] for name in STATE}
        if held:
            key, dated = held[0], int(held[2] != state["updated"])
            self._update("releases", key, {**columns, "hash": digest, "last_checked": moment})
        else:
            facts = {"agency": release.agency, "url": release.url, "first_seen": moment, "last_checked": moment}
            key, dated, cause = self._insert("releases", {**facts, **columns, "hash": digest}), None, "first"
        nested = {name: json.dumps(state[name], ensure_ascii=False) for name in LISTS}
        revision = {"release": key, "seen": moment, "cause": cause, "dated": dated, "hash": digest}
        self._update("releases", key, {"revision": self._insert("revisions", {**revision, **columns, **nested})})
        self._replace_parts(key, state)
        return Outcome.REVISED if held else Outcome.NEW

    def _replace_parts(self, release: int, state: dict[str, Any]) -> None:
        self.db.execute("delete from release_tags where release = ?", [release])
        for tag in state["tags"]:
            self.db.execute("insert or ignore into tags (name) values (?)", [tag])
            self.db.execute(
                "insert into release_tags (release, tag) select ?, id from tags where name = ?", [release, tag]
            )
        for name in PARTS:
            for position, part in enumerate(state[name], 1):
                self._put_part(name, {**part, "release": release, "position": position})
            self.db.execute(f"delete from {name} where release = ? and position > ?", [release, len(state[name])])

    def _put_part(self, table: str, row: dict[str, Any]) -> None:
        """A question, image or attachment in its place; the id of a place once taken stays."""
        names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
        sets = ", ".join(f"{name} = excluded.{name}" for name in row)
        self.db.execute(
            f"insert into {table} ({names}) values ({marks}) on conflict (release, position) do update set {sets}", row
        )

    def _insert(self, table: str, row: dict[str, Any]) -> int:
        names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
        key = self.db.execute(f"insert into {table} ({names}) values ({marks})", row).lastrowid
        assert key is not None  # noqa: S101 - an insert that did not raise has given a rowid
        return key

    def _update(self, table: str, key: int, row: dict[str, Any]) -> None:
        sets = ", ".join(f"{name} = :{name}" for name in row)
        self.db.execute(f"update {table} set {sets} where id = :id", {**row, "id": key})


def to_state(release: Release) -> dict[str, Any]:
    """What of a release can change, as the columns hold it; tags, questions, images, attachments as lists."""
    state = {name: getattr(release, name) for name in STATE}
    state["published"], state["updated"] = to_text(release.published), to_text(release.updated)
    state["tags"] = list(dict.fromkeys(release.tags))
    for name in PARTS:
        state[name] = [asdict(part) for part in getattr(release, name)]
    return state


def state_hash(state: dict[str, Any]) -> str:
    """SHA-256 (hex) of a state's canonical JSON: keys sorted, no spaces, UTF-8."""
    text = json.dumps(state, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
