"""An archive of a hostile agency's releases: every vector goes through `scrapy crawl`, as words and as markup."""

from __future__ import annotations

import fcntl
import html as escaping
import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from archive.dates import now
from archive.models import Attachment, Image, Release
from archive.store import Archive
from tests.archive.vectors import LINKS, VECTORS
from tests.scraper.crawling import Crawling, make_due
from tests.site import Site
from tests.site.answers import HTML, Answer
from tests.site.mount import MountedHost

AGENCY, IMPORTER = "skrivarna", "inforarna"
HOST = f"{AGENCY}.localhost"
DAY = now().date()  # a release of today's is told in feeds
LEADS_ELSEWHERE = "url=https://evil.example"  # a page that does so at once is no release
PAGE = """<!doctype html><html lang="sv"><head><title>{text} – Skrivarna</title></head><body><main>
<h1>Meddelande {number} {text}</h1><p class="ingress">En ingress om {text} som går att läsa.</p>
<p>Publicerad: {day}</p>
<p>Ett stycke före, som är långt nog för att vara ett stycke i en text.</p>
<h2>Varför {text}?</h2><p>– Därför {text}, säger Ada Ek.</p>
<figure><img src="/bild-{number}.jpg" alt="{text}"><figcaption>{text} Foto: {text}</figcaption></figure>
<p><a href="/fil-{number}.pdf">{text}</a> <a download href="{link}">en fil</a></p>
<ul class="tags"><li>Ämnesord: <a rel="tag" href="/amne/{number}">{text}</a></li></ul>
<p>Skrivelse {number} har skickats till {number} kommuner och {number} regioner, som svarar.</p>
{more}<div>{markup}</div>
<p>Ett stycke efter, som också är långt nog för att vara ett stycke.</p></main></body></html>"""


@dataclass
class ScribesHost(MountedHost):
    """Its site: a feed, and a page for each vector. listed: how many; edited: whether each page says more by now."""

    listed: int = 1
    edited: bool = False

    def answer(self, path: str, query: str) -> Answer:
        """A page with its vector; behind `-ord` the vector stands as words alone."""
        if not path.startswith("/nyheter/"):
            return super().answer(path, query)
        number, words, _ = path.removeprefix("/nyheter/").partition("-ord")
        return Answer(make=lambda: self.write(int(number), markup=not words), media=HTML)

    def write(self, number: int, *, markup: bool) -> bytes:
        """A page; once edited, it has one more paragraph with the next vector, and each tenth has that everywhere."""
        vector, following = (escaping.escape(VECTORS[at % len(VECTORS)]) for at in (number, number + 1))
        page = PAGE.format(
            number=number,
            day=DAY.isoformat(),
            text=following if self.edited and number % 10 == 0 else vector,
            markup=VECTORS[number] if markup else "",
            link=LINKS[number % len(LINKS)].split('"')[1],
            more=f"<p>Ett stycke till: {following}</p>" if self.edited else "",
        )
        return page.encode("utf-8", "replace")

    def feed(self) -> str:
        """RSS whose titles are the vectors."""
        rows = ((number, vector) for number, vector in enumerate(VECTORS[: self.listed]))
        items = (
            "".join(
                f"<item><title>{escaping.escape(vector)}</title><link>{self.home}nyheter/{place}</link></item>\n"
                for number, vector in rows
                for place in ([number, f"{number}-ord"] if LEADS_ELSEWHERE in vector else [number])
            )
            .replace("\0", "")
            .replace("\x0c", "")
            .replace("\x01", "")
        )  # XML has no control characters
        return f'<?xml version="1.0"?>\n<rss version="2.0"><channel><title>Skrivarna</title>\n{items}</channel></rss>'


def build_once(made: pytest.TempPathFactory) -> Path:
    """The archive; of several processes that test at once the first builds it for all."""
    base = made.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / AGENCY
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = folder / "archive.db"
        if not (folder / "built").exists():
            build(path)
            (folder / "built").touch()
    return path


def build(path: Path) -> None:
    """Crawl the hostile agency, let it edit every page, look again; and import what no page could bring."""
    with Site(releases=0, crawl_delay=None) as site:
        host = ScribesHost(f"{HOST}:{site.port}", "http")
        site.mounted[HOST] = host
        agencies = path.with_name("agencies.toml")
        name = json.dumps(f"Skrivarna {VECTORS[0]}")
        agencies.write_text(f'[{AGENCY}]\nname = {name}\nhome = "{host.home}"\nfeeds = ["{host.feed_url}"]\n', "utf-8")
        crawling = Crawling(site, agencies, path, patience=120)
        crawling.run("news")
        host.listed = len(VECTORS)  # what comes after a first crawl is told in feeds
        _, printed = crawling.run("news", LOG_LEVEL="INFO")  # ends with 1: a page leads elsewhere
        assert crawling.rows("select count(*) from releases") == [(len(VECTORS),)], printed[-3000:]
        host.edited = True
        make_due(crawling)
        _, printed = crawling.run("revisit", LOG_LEVEL="INFO")
        assert crawling.rows("select count(*) from revisions where cause = 'source'") == [(len(VECTORS),)], printed
    add_imported(path)


def add_imported(path: Path) -> None:
    """A release whose addresses would run: a page's own are left out when it is read, an import may bring some."""
    files = tuple(Attachment(url=link.split('"')[1], title="En fil", media_type="application/pdf") for link in LINKS)
    release = Release(
        agency=IMPORTER,
        url=f"https://{IMPORTER}.example/1",
        title=f"Meddelande {VECTORS[0]}",
        body="Infört.",
        body_html="<p>Infört.</p>",
        published=DAY,
        attachments=files,
        images=(Image(url="data:image/svg+xml,<svg onload=alert(1)>", caption="En bild"),),
    )
    with Archive(path) as archive:
        archive.add_agency(IMPORTER, name=f"Införarna {VECTORS[0]}", home="javascript:alert(1)//")
        archive.save(release, seen_at=now())
