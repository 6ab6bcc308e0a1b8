"""Edit or redesign? page text, links, template fingerprint.

What a page says as text, whatever its design: for telling what an agency changed from what is read otherwise.

Whether a text's links lead elsewhere than they did, where the page's design is new and may write addresses anew.

Telling a redesign: whether two captures of a page are built alike, whatever they say.

Why a page reads otherwise than before: the agency edited it, or we read it otherwise (a new rule, a new design).
"""

from __future__ import annotations

import logging
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from lxml import etree, html

from archive.captures import Captures
from archive.database import ArchiveError
from archive.models import Release, hash_state, omit_unknown_lists
from archive.store import StoredRelease
from scraper.agency import Agency
from scraper.errors import NotARelease, PageError
from scraper.normalise import to_release
from scraper.normalise.urls import extract_host, resolve_canonical_url
from scraper.pages import read_page
from scraper.pages.document import Document, get_text_content

LinkSet = frozenset[tuple[str, str]]  # a link's words, as `squeeze` has them, and where it leads, as `to_target` does
MIN_CONTAINED_LENGTH = 40  # letters and marks of a paragraph that stands within another text
TEXT_ELEMENTS = (
    "p",
    "li",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "td",
    "th",
    "dt",
    "dd",
    "div",
    "span",
    "summary",
    "button",
    "figcaption",
)
PHONE_DIGITS = 7  # of a telephone number, the last so many: before them stands the country or not


@dataclass(frozen=True, slots=True)
class PageText:
    """What a page says, as `squeeze` has it: the whole, and the text of each element; its links and its source."""

    text: str
    element_texts: frozenset[str]
    links: LinkSet
    source: str

    def contains(self, paragraphs: set[str]) -> bool:
        """Whether all of some paragraphs stand on the page: each an element's text, or long enough to be no chance."""
        return all(
            part in self.element_texts or (len(part) >= MIN_CONTAINED_LENGTH and part in self.text)
            for part in paragraphs
        )

    def mentions(self, value: str) -> bool:
        """Whether some words, a date's or a file's name, stand on the page or are told in its source."""
        return value in self.source or to_comparable_text(value) in self.text

    def links_to(self, target: str) -> bool:
        """Whether the page leads to an address of another site, or has it in its source."""
        return any(told == target for _, told in self.links) or target.lstrip("/") in self.source

    def has_link(self, link_text: str, target: str) -> bool:
        """Whether a link of the page leads there by some words."""
        return any(told == target and link_text in link for link, told in self.links)


def read_page_text(html: bytes, url: str) -> PageText:
    """All text of a page."""
    document = Document(html, url)
    parts = {to_comparable_text(get_text_content(element)) for element in document.root.iter(*TEXT_ELEMENTS)}
    links = extract_links(document.root, document.base_url)
    return PageText(to_comparable_text(get_text_content(document.root)), frozenset(parts), links, document.text)


def extract_links(root: etree._Element, base_url: str) -> LinkSet:
    """The links below an element."""
    found = (
        (to_comparable_text(get_text_content(a)), normalise_link_target(a.get("href") or "", base_url))
        for a in root.iter("a")
    )
    return frozenset((words, target) for words, target in found if words and target)


def normalise_link_target(href: str, base_url: str) -> str:
    """Where a link leads: an address without scheme and www., one of the page's own site without its host.

    >>> normalise_link_target("https://www.ek.se/a/?utm_source=x#b", "https://ek.se/c"), normalise_link_target("http://www.al.se", "https://ek.se")
    ('/a', '//al.se')
    >>> normalise_link_target("mailto:A@ek.se?subject=b", "https://ek.se/"), normalise_link_target("tel:+46 8-123 45 67", "https://ek.se/")
    ('mailto:a@ek.se', 'tel:1234567')
    """
    scheme, _, rest = href.strip().partition(":")
    if scheme.lower() == "mailto":
        return f"mailto:{unquote(rest).partition('?')[0].strip().lower()}"
    if scheme.lower() == "tel":
        return "tel:" + "".join(filter(str.isdigit, rest))[-PHONE_DIGITS:]
    address = resolve_canonical_url(base_url, href)
    if not address or not address.lower().startswith("http"):
        return ""
    parts = urlsplit(address)
    path = parts.path.rstrip("/") + (f"?{parts.query}" if parts.query else "")
    return path or "/" if extract_host(address) == extract_host(base_url) else f"//{extract_host(address)}{path}"


def to_comparable_text(text: str) -> str:
    """Letters, figures and marks alone: white space, case and opening dashes are the design's.

    >>> to_comparable_text("–\\u00a0Vi HAR  öppet.")
    'viharöppet.'
    """
    return "".join(unicodedata.normalize("NFKC", text).casefold().split()).lstrip("-–—−‒―‐‑•")


EXTERNAL_PREFIX = "//"  # begins a link to another site


def links_differ(
    before: Mapping[str, Any], after: Mapping[str, Any], old_page: PageText, new_page: PageText, url: str
) -> bool:
    """Whether a link leads elsewhere by the same words, or one to another site came or went, in a text that stayed.

    Not where the other page has the link as well, of which we only read another part. Nor where the new design has
    written the addresses of its own site anew: it has, where most links of the page that have kept their words
    lead elsewhere.
    """
    was, now = read_state_links(before, url), read_state_links(after, url)
    gone = {link for link in was - now if not new_page.has_link(*link)}
    come = {link for link in now - was if not old_page.has_link(*link)}
    lost, found = group_links_by_text(gone), group_links_by_text(come)
    kept = keeps_internal_urls(old_page, new_page, ignored_texts=lost.keys() | found.keys())
    for words in lost.keys() & found.keys():
        for some, others in ((lost[words], found[words]), (found[words], lost[words])):
            if any(all(is_different_target(one, other, internal_urls_kept=kept) for other in others) for one in some):
                return True
    alone = [(target, new_page) for words, target in gone if words not in found]
    alone += [(target, old_page) for words, target in come if words not in lost]
    return any(target.startswith(EXTERNAL_PREFIX) and not page.links_to(target) for target, page in alone)


def read_state_links(state: Mapping[str, Any], url: str) -> LinkSet:
    """The links of a text, without those to its files, which are attachments."""
    files = {normalise_link_target(part["url"], url) for part in state["attachments"] or ()}
    if not state["body_html"]:
        return frozenset()
    links = extract_links(html.fragment_fromstring(state["body_html"], create_parent="div"), url)
    return frozenset(link for link in links if link[1] not in files)


def group_links_by_text(links: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """Where links lead, by their words."""
    found: dict[str, set[str]] = defaultdict(set)
    for words, target in links:
        found[words].add(target)
    return dict(found)


def keeps_internal_urls(old_page: PageText, new_page: PageText, *, ignored_texts: Iterable[str]) -> bool:
    """Whether a site's own addresses stand as they stood: most links to them that have kept their words do."""
    before, after = (
        group_links_by_text(link for link in page.links if is_internal_page(link[1])) for page in (old_page, new_page)
    )
    same = [bool(before[words] & after[words]) for words in (before.keys() & after.keys()) - set(ignored_texts)]
    return 2 * sum(same) >= len(same)


def is_internal_page(target: str) -> bool:
    """Whether a link leads to a page of its own site, other than the front page."""
    return target.startswith("/") and not target.startswith(EXTERNAL_PREFIX) and target != "/"


def is_different_target(before: str, after: str, *, internal_urls_kept: bool) -> bool:
    """Whether two links on the same words lead to different things. kept: the site's own addresses are as they were.

    >>> is_different_target("/nyhet/regler.html", "/om/regler", internal_urls_kept=True), is_different_target("/a", "/b", internal_urls_kept=False)
    (False, False)
    >>> is_different_target("/a", "/b", internal_urls_kept=True), is_different_target("//ek.se/a", "//al.se/a", internal_urls_kept=False)
    (True, True)
    """
    kinds = {target.partition(":")[0] if target[0] != "/" else "/" for target in (before, after)}
    if len(kinds) > 1:  # a form in place of a mail address, and the like
        return False
    if is_internal_page(before) and is_internal_page(after):
        return internal_urls_kept and not is_same_file_name(before, after)
    return (
        before.removeprefix(EXTERNAL_PREFIX) not in after and after.removeprefix(EXTERNAL_PREFIX) not in before
    )  # it may lead by way of the site


def is_same_file_name(before: str, after: str) -> bool:
    """Whether two paths of a site end alike: in another folder, with an extension or without."""
    names = [urlsplit(path) for path in (before, after)]
    ends = [(PurePosixPath(name.path).stem.lower(), name.query) for name in names]
    return ends[0] == ends[1]


MIN_TEMPLATE_OVERLAP = (
    0.7  # of all names that either capture uses, the share both do; an edit adds a few, a redesign most
)
MIN_TEMPLATE_NAMES = 10  # names, without which a page shows no design
GENERATED_NAME = re.compile(r"\d|^.{1,2}$|[a-z][A-Z].*[a-z][A-Z]")  # css-1x2y3z, sv-2.33, ng-tns: new at every build


def is_redesign(old_html: bytes, new_html: bytes, url: str) -> bool:
    """Whether a page was built anew between two captures of it. What holds no document tells of no design."""
    try:
        old, new = (find_template_names(Document(html, url).root) for html in (old_html, new_html))
    except NotARelease:
        return False
    return len(old | new) >= MIN_TEMPLATE_NAMES and len(old & new) < MIN_TEMPLATE_OVERLAP * len(old | new)


def find_template_names(root: etree._Element) -> set[str]:
    """The classes and ids a page is built with, each with its element's name; generated ones are left out."""
    names = set()
    for element in root.iter(etree.Element):
        for name in f"{element.get('class') or ''} {element.get('id') or ''}".split():
            if not GENERATED_NAME.search(name):
                names.add(f"{element.tag}.{name}")
    return names


DATE_LENGTH = len("2024-03-01")  # of a date's text; a month alone is shorter
logger = logging.getLogger(__name__)


def reparse_stored(
    stored: StoredRelease, captures: Captures, url: str, agency: Agency
) -> tuple[Release | None, str | None]:
    """A release as today's rules read the bytes it is held from, and which rules these are.

    None where they cannot, or no bytes are kept.
    """
    body = read_stored_body(captures, stored.sha256)
    if body is None:
        return None, None
    try:
        item = read_page(body, url, agency)
        return replace(to_release(item), url=url), item.reader
    except PageError as error:
        logger.warning("%s: today's rules cannot read the capture of revision %d: %s", url, stored.revision, error)
        return None, None


def read_stored_body(captures: Captures, sha256: str | None) -> bytes | None:
    """Bytes that are kept; None where none are, or where they are damaged, which is told and stops nothing."""
    if sha256 is None:
        return None
    try:
        return captures.read(sha256)
    except ArchiveError as error:
        logger.warning("%s", error)
        return None


def find_change_cause(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    old_html: bytes | None,
    new_html: bytes,
    url: str,
    *,
    redesigned: bool = False,
    url_changed: bool = False,
) -> str:
    """`source` where the agency changed the text, `parser` where only our reading of it differs.

    before, after: the states; old, new: the bytes they were read from, `old` of the newest capture there is.
    A site's new design moves and renames what we read fields by. So where the design is new, no paragraph was
    edited that stands, word for word, somewhere on the other page as well: we told it from the text there and
    do not here, or the other way round; and so with dates, files, contacts and where links lead. anew: the design
    is known to be new, however alike the pages are built. moved: its page stood at another address, and so may all
    that its site's links lead to.
    """
    if hash_state(omit_unknown_lists(after, before)) == hash_state(before):
        return "parser"  # the held state only lacks what was not read in its day
    if old_html is None or not (redesigned or is_redesign(old_html, new_html, url)):
        return "source"
    old_page, new_page = read_page_text(old_html, url), read_page_text(new_html, url)
    was, now = set(iter_paragraphs(before)), set(iter_paragraphs(after))
    read_otherwise = old_page.contains(now - was) and new_page.contains(was - now)
    edited = (
        not read_otherwise
        or dates_differ(before, after, old_page, new_page)
        or files_or_contacts_differ(before, after, old_page, new_page)
        or (not url_changed and links_differ(before, after, old_page, new_page, url))
    )
    return "source" if edited else "parser"


def iter_paragraphs(state: Mapping[str, Any]) -> Iterator[str]:
    """Every paragraph of a state, questions and answers too, as `squeeze` has it."""
    parts = [state["title"], state["lead"], state["body"]]
    parts += [text for question in state["questions"] or () for text in (question["question"], question["answer"])]
    for part in filter(None, parts):
        yield from filter(None, map(to_comparable_text, part.split("\n")))


def dates_differ(before: Mapping[str, Any], after: Mapping[str, Any], old_page: PageText, new_page: PageText) -> bool:
    """Whether a date that both states tell is another day.

    Not where each page tells both: we read the one on the one page, the other on the other. A new design may also
    show a date that the old one did not, or leave it out.
    """
    for name in ("published", "updated"):
        was, now = before[name], after[name]
        if not was or not now or now.startswith(was[:DATE_LENGTH]) or was.startswith(now[:DATE_LENGTH]):
            continue
        if not (old_page.mentions(after[f"{name}_text"] or now) and new_page.mentions(before[f"{name}_text"] or was)):
            return True
    return False


def files_or_contacts_differ(
    before: Mapping[str, Any], after: Mapping[str, Any], old_page: PageText, new_page: PageText
) -> bool:
    """Whether files or contacts came or went that the other page does not name at all."""
    for name in ("attachments", "contacts"):
        was, now = ({identify_part(part) for part in state[name] or ()} for state in (before, after))
        if not all(part in old_page.source or to_comparable_text(part) in old_page.text for part in now - was):
            return True
        if not all(part in new_page.source or to_comparable_text(part) in new_page.text for part in was - now):
            return True
    return False


def identify_part(part: Mapping[str, Any]) -> str:
    """What a file or a contact is known by: its file name; its mail address, number or name."""
    if "url" in part:
        return str(part["url"]).rstrip("/").rpartition("/")[2]
    return str(part["email"] or part["phone"] or part["name"] or part["role"])
