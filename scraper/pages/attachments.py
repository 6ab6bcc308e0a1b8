"""Finding the files a page links to."""

from __future__ import annotations

from scraper.items import AttachmentItem
from scraper.normalise.media import media_type
from scraper.normalise.text import clean_line
from scraper.pages.document import Document
from scraper.pages.elements import Element, whole_text
from scraper.pages.inline import without_note


def find_attachments(document: Document, scope: Element) -> list[AttachmentItem]:
    """Every linked file once, in the page's order; the title is the link's text, its size as told there."""
    files: dict[str, AttachmentItem] = {}
    for link in scope.iter("a"):
        href, download = link.get("href") or "", link.get("download")
        said = says_file(link)
        if "." not in href.partition("?")[0].rpartition("/")[2] and download is None and not said:
            continue  # most links; only a file's name or a download is worth making an address of
        url = (document.absolute(href) or "").partition("#")[0]  # a page of the file is that file
        if url and url not in files and (media_type(url) or download is not None or said):
            title = clean_line(without_note(whole_text(link))) or clean_line(link.get("title") or "")
            files[url] = AttachmentItem(url=url, title=title or url.rpartition("/")[2])
    return list(files.values())


def says_file(link: Element) -> bool:
    """Whether a link says itself that it leads to a file: by the type of its target (HTML, 4.6.1)."""
    kind = link.get("type") or ""
    return kind.startswith("application/") and "html" not in kind
