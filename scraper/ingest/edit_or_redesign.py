"""Distinguishes edits by an agency from changes that only a redesign or a new parser caused.

Two versions of a page are compared by their templates (class names and ids), texts and links, and
by the states that were parsed from them.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from hashlib import blake2b
from pathlib import PurePosixPath
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from lxml import etree, html

from archive.database.models import Release, hash_state, omit_unknown_lists
from archive.store.releases import StoredRelease
from scraper.agency import Agency
from scraper.errors import NotARelease, PageError
from scraper.items import ReleaseItem
from scraper.normalise import to_release
from scraper.normalise.page_urls import extract_host, resolve_canonical_url
from scraper.pages import open_document, read_document
from scraper.pages.document import Document, get_text_content

# (text, target) of links, by `to_comparable_text` and `_normalise_link_target`
LinkSet = frozenset[tuple[str, str]]

# Templates
# share of all names that both templates have; edits add few names, most redesigns replace many
MIN_TEMPLATE_OVERLAP = 0.7
MIN_TEMPLATE_NAMES = 10  # pages with fewer names cannot be compared
# css-1x2y3z, sv-2.33, ng-tns: change with each build
GENERATED_NAME = re.compile(r"\d|^.{1,2}$|[a-z][A-Z].*[a-z][A-Z]")
# change it whenever other names are chosen or hashed differently: stored fingerprints are then
# ignored
FINGERPRINT_VERSION = b"\x01"
NAME_HASH_BYTES = 8  # enough that two names of a page practically never have the same hash

# Texts
MIN_CONTAINED_LENGTH = 40  # characters; a shorter paragraph may be part of another text by chance
TEXT_ELEMENTS = (
    *(
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
    ),
    "figcaption",
)
DATE_LENGTH = len("2024-03-01")  # length of a date in ISO 8601; a month alone is shorter

# Links
EXTERNAL_PREFIX = "//"  # prefix of a normalised target on another site
# last digits of a telephone number, which are the same with and without country code
PHONE_DIGITS = 7

logger = logging.getLogger(__name__)


class PageVersion:
    """The HTML of a page at one point in time, loaded and parsed at most once, and only if needed.

    load_body: a function that returns the page's bytes, or None if they are missing.
    document, template: the parsed page and its fingerprint, if they have already been computed.
    """

    def __init__(
        self,
        url: str,
        load_body: Callable[[], bytes | None],
        *,
        document: Document | None = None,
        template: bytes | None = None,
    ) -> None:
        self.url, self._load_body = url, load_body
        self._texts: dict[str, PageText] = {}
        if document is not None:
            self.document = document
        # a fingerprint of another version cannot be compared
        if template and template.startswith(FINGERPRINT_VERSION):
            self.template = template

    @cached_property
    def body(self) -> bytes | None:
        return self._load_body()

    @cached_property
    def document(self) -> Document | None:
        """Return the parsed page, or None if its bytes are missing.

        Raises NotARelease if the page is not HTML.
        """
        return None if self.body is None else open_document(self.body, self.url)

    @cached_property
    def template(self) -> bytes | None:
        """Return the fingerprint of the page's template, or None if the page's bytes are missing.

        Raises NotARelease if the page is not HTML.
        """
        return None if self.document is None else fingerprint_template(self.document)

    def text(self, url: str) -> PageText | None:
        """Return the page's text, or None if its bytes are missing.

        Links are resolved as if the page had been fetched at `url`.
        """
        if url not in self._texts and self.document is not None:
            root = self.document.root
            texts = frozenset(
                to_comparable_text(get_text_content(element))
                for element in root.iter(*TEXT_ELEMENTS)
            )
            links = _extract_links(root, self.document.resolve_base_url(url))
            text = to_comparable_text(get_text_content(root))
            self._texts[url] = PageText(text, texts, links, self.document.text)
        return self._texts.get(url)


def reparse_stored(
    stored: StoredRelease, version: PageVersion, url: str, agency: Agency
) -> tuple[Release | None, ReleaseItem | None]:
    """Parse a stored page with the current parser, and return the release and its item.

    Returns (None, None) if the page's bytes are missing or cannot be parsed.
    """
    try:
        if version.document is None:
            return None, None
        item = read_document(version.document.copy(), agency)
        return replace(to_release(item), url=url), item
    except PageError as error:
        logger.warning(
            "%s: today's rules cannot read the capture of revision %d: %s",
            url,
            stored.revision_id,
            error,
        )
        return None, None


def find_change_cause(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    old: PageVersion | None,
    new: PageVersion,
    url: str,
    *,
    redesigned: bool = False,
    url_changed: bool = False,
) -> str:
    """Return the cause of a change: `source` if the agency changed the text, otherwise `parser`.

    A redesign moves and renames the elements from which fields are parsed. Therefore, if the
    template is new, a paragraph that is in only one of the two states, but word for word on both
    pages, counts as not edited, because it was parsed from only one of the pages. The same applies
    to dates, files, contacts and link targets.

    before, after: the release's state before and after the change.
    old, new: the versions of the page. `old` is the newest stored version.
    redesigned: whether the template is known to be new, even if the two templates look similar.
    url_changed: whether the page was at another URL before, so that linked pages of the site may
        also have moved.
    """
    if hash_state(omit_unknown_lists(after, before)) == hash_state(before):
        return "parser"  # the stored state only lacks what was not parsed then
    if old is None or not (redesigned or is_redesign(old, new)):
        return "source"
    old_page, new_page = old.text(url), new.text(url)
    if old_page is None or new_page is None:
        return "source"
    comparison = StateComparison(before, after, old_page, new_page, url)
    return "source" if comparison.is_edited(url_changed=url_changed) else "parser"


def is_redesign(old: PageVersion, new: PageVersion) -> bool:
    """Return whether a page's template was replaced. Returns False if this cannot be determined."""
    overlap = _compare_templates(old, new)
    # the templates have too few names in common
    return overlap is not None and overlap < MIN_TEMPLATE_OVERLAP


def has_same_template(one: PageVersion, other: PageVersion) -> bool:
    """Return whether two pages have the same template.

    Returns False if this cannot be determined.
    """
    return (_compare_templates(one, other) or 0) >= MIN_TEMPLATE_OVERLAP


def _compare_templates(old: PageVersion, new: PageVersion) -> float | None:
    """Return the share (0 to 1) of two templates' class names and ids that is in both templates.

    Returns None if the templates have too few class names and ids, or if either page cannot be
    parsed.
    """
    try:
        if old.template is None or new.template is None:
            return None
        both, either = count_template_names(old.template, new.template)
    except NotARelease:
        return None
    return both / either if either >= MIN_TEMPLATE_NAMES else None


def count_template_names(old: bytes, new: bytes) -> tuple[int, int]:
    """Return how many class names and ids are in both templates, and how many are in at least one.

    old, new: fingerprints made by `fingerprint_template`.
    """
    old_names, new_names = (
        {
            template[start : start + NAME_HASH_BYTES]
            for start in range(len(FINGERPRINT_VERSION), len(template), NAME_HASH_BYTES)
        }
        for template in (old, new)
    )
    return len(old_names & new_names), len(old_names | new_names)


def fingerprint_template(document: Document) -> bytes:
    """Return the fingerprint of a page's template, computed from its class names and ids.

    It consists of a version byte and the sorted hashes of these names. The names themselves are not
    stored, because an id may contain the words of a heading that a takedown hides.
    """
    hashes = {
        found
        for tag, value in _collect_attributes(document)
        for found in _hash_template_names(tag, value)
    }
    return FINGERPRINT_VERSION + b"".join(sorted(hashes))


def _collect_attributes(document: Document) -> set[tuple[str, str]]:
    """Return the classes and ids in a page, each with the tag of its element."""
    index = document.index
    by_class = {
        (cast("str", element.tag), classes)
        for classes, elements in index.by_class.items()
        for element in elements
    }
    return by_class | {(cast("str", element.tag), name) for element, name in index.ids.items()}


# The pages of a site have most names in common.
@lru_cache(maxsize=4096)
def _hash_template_names(tag: str, value: str) -> tuple[bytes, ...]:
    names = (f"{tag}.{name}" for name in value.split() if not GENERATED_NAME.search(name))
    return tuple(blake2b(name.encode(), digest_size=NAME_HASH_BYTES).digest() for name in names)


@dataclass(frozen=True, slots=True)
class PageText:
    """A page's text, the texts of its elements, its links and its HTML.

    The texts are in the form that `to_comparable_text` returns.
    """

    text: str
    element_texts: frozenset[str]
    links: LinkSet
    source: str

    def contains(self, paragraphs: set[str]) -> bool:
        """Return whether the page contains all paragraphs.

        A short paragraph must be the whole text of an element.
        """
        return all(
            part in self.element_texts or (len(part) >= MIN_CONTAINED_LENGTH and part in self.text)
            for part in paragraphs
        )

    def mentions(self, value: str) -> bool:
        """Return whether a date or a file name occurs in the page's text or HTML."""
        return value in self.source or to_comparable_text(value) in self.text

    def links_to(self, target: str) -> bool:
        return (
            any(linked == target for _, linked in self.links) or target.lstrip("/") in self.source
        )

    def has_link(self, link_text: str, target: str) -> bool:
        return any(linked == target and link_text in text for text, linked in self.links)


def to_comparable_text(text: str) -> str:
    """Return a text in lower case, without white space and without a dash at its beginning.

    A redesign may change case, white space and dashes.

    >>> to_comparable_text("–\\u00a0Vi HAR  öppet.")
    'viharöppet.'
    """
    return "".join(unicodedata.normalize("NFKC", text).casefold().split()).lstrip("-–—−‒―‐‑•")


def iter_paragraphs(state: Mapping[str, Any]) -> Iterator[str]:
    """Yield the paragraphs of a state, including questions and answers.

    They are in the form that `to_comparable_text` returns.
    """
    parts = [state["title"], state["lead"], state["body"]]
    parts += [
        text
        for question in state["questions"] or ()
        for text in (question["question"], question["answer"])
    ]
    for part in filter(None, parts):
        yield from filter(None, map(to_comparable_text, part.split("\n")))


def identify_part(part: Mapping[str, Any]) -> str:
    """Return a text that identifies an attachment or a contact.

    For an attachment, the text is the file name. For a contact, it is the first of these that is
    set: email address, phone number, name, role.
    """
    if "url" in part:
        return str(part["url"]).rstrip("/").rpartition("/")[2]
    return str(part["email"] or part["phone"] or part["name"] or part["role"])


@dataclass(frozen=True, slots=True)
class StateComparison:
    """Two states of a release, before and after a redesign, with the pages they were parsed from.

    If a text is in only one of the states but on both pages, it was not edited. It was parsed from
    only one of the pages.
    """

    before: Mapping[str, Any]
    after: Mapping[str, Any]
    old_page: PageText
    new_page: PageText
    url: str

    def paragraphs_differ(self) -> bool:
        was, now = set(iter_paragraphs(self.before)), set(iter_paragraphs(self.after))
        return not self.old_page.contains(now - was) or not self.new_page.contains(was - now)

    def dates_differ(self) -> bool:
        """Return whether the agency changed a date to another day.

        A date that is in only one of the states does not count. Two different dates do not count
        either if both pages contain both of them.
        """
        for name in ("published", "updated"):
            was, now = self.before[name], self.after[name]
            if (
                not was
                or not now
                or now.startswith(was[:DATE_LENGTH])
                or was.startswith(now[:DATE_LENGTH])
            ):
                continue
            if not self.old_page.mentions(self.after[f"{name}_text"] or now):
                return True
            if not self.new_page.mentions(self.before[f"{name}_text"] or was):
                return True
        return False

    def files_or_contacts_differ(self) -> bool:
        for name in ("attachments", "contacts"):
            was, now = (
                {identify_part(part) for part in state[name] or ()}
                for state in (self.before, self.after)
            )
            if not all(map(self.old_page.mentions, now - was)) or not all(
                map(self.new_page.mentions, was - now)
            ):
                return True
        return False

    def is_edited(self, *, url_changed: bool) -> bool:
        """Return whether the agency edited anything.

        url_changed: whether the page's URL has changed. If so, links are not compared.
        """
        return (
            self.paragraphs_differ()
            or self.dates_differ()
            or self.files_or_contacts_differ()
            or (not url_changed and self.links_differ())
        )

    def links_differ(self) -> bool:
        """Return whether a link's target changed, or whether an external link was added or removed.

        New targets on the page's own site do not count if most internal links with unchanged texts
        have new targets, because this means that a redesign changed the site's URLs.
        """
        was, now = _read_state_links(self.before, self.url), _read_state_links(self.after, self.url)
        removed = _select_links_without(was - now, self.new_page)
        added = _select_links_without(now - was, self.old_page)
        old_targets, new_targets = _group_links_by_text(removed), _group_links_by_text(added)
        kept = self.keeps_internal_urls(ignored_texts=old_targets.keys() | new_targets.keys())
        for text in old_targets.keys() & new_targets.keys():
            old, new = old_targets[text], new_targets[text]
            if _has_other_target(old, new, internal_urls_kept=kept):
                return True
            if _has_other_target(new, old, internal_urls_kept=kept):
                return True
        unpaired = [(target, self.new_page) for text, target in removed if text not in new_targets]
        unpaired += [(target, self.old_page) for text, target in added if text not in old_targets]
        return any(
            target.startswith(EXTERNAL_PREFIX) and not page.links_to(target)
            for target, page in unpaired
        )

    def keeps_internal_urls(self, *, ignored_texts: Iterable[str]) -> bool:
        """Return whether the redesign left most of the site's own URLs unchanged.

        At least half of the internal links with unchanged texts must have unchanged targets.

        ignored_texts: the texts of links that are not counted.
        """
        before, after = (
            _group_links_by_text(link for link in page.links if _is_internal_page(link[1]))
            for page in (self.old_page, self.new_page)
        )
        same = [
            bool(before[text] & after[text])
            for text in (before.keys() & after.keys()) - set(ignored_texts)
        ]
        return 2 * sum(same) >= len(same)


def _read_state_links(state: Mapping[str, Any], url: str) -> LinkSet:
    """Return the links in a state's body, without links to its attachments."""
    files = {_normalise_link_target(part["url"], url) for part in state["attachments"] or ()}
    if not state["body_html"]:
        return frozenset()
    links = _extract_links(html.fragment_fromstring(state["body_html"], create_parent="div"), url)
    return frozenset(link for link in links if link[1] not in files)


def _extract_links(root: etree._Element, base_url: str) -> LinkSet:
    found = (
        (
            to_comparable_text(get_text_content(a)),
            _normalise_link_target(a.get("href") or "", base_url),
        )
        for a in root.iter("a")
    )
    return frozenset((text, target) for text, target in found if text and target)


def _normalise_link_target(href: str, base_url: str) -> str:
    """Return a link's target in a form in which links can be compared.

    A link to a page loses its scheme and "www.". It also loses its host if this is the host of the
    page that contains the link.

    >>> _normalise_link_target("https://www.ek.se/a/?utm_source=x#b", "https://ek.se/c")
    '/a'
    >>> _normalise_link_target("http://www.al.se", "https://ek.se")
    '//al.se'
    >>> _normalise_link_target("mailto:A@ek.se?subject=b", "https://ek.se/")
    'mailto:a@ek.se'
    >>> _normalise_link_target("tel:+46 8-123 45 67", "https://ek.se/")
    'tel:1234567'
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
    return (
        path or "/"
        if extract_host(address) == extract_host(base_url)
        else f"//{extract_host(address)}{path}"
    )


def _group_links_by_text(links: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for text, target in links:
        found[text].add(target)
    return dict(found)


def _is_internal_page(target: str) -> bool:
    """Return whether a target is a page of the same site, but not the front page."""
    return target.startswith("/") and not target.startswith(EXTERNAL_PREFIX) and target != "/"


def _select_links_without(links: Iterable[tuple[str, str]], page: PageText) -> set[tuple[str, str]]:
    """Return those of `links` that are not on the page."""
    return {link for link in links if not page.has_link(*link)}


def _has_other_target(
    targets: Iterable[str], others: Iterable[str], *, internal_urls_kept: bool
) -> bool:
    """Return whether at least one of `targets` differs from all of `others`."""
    for target in targets:
        if all(
            _is_different_target(target, other, internal_urls_kept=internal_urls_kept)
            for other in others
        ):
            return True
    return False


def _is_different_target(before: str, after: str, *, internal_urls_kept: bool) -> bool:
    """Return whether two links with the same text lead to different pages.

    internal_urls_kept: whether the redesign left most URLs of the page's own site unchanged.

    >>> _is_different_target("/nyhet/regler.html", "/om/regler", internal_urls_kept=True)
    False
    >>> _is_different_target("/a", "/b", internal_urls_kept=False)
    False
    >>> _is_different_target("/a", "/b", internal_urls_kept=True)
    True
    >>> _is_different_target("//ek.se/a", "//al.se/a", internal_urls_kept=False)
    True
    """
    kinds = {target.partition(":")[0] if target[0] != "/" else "/" for target in (before, after)}
    if len(kinds) > 1:  # for example a form instead of a mail address
        return False
    if _is_internal_page(before) and _is_internal_page(after):
        parts = urlsplit(before), urlsplit(after)
        old, new = ((PurePosixPath(part.path).stem.lower(), part.query) for part in parts)
        return internal_urls_kept and old != new  # only the folders or the extension differ
    # a target on another site may be reached by a redirect on this one
    return (
        before.removeprefix(EXTERNAL_PREFIX) not in after
        and after.removeprefix(EXTERNAL_PREFIX) not in before
    )
