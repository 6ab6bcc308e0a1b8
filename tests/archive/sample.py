"""A small archive of invented releases, and Datasette that serves it as `python -m archive serve`
does.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import CodeType
from typing import Any
from zoneinfo import ZoneInfo

import feedparser
import httpx
from datasette.app import Datasette
from jinja2.bccache import Bucket, BytecodeCache
from lxml import html

from archive.database.models import Attachment, Contact, Image, Question, Release
from archive.store.collection_readings import add_collection, save_reading
from archive.store.releases import Archive, SaveResult, prepare_release
from archive.web.datasette_versions import IS_NEXT, get_environment

ROOT = Path(__file__).parents[2]
PLUGINS = str(ROOT / "archive/plugins")
STOCKHOLM = ZoneInfo("Europe/Stockholm")
AGENCY_URL = "https://{slug}.example"
SEEN = datetime(2024, 6, 3, 8, 15, tzinfo=UTC)
WARBLERS = "Så mår sångarna"  # its questions are also in its body
LIGHTHOUSES = "Tre fyrar tänds igen"  # its questions are not in its body
UNDATED = "Ny karta över grusvägar"  # has only an update time
HOSTILE = 'Uppgift om "x" < 3 & <b>fet</b> text'
QUERY_PATH = "/archive/-/query"  # of SQL on Datasette 1.0
PAGED = 45  # releases of one agency, enough for three pages of a search


def import_release(
    archive: Archive,
    release: Release,
    imported_at: datetime,
    seen: datetime | date | None = None,
    *,
    source: str = "museum.jsonl",
) -> SaveResult | None:
    """Import what a collection had of a release when it read it at `seen`."""
    return save_reading(
        archive,
        prepare_release(release),
        add_collection(archive, source),
        seen,
        imported_at,
        release_id=archive.find_release_id(release.url),
    )


class CompiledTemplates(BytecodeCache):
    """The templates that one site of this process has compiled, for all others: 0.2 s a site."""

    def __init__(self) -> None:
        self.code: dict[tuple[bool, str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self.code.get((bucket.environment.is_async, bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.code[bucket.environment.is_async, bucket.key, bucket.checksum] = bucket.code


TEMPLATES = CompiledTemplates()


@dataclass(frozen=True, slots=True)
class Site:
    """A client of the served site: responses, parsed pages, their text."""

    datasette: Any

    async def get(self, address: str, **headers: str) -> httpx.Response:
        """Return the response.

        Datasette 1.0 redirects SQL to its own address; there it is followed.
        """
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        response: httpx.Response = await self.datasette.client.get(address, headers=headers)
        if QUERY_PATH in response.headers.get("location", ""):
            response = await self.datasette.client.get(
                response.headers["location"], headers=headers
            )
        return response

    async def page(self, address: str, **headers: str) -> html.HtmlElement:
        return html.fromstring((await self.get(address, **headers)).text)

    async def text(self, address: str, **headers: str) -> str:
        return to_text((await self.page(address, **headers)).cssselect("body")[0])

    async def status(self, address: str, **headers: str) -> int:
        return (await self.get(address, **headers)).status_code

    async def json(self, address: str, **headers: str) -> Any:
        return (await self.get(address, **headers)).json()

    async def csv(self, address: str) -> list[dict[str, str]]:
        text = (await self.get(address)).text
        return list(csv.DictReader(io.StringIO(text, newline="")))

    async def feed(self, address: str) -> Any:
        return feedparser.parse((await self.get(address)).content)

    async def select(self, sql: str, values: Sequence[object] = ()) -> Any:
        """Return what Datasette itself reads from the archive."""
        return await self.datasette.get_database("archive").execute(sql, values)

    async def id_of(self, title: str) -> int:
        rows = await self.select("select id from releases where title = ?", [title])
        return int(rows.first()["id"])


def to_text(element: html.HtmlElement) -> str:
    """Return the text of an element, with single spaces."""
    return " ".join(element.text_content().split())


def texts(page: html.HtmlElement, selector: str) -> list[str]:
    return [to_text(element) for element in page.cssselect(selector)]


def hrefs(page: html.HtmlElement, selector: str) -> list[str]:
    return [link.attrib["href"] for link in page.cssselect(selector)]


@contextmanager
def served(
    path: Path,
    *,
    cors: bool = True,
    immutable: bool = False,
    metadata: dict[str, Any] | None = None,
    **settings: object,
) -> Iterator[Datasette]:
    """Serve an archive in this process; `metadata` is what an operator adds.

    Datasette registers the plugins globally. They stay registered, because all sites of the process
    share them.
    """
    datasette = Datasette(
        [] if immutable else [str(path)],
        immutables=[str(path)] if immutable else [],
        metadata={
            **json.loads((ROOT / "metadata.json").read_text(encoding="utf-8")),
            **(metadata or {}),
        },
        plugins_dir=PLUGINS,
        template_dir=str(ROOT / "archive/templates"),
        static_mounts=[("static", str(ROOT / "archive/static"))],
        settings={"suggest_facets": False, "allow_download": False, **settings},
        cors=cors,
    )
    get_environment(datasette).bytecode_cache = TEMPLATES
    # its client would build another application, with queues of its own, for each request
    if IS_NEXT:
        datasette.app = cache(datasette.app)
    yield datasette
    for database in datasette.databases.values():
        database.close()


def fill(path: Path) -> Path:
    """Write the sample archive: three agencies with releases and one without."""
    path.write_bytes(build_sample())
    return path


@cache
def build_sample() -> bytes:
    with TemporaryDirectory() as folder:
        save_sample(Path(folder) / "archive.db")
        return (Path(folder) / "archive.db").read_bytes()


def save_sample(path: Path) -> None:
    with Archive(path) as archive:
        for slug, name, name_en in (
            ("fagelverket", "Fågelverket", "Swedish Bird Agency"),
            ("fyrstyrelsen", "Fyrstyrelsen", None),
            ("vagmyndigheten", "Vägmyndigheten", "Roads Authority"),
            ("tystnadsnamnden", "Tystnadsnämnden", None),
        ):
            archive.add_agency(
                slug, name=name, name_en=name_en, home=AGENCY_URL.format(slug=slug) + "/"
            )
        for release in (
            *special_releases(),
            *(plain_release(number) for number in range(1, PAGED + 1)),
        ):
            archive.save(release, seen_at=SEEN)
        archive.db.execute(
            "insert into crawls (agency, spider, started, finished, reason) values"
            " ('fyrstyrelsen', 'news',"
            " '2024-06-03T08:10:00+00:00',"
            " '2024-06-03T08:20:00+00:00',"
            " 'finished')"
        )


def special_releases(site: str = AGENCY_URL) -> list[Release]:
    """Return a release for each thing that a release's page can show."""
    warblers = (
        Question(
            position=1,
            question="Varför sjunger rörsångaren på natten?",
            answer="Då är det tyst i vassen.",
        ),
        Question(
            position=2,
            question="Hur många finns det?",
            answer="Ungefär en halv miljon par.\n\nDe ökar.",
        ),
    )
    lighthouses = (
        Question(
            position=1,
            question="Vilka fyrar tänds?",
            answer="Norrskär, Ekö och Lillgrund.",
            answered_by="Ada Ek",
        ),
        Question(
            position=2,
            question="Vem betalar?",
            answer="Staten.\n\nOch hamnarna.",
            answered_by="Bo Strand",
        ),
    )
    return [
        Release(
            agency="fagelverket",
            url=site.format(slug="fagelverket") + "/nyheter/sa-mar-sangarna",
            title=WARBLERS,
            kind="news",
            lead="Inventeringen av vassarna är klar. Rörsångaren klarar sig bättre än väntat.",
            body=(
                "Vår inventerare svarar på två frågor.\n\nVarför sjunger rörsångaren på natten?"
                "\n\nDå är det tyst i vassen."
            ),
            body_html=(
                "<p>Vår inventerare svarar på två frågor.</p>"
                '<h2 id="question-1">Varför'
                " sjunger rörsångaren på"
                " natten?</h2><p>Då är det"
                " tyst"
                " i vassen.</p>"
                '<h2 id="question-2">Hur'
                " många finns"
                " det?</h2><p>Ungefär en halv"
                " miljon"
                " par.</p><p>De ökar.</p>"
                "<h2>Så räknade vi</h2><ul><li>Tolv vassar besöktes.</li>"
                "<li>Varje vass lyssnades av två gånger.</li></ul>"
                "<table><thead><tr><th>Sjö</"
                "th><th>Antal sjungande"
                " hanar</th><th>Förändring"
                " sedan"
                " förra räkningen</th>"
                "</tr></thead><tbody><tr><td>Storsjön</"
                "td><td>41</td><td>+6</td></"
                "tr><tr><td>Vassviken</"
                "td><td>18</td>"
                "<td>−2</td></tr></tbody></"
                "table><blockquote><p>Jag har"
                " aldrig"
                " hört så"
                " många.</p></blockquote>"
            ),
            published=datetime(2024, 5, 28, 9, 30, tzinfo=STOCKHOLM),
            published_text="28 maj 2024 kl. 09.30",
            updated=date(2024, 5, 30),
            updated_text="Uppdaterad 30 maj 2024",
            language="sv",
            tags=("Fåglar", "Våtmarker & sjöar"),
            questions=warblers,
            images=(
                Image(
                    url="https://bilder.example/1.jpg",
                    caption="Rörsångare i vass.",
                    credit="Lo Ask/Fågelverket",
                ),
            ),
            attachments=(
                Attachment(
                    url="https://filer.example/r.pdf",
                    title="Rapporten",
                    media_type="application/pdf",
                ),
            ),
            contacts=(
                Contact(
                    name="Lo Ask",
                    role="ornitolog",
                    phone="010-123 45 67",
                    email="lo@fagelverket.example",
                ),
                Contact(role="Pressjouren", phone="010-123 45 00"),
            ),
        ),
        Release(
            agency="fyrstyrelsen",
            url=site.format(slug="fyrstyrelsen") + "/press/tre-fyrar",
            title=LIGHTHOUSES,
            kind="press release",
            body="Efter tio mörka år får kusten ljus.",
            body_html="<p>Efter tio mörka år får kusten ljus.</p>",
            published=date(2024, 6, 1),
            language="sv",
            tags=("Sjöfart",),
            questions=lighthouses,
        ),
        Release(
            agency="fyrstyrelsen",
            url=site.format(slug="fyrstyrelsen") + "/en/lights",
            title="Three lighthouses lit again",
            body="The coast has been dark for ten years.",
            body_html="<p>The coast has been dark for ten years.</p>",
            published=date(2023, 6, 1),
            language="en",
        ),
        Release(
            agency="vagmyndigheten",
            url=site.format(slug="vagmyndigheten") + "/aktuellt/karta",
            title=UNDATED,
            body="Kartan visar alla grusvägar.",
            body_html="<p>Kartan visar alla grusvägar.</p>",
            updated=datetime(2021, 5, 18, 10, 57, tzinfo=STOCKHOLM),
            updated_text="10.57 - 18 maj 2021",
            language="sv",
        ),
        Release(
            agency="vagmyndigheten",
            url=site.format(slug="vagmyndigheten") + "/aktuellt/farlig",
            title=HOSTILE,
            body="Skylten <script>alert(1)</script> är borta.",
            body_html="<p>Skylten &lt;script&gt;alert(1)&lt;/script&gt; är borta.</p>",
            published=date(2022, 2, 2),
        ),
    ]


def build_release(agency: str, name: str, title: str, body: str = "", **fields: Any) -> Release:
    """Return a release on the site of an agency, with its text as HTML."""
    body = body or f"{title}: så här är det."
    return Release(
        agency=agency,
        url=f"{AGENCY_URL.format(slug=agency)}/{name}",
        title=title,
        body=body,
        body_html="".join(f"<p>{paragraph}</p>" for paragraph in body.split("\n\n")),
        **fields,
    )


PLACES = ("Norrskär", "Ekö", "Vassviken", "Storåsen", "Lillgrund", "Hedvalla", "Björkfors")
WEATHER = (
    "Snöfallet fortsätter och vägarna är hala på sina håll, mest i skog och på broar.",
    "Tjälen går ur jorden, och tunga fordon leds om där vägarna inte bär.",
    "Dimman lättar mot kvällen. Till dess är sikten dålig längs vägarna vid kusten.",
    "Sandning pågår, och vägarna väntas vara farbara igen till helgen.",
)
ADVICE = (
    "Åk hellre en timme senare.",
    "Kör lugnt och håll avstånd.",
    "Ta med varma kläder och en spade i bilen.",
)


def plain_release(number: int, site: str = AGENCY_URL) -> Release:
    """Return one of many similar releases, which are a week apart and fill several pages of a
    list.
    """
    place = PLACES[number % len(PLACES)]
    body = [
        WEATHER[number % len(WEATHER)],
        f"Det gäller {place} med omnejd. {ADVICE[number % len(ADVICE)]}",
    ]
    return Release(
        agency="vagmyndigheten",
        url=site.format(slug="vagmyndigheten") + f"/aktuellt/vinter-{number}",
        title=f"Läget på vägarna kring {place}, vecka {number}",
        kind="news",
        lead=f"Plogning och röjning pågår på {number} sträckor.",
        body="\n\n".join(body),
        body_html="".join(f"<p>{paragraph}</p>" for paragraph in body),
        published=date(2023, 1, 2) + timedelta(weeks=number),
        language="sv",
        tags=("Väglag", place, f"Område {number % 15}"),
    )
