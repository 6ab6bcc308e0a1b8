"""scrapy doctor SLUG: the last good page beside the first bad one, the rule that died, and what would read it."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from scrapy.exceptions import UsageError

from archive.captures import Captures
from archive.errors import ArchiveError
from archive.store import Archive
from scraper.agency import DEFAULT_LIST, Agency, choose_agencies, load_agencies
from scraper.commands.probe import Command as Probe
from scraper.doctor.pages import Case, open_case
from scraper.doctor.report import to_json, to_report
from scraper.errors import AgencyError


class Command(Probe):
    """Reads what is kept, and asks nobody unless told to. Exit code 0: told, 2: wrong use."""

    def syntax(self) -> str:
        return "SLUG [SLUG …] [--json] [--save DIR] [--ask]"

    def short_desc(self) -> str:
        return "Tell why an agency's pages are read otherwise than before, and what would mend it"

    def long_desc(self) -> str:
        return (
            "For each agency: its last good page beside the first one that was held back, field by field; the rule"
            " that read what is lost, what it finds now, and where the same words stand; a table for agencies.toml."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super(Probe, self).add_options(parser)
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.add_argument("--save", type=Path, metavar="DIR", help="write both pages to this folder")
        parser.add_argument("--ask", action="store_true", help="probe the agency's site as well (of one agency)")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if not args or (opts.ask and len(args) > 1):
            raise UsageError("name one agency" if opts.ask else "name agencies")
        assert self.settings is not None  # noqa: S101 - Scrapy sets it before run
        file, path = Path(self.settings.get("AGENCIES") or DEFAULT_LIST), Path(self.settings["ARCHIVE"])
        try:
            every = load_agencies(file)
            agencies = choose_agencies(every, args, file)
            cases = open_cases(path, list(agencies.values()))
            for case in cases if opts.save else ():
                save_pages(case, opts.save)
            found, problem = self.visit(cases[0].agency.home, every) if opts.ask else (None, None)
        except (AgencyError, ArchiveError, OSError) as error:
            sys.stderr.write(f"scrapy doctor: {error}\n")
            self.exitcode = 2
            return
        if opts.ask and problem:
            sys.stderr.write(f"scrapy doctor: {problem}\n")
        width = shutil.get_terminal_size((150, 40)).columns
        told = [to_json(case, found) if opts.json else to_report(case, found, width) for case in cases]
        print(f"[{', '.join(told)}]" if opts.json else "\n\n".join(told))


def open_cases(path: Path, agencies: list[Agency]) -> list[Case]:
    """The cases of some agencies; ArchiveError where there is no archive."""
    if not path.is_file():
        raise ArchiveError(path, "no such file")
    with Archive(path, renew=False) as archive, Captures(path) as captures:
        return [open_case(archive, captures, agency) for agency in agencies]


def save_pages(case: Case, folder: Path) -> None:
    """Both pages as files, under the agency's slug."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, sheet in (("good", case.good), ("bad", case.bad)):
        if sheet:
            (folder / f"{case.agency.slug}-{name}.html").write_bytes(sheet.html)
            print(f"{name}: {folder / f'{case.agency.slug}-{name}.html'}", file=sys.stderr)
