"""What the hosts of the survey have in common: an agency, its hosts, and pages around their news."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from typing import Any

from tests.site.answers import HTML, Answer
from tests.site.knobs import Break
from tests.site.mount import MountedHost
from tests.site.paths import to_hex

XML, TEXT = "application/xml; charset=UTF-8", "text/plain; charset=UTF-8"
ROBOTS = "User-agent: *\nDisallow: /sok\n"
STYLES = {  # markup of an entry in a listing
    "cards": '<article><h2><a href="{url}">{title}</a></h2>{day}</article>',
    "rows": '<li>{day} <a href="{url}">{title}</a></li>',
}
LOST = "<h1>Sidan kan inte hittas</h1><p>Kontrollera adressen eller använd menyn.</p>"


@dataclass(frozen=True, slots=True)
class Entry:
    """A release as a listing, feed or sitemap states it. day: ISO 8601, or empty."""

    url: str
    title: str
    day: str = ""


@dataclass
class SurveyHost(MountedHost):
    """A host of stored and written pages. other: the answer at any other address."""

    written: dict[str, tuple[str | bytes, str]] = field(default_factory=dict)  # content, media type
    other: Answer = field(
        default_factory=lambda: Answer(make=write_page("Sidan finns inte", LOST).encode, status=404)
    )

    def answer(self, path: str, query: str) -> Answer:
        whole = f"{path}?{query}" if query else path
        if whole in self.written:
            content, media = self.written[whole]
            body = content.encode() if isinstance(content, str) else content
            return Answer(make=lambda: body, media=media, etag=to_hex(repr(body)))
        return super().answer(path, query) if whole in self.pages else self.other

    def write(self, path: str, content: str | bytes, media: str = HTML) -> None:
        self.written[path] = content, media


@dataclass
class SurveyAgency:
    """An agency: its table in a list of agencies, and what it serves.

    hosts: none if its name does not resolve. faults: by URL. wire: its press wire, as in the key
    `wire`.
    """

    table: dict[str, Any]
    hosts: list[SurveyHost] = field(default_factory=list)
    faults: dict[str, Break] = field(default_factory=dict)
    wire: str | None = None


def write_page(title: str, content: str, links: str = "", head: str = "") -> str:
    """Return a page with a menu, a header and a footer. links: further links of the menu."""
    menu = f'<a href="/">Start</a> {links} <a href="/om">Om oss</a> <a href="/kontakt">Kontakt</a>'
    return (
        f'<!doctype html><html lang="sv"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"{head}</head><body><header><nav>{menu}</nav></header><main>{content}</main>"
        "<footer><p>Växel: 010-111 22 33</p></footer></body></html>\n"
    )


def write_entries(entries: Iterable[Entry], style: str) -> str:
    """Return the entries of a listing, in one of STYLES, with the days that are known."""
    lines = []
    for entry in entries:
        day = f'<time datetime="{entry.day}">{entry.day}</time>' if entry.day else ""
        url, title = escape(entry.url), escape(entry.title)
        lines.append(STYLES[style].format(url=url, title=title, day=day))
    rows = "\n".join(lines)
    return f"<ul>\n{rows}\n</ul>" if style == "rows" else f"<div>\n{rows}\n</div>"


def add_service_pages(host: SurveyHost, name: str, menu: str, head: str = "") -> None:
    """Write what each site has beside its news: robots.txt, a home page, pages on the agency."""
    host.write("/robots.txt", ROBOTS, TEXT)
    for path, title in (("/", name), ("/om", f"Om {name}"), ("/kontakt", f"Kontakta {name}")):
        text = f"<h1>{escape(title)}</h1><p>Här finns våra tjänster, vardagar mellan 9 och 16.</p>"
        host.write(path, write_page(title, text, menu, head))
