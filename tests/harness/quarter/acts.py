"""The acts of the script: changes of the site, and the work of an operator."""

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

from scraper.commands import health, quarantine
from scraper.commands.diagnose import Command as DiagnoseCommand
from scraper.commands.reparse import Command as ReparseCommand
from tests.harness.quarter.script import Act
from tests.harness.quarter.stage import Stage
from tests.harness.world.simulation import CAPTCHA
from tests.site import feeds
from tests.site.releases import Release


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
        getattr(self, act.do)(act)

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
            ended = f"{act.do} ended with {command.exitcode}"
            self.wrong.append(f"{act.moment:%Y-%m-%d} {act.slug}: {ended}")
        return printed.getvalue()

    def note(self, act: Act, said: str) -> None:
        """Record the result of an act in one line."""
        self.told.append((act.moment, act.slug, said))

    def fail(self, act: Act) -> None:
        """Make every URL respond with a status."""
        self.stage.site.break_(f"{act.slug}/*", **act.given)

    def block(self, act: Act) -> None:
        """Deny access to all URLs, including robots.txt."""
        self.stage.site.break_(f"{act.slug}/*", status=403, body=CAPTCHA)

    def wall(self, act: Act) -> None:
        """Replace every page by a captcha, with status 200."""
        self.stage.site.break_(f"{act.slug}/*", body=CAPTCHA)

    def mend(self, act: Act) -> None:
        """End a fault."""
        site = self.stage.site
        for host, path in list(site.faults):
            if host == f"{act.slug}.localhost":
                site.mend(f"{act.slug}{path if path.startswith('/') else f'/{path}'}")

    def thin(self, act: Act) -> None:
        """Limit the feed to the newest few releases."""
        self._limit_feed(act, lambda newest: newest[: act.given["shown"]])

    def window(self, act: Act) -> None:
        """Limit the feed to releases of the last days, so that it may be empty."""
        site, age = self.stage.site, timedelta(days=act.given["days"])
        self._limit_feed(
            act, lambda newest: [each for each in newest if site.now() - each.created < age]
        )

    def _limit_feed(self, act: Act, limit: Callable[[list[Release]], list[Release]]) -> None:
        site = self.stage.site
        agency = site.agencies[act.slug]
        path, base = agency.paths.feed or "", site.url(act.slug, "")

        def write(_: str) -> str:
            return feeds.rss("", base, path, limit(agency.sorted_newest("")), site.now())

        media = {"Content-Type": "application/rss+xml"}
        site.break_(f"{act.slug}{path}", make=write, headers=media)

    def relayout(self, act: Act) -> None:
        """Give the pages a new layout that the rules still read."""
        self.stage.site.relayout(act.slug)

    def bury(self, act: Act) -> None:
        """Give the pages a new design in which the lead is an ordinary paragraph."""
        self.stage.site.bury(act.slug)

    def burst(self, act: Act) -> None:
        """Publish many releases within a day."""
        for _ in range(act.given["number"]):
            self.stage.put_out(act.moment, self.stage.spare[act.slug].pop())

    def clean_up(self, act: Act) -> None:
        """Delete several releases at once: those after the three newest."""
        site = self.stage.site
        for release in site.agencies[act.slug].sorted_newest("")[3 : 3 + act.given["number"]]:
            site.delete(site.url(act.slug, release.path), 404)

    def acknowledge(self, act: Act) -> None:
        """Acknowledge a fault as the self."""
        # 1: others are red
        said = self.command(act, health.Command(), "--acknowledge", act.slug, codes=(0, 1))
        self.note(act, said.splitlines()[-1].partition(": ")[2])
        if "acknowledged" not in said:
            self.wrong.append(f"{act.slug}: {said.splitlines()[-1]}")

    def diagnose(self, act: Act) -> None:
        """scrapy diagnose names the rule that died and one that would read the field; the operator
        takes it over.
        """
        (told,) = json.loads(self.command(act, DiagnoseCommand(), act.slug, "--json"))
        dead = {found["field"]: found for found in told["fields"] if found["died"]}
        found = dead.get(act.given["field"])
        if not found or not found["remedy"]:
            problem = f"names no remedy for {act.given['field']}: {told['fields']}"
            self.wrong.append(f"{act.slug}: scrapy diagnose {problem}")
            return
        cured = f"{found['remedy']} reads {found['cured']} of {found['tried']}"
        self.note(act, f"diagnose: {found['field']} died, {cured}")
        self.stage.write_list(act.slug, **{found["field"]: found["remedy"]})

    def reparse(self, act: Act) -> None:
        """Reparse stored and quarantined pages with the corrected rule."""
        said = self.command(act, ReparseCommand(), "--agency", act.slug)
        self.note(act, f"reparse: {said.splitlines()[0]}")

    def take_in(self, act: Act) -> None:
        """Accept quarantined pages as the self."""
        said = self.command(act, quarantine.Command(), act.slug, "--accept")
        self.note(act, f"quarantine: {said.strip()}")
