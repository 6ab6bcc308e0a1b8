"""Why a page reads otherwise than before: the agency edited it, or we read it otherwise (a new rule, a new design)."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from archive.captures import Captures
from archive.records import Release
from archive.state import state_hash, without_unread
from archive.writer import Held
from scraper.agency import Agency
from scraper.errors import PageError
from scraper.normalise import to_release
from scraper.pages import read_page
from scraper.pages.document import Document, whole_text
from scraper.pages.skeleton import is_redesign

logger = logging.getLogger(__name__)


def reread(held: Held, captures: Captures, url: str, agency: Agency) -> tuple[Release | None, str | None]:
    """A release as today's rules read the bytes it is held from, and which rules these are.

    None where they cannot, or no bytes are kept.
    """
    if held.sha256 is None:
        return None, None
    try:
        item = read_page(captures.read(held.sha256), url, agency)
        return replace(to_release(item), url=url), item.reader
    except PageError as error:
        logger.warning("%s: today's rules cannot read the capture of revision %d: %s", url, held.revision, error)
        return None, None


def find_cause(before: Mapping[str, Any], after: Mapping[str, Any], old: bytes | None, new: bytes, url: str) -> str:
    """`source` where the agency changed the text, `parser` where only our reading of it differs.

    before, after: the states; old, new: the bytes they were read from, `old` of the newest capture there is.
    A site's new design moves and renames what we read fields by. So where the design is new, no paragraph was
    edited that stands, word for word, somewhere on the other page as well: we told it from the text there and
    do not here, or the other way round.
    """
    if state_hash(without_unread(after, before)) == state_hash(before):
        return "parser"  # the held state only lacks what was not read in its day
    if old is None or not is_redesign(old, new, url):
        return "source"
    was, now = set(find_paragraphs(before)), set(find_paragraphs(after))
    read_otherwise = stand_in(now - was, old, url) and stand_in(was - now, new, url)
    return "parser" if read_otherwise else "source"


def find_paragraphs(state: Mapping[str, Any]) -> Iterator[str]:
    """Every paragraph of a state, questions and answers too, as `squeeze` has it."""
    parts = [state["title"], state["lead"], state["body"]]
    parts += [text for question in state["questions"] or () for text in (question["question"], question["answer"])]
    for part in filter(None, parts):
        yield from filter(None, map(squeeze, part.split("\n")))


def stand_in(paragraphs: set[str], html: bytes, url: str) -> bool:
    """Whether all of some paragraphs stand somewhere on a page."""
    if not paragraphs:
        return True
    page = squeeze(whole_text(Document(html, url).root))
    return all(paragraph in page for paragraph in paragraphs)


def squeeze(text: str) -> str:
    """Letters, figures and marks alone: white space, case and opening dashes are the design's.

    >>> squeeze("–\\u00a0Vi HAR  öppet.")
    'viharöppet.'
    """
    return "".join(unicodedata.normalize("NFKC", text).casefold().split()).lstrip("-–—−‒―‐‑•")
