"""The same words in other clothes: what a CMS's editor leaves in the markup, and a theme's new
layout.
"""

from __future__ import annotations

import re
from itertools import count

PARAGRAPH = re.compile(r"<p(?P<attributes>[^>]*)>(?P<text>[^<]{40,})</p>")
PICTURE = re.compile(r'(<img[^>]* src=")([^"?]+)')
PLAIN_PARAGRAPH = re.compile('<p class="normal">')
INGRESS = re.compile(r'<p class="ingress">(.*?)</p>', re.DOTALL)
DESCRIPTION = re.compile(r'<meta name="description"[^>]*>')
TEXT = re.compile(r'<div id="Innehalltext">.*?<div class="sv-text-portlet-content">', re.DOTALL)
# an entry of a menu that holds no others, an icon, a style sheet, a page's state
PIECE = re.compile(
    r"<li\b[^>]*>(?:(?!</?(?:li|main)\b).)*</li>|<symbol\b.*?</symbol>|<style\b[^>]*>(?"
    r"P<style>[^<]+)</style>"
    r"|<script\b(?![^>]*ld\+json)[^>]*>(?P<state>[^<]+)</script>",
    re.DOTALL,
)
MAIN = re.compile(r"(<main[^>]*>)(.*)(</main>)", re.DOTALL)


def ruffle(html: str, times: int) -> str:
    """A page saved again `times` times without a word changed: line breaks, classes, comments, a
    picture's version.

    >>> ruffle("<main><p>Länsstyrelsen mäter varje vecka, och rapporterar sedan.</p></main>", 0)
    '<main><p>Länsstyrelsen mäter varje vecka, och rapporterar sedan.</p></main>'
    """
    if not times:
        return html

    def dress(found: re.Match[str]) -> str:
        text = found["text"].replace(", ", f",\n{' ' * times}").replace(". ", ".  ")
        more = f'data-block="{times}" style="margin:0 0 {times}px"'
        return f"<!-- v{times} --><p{found['attributes']} {more}>{text} </p>\n"

    return PICTURE.sub(rf"\1\2?v={times}", PARAGRAPH.sub(dress, html))


def relayout(html: str, layout: int) -> str:
    """A page in the same CMS's theme number `layout`: a grid around the text, a new header, other
    classes beside.
    """
    if not layout:
        return html
    shell = f"theme{layout}-grid theme{layout}-grid--article"
    html = MAIN.sub(
        rf'\1<div class="{shell}"><div class="theme{layout}-col-8">\2</div></div>\3', html, count=1
    )
    html = re.sub(r'<(h1|h2|figure|article|section|ul)( class=")', rf"<\1\2theme{layout}-\1 ", html)
    mark = f'<span class="theme{layout}-mark"></span>'
    banner = f'<div class="theme{layout}-topbar" role="presentation">{mark}</div>'
    return put_banner(html, banner)


def put_banner(html: str, banner: str) -> str:
    """A page with a notice above everything else, as sites show it on every page in a crisis."""
    return re.sub(r"(<body[^>]*>)", lambda found: found[1] + banner, html, count=1)


def bury(html: str) -> str:
    """A page whose theme prints the lead as the first of the paragraphs, and tells it nowhere else:
    for any rule that knew it by its class or place it is gone.
    """
    lead = INGRESS.search(html)
    if lead is None:
        raise ValueError("no lead to bury: the page is in another design")
    html = DESCRIPTION.sub("", html.replace(lead[0], "", 1))
    numbers = count(1)  # each paragraph has a class of its own, so that none of them is set apart
    html = PLAIN_PARAGRAPH.sub(lambda _: f'<p class="normal n{next(numbers)}">', html)
    return TEXT.sub(lambda found: f'{found[0]}<p class="puff">{lead[1]}</p>', html, count=1)


def weigh(html: str, size: int) -> str:
    """A page of about `size` bytes: of all that surrounds its text, menus, icons, styles and state
    alike, so much less or more.

    >>> page = "<body><nav>" + "<li><a href='/a'>Ett</a></li>" * 9 + "</nav><main><p>Text</p></main></body>"
    >>> [len(weigh(page, size)) for size in (200, 600)]
    [222, 599]
    """
    before, main, after = html.rpartition("</main>")
    start = before.rfind("<main") if main else 0
    around = [before[:start], after]
    share = (size - len(html.encode())) / max(
        1, sum(len(found[0].encode()) for found in PIECE.finditer("".join(around)))
    )
    owed = 0.0  # characters that are to be put in, or left out where it is less than 0

    def change(found: re.Match[str]) -> str:
        nonlocal owed
        piece, text = found[0], found["style"] or found["state"]
        if text:
            return piece.replace(text, (text * (2 + int(share)))[: int(len(text) * (1 + share))], 1)
        owed += share * len(piece)
        times = max(0, 1 + int(owed / len(piece)))
        owed -= (times - 1) * len(piece)
        return piece * times

    return PIECE.sub(change, around[0]) + before[start:] + main + PIECE.sub(change, around[1])
