"""python -m archive serve|import|verify|backup|slice|takedown …: an archive served, filled, checked, copied."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TaskID

from archive.backup import add_backup_options, backup_command
from archive.described import find_metadata
from archive.errors import ArchiveError
from archive.evidence.manifest import find_newest
from archive.evidence.verify import open_archive, verify
from archive.evidence.warc import export_warc
from archive.files import check_database
from archive.importing.command import add_import_options, import_command
from archive.replica.command import add_replica_options, run_replica
from archive.restoring import add_restore_options, restore_command
from archive.slices.command import add_dataset_options, export_dataset
from archive.snapshots.command import add_snapshot_options, run_snapshot
from archive.store import Archive
from archive.swedish import VERSION
from archive.takedowns.command import add_takedown_options, run_takedown

PACKAGE = Path(__file__).parent


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and run one command; 2 where the file cannot be opened."""
    options = read_options(arguments)
    try:
        return int(options.run(options))
    except (ArchiveError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


def read_options(arguments: list[str] | None) -> argparse.Namespace:
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
        "export-warc": (run_export, "write what was captured as a WARC file; 1 where bytes could not be read"),
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
    made["replica"].set_defaults(run=lambda given: run_replica(given, serving_options(given)))
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
    made["slice"].set_defaults(run=run_slice)
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
    check_database(options.file, missing="no such file; `make run` or `make crawl` fills an archive")
    if is_taken(options.port):
        raise ArchiveError(options.file, f"cannot be served: port {options.port} is taken; choose another with --port")
    command = datasette_command(
        options.file, options.port, options.rest, sql=not options.no_sql, cors=not options.no_cors
    )
    sys.stdout.flush()
    # this process then is Datasette itself, and gets its signals
    return os.execv(command[0], command)  # noqa: S606 - our own command


def is_taken(port: int) -> bool:
    """Whether something listens on a loopback port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def datasette_command(
    file: Path, port: int, rest: list[str] | None = None, *, sql: bool = True, cors: bool = True
) -> list[str]:
    """The one way this archive is served; visitors' SQL is held to limits by archive/plugins/guard.py."""
    words = [sys.executable, "-m", "datasette", "serve", str(file), "--port", str(port)]
    return [*words, *to_options(sql=sql, cors=cors), *(rest or [])]


def serving_options(options: argparse.Namespace) -> list[str]:
    """What a command line asks of Datasette, beside its file and its address."""
    return [*to_options(sql=not options.no_sql, cors=not options.no_cors), *options.rest]


def to_options(*, sql: bool, cors: bool) -> list[str]:
    """Of datasette serve, wherever an archive is served."""
    return [
        *("--metadata", str(find_metadata())),
        *("--plugins-dir", str(PACKAGE / "plugins")),
        *("--template-dir", str(PACKAGE / "templates")),
        *("--static", f"static:{PACKAGE / 'static'}"),
        *("--setting", "suggest_facets", "off"),
        *("--setting", "num_sql_threads", "6"),  # more than searches may take at once (archive/plugins/guard.py)
        *("--setting", "allow_download", "off"),  # pages of the file that are free may hold what was taken down
        *("--setting", "default_allow_sql", "on" if sql else "off"),
        *(["--cors"] if cors else []),  # what is public may be read from any page
    ]


def run_verify(options: argparse.Namespace) -> int:
    """Counts and findings, a line each; or only the newest digest."""
    if options.digest:
        return print_digest(options.file)
    with watching() as watch:
        report = verify(options.file, known=options.known, watch=watch)
    for finding in report.findings:
        sys.stdout.write(f"{finding}\n")
    counts = ", ".join(f"{number} {name}" for name, number in report.counts.items())
    newest = f"newest manifest: {report.newest.day} {report.newest.digest}" if report.newest else "no manifest yet"
    sys.stdout.write(f"{options.file}: {counts}\n{newest}, {report.uncovered} rows since\n")
    sys.stdout.write(f"findings: {len(report.findings)}\n")
    return 1 if report.findings else 0


def print_digest(file: Path) -> int:
    """Day and digest, for publishing; 1 where there is no manifest yet."""
    with closing(open_archive(file)) as db:
        newest = find_newest(db)
    if newest is None:
        sys.stderr.write(f"{file}: manifests: none yet; a crawl writes one at its end\n")
        return 1
    sys.stdout.write(f"{newest.day} {newest.digest}\n")
    return 0


def run_import(options: argparse.Namespace) -> int:
    """The releases of a file, and lines on what came of them."""
    with watching() as watch:
        return import_command(options, watch)


def run_slice(options: argparse.Namespace) -> int:
    """A folder with the slice, and how to cite it."""
    with watching() as watch:
        return export_dataset(options, watch)


def run_backup(options: argparse.Namespace) -> int:
    """A folder with the copy, and a line on it."""
    with watching() as watch:
        return backup_command(options, watch)


def run_restore(options: argparse.Namespace) -> int:
    """Lines on what was put in place."""
    with watching() as watch:
        return restore_command(options, watch)


def run_reindex(options: argparse.Namespace) -> int:
    """The number of releases indexed, and by what."""
    if not options.file.is_file():
        raise ArchiveError(options.file, "no such file")
    with Archive(options.file, renew=False) as archive, watching() as watch:
        number = archive.renew(watch)
    sys.stdout.write(f"{options.file}: {number} releases indexed by {VERSION}\n")
    return 0


def run_export(options: argparse.Namespace) -> int:
    """The file, and a line on what is in it."""
    with watching() as watch:
        export = export_warc(options.file, options.to, options.agency, watch)
    for finding in export.findings:
        sys.stdout.write(f"{finding}\n")
    sys.stdout.write(f"{options.to}: {export.responses} responses, {export.revisits} revisits\n")
    sys.stdout.write(f"left out, for their bytes cannot be read: {len(export.findings)}\n")
    if export.withheld:
        sys.stdout.write(f"left out, for what was read from them is taken down: {export.withheld}\n")
    return 1 if export.findings else 0


@contextmanager
def watching() -> Iterator[Callable[[str, int, int], None]]:
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
