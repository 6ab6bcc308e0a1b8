"""A small archive.db with invented releases, and Datasette over it with the flags `make serve` uses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from datasette.app import Datasette
from datasette.plugins import pm
from lxml import html

from archive.models import Attachment, Contact, Image, Question, Release
from archive.store import Archive

ROOT = Path(__file__).parents[2]
STOCKHOLM = ZoneInfo("Europe/Stockholm")
SEEN = datetime(2024, 6, 3, 8, 15, tzinfo=UTC)
WARBLERS = "Så mår sångarna"  # questions stand in the body
LIGHTHOUSES = "Tre fyrar tänds igen"  # questions do not stand in the body
UNDATED = "Ny karta över grusvägar"  # only an updated time
HOSTILE = 'Uppgift om "x" < 3 & <b>fet</b> text'
PAGED = 45  # releases of one agency, enough for three pages of a search


@dataclass(frozen=True, slots=True)
class Site:
    """The site as a reader's browser meets it."""

    datasette: Any

    async def get(self, address: str, **headers: str) -> httpx.Response:
        response: httpx.Response = await self.datasette.client.get(
            address, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        return response

    async def page(self, address: str, **headers: str) -> html.HtmlElement:
        return html.fromstring((await self.get(address, **headers)).text)

    async def text(self, address: str, **headers: str) -> str:
        return " ".join((await self.page(address, **headers)).cssselect("body")[0].text_content().split())

    async def id_of(self, title: str) -> int:
        rows = await self.datasette.get_database("archive").execute("select id from releases where title = ?", [title])
        return int(rows.first()["id"])


@contextmanager
def served(path: Path, *, cors: bool = True, immutable: bool = False, **settings: object) -> Iterator[Datasette]:
    """Datasette in this process; its plugins are taken out again, for they are registered globally."""
    before = set(pm.get_plugins())
    try:
        datasette = Datasette(
            [] if immutable else [str(path)],
            immutables=[str(path)] if immutable else [],
            metadata=json.loads((ROOT / "metadata.json").read_text(encoding="utf-8")),
            plugins_dir=str(ROOT / "archive/plugins"),
            template_dir=str(ROOT / "archive/templates"),
            static_mounts=[("static", str(ROOT / "archive/static"))],
            settings={"suggest_facets": False, "allow_download": False, **settings},
            cors=cors,
        )
        yield datasette
        for database in datasette.databases.values():
            database.close()
    finally:
        for plugin in set(pm.get_plugins()) - before:
            pm.unregister(plugin)


def fill(path: Path, site: str = "https://{slug}.example") -> Path:
    """Three agencies and one that has published nothing; `site` is where their pages are said to stand."""
    with Archive(path) as archive:
        for slug, name, name_en in (
            ("fagelverket", "Fågelverket", "Swedish Bird Agency"),
            ("fyrstyrelsen", "Fyrstyrelsen", None),
            ("vagmyndigheten", "Vägmyndigheten", "Roads Authority"),
            ("tystnadsnamnden", "Tystnadsnämnden", None),
        ):
            archive.add_agency(slug, name=name, name_en=name_en, home=site.format(slug=slug) + "/")
        for release in [*special_releases(site), *plain_releases(site)]:
            archive.save(release, seen_at=SEEN)
        archive.db.execute(
            "insert into crawls (agency, spider, started, finished, reason) values"
            " ('fyrstyrelsen', 'news', '2024-06-03T08:10:00+00:00', '2024-06-03T08:20:00+00:00', 'finished')"
        )
    return path


def special_releases(site: str) -> list[Release]:
    """One release for each thing the reading page has to show."""
    warblers = (
        Question(position=1, question="Varför sjunger rörsångaren på natten?", answer="Då är det tyst i vassen."),
        Question(position=2, question="Hur många finns det?", answer="Ungefär en halv miljon par.\n\nDe ökar."),
    )
    lighthouses = (
        Question(
            position=1, question="Vilka fyrar tänds?", answer="Norrskär, Ekö och Lillgrund.", answered_by="Ada Ek"
        ),
        Question(position=2, question="Vem betalar?", answer="Staten.\n\nOch hamnarna.", answered_by="Bo Strand"),
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
                '<h2 id="question-1">Varför sjunger rörsångaren på natten?</h2><p>Då är det tyst i vassen.</p>'
                '<h2 id="question-2">Hur många finns det?</h2><p>Ungefär en halv miljon par.</p><p>De ökar.</p>'
                "<h2>Så räknade vi</h2><ul><li>Tolv vassar besöktes.</li>"
                "<li>Varje vass lyssnades av två gånger.</li></ul>"
                "<table><thead><tr><th>Sjö</th><th>Antal sjungande hanar</th><th>Förändring sedan förra räkningen</th>"
                "</tr></thead><tbody><tr><td>Storsjön</td><td>41</td><td>+6</td></tr><tr><td>Vassviken</td><td>18</td>"
                "<td>−2</td></tr></tbody></table><blockquote><p>Jag har aldrig hört så många.</p></blockquote>"
            ),
            published=datetime(2024, 5, 28, 9, 30, tzinfo=STOCKHOLM),
            published_text="28 maj 2024 kl. 09.30",
            updated=date(2024, 5, 30),
            updated_text="Uppdaterad 30 maj 2024",
            language="sv",
            tags=("Fåglar", "Våtmarker & sjöar"),
            questions=warblers,
            images=(
                Image(url="https://bilder.example/1.jpg", caption="Rörsångare i vass.", credit="Lo Ask/Fågelverket"),
            ),
            attachments=(
                Attachment(url="https://filer.example/r.pdf", title="Rapporten", media_type="application/pdf"),
            ),
            contacts=(
                Contact(name="Lo Ask", role="ornitolog", phone="010-123 45 67", email="lo@fagelverket.example"),
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


PLACES = ("Norrskär", "Ekö", "Vassviken", "Storåsen", "Lillgrund", "Hedvalla", "Björkfors")
WEATHER = (
    "Snöfallet fortsätter och vägarna är hala på sina håll, mest i skog och på broar.",
    "Tjälen går ur jorden, och tunga fordon leds om där vägarna inte bär.",
    "Dimman lättar mot kvällen. Till dess är sikten dålig längs vägarna vid kusten.",
    "Sandning pågår, och vägarna väntas vara farbara igen till helgen.",
)
ADVICE = ("Åk hellre en timme senare.", "Kör lugnt och håll avstånd.", "Ta med varma kläder och en spade i bilen.")


def plain_releases(site: str) -> list[Release]:
    """Enough of one kind to fill several pages, a week apart."""
    return [plain_release(number, site) for number in range(1, PAGED + 1)]


def plain_release(number: int, site: str) -> Release:
    """One of many much alike."""
    place = PLACES[number % len(PLACES)]
    body = [WEATHER[number % len(WEATHER)], f"Det gäller {place} med omnejd. {ADVICE[number % len(ADVICE)]}"]
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
