"""Derived data: what the archive computes from releases and their files by rules that change.

    changes, file_changes   the types of changes in an edit, its importance and its summary
    quotes                  quotations and their speakers
    references              references to documents: bills, statutes, reports
    search, quote_search, file_search
                            the search index: of releases, of their quotations and of files
    near_duplicates         releases with almost the same text

Each of these is a step. The rules of a step have a version. `DerivedData.write` is called for each
revision, in the transaction that saves it. The table derived_versions says which version of the
rules made the rows of a step. If the rules have changed since, `recompute_stale` writes the rows
again in batches, with the same functions, in the order in which the releases were saved. The result
is the same as in a new archive with the same releases. If content is taken down, the data is
computed from what is still shown.

When rows are written again, the change feed gets an entry for each release whose quotations,
references or changes differ. Extracting the texts of files is not a step, because it takes longer:
see `Archive.extract_missing_texts`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

from sqlite_utils import Database

from archive.attachments import Attachments
from archive.changes.comparison import CHANGES_VERSION, Diff, compare
from archive.database.models import LIST_FIELDS, STATE_FIELDS, parse_state
from archive.database.redaction import Takedowns
from archive.database.sqlite_files import (
    ProgressCallback,
    map_in_order,
    relieve_garbage_collector,
    write_transaction,
)
from archive.language.reference_patterns import REFERENCES_VERSION
from archive.language.terms import ANALYSIS_VERSION
from archive.quotes import QUOTES_VERSION, Quote, find_quotes, write_quotes
from archive.search.document_references import (
    StateReference,
    find_state_references,
    write_references,
)
from archive.search.near_duplicates import (
    DUPLICATES_VERSION,
    BandKeys,
    NearDuplicates,
    build_band_keys,
    join_state_text,
)
from archive.search.search_index import IndexTerms, SearchIndex, extract_terms

BATCH_SIZE = 200  # releases or files in a transaction, at most
BATCH_CHARACTERS = 4_000_000  # of the texts of their revisions, unless one release has more

logger = logging.getLogger(__name__)

State = Mapping[str, Any]
# field and line of a paragraph before an edit, and after it; lines are counted from 0
ChangedParagraph = tuple[str, int, str, int]
STATE_COLUMNS = (*STATE_FIELDS, *LIST_FIELDS)
REVISIONS_SQL = f"""
    select v.id, v.id = r.revision as is_current, b.id is not null as has_previous,
      v.cause in ('source', 'import') as is_change,
      {", ".join(f"v.{name}, b.{name} as previous_{name}" for name in STATE_COLUMNS)}
    from revisions v join releases r on r.id = v.release left join revisions b on b.id = v.previous
    where v.release = ? order by v.id
"""
PAST_EDIT_SQL = f"""
    select p.paragraphs, {", ".join(f"b.{name}" for name in STATE_COLUMNS)}
    from past_edits p join revisions b on b.id = p.previous where p.revision = ? and p.is_edit
"""
CONTINUING_RELEASES_SQL = """
    select distinct v.release from revisions b join revisions v on v.previous = b.id
    where b.release = :release and v.release <> :release
"""
# with the characters that stay in memory until a batch is written; a file is indexed at once
NEXT_ROWS_SQL = {
    "releases": """
    select r.id, (select coalesce(sum(length(v.body) + length(coalesce(v.body_html, ''))), 0)
      from revisions v where v.release = r.id)
    from releases r where r.id > ? order by r.id limit ?
    """,
    "attachment_files": "select id, 0 from attachment_files where id > ? order by id limit ?",
}
# the releases of which it is seen that a row of a table has other derived data
SEEN_AT_SQL = {
    "releases": "select :key",
    "attachment_files": """
    select e.release from attachment_versions v join attachment_edits e on e.version = v.id
    where v.file = :key or v.previous in (select id from attachment_versions where file = :key)
    """,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedRevision:
    """A stored revision whose derived data is to be written, without content that is taken down.

    previous: the state that the revision follows.
    replaced: for the current revision, the state from which the stored derived data was computed.
        None if there is no such data.
    is_new: whether the release has just been added, so that nothing derived from it is stored.
    """

    release_id: int
    revision_id: int
    state: State
    previous: State | None
    is_change: bool  # by the agency, or between readings of a collection
    is_current: bool
    replaced: State | None
    is_new: bool = False


# by revision: as it was read, and what some steps computed from it, by name
ComputedAhead = Mapping[int, tuple[SavedRevision, Mapping[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A type of derived data.

    compute: computes everything that depends only on a state and the previous state. It may run in
        another process.
    write: writes the data for a revision (or file), and returns whether the change feed must report
        a difference.
    begin: called before a rewrite of all rows begins.
    """

    name: str
    version: str
    write: Callable[[DerivedData, Any, Any], bool]
    compute: Callable[[State, State | None], Any] = lambda *_: None
    table: str = "releases"  # or attachment_files
    current_only: bool = False  # whether only a release's current revision is computed
    # called before all revisions of a release are written again
    clear: Callable[[DerivedData, int], None] = lambda *_: None
    begin: Callable[[DerivedData], None] = lambda _: None


class DerivedData:
    """Computes and writes the derived data of an archive.

    `recompute_stale` and `recompute_all` commit each batch. The other methods do not commit.
    """

    def __init__(self, db: Database, takedowns: Takedowns) -> None:
        self.db = db
        self.takedowns = takedowns
        self.index = SearchIndex(db)
        self.near_duplicates = NearDuplicates(db)
        self.attachments = Attachments(db)

    def write(self, saved: SavedRevision, computed: Mapping[str, Any]) -> None:
        """Write everything derived from a revision that is being saved as the current one."""
        for step in RELEASE_STEPS:
            step.write(self, saved, computed[step.name])

    def refresh(self, release_id: int, replaced: State | None = None) -> None:
        """Recompute the derived data of a stored release whose revisions have changed.

        The data of releases whose revisions follow these revisions is also recomputed.

        replaced: the state that was current before, if another state is current now.
        """
        self._write_release(release_id, RELEASE_STEPS, replaced, is_stored=True)
        for (other_id,) in self.db.execute(
            CONTINUING_RELEASES_SQL, {"release": release_id}
        ).fetchall():
            self._write_release(other_id, RELEASE_STEPS, is_stored=True)

    def describe_past_edit(self, revision_id: int, state: State) -> bool:
        """If a version is an edit of the captured version before it, write how the two differ.

        Returns whether the stored description of the difference has changed.

        revision_id: the later version.
        state: the later version without content that is taken down.
        """
        row = next(self.db.query(PAST_EDIT_SQL, [revision_id]), None)
        if row is None:
            return False
        before = parse_state({name: row[name] for name in STATE_COLUMNS})
        if row["paragraphs"] is not None:
            before = _undo_changes(before, state, json.loads(row["paragraphs"]))
        return _write_diff(self.db, "past_edits", "revision", revision_id, compare(before, state))

    def is_written(self, step: str, key: int) -> bool:
        """Return whether a step's data for a row is current, so that it will not be rewritten."""
        sql = "select 1 from derived_versions where step = ? and done < ?"
        return self.db.execute(sql, [step, key]).fetchone() is None

    def recompute_all(
        self, progress: ProgressCallback = lambda *_: None, *, processes: int = 0
    ) -> int:
        """Recompute all derived data, and return the number of releases whose data was written.

        An interrupted run is continued.
        """
        relieve_garbage_collector()
        with write_transaction(self.db):
            unfinished = _read_unfinished(self.db)
            self._begin([step for step in STEPS if step.name not in unfinished])
        return self.recompute_stale(progress, processes=processes)

    def recompute_stale(
        self, progress: ProgressCallback = lambda *_: None, *, processes: int = 0
    ) -> int:
        """Recompute the derived data that was computed with other versions of the rules.

        Returns the number of releases whose data was written. An interrupted run is continued.

        processes: the number of other processes that compute the data. This process writes it.
        """
        if self._find_outdated():
            with write_transaction(self.db):
                self._begin(self._find_outdated())  # another process may have begun meanwhile
        if not _read_unfinished(self.db):
            return 0  # without waiting for others who write
        releases, is_finished = 0, False
        while not is_finished:
            releases += self._recompute_table("releases", progress, processes)
            self._recompute_table("attachment_files", progress)
            with write_transaction(self.db):
                self.index.optimise()
            with write_transaction(self.db):
                is_finished = self._finish()
        return releases

    def _finish(self) -> bool:
        """Mark all steps as finished, and return True.

        Returns False, and marks nothing, if other processes have saved rows that still have to be
        rewritten.
        """
        done = _read_unfinished(self.db)
        for step in STEPS:
            sql = f"select exists (select 1 from {step.table} where id > ?)"
            if step.name in done and self.db.execute(sql, [done[step.name]]).fetchone()[0]:
                return False
        self.index.correct_totals()
        self.db.execute("update derived_versions set done = null")
        return True

    def _find_outdated(self) -> list[Step]:
        """Return the steps whose rows must all be rewritten."""
        versions = dict(self.db.execute("select step, version from derived_versions").fetchall())
        outdated = [step for step in STEPS if versions.get(step.name) != step.version]
        if not outdated and not _read_unfinished(self.db) and self.index.describe_fault():
            return list(INDEX_STEPS)
        return outdated

    def _begin(self, steps: Sequence[Step]) -> None:
        for step in steps:
            step.begin(self)
            self.db.execute(
                "replace into derived_versions (step, version, done) values (?, ?, 0)",
                [step.name, step.version],
            )

    def _recompute_table(self, table: str, progress: ProgressCallback, processes: int = 0) -> int:
        steps = self._list_unfinished(table)
        first = min(steps.values(), default=0)
        total, done = self.db.execute(
            f"select count(*), count(iif(id <= ?, 1, null)) from {table}", [first]
        ).fetchone()
        if total - done > BATCH_SIZE:  # takes seconds for each thousand releases
            after = f", after the first {done:,}" if done else ""
            logger.warning("derived data is computed again, of %s %s%s", f"{total:,}", table, after)
        name, written = "files" if table == "attachment_files" else table, 0
        with closing(self._compute_ahead(steps, processes)) as ahead:
            while rows := self._recompute_batch(table, next(ahead, {})):
                written += rows
                progress(name, done + written, total)
        return written

    def _list_unfinished(self, table: str) -> dict[str, int]:
        """Return, for each unfinished step of a table, the id of the row that it rewrote last."""
        done = _read_unfinished(self.db)
        names = [step.name for step in STEPS if step.table == table]
        return {name: done[name] for name in names if name in done}

    def _compute_ahead(
        self, steps: Mapping[str, int], processes: int
    ) -> Generator[ComputedAhead, None, None]:
        """Yield the data that other processes compute for the next releases, a batch at a time.

        If there are no other processes, nothing is yielded.

        steps: a map from each step to the id of the release that it rewrote last.
        """
        if processes and steps:
            batches = self._read_batches(min(steps.values()))
            for batch, computed in map_in_order(
                batches,
                partial(_compute_batch, list(steps)),
                to_payload=list,
                processes=processes,
            ):
                pairs = zip(batch, computed, strict=True)
                yield {saved.revision_id: (saved, values) for saved, values in pairs}

    def _read_batches(self, last: int) -> Iterator[list[SavedRevision]]:
        """Yield the revisions of the releases after `last`, a batch of releases at a time."""
        while keys := self._list_batch("releases", last):
            last = keys[-1]
            yield [
                saved for key in keys for saved in self._read_revisions(key, None, is_stored=False)
            ]

    def _recompute_batch(self, table: str, ahead: ComputedAhead) -> int:
        """Write a table's next rows for all unfinished steps, and return the number of rows.

        Several processes may do this at once: each batch begins where the last one ended.

        ahead: data that was already computed, possibly for other rows.
        """
        with write_transaction(self.db), self.index.batch():
            done = self._list_unfinished(table)
            if not done:
                return 0
            keys = self._list_batch(table, min(done.values()))
            for name in done if keys else ():  # before the rows, which `is_written` is asked for
                self.db.execute(
                    "update derived_versions set done = ? where step = ?",
                    [max(done[name], keys[-1]), name],
                )
            for key in keys:
                steps = [step for step in STEPS if done.get(step.name, key) < key]
                self._recompute_row(table, key, steps, ahead)
        return len(keys)

    def _list_batch(self, table: str, last: int) -> list[int]:
        """Return the ids of the rows after `last` that are to be written in the next transaction.

        If the texts of the rows are long, the batch contains fewer rows, because it is kept in
        memory.
        """
        keys: list[int] = []
        characters = 0
        with closing(self.db.execute(NEXT_ROWS_SQL[table], [last, BATCH_SIZE])) as rows:
            for key, length in rows:
                characters += length
                if keys and characters > BATCH_CHARACTERS:
                    break
                keys.append(key)
        return keys

    def _recompute_row(
        self, table: str, key: int, steps: Sequence[Step], ahead: ComputedAhead
    ) -> None:
        if table == "releases":
            differs = self._write_release(key, steps, ahead=ahead)
        else:
            differs = max(step.write(self, key, None) for step in steps)  # all of them
        if differs:
            self.db.execute(
                "insert into changefeed (release, change, at)"
                " select id, 'recomputed', strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now') from releases"
                f" where id in ({SEEN_AT_SQL[table]}) and takedown is not 'hidden'",
                {"key": key},
            )

    def _write_release(
        self,
        release_id: int,
        steps: Sequence[Step],
        replaced: State | None = None,
        *,
        is_stored: bool = False,
        ahead: ComputedAhead = MappingProxyType({}),
    ) -> bool:
        """Write the rows of the given steps for all revisions of a release.

        Returns whether the change feed must report a difference.

        is_stored: whether the release already has rows, computed from the state `replaced` or, if
            that is None, from the current state.
        ahead: data that was already computed. It is used only for revisions that have not changed
            since.
        """
        differs = False
        for step in steps:
            step.clear(self, release_id)
        for saved in self._read_revisions(release_id, replaced, is_stored=is_stored):
            known, values = ahead.get(saved.revision_id, (None, {}))
            if known != saved:  # something was saved meanwhile
                values = {}
            for step in steps:
                is_known = step.name in values
                computed = values[step.name] if is_known else _compute_step(step, saved)
                differs |= step.write(self, saved, computed)
        return differs

    def _read_revisions(
        self, release_id: int, replaced: State | None, *, is_stored: bool
    ) -> Iterator[SavedRevision]:
        for row in list(self.db.query(REVISIONS_SQL, [release_id])):
            state, previous = parse_state({name: row[name] for name in STATE_COLUMNS}), None
            if row["has_previous"]:
                columns = {name: row[f"previous_{name}"] for name in STATE_COLUMNS}
                # it may be of another release, which its takedowns do not cover
                previous, _ = self.takedowns.redact_for_display(release_id, parse_state(columns))
            yield SavedRevision(
                release_id=release_id,
                revision_id=row["id"],
                state=state,
                previous=previous,
                is_change=bool(row["is_change"]),
                is_current=bool(row["is_current"]),
                replaced=(replaced or state) if is_stored else None,
            )


def _read_unfinished(db: Database) -> dict[str, int]:
    """Return, for each unfinished step, the id of the row that it rewrote last."""
    sql = "select step, done from derived_versions where done is not null"
    return dict(db.execute(sql).fetchall())


# The steps


def _compare_states(state: State, previous: State | None) -> Diff | None:
    return None if previous is None else compare(previous, state)


def _write_changes(data: DerivedData, saved: SavedRevision, diff: Diff | None) -> bool:
    differs = False if saved.is_new else data.describe_past_edit(saved.revision_id, saved.state)
    if diff is None:
        return differs
    return _write_diff(data.db, "revisions", "id", saved.revision_id, diff) or differs


def _write_diff(db: Database, table: str, key: str, revision_id: int, diff: Diff) -> bool:
    """Write the changes, importance and summary of an edit to its row, and return whether the row
    changed.
    """
    changes = json.dumps([asdict(change) for change in diff.changes], ensure_ascii=False)
    values = [diff.importance, diff.summary("sv"), diff.summary("en"), changes, revision_id]
    written = db.execute(
        f"update {table} set importance = ?1, summary = ?2, summary_en = ?3, changes = ?4"
        f" where {key} = ?5 and (importance, summary, summary_en, changes) is not (?1, ?2, ?3, ?4)",
        values,
    )
    return written.rowcount > 0


def _undo_changes(
    before: State, after: State, paragraphs: Sequence[ChangedParagraph]
) -> dict[str, Any]:
    """Return the state `after`, but with the given paragraphs as they are in `before`.

    A change is not undone if its paragraph is missing from either state because of a takedown.
    """
    undone = {**after}
    for old_field, old, field, new in paragraphs:
        old_lines = str(before[old_field] or "").split("\n")
        lines = str(undone[field] or "").split("\n")
        if old < len(old_lines) and new < len(lines):
            lines[new] = old_lines[old]
            undone[field] = "\n".join(lines)
    return undone


def _write_quotes(data: DerivedData, saved: SavedRevision, quotes: Sequence[Quote]) -> bool:
    if saved.is_new and not quotes:
        return False
    return write_quotes(data.db, saved.revision_id, quotes)


def _write_references(
    data: DerivedData, saved: SavedRevision, references: Sequence[StateReference]
) -> bool:
    if saved.is_new and not references:
        return False
    return write_references(data.db, saved.release_id, saved.revision_id, references)


def _write_terms(data: DerivedData, saved: SavedRevision, terms: IndexTerms | None) -> bool:
    if saved.is_change and saved.previous is not None:
        data.index.index_edit(saved.revision_id, saved.previous, saved.state)
    if terms is not None:
        # beside `recompute_stale`, a release that it has not reached is saved, but counted later
        counts_words = data.is_written("search", saved.release_id)
        data.index.index_release(saved.release_id, terms, saved.replaced, counts_words=counts_words)
    if saved.is_current and not saved.is_new:
        data.index.index_versions_of(saved.release_id)
    return False


def _write_quote_terms(data: DerivedData, saved: SavedRevision, _: None) -> bool:
    if saved.is_current:
        data.index.index_quotes(saved.release_id, saved.revision_id, saved.state)
    return False


def _write_near_duplicates(data: DerivedData, saved: SavedRevision, keys: BandKeys | None) -> bool:
    if keys is not None:
        data.near_duplicates.update_release(
            saved.release_id, saved.state, keys, saved.replaced, is_new=saved.is_new
        )
    return False  # other releases change them, too, and mirrors are not told


def _write_file_changes(data: DerivedData, file_id: int, _: None) -> bool:
    return data.attachments.describe_changes(file_id)


def _write_file_terms(data: DerivedData, file_id: int, _: None) -> bool:
    data.index.index_file(file_id)
    return False


STEPS = (
    Step(name="changes", version=CHANGES_VERSION, compute=_compare_states, write=_write_changes),
    Step(
        name="quotes",
        version=QUOTES_VERSION,
        compute=lambda state, _: find_quotes(state),
        write=_write_quotes,
    ),
    Step(
        name="references",
        version=REFERENCES_VERSION,
        compute=lambda state, _: find_state_references(state),
        write=_write_references,
    ),
    Step(
        name="search",
        version=ANALYSIS_VERSION,
        compute=lambda state, _: extract_terms(state),
        write=_write_terms,
        current_only=True,
        clear=lambda data, release_id: data.index.forget_versions_of(release_id),
        begin=lambda data: data.index.begin_rewrite(),
    ),
    Step(
        name="quote_search",
        # rows that the step "quotes" writes again leave the index
        version=f"{ANALYSIS_VERSION}, quotations {QUOTES_VERSION}",
        write=_write_quote_terms,
    ),
    Step(
        name="near_duplicates",
        version=DUPLICATES_VERSION,
        compute=lambda state, _: build_band_keys(join_state_text(state)),
        write=_write_near_duplicates,
        current_only=True,
        begin=lambda data: data.near_duplicates.delete_keys(),
    ),
    Step(
        name="file_changes",
        version=CHANGES_VERSION,
        write=_write_file_changes,
        table="attachment_files",
    ),
    Step(
        name="file_search",
        version=ANALYSIS_VERSION,
        write=_write_file_terms,
        table="attachment_files",
    ),
)
RELEASE_STEPS = tuple(step for step in STEPS if step.table == "releases")
INDEX_STEPS = tuple(step for step in STEPS if step.name.endswith("search"))


def compute_derived(state: State, previous: State | None = None) -> dict[str, Any]:
    """Return a map from each step's name to what the step computes from a state that becomes
    current.
    """
    return {step.name: step.compute(state, previous) for step in RELEASE_STEPS}


def _compute_batch(names: Sequence[str], batch: Sequence[SavedRevision]) -> list[dict[str, Any]]:
    """Return, for each revision, a map from the name of each given step to what the step computes.

    This function is called in other processes.
    """
    steps = [step for step in STEPS if step.name in names]
    return [{step.name: _compute_step(step, saved) for step in steps} for saved in batch]


def _compute_step(step: Step, saved: SavedRevision) -> Any:
    is_skipped = step.current_only and not saved.is_current
    return None if is_skipped else step.compute(saved.state, saved.previous)


def describe_index_fault(db: Database, *, is_counted: bool = True) -> str | None:
    """Return why the index has to be rewritten, or None if it is complete.

    is_counted: whether to also compare the number of indexed rows with the number of stored rows.
    """
    if not db.table("derived_versions").exists():
        return "it was made by an earlier version of the software"
    versions = dict(db.execute("select step, version from derived_versions").fetchall())
    unfinished = _read_unfinished(db)
    for step in INDEX_STEPS:
        version = versions.get(step.name, "an unknown analyser")
        if version != step.version:
            return f"it was built with {version}, not {step.version}"
        if step.name in unfinished:
            return f"it was rebuilt only up to row {unfinished[step.name]} of {step.table}"
    return SearchIndex(db).describe_fault() if is_counted else None
