"""Writes a release's states: a first one, or one more beside the one it follows, with all that belongs to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlite_utils import Database

from archive.changes import Comparison, compare
from archive.held import Held
from archive.joint import Joint, join_parts
from archive.prepared import Prepared, read_words
from archive.state import LISTS, PARTS, STATE, state_hash
from archive.swedish.index import Index
from archive.takedowns.rules import Rules


class Writer:
    """Rows of releases, revisions and their parts. No method commits: `Archive.save` does."""

    def __init__(self, db: Database, rules: Rules) -> None:
        self.db = db
        self.rules = rules
        self.joint = Joint(db)
        self.index = Index(db)

    def first(self, prepared: Prepared, facts: dict[str, Any]) -> None:
        release, state, digest, moment = prepared.release, prepared.state, prepared.hash, facts["seen"]
        own = {"agency": release.agency, "url": release.url, "first_seen": moment, "last_checked": moment}
        columns = {name: state[name] for name in STATE}
        cause = "import" if facts["cause"] == "import" else "first"
        key = self.insert("releases", {**own, **columns, "hash": digest})
        revision = self.insert(
            "revisions", {**facts, **columns, **as_json(state), "release": key, "cause": cause, "hash": digest}
        )
        self.update("releases", key, {"revision": revision, "capture": facts["capture"]})
        self.put_parts(key, state)
        words = prepared.words or read_words(state)
        self.index.put(key, words.terms)
        self.joint.note(key, release.agency, text_of(state), words.keys, new=True)

    def revise(self, held: Held, state: Mapping[str, Any], facts: dict[str, Any], before: Held) -> str:
        """A further state, which closes what was known of the held one's standing; `before` is what it follows.

        Gives its cause: no edit (`source`) is told of in which nothing is found to differ. Of what is taken down only
        what may be shown is written here.
        """
        digest, whole = state_hash(state), state
        state, covering = self.rules.shown(held.release, whole)
        columns = {name: state[name] for name in STATE}
        told = compare(self.rules.shown(held.release, before.state)[0], state)
        if facts["cause"] == "source" and not told.changes and not compare(before.state, whole).changes:
            facts = {**facts, "cause": "parser"}
        same = self.db.execute(
            "select min(id) from revisions where release = ? and hash = ?", [held.release, digest]
        ).fetchone()
        self.db.execute(
            "update revisions set last_seen = r.last_checked, checks = r.checks from releases r"
            " where revisions.id = ? and r.id = ?",
            [held.revision, held.release],
        )
        row = {
            "release": held.release,
            "previous": before.revision,
            "same_as": same[0],
            "dated": int(before.state["updated"] != state["updated"]),
            "weight": told.weight,
            **tell(told),
            "hash": digest,
            "withheld": covering,
        }
        revision = self.insert("revisions", {**facts, **columns, **as_json(state), **row})
        if covering is not None:
            self.rules.withheld.keep_state(revision, {**whole, **as_json(whole), **tell(compare(before.state, whole))})
        standing = {"revision": revision, "hash": digest, "checks": 0}
        if facts["capture"] is None or facts["capture"] != held.capture:  # else nobody looked: old bytes were read anew
            standing |= {"last_checked": facts["seen"], "capture": facts["capture"]}
        self.update("releases", held.release, {**columns, **standing})
        self.show(held.release, state, self.rules.shown(held.release, held.state)[0])
        return str(facts["cause"])

    def show(self, release: int, state: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> None:
        """All that follows from the state a release stands in: its parts, its words, its copies elsewhere."""
        self.db.execute("delete from release_tags where release = ?", [release])
        self.put_parts(release, state)
        for name in PARTS:
            self.db.execute(f"delete from {name} where release = ? and position > ?", [release, len(state[name])])
        words = read_words(state)
        self.index.put(release, words.terms, before)
        agency = self.db.execute("select agency from releases where id = ?", [release]).fetchone()[0]
        self.joint.note(release, agency, text_of(state), words.keys)

    def put_parts(self, release: int, state: Mapping[str, Any]) -> None:
        """Tags, questions and the like; what a release had beyond them is not taken away."""
        for tag in state["tags"]:
            self.db.execute("insert or ignore into tags (name) values (?)", [tag])
            self.db.execute(
                "insert into release_tags (release, tag) select ?, id from tags where name = ?", [release, tag]
            )
        for name in PARTS:
            for position, part in enumerate(state[name], 1):
                self.put_part(name, {**part, "release": release, "position": position})

    def put_part(self, table: str, row: dict[str, Any]) -> None:
        """A question, image or attachment in its place; the id of a place once taken stays."""
        names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
        sets = ", ".join(f"{name} = excluded.{name}" for name in row)
        self.db.execute(
            f"insert into {table} ({names}) values ({marks}) on conflict (release, position) do update set {sets}", row
        )

    def insert(self, table: str, row: dict[str, Any]) -> int:
        names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
        key = self.db.execute(f"insert into {table} ({names}) values ({marks})", row).lastrowid
        assert key is not None  # noqa: S101 - an insert that did not raise has given a rowid
        return key

    def update(self, table: str, key: int, row: dict[str, Any]) -> None:
        sets = ", ".join(f"{name} = :{name}" for name in row)
        self.db.execute(f"update {table} set {sets} where id = :id", {**row, "id": key})


def text_of(state: Mapping[str, Any]) -> str:
    """All that a state says."""
    return join_parts(state["title"], state["lead"], state["body"])


def as_json(state: Mapping[str, Any]) -> dict[str, str | None]:
    """A state's lists as revisions hold them; one that was not read in its day is NULL."""
    return {name: None if state[name] is None else json.dumps(state[name], ensure_ascii=False) for name in LISTS}


def tell(told: Comparison) -> dict[str, str]:
    """What a state changed, as revisions hold it."""
    changes = json.dumps([asdict(change) for change in told.changes], ensure_ascii=False)
    return {"summary": told.summary("sv"), "summary_en": told.summary("en"), "changes": changes}
