"""Why a page reads otherwise than before: the agency edited it, or we read it otherwise (a new rule, a new design)."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from archive.captures import Captures
from archive.errors import ArchiveError
from archive.held import Held
from archive.records import Release
from archive.state import state_hash, without_unread
from scraper.agency import Agency
from scraper.errors import PageError
from scraper.links import links_differ
from scraper.normalise import to_release
from scraper.page_text import PageText, read_text, squeeze
from scraper.pages import read_page
from scraper.pages.skeleton import is_redesign

DAY = len("2024-03-01")  # of a date's text; a month alone is shorter

logger = logging.getLogger(__name__)


def reread(held: Held, captures: Captures, url: str, agency: Agency) -> tuple[Release | None, str | None]:
    """A release as today's rules read the bytes it is held from, and which rules these are.

    None where they cannot, or no bytes are kept.
    """
    body = read_bytes(captures, held.sha256)
    if body is None:
        return None, None
    try:
        item = read_page(body, url, agency)
        return replace(to_release(item), url=url), item.reader
    except PageError as error:
        logger.warning("%s: today's rules cannot read the capture of revision %d: %s", url, held.revision, error)
        return None, None


def read_bytes(captures: Captures, sha256: str | None) -> bytes | None:
    """Bytes that are kept; None where none are, or where they are damaged, which is told and stops nothing."""
    if sha256 is None:
        return None
    try:
        return captures.read(sha256)
    except ArchiveError as error:
        logger.warning("%s", error)
        return None


def find_cause(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    old: bytes | None,
    new: bytes,
    url: str,
    *,
    anew: bool = False,
    moved: bool = False,
) -> str:
    """`source` where the agency changed the text, `parser` where only our reading of it differs.

    before, after: the states; old, new: the bytes they were read from, `old` of the newest capture there is.
    A site's new design moves and renames what we read fields by. So where the design is new, no paragraph was
    edited that stands, word for word, somewhere on the other page as well: we told it from the text there and
    do not here, or the other way round; and so with dates, files, contacts and where links lead. anew: the design
    is known to be new, however alike the pages are built. moved: its page stood at another address, and so may all
    that its site's links lead to.
    """
    if state_hash(without_unread(after, before)) == state_hash(before):
        return "parser"  # the held state only lacks what was not read in its day
    if old is None or not (anew or is_redesign(old, new, url)):
        return "source"
    old_page, new_page = read_text(old, url), read_text(new, url)
    was, now = set(find_paragraphs(before)), set(find_paragraphs(after))
    read_otherwise = old_page.holds(now - was) and new_page.holds(was - now)
    edited = (
        not read_otherwise
        or dates_differ(before, after, old_page, new_page)
        or lists_differ(before, after, old_page, new_page)
        or (not moved and links_differ(before, after, old_page, new_page, url))
    )
    return "source" if edited else "parser"


def find_paragraphs(state: Mapping[str, Any]) -> Iterator[str]:
    """Every paragraph of a state, questions and answers too, as `squeeze` has it."""
    parts = [state["title"], state["lead"], state["body"]]
    parts += [text for question in state["questions"] or () for text in (question["question"], question["answer"])]
    for part in filter(None, parts):
        yield from filter(None, map(squeeze, part.split("\n")))


def dates_differ(before: Mapping[str, Any], after: Mapping[str, Any], old: PageText, new: PageText) -> bool:
    """Whether a date that both states tell is another day.

    Not where each page tells both: we read the one on the one page, the other on the other. A new design may also
    show a date that the old one did not, or leave it out.
    """
    for name in ("published", "updated"):
        was, now = before[name], after[name]
        if not was or not now or now.startswith(was[:DAY]) or was.startswith(now[:DAY]):
            continue
        if not (old.tells(after[f"{name}_text"] or now) and new.tells(before[f"{name}_text"] or was)):
            return True
    return False


def lists_differ(before: Mapping[str, Any], after: Mapping[str, Any], old: PageText, new: PageText) -> bool:
    """Whether files or contacts came or went that the other page does not name at all."""
    for name in ("attachments", "contacts"):
        was, now = ({tell(part) for part in state[name] or ()} for state in (before, after))
        if not all(part in old.source or squeeze(part) in old.whole for part in now - was):
            return True
        if not all(part in new.source or squeeze(part) in new.whole for part in was - now):
            return True
    return False


def tell(part: Mapping[str, Any]) -> str:
    """What a file or a contact is known by: its file name; its mail address, number or name."""
    if "url" in part:
        return str(part["url"]).rstrip("/").rpartition("/")[2]
    return str(part["email"] or part["phone"] or part["name"] or part["role"])
