"""Further hosts with a few fixed pages: an archive of files, and a list behind a button."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.site import files
from tests.site.answers import HTML, Answer
from tests.site.paths import to_hex

PDF = "application/pdf"
PAPERS = {  # file → title and the day as its list states it
    "remiss-14.pdf": ("Nämnden svarar på remissen om lokala arkiv", "14 mars 2024"),
    "gallring-3.pdf": ("Nya regler för gallring av protokoll", "2024-02-03"),
    "oppet-hus.pdf": ("Öppet hus i läsesalen", ""),
}
NOTICES = {
    "kajen-lagas": (
        "Kajen lagas i höst",
        "Kajen vid norra hamnen får nya pålar, och arbetet tar fyra veckor i höst.",
    ),
    "ny-boj": (
        "Ny boj utanför Fårö",
        "Bojen lyser grönt var tredje sekund och ersätter den som drev bort i januari.",
    ),
    "isen-ligger": (
        "Isen ligger kvar i viken",
        "Isbrytaren går varje morgon tills isen har gått, så att färjan kan hålla sin tidtabell.",
    ),
}


@dataclass
class PlainHost:
    """A host of fixed pages, by path: content and media type. Tests may change them."""

    pages: dict[str, tuple[bytes, str]] = field(default_factory=dict)

    def add(self, path: str, body: str | bytes, media: str = HTML) -> None:
        self.pages[path] = (body.encode() if isinstance(body, str) else body, media)

    def answer(self, path: str) -> Answer:
        if path not in self.pages:
            lost = b"<!doctype html><title>404</title><h1>Sidan finns inte</h1>"
            return Answer(make=lambda: lost, status=404)
        body, media = self.pages[path]
        return Answer(make=lambda: body, media=media, etag=to_hex(repr(body)))


def make_plain_hosts() -> dict[str, PlainHost]:
    """Return the hosts by their names."""
    return {
        "arkivnamnden.localhost": make_file_archive(),
        "hamnstyrelsen.localhost": make_button_newsroom(),
        "press.hamnstyrelsen.example": make_press_room(),
    }


def make_file_archive() -> PlainHost:
    """Return an agency whose releases are all files."""
    host = PlainHost()
    items = ""
    for name, (title, day) in PAPERS.items():
        stated = f"<span>{day}</span> " if day else ""
        items += f'<li>{stated}<a href="/globalassets/press/{name}">{title}</a> (pdf)</li>\n'
    host.add("/", make_page("Arkivnämnden", "<p>Välkommen till nämnden.</p>"))
    host.add("/press/", make_page("Pressmeddelanden", f"<ul>{items}</ul>"))
    for name, (title, _) in PAPERS.items():
        host.add(f"/globalassets/press/{name}", files.make_pdf(title), PDF)
    return host


def make_button_newsroom() -> PlainHost:
    """Return an agency whose list continues behind a button that only a script handles."""
    host = PlainHost()
    items = "".join(
        f'<li><a href="/nyheter/{name}">{title}</a></li>\n' for name, (title, _) in NOTICES.items()
    )
    button = '<button type="button">Visa fler nyheter</button>'
    host.add("/", make_page("Hamnstyrelsen", "<p>Välkommen till styrelsen.</p>"))
    host.add("/nyheter/", make_page("Nyheter", f"<ul>{items}</ul>{button}"))
    for name, (title, text) in NOTICES.items():
        host.add(
            f"/nyheter/{name}", make_page(title, f"<p>Publicerad 3 mars 2024</p><p>{text}</p>")
        )
    return host


def make_press_room() -> PlainHost:
    """Return a press room at its own host, with the same notices as the other newsroom."""
    host = make_button_newsroom()
    host.pages["/"] = host.pages["/nyheter/"]
    return host


def make_page(title: str, content: str) -> str:
    return (
        f'<!doctype html><html lang="sv"><head><meta charset="utf-8"><title>{title}</title></head>'
        '<body><nav><a href="/">Start</a> <a href="/press/">Press</a>'
        ' <a href="/nyheter/">Nyheter</a></nav>'
        f"<main><h1>{title}</h1>{content}</main></body></html>\n"
    )
