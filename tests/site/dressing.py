"""The same words in other clothes: what a CMS's editor leaves in the markup, and a theme's new layout."""

from __future__ import annotations

import re

PARAGRAPH = re.compile(r"<p(?P<attributes>[^>]*)>(?P<text>[^<]{40,})</p>")
PICTURE = re.compile(r'(<img[^>]* src=")([^"?]+)')
INGRESS = re.compile(r'<p class="ingress">(.*?)</p>', re.DOTALL)
DESCRIPTION = re.compile(r'<meta name="description"[^>]*>')
TEXT = re.compile(r'<div id="Innehalltext">.*?<div class="sv-text-portlet-content">', re.DOTALL)
ENTRY = re.compile(r"<li\b[^>]*>(?:(?!</?(?:li|main)\b).)*</li>", re.DOTALL)  # of a menu: one that holds no others
MAIN = re.compile(r"(<main[^>]*>)(.*)(</main>)", re.DOTALL)


def ruffle(html: str, times: int) -> str:
    """A page saved again `times` times without a word changed: line breaks, classes, comments, a picture's version.

    >>> ruffle("<main><p>Länsstyrelsen mäter varje vecka, och rapporterar sedan.</p></main>", 0)
    '<main><p>Länsstyrelsen mäter varje vecka, och rapporterar sedan.</p></main>'
    """
    if not times:
        return html

    def dress(found: re.Match[str]) -> str:
        text = found["text"].replace(", ", f",\n{' ' * times}").replace(". ", ".  ")
        return (
            f'<!-- v{times} --><p{found["attributes"]} data-block="{times}" style="margin:0 0 {times}px">{text} </p>\n'
        )

    return PICTURE.sub(rf"\1\2?v={times}", PARAGRAPH.sub(dress, html))


def relayout(html: str, layout: int) -> str:
    """A page in the same CMS's theme number `layout`: a grid around the text, a new header, other classes beside."""
    if not layout:
        return html
    shell = f"theme{layout}-grid theme{layout}-grid--article"
    html = MAIN.sub(rf'\1<div class="{shell}"><div class="theme{layout}-col-8">\2</div></div>\3', html, count=1)
    html = re.sub(r'<(h1|h2|figure|article|section|ul)( class=")', rf"<\1\2theme{layout}-\1 ", html)
    banner = f'<div class="theme{layout}-topbar" role="presentation"><span class="theme{layout}-mark"></span></div>'
    return re.sub(r"(<body[^>]*>)", rf"\1{banner}", html, count=1)


def bury(html: str) -> str:
    """A page whose theme prints the lead as the first of the paragraphs, and tells it nowhere else: for any rule
    that knew it by its class or place it is gone.
    """
    lead = INGRESS.search(html)
    if lead is None:
        raise ValueError("no lead to bury: the page is in another design")
    html = DESCRIPTION.sub("", html.replace(lead[0], "", 1))
    return TEXT.sub(lambda found: f'{found[0]}<p class="puff">{lead[1]}</p>', html, count=1)


def weigh(html: str, size: int) -> str:
    """A page of about `size` bytes: entries of its menus left out, or a further menu of the same ones at its foot.

    >>> page = "<main><p>Text</p></main><nav><ul>" + "<li><a href='/a'>Ett</a></li>" * 9 + "</ul></nav></body>"
    >>> [len(weigh(page, size)) for size in (250, 600)]
    [225, 610]
    """
    excess = len(html.encode()) - size
    before, main, after = html.rpartition("</main>")
    start = before.rfind("<main")
    outside = [before[:start], after] if main else ["", html]
    if excess > 0:

        def leave_out(found: re.Match[str]) -> str:
            nonlocal excess
            if excess <= 0:
                return found[0]
            excess -= len(found[0].encode())
            return ""

        outside = [ENTRY.sub(leave_out, part) for part in outside]
        return outside[0] + before[start:] + main + outside[1] if main else outside[1]
    entries, menu = ENTRY.findall("".join(outside)), '<nav class="menu-all"><ul>'
    excess += len(menu) + len("</ul></nav>")
    while entries and excess < 0:
        for entry in entries:
            menu += entry
            excess += len(entry.encode())
            if excess >= 0:
                break
    return html.replace("</body>", f"{menu}</ul></nav></body>", 1)
