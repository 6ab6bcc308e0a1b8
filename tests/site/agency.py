"""A sample agency: its current releases, and the response at each of its URLs."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from urllib.parse import parse_qs, unquote

from tests.site import files
from tests.site.answers import Answer, redirect
from tests.site.compose import compose, load_text
from tests.site.dressing import bury, put_banner, relayout, ruffle, weigh
from tests.site.furniture import Link
from tests.site.machine import answer_machine
from tests.site.paths import PATHS, to_hex
from tests.site.releases import Release
from tests.site.render import furnish, render, render_release
from tests.site.trimmings import write_paper

SESSION = re.compile(r"^/\(X\(\d\)S\([a-z0-9]+\)\)(?=/)")
DISALLOWED = ("/sok", "/intern/")
LOST_TITLE = "Sidan kan inte hittas"
LOST = (
    "Sidan du söker finns inte. Den kan ha flyttats eller tagits bort.",
    "Kontrollera att adressen är rätt skriven eller använd sökfunktionen.",
)


class SampleAgency:
    """One of the four agencies. Paths have no scheme and host; `base` is that of the request."""

    def __init__(self, slug: str, number: int | None, crawl_delay: float | None) -> None:
        self.slug = slug
        self.text = load_text(slug)
        self.cms: str = self.text["cms"]
        self.design = self.cms
        self.paths = PATHS[self.cms]
        self.crawl_delay = crawl_delay
        self.page_size = 5 if self.paths.feed is None else 10
        self.releases = {release.path: release for release in compose(slug, number)}
        # the pages of attached PDFs, which later edits of their releases leave as they are
        self.papers = {
            paper.path: write_paper(paper, release)
            for release in self.releases.values()
            for paper in release.papers
        }
        # path → status and heading of the page there instead
        self.gone: dict[str, tuple[int, str]] = {}
        self.moved: dict[str, tuple[str, int]] = {}  # new path and status
        self.aliases: dict[str, str] = {}  # second paths of pages that name the first as canonical
        self.extra: list[Link] = []  # listed, although there is no release
        self.unlisted: set[str] = set()  # paths of releases in no listing, feed or sitemap
        self.disallow: tuple[str, ...] = DISALLOWED
        # whether the lead is a paragraph like the others (of SiteVision's design)
        self.buried = False
        self.banner = ""  # markup at the top of every page, as in a crisis
        self.layout = 0  # number of the theme's layout: the same classes, other surroundings
        self.weight: int | None = None  # approximate bytes of a release's page; None: as designed
        self.validators = True  # whether release pages have ETag and Last-Modified
        self.redesigned: datetime | None = None
        self.version = 0  # of the whole site: incremented by every change
        self.touched = max((release.modified for release in self.releases.values()), default=None)
        self.newest: dict[str, list[Release]] = {}

    def turn(self, now: datetime) -> None:
        """Increment the version, because something changed."""
        self.version += 1
        self.touched = now
        self.newest.clear()

    def answer(self, path: str, query: str, base: str) -> Answer:
        """Return the response at a path."""
        path = SESSION.sub("", path)
        if path in self.moved:
            new, status = self.moved[path]
            return redirect(base + new, status)
        if path in self.gone:
            return self.lost(path, base, *self.gone[path])
        path = self.aliases.get(path, path)
        whole = f"{path}?{query}" if query else path
        if release := self.releases.get(path):
            return self.release(release, base)
        return (
            answer_machine(self, path, query, base)
            or self.listing(path, query, base)
            or self.asset(path, whole)
            or self.page(path, base)
            or self.lost(path, base)
        )

    def release(self, release: Release, base: str) -> Answer:
        """Return the page of a release."""
        modified = max(filter(None, (release.modified, self.redesigned)))
        related = [other for other in self.sorted_newest("")[:6] if other.path != release.path]

        def make() -> bytes:
            html = render_release(release, base, self.design, related[:5])
            html = bury(html) if self.buried else html
            html = put_banner(relayout(ruffle(html, release.ruffled), self.layout), self.banner)
            return (weigh(html, self.weight) if self.weight else html).encode()

        if not self.validators:
            return Answer(make=make)
        look = f"{self.design}{self.layout}{self.buried}{self.banner}"
        etag = to_hex(f"{base}{release.path}{release.version}{look}{release.modified}")
        return Answer(make=make, etag=etag, modified=modified)

    def listing(self, path: str, query: str, base: str) -> Answer | None:
        """Return a page of the home page or a listing, or None."""
        path, number = self.find_place(path, parse_qs(query))
        titles = {
            "/": str(self.text["name"]),
            self.paths.listing: "Nyheter" if self.has_press else "Aktuellt",
            self.paths.english_listing: "News",
        }
        if self.has_press:
            titles[self.paths.press] = "Pressmeddelanden"
        if path not in titles:
            return None
        every: list[Release | Link] = [*self.sorted_newest(path)]
        if path == self.paths.listing:
            every[3:3] = self.extra
        size = 3 if path == "/" else self.page_size
        pages = max(1, -(-len(every) // size))
        if not 1 <= number <= pages:
            return None
        items = every[(number - 1) * size : number * size]
        last = 1 if path == "/" else pages  # the home page leads to no further ones

        def to_href(page: int) -> str:
            return self.paths.paged(path, page, size)

        def make() -> bytes:
            near = [n for n in range(1, min(last, number + 4) + 1) if n > number - 5 or n == 1]
            links = [{"number": n, "href": to_href(n), "current": n == number} for n in near]
            listing = render(
                *("listing", self.slug, base, self.design),
                title=titles[path],
                here=to_href(number),
                items=[to_row(item) if isinstance(item, Link) else item for item in items],
                total=len(every) or len(items),
                pages=links if last > 1 else [],
                next=to_href(number + 1) if number < last else None,
                language="en" if path == self.paths.english_listing else "sv",
            )
            return put_banner(listing, self.banner).encode()

        etag = to_hex(f"{base}{path}{number}{self.version}{self.design}")
        return Answer(make=make, etag=etag, modified=self.touched)

    def find_place(self, path: str, asked: dict[str, list[str]]) -> tuple[str, int]:
        """Return the path of a listing without its page, and the number of the page."""
        if paged := self.cms == "wordpress" and re.fullmatch(r"(/.+/)page/(\d+)/", path):
            return paged[1], int(paged[2])
        if self.cms == "sitevision":
            return path, int(asked.get("start", ["0"])[0]) // self.page_size + 1
        if self.cms == "episerver":
            return path, int(asked.get("pn", ["1"])[0])
        return path, int(asked.get("page", ["0"])[0]) + 1 if self.cms == "drupal" else 1

    def sorted_newest(self, path: str) -> list[Release]:
        """Return the releases of a listing, newest first: all Swedish ones, those of one kind, or
        the English ones.
        """
        if path not in self.newest:
            english, press = path == self.paths.english_listing, path == self.paths.press
            wanted = [r for r in self.releases.values() if r.path not in self.unlisted]
            wanted = [r for r in wanted if (r.language == "en") == english]
            if self.has_press and (press or path == self.paths.listing):
                wanted = [r for r in wanted if (r.kind == "Pressmeddelande") == press]
            self.newest[path] = sorted(wanted, key=lambda release: release.created, reverse=True)
        return self.newest[path]

    @property
    def has_press(self) -> bool:
        """Return whether press releases have a listing of their own."""
        return self.paths.press != self.paths.listing

    def asset(self, path: str, whole: str) -> Answer | None:
        """Return an image, document, style sheet or script, or None."""
        ending = path.rpartition(".")[2].lower()
        pages = self.papers.get(path) or (unquote(path.rpartition("/")[2][:-4]),)
        made = {
            "pdf": ("application/pdf", lambda: files.make_pdf(*pages)),
            "png": ("image/png", files.make_png),
            "ico": ("image/png", files.make_png),
            "css": ("text/css", lambda: files.STYLE),
            "js": ("text/javascript", lambda: b"/* nothing to run */\n"),
        }.get(ending)
        if made is None or (ending == "css" and path != "/site.css"):
            return Answer(make=lambda: b"", media="text/css") if made else None
        return Answer(make=made[1], media=made[0], etag=to_hex(f"{whole}{pages}"))

    def page(self, path: str, base: str) -> Answer | None:
        """Return a page of the menu or the footer, or None."""
        site = furnish(self.slug, base, self.design)
        link = site.links.get(path)
        if link is None:
            return redirect(base + path + "/") if path + "/" in site.links | self.releases else None
        topic = self.text["topics"][len(link.title) % 3]
        sentences = [s for s in topic["sentences"] if "{" not in s]
        texts = (
            f"Här hittar du information om {link.title.lower()}.",
            " ".join(sentences[:3]),
            " ".join(sentences[3:6]),
        )

        make = self.write(path, base, link.title, texts, link.pages or link.subs)
        return Answer(make=make, etag=to_hex(f"{base}{path}{self.design}"), modified=self.touched)

    def lost(self, path: str, base: str, status: int = 404, title: str = LOST_TITLE) -> Answer:
        """Return the error page."""
        return Answer(make=self.write(path, base, title, LOST), status=status)

    def write(
        self, here: str, base: str, title: str, texts: Sequence[str], links: Sequence[Link] = ()
    ) -> Callable[[], bytes]:
        """Return a function that renders a page that is no release."""
        given = {"title": title, "here": here, "paragraphs": texts, "links": links}
        return lambda: render("page", self.slug, base, self.design, **given).encode()

    def change(self, path: str, release: Release, now: datetime) -> None:
        """Replace a release by another version; it moves if its path differs."""
        fresh = replace(release, version=release.version + 1)
        self.releases = {
            (fresh.path if at == path else at): (fresh if at == path else held)
            for at, held in self.releases.items()
        }
        self.turn(now)


def to_row(link: Link) -> dict[str, object]:
    """Return the item of a listing for a link."""
    return {"path": link.href, "title": link.title, "lead": "", "published": None}
