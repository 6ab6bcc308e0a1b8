"""The command line: `myndighetsarkivet`, or `python -m archive`.

Commands import what they need when they run, so that every command starts quickly.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from archive.database.sqlite_files import (
    CONTINUES,
    MAX_PROCESSES,
    ArchiveError,
    check_database,
    choose_process_count,
    show_progress,
)
from archive.publish.dataset_files import DATASET_FORMATS, OPTIONAL_TABLES
from archive.times import now

if TYPE_CHECKING:
    from archive.store.releases import Archive

Command = Callable[..., Any]

EXIT_INTERRUPTED = 130  # as in shells after Ctrl-C
TAKEDOWN_LOG_SQL = (
    "select id, kind, release, at, coalesce('lifted ' || lifted, 'in force'), reason from"
    " takedowns order by id"
)
NO_ARCHIVE_MESSAGE = (
    "no such file; create it with a crawl (scrapy round -s ARCHIVE=… -s CONTACT=…) or with"
    " python -m archive import"
)

PATH = click.Path(path_type=Path)
file_argument = click.argument("file", type=PATH, default="archive.db")
archive_option = click.option(
    "--archive",
    type=PATH,
    default="archive.db",
    show_default=True,
    metavar="FILE",
    help="The archive's database.",
)
folder_option = click.option(
    "--to",
    type=PATH,
    required=True,
    metavar="FOLDER",
    help="Folder of the copies; created if it does not exist.",
)
processes_option = click.option(
    "--processes",
    type=click.IntRange(0, MAX_PROCESSES),
    metavar="N",
    help=(
        "Processes that compute, in addition to the writing one.  [default: one per core for a"
        " large file, else 0]"
    ),
)
no_sql_option = click.option(
    "--no-sql", is_flag=True, help="Refuse visitors' own SQL: ?sql= and _where=."
)
no_cors_option = click.option(
    "--no-cors", is_flag=True, help="Do not let pages of other sites read the data."
)


def keep_option(default: int) -> Callable[[Command], Command]:
    help_text = "Copies to keep; older ones are deleted."
    return click.option(
        "--keep", type=click.IntRange(min=1), default=default, show_default=True, help=help_text
    )


class ArchiveCommand(click.Command):
    """A command that names the file when it reports an SQLite error, such as a locked database."""

    def invoke(self, ctx: click.Context) -> int | None:
        try:
            return cast("int | None", super().invoke(ctx))
        except sqlite3.DatabaseError as error:
            from archive.database.sqlite_files import to_archive_error

            raise to_archive_error(
                error, ctx.params.get("archive") or ctx.params.get("file", "")
            ) from error


class DatasetteCommand(ArchiveCommand):
    """A command that passes the arguments after `--` on to `datasette serve`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        ctx.obj = args[end + 1 :]
        return super().parse_args(ctx, args[:end])


class DatasetCommand(ArchiveCommand):
    """A command whose option `--without` takes several values: `--without images questions`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words: list[str] = []
        for word in args:
            if words[-2:-1] == ["--without"] and not word.startswith("-"):
                words.append("--without")
            words.append(word)
        return super().parse_args(ctx, words)


class ArchiveGroup(click.Group):
    """A command group whose commands are ArchiveCommands."""

    command_class = ArchiveCommand
    group_class = type  # nested groups use this class, too


@click.group(
    cls=ArchiveGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 done with findings or errors, 2 nothing was done.",
)
def commands() -> None:
    """Serve, fill, check and copy an archive."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    The exit code is 2 if a file cannot be opened.
    """
    try:
        return int(commands.main(arguments, standalone_mode=False) or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
    except click.UsageError as error:
        name = error.ctx.command_path if error.ctx else "archive"
        click.echo(f"{name}: {error.format_message()}", err=True)
    except click.Abort as error:
        # click also raises Abort for EOFError, as if Ctrl-D had been pressed; no command has a
        # prompt
        if isinstance(error.__context__, EOFError):
            raise error.__context__ from None
        return EXIT_INTERRUPTED
    except ArchiveError as error:
        click.echo(error, err=True)
    except OSError as error:
        click.echo(f"{error.filename}: {error.strerror}" if error.filename else error, err=True)
    return 2


# Serving


@commands.command(cls=DatasetteCommand)
@file_argument
@click.option("--port", type=int, default=8001, show_default=True, help="Port on 127.0.0.1.")
@no_sql_option
@no_cors_option
@click.pass_obj
def serve(datasette_options: list[str], file: Path, port: int, no_sql: bool, no_cors: bool) -> None:
    """Serve an archive. Options after -- are passed on to datasette serve."""
    from archive.database.captures import find_captures_problem
    from archive.operations.serving import (
        build_datasette_command,
        is_port_free,
        raise_file_limit,
        update_archive,
    )

    check_database(file, missing_message=NO_ARCHIVE_MESSAGE)
    update_archive(file)
    if problem := find_captures_problem(file):
        click.echo(
            f"{problem}\nserved nevertheless; evidence files lack the original pages", err=True
        )
    if not is_port_free("127.0.0.1", port):
        raise ArchiveError(
            file, f"cannot be served: port {port} is taken; choose another with --port"
        )
    command = build_datasette_command(
        file, port, datasette_options, sql=not no_sql, cors=not no_cors
    )
    raise_file_limit()
    sys.stdout.flush()
    # no child process, so that Datasette gets the signals
    os.execv(command[0], command)  # noqa: S606 - our own command


@commands.command(cls=DatasetteCommand)
@click.argument("folder", type=PATH)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port",
    "ports",
    type=int,
    multiple=True,
    default=(8101, 8102),
    show_default=True,
    help=(
        "May be repeated. With two or more, one always accepts requests; with one, a new"
        " snapshot interrupts it."
    ),
)
@no_sql_option
@no_cors_option
@click.pass_obj
def replica(
    datasette_options: list[str],
    *,
    folder: Path,
    host: str,
    ports: Sequence[int],
    no_sql: bool,
    no_cors: bool,
) -> None:
    """Serve the newest snapshot in a folder.

    One server runs on each port. When a newer snapshot appears, the servers are restarted one after
    the other. Options after -- are passed on to datasette serve.
    """
    from archive.operations.serving import Replicas, build_datasette_options, raise_file_limit

    if not folder.is_dir():
        raise ArchiveError(folder, "no such folder; create it with python -m archive snapshot")
    if len(set(ports)) < len(ports) or 0 in ports:
        raise click.UsageError("--port must be given once for each port, which cannot be 0")
    if any(
        option.partition("=")[0] in ("--host", "-h", "--port", "-p", "--uds")
        for option in datasette_options
    ):
        raise click.UsageError("address options must be given before --")
    raise_file_limit()
    arguments = [*build_datasette_options(sql=not no_sql, cors=not no_cors), *datasette_options]
    replicas = Replicas(folder=folder, host=host, ports=ports, arguments=arguments, log=click.echo)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: replicas.stop_event.set())
    replicas.run()


# Checking


@commands.command(cls=ArchiveCommand)
@file_argument
def status(file: Path) -> int:
    """Print what /-/status shows: the state of each agency's crawls, and all known problems.

    The exit code is 1 if an agency has a fault that has not been acknowledged, or if no crawl was
    assessed in the last three days.
    """
    from archive.database.sqlite_files import (
        build_connection_runner,
        open_readonly,
        run_without_waiting,
    )
    from archive.health.health_report import is_overdue, print_health, read_agency_health

    check_database(file)
    with closing(open_readonly(file)) as db:
        rows = run_without_waiting(read_agency_health(build_connection_runner(db), "en"))
        (releases,) = db.execute("select count(*) from release_facets").fetchone()
        (waiting,) = db.execute("select count(*) from quarantine where decision is null").fetchone()
    assessed_at = max((row["judged"] for row in rows if row["judged"]), default=None)
    notes = [
        f"{releases} releases; {waiting} pages in"
        f" quarantine; last assessed:"
        f" {assessed_at or 'never'}"
    ]
    overdue = assessed_at is None or is_overdue(assessed_at)
    if overdue:
        notes.append(
            "Crawls seem to have stopped: start a round (scrapy round), and see docs/operate.md."
        )
    print_health(rows, str(file), notes)
    return 1 if overdue or any(row["is_unacknowledged"] for row in rows) else 0


@commands.command()
@file_argument
@click.option(
    "--digest",
    is_flag=True,
    help="Only print the day and digest of the newest manifest, for publishing.",
)
@click.option(
    "--since",
    metavar="DIGEST",
    help="A digest that you kept: what it covers must be as it was.",
)
@click.option(
    "--roots",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="PEM",
    help="Certificates, one of which must have issued each time stamp's.",
)
@click.option(
    "--texts", is_flag=True, help="Also read the texts of attachments again (half a second a file)."
)
def verify(file: Path, *, digest: bool, since: str | None, roots: Path | None, texts: bool) -> int:
    """Check an archive against its hashes and manifests.

    The exit code is 1 if there are findings.
    """
    from archive.evidence.verification import verify as verify_archive

    if digest:
        return print_digest(file)
    with show_progress() as progress:
        report = verify_archive(
            file,
            since=since,
            roots=roots,
            texts=texts,
            progress=progress,
        )
    echo_lines(report.findings)
    newest = report.newest_manifest
    counts = (f"{number} {name.replace('_', ' ')}" for name, number in report.counts.items())
    click.echo(f"{file}: {', '.join(counts)}")
    click.echo(
        f"{f'newest manifest: {newest.day} {newest.digest}' if newest else 'no manifest yet'},"
        f" {report.uncovered} rows since"
    )
    click.echo(f"findings: {len(report.findings)}")
    return 1 if report.findings else 0


@commands.command()
@file_argument
@click.option(
    "--authority",
    "authorities",
    multiple=True,
    metavar="URL",
    help="An authority for time stamps; by default those in STAMP_AUTHORITIES.",
)
def stamp(file: Path, authorities: Sequence[str]) -> int:
    """Have the archive's manifests time-stamped by outside authorities (RFC 3161).

    A crawl round does this if STAMP_AUTHORITIES is set. If an authority fails, the exit code is 1,
    and the next run asks that authority again.
    """
    from archive.database.captures import Captures
    from archive.evidence.time_stamps import read_authorities, stamp_manifests

    asked = authorities or read_authorities()
    if not asked:
        raise click.UsageError("name an authority: --authority URL, or STAMP_AUTHORITIES")
    with open_existing_archive(file) as archive, Captures(file) as captures:
        report = stamp_manifests(archive.db.conn, captures, asked)
    for authority, days in report.stamped.items():
        click.echo(f"{authority}: {', '.join(days) or 'no manifest to stamp'}")
    for authority, problem in report.problems.items():
        click.echo(f"{authority}: {problem}", err=True)
    return 1 if report.problems else 0


def print_digest(file: Path) -> int:
    from archive.evidence.manifest import find_newest_manifest
    from archive.evidence.verification import open_archive

    with closing(open_archive(file)) as db:
        newest = find_newest_manifest(db)
    if newest is None:
        click.echo(f"{file}: manifests: none yet; a crawl writes one at its end", err=True)
        return 1
    click.echo(f"{newest.day} {newest.digest}")
    return 0


@commands.command()
@file_argument
@processes_option
def reindex(file: Path, processes: int | None) -> None:
    """Recompute the search index, other derived data and all counts.

    If an update of the software changes how these are computed, the next crawl recomputes them. Run
    this command if `serve` or `verify` asks for it, but not while a crawl is running. After an
    interruption, run it again: it continues where it stopped.
    """
    from archive.language.terms import ANALYSIS_VERSION
    from archive.store.releases import Archive

    check_database(file)
    if processes is None:
        # a release takes ten times the bytes that it has in a collection
        processes = choose_process_count(file.stat().st_size / 10)
    with (
        show_progress(if_stopped=CONTINUES) as progress,
        Archive(file, rebuild_stale=False) as archive,
    ):
        number = archive.recompute(progress, processes=processes)
    click.echo(f"{file}: {number} releases indexed by {ANALYSIS_VERSION}")


@commands.command("extract-attachments")
@file_argument
@click.option("--agency", metavar="SLUG", help="Only the files of this agency's releases.")
@processes_option
def extract_attachments(file: Path, agency: str | None, processes: int | None) -> int:
    """Extract the text of stored files whose text has not been extracted with the current rules.

    These include the files of agencies whose table in agencies.toml sets attachments = "links".
    After an interruption, run the command again: it continues where it stopped. The exit code is 1
    if the bytes of any file cannot be read.
    """
    from archive.database.captures import Captures

    with (
        show_progress(if_stopped=CONTINUES) as progress,
        open_existing_archive(file) as target,  # updates an older archive, which takes long
        Captures(file, readonly=True) as captures,
    ):
        result = target.extract_missing_texts(
            captures,
            agency=agency,
            progress=progress,
            processes=choose_process_count() if processes is None else processes,
        )
    echo_lines(result.findings)
    click.echo(
        f"{file}: {result.files} files read; without text:"
        f" {result.empty}; with a problem: {result.problems};"
        f" missing or damaged: {len(result.findings)}"
    )
    return 1 if result.findings else 0


# Copying


@commands.command()
@file_argument
@folder_option
@keep_option(3)
@click.option(
    "--withdraw",
    is_flag=True,
    help="Stop replicas from showing earlier snapshots, for example after a takedown.",
)
def snapshot(file: Path, to: Path, keep: int, withdraw: bool) -> None:
    """Publish a copy of an archive for read-only servers."""
    from archive.operations.snapshots import count_snapshot_releases, publish_snapshot

    started = time.monotonic()
    new = publish_snapshot(file, to, keep=keep, moment=now(), withdraw=withdraw)
    took = time.monotonic() - started
    sizes = format_sizes(new.glob("*.db"))
    click.echo(f"{new}: {count_snapshot_releases(new)} releases, {sizes}, {took:.1f} s")
    if withdraw:
        click.echo("earlier snapshots are withdrawn; the next snapshot deletes their files")


@commands.command("export-warc")
@file_argument
@click.option("--to", type=PATH, required=True, metavar="OUT.warc.gz", help="File to write.")
@click.option("--agency", metavar="SLUG", help="Only the captures of this agency's releases.")
def export_warc(file: Path, to: Path, agency: str | None) -> int:
    """Write the captured responses as a WARC file.

    The exit code is 1 if the bytes of any response cannot be read.
    """
    from archive.evidence.warc import export_warc as export

    with show_progress() as progress:
        result = export(file, to, agency, progress)
    echo_lines(result.findings)
    click.echo(f"{to}: {result.responses} responses, {result.revisits} revisits")
    click.echo(f"left out because their bytes cannot be read: {len(result.findings)}")
    if result.omitted:
        click.echo(f"left out because of takedowns: {result.omitted}")
    return 1 if result.findings else 0


@commands.command()
@file_argument
@folder_option
@keep_option(2)
@click.option(
    "--follow", is_flag=True, help="Also copy the subscriptions, which contain addresses."
)
def backup(file: Path, to: Path, keep: int, follow: bool) -> int:
    """Make a checked copy of an archive.

    The copy is a new folder in FOLDER. The exit code is 1 if the copy is damaged.
    """
    from archive.operations.backup import create_backup

    check_database(file)
    with show_progress() as progress:
        copy, findings = create_backup(
            file, to, keep=keep, moment=now(), with_subscriptions=follow, progress=progress
        )
    echo_lines(findings)
    click.echo(f"{copy}: {format_sizes(copy.iterdir())}; findings: {len(findings)}")
    return 1 if findings else 0


@commands.command()
@click.argument("backup", type=PATH)
@click.option(
    "--to",
    type=PATH,
    required=True,
    metavar="ARCHIVE",
    help="Path of the restored database, such as archive.db.",
)
@click.option("--replace", is_flag=True, help="Move an existing archive to a folder beside it.")
def restore(backup: Path, to: Path, replace: bool) -> int:
    """Check a backup and restore its files.

    If the backup is damaged, nothing is restored, and the exit code is 1. It is also 1 if takedowns
    made since the backup have to be repeated, and 2 if the backup cannot be restored.
    """
    from archive.operations.backup import restore_backup

    with show_progress() as progress:
        findings, former_files, lost = restore_backup(
            backup, to, replace=replace, moment=now(), progress=progress
        )
    echo_lines(findings)
    if findings:
        click.echo(f"{backup}: findings: {len(findings)}; nothing was restored")
        return 1
    click.echo(f"{to}: restored from {backup}; findings: 0")
    if former_files:
        click.echo(f"{former_files}: the former files; delete them when they are no longer needed")
    echo_lines(lost)
    return 1 if lost else 0


# Filling


@commands.command("import")
@click.argument("file", type=PATH, metavar="FILE.jsonl[.gz]")
@click.option(
    "--agency", required=True, metavar="SLUG", help="The agency whose releases these are."
)
@archive_option
@click.option(
    "--source",
    metavar="NAME",
    help=(
        "The collection that the file is from, the same for each of its snapshots."
        "  [default: the name of the file]"
    ),
)
@click.option("--source-url", metavar="URL", help="The address of the collection.")
@click.option(
    "--seen",
    metavar="DATE",
    help="When the collection read the releases that do not say it themselves (`seen`).",
)
@click.option(
    "--agencies",
    type=PATH,
    default=Path(__file__).parents[1] / "scraper" / "agencies.toml",
    metavar="FILE.toml",
    help="Facts about an agency that is not stored yet.  [default: scraper/agencies.toml]",
)
@processes_option
@click.option(
    "--new-captures", is_flag=True, help="Create a new captures.db if the archive's own is lost."
)
def import_releases(
    *,
    file: Path,
    agency: str,
    archive: Path,
    source: str | None,
    source_url: str | None,
    seen: str | None,
    agencies: Path,
    processes: int | None,
    new_captures: bool,
) -> int:
    """Import releases from another collection.

    Several snapshots of a collection can be imported, in any order, if --source has the same value
    for all of them.

    The exit code is 1 if any line cannot be read, 2 if nothing is imported or an error ends the
    import early, and 130 if the import is interrupted. After exit code 2 or 130, run the same
    command again: it continues after the lines that have been stored.
    """
    from archive.database.captures import Captures
    from archive.evidence.manifest import write_manifest
    from archive.store.import_lines import FieldError, parse_reading_time
    from archive.store.jsonl_import import (
        ensure_agency,
        find_host_owners,
        format_import_report,
        import_file,
        open_or_create_archive,
    )

    if not file.is_file():
        raise ArchiveError(file, "no such file")
    try:
        seen_at = parse_reading_time({"seen": seen})
    except FieldError as error:
        raise ArchiveError(file, error.problem, key="--seen") from error
    is_new = not archive.exists()
    with (
        show_progress(if_stopped=CONTINUES) as progress,
        open_or_create_archive(archive) as target,  # updates an older archive, which takes long
        Captures(archive, begin_new=new_captures) as captures,
    ):
        ensure_agency(target, agency, agencies)
        if is_new:
            click.echo(f"{archive}: no such archive; creating a new one", err=True)
        if processes is None:  # a small file is done before another process would have started
            processes = choose_process_count(file.stat().st_size)
        with catch_stop_signals() as stopped:
            result = import_file(
                target,
                file,
                agency,
                now(),
                progress,
                source=source,
                source_url=source_url,
                seen=seen_at,
                host_owners=find_host_owners(target, agencies),
                processes=processes,
                should_stop=stopped.is_set,
                report_error=click.echo,
            )
        # a day has one manifest; when a run finishes, it also covers what earlier runs stored
        if not result.failure and not result.stopped:
            write_manifest(target.db.conn, captures, now().date())
    echo_lines(format_import_report(file, result))
    if not archive.exists():
        click.echo(f"{archive}: nothing was imported, and no archive was created", err=True)
    if result.failure:
        raise result.failure
    if result.stopped:
        click.echo(f"{file}: stopped; a second run imports the rest", err=True)
        return EXIT_INTERRUPTED
    return 1 if result.errors else 0


@contextmanager
def catch_stop_signals() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C and SIGTERM set instead of ending the process.

    The caller has to check the event, and can thus finish a transaction before it stops.
    """
    stop_event = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stop_event.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stop_event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# Subscribers


@commands.command("notify")
@file_argument
@click.option(
    "--every",
    type=click.IntRange(min=1),
    metavar="MINUTES",
    help="Keep running, and send every MINUTES.",
)
def notify_subscribers(file: Path, every: int | None) -> int:
    """Notify subscribers of new, edited and removed releases.

    Settings are read from the environment (see archive/follow). The exit code is 1 if there are
    faults that somebody has to repair, and 2 if the settings are invalid.
    """
    from archive.follow.notifications import notify
    from archive.follow.subscriptions import read_follow_settings

    settings = read_follow_settings()
    if settings is None:
        click.echo("nothing to do: PUBLIC_URL and FOLLOW_MAIL_FROM are not set")
        return 0
    with catch_stop_signals() as stopped:
        while True:
            result = notify(file, settings, should_stop=stopped.is_set)
            if result is None or result.has_news or not every:
                click.echo(f"{file}: {result or 'another process is sending'}")
            if not every or stopped.wait(60 * every):
                return 1 if result and result.faults else 0


@commands.command()
@file_argument
@click.argument("recipient")
def bounce(file: Path, recipient: str) -> None:
    """Process a bounce message that was sent to the return path RECIPIENT.

    The message is read from standard input.
    """
    from archive.follow.rejected_mails import handle_bounce
    from archive.follow.subscriptions import read_follow_settings

    check_database(file)
    settings = read_follow_settings()
    if settings is None:
        raise ArchiveError("environment", "must be set", key="PUBLIC_URL and FOLLOW_MAIL_FROM")
    click.echo(handle_bounce(file, settings, recipient, sys.stdin.buffer, now()))


# Datasets and takedowns


@commands.command(cls=DatasetCommand)
@click.argument("query", default="", metavar="[SQL or search]")
@click.option(
    "--to", type=PATH, required=True, metavar="FOLDER", help="New folder for the dataset."
)
@archive_option
@click.option("--search", is_flag=True, help="Treat the selection as a search, however it begins.")
@click.option("--sql", is_flag=True, help="Treat the selection as SQL, however it begins.")
@click.option(
    "--only", type=click.Choice(DATASET_FORMATS), help="Write only this format.  [default: both]"
)
@click.option(
    "--without",
    type=click.Choice(OPTIONAL_TABLES),
    multiple=True,
    metavar="TABLE ...",
    help=f"Leave out tables: any of {', '.join(OPTIONAL_TABLES)}.",
)
@click.option("--site", metavar="URL", help="The public URL of the archive, for the citation.")
def dataset(
    *,
    query: str,
    to: Path,
    archive: Path,
    search: bool,
    sql: bool,
    only: str | None,
    without: Sequence[str],
    site: str | None,
) -> int:
    """Export releases for research.

    The dataset is written as Parquet and CSV. The selection is a query in the form used on the
    search page, the URL of a search, or a SELECT with a column named release or id. Without a
    selection, all releases are exported. The exit code is 1 if no release is found.
    """
    from archive.publish.datasets import format_dataset_citation, write_dataset

    if search and sql:
        raise click.UsageError("--search and --sql cannot be combined")
    with show_progress() as progress:
        result = write_dataset(
            archive,
            query,
            to,
            selection_kind="search" if search else "sql" if sql else None,
            formats=(only,) if only else DATASET_FORMATS,
            excluded_tables=without,
            site=site and site.rstrip("/"),
            progress=progress,
        )
    for note in result.selection.notes:
        click.echo(f"note: {note}")
    if result.selection.hidden_releases:
        click.echo(f"left out because the archive hides them: {result.selection.hidden_releases}")
    if not result.selection.releases:
        click.echo(f"{archive}: nothing found; {to} is not created")
        return 1
    click.echo(f"{to}: {result.size}\n{format_dataset_citation(result)}")
    return 0


@commands.command()
@file_argument
@click.argument("folder", type=PATH, required=False)
@click.option(
    "--site",
    envvar="ARCHIVE_SITE",
    metavar="URL",
    help=(
        "The public URL of the archive, for the citation; by default ARCHIVE_SITE of the"
        " environment."
    ),
)
@processes_option
def publish(file: Path, folder: Path | None, site: str | None, processes: int | None) -> int:
    """Publish everything as a dataset that the site offers for download.

    The dataset is a new folder in FOLDER (by default `published` beside the archive). The new
    dataset replaces the previous one. An interrupted run publishes nothing, and the next run starts
    from the beginning. The exit code is 1 if the archive has no releases, or if the bytes of a
    captured page cannot be read.
    """
    from archive.publish.published_dataset import PUBLISHED_FOLDER
    from archive.publish.published_dataset import publish as publish_dataset

    folder = folder or file.parent / PUBLISHED_FOLDER
    with show_progress(if_stopped="nothing is published; the same command begins anew") as progress:
        publication, findings = publish_dataset(
            file,
            folder,
            moment=now(),
            site=site and site.rstrip("/"),
            progress=progress,
            processes=choose_process_count() if processes is None else processes,
        )
    echo_lines(findings)
    if publication is None:
        click.echo(f"{file}: has no releases; nothing is published")
        return 1
    sizes = f"{len(publication.files)} files, {publication.size / 1e6:.1f} MB"
    click.echo(f"{publication.folder}: {sizes}\n{publication.package['citation']}")
    return 1 if findings else 0


@commands.group()
def takedown() -> None:
    """Hide or redact releases, and lift or list takedowns."""


def check_reason(_ctx: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    if text is not None and not text.strip():
        raise click.BadParameter("it must not be empty, because the public log shows it.")
    return text and text.strip()


reason_option = click.option(
    "--reason", required=True, callback=check_reason, help="In Swedish; it is public."
)


@takedown.command()
@click.argument("release", type=int)
@reason_option
@click.option("--reason-en", callback=check_reason, help="The same in English.")
@archive_option
def hide(release: int, reason: str, reason_en: str | None, archive: Path) -> None:
    """Hide a release completely.

    RELEASE is the number in the URL of the release's page.
    """
    from archive.search.near_duplicates import find_duplicates
    from archive.store.takedowns import hide_release

    with open_existing_archive(archive) as target:
        covered_before = target.takedowns.describe_active(release)
        copies = [other["id"] for other in find_duplicates(target.db.conn, release)]
        key = hide_release(target, release, now(), reason=reason, reason_en=reason_en)
    click.echo(f"takedown {key}: release {release} is hidden")
    report_takedown(covered_before, copies)


@takedown.command()
@click.argument("release", type=int)
@reason_option
@click.option("--reason-en", callback=check_reason, help="The same in English.")
@archive_option
def redact(release: int, reason: str, reason_en: str | None, archive: Path) -> None:
    """Replace a passage with █████ in every version of a release.

    RELEASE is the number in the URL of the release's page. The passage is read from standard input.
    """
    from archive.store.takedowns import find_uncovered_releases, redact_passage

    with open_existing_archive(archive) as target:
        covered_before = target.takedowns.describe_active(release)
        # not an argument, which would end up in the shell's history
        passage = sys.stdin.read().strip()
        key = redact_passage(target, release, passage, now(), reason=reason, reason_en=reason_en)
        copies = find_uncovered_releases(target, release, passage)
    click.echo(f"takedown {key}: release {release} is redacted")
    click.echo(
        "anyone can check a guess of the passage against the"
        " hash; hide the release if it must not be guessed"
    )
    report_takedown(covered_before, copies)


def report_takedown(covered_before: str | None, copies: Sequence[int]) -> None:
    if covered_before:
        click.echo(
            f"it was already {covered_before}: its text is shown"
            f" again only once all of them are lifted"
        )
    if copies:
        click.echo(
            f"the same text is in releases {', '.join(map(str, copies))}, which are not covered"
        )
    click.echo(
        "withheld.db beside the archive contains the original text, and so do earlier backups"
    )
    click.echo("snapshots show it until: python -m archive snapshot … --withdraw")
    click.echo("the published dataset is withheld until the next: python -m archive publish …")


@takedown.command()
@click.argument("takedown_id", type=int, metavar="TAKEDOWN")
@reason_option
@archive_option
def lift(takedown_id: int, reason: str, archive: Path) -> None:
    """Lift a takedown, and show the hidden content again.

    TAKEDOWN is the number of the takedown in the log.
    """
    from archive.database.captures import Captures
    from archive.store.takedowns import lift_takedown

    with open_existing_archive(archive) as target:
        releases = lift_takedown(target, takedown_id, now(), reason)
        click.echo(f"takedown {takedown_id} is lifted")
        for release in releases:
            remaining = target.takedowns.describe_active(release)
            click.echo(
                f"release {release} {f'stays {remaining}' if remaining else 'is shown again'}"
            )
        if files := target.attachments.list_files_to_read(withheld=True):
            if not Captures.path_beside(archive).is_file():
                click.echo(
                    f"there is no captures.db; crawls read the texts of"
                    f" {len(files)} attachments again"
                )
                return
            with Captures(archive, readonly=True) as captures, show_progress() as progress:
                result = target.extract_missing_texts(captures, withheld=True, progress=progress)
            click.echo(f"texts of attachments that are read again: {result.files}")
            for finding in result.findings:
                click.echo(f"{finding}; its text is read again when a crawl finds the file")


@takedown.command("list")
@archive_option
def list_takedowns(archive: Path) -> None:
    """Print the log of takedowns, with tabs between the columns."""
    with open_existing_archive(archive) as target:
        for row in target.db.execute(TAKEDOWN_LOG_SQL):
            click.echo("\t".join(map(str, row)))


# Functions shared by several commands


def open_existing_archive(path: Path) -> Archive:
    from archive.store.releases import Archive

    if not path.is_file():
        raise ArchiveError(path, "no such file")
    return Archive(path)


def echo_lines(lines: Iterable[object]) -> None:
    for line in lines:
        click.echo(line)


def format_sizes(paths: Iterator[Path]) -> str:
    return ", ".join(f"{path.name} {path.stat().st_size / 1e6:.1f} MB" for path in sorted(paths))


if __name__ == "__main__":
    sys.exit(main())
