"""Finding the title: the heading a reader sees, checked against what the page declares."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from scraper.items import Evidence
from scraper.normalise.text import clean_line
from scraper.normalise.urls import host_of
from scraper.pages.document import Document, Element, declared_headline, declared_title, path_of, whole_text, words_of

SEPARATOR = re.compile(r"\s+[|–—·•»:-]+\s+|\s*[|»]\s*|\s+::?\s+")
STRAY_SPACE = re.compile(r" [:;,.](?: |$)")
SHORTEST_ALONE = 12  # an h1 that nothing confirms and that is shorter names a part of the page
MOST_WORDS_OF_NAME = 6  # "Myndigheten för samhällsskydd och beredskap (MSB)"
LETTERS = re.compile(r"[^\W_]+")
# A few words over the title, within its heading: what it is about, or the section.
KICKER = re.compile(
    r"(?:^|[\s_-])(?:kicker|overline|topline|eyebrow|dachzeile|roofline|spitzmarke|over-?title|pre-?title"
    r"|super-?title|super-?heading|vinjett|vignett?e)(?=$|[\s_-])",
    re.IGNORECASE,
)


def find_title(document: Document, main: Element) -> tuple[str, Evidence, Element | None] | None:
    """The title, where it came from, and its heading where it has one.

    A heading that the page's declared title confirms comes first; the first h1 alone is the agency's name or
    a menu's on many pages. Then the heading of the main element, then the declarations themselves.
    """
    site = names_of_site(document)
    shown = {key(whole_text(heading)) for heading in document.root.iter("h1")}
    declared = [
        without_site(text, site, shown)
        for text in (declared_title(document), declared_headline(document), document.title)
        if text
    ]
    headings = [(element, text) for element in document.root.iter("h1") if (text := heading_text(element, declared))]
    headings = [(element, text) for element, text in headings if key(text) not in site]
    ranked = sorted(
        (
            (agreement(text, declared), main in element.iterancestors(), len(text), element, text)
            for element, text in headings
        ),
        key=lambda row: row[:3],
    )
    if ranked:
        agreed, inside, _, element, text = ranked[-1]
        if agreed == 2 and is_section(text, declared, document.title):
            return declared[0], Evidence(rule="declared title, the h1 names its section", element="head"), element
        if agreed or inside or (len(ranked) == 1 and len(text) >= SHORTEST_ALONE):
            rule = "h1 the page declares too" if agreed else "h1 of the main element" if inside else "only h1"
            return best_spelling(text, declared), Evidence(rule=rule, element=path_of(element)), element
    stated = declared_headline(document) or declared_title(document)
    if stated:
        return without_site(stated, site, shown), Evidence(rule="declared title", element="head"), None
    if document.title:
        title = without_site(document.title, site, shown)
        return title.split(" | ")[0], Evidence(rule="title element", element="head"), None
    for _, _, _, element, text in ranked[:1]:
        return text, Evidence(rule="first h1", element=path_of(element)), element
    return None


def heading_text(heading: Element, declared: Sequence[str]) -> str:
    """What a heading says, without a kicker that has an element of its own within it and that no declared title has."""
    whole = clean_line(words_of(heading))
    if any(key(whole) in key(text) for text in declared):
        return whole
    kickers = [part for part in heading.iterdescendants() if KICKER.search(part.get("class") or "")]
    for kicker in kickers:
        words = clean_line(whole_text(kicker))
        if len(words) < len(whole) / 2:
            whole = clean_line(whole.removeprefix(words).removesuffix(words)).strip(" :|–—-") or whole
    return whole


def is_section(heading: str, declared: Sequence[str], title: str | None) -> bool:
    """Whether a heading is only one part of the document's title, and the declared title the other."""
    stated = key(declared[0])
    return bool(title) and len(stated) > 8 and stated in key(title or "") and key(heading) + stated == key(title or "")


def agreement(heading: str, declared: Sequence[str]) -> int:
    """How well the declared titles confirm a heading: 3 the first of them holds it or the other way round,
    2 another does, 1 they share most of their words.
    """
    shown = key(heading)
    for number, text in enumerate(declared):
        stated = key(text)
        if len(shown) > 3 and (shown in stated or (stated in shown and len(stated) > 12)):
            return 3 if number == 0 else 2
    ours = set(LETTERS.findall(heading.casefold()))
    shared = max((len(ours & set(LETTERS.findall(text.casefold()))) for text in declared), default=0)
    return 1 if len(ours) > 3 and shared > 0.7 * len(ours) else 0


def best_spelling(heading: str, declared: Sequence[str]) -> str:
    """The heading, or the declared title where it is the same words without a kicker or stray spaces."""
    shown = key(heading)
    for text in declared:
        stated = key(text)
        if len(stated) > 12 and shown.endswith(stated) and (shown != stated or STRAY_SPACE.search(heading)):
            return text
    return heading


def without_site(title: str, site: set[str], shown: Collection[str] = ()) -> str:
    """A declared title without the site's name at either end; whole where a heading (`shown`: keys) has it whole."""
    line = clean_line(title)
    parts = SEPARATOR.split(line)
    if len(parts) < 2 or key(line) in shown:
        return line
    if is_site(parts[-1], site):
        return line[: line.rindex(parts[-1])].rstrip(" |–—·•»:-")
    if is_site(parts[0], site):
        return line[len(parts[0]) :].lstrip(" |–—·•»:-")
    return line


def is_site(part: str, site: set[str]) -> bool:
    """Whether a part of a title names the site, and is no phrase that only speaks of it."""
    name = key(part)
    is_name = not part[:1].islower() and len(part.split()) <= MOST_WORDS_OF_NAME
    return bool(name) and any(
        name == known or (len(known) > 4 and ((is_name and known in name) or (name in known and len(name) > 3)))
        for known in site
    )


def names_of_site(document: Document) -> set[str]:
    """What the site calls itself, as keys."""
    host = host_of(document.url)
    stated: Sequence[str | None] = (
        document.meta.get("og:site_name"),
        document.meta.get("application-name"),
        host,
        host.rpartition(".")[0],
    )
    names = {key(name) for name in stated if name}
    return names | {key(part) for part in host.split(".")[:-1] if len(part) > 2}


def key(text: str) -> str:
    """A text's letters and digits, to compare it by."""
    return "".join(LETTERS.findall(text.casefold()))
