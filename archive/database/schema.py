"""Creates the schema of archive.db (schema.sql) in a new file, and migrates older files.

Every change of the schema is made twice: in schema.sql, for new files, and as a migration at the
end of this file, for existing files. Each migration is applied once, in order.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import sys
from functools import cache
from pathlib import Path
from typing import Any

from sqlite_utils import Database, Migrations

from archive.database.count_tables import fill_counts
from archive.database.models import build_name_key
from archive.database.removals import fill_continues_as
from archive.database.sqlite_files import (
    FIRST_MIGRATION,
    SCHEMA_VERSION,
    check_version,
    create_file_id,
)

# columns of a revision that no longer follows another one
UNLINKED = (
    "previous = null, importance = null, summary = null, summary_en = null, changes = null,"
    " update_date_changed = null"
)

SCHEMA_PATH = Path(__file__).with_name("schema.sql")
MIN_SQLITE_VERSION = (3, 43, 0)  # the first that can delete from a contentless FTS5 table
METADATA_PATHS = (  # at the project's root; a wheel puts it among the environment's shared data
    Path(__file__).parents[2] / "metadata.json",
    Path(sys.prefix) / "share" / "myndighetsarkivet" / "metadata.json",
)

migrations = Migrations("myndighetsarkivet")


@migrations(name=FIRST_MIGRATION)
def _create_schema(db: Database) -> None:
    """Create everything in schema.sql. Raises sqlite3.NotSupportedError if SQLite is too old."""
    if sqlite3.sqlite_version_info < MIN_SQLITE_VERSION:
        needed = ".".join(map(str, MIN_SQLITE_VERSION))
        raise sqlite3.NotSupportedError(
            f"search needs SQLite {needed} or newer, found {sqlite3.sqlite_version}"
        )
    for statement in read_schema().values():
        db.execute(statement)
    db.execute(f"pragma application_id = {create_file_id()}")
    db.execute(f"pragma user_version = {SCHEMA_VERSION}")


@migrations(name="edits_as_a_column")
def _add_is_edit(db: Database) -> None:
    """Add the column revisions.is_edit, and use it in indexes, triggers and views."""
    if not _has_column(db, "revisions", "is_edit"):
        db.execute(
            "alter table revisions add column is_edit integer"
            " generated always as (cause = 'source' and previous is not null) virtual"
        )
        _replace(db, "idx_revisions_cause idx_revisions_edits idx_revisions_edited")
        _replace(db, "idx_revisions_edit_release")
        _replace(db, "releases_with_tags edits")


@migrations(name="ends_of_moves")
def _add_continues_as(db: Database) -> None:
    """Add the column releases.continues_as, and the triggers that maintain it."""
    if not _has_column(db, "releases", "continues_as"):
        db.execute("alter table releases add column continues_as integer")
        fill_continues_as(db)
        _replace(db, "idx_releases_continues_as")
        _replace(db, "continues_new continues_moved continues_deleted")


@migrations(name="counts_by_month_only")
def _index_counted(db: Database) -> None:
    """Add the indexes for counting tags and edits."""
    _replace(db, "idx_release_tags_tag idx_revisions_edited")


@migrations(name="derived_versions")
def _add_derived_versions(db: Database) -> None:
    """Add the table and the column that record which version of the rules produced derived data and
    the texts of files. As a result, these data are recomputed once.
    """
    if not _has_column(db, "attachment_files", "text_version"):
        db.execute("alter table attachment_files add column text_version text")
        db.execute("drop table search_meta")
        _replace(db, "derived_versions")


@migrations(name="observers")
def _add_observers(db: Database) -> None:
    """Add observers and observations, to separate the archive's own readings from imports.

    The archive's first reading of an imported release is no longer stored as the successor of the
    imported version, and neither is a version imported from another collection. `first_seen`,
    `last_checked` and `last_seen` become times of the archive's own readings.
    """
    if db.execute("select 1 from sqlite_master where name = 'observers'").fetchone():
        return  # a new file has all of schema.sql from the start
    _replace(db, "observers idx_observers_kind_name observations")
    _replace(db, "idx_observations_revision idx_observations_observer")
    db.execute("alter table releases add column added text not null default ''")
    db.execute("update releases set added = first_seen")
    _replace_table_sql(db, "releases", read_schema()["releases"])
    _replace(db, "idx_releases_newest idx_releases_added")
    _replace(db, "facets_import facets_new facets_changed changefeed_revision changefeed_import")
    imports = "(select id from revisions where cause = 'import')"
    for statement in (
        "insert into observers (kind, name) select distinct 'collection',"
        " replace(coalesce(parser_version, '?'), 'import/', '') from revisions"
        " where cause = 'import'",
        "insert into observations (revision, observer) select v.id, x.id from revisions v"
        " join observers x on x.name = replace(coalesce(v.parser_version, '?'), 'import/', '')"
        " where v.cause = 'import' order by v.id",
        # mirrors are told of what no longer follows an import
        "insert into changefeed (release, change, at) select distinct v.release, 'recomputed',"
        " strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now') from revisions v"
        " join revisions b on b.id = v.previous join releases r on r.id = v.release"
        " where b.cause = 'import' and r.takedown is not 'hidden'"
        " and (v.cause <> 'import' or v.parser_version is not b.parser_version)",
        # also one that a move made an edit of an import
        f"update revisions set cause = 'first', {UNLINKED} where cause <> 'import'"
        f" and previous in {imports}",
        f"update revisions set {UNLINKED} where cause = 'import' and previous is not null and"
        " parser_version is not (select b.parser_version from revisions b"
        " where b.id = revisions.previous)",
        f"update revisions set reverts_to = null where reverts_to in {imports}",
        "update revisions set last_seen = null where cause = 'import' and not checks",
        "update releases set first_seen = (select min(seen) from revisions v"
        " where v.release = releases.id and v.cause <> 'import'),"
        f" last_checked = iif(revision in {imports} and not checks, null, last_checked)"
        f" where id in (select release from revisions where id in {imports})",
    ):
        db.execute(statement)


def _replace_table_sql(db: Database, table: str, statement: str) -> None:
    """Replace the stored statement that created a table with one that has fewer constraints.

    The statements must not differ in any other way.

    See "Making Other Kinds Of Table Schema Changes" in sqlite.org/lang_altertable.html.
    """
    (version,) = db.execute("pragma schema_version").fetchone()
    db.execute("pragma writable_schema = on")
    db.execute(
        "update sqlite_master set sql = ? where type = 'table' and name = ?",
        [statement.removesuffix(";"), table],
    )
    db.execute(f"pragma schema_version = {version + 1}")
    db.execute("pragma writable_schema = off")


@migrations(name="earlier_versions_searched")
def _replace_edit_index(db: Database) -> None:
    """Replace the index of edits with an index of earlier versions.

    The index is filled when the archive is opened.
    """
    if not db.table("text_versions").exists():
        _replace(db, "search_edits_ad search_edits text_versions")
        _replace(db, "idx_text_versions_text idx_text_versions_release text_versions_ad")
        _replace(db, "search_versions search_versions_ad search_diff search_diff_ad")
        db.execute("update derived_versions set version = '' where step = 'search'")


@migrations(name="undated_readings")
def _separate_undated_readings(db: Database) -> None:
    """Unlink readings of unknown time from the readings before and after them."""
    db.execute(
        "delete from observations as o where seen is null and exists (select 1 from observations d"
        " where d.revision = o.revision and d.observer = o.observer and d.seen is not null)"
    )
    sql = """
        select v.id from revisions v where v.cause = 'import' and v.previous is not null and
          exists (select 1 from observations where seen is null and revision in (v.id, v.previous))
    """
    revisions = json.dumps([key for (key,) in db.execute(sql).fetchall()])
    for statement in (
        "insert into changefeed (release, change, at) select distinct v.release, 'recomputed',"
        " strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now') from revisions v"
        " join releases r on r.id = v.release where r.takedown is not 'hidden'"
        " and v.id in (select value from json_each(?))",
        f"update revisions set {UNLINKED} where id in (select value from json_each(?))",
    ):
        db.execute(statement, [revisions])
    if revisions != "[]":  # it has the differences
        db.execute("update derived_versions set version = '' where step = 'search'")


@migrations(name="words_by_lemma")
def _count_words_by_lemma(db: Database) -> None:
    """Change the vocabulary so that it counts releases per lemma.

    The releases are counted when the archive is opened.
    """
    sql = "select pk from pragma_table_info('vocabulary') where name = 'lemma'"
    if db.execute(sql).fetchone() == (0,):
        _replace(db, "vocabulary")
        db.execute("update derived_versions set version = '' where step = 'search'")


@migrations(name="times_of_wordings_indexed")
def _index_times(db: Database) -> None:
    """Add the indexes that are needed to read the history of a wording."""
    _replace(db, "idx_releases_times idx_revisions_imported")


@migrations(name="document_references")
def _add_document_references(db: Database) -> None:
    """Add the table of references to documents. The references are extracted when the archive is
    opened.
    """
    if not db.table("document_references").exists():
        _replace(db, "document_references idx_document_references_number")
        _replace(db, "idx_document_references_revision idx_document_references_release")


@migrations(name="checked_releases_indexed")
def _index_checks(db: Database) -> None:
    """Extend two indexes, so that they also show whether a release was ever checked again."""
    _replace(db, "idx_releases_agency_next_check idx_revisions_checked")


@migrations(name="marks_of_surveys")
def _add_survey_marks(db: Database) -> None:
    """Add the columns for the results of a survey of each agency's live site."""
    if not _has_column(db, "agencies", "survey_tried"):
        for name, kind in zip(
            ("tried", "verdict", "read", "judged", "right", "seen"),
            ("text", "text", "integer", "integer", "integer", "text"),
            strict=True,
        ):
            db.execute(f"alter table agencies add column survey_{name} {kind}")


@migrations(name="addresses_of_captures_indexed")
def _index_captured_addresses(db: Database) -> None:
    """Add the index for finding the captures of an address."""
    _replace(db, "idx_captures_url")


@migrations(name="time_stamps")
def _add_time_stamps(db: Database) -> None:
    """Add the table of the time stamps of manifests."""
    if not db.table("time_stamps").exists():
        _replace(db, "time_stamps idx_time_stamps_manifest_authority")


@migrations(name="counts_by_tag_and_edits")
def _count_tags_and_edits(db: Database) -> None:
    """Add the tables of releases per tag (in list order) and of counts of tags and edits.

    Some early archives already have some of these tables.
    """
    _replace(db, "tag_releases tag_counts idx_tag_counts_agency edit_counts")
    _replace(db, "counts_facets_new counts_facets_deleted counts_facets_changed")
    _replace(db, "counts_tag counts_tag_deleted counts_edit counts_edit_changed")
    _replace(db, "counts_edit_deleted counts_edit_agency")
    fill_counts(db)


@migrations(name="quotations_searched")
def _add_quote_index(db: Database) -> None:
    """Add the index of quotations. The index is filled when the archive is opened."""
    if not db.table("search_quotes").exists():
        _replace(db, "search_quotes search_quotes_ad")


@migrations(name="speakers_indexed")
def _index_speakers(db: Database) -> None:
    """Add the index for reading the speakers of all releases."""
    _replace(db, "idx_quotes_speakers")


@migrations(name="people_by_key")
def _add_people_keys(db: Database) -> None:
    """Merge the people of an agency whose names differ only in hyphens, spaces or case.

    The names as printed are kept with the quotations.
    """
    if _has_column(db, "people", "key"):
        return
    db.register_function(build_name_key)
    for statement in (
        "alter table people add column key text not null default ''",
        "alter table people add column same_as integer references people(id)",
        "alter table quotes add column speaker text",
        "update quotes set speaker = (select name from people where id = person)",
        "update people set key = build_name_key(name)",
        read_schema()["idx_people_key"],
        "update people as p set same_as = (select m.id from people m where m.key = p.key"
        " and m.agency = p.agency order by (select count(distinct release) from quotes"
        " where person = m.id) desc, m.name limit 1)",
        "update people set same_as = null where same_as = id",
        "update quotes set person = (select same_as from people where id = person)"
        " where person in (select id from people where same_as is not null)",
    ):
        db.execute(statement)
    _replace(db, "idx_people_name_agency idx_people_same_as")


@migrations(name="past_versions")
def _add_past_versions(db: Database) -> None:
    """Add the data of web archives: the observer of each capture, and edits between captures."""
    for table, column in (("captures", "observer"), ("observations", "capture")):
        if not _has_column(db, table, column):
            db.execute(f"alter table {table} add column {column} integer references {column}s(id)")
        _replace(db, f"idx_{table}_{column}")
    if not db.table("past_edits").exists():
        _replace(db, "past_edits idx_past_edits_previous idx_past_edits_seen past_edits_ad")


def _has_column(db: Database, table: str, column: str) -> bool:
    """Return whether a table has a column. In a new file, schema.sql has already created all
    columns.
    """
    rows = db.execute("select name from pragma_table_xinfo(?)", [table]).fetchall()
    return (column,) in rows


def _replace(db: Database, names: str) -> None:
    """Drop the named indexes, triggers, views and tables, and create them as in schema.sql."""
    for name in names.split():
        created = db.execute("select type from sqlite_master where name = ?", [name]).fetchone()
        if created:
            db.execute(f"drop {created[0]} {name}")
        if statement := read_schema().get(name):
            db.execute(statement)


@cache
def read_schema() -> dict[str, str]:
    """Return the statements of schema.sql in order, as a map from the name of the created object to
    its statement.
    """
    return read_statements(SCHEMA_PATH)


def read_statements(path: Path) -> dict[str, str]:
    """Return the statements of an SQL file in order, as a map from the name of the created object
    to its statement.
    """
    statements: dict[str, str] = {}
    lines: list[str] = []
    for line in path.read_text("utf-8").splitlines():
        if not lines and (not line or line.startswith("--")):
            continue
        lines.append(line)
        statement = "\n".join(lines)
        if sqlite3.complete_statement(statement):
            statements[_find_created_name(statement)] = statement
            lines.clear()
    return statements


def _find_created_name(statement: str) -> str:
    """Return the name of the object that a statement creates.

    >>> _find_created_name("create unique index idx_tags_name on tags (name);")
    'idx_tags_name'
    """
    words = statement.split()
    kind = next(
        number for number, word in enumerate(words) if word in ("table", "index", "trigger", "view")
    )
    return words[kind + 1]


def migrate(db: Database, path: Path) -> None:
    """Create the schema, or migrate it to the current version.

    Processes that open an archive at the same time wait for each other. Raises ArchiveError if the
    file is too old or too new for this version, or is not an archive.
    """
    if db.execute("pragma user_version").fetchone() == (SCHEMA_VERSION,) and not migrations.pending(
        db
    ):
        check_version(db.conn, path)
        return
    folder = os.open(path.resolve().parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # released when the process ends, however it ends
        # inside the lock, because a file being created has tables before it has a version
        check_version(db.conn, path)
        migrations.apply(db)
    finally:
        os.close(folder)


def find_metadata() -> Path:
    """Return the path of metadata.json, the description of tables and columns."""
    return next(path for path in METADATA_PATHS if path.is_file())


def read_metadata() -> dict[str, Any]:
    return dict(json.loads(find_metadata().read_text("utf-8")))
