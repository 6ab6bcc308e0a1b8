"""What of a listing is furniture, and what only looks like it."""

from __future__ import annotations

import pytest

from scraper.agency import Agency
from scraper.sources import parse_listing

HOME = "https://www.skog.example/"
AGENCIES = [
    Agency(slug="skog", name="Skogsrådet", home=HOME),
    Agency(slug="skog", name="Skogsrådet", home=HOME, releases="^/nyheter/.+"),
]
TITLES = ["Ny lag", "Brand", "Jakt", "Älg", "Vatten"]
ITEMS = "".join(f'<li><a href="/nyheter/{number}">{title}</a></li>' for number, title in enumerate(TITLES))
CARDS = "".join(
    f'<article><header class="entry-header"><h2><a href="/nyheter/{number}">{title}</a></h2></header><p>Text</p>'
    '<footer class="entry-footer"><a href="/nyheter/amne/skog" rel="category tag">Skog</a></footer></article>'
    for number, title in enumerate(TITLES)
)


def listed(body: str, agency: Agency) -> list[str]:
    links, *_ = parse_listing(f"<html>{body}</html>".encode(), HOME + "nyheter", agency)
    return [link.url.removeprefix(HOME + "nyheter/") for link in links]


@pytest.mark.parametrize("agency", AGENCIES)
@pytest.mark.parametrize(
    "body",
    [
        f"<body><main>{CARDS}</main></body>",
        f'<body><form method="post" action="./" id="aspnetForm"><main><ul>{ITEMS}</ul></main></form></body>',
        f'<body><form id="aspnetForm"><nav><a href="/">Start</a></nav><h1>Nyheter</h1><ul>{ITEMS}</ul></form></body>',
        f'<body><p>Meny</p><form id="aspnetForm"><script>var a</script><ul>{ITEMS}</ul></form></body>',
        f'<body class="page cookies-accepted"><main><ul>{ITEMS}</ul></main></body>',
        f'<body class="page cookies-accepted"><ul>{ITEMS}</ul></body>',
        f'<body><div class="page has-pagination"><main><ul>{ITEMS}</ul></main></div></body>',
        f'<body><div class="page has-pagination"><ul>{ITEMS}</ul></div></body>',
        f'<body><div class="page share"><h1>Nyheter</h1><ul>{ITEMS}</ul></div></body>',
        f'<body><main><div class="shared-content"><ul>{ITEMS}</ul></div></main></body>',
        f'<body><main><ul class="unrelated">{ITEMS}</ul></main></body>',
    ],
)
def test_a_listing_is_read_whatever_is_around_it(body: str, agency: Agency) -> None:
    assert listed(body, agency) == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("agency", AGENCIES)
@pytest.mark.parametrize(
    "around",
    [
        "<nav>{}</nav>",
        "<aside>{}</aside>",
        "<header>{}</header>",
        "<footer>{}</footer>",
        "<section><footer>{}</footer></section>",
        '<form action="/sok">{}</form>',
        '<article><nav class="amnen">{}</nav></article>',
        '<ol class="c-breadcrumb__list">{}</ol>',
        '<div class="relatedLinks">{}</div>',
        '<div class="block share-buttons">{}</div>',
        '<div class="cookiebanner">{}</div>',
        '<div class="pagination">{}</div>',
    ],
)
def test_furniture_lists_nothing(around: str, agency: Agency) -> None:
    body = f"<body><main><ul>{ITEMS}</ul>{around.format('<a href=/nyheter/annat>Annat</a>')}</main></body>"
    assert listed(body, agency) == ["0", "1", "2", "3", "4"]
