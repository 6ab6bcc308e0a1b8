"""Finds the title: the visible heading, checked against the titles that the page declares."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from scraper.items import Provenance
from scraper.normalise.conversion import normalise_kind
from scraper.normalise.page_urls import extract_host
from scraper.normalise.text_cleaning import cache_by_text, clean_line
from scraper.pages.boilerplate import is_linked_heading
from scraper.pages.document import (
    Document,
    Element,
    format_element_path,
    get_declared_headline,
    get_declared_title,
    get_inline_text_content,
    get_text_content,
    read_short_line,
)

TITLE_SEPARATOR = re.compile(r"\s+[|–—·•»:-]+\s+|\s*[|»]\s*|\s+::?\s+")
STRAY_SPACE = re.compile(r" [:;,.](?: |$)")
# characters; a shorter h1 that nothing confirms is the name of a section of the site
MIN_LONE_HEADING_LENGTH = 12
LOWER_HEADING_TAGS = ("h2", "h3", "h4")
OLD_HEADING_TAGS = ("th", "td", "p", "font", "strong", "b")  # of pages without headings
MAIN_TAGS = ("main", "article")
MENU_TAGS = ("a", "nav", "li", "head", "footer")
MIN_DECLARED_LENGTH = 8  # letters and digits; a shorter title may be a word of a menu
# characters by which a heading may be longer than its title: spaces and dots
MAX_HEADING_MARKUP = 5
MAX_SITE_NAME_WORDS = 6  # "Myndigheten för samhällsskydd och beredskap (MSB)"
LETTERS_AND_DIGITS = re.compile(r"[^\W_]+")
# A kicker: a few words above the title in its heading, with the subject or the section.
KICKER_CLASS = re.compile(
    r"(?:^|[\s_-])"
    r"(?:kicker|overline|topline|eyebrow|dachzeile|roofline|spitzmarke|over-?title|pre-?title"
    r"|super-?title|super-?heading|vinjett|vignett?e)(?=$|[\s_-])",
    re.IGNORECASE,
)


FoundTitle = tuple[str, Provenance, Element | None]


class RankedHeading(NamedTuple):
    """An h1 that may be the title.

    Headings are ranked by `score`, `is_start`, `is_in_main` and `length`, in this order.
    """

    score: int  # how well the declared titles confirm it
    is_start: bool
    is_in_main: bool
    length: int
    element: Element
    text: str


def find_title(
    document: Document, main: Element, start: Element | None = None
) -> FoundTitle | None:
    """Return the title, its provenance and its heading, or None if there is no title.

    The heading is None if the title is only declared.

    A heading that the declared title confirms ranks first, because on many pages the first h1 is
    the agency's name or belongs to a menu.

    start: the element at which the release starts, or None if it is unknown. It ranks first among
        headings that are equally well confirmed.
    """
    return TitleFinder(document, main, start).find()


class TitleFinder:
    """Finds the title of a page among the page's headings and declared titles."""

    def __init__(self, document: Document, main: Element, start: Element | None) -> None:
        self.document, self.main, self.start = document, main, start
        self.site_names = find_site_names(document)
        self.heading_keys = {
            build_comparison_key(get_text_content(heading))
            for heading in document.select_by_tag("h1")
        }
        self.declared = _list_declared_titles(document, self.site_names, self.heading_keys)
        self.headings = self.rank_headings()
        lower_tags = (*LOWER_HEADING_TAGS, *OLD_HEADING_TAGS)
        self.lower_start = start if start is not None and start.tag in lower_tags else None

    def find(self) -> FoundTitle | None:
        return (
            self.read_best_heading()
            or self.read_lower_start()
            or self.read_declared_title()
            or self.read_start_outside_text()
            or self.read_title_element()
            or self.read_lowest_heading()
        )

    def rank_headings(self) -> list[RankedHeading]:
        """Return the headings that may be the title, the best one last."""
        found: list[RankedHeading] = []
        for element in self.document.select_by_tag("h1"):
            text = _read_heading_text(element, self.declared)
            if _is_release_heading(text, self.site_names, self.declared):
                score, is_start = _score_heading(text, self.declared), element is self.start
                is_in_main = self.main in element.iterancestors()
                found.append(RankedHeading(score, is_start, is_in_main, len(text), element, text))
        return sorted(found, key=lambda heading: heading[:4])

    def read_best_heading(self) -> FoundTitle | None:
        """Return the best heading as the title.

        If that heading only names a section, the declared title is returned instead. Returns None
        if no h1 can be used.
        """
        if not self.headings:
            return None
        best = self.headings[-1]
        if best.score == 2 and _is_section_heading(best.text, self.declared, self.document.title):
            rule = "declared title, the h1 names its section"
            return self.declared[0], Provenance(rule=rule, element="head"), best.element
        if (why := self.confirm_heading(best)) is None:
            return None
        evidence = Provenance(rule=why, element=format_element_path(best.element))
        return _choose_title_spelling(best.text, self.declared), evidence, best.element

    def confirm_heading(self, best: RankedHeading) -> str | None:
        """Return why the best heading can be used as the title, or None if it cannot."""
        if best.score:
            return "h1 the page declares too"
        if best.is_in_main:
            return "h1 of the main element"
        is_lone = best.is_start or len(self.headings) == 1
        if is_lone and self.lower_start is None and best.length >= MIN_LONE_HEADING_LENGTH:
            return "only h1"
        return None

    def read_lower_start(self) -> FoundTitle | None:
        """Return, as the title, the element at which the release starts. Returns None unless this
        element is a heading below h1.
        """
        start = self.lower_start
        if start is None:
            return None
        evidence = Provenance(
            rule="element that the page declares", element=format_element_path(start)
        )
        return clean_line(get_inline_text_content(start)), evidence, start

    def read_declared_title(self) -> FoundTitle | None:
        declared = get_declared_headline(self.document) or get_declared_title(self.document)
        if not declared:
            return None
        title = strip_site_name(declared, self.site_names, self.heading_keys)
        return title, Provenance(rule="declared title", element="head"), None

    def read_start_outside_text(self) -> FoundTitle | None:
        """Return, as the title, the h1 at which the release starts.

        Returns None if there is no such h1, or if no declared title confirms it. The h1 may have
        been removed from the page.
        """
        if self.start is None or self.start.tag != "h1":
            return None
        text = _read_heading_text(self.start, self.declared)
        is_title = _is_release_heading(text, self.site_names, self.declared)
        if not is_title or not _score_heading(text, self.declared):
            return None
        return text, Provenance(rule="h1 outside the text", element="h1"), self.start

    def read_title_element(self) -> FoundTitle | None:
        if not self.document.title:
            return None
        whole = strip_site_name(self.document.title, self.site_names, self.heading_keys)
        title = _choose_title_part(whole, self.site_names)
        return title, Provenance(rule="title element", element="head"), None

    def read_lowest_heading(self) -> FoundTitle | None:
        if not self.headings:
            return None
        lowest = self.headings[0]
        evidence = Provenance(rule="first h1", element=format_element_path(lowest.element))
        return lowest.text, evidence, lowest.element


def _choose_title_part(title: str, site_names: set[str]) -> str:
    """Return the first part of a title that names neither a type of release nor the site.

    For "Nyheter | Exempelverket | Ny bro", this is "Ny bro".
    """
    parts = title.split(" | ")
    others = (
        part for part in parts if not _is_kind_word(part) and not _is_site_name(part, site_names)
    )
    return next(others, parts[0])


def _list_declared_titles(
    document: Document, site_names: set[str], heading_keys: Collection[str]
) -> list[str]:
    declared = (get_declared_title(document), get_declared_headline(document), document.title)
    return [strip_site_name(text, site_names, heading_keys) for text in declared if text]


def find_page_heading(document: Document) -> Element | None:
    """Return the only h1 of a page, or the h1 that the declared titles confirm best.

    Returns None if several different headings are equally good. If several headings have the same
    text, the last one is returned, because the earlier ones belong to a print version. If no h1 can
    be the heading, another element whose text is exactly a declared title may be returned.
    """
    site_names = find_site_names(document)
    declared = _list_declared_titles(document, site_names, ())
    headings = _list_page_headings(document, site_names, declared)
    if not any(_may_be_heading(heading, declared) for heading in headings):
        found = _find_declared_element(document.root, declared)
        if found is not None:
            return found
    if len(headings) < 2:
        return headings[0] if headings else None
    return _choose_confirmed_heading(headings, declared)


def _list_page_headings(
    document: Document, site_names: set[str], declared: Sequence[str]
) -> list[Element]:
    """Return the h1s that are not the site's name.

    Headings that are links are left out, unless all headings are links.
    """
    headings = [
        heading
        for heading in document.select_by_tag("h1")
        if not _is_site_heading(clean_line(get_text_content(heading)), site_names, declared)
    ]
    # the linked ones are those of teasers
    return [heading for heading in headings if not is_linked_heading(heading)] or headings


def _choose_confirmed_heading(
    headings: Sequence[Element], declared: Sequence[str]
) -> Element | None:
    """Return the heading that the declared titles confirm best.

    Returns None if several different headings are confirmed equally well.
    """
    texts = [get_text_content(heading) for heading in headings]
    keys = [build_comparison_key(text) for text in texts]
    scores = [_score_heading(text, declared) for text in texts]
    # of several that are part of a declared title, the longest one is the title
    ranks = [(score, len(key) if score > 1 else 0) for score, key in zip(scores, keys, strict=True)]
    best = [index for index, rank in enumerate(ranks) if rank == max(ranks)]
    return headings[best[-1]] if len({keys[index] for index in best}) == 1 else None


def _may_be_heading(heading: Element, declared: Sequence[str]) -> bool:
    """Return whether an h1 is in a main element or article, or is confirmed by a declared title."""
    is_in_main = any(
        part.tag in MAIN_TAGS or part.get("role") == "main" for part in heading.iterancestors()
    )
    return is_in_main or _score_heading(clean_line(get_text_content(heading)), declared) > 0


def _find_declared_element(root: Element, declared: Sequence[str]) -> Element | None:
    """Return the first element, other than an h1, whose text is exactly a declared title.

    Returns None if there is no such element. Lower headings are tried before cells and paragraphs.
    """
    keys = {key for key in map(build_comparison_key, declared) if len(key) >= MIN_DECLARED_LENGTH}
    longest = max(map(len, declared), default=0)
    for tags in (LOWER_HEADING_TAGS, OLD_HEADING_TAGS):
        for element in root.iter(*tags) if keys else ():
            line = read_short_line(element, longest + MAX_HEADING_MARKUP)
            if line and build_comparison_key(line) in keys and not _is_in_menu(element):
                return element
    return None


def _is_in_menu(element: Element) -> bool:
    return (
        element.find(".//a") is not None
        or next(element.iterancestors(*MENU_TAGS), None) is not None
    )


def is_declared_heading(heading: Element, document: Document) -> bool:
    """Return whether the page's declared titles confirm a heading."""
    declared = _list_declared_titles(document, find_site_names(document), ())
    return _score_heading(clean_line(get_text_content(heading)), declared) > 0


def _read_heading_text(heading: Element, declared: Sequence[str]) -> str:
    """Return the text of a heading without its kicker (a child element with a class for kickers).

    The whole text is returned if a declared title contains it.
    """
    whole = clean_line(get_inline_text_content(heading))
    if any(build_comparison_key(whole) in build_comparison_key(text) for text in declared):
        return whole
    kickers = [
        part for part in heading.iterdescendants() if KICKER_CLASS.search(part.get("class") or "")
    ]
    for kicker in kickers:
        words = clean_line(get_text_content(kicker))
        rest = clean_line(whole.removeprefix(words).removesuffix(words)).strip(" :|–—-")
        if rest and (len(words) < len(whole) / 2 or rest in declared):
            whole = rest
    return whole


def _is_section_heading(heading: str, declared: Sequence[str], title: str | None) -> bool:
    """Return whether a heading only names the section in a page title such as "Section - Title".

    "Title" must be the declared title and longer than the section's name. In "Title - Site", the
    second part is usually shorter.
    """
    heading_key, declared_key = build_comparison_key(heading), build_comparison_key(declared[0])
    is_longer = len(declared_key) > max(8, len(heading_key))
    return is_longer and heading_key + declared_key == build_comparison_key(title or "")


def _score_heading(heading: str, declared: Sequence[str]) -> int:
    """Return how well the declared titles confirm a heading, from 0 to 3.

    3: the first declared title contains the heading, or the heading contains that title. 2: this is
    true of another declared title. 1: a declared title contains most of the heading's words. 0:
    none of these.
    """
    heading_key = build_comparison_key(heading)
    for number, text in enumerate(declared):
        declared_key = build_comparison_key(text)
        is_contained = heading_key in declared_key or (
            declared_key in heading_key and len(declared_key) > 12
        )
        if len(heading_key) > 3 and is_contained:
            return 3 if number == 0 else 2
    return 1 if _shares_most_words(heading, declared) else 0


def _shares_most_words(heading: str, declared: Sequence[str]) -> bool:
    """Return whether a declared title contains most of a heading's words.

    Returns False if the heading has fewer than four words.
    """
    heading_words, *declared_words = (
        set(LETTERS_AND_DIGITS.findall(text.casefold())) for text in (heading, *declared)
    )
    shared = max((len(heading_words & words) for words in declared_words), default=0)
    return len(heading_words) > 3 and shared > 0.7 * len(heading_words)


def _choose_title_spelling(heading: str, declared: Sequence[str]) -> str:
    """Return the declared title if it differs from the heading only in a kicker or stray spaces.

    Otherwise returns the heading.
    """
    heading_key = build_comparison_key(heading)
    for text in declared:
        declared_key = build_comparison_key(text)
        differs = heading_key != declared_key or STRAY_SPACE.search(heading)
        if differs and len(declared_key) > 12 and heading_key.endswith(declared_key):
            return text
    return heading


def strip_site_name(title: str, site_names: set[str], heading_keys: Collection[str] = ()) -> str:
    """Return a declared title without the site's name at its beginning or end.

    The title is not shortened if a heading has the same text.
    """
    line = clean_line(title)
    parts = TITLE_SEPARATOR.split(line)
    if len(parts) < 2 or build_comparison_key(line) in heading_keys:
        return line
    if _is_site_name(parts[-1], site_names):
        return line[: line.rindex(parts[-1])].rstrip(" |–—·•»:-")
    if _is_site_name(parts[0], site_names):
        return line[len(parts[0]) :].lstrip(" |–—·•»:-")
    return line


def _is_site_name(part: str, site_names: set[str]) -> bool:
    """Return whether a part of a title is the site's name, and not a phrase with the name in it."""
    name = build_comparison_key(part)
    is_name = not part[:1].islower() and len(part.split()) <= MAX_SITE_NAME_WORDS
    return bool(name) and any(
        name == known
        or (len(known) > 4 and ((is_name and known in name) or (name in known and len(name) > 3)))
        for known in site_names
    )


def _is_release_heading(heading: str, site_names: set[str], declared: Sequence[str]) -> bool:
    """Return whether a heading can be the title of a release.

    Returns False if the heading is empty, or only names the site or a type of release.
    """
    is_label = _is_kind_word(heading) and heading not in declared
    return bool(heading) and not is_label and not _is_site_heading(heading, site_names, declared)


def _is_site_heading(heading: str, site_names: set[str], declared: Sequence[str]) -> bool:
    """Return whether a heading is only the site's name.

    A heading that a declared title confirms does not count, unless it is exactly the name.
    """
    if build_comparison_key(heading) in site_names:
        return True
    return (
        bool(declared)
        and _is_site_name(heading, site_names)
        and not _score_heading(heading, declared)
    )


def _is_kind_word(text: str) -> bool:
    """Return whether a text is only a word for a type of release, such as "Nyheter"."""
    return " " not in text and normalise_kind(text) is not None


def find_site_names(document: Document) -> set[str]:
    host = extract_host(document.url)
    declared: Sequence[str | None] = (
        document.meta.get("og:site_name"),
        document.meta.get("application-name"),
        host,
        host.rpartition(".")[0],
        *(text for text in document.home_link_texts if len(text.split()) <= MAX_SITE_NAME_WORDS),
    )
    names = {build_comparison_key(name) for name in declared if name}
    return names | {build_comparison_key(part) for part in host.split(".")[:-1] if len(part) > 2}


@cache_by_text()
def build_comparison_key(text: str) -> str:
    return "".join(LETTERS_AND_DIGITS.findall(text.casefold()))
