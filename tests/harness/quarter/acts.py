"""Functions for the acts of the script: changes of the site, and the work of an operator."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

from scrapy.commands import ScrapyCommand
from scrapy.settings import Settings

from scraper.commands import health, quarantine, reparse
from scraper.commands.diagnose import Command as DiagnoseCommand
from tests.harness.quarter.script import Act
from tests.harness.quarter.stage import Stage
from tests.harness.year.acts import CAPTCHA
from tests.site import feeds


@dataclass(slots=True)
class Operator:
    """Who turns the knobs, and who looks after the archive.

    told: what the commands said, by day and agency.
    """

    stage: Stage
    archive: Path
    settings: dict[str, Any]
    told: list[tuple[datetime, str, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  # commands that did not do what they are for

    def carry_out(self, act: Act) -> None:
        """Carry out an act."""
        ACTS[act.do](self, act)

    def command(
        self, act: Act, command: ScrapyCommand, *arguments: str, codes: tuple[int, ...] = (0,)
    ) -> str:
        """Run a command and return its output; record an unexpected exit code."""
        command.settings = Settings({**self.settings, "ARCHIVE": str(self.archive)})
        parser = argparse.ArgumentParser()
        command.add_options(parser)
        options, names = parser.parse_known_args(arguments)
        with redirect_stdout(StringIO()) as printed:
            command.run(names, options)
        if command.exitcode not in codes:
            self.wrong.append(
                f"{act.moment:%Y-%m-%d} {act.slug}: {act.do} ended with {command.exitcode}"
            )
        return printed.getvalue()

    def note(self, act: Act, said: str) -> None:
        """Record the result of an act in one line."""
        self.told.append((act.moment, act.slug, said))


def fail(operator: Operator, act: Act) -> None:
    """Make every URL respond with a status."""
    operator.stage.site.break_(f"{act.slug}/*", **act.given)


def block(operator: Operator, act: Act) -> None:
    """Deny access to all URLs, including robots.txt."""
    operator.stage.site.break_(f"{act.slug}/*", status=403, body=CAPTCHA)


def wall(operator: Operator, act: Act) -> None:
    """Replace every page by a captcha, with status 200."""
    operator.stage.site.break_(f"{act.slug}/*", body=CAPTCHA)


def mend(operator: Operator, act: Act) -> None:
    """End a fault."""
    site = operator.stage.site
    for host, path in list(site.faults):
        if host == f"{act.slug}.localhost":
            site.mend(f"{act.slug}{path if path.startswith('/') else f'/{path}'}")


def thin(operator: Operator, act: Act) -> None:
    """Limit the feed to the newest few releases."""
    site = operator.stage.site
    agency = site.agencies[act.slug]
    path, base = agency.paths.feed or "", site.url(act.slug, "")

    def write(_: str) -> str:
        return feeds.rss("", base, path, agency.sorted_newest("")[: act.given["shown"]], site.now())

    site.break_(f"{act.slug}{path}", make=write, headers={"Content-Type": "application/rss+xml"})


def window(operator: Operator, act: Act) -> None:
    """Limit the feed to releases of the last days, so that it may be empty."""
    site = operator.stage.site
    agency = site.agencies[act.slug]
    path, base, age = (
        agency.paths.feed or "",
        site.url(act.slug, ""),
        timedelta(days=act.given["days"]),
    )

    def write(_: str) -> str:
        shown = [
            release for release in agency.sorted_newest("") if site.now() - release.created < age
        ]
        return feeds.rss("", base, path, shown, site.now())

    site.break_(f"{act.slug}{path}", make=write, headers={"Content-Type": "application/rss+xml"})


def relayout(operator: Operator, act: Act) -> None:
    """Give the pages a new layout that the rules still read."""
    operator.stage.site.relayout(act.slug)


def bury(operator: Operator, act: Act) -> None:
    """Give the pages a new design in which the lead is an ordinary paragraph."""
    operator.stage.site.bury(act.slug)


def burst(operator: Operator, act: Act) -> None:
    """Publish many releases within a day."""
    for _ in range(act.given["number"]):
        operator.stage.put_out(act.moment, operator.stage.spare[act.slug].pop())


def clean_up(operator: Operator, act: Act) -> None:
    """Delete several releases at once: those after the three newest."""
    site = operator.stage.site
    for release in site.agencies[act.slug].sorted_newest("")[3 : 3 + act.given["number"]]:
        site.delete(site.url(act.slug, release.path), 404)


def acknowledge(operator: Operator, act: Act) -> None:
    """Acknowledge a fault as the operator."""
    # 1: others are red
    said = operator.command(act, health.Command(), "--acknowledge", act.slug, codes=(0, 1))
    operator.note(act, said.splitlines()[-1].partition(": ")[2])
    if "acknowledged" not in said:
        operator.wrong.append(f"{act.slug}: {said.splitlines()[-1]}")


def diagnose(operator: Operator, act: Act) -> None:
    """scrapy diagnose names the rule that died and one that would read the field; the operator
    takes it over.
    """
    (told,) = json.loads(operator.command(act, DiagnoseCommand(), act.slug, "--json"))
    dead = {found["field"]: found for found in told["fields"] if found["died"]}
    found = dead.get(act.given["field"])
    if not found or not found["remedy"]:
        operator.wrong.append(
            f"{act.slug}: scrapy diagnose names no remedy"
            f" for {act.given['field']}: {told['fields']}"
        )
        return
    operator.note(
        act,
        f"diagnose: {found['field']} died, {found['remedy']}"
        f" reads {found['cured']} of {found['tried']}",
    )
    operator.stage.write_list(act.slug, **{found["field"]: found["remedy"]})


def reparse_(operator: Operator, act: Act) -> None:
    """Reparse stored and quarantined pages with the corrected rule."""
    operator.note(
        act,
        f"reparse: {operator.command(act, reparse.Command(), '--agency', act.slug).splitlines()[0]}",
    )


def take_in(operator: Operator, act: Act) -> None:
    """Accept quarantined pages as the operator."""
    operator.note(
        act,
        f"quarantine: {operator.command(act, quarantine.Command(), act.slug, '--accept').strip()}",
    )


ACTS: dict[str, Callable[[Operator, Act], None]] = {
    act.__name__.rstrip("_"): act
    for act in (
        *(
            fail,
            block,
            wall,
            mend,
            thin,
            window,
            relayout,
            bury,
            burst,
            clean_up,
            acknowledge,
            diagnose,
            reparse_,
        ),
        take_in,
    )
}
