"""Ten invented agencies with what an operator meets on the web: walls, scripts, moves, traps."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from urllib.parse import parse_qs, urljoin

from tests.harness.survey.hosts import (
    LOST,
    TEXT,
    Entry,
    SurveyAgency,
    SurveyHost,
    add_service_pages,
    write_entries,
    write_page,
)
from tests.harness.weather.host import write_feed
from tests.harness.world.simulation import CAPTCHA
from tests.site.answers import HTML, Answer, redirect
from tests.site.files import make_pdf
from tests.site.knobs import Break
from tests.site.newslists import Notice

NOTICES = [Notice(number) for number in range(6)]
NEWS = "/nyheter/"
NEWS_LINK = f'<a href="{NEWS}">Nyheter</a>'
HANGING = 60.0  # seconds that an address takes; DOWNLOAD_TIMEOUT is shorter
CONTENTS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))


def make_invented_agencies() -> dict[str, SurveyAgency]:
    """Return the agencies by slug."""
    return {
        "samtyckesverket": make_consent_wall(),
        "botskyddsverket": make_bot_wall(),
        "skriptverket": make_scripted_listing(),
        "flodesverket": make_scripted_pages(),
        "tradverket": make_wire_only(),
        "uppgangsverket": make_closed(),
        "bortaverket": SurveyAgency(make_table("bortaverket")),
        "fallverket": make_trap(),
        "stangverket": make_forbidden_news(),
        "flyttverket": make_moved_documents(),
    }


def make_table(slug: str, **keys: object) -> dict[str, object]:
    return {"name": slug.capitalize(), "home": f"https://www.{slug}.example/", **keys}


def make_host(slug: str, menu: str = "", head: str = "") -> SurveyHost:
    host = SurveyHost(f"www.{slug}.example", "https")
    add_service_pages(host, slug.capitalize(), menu, head)
    return host


def make_news_host(slug: str, menu: str = NEWS_LINK) -> SurveyHost:
    """Return a host with a listing of releases that can all be read."""
    host = make_host(slug, menu)
    entries = [Entry(notice.path, notice.title, notice.published) for notice in NOTICES]
    listing = f"<h1>Nyheter</h1>{write_entries(entries, 'cards')}"
    host.write(NEWS, write_page("Nyheter", listing, menu))
    for notice in NOTICES:
        host.write(notice.path, notice.page())
    return host


def make_consent_wall() -> SurveyAgency:
    """Answer every address but robots.txt with a question for consent, and status 200."""
    host = make_host("samtyckesverket")
    host.written = {"/robots.txt": host.written["/robots.txt"]}
    host.other = Answer(make=write_page("Samtycke till kakor", CONTENTS["consent"]).encode)
    return SurveyAgency(make_table("samtyckesverket"), [host])


def make_bot_wall() -> SurveyAgency:
    """Answer every address, also robots.txt, with 403 and a challenge."""
    host = SurveyHost("www.botskyddsverket.example", "https")
    host.other = Answer(make=CAPTCHA.encode, status=403)
    return SurveyAgency(make_table("botskyddsverket"), [host])


def make_scripted_listing() -> SurveyAgency:
    """Answer the home page and the listing with a shell that a script fills; releases are HTML."""
    host = make_news_host("skriptverket")
    rows = [[notice.path, notice.title, notice.published] for notice in NOTICES]
    host.written["/"] = host.written[NEWS] = CONTENTS["shell"], HTML
    script = CONTENTS["script"].replace("ENTRIES", json.dumps(rows, ensure_ascii=False))
    host.write("/app.js", script, "text/javascript")
    return SurveyAgency(make_table("skriptverket"), [host])


def make_scripted_pages() -> SurveyAgency:
    """Serve a feed, but releases as shells that only a script fills."""
    link = '<link rel="alternate" type="application/rss+xml" href="/rss.xml">'
    host = make_host("flodesverket", head=link)
    links = tuple((notice.title, urljoin(host.home, notice.path)) for notice in NOTICES)
    host.write("/rss.xml", write_feed(links), "application/rss+xml; charset=UTF-8")
    for notice in NOTICES:
        host.write(notice.path, CONTENTS["shell"])
    return SurveyAgency(make_table("flodesverket"), [host])


def make_wire_only() -> SurveyAgency:
    """Link to a press room at Mynewsdesk; the site has no news of its own."""
    room = "https://www.mynewsdesk.com/se/tradverket"
    menu = f'<a href="{room}">Pressrum hos Mynewsdesk</a>'
    feed = '<a href="https://www.mynewsdesk.com/rss/current_news/77">RSS</a>'
    page = write_page("Trådverket", f"<h1>Trådverkets pressrum</h1><p>{feed}</p>")
    host, faults = make_host("tradverket", menu), {room: Break(body=page)}
    return SurveyAgency(make_table("tradverket"), [host], faults, wire="mynewsdesk:77")


def make_closed() -> SurveyAgency:
    """Say on the home page that the agency has ended; the rest redirects to its successor."""
    host = make_host("uppgangsverket")
    host.written = {"/robots.txt": host.written["/robots.txt"]}
    host.write("/", write_page("Uppgangsverket har upphört", CONTENTS["closed"]))
    host.other = redirect("https://www.flodesverket.example/")
    return SurveyAgency(make_table("uppgangsverket"), [host])


def make_trap() -> SurveyAgency:
    """Serve good news beside a calendar without an end, the days of which never answer in time."""
    host = make_news_host("fallverket", f'{NEWS_LINK} <a href="/aktuellt/">Aktuellt</a>')
    faults = {
        f"{host.home}aktuellt/": Break(make=write_month),
        f"{host.home}aktuellt/dag": Break(delay=HANGING, status=504),
    }
    return SurveyAgency(make_table("fallverket"), [host], faults)


def write_month(query: str) -> str:
    """Return a month of the calendar, with a link to the next one. Months count from 1 AD."""
    number = int(parse_qs(query).get("manad", ["24300"])[0])
    month = f"{number // 12:04}-{number % 12 + 1:02}"
    days = [f"{month}-{day:02}" for day in range(1, 29)]
    entries = [Entry(f"/aktuellt/dag?datum={day}", "Dagens händelser", day) for day in days]
    following = f'<a rel="next" href="/aktuellt/?manad={number + 1}">Nästa månad</a>'
    content = f"<h1>Aktuellt {month}</h1>{write_entries(entries, 'rows')}{following}"
    return write_page(f"Aktuellt {month}", content, NEWS_LINK)


def make_forbidden_news() -> SurveyAgency:
    """Forbid the news to every robot, and nothing else."""
    host = make_news_host("stangverket")
    host.write("/robots.txt", f"User-agent: *\nDisallow: {NEWS}\n", TEXT)
    return SurveyAgency(make_table("stangverket"), [host])


def make_moved_documents() -> SurveyAgency:
    """Answer the declared listings with 404 and a soft 404; the new one lists documents only."""
    home = "https://www.flyttverket.example/"
    host = make_host("flyttverket", '<a href="/om-oss/nyheter/">Nyheter</a>')
    host.write("/press/arkiv/", write_page("Sidan kan inte hittas", LOST))
    entries = []
    for notice in NOTICES:
        path = f"/globalassets/{notice.slug}.pdf"
        host.write(path, make_pdf(notice.title), "application/pdf")
        entries.append(Entry(path, f"{notice.title} (pdf)", notice.published))
    listing = f"<h1>Nyheter</h1>{write_entries(entries, 'rows')}"
    host.write("/om-oss/nyheter/", write_page("Nyheter", listing))
    listings = [f"{home}press/nyheter/", f"{home}press/arkiv/"]
    table = make_table("flyttverket", listings=listings, releases="^/press/nyheter/[^/]+")
    return SurveyAgency(table, [host])
