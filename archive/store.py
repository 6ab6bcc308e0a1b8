"""Archive: save, get, revisions, transactions; the stored state of a release; preparation of a release for bulk import.

A state that the archive holds of a release, as it is read back: with what is taken down of it.

What of a release is worked out before anything is written: where many are kept at once, in other processes.

Writes a release's states: a first one, or one more beside the one it follows, with all that belongs to it.

Archive.save: one release into SQLite with everything that belongs to it, in one transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, Self

from sqlite_utils import Database

from archive.aggregates import fill_counted
from archive.database import ArchiveError, open_writable
from archive.dates import to_text
from archive.diff import Comparison, compare
from archive.duplicates import Joint, Keys, join_parts, read_keys
from archive.frontier import Frontier, Hosts, Walks
from archive.models import LISTS, PARTS, STATE, Capture, Release, read_state, state_hash, to_state
from archive.redaction import Rules
from archive.removals import Removals
from archive.schema import migrate
from archive.search.index import Index, Terms, read_terms

FACTS = ("release", "revision", "cause", "hash", "reader", "capture", "sha256", "newest")
COLUMNS = (*FACTS, "withheld", *STATE, *LISTS)
SELECT = (
    "select r.id, v.id, v.cause, v.hash, v.reader, v.capture, c.sha256, n.sha256, v.withheld,"
    f" {', '.join(f'v.{name}' for name in (*STATE, *LISTS))}"
    " from releases r join revisions v on v.release = r.id left join captures c on c.id = v.capture"
    " left join captures n on n.id = r.capture"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A state of a release the archive holds."""

    release: int
    revision: int
    cause: str
    hash: str
    reader: str | None  # the rules it was read with
    capture: int | None
    sha256: str | None  # of the bytes it was read from
    newest: str | None  # of the newest bytes kept of the page, which show the design it stands in
    state: dict[str, Any]


def find_held(db: Database, rules: Rules, condition: str, value: object) -> Held | None:
    """The one state for which a condition holds, on `r`, the release, and `v`, its revision."""
    values = db.execute(f"{SELECT} where {condition}", [value]).fetchone()
    if values is None:
        return None
    row = dict(zip(COLUMNS, values, strict=True))
    if row["withheld"] is not None:
        row |= rules.withheld.state(row["revision"])
    return Held(**{name: row[name] for name in FACTS}, state=read_state(row))


def is_reordered(state: Mapping[str, Any], held: Held) -> bool:
    """Whether a state is the held one with its tags in another order, which tells nothing."""
    tags, known = state["tags"], held.state["tags"]
    if known is None or tags == known or sorted(tags) != sorted(known):
        return False
    return state_hash({**state, "tags": known}) == held.hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What follows from a state's words: its terms in the index, and the keys by which joint texts meet."""

    terms: Terms
    keys: Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A release ready to be saved. `words` are None where they are worked out only once they are needed."""

    release: Release
    state: dict[str, Any]
    hash: str
    words: Words | None = None

    def __reduce__(self) -> tuple[Callable[..., Prepared], tuple[Release, str, Words | None]]:
        """From one process to another without the state, which is the release once more."""
        return revive, (self.release, self.hash, self.words)


def revive(release: Release, digest: str, words: Words | None) -> Prepared:
    """What another process has prepared."""
    return Prepared(release=release, state=to_state(release), hash=digest, words=words)


def prepare(release: Release, *, words: bool = True) -> Prepared:
    """All that a release alone tells."""
    state = to_state(release)
    return Prepared(release=release, state=state, hash=state_hash(state), words=read_words(state) if words else None)


def read_words(state: Mapping[str, Any]) -> Words:
    """What follows from a state's words."""
    return Words(terms=read_terms(state), keys=read_keys(join_parts(state["title"], state["lead"], state["body"])))


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


OWN = ("first", "parser")  # causes of states that no agency's edit made


class Outcome(Enum):
    """What saving a release came to."""

    NEW = "new"
    REVISED = "revised"
    REREAD = "reread"  # the text stands as it did, and is read otherwise now
    UNCHANGED = "unchanged"
    AWAY = "away"  # something else stood at its address
    HELD_BACK = "held_back"  # kept aside (archive.quarantine)


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
