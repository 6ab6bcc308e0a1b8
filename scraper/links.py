"""Whether a text's links lead elsewhere than they did, where the page's design is new and may write addresses anew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from lxml import html

from scraper.page_text import Links, PageText, read_links, to_target

OTHERS = "//"  # begins a link to another site


def links_differ(before: Mapping[str, Any], after: Mapping[str, Any], old: PageText, new: PageText, url: str) -> bool:
    """Whether a link leads elsewhere by the same words, or one to another site came or went, in a text that stayed.

    Not where the other page has the link as well, of which we only read another part. Nor where the new design has
    written the addresses of its own site anew: it has, where most links of the page that have kept their words
    lead elsewhere.
    """
    was, now = read_state_links(before, url), read_state_links(after, url)
    gone = {link for link in was - now if not new.leads(*link)}
    come = {link for link in now - was if not old.leads(*link)}
    lost, found = by_words(gone), by_words(come)
    kept = keeps_addresses(old, new, except_for=lost.keys() | found.keys())
    for words in lost.keys() & found.keys():
        for some, others in ((lost[words], found[words]), (found[words], lost[words])):
            if any(all(is_elsewhere(one, other, kept=kept) for other in others) for one in some):
                return True
    alone = [(target, new) for words, target in gone if words not in found]
    alone += [(target, old) for words, target in come if words not in lost]
    return any(target.startswith(OTHERS) and not page.names(target) for target, page in alone)


def read_state_links(state: Mapping[str, Any], url: str) -> Links:
    """The links of a text, without those to its files, which are attachments."""
    files = {to_target(part["url"], url) for part in state["attachments"] or ()}
    if not state["body_html"]:
        return frozenset()
    links = read_links(html.fragment_fromstring(state["body_html"], create_parent="div"), url)
    return frozenset(link for link in links if link[1] not in files)


def by_words(links: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """Where links lead, by their words."""
    found: dict[str, set[str]] = defaultdict(set)
    for words, target in links:
        found[words].add(target)
    return dict(found)


def keeps_addresses(old: PageText, new: PageText, *, except_for: Iterable[str]) -> bool:
    """Whether a site's own addresses stand as they stood: most links to them that have kept their words do."""
    before, after = (by_words(link for link in page.links if is_path(link[1])) for page in (old, new))
    same = [bool(before[words] & after[words]) for words in (before.keys() & after.keys()) - set(except_for)]
    return 2 * sum(same) >= len(same)


def is_path(target: str) -> bool:
    """Whether a link leads to a page of its own site, other than the front page."""
    return target.startswith("/") and not target.startswith(OTHERS) and target != "/"


def is_elsewhere(one: str, other: str, *, kept: bool) -> bool:
    """Whether two links on the same words lead to different things. kept: the site's own addresses are as they were.

    >>> is_elsewhere("/nyhet/regler.html", "/om/regler", kept=True), is_elsewhere("/a", "/b", kept=False)
    (False, False)
    >>> is_elsewhere("/a", "/b", kept=True), is_elsewhere("//ek.se/a", "//al.se/a", kept=False)
    (True, True)
    """
    kinds = {target.partition(":")[0] if target[0] != "/" else "/" for target in (one, other)}
    if len(kinds) > 1:  # a form in place of a mail address, and the like
        return False
    if is_path(one) and is_path(other):
        return kept and not is_same_name(one, other)
    return (
        one.removeprefix(OTHERS) not in other and other.removeprefix(OTHERS) not in one
    )  # it may lead by way of the site


def is_same_name(one: str, other: str) -> bool:
    """Whether two paths of a site end alike: in another folder, with an extension or without."""
    names = [urlsplit(path) for path in (one, other)]
    ends = [(PurePosixPath(name.path).stem.lower(), name.query) for name in names]
    return ends[0] == ends[1]
