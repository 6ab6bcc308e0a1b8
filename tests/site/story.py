"""Edits some of the sample agencies' releases after their publication, for the demo.

Always the same, at a moment of its own, so that a second `make run` finds nothing that the first
did not.
"""

from __future__ import annotations

import re
from datetime import datetime

from tests.site.knobs import STOCKHOLM
from tests.site.server import Site

MOMENT = datetime(2026, 11, 20, 10, 15, tzinfo=STOCKHOLM)
NUMBER = re.compile(r"\d+")


def tell(site: Site) -> None:
    """Change two figures (one without a date), add a paragraph, correct a typo, move a release, and
    delete one.

    A figure in an attached file changes too.
    """
    site.set_clock(MOMENT)
    try:
        numbers = [
            url for url, truth in sorted(site.truth.items()) if NUMBER.search(truth.lead or "")
        ]
        silent, dated = numbers[0], numbers[-1]
        for url in (silent, dated):
            site.edit(url, {"lead": one_more(site.truth[url].lead or "")}, stamped=url == dated)
        added, mended, moved, deleted = [
            url for url in sorted(site.truth) if url not in (silent, dated)
        ][:28:7]
        more = ("p", "Uppgifterna har kompletterats i efterhand.")
        site.edit(added, {"blocks": (*site.truth[added].blocks, more)})
        site.edit(mended, {"title": f"{site.truth[mended].title}!"}, stamped=True)
        site.delete(deleted, 404)
        replace_paper(site, {silent, dated, added, mended, moved, deleted})
        site.move(
            moved, f"{site.address(moved)[1].rstrip('/').removesuffix('.html')}-2{ending(moved)}"
        )
    finally:
        site.clock.fixed = None


def replace_paper(site: Site, edited: set[str]) -> None:
    """Replace the first attached file with a figure, of a release that is not edited itself."""
    attached = [
        (site.agencies[release.agency].papers, paper.path)
        for url, release in sorted(site.truth.items())
        for paper in release.papers
        if url not in edited
    ]
    papers, path = next(
        (papers, path)
        for papers, path in attached
        if NUMBER.search(papers[path][0].partition("\n")[2])
    )
    title, newline, text = papers[path][0].partition("\n")
    papers[path] = (f"{title}{newline}{one_more(text)}", *papers[path][1:])


def one_more(text: str) -> str:
    """Return a text with its first figure increased by one.

    >>> one_more("Stödet räcker till 18 skolor av 40.")
    'Stödet räcker till 19 skolor av 40.'
    """
    return NUMBER.sub(lambda found: str(int(found[0]) + 1), text, count=1)


def ending(url: str) -> str:
    """Return the ending of the URLs of an agency's releases."""
    return ".html" if url.endswith(".html") else "/" if url.endswith("/") else ""
