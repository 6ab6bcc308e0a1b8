"""python -m archive serve|import|verify|backup|slice|takedown …: an archive served, filled, checked, copied."""

from __future__ import annotations

import argparse
import difflib
import os
import signal
import socket
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress, TaskID

from archive.analysis import ANALYSIS_VERSION
from archive.backup import (
    add_backup_options,
    add_restore_options,
    backup_command,
    count_snapshot_releases,
    describe_file_sizes,
    parse_keep_count,
    publish_snapshot,
    restore_command,
)
from archive.captures import Captures
from archive.database import MAX_PROCESSES, ArchiveError, check_database, choose_process_count
from archive.datasets import DatasetProgress, write_dataset
from archive.datasets.package import format_dataset_citation
from archive.datasets.tables import DATASET_FORMATS, OPTIONAL_TABLES
from archive.dates import now
from archive.duplicates import find_duplicates
from archive.evidence.manifest import find_newest_manifest, write_manifest
from archive.evidence.verify import open_archive, verify
from archive.evidence.warc import export_warc
from archive.importer import ImportProgress, ImportResult, import_file
from archive.redaction import TAKEDOWN_KINDS
from archive.replicas import ReplicaSupervisor
from archive.schema import find_metadata
from archive.store import Archive
from archive.takedowns import find_uncovered_releases, hide_release, lift_takedown, redact_passage

AGENCIES_FILE = Path(__file__).parents[1] / "scraper" / "agencies.toml"  # data, read for names alone
EXIT_INTERRUPTED = 130  # as shells say of Ctrl-C
MIN_PARALLEL_BYTES = 1_000_000  # bytes of a file, packed or not
IS_FILLED_SQL = (
    "select exists (select 1 from releases) or exists (select 1 from crawls) or exists (select 1 from frontier)"
)
AGENCY_FIELDS = ("name", "name_en", "org_number", "home")


def add_import_options(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
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


def parse_process_count(text: str) -> int:
    """A number of processes."""
    if not text.isdecimal() or int(text) > MAX_PROCESSES:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to {MAX_PROCESSES}")
    return int(text)


def import_command(options: argparse.Namespace, progress: ImportProgress | None = None) -> int:
    """0 where every line is held now, 1 where some could not be read, 130 where it was stopped before the end.

    The errors stand a line each. That a new archive is made is told before a line is read.
    """
    if not options.file.is_file():
        raise ArchiveError(options.file, "no such file")
    new = not options.archive.exists()
    with open_or_create_archive(options.archive) as archive:
        ensure_agency(archive, options.agency, options.agencies)
        if new:
            sys.stderr.write(f"{options.archive}: no archive is there yet: a new one is made\n")
        processes = options.processes
        if processes is None:  # a small file is read before another process has begun
            processes = choose_process_count() if options.file.stat().st_size >= MIN_PARALLEL_BYTES else 0
        with catch_stop_signals() as stopped:
            done = import_file(
                archive, options.file, options.agency, now(), progress, processes=processes, should_stop=stopped.is_set
            )
        with closing(Captures(archive.path.with_name("captures.db"))) as captures:
            write_manifest(archive.db.conn, captures, now().date())
    for line in format_import_report(options.file, done):
        sys.stdout.write(f"{line}\n")
    if not options.archive.exists():
        sys.stderr.write(f"{options.archive}: nothing was taken over, and no archive is left there\n")
    if done.stopped:
        sys.stderr.write(f"{options.file}: stopped; what was taken over so far is kept, a second run does the rest\n")
        return EXIT_INTERRUPTED
    return 1 if done.errors else 0


@contextmanager
def open_or_create_archive(path: Path) -> Iterator[Archive]:
    """An archive; of one that is made here and into which nothing came nothing is left."""
    files = [] if path.exists() else [each for each in (path, Captures.path_beside(path)) if not each.exists()]
    filled = True
    try:
        with Archive(path) as archive:
            try:
                yield archive
            finally:
                (filled,) = archive.db.execute(IS_FILLED_SQL).fetchone()
    finally:
        for file in files if not filled else ():
            for ending in ("", "-wal", "-shm"):
                file.with_name(f"{file.name}{ending}").unlink(missing_ok=True)


@contextmanager
def catch_stop_signals() -> Iterator[threading.Event]:
    """Inside it Ctrl-C and SIGTERM end nothing at once: they are told, for the transaction to be ended first."""
    told = threading.Event()
    before = {number: signal.signal(number, lambda *_: told.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ensure_agency(archive: Archive, slug: str, agencies: Path) -> None:
    """Hold an agency that the list names; one that is held stays as it is. ArchiveError where it is unknown."""
    held = {row[0] for row in archive.db.execute("select slug from agencies")}
    if slug in held:
        return
    listed = read_agencies_file(agencies)
    facts = listed.get(slug)
    if not isinstance(facts, dict) or not {"name", "home"} <= facts.keys():
        near = difflib.get_close_matches(slug, held | listed.keys(), n=3)
        hint = f"; perhaps {', '.join(near)}" if near else ""
        raise ArchiveError(
            archive.path, f"is not held, and {agencies} does not name it{hint}", table="agencies", key=slug
        )
    archive.add_agency(slug, **{name: facts[name] for name in AGENCY_FIELDS if name in facts})


def read_agencies_file(path: Path) -> dict[str, Any]:
    """A list of agencies: a table each, with name and home. None where there is no such file."""
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ArchiveError(path, f"is not TOML: {error}") from error


def format_import_report(file: Path, result: ImportResult) -> Iterator[str]:
    """Every error, then what came of the lines; nothing is left out in silence."""
    yield from map(str, result.errors)
    yield (
        f"{file}: {result.lines} lines: {result.new} new, {result.revised} revised, {result.unchanged} unchanged,"
        f" {result.already_crawled} standing, {len(result.errors)} errors"
    )
    if result.already_crawled:
        yield f"standing: {result.already_crawled} were read from the agency's own page, otherwise than here, and stay so"
    if result.withheld:
        yield f"withheld: {result.withheld} are hidden or redacted where they come from, and left out"
    if result.withheld_elsewhere:
        held = ", ".join(map(str, result.withheld_elsewhere))
        yield f"withheld there, and held here: releases {held}; /-/takedowns of that archive tells why"
    if result.without_body:
        yield f"without a text: {result.without_body} have a title and no body"
    for name, number in sorted(result.unknown_fields.items()):
        yield f"field {name}: in {number} lines, left out: the archive has no place for it"


def add_replica_options(parser: argparse.ArgumentParser) -> None:
    """What it needs to know."""
    parser.add_argument("folder", type=Path, help="where python -m archive snapshot publishes, or a copy of it")
    parser.add_argument("--host", default="127.0.0.1", help="(default %(default)s)")
    parser.add_argument("--port", type=int, default=8101, help="(default %(default)s)")


def run_replica(options: argparse.Namespace, arguments: Sequence[str]) -> int:
    """Until it is told to end; `words` are options of datasette serve."""
    if not options.folder.is_dir():
        raise ArchiveError(options.folder, "no such folder; python -m archive snapshot makes it")

    def tell(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    keeper = ReplicaSupervisor(
        folder=options.folder, address=(options.host, options.port), arguments=arguments, log=tell
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: keeper.stop_event.set())
    keeper.run()
    return 0


QUERY_HELP = (
    "words as for the search page, an address of it, or a SELECT with a column release or id; none: all releases"
)


def add_dataset_options(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("asked", nargs="?", default="", metavar="SQL or search", help=QUERY_HELP)
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


def export_dataset(options: argparse.Namespace, progress: DatasetProgress) -> int:
    """0 and a few lines on the slice, 1 where nothing was found; ArchiveError where it cannot be taken."""
    one = write_dataset(
        options.archive,
        options.asked,
        options.to,
        selection_kind=options.how,
        formats=(options.only,) if options.only else DATASET_FORMATS,
        excluded_tables=options.without,
        site=options.site and options.site.rstrip("/"),
        progress=progress,
    )
    for note in one.selection.notes:
        sys.stdout.write(f"note: {note}\n")
    if one.selection.hidden:
        sys.stdout.write(f"left out, for the archive hides them: {one.selection.hidden}\n")
    if not one.selection.found:
        sys.stdout.write(f"{options.archive}: nothing found; {options.to} is not made\n")
        return 1
    sys.stdout.write(f"{options.to}: {one.size}\n{format_dataset_citation(one)}\n")
    return 0


def add_snapshot_options(parser: argparse.ArgumentParser) -> None:
    """What it needs to know."""
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
    """A line on what was published."""
    begun = time.monotonic()
    made = publish_snapshot(options.file, options.to, keep=options.keep, moment=now(), withdraw=options.withdraw)
    took = time.monotonic() - begun
    sys.stdout.write(
        f"{made.path}: {count_snapshot_releases(made)} releases, {describe_file_sizes(made)}, {took:.1f} s\n"
    )
    if options.withdraw:
        sys.stdout.write("those before it are withdrawn; the next snapshot deletes their files\n")
    return 0


TAKEDOWN_LOG_SQL = (
    "select id, kind, release, at, coalesce('lifted ' || lifted, 'in force'), reason from takedowns order by id"
)


def add_takedown_options(parser: argparse.ArgumentParser) -> None:
    """The actions and what each needs."""
    actions = parser.add_subparsers(dest="action", required=True)
    for action, told in (
        ("hide", "show nothing of a release any more"),
        ("redact", "show a mark in place of a passage, in every version; the passage is read from standard input"),
        ("lift", "show again what a takedown covers"),
        ("list", "print the log"),
    ):
        made = actions.add_parser(action, help=told, description=told)
        if action in ("hide", "redact"):
            made.add_argument("release", type=int, help="the number in the address of its page")
        if action == "lift":
            made.add_argument("takedown", type=int, help="its number in the log")
        if action != "list":
            made.add_argument("--reason", required=True, type=parse_reason, help="in Swedish; it is public")
        if action in ("hide", "redact"):
            made.add_argument("--reason-en", type=parse_reason, help="the same in English")
        made.add_argument("--archive", type=Path, default=Path("archive.db"), help="(default %(default)s)")


def parse_reason(text: str) -> str:
    """A reason that says something: the public log shows it."""
    if not text.strip():
        raise argparse.ArgumentTypeError("must not be empty: the public log shows it")
    return text.strip()


def run_takedown(options: argparse.Namespace) -> int:
    """One action; ArchiveError where it cannot be done, and then nothing is changed."""
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
                standing = describe_takedowns(archive, release)
                sys.stdout.write(f"release {release} {f'stays {standing}' if standing else 'is shown again'}\n")
        else:
            run_hide_or_redact(archive, options)
    return 0


def describe_takedowns(archive: Archive, release_id: int) -> str | None:
    """What the takedowns in force make of a release, in words, with their numbers; None where there are none."""
    rules = archive.takedowns.list_active(release_id)
    numbers = ", ".join(str(key) for key, _ in rules)
    return f"{TAKEDOWN_KINDS[rules[0][1]]} (takedown {numbers})" if rules else None


def run_hide_or_redact(archive: Archive, options: argparse.Namespace) -> None:
    """Hide or redact, and name what covers it already, and what says the same elsewhere: that is not covered."""
    reasons = {"reason": options.reason, "reason_en": options.reason_en}
    standing = describe_takedowns(archive, options.release)
    if options.action == "hide":
        copies = [other.id for other in find_duplicates(archive.db.conn, options.release)]
        key = hide_release(archive, options.release, now(), **reasons)
        sys.stdout.write(f"takedown {key}: release {options.release} is hidden\n")
    else:
        passage = sys.stdin.read().strip()  # an argument would stand in the shell's history
        key = redact_passage(archive, options.release, passage, now(), **reasons)
        copies = find_uncovered_releases(archive, options.release, passage)
        sys.stdout.write(f"takedown {key}: release {options.release} is redacted\n")
        sys.stdout.write(
            "who guesses the passage can check the guess against the hash: hide what must not be guessed\n"
        )
    if standing:
        sys.stdout.write(f"it was {standing} before: it is shown as it stood only once each of them is lifted\n")
    if copies:
        sys.stdout.write(f"the same stands in releases {', '.join(map(str, copies))}: they are not covered\n")
    sys.stdout.write("withheld.db beside the archive holds what was taken down; back-ups made before do so too\n")
    sys.stdout.write("snapshots show it until: python -m archive snapshot … --withdraw (archive/SERVING.md)\n")


PACKAGE_FOLDER = Path(__file__).parent


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and run one command; 2 where the file cannot be opened."""
    options = parse_arguments(arguments)
    try:
        return int(options.run(options))
    except (ArchiveError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """The command line, with `run`, the command it names."""
    parser = argparse.ArgumentParser(prog="python -m archive", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands_of = {
        "serve": (run_serve, "serve an archive"),
        "verify": (run_verify, "hold an archive against its hashes and manifests; 0 clean, 1 findings, 2 no archive"),
        "reindex": (
            run_reindex,
            "make the search index and all counts anew, as after another version of the lemmatiser",
        ),
        "backup": (run_backup, "make a checked copy of an archive's files; 1 where they do not hold together"),
        "snapshot": (run_snapshot, "publish an archive for servers that only read; see archive/SERVING.md"),
        "export-warc": (run_export_warc, "write what was captured as a WARC file; 1 where bytes could not be read"),
    }
    made = {}
    for name, (run, told) in commands_of.items():
        made[name] = commands.add_parser(name, help=told, description=told)
        made[name].add_argument("file", nargs="?", type=Path, default=Path("archive.db"), help="(default %(default)s)")
        made[name].set_defaults(run=run)
    made["serve"].add_argument("--port", type=int, default=8001, help="(default %(default)s)")
    add_backup_options(made["backup"])
    add_snapshot_options(made["snapshot"])
    told = "serve the newest snapshot of a folder, and go over to a newer one without turning anybody away"
    made["replica"] = commands.add_parser("replica", help=told, description=told)
    add_replica_options(made["replica"])
    made["replica"].set_defaults(run=lambda given: run_replica(given, build_serving_options(given)))
    for name in ("serve", "replica"):
        made[name].add_argument("--no-sql", action="store_true", help="no ?sql= and no _where= for visitors")
        made[name].add_argument("--no-cors", action="store_true", help="pages of other sites may not read the data")
        made[name].epilog = "what stands behind -- is handed on to datasette serve"
    told = "put the files of a back-up in place once they are found sound; 1 where they are not, 2 where it is refused"
    made["restore"] = commands.add_parser("restore", help=told, description=told)
    add_restore_options(made["restore"])
    made["restore"].set_defaults(run=run_restore)
    made["verify"].add_argument(
        "--digest", action="store_true", help="only print the newest manifest's day and digest, to be published"
    )
    made["verify"].add_argument(
        "--known", metavar="DIGEST", help="a digest that was published: it must be in the chain"
    )
    made["export-warc"].add_argument("--to", type=Path, required=True, metavar="OUT.warc.gz")
    made["export-warc"].add_argument("--agency", metavar="SLUG", help="only what releases of this agency rest on")
    told = "take over what another collection holds; 0 all of it, 1 lines that cannot be read, 2 nothing"
    made["import"] = commands.add_parser("import", help=told, description=told)
    add_import_options(made["import"])
    made["import"].set_defaults(run=run_import)
    told = (
        "a frozen part of the archive for research, as Parquet and CSV; 1 where nothing is found; see archive/SLICES.md"
    )
    made["slice"] = commands.add_parser("slice", help=told, description=told)
    add_dataset_options(made["slice"])
    made["slice"].set_defaults(run=run_dataset)
    told = "hide a release, redact a passage, restore either, or list what is taken down; see archive/TAKEDOWNS.md"
    made["takedown"] = commands.add_parser("takedown", help=told, description=told)
    add_takedown_options(made["takedown"])
    made["takedown"].set_defaults(run=run_takedown)
    words = sys.argv[1:] if arguments is None else arguments
    end = words.index("--") if "--" in words else len(words)
    options = parser.parse_args(words[:end])
    options.rest = words[end + 1 :]
    return options


def run_serve(options: argparse.Namespace) -> int:
    """Become Datasette."""
    check_database(options.file, missing_message="no such file; `make run` or `make crawl` fills an archive")
    if is_port_taken(options.port):
        raise ArchiveError(options.file, f"cannot be served: port {options.port} is taken; choose another with --port")
    command = build_datasette_command(
        options.file, options.port, options.rest, sql=not options.no_sql, cors=not options.no_cors
    )
    sys.stdout.flush()
    # this process then is Datasette itself, and gets its signals
    return os.execv(command[0], command)  # noqa: S606 - our own command


def is_port_taken(port: int) -> bool:
    """Whether something listens on a loopback port."""
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
    """The one way this archive is served; visitors' SQL is held to limits by archive/plugins/security.py."""
    words = [sys.executable, "-m", "datasette", "serve", str(file), "--port", str(port)]
    return [*words, *build_datasette_options(sql=sql, cors=cors), *(extra_options or [])]


def build_serving_options(options: argparse.Namespace) -> list[str]:
    """What a command line asks of Datasette, beside its file and its address."""
    return [*build_datasette_options(sql=not options.no_sql, cors=not options.no_cors), *options.rest]


def build_datasette_options(*, sql: bool, cors: bool) -> list[str]:
    """Of datasette serve, wherever an archive is served."""
    return [
        *("--metadata", str(find_metadata())),
        *("--plugins-dir", str(PACKAGE_FOLDER / "plugins")),
        *("--template-dir", str(PACKAGE_FOLDER / "templates")),
        *("--static", f"static:{PACKAGE_FOLDER / 'static'}"),
        *("--setting", "suggest_facets", "off"),
        *("--setting", "num_sql_threads", "6"),  # more than searches may take at once (archive/plugins/security.py)
        *("--setting", "allow_download", "off"),  # pages of the file that are free may hold what was taken down
        *("--setting", "default_allow_sql", "on" if sql else "off"),
        *(["--cors"] if cors else []),  # what is public may be read from any page
    ]


def run_verify(options: argparse.Namespace) -> int:
    """Counts and findings, a line each; or only the newest digest."""
    if options.digest:
        return print_digest(options.file)
    with show_progress() as watch:
        report = verify(options.file, known_digest=options.known, progress=watch)
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
    """Day and digest, for publishing; 1 where there is no manifest yet."""
    with closing(open_archive(file)) as db:
        newest = find_newest_manifest(db)
    if newest is None:
        sys.stderr.write(f"{file}: manifests: none yet; a crawl writes one at its end\n")
        return 1
    sys.stdout.write(f"{newest.day} {newest.digest}\n")
    return 0


def run_import(options: argparse.Namespace) -> int:
    """The releases of a file, and lines on what came of them."""
    with show_progress() as watch:
        return import_command(options, watch)


def run_dataset(options: argparse.Namespace) -> int:
    """A folder with the slice, and how to cite it."""
    with show_progress() as watch:
        return export_dataset(options, watch)


def run_backup(options: argparse.Namespace) -> int:
    """A folder with the copy, and a line on it."""
    with show_progress() as watch:
        return backup_command(options, watch)


def run_restore(options: argparse.Namespace) -> int:
    """Lines on what was put in place."""
    with show_progress() as watch:
        return restore_command(options, watch)


def run_reindex(options: argparse.Namespace) -> int:
    """The number of releases indexed, and by what."""
    if not options.file.is_file():
        raise ArchiveError(options.file, "no such file")
    with Archive(options.file, rebuild_stale=False) as archive, show_progress() as watch:
        number = archive.rebuild_index(watch)
    sys.stdout.write(f"{options.file}: {number} releases indexed by {ANALYSIS_VERSION}\n")
    return 0


def run_export_warc(options: argparse.Namespace) -> int:
    """The file, and a line on what is in it."""
    with show_progress() as watch:
        export = export_warc(options.file, options.to, options.agency, watch)
    for finding in export.findings:
        sys.stdout.write(f"{finding}\n")
    sys.stdout.write(f"{options.to}: {export.responses} responses, {export.revisits} revisits\n")
    sys.stdout.write(f"left out, for their bytes cannot be read: {len(export.findings)}\n")
    if export.withheld:
        sys.stdout.write(f"left out, for what was read from them is taken down: {export.withheld}\n")
    return 1 if export.findings else 0


@contextmanager
def show_progress() -> Iterator[Callable[[str, int, int], None]]:
    """A progress line while a command looks at much; none where nobody sees it."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bars: dict[str, TaskID] = {}

        def watch(what: str, done: int, total: int) -> None:
            if what not in bars:
                bars[what] = progress.add_task(what, total=total)
            progress.update(bars[what], completed=done)

        yield watch


if __name__ == "__main__":
    sys.exit(main())
