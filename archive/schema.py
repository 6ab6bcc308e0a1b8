"""The schema of archive.db: every table, index, trigger and view, and the versions that can be opened.

Every time is ISO 8601 text: a day alone if only the day is known, else with its offset. A foreign key is named after
the table it refers to, in the singular. Ids never change, because permalinks contain them. metadata.json describes each
table and column.

The full-text index is created by archive/search/index.py, which rebuilds it whenever the analysis of texts changes; the
SQL of the counting triggers is in archive/aggregates.py, next to the statements that check the counts.

TABLES, INDEXES, TRIGGERS and VIEWS are the current schema. Each change of them needs a migration at the end of this
file that calls `update_schema`, which brings older archives up to date; each migration is applied once, in order.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
from pathlib import Path
from typing import Any

from sqlite_utils import Database, Migrations

from archive.aggregates import COUNT_TRIGGERS, FACET_TRIGGERS
from archive.database import SCHEMA_VERSION, check_version, create_file_id, read_file_id
from archive.quotes import QUOTED_FIELDS, find_quotes, write_quotes
from archive.search.index import create_missing_table, create_search_index

METADATA_PATHS = (  # at the project's root; a wheel puts it among the environment's shared data
    Path(__file__).parents[1] / "metadata.json",
    Path(sys.prefix) / "share" / "myndighetsarkivet" / "metadata.json",
)

# For filters and groups by day: a month is not a day. Computed when a row is read.
STATED_DAY_COLUMNS = """
        {name}_day text generated always as (iif(length({name}) > 7, substr({name}, 1, 10), null)) virtual,
        {name}_precision text generated always as (case when length({name}) = 7 then 'month'
          when length({name}) = 10 then 'day' when {name} is not null then 'moment' end) virtual"""

# The columns of a state, in releases and in revisions
STATE_COLUMNS = """kind text,
        title text not null,
        lead text,
        body text not null,
        body_html text not null,
        published text,
        published_text text,
        updated text,
        updated_text text,
        language text"""

TABLES = {
    # Releases, their revisions and their parts
    "agencies": """
        slug text primary key,
        name text not null,
        name_en text,
        org_number text,
        home text not null,
        paused text
    """,
    "revisions": f"""
        id integer primary key,
        release integer not null references releases(id),
        seen text not null,
        cause text not null,
        update_date_changed integer,
        importance integer,
        summary text,
        {STATE_COLUMNS},
        tags text,
        questions text,
        images text,
        attachments text,
        hash text not null,
        contacts text,
        capture integer references captures(id),
        previous integer references revisions(id),
        reverts_to integer references revisions(id),
        parser_version text,
        summary_en text,
        changes text,
        last_seen text,
        checks integer not null default 0,
        takedown integer references takedowns(id)
    """,
    "releases": f"""
        id integer primary key,
        agency text not null references agencies(slug),
        url text not null,
        {STATE_COLUMNS},
        first_seen text not null,
        last_checked text not null,
        revision integer references revisions(id),
        hash text not null,
        checks integer not null default 0,
        next_check text,
        removed_at text,
        moved_to integer references releases(id),
        capture integer references captures(id),
        takedown text,
        {STATED_DAY_COLUMNS.format(name="published").strip()},
        {STATED_DAY_COLUMNS.format(name="updated").strip()}
    """,
    "questions": """
        id integer primary key,
        release integer not null references releases(id),
        position integer not null,
        question text not null,
        answer text not null,
        answered_by text
    """,
    "tags": """
        id integer primary key,
        name text not null
    """,
    "release_tags": """
        release integer references releases(id),
        tag integer references tags(id),
        primary key (release, tag)
    """,
    "images": """
        id integer primary key,
        release integer not null references releases(id),
        position integer not null,
        url text not null,
        caption text,
        credit text,
        alt text
    """,
    "attachments": """
        id integer primary key,
        release integer not null references releases(id),
        position integer not null,
        url text not null,
        title text,
        media_type text
    """,
    "contacts": """
        id integer primary key,
        release integer not null references releases(id),
        position integer not null,
        name text,
        role text,
        phone text,
        email text
    """,
    "people": """
        id integer primary key,
        slug text not null unique,
        name text not null,
        agency text not null references agencies(slug)
    """,
    # a row for each version that has it
    "quotes": """
        id integer primary key,
        release integer not null references releases(id),
        revision integer not null references revisions(id),
        position integer not null,
        person integer references people(id),
        role text,
        organisation text,
        text text not null,
        field text not null,
        spans text not null,
        kind text not null,
        origin text not null
    """,
    "captures": """
        id integer primary key,
        url text not null,
        seen text not null,
        status integer not null,
        headers text not null,
        sha256 text not null,
        bytes integer not null,
        template integer references templates(id)
    """,
    # Attachments that were fetched (archive/attachments.py)
    "attachment_files": """
        id integer primary key,
        sha256 text not null unique,
        bytes integer not null,
        media_type text,
        kind text,
        pages integer,
        letters integer,
        problem text,
        detail text,
        extracted text
    """,
    "attachment_versions": """
        id integer primary key,
        url text not null,
        file integer not null references attachment_files(id),
        capture integer not null references captures(id),
        cause text not null,
        previous integer references attachment_versions(id),
        first_seen text not null,
        last_seen text not null,
        checks integer not null,
        importance integer,
        summary text,
        summary_en text,
        changes text,
        missing_since text,
        missing_until text,
        missing_checks integer not null default 0
    """,
    # the releases that linked to a file when it was replaced
    "attachment_edits": """
        version integer not null references attachment_versions(id),
        release integer not null references releases(id),
        primary key (version, release)
    """,
    "attachment_links": """
        release integer not null references releases(id),
        url text not null,
        first_seen text,
        last_seen text,
        takedown text,
        primary key (release, url)
    """,
    "attachment_pages": """
        file integer not null references attachment_files(id),
        page integer not null,
        name text,
        text text not null,
        letters integer not null,
        problem text,
        primary key (file, page)
    """,
    "templates": """
        id integer primary key,
        digest text not null unique,
        fingerprint blob not null
    """,
    "removals": """
        id integer primary key,
        release integer not null references releases(id),
        kind text not null,
        target text,
        first_seen text not null,
        last_seen text not null,
        confirmed text,
        ended text,
        checks integer not null,
        status integer,
        moved_to integer references releases(id),
        capture integer references captures(id)
    """,
    "takedowns": """
        id integer primary key,
        release integer not null references releases(id),
        kind text not null,
        reason text not null,
        reason_en text,
        at text not null,
        lifted text,
        lifted_reason text
    """,
    "manifests": """
        day text primary key,
        previous text,
        captures_to integer not null,
        revisions_to integer not null,
        digest text not null
    """,
    "near_duplicates": """
        release integer not null references releases(id),
        other integer not null references releases(id),
        similarity float not null,
        primary key (release, other)
    """,
    "minhash_bands": """
        band integer not null,
        value integer not null,
        release integer not null,
        primary key (band, value, release)
    """,
    # Crawling
    "crawls": """
        id integer primary key,
        agency text not null references agencies(slug),
        spider text not null,
        started text not null,
        finished text,
        reason text,
        listed integer,
        already_stored integer,
        new integer,
        revised integer,
        unchanged integer,
        rejected integer,
        errors integer,
        requests integer,
        bytes integer,
        problems text,
        reparsed integer,
        missing integer,
        not_modified integer,
        parsed integer,
        field_counts text,
        failures text,
        delay float,
        robots text,
        quarantined integer,
        source_failures text
    """,
    "frontier": """
        url text primary key,
        agency text not null references agencies(slug),
        role text not null,
        state text not null,
        first_seen text not null,
        source text,
        listed text,
        links integer,
        fetched text,
        next_due text,
        tries integer not null default 0,
        etag text,
        last_modified text,
        release integer references releases(id),
        problem text,
        usual_links integer,
        file_title text,
        file_day text
    """,
    "hosts": """
        host text primary key,
        robots text,
        robots_since text,
        robots_seen text,
        robots_text text,
        paused_until text,
        pause_reason text,
        pauses integer not null default 0
    """,
    "pagination_cursors": """
        listing text primary key,
        agency text not null references agencies(slug),
        next_url text not null,
        page_number integer not null,
        interrupted text not null
    """,
    "jobs": """
        agency text primary key references agencies(slug),
        token integer not null,
        started text not null,
        ended text,
        applied integer not null,
        crawl integer references crawls(id),
        counters text
    """,
    "quarantine": """
        id integer primary key,
        agency text not null references agencies(slug),
        crawl integer references crawls(id),
        url text not null,
        release integer references releases(id),
        seen text not null,
        state text not null,
        capture integer references captures(id),
        reason text not null,
        decided text,
        decision text
    """,
    # Health and coverage
    "health": """
        agency text primary key references agencies(slug),
        state text not null,
        since text not null,
        reason text not null,
        newest text,
        usual_gap float,
        expected text,
        judged text not null,
        acknowledged text,
        facts text not null
    """,
    "health_events": """
        id integer primary key,
        agency text not null references agencies(slug),
        at text not null,
        state text not null,
        previous text,
        reason text not null
    """,
    "alert_deliveries": """
        event integer not null references health_events(id),
        channel text not null,
        sent text,
        primary key (event, channel)
    """,
    "coverage": """
        id integer primary key,
        agency text not null references agencies(slug),
        month text,
        source text,
        kind text,
        listed integer not null,
        stored integer not null,
        rejected integer not null,
        missing integer not null,
        unlisted integer,
        complete integer not null,
        problem_code text,
        problem_url text,
        problem_value text,
        checked text not null
    """,
    "missing_releases": """
        url text primary key,
        agency text not null references agencies(slug),
        source text not null,
        month text,
        listed text,
        state text not null,
        first_missed text not null,
        last_missed text not null,
        filled text
    """,
    # Derived from the tables above by triggers (archive/aggregates.py for the last five)
    # no foreign keys: its rows stay when a release is deleted, and Datasette would count them for each release it shows
    "changefeed": """
        id integer primary key,
        release integer not null,
        change text not null,
        at text not null,
        revision integer,
        takedown integer
    """,
    "release_facets": """
        release integer primary key references releases(id),
        agency text not null references agencies(slug),
        kind text,
        sort_day text,
        sort_date text not null,
        questions integer not null default 0
    """,
    "month_counts": """
        agency text not null,
        month text not null,
        releases integer not null,
        dated integer not null,
        primary key (agency, month)
    """,
    # no foreign key to releases: for every release's page, Datasette would count its rows by reading the whole table
    "tag_releases": """
        tag integer not null references tags(id),
        sort_date text not null,
        release integer not null,
        primary key (tag, sort_date, release)
    """,
    "tag_counts": """
        tag integer not null references tags(id),
        agency text not null references agencies(slug),
        releases integer not null,
        primary key (tag, agency)
    """,
    "edit_counts": """
        agency text primary key references agencies(slug),
        edits integer not null,
        unannounced integer not null
    """,
}
WITHOUT_ROWID = (
    *("minhash_bands", "near_duplicates", "alert_deliveries", "attachment_edits"),
    *("month_counts", "tag_releases", "tag_counts", "edit_counts"),
)

INDEXES = (
    "create index idx_revisions_release_seen on revisions (release, seen)",
    "create index idx_releases_newest on releases (coalesce(published, updated, first_seen), agency, published)",
    # the order of the pages of tables: descending, ascending ids within a value (archive/web/tables.py)
    "create index idx_releases_first_seen on releases (first_seen desc)",
    "create index idx_releases_published on releases (published desc)",
    "create index idx_releases_agency_published on releases (agency, published desc)",
    "create index idx_releases_published_day on releases (published_day)",
    "create index idx_releases_published_precision on releases (published_precision)",
    "create unique index idx_releases_url on releases (url)",
    "create unique index idx_questions_release_position on questions (release, position)",
    "create unique index idx_tags_name on tags (name)",
    "create index idx_release_tags_tag on release_tags (tag)",
    "create unique index idx_images_release_position on images (release, position)",
    "create unique index idx_attachments_release_position on attachments (release, position)",
    "create index idx_crawls_agency_started on crawls (agency, started)",
    "create index idx_frontier_agency_role_state_next_due on frontier (agency, role, state, next_due)",
    "create index idx_frontier_source_first_seen on frontier (source, first_seen)",
    "create index idx_frontier_release on frontier (release)",
    "create unique index idx_contacts_release_position on contacts (release, position)",
    "create unique index idx_people_name_agency on people (name, agency)",
    "create unique index idx_quotes_revision_position on quotes (revision, position)",
    "create index idx_quotes_release on quotes (release)",
    "create index idx_quotes_person on quotes (person, revision) where person is not null",
    "create index idx_attachments_url on attachments (url)",
    "create index idx_attachment_versions_url on attachment_versions (url)",
    "create index idx_attachment_versions_file on attachment_versions (file)",
    "create index idx_attachment_versions_capture on attachment_versions (capture)",
    "create index idx_attachment_versions_previous on attachment_versions (previous) where previous is not null",
    "create index idx_attachment_versions_edits on attachment_versions (first_seen, id) where previous is not null",
    "create index idx_attachment_edits_release on attachment_edits (release)",
    "create index idx_attachment_links_url on attachment_links (url)",
    "create index idx_captures_sha256 on captures (sha256)",
    "create index idx_captures_template on captures (template) where template is not null",
    "create index idx_revisions_edits on revisions (cause, seen, importance, update_date_changed, release, previous)",
    "create index idx_releases_agency_next_check on releases (agency, next_check)",
    "create index idx_removals_release on removals (release)",
    "create index idx_removals_confirmed on removals (confirmed)",
    "create index idx_near_duplicates_other on near_duplicates (other)",
    "create index idx_revisions_capture on revisions (capture) where capture is not null",
    "create index idx_revisions_previous on revisions (previous) where previous is not null",
    "create index idx_revisions_reverts_to on revisions (reverts_to) where reverts_to is not null",
    "create index idx_removals_capture on removals (capture) where capture is not null",
    "create index idx_removals_moved_to on removals (moved_to) where moved_to is not null",
    "create index idx_releases_capture on releases (capture) where capture is not null",
    "create index idx_releases_moved_to on releases (moved_to) where moved_to is not null",
    "create index idx_release_facets_sort_date on release_facets (sort_date, agency, kind, sort_day, questions)",
    "create index idx_release_facets_agency on release_facets (agency, sort_date, kind, sort_day, questions)",
    "create index idx_health_events_agency on health_events (agency, at)",
    "create index idx_crawls_parsed on crawls (agency, started) where parsed > 0",
    "create index idx_takedowns_release on takedowns (release)",
    "create index idx_releases_takedown on releases (takedown) where takedown is not null",
    "create index idx_revisions_takedown on revisions (takedown) where takedown is not null",
    "create index idx_pagination_cursors_agency on pagination_cursors (agency)",
    "create index idx_quarantine_agency on quarantine (agency, decided, seen)",
    "create index idx_quarantine_url on quarantine (url)",
    "create index idx_quarantine_crawl on quarantine (crawl) where crawl is not null",
    "create index idx_quarantine_release on quarantine (release) where release is not null",
    "create index idx_quarantine_capture on quarantine (capture) where capture is not null",
    "create index idx_coverage_agency on coverage (agency, source, month)",
    "create index idx_coverage_all on coverage (agency) where source is null",
    "create index idx_missing_releases_agency on missing_releases (agency, state, first_missed)",
    "create index idx_changefeed_release on changefeed (release)",
    "create index idx_frontier_agency_role_state_first_seen on frontier (agency, role, state, first_seen)",
    "create index idx_jobs_crawl on jobs (crawl)",
    "create index idx_tag_counts_agency on tag_counts (agency)",
    "create index idx_release_facets_undated on release_facets (sort_date, agency) where sort_day is null",
    "create index idx_crawls_finished on crawls (finished)",
    "create index idx_crawls_whole on crawls (agency, finished) where spider = 'news' and reason = 'finished'",
    "create index idx_revisions_piece on revisions (release / 10000, seen)",
    "create index idx_revisions_edited on revisions (release) where cause = 'source' and previous is not null",
    # from a row of search_edits to its release
    "create index idx_revisions_edit_release on revisions (id, release, previous, cause)"
    " where cause = 'source' and previous is not null",
)

NOW_SQL = "strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now')"
INSERT_CHANGE_SQL = "insert into changefeed (release, change, at, revision, takedown) values"
REFUSE_CHANGE_SQL = "select raise(abort, 'changefeed: the log only grows')"
IS_SHOWN_SQL = "new.takedown is not 'hidden'"  # changes to a hidden release are reported once it is restored
LOG_ATTACHMENTS_SQL = f"""
    insert into changefeed (release, change, at) select distinct a.release, 'attachment', {NOW_SQL}
    from attachment_versions v join attachments a on a.url = v.url join releases r on r.id = a.release
    where r.takedown is not 'hidden' and v.id = (select max(w.id) from attachment_versions w where w.url = v.url)
"""
CHANGEFEED_TRIGGERS = {
    "changefeed_revision": f"""after insert on revisions
        when (select takedown from releases where id = new.release) is not 'hidden' begin
          {INSERT_CHANGE_SQL} (new.release, iif(exists (select 1 from changefeed where release = new.release),
            'changed', 'added'), {NOW_SQL}, new.id, null);
        end""",
    "changefeed_removal": f"""after update of removed_at on releases
        when old.removed_at is not new.removed_at and {IS_SHOWN_SQL} begin
          {INSERT_CHANGE_SQL} (new.id, iif(new.removed_at is null, 'returned', 'removed'), {NOW_SQL}, null, null);
        end""",
    "changefeed_move": f"""after update of url, moved_to on releases
        when (old.url is not new.url or old.moved_to is not new.moved_to) and {IS_SHOWN_SQL} begin
          {INSERT_CHANGE_SQL} (new.id, 'moved', {NOW_SQL}, null, null);
        end""",
    "changefeed_takedown": f"""after insert on takedowns begin
          {INSERT_CHANGE_SQL} (new.release, iif(new.kind = 'hide', 'hidden', 'redacted'), {NOW_SQL}, null, new.id);
        end""",
    "changefeed_lift": f"""after update of lifted on takedowns
        when old.lifted is null and new.lifted is not null begin
          {INSERT_CHANGE_SQL} (new.release, 'restored', {NOW_SQL}, null, new.id);
        end""",
    "changefeed_delete": f"""after delete on releases begin
          {INSERT_CHANGE_SQL} (old.id, 'deleted', {NOW_SQL}, null, null);
        end""",
    "changefeed_attachment": f"""after insert on attachment_versions begin
          {LOG_ATTACHMENTS_SQL.strip()} and v.id = new.id;
        end""",
    "changefeed_attachment_text": f"""after update of extracted on attachment_files
        when old.extracted is not new.extracted begin
          {LOG_ATTACHMENTS_SQL.strip()} and v.file = new.id;
        end""",
    # a number that a mirror has read keeps its meaning, and is never used again
    "changefeed_no_delete": f"before delete on changefeed begin {REFUSE_CHANGE_SQL}; end",
    "changefeed_no_update": f"before update on changefeed begin {REFUSE_CHANGE_SQL}; end",
}
MISSING_RELEASE_TRIGGERS = {
    "missing_release_stored": """after update of release on frontier
        when new.release is not null and old.release is null begin
          update missing_releases set state = 'filled', filled = new.fetched where url = new.url and filled is null;
        end"""
}

TRIGGERS = FACET_TRIGGERS | MISSING_RELEASE_TRIGGERS | CHANGEFEED_TRIGGERS | COUNT_TRIGGERS

# The first column of a view identifies its rows: pages are ordered by it (archive/web/tables.py).
# Numbers are cast, because a computed column has no type, and the text of a filter would not equal any of them.
VIEWS = {
    "releases_with_tags": """
        select r.id, r.agency, a.name as agency_name, r.kind, r.title, r.lead, r.body, r.published, r.published_day,
          r.published_precision, r.updated, r.language, r.first_seen, r.removed_at, r.url,
          (select group_concat(name, '; ') from (select t.name from release_tags rt join tags t on t.id = rt.tag
            where rt.release = r.id order by rt.rowid)) as tags,
          cast((select count(*) from questions q where q.release = r.id) as integer) as questions,
          cast((select count(*) from revisions v where v.release = r.id and v.cause = 'source'
            and v.previous is not null) as integer) as edits
        from releases r join agencies a on a.slug = r.agency where r.moved_to is null
    """,
    "questions_with_releases": """
        select q.id, q.question, q.answer, q.answered_by, q.release, q.position, r.title, r.agency,
          a.name as agency_name, r.published, r.published_day, r.published_precision, r.url,
          '/archive/releases/' || r.id || '#question-' || q.position as link
        from questions q join releases r on r.id = q.release join agencies a on a.slug = r.agency
        where r.moved_to is null
    """,
    "edits": """
        select v.id as revision, v.previous, v.release, v.seen, r.agency, a.name as agency_name, v.title, v.importance,
          cast(1 - v.update_date_changed as integer) as update_date_unchanged, v.summary, v.summary_en, v.changes,
          r.url,
          '/-/diff/' || v.previous || '/' || v.id as link
        from revisions v join releases r on r.id = v.release join agencies a on a.slug = r.agency
        where v.cause = 'source' and v.previous is not null
    """,
}

migrations = Migrations("myndighetsarkivet")


@migrations()
def initial_schema(db: Database) -> None:
    update_schema(db)
    create_search_index(db)
    db.execute(f"pragma application_id = {create_file_id()}")
    db.execute(f"pragma user_version = {SCHEMA_VERSION}")


@migrations()
def days_listed_counts_and_sorted_pages(db: Database) -> None:
    update_schema(db)
    if not read_file_id(db.conn):
        db.execute(f"pragma application_id = {create_file_id()}")


@migrations()
def files_in_the_frontier(db: Database) -> None:
    update_schema(db)


@migrations()
def edits_in_the_search_index(db: Database) -> None:
    update_schema(db)
    create_missing_table(db, "search_edits")


@migrations()
def quotes_with_speakers(db: Database) -> None:
    update_schema(db)
    if not db.execute("select exists (select 1 from quotes)").fetchone()[0]:
        texts_sql = f"select {', '.join(QUOTED_FIELDS)} from revisions where id = ?"
        for (revision_id,) in db.execute("select id from revisions order by id").fetchall():
            texts = db.execute(texts_sql, [revision_id]).fetchone()
            write_quotes(db, revision_id, find_quotes(dict(zip(QUOTED_FIELDS, texts, strict=True))))


@migrations()
def fetched_attachments(db: Database) -> None:
    update_schema(db)
    create_missing_table(db, "search_attachments")


@migrations()
def edits_of_attachments(db: Database) -> None:
    update_schema(db)
    db.execute(
        "insert or ignore into attachment_edits (version, release) select v.id, a.release from attachment_versions v"
        " join attachments a on a.url = v.url join releases r on r.id = a.release"
        " where v.previous is not null and r.moved_to is null"
    )


@migrations()
def attachments_in_the_change_feed(db: Database) -> None:
    update_schema(db)
    db.execute(LOG_ATTACHMENTS_SQL)


@migrations()
def edited_releases(db: Database) -> None:
    update_schema(db)


def update_schema(db: Database) -> None:
    """Create missing TABLES, columns, INDEXES, TRIGGERS and VIEWS, and replace those that have changed."""
    for name, definitions in TABLES.items():
        options = " without rowid" if name in WITHOUT_ROWID else ""
        db.execute(f"create table if not exists {name} ({definitions}){options}")
        present = {row[1] for row in db.execute(f"pragma table_xinfo({name})")}
        for definition in definitions.strip().split(",\n"):
            if definition.split()[0] not in {*present, "primary"}:
                db.execute(f"alter table {name} add column {definition}")
    stored = dict(db.execute("select name, lower(sql) from sqlite_master where type in ('index', 'trigger')"))
    statements = {statement.partition(" on ")[0].split()[-1]: statement for statement in INDEXES}
    statements |= {name: f"create trigger {name} {trigger}" for name, trigger in TRIGGERS.items()}
    for name, statement in statements.items():
        if stored.get(name) != statement.lower():
            db.execute(f"drop {'trigger' if name in TRIGGERS else 'index'} if exists {name}")
            db.execute(statement)
    for name, select in VIEWS.items():
        db.create_view(name, select, replace=True)


def migrate(db: Database, path: Path) -> None:
    """Create the schema, or migrate it to the current version.

    Processes that open an archive at once wait for each other. Raises ArchiveError if the file has an older or newer
    version, or is not an archive.
    """
    if db.execute("pragma user_version").fetchone() == (SCHEMA_VERSION,) and not migrations.pending(db):
        check_version(db.conn, path)
        return
    folder = os.open(path.resolve().parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # released when the process ends, however it ends
        check_version(db.conn, path)  # inside the lock, because a file being created has tables before it has a version
        migrations.apply(db)
    finally:
        os.close(folder)


def find_metadata() -> Path:
    """Return the path of metadata.json, which describes tables and columns for the site and datasets."""
    return next(path for path in METADATA_PATHS if path.is_file())


def read_metadata() -> dict[str, Any]:
    return dict(json.loads(find_metadata().read_text("utf-8")))
