"""Newsrooms whose lists are more than links: behind a button, in JSON of the page, and at a JSON
endpoint.

They are served beside the sample agencies, each on its own host, but a list of agencies has them
only if it is made by `write_lists`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, quote

from tests.site.answers import HTML, Answer
from tests.site.swedish import MONTHS

PAGE_SIZE = 5
MATTERS = (
    "Broar", "Slussar", "Fyrar", "Farleder", "Bojar", "Kajer", "Isbrytare", "Lotsar", "Dammar",
    "Kanaler",
)  # fmt: skip
FOLDER = "/nyheter/"


@dataclass(frozen=True, slots=True)
class Notice:
    """A release of these newsrooms."""

    number: int

    @property
    def title(self) -> str:
        matter = MATTERS[self.number % len(MATTERS)]
        return f"{matter} längs kusten rustas upp, etapp {self.number}"

    @property
    def slug(self) -> str:
        return f"etapp-{self.number}"

    @property
    def path(self) -> str:
        return FOLDER + self.slug

    @property
    def published(self) -> str:
        return f"2024-{self.number % 10 + 1:02}-{self.number + 1:02}"

    def page(self) -> str:
        """Return the page of the release."""
        day = f"{self.number + 1} {MONTHS[self.number % 10]} 2024"
        return frame(
            self.title,
            f"<article><h1>{self.title}</h1><p>Publicerad: {day}</p>"
            f"<p>Arbetet med etapp {self.number} börjar efter sommaren och väntas pågå i två år.</p>"
            f"<p>Under etapp {self.number} hålls leden öppen för all trafik, men med lägre fart på"
            " några sträckor.</p></article>",
        )


@dataclass(frozen=True, slots=True)
class NewsList:
    """A newsroom: its name, its listing, and its table in a list of agencies."""

    name: str
    # builds a listing page from its notices and the number of the first
    make: Callable[[list[Notice], int], str]
    keys: str = ""  # further lines of the table; BASE is the site's URL
    size: int = PAGE_SIZE
    count: int = 13

    def answer(self, path: str, query: str, form: str = "") -> Answer:
        """Return the response at a path. form: the body of a POST request."""
        notices = [Notice(number) for number in range(self.count)]
        if path in ("/", "/nyheter", "/api/nyheter"):
            start = int(parse_qs(form or query).get("start", ["0"])[0])
            page = parse_qs(query).get("page")
            start = (int(page[0]) - 1) * self.size if page else start
            if path == "/api/nyheter":
                return answer_json(notices[start : start + self.size], start, self.count)
            return to_answer(self.make(notices[start : start + self.size], start))
        found = {notice.path: notice for notice in notices}.get(path)
        if found:
            return to_answer(found.page())
        if path == "/app.js":
            return to_answer(SCRIPT, "text/javascript")
        if path == "/robots.txt":
            return to_answer("User-agent: *\nDisallow: /intern/\n", "text/plain")
        return to_answer(
            frame("Sidan kan inte hittas", "<h1>Sidan kan inte hittas</h1>"), status=404
        )

    def table(self, slug: str, base: str) -> str:
        """Return the table in a list of agencies."""
        keys = self.keys or 'listings = ["BASE/nyheter"]'
        return f'[{slug}]\nname = "{self.name}"\nhome = "{base}/"\n{keys}\n'.replace("BASE", base)


def to_answer(text: str, media: str = HTML, status: int = 200) -> Answer:
    return Answer(make=text.encode, media=media, status=status)


def frame(title: str, content: str, script: str = "") -> str:
    """Return a page around its content."""
    return (
        f'<!doctype html><html lang="sv"><head><meta charset="utf-8"><title>{title}</title></head>'
        '<body><header><a href="/">Start</a> <a href="/nyheter">Nyheter</a></header>'
        f"<main>{content}</main>{script}"
        "<footer><p>Telefon: 010-111 22 33</p></footer></body></html>"
    )


def make_posted(notices: list[Notice], start: int) -> str:
    """Return a list with a button that posts a form with a token per page, as portlets of
    SiteVision do.
    """
    rows = "".join(
        f'<li><h2><a href="{n.path}">{n.title}</a></h2><p>{n.published}</p></li>' for n in notices
    )
    more = (
        '<form method="post" action="/nyheter"><input type="hidden" name="token" value="{0:x}">'
        '<input type="hidden" name="start" value="{0}"><button class="more">Visa fler</button></form>'
    )
    button = more.format(start + PAGE_SIZE) if len(notices) == PAGE_SIZE else ""
    search = '<form method="post" action="/sok"><input name="q"><button>Sök</button></form>'
    return frame("Nyheter", f"<h1>Nyheter</h1>{search}<ul>{rows}</ul>{button}")


def make_next(notices: list[Notice], start: int) -> str:
    """Return a page of Next.js whose list is only in its data."""
    items = []
    for n in notices:
        item = {"id": n.number, "heading": n.title, "slug": n.slug}
        items.append(item | {"publishedAt": f"{n.published}T08:00:00+02:00"})
    menu = [{"title": "Kontakt", "url": "/kontakt"}, {"title": "Bild", "url": "/bilder/fyr.jpg"}]
    properties = {"menu": menu, "list": {"start": start, "items": items}}
    data = {"props": {"pageProps": properties}, "page": "/nyheter"}
    text = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
    script = f'<script id="__NEXT_DATA__" type="application/json">{text}</script>'
    return frame("Nyheter", '<h1>Nyheter</h1><div id="list">Laddar …</div>', script)


def make_empty(notices: list[Notice], start: int) -> str:
    """Return a page whose list is fetched by a script."""
    return frame(
        "Nyheter", '<h1>Nyheter</h1><div id="list"></div>', '<script src="/app.js"></script>'
    )


SCRIPT = """
const start = Number(new URLSearchParams(location.search).get("start") || 0);
const list = document.getElementById("list");
for (const elsewhere of ["http://169.254.169.254/latest", "http://borta.invalid/x", "/intern/hemligt"])
  fetch(elsewhere).then(response => list.append("Nådde " + elsewhere), () => {});
fetch("/api/nyheter?start=" + start).then(response => response.json()).then(data => {
  for (const hit of data.result.hits) {
    const item = list.appendChild(document.createElement("article"));
    item.innerHTML = `<h2><a href="${hit.link.href}">${hit.title}</a></h2><p>${hit.published}</p>`;
  }
  if (data.next) list.insertAdjacentHTML("afterend", `<a rel="next" href="${data.next}">Nästa</a>`);
});
"""


def make_scripted(notices: list[Notice], start: int) -> str:
    """Return a page whose script makes the list, and also requests what it must not get."""
    links = (
        '<img src="/fyr.png"><iframe src="/inramat"></iframe>'
        '<link rel="stylesheet" href="/site.css">'
    )
    script = '<script src="/app.js"></script>'
    return frame("Nyheter", f'<h1>Nyheter</h1><div id="list"></div>{links}', script)


def answer_json(notices: list[Notice], start: int, count: int) -> Answer:
    """Return a page of the JSON endpoint."""
    items = [
        {"title": n.title, "link": {"href": n.path}, "published": n.published} for n in notices
    ]
    following = start + len(notices)
    more = f"?start={quote(str(following))}" if following < count else None
    return to_answer(json.dumps({"result": {"hits": items}, "next": more}), "application/json")


HITS = 'items = "result.hits", link = "link.href"'
MORE = 'date = "published", title = "title", next = "next"'
API = f'json = {{url = "BASE/api/nyheter", {HITS}, {MORE}}}'
PAGES = f'json = {{url = "BASE/api/nyheter?page={{page}}", {HITS}}}'
BROWSER_LIST = "skriptverket"  # needs a browser, so it is only in a list of agencies that names it
SCRIPTED = 'listings = ["BASE/nyheter"]\nbrowser = true'
NEWS_LISTS = {
    "knappverket": NewsList("Knappverket", make_posted),
    "nastaverket": NewsList("Nästaverket", make_next, size=13),
    "apiverket": NewsList("Apiverket", make_empty, API),
    "sidverket": NewsList("Sidverket", make_empty, PAGES),
    BROWSER_LIST: NewsList("Skriptverket", make_scripted, SCRIPTED),
}


def write_lists(folder: Path, port: int, slugs: Iterable[str]) -> Path:
    """Write a list of agencies with these newsrooms."""
    path = folder / "agencies.toml"
    tables = (NEWS_LISTS[slug].table(slug, f"http://{slug}.localhost:{port}") for slug in slugs)
    path.write_text("\n".join(tables), encoding="utf-8")
    return path
