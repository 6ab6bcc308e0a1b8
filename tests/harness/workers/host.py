"""Adds small agencies to the sample ones, so that there are more agencies than workers."""

from __future__ import annotations

from dataclasses import dataclass

from tests.harness.weather.host import write_listing, write_release
from tests.site.answers import HTML, Answer
from tests.site.mount import MountedHost
from tests.site.paths import to_hex
from tests.site.server import Site

PAGE = 12  # releases on a page of the listing


@dataclass
class PressRoom(MountedHost):
    """A host with a listing of some releases, and a robots.txt with a Crawl-delay."""

    number: int = 24
    delay: float = 0.5

    @property
    def paths(self) -> list[str]:
        return [f"/nyheter/2024-nyhet-{number}" for number in range(self.number)]

    def answer(self, path: str, query: str) -> Answer:
        if path == "/robots.txt":
            return self.told(
                f"User-agent: *\nCrawl-delay: {self.delay}\n", "text/plain; charset=UTF-8", path
            )
        if path == "/nyheter/":
            return self.told(self.page(int(query.removeprefix("sida=") or 1)), HTML, path + query)
        if path in self.paths:
            number, name = self.paths.index(path), self.host.split(".")[0]
            more = (
                f"<p>{name} redovisar del {number}. {to_hex(path + name)} är ärendets nummer.</p>"
            )
            return self.told(
                write_release(
                    f"{name} beslutar i ärende {number}",
                    day=f"{1 + number % 28} mars 2024",
                    more=more,
                ),
                HTML,
                path,
            )
        return super().answer(path, query)

    def page(self, number: int) -> str:
        paths = self.paths[(number - 1) * PAGE : number * PAGE]
        more = f"/nyheter/?sida={number + 1}" if number * PAGE < self.number else None
        return write_listing(tuple(paths), more)


def add_rooms(site: Site, rooms: int, releases: int, delay: float) -> str:
    """Mount the hosts; return their tables for the list of agencies."""
    tables = []
    for number in range(rooms):
        slug = f"myndighet-{number}"
        host = f"{slug}.localhost"
        site.mounted[host] = PressRoom(host, "http", number=releases, delay=delay)
        home = f"http://{host}:{site.port}/"
        tables.append(
            f'[{slug}]\nname = "Myndighet {number}"\nhome = "{home}"\nlistings ='
            f' ["{home}nyheter/"]\nreleases = "^/nyheter/2024-"\n'
        )
    return "\n".join(tables)
