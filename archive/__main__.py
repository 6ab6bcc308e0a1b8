"""python -m archive serve|import|verify|backup|dataset|takedown …: an archive served, filled, checked, copied."""

from __future__ import annotations

import argparse
import difflib
import os
import resource
import signal
import socket
import sqlite3
import sys
import threading
import time
import tomllib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import Progress, TaskID
from sqlite_utils import Database

from archive.analysis import ANALYSIS_VERSION
from archive.backup import create_backup, restore_backup
from archive.captures import Captures, find_captures_problem
from archive.database import (
    MAX_PROCESSES,
    ArchiveError,
    ProgressCallback,
    check_database,
    check_version,
    choose_process_count,
    open_readonly,
)
from archive.datasets import write_dataset
from archive.datasets.package import format_dataset_citation
from archive.datasets.tables import DATASET_FORMATS, OPTIONAL_TABLES
from archive.dates import now
from archive.duplicates import find_duplicates
from archive.evidence.manifest import find_newest_manifest, write_manifest
from archive.evidence.verify import open_archive, verify
from archive.evidence.warc import export_warc
from archive.importer import ImportResult, import_file
from archive.redaction import TAKEDOWN_KINDS
from archive.replicas import Replicas
from archive.schema import find_metadata, migrations
from archive.snapshots import count_snapshot_releases, describe_file_sizes, publish_snapshot
from archive.store import Archive
from archive.takedowns import find_uncovered_releases, hide_release, lift_takedown, redact_passage
from archive.urls import strip_www

PACKAGE_FOLDER = Path(__file__).parent
AGENCIES_FILE = Path(__file__).parents[1] / "scraper" / "agencies.toml"  # read as data, only for the agencies' facts
AGENCY_FIELDS = ("name", "name_en", "org_number", "home")
MAX_OPEN_FILES = 16_384  # of a server: connections of clients, and SQLite's files
MIN_PARALLEL_BYTES = 1_000_000  # of a file, compressed or not, that is read by several processes
EXIT_INTERRUPTED = 130  # as in shells after Ctrl-C
IS_FILLED_SQL = (
    "select exists (select 1 from releases) or exists (select 1 from crawls) or exists (select 1 from frontier)"
)
TAKEDOWN_LOG_SQL = (
    "select id, kind, release, at, coalesce('lifted ' || lifted, 'in force'), reason from takedowns order by id"
)
NO_ARCHIVE_MESSAGE = (
    "no such file; a crawl makes it (scrapy round -s ARCHIVE=… -s CONTACT=…), or python -m archive import"
)
QUERY_HELP = (
    "words as for the search page, an address of it, or a SELECT with a column release or id; none: all releases"
)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line, and return its exit code; 2 if a file cannot be opened."""
    options = parse_arguments(arguments)
    try:
        return int(options.run(options))
    except ArchiveError as error:
        sys.stderr.write(f"{error}\n")
    except OSError as error:
        sys.stderr.write(f"{error.filename}: {error.strerror}\n" if error.filename else f"{error}\n")
    except sqlite3.OperationalError as error:  # such as a lock that another process does not give up
        file = getattr(options, "archive", None) or getattr(options, "file", "")
        sys.stderr.write(f"{file}: {error}\n")
    return 2


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Parse the command line; `run` of the result is the command's function."""
    parser = argparse.ArgumentParser(prog="python -m archive", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, run, add_options, help_text in (
        ("serve", run_serve, add_serve_options, "serve an archive"),
        (
            "verify",
            run_verify,
            add_verify_options,
            "hold an archive against its hashes and manifests; 0 clean, 1 findings, 2 no archive",
        ),
        (
            "reindex",
            run_reindex,
            add_file_argument,
            "make the search index and all counts anew, as after another version of the lemmatiser",
        ),
        (
            "backup",
            run_backup,
            add_backup_options,
            "make a checked copy of an archive's files; 1 where they do not hold together",
        ),
        (
            "snapshot",
            run_snapshot,
            add_snapshot_options,
            "publish an archive for servers that only read; see archive/SERVING.md",
        ),
        (
            "export-warc",
            run_export_warc,
            add_export_warc_options,
            "write what was captured as a WARC file; 1 where bytes could not be read",
        ),
        (
            "replica",
            run_replica,
            add_replica_options,
            "serve the newest snapshot of a folder, and go over to a newer one without turning anybody away",
        ),
        (
            "restore",
            run_restore,
            add_restore_options,
            "put the files of a back-up in place once they are found sound; 1 where they are not,"
            " 2 where it is refused",
        ),
        (
            "import",
            run_import,
            add_import_options,
            "take over what another collection holds; 0 all of it, 1 lines that cannot be read, 2 nothing",
        ),
        (
            "dataset",
            run_dataset,
            add_dataset_options,
            "a frozen part of the archive for research, as Parquet and CSV; 1 where nothing is found;"
            " see archive/DATASETS.md",
        ),
        (
            "takedown",
            run_takedown,
            add_takedown_options,
            "hide a release, redact a passage, restore either, or list what is taken down; see archive/TAKEDOWNS.md",
        ),
    ):
        command = commands.add_parser(name, help=help_text, description=help_text)
        add_options(command)
        command.set_defaults(run=run)
    words = sys.argv[1:] if arguments is None else arguments
    end = words.index("--") if "--" in words else len(words)
    options = parser.parse_args(words[:end])
    options.datasette_options = words[end + 1 :]
    return options


def add_file_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", type=Path, default=Path("archive.db"), help="(default %(default)s)")


def add_serve_options(parser: argparse.ArgumentParser) -> None:
    add_file_argument(parser)
    parser.add_argument("--port", type=int, default=8001, help="(default %(default)s)")
    add_datasette_options(parser)


def add_datasette_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-sql", action="store_true", help="no ?sql= and no _where= for visitors")
    parser.add_argument("--no-cors", action="store_true", help="pages of other sites may not read the data")
    parser.epilog = "what stands behind -- is handed on to datasette serve"


def run_serve(options: argparse.Namespace) -> int:
    """Replace this process with `datasette serve`."""
    check_database(options.file, missing_message=NO_ARCHIVE_MESSAGE)
    update_archive(options.file)
    if problem := find_captures_problem(options.file):
        sys.stderr.write(f"{problem}\nserved all the same; evidence files are without the original pages\n")
    if is_port_taken(options.port):
        raise ArchiveError(options.file, f"cannot be served: port {options.port} is taken; choose another with --port")
    command = build_datasette_command(
        options.file, options.port, options.datasette_options, sql=not options.no_sql, cors=not options.no_cors
    )
    raise_file_limit()
    sys.stdout.flush()
    # no child process, so that Datasette gets the signals
    return os.execv(command[0], command)  # noqa: S606 - our own command


def update_archive(path: Path) -> None:
    """Bring an archive of an earlier schema up to date; raise ArchiveError if it needs that and cannot be written."""
    with closing(open_readonly(path)) as db:
        is_outdated = check_version(db, path) and migrations.pending(Database(db))  # an empty file has no version
    if is_outdated:
        Archive(path, rebuild_stale=False).close()


def raise_file_limit() -> None:
    """Let this process open MAX_OPEN_FILES, if it may: of the usual 1,024, idle clients would leave none to SQLite."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(MAX_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def is_port_taken(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def build_datasette_command(
    file: Path, port: int, extra_options: list[str] | None = None, *, sql: bool = True, cors: bool = True
) -> list[str]:
    """Build the command that serves an archive; archive/plugins/security.py limits visitors' SQL."""
    words = [sys.executable, "-m", "datasette", "serve", str(file), "--port", str(port)]
    return [*words, *build_datasette_options(sql=sql, cors=cors), *(extra_options or [])]


def build_serving_options(options: argparse.Namespace) -> list[str]:
    """Return the options of `datasette serve` that a command line asks for, without file and port."""
    return [*build_datasette_options(sql=not options.no_sql, cors=not options.no_cors), *options.datasette_options]


def build_datasette_options(*, sql: bool, cors: bool) -> list[str]:
    """Return the options of `datasette serve` that every server of an archive has."""
    return [
        *("--metadata", str(find_metadata())),
        *("--plugins-dir", str(PACKAGE_FOLDER / "plugins")),
        *("--template-dir", str(PACKAGE_FOLDER / "templates")),
        *("--static", f"static:{PACKAGE_FOLDER / 'static'}"),
        *("--setting", "suggest_facets", "off"),
        *("--setting", "num_sql_threads", "6"),  # more than searches may take at once (archive/plugins/security.py)
        *("--setting", "allow_download", "off"),  # free pages of the file may contain what was taken down
        *("--setting", "default_allow_sql", "on" if sql else "off"),
        *(["--cors"] if cors else []),  # public data may be read by pages of other sites
    ]


def add_replica_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="where python -m archive snapshot publishes, or a copy of it")
    parser.add_argument("--host", default="127.0.0.1", help="(default %(default)s)")
    parser.add_argument(
        "--port",
        type=int,
        action="append",
        dest="ports",
        help="may be given several times: one process each, restarted in turn (default 8101)",
    )
    add_datasette_options(parser)


def run_replica(options: argparse.Namespace) -> int:
    """Serve the snapshots of a folder until a signal ends it."""
    if not options.folder.is_dir():
        raise ArchiveError(options.folder, "no such folder; python -m archive snapshot makes it")

    def log(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    raise_file_limit()
    replicas = Replicas(
        folder=options.folder,
        host=options.host,
        ports=options.ports or [8101],
        arguments=build_serving_options(options),
        log=log,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: replicas.stop_event.set())
    replicas.run()
    return 0


def add_snapshot_options(parser: argparse.ArgumentParser) -> None:
    add_file_argument(parser)
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="made where it is not there yet")
    parser.add_argument(
        "--keep",
        type=parse_keep_count,
        default=3,
        metavar="N",
        help="snapshots to keep; older ones are deleted (default %(default)s)",
    )
    parser.add_argument(
        "--withdraw", action="store_true", help="no replica may show an earlier one any more, as after a takedown"
    )


def run_snapshot(options: argparse.Namespace) -> int:
    started = time.monotonic()
    snapshot = publish_snapshot(options.file, options.to, keep=options.keep, moment=now(), withdraw=options.withdraw)
    took = time.monotonic() - started
    releases, sizes = count_snapshot_releases(snapshot), describe_file_sizes(snapshot)
    sys.stdout.write(f"{snapshot.path}: {releases} releases, {sizes}, {took:.1f} s\n")
    if options.withdraw:
        sys.stdout.write("those before it are withdrawn; the next snapshot deletes their files\n")
    return 0


def add_verify_options(parser: argparse.ArgumentParser) -> None:
    add_file_argument(parser)
    parser.add_argument(
        "--digest", action="store_true", help="only print the newest manifest's day and digest, to be published"
    )
    parser.add_argument("--known", metavar="DIGEST", help="a digest that was published: it must be in the chain")


def run_verify(options: argparse.Namespace) -> int:
    """Verify an archive, and print counts and findings; with --digest, only print the newest digest."""
    if options.digest:
        return print_digest(options.file)
    with show_progress() as progress:
        report = verify(options.file, known_digest=options.known, progress=progress)
    for finding in report.findings:
        sys.stdout.write(f"{finding}\n")
    counts = ", ".join(f"{number} {name}" for name, number in report.counts.items())
    newest = (
        f"newest manifest: {report.newest_manifest.day} {report.newest_manifest.digest}"
        if report.newest_manifest
        else "no manifest yet"
    )
    sys.stdout.write(f"{options.file}: {counts}\n{newest}, {report.uncovered} rows since\n")
    sys.stdout.write(f"findings: {len(report.findings)}\n")
    return 1 if report.findings else 0


def print_digest(file: Path) -> int:
    """Print day and digest of the newest manifest, for publishing; return 1 if there is none."""
    with closing(open_archive(file)) as db:
        newest = find_newest_manifest(db)
    if newest is None:
        sys.stderr.write(f"{file}: manifests: none yet; a crawl writes one at its end\n")
        return 1
    sys.stdout.write(f"{newest.day} {newest.digest}\n")
    return 0


def run_reindex(options: argparse.Namespace) -> int:
    if not options.file.is_file():
        raise ArchiveError(options.file, "no such file")
    with Archive(options.file, rebuild_stale=False) as archive, show_progress() as progress:
        number = archive.rebuild_index(progress)
    sys.stdout.write(f"{options.file}: {number} releases indexed by {ANALYSIS_VERSION}\n")
    return 0


def add_export_warc_options(parser: argparse.ArgumentParser) -> None:
    add_file_argument(parser)
    parser.add_argument("--to", type=Path, required=True, metavar="OUT.warc.gz")
    parser.add_argument("--agency", metavar="SLUG", help="only what releases of this agency rest on")


def run_export_warc(options: argparse.Namespace) -> int:
    with show_progress() as progress:
        export = export_warc(options.file, options.to, options.agency, progress)
    for finding in export.findings:
        sys.stdout.write(f"{finding}\n")
    sys.stdout.write(f"{options.to}: {export.responses} responses, {export.revisits} revisits\n")
    sys.stdout.write(f"left out, for their bytes cannot be read: {len(export.findings)}\n")
    if export.omitted:
        sys.stdout.write(f"left out, for what was read from them is taken down: {export.omitted}\n")
    return 1 if export.findings else 0


def parse_keep_count(text: str) -> int:
    """Parse the number of copies to keep; at least 1, because the new one is always kept."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 upwards")
    return int(text)


def add_backup_options(parser: argparse.ArgumentParser) -> None:
    add_file_argument(parser)
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="made where it is not there yet")
    parser.add_argument(
        "--keep",
        type=parse_keep_count,
        default=2,
        metavar="N",
        help="copies to keep; older ones are deleted (default %(default)s)",
    )


def run_backup(options: argparse.Namespace) -> int:
    """Make a backup and report it; return 1 if it is damaged, in which case older sound backups stay."""
    check_database(options.file)
    with show_progress() as progress:
        copy, findings = create_backup(options.file, options.to, keep=options.keep, moment=now(), progress=progress)
    for finding in findings:
        sys.stdout.write(f"{finding}\n")
    sizes = ", ".join(f"{path.name} {path.stat().st_size / 1e6:.1f} MB" for path in sorted(copy.iterdir()))
    sys.stdout.write(f"{copy}: {sizes}; findings: {len(findings)}\n")
    return 1 if findings else 0


def add_restore_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("backup", type=Path, help="a folder that python -m archive backup made")
    parser.add_argument("--to", type=Path, required=True, metavar="ARCHIVE", help="for example archive.db")
    parser.add_argument(
        "--replace", action="store_true", help="where an archive stands there: it is put aside, not deleted"
    )


def run_restore(options: argparse.Namespace) -> int:
    """Restore a backup and report it; return 1 if it is damaged, in which case nothing is changed."""
    with show_progress() as progress:
        findings, former_files, lost = restore_backup(
            options.backup, options.to, replace=options.replace, moment=now(), progress=progress
        )
    for finding in findings:
        sys.stdout.write(f"{finding}\n")
    if findings:
        sys.stdout.write(f"{options.backup}: findings: {len(findings)}; nothing was restored\n")
        return 1
    sys.stdout.write(f"{options.to}: restored from {options.backup}; findings: 0\n")
    if former_files:
        sys.stdout.write(f"{former_files}: what stood there before; delete it when it is not needed any more\n")
    for description in lost:
        sys.stdout.write(f"{description}\n")
    return 0


def add_import_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE.jsonl[.gz]", help="archive/importer/FORMAT.md tells its form")
    parser.add_argument("--agency", required=True, metavar="SLUG", help="whose releases these are")
    parser.add_argument("--archive", type=Path, default=Path("archive.db"), help="(default %(default)s)")
    parser.add_argument(
        "--agencies",
        type=Path,
        default=AGENCIES_FILE,
        metavar="FILE.toml",
        help="names an agency not held yet (%(default)s)",
    )
    parser.add_argument(
        "--processes",
        type=parse_process_count,
        metavar="N",
        help="that read lines beside the one that writes; 0: none (one a core for a large file, else none)",
    )

    parser.add_argument(
        "--new-captures", action="store_true", help="begin a new captures.db where the archive's own is lost"
    )


def parse_process_count(text: str) -> int:
    if not text.isdecimal() or int(text) > MAX_PROCESSES:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to {MAX_PROCESSES}")
    return int(text)


def run_import(options: argparse.Namespace) -> int:
    """Import a file, and return the exit code.

    It is 0 if every line is stored now, 1 if some could not be read, 130 if it was interrupted. Errors are printed one
    per line. That a new archive is created is reported before a line is read.
    """
    if not options.file.is_file():
        raise ArchiveError(options.file, "no such file")
    is_new = not options.archive.exists()
    with (
        open_or_create_archive(options.archive) as archive,
        Captures(archive.path, begin_new=options.new_captures) as captures,
    ):
        ensure_agency(archive, options.agency, options.agencies)
        if is_new:
            sys.stderr.write(f"{options.archive}: no archive is there yet: a new one is made\n")
        processes = options.processes
        if processes is None:  # a small file is read before another process has started
            processes = choose_process_count() if options.file.stat().st_size >= MIN_PARALLEL_BYTES else 0
        with show_progress() as progress, catch_stop_signals() as stopped:
            result = import_file(
                archive,
                options.file,
                options.agency,
                now(),
                progress,
                host_owners=find_host_owners(archive, options.agencies),
                processes=processes,
                should_stop=stopped.is_set,
            )
        write_manifest(archive.db.conn, captures, now().date())
    for line in format_import_report(options.file, result):
        sys.stdout.write(f"{line}\n")
    if not options.archive.exists():
        sys.stderr.write(f"{options.archive}: nothing was taken over, and no archive is left there\n")
    if result.stopped:
        sys.stderr.write(f"{options.file}: stopped; what was taken over so far is kept, a second run does the rest\n")
        return EXIT_INTERRUPTED
    return 1 if result.errors else 0


@contextmanager
def open_or_create_archive(path: Path) -> Iterator[Archive]:
    """Open an archive, creating it if needed; a new one that stays empty is deleted at the end."""
    files = [path, Captures.path_beside(path)]
    new_files = [] if path.exists() else [file for file in files if not file.exists()]
    is_filled = True
    try:
        with Archive(path) as archive:
            try:
                yield archive
            finally:
                (is_filled,) = archive.db.execute(IS_FILLED_SQL).fetchone()
    finally:
        for file in new_files if not is_filled else ():
            for suffix in ("", "-wal", "-shm"):
                file.with_name(f"{file.name}{suffix}").unlink(missing_ok=True)


@contextmanager
def catch_stop_signals() -> Iterator[threading.Event]:
    """Defer Ctrl-C and SIGTERM: they only set the yielded event, so that a transaction can finish first."""
    stop_event = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop_event.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop_event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ensure_agency(archive: Archive, slug: str, agencies: Path) -> None:
    """Store an agency from agencies.toml unless it is stored already; raise ArchiveError if it is unknown."""
    stored = {row[0] for row in archive.db.execute("select slug from agencies")}
    if slug in stored:
        return
    listed = read_agencies_file(agencies)
    facts = listed.get(slug)
    if not isinstance(facts, dict) or not {"name", "home"} <= facts.keys():
        near = difflib.get_close_matches(slug, stored | listed.keys(), n=3)
        hint = f"; perhaps {', '.join(near)}" if near else ""
        raise ArchiveError(
            archive.path, f"is not held, and {agencies} does not name it{hint}", table="agencies", key=slug
        )
    archive.add_agency(slug, **{name: facts[name] for name in AGENCY_FIELDS if name in facts})


def find_host_owners(archive: Archive, agencies: Path) -> dict[str, str]:
    """Return the slug of the agency that a host belongs to, of all that are stored or listed in agencies.toml."""
    owners: dict[str, str] = {}
    stored = {slug: {"home": home} for slug, home in archive.db.execute("select slug, home from agencies")}
    listed = read_agencies_file(agencies)
    for slug, facts in (*listed.items(), *stored.items()):
        home = urlsplit(str(facts.get("home", ""))).hostname or ""
        owners |= {strip_www(host): slug for host in (home, *facts.get("aliases", ())) if host}
    return owners


def read_agencies_file(path: Path) -> dict[str, Any]:
    """Return the tables of agencies.toml by slug; empty if there is no such file."""
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ArchiveError(path, f"is not TOML: {error}") from error


def format_import_report(file: Path, result: ImportResult) -> Iterator[str]:
    """Yield the errors, then a summary that accounts for every line."""
    yield from map(str, result.errors)
    yield (
        f"{file}: {result.lines} lines: {result.new} new, {result.revised} revised, {result.unchanged} unchanged,"
        f" {result.already_crawled} standing, {len(result.errors)} errors"
    )
    if result.already_crawled:
        yield (
            f"standing: {result.already_crawled} were read from the agency's own page, otherwise than here, and stay so"
        )
    for (host, owner), number in result.foreign_hosts.most_common():
        yield f"warning: {number} of them are at {host}, which belongs to {owner}: is --agency right?"
    if result.withheld:
        yield f"withheld: {result.withheld} are hidden or redacted where they come from, and left out"
    if result.withheld_elsewhere:
        release_ids = ", ".join(map(str, result.withheld_elsewhere))
        yield f"withheld there, and held here: releases {release_ids}; /-/takedowns of that archive tells why"
    if result.without_body:
        yield f"without a text: {result.without_body} have a title and no body"
    for name, number in sorted(result.unknown_fields.items()):
        yield f"field {name}: in {number} lines, left out: the archive has no place for it"


def add_dataset_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("query", nargs="?", default="", metavar="SQL or search", help=QUERY_HELP)
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="must not be there yet")
    parser.add_argument("--archive", type=Path, default=Path("archive.db"), help="(default %(default)s)")
    how = parser.add_mutually_exclusive_group()
    for name in ("search", "sql"):
        how.add_argument(
            f"--{name}", dest="how", action="store_const", const=name, help=f"it is {name}, however it begins"
        )
    parser.add_argument("--only", choices=DATASET_FORMATS, help="(default: both)")
    parser.add_argument(
        "--without",
        nargs="+",
        default=[],
        choices=OPTIONAL_TABLES,
        metavar="TABLE",
        help=f"leave out any of {', '.join(OPTIONAL_TABLES)}",
    )
    parser.add_argument("--site", metavar="URL", help="where the archive is public, for the citation")


def run_dataset(options: argparse.Namespace) -> int:
    """Export a dataset and report it; return 1 if nothing was found."""
    with show_progress() as progress:
        dataset = write_dataset(
            options.archive,
            options.query,
            options.to,
            selection_kind=options.how,
            formats=(options.only,) if options.only else DATASET_FORMATS,
            excluded_tables=options.without,
            site=options.site and options.site.rstrip("/"),
            progress=progress,
        )
    for note in dataset.selection.notes:
        sys.stdout.write(f"note: {note}\n")
    if dataset.selection.hidden_releases:
        sys.stdout.write(f"left out, for the archive hides them: {dataset.selection.hidden_releases}\n")
    if not dataset.selection.releases:
        sys.stdout.write(f"{options.archive}: nothing found; {options.to} is not made\n")
        return 1
    sys.stdout.write(f"{options.to}: {dataset.size}\n{format_dataset_citation(dataset)}\n")
    return 0


def add_takedown_options(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True)
    for action, help_text in (
        ("hide", "show nothing of a release any more"),
        ("redact", "show a mark in place of a passage, in every version; the passage is read from standard input"),
        ("lift", "show again what a takedown covers"),
        ("list", "print the log"),
    ):
        action_parser = actions.add_parser(action, help=help_text, description=help_text)
        if action in ("hide", "redact"):
            action_parser.add_argument("release", type=int, help="the number in the address of its page")
        if action == "lift":
            action_parser.add_argument("takedown", type=int, help="its number in the log")
        if action != "list":
            action_parser.add_argument("--reason", required=True, type=parse_reason, help="in Swedish; it is public")
        if action in ("hide", "redact"):
            action_parser.add_argument("--reason-en", type=parse_reason, help="the same in English")
        action_parser.add_argument("--archive", type=Path, default=Path("archive.db"), help="(default %(default)s)")


def parse_reason(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("must not be empty: the public log shows it")
    return text.strip()


def run_takedown(options: argparse.Namespace) -> int:
    """Run one takedown action; if it raises ArchiveError, nothing was changed."""
    if not options.archive.is_file():
        raise ArchiveError(options.archive, "no such file")
    with Archive(options.archive) as archive:
        if options.action == "list":
            for line in archive.db.execute(TAKEDOWN_LOG_SQL):
                sys.stdout.write("\t".join(map(str, line)) + "\n")
        elif options.action == "lift":
            releases = lift_takedown(archive, options.takedown, now(), options.reason)
            sys.stdout.write(f"takedown {options.takedown} is lifted\n")
            for release in releases:
                remaining = describe_takedowns(archive, release)
                sys.stdout.write(f"release {release} {f'stays {remaining}' if remaining else 'is shown again'}\n")
        else:
            run_hide_or_redact(archive, options)
    return 0


def run_hide_or_redact(archive: Archive, options: argparse.Namespace) -> None:
    """Hide or redact, and report what covers the release already, and copies of it that are not covered."""
    reasons = {"reason": options.reason, "reason_en": options.reason_en}
    covered_before = describe_takedowns(archive, options.release)
    if options.action == "hide":
        copies = [other.id for other in find_duplicates(archive.db.conn, options.release)]
        key = hide_release(archive, options.release, now(), **reasons)
        sys.stdout.write(f"takedown {key}: release {options.release} is hidden\n")
    else:
        passage = sys.stdin.read().strip()  # an argument would be in the shell's history
        key = redact_passage(archive, options.release, passage, now(), **reasons)
        copies = find_uncovered_releases(archive, options.release, passage)
        sys.stdout.write(f"takedown {key}: release {options.release} is redacted\n")
        sys.stdout.write(
            "who guesses the passage can check the guess against the hash: hide what must not be guessed\n"
        )
    if covered_before:
        sys.stdout.write(f"it was {covered_before} before: it is shown as it stood only once each of them is lifted\n")
    if copies:
        sys.stdout.write(f"the same stands in releases {', '.join(map(str, copies))}: they are not covered\n")
    sys.stdout.write("withheld.db beside the archive holds what was taken down; back-ups made before do so too\n")
    sys.stdout.write("snapshots show it until: python -m archive snapshot … --withdraw (archive/SERVING.md)\n")


def describe_takedowns(archive: Archive, release_id: int) -> str | None:
    """Describe the takedowns that cover a release, with their ids; None if there are none."""
    active = archive.takedowns.list_active(release_id)
    numbers = ", ".join(str(key) for key, _ in active)
    return f"{TAKEDOWN_KINDS[active[0][1]]} (takedown {numbers})" if active else None


@contextmanager
def show_progress() -> Iterator[ProgressCallback]:
    """Yield a progress callback; nothing is shown unless standard error is a terminal."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bars: dict[str, TaskID] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in bars:
                bars[what] = progress.add_task(what, total=total)
            progress.update(bars[what], completed=done)

        yield report


if __name__ == "__main__":
    sys.exit(main())
