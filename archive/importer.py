"""Imports releases of another collection: `python -m archive import FILE.jsonl[.gz] --agency SLUG`.

Imported releases are stored with the cause `import`. They are neither new nor edited, so feeds and registers do not
show them as such. Importing a file again changes nothing. Text that the archive has read from the agency's own page is
never replaced.
"""

from __future__ import annotations

import codecs
import difflib
import gzip
import json
import re
import sqlite3
import tomllib
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import MISSING, dataclass, field, fields
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import IO, Any, Literal, cast
from urllib.parse import urljoin, urlsplit

import nh3
from lxml import html
from markdown_it import MarkdownIt

from archive.captures import Captures
from archive.database import ArchiveError, ProgressCallback, map_in_order, open_readonly
from archive.dates import parse_time, to_iso
from archive.html import ALLOWED_ATTRIBUTES, ALLOWED_SCHEMES, ALLOWED_TAGS, REMOVED_ELEMENTS, filter_attribute
from archive.models import IMPORT_PREFIX, Attachment, Contact, Image, Question, Release
from archive.redaction import TAKEDOWN_KINDS
from archive.store import Archive, PreparedRelease, SaveResult, prepare_release
from archive.urls import canonical_url, strip_www

# Kinds
KIND_WORDS = {  # in Swedish and English, singular and plural, as in names of site sections
    "press release": "pressmeddelande pressmeddelanden pressreleaser",
    "opinion": "debattartikel debattartiklar debatt opinions",
    "speech": "tal anföranden speeches",
    "statement": "uttalande uttalanden statements",
    "interview": "intervju intervjuer interviews",
    "notice": "notis notiser notices",
    "consultation": "remiss remisser consultations",
    "decision": "beslut decisions",
    "report": "rapport rapporter reports",
    "regulation": "föreskrift föreskrifter regulations",
    "blog": "blogg bloggar blogs",
    "event": "evenemang events",
    "newsletter": "nyhetsbrev newsletters",
    "news": "nyhet nyheter",
    "article": "artikel artiklar articles",
}
KINDS_BY_WORD = {word: kind for kind, words in KIND_WORDS.items() for word in (kind, *words.split(" "))}

# Text
CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]+")
# soft hyphen, zero-width characters, word joiner, byte order mark
INVISIBLE_CHARACTERS = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]+")
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
MAX_COMBINING_CHARACTERS = 1000  # in a row, because normalising them takes quadratic time; no script has more than ten
SIGN_RUN = re.compile(rf"[^\w\s\x00-\x7f]{{{MAX_COMBINING_CHARACTERS},}}")  # \w has no combining characters
BLANK_LINES = re.compile(r"\n\s*\n+")
HYPHEN = re.compile("^- ", re.MULTILINE)
EMPTY_PARAGRAPH = re.compile(r"<p>\s*</p>\s*")
BLOCK_TAGS = {"h1", "h2", "h3", "h4", "h5", "h6", "p", "blockquote", "ul", "ol", "dl", "dt", "dd", "table", "div"}
MAX_NESTING = 100  # lists and blockquotes; markdown-it leaves out what is nested deeper
MARKDOWN = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": MAX_NESTING}).enable("table")
# libxml2 without huge_tree leaves out paragraphs of more than 10,000,000 characters
HTML_PARSER = html.HTMLParser(huge_tree=True)
MAX_HTML_LENGTH = 300_000_000  # characters, with complete URLs in its links; SQLite stores 1,000,000,000 bytes at most

# Fields
PART_TYPES: dict[str, type[Any]] = {
    "questions": Question,
    "images": Image,
    "attachments": Attachment,
    "contacts": Contact,
}
KNOWN_FIELDS = {
    *("agency", "url", "title", "lead", "body", "body_html", "kind", "published", "updated", "language", "tags"),
    *PART_TYPES,
}
LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
MIN_YEAR, MAX_YEAR = 1900, 2099  # the same range as in the crawler; systems write years outside it for an unknown date
MAX_URL_LENGTH = 2_083  # characters; Scrapy requests no longer ones
UNUSABLE_IMAGES = "body (images without a web address)"
MAX_SHOWN_LENGTH = 300  # characters of a message or of the name of a field


class FieldError(ValueError):
    """A field that cannot be imported, or a whole line (if `field` is None)."""

    def __init__(self, field: str | None, problem: str) -> None:
        self.field, self.problem = field, problem
        super().__init__(field, problem)  # so that it can be pickled

    def __str__(self) -> str:
        return self.problem


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedBody:
    """A body in the form that the archive stores."""

    text: str  # plain, with a blank line between paragraphs
    html: str  # sanitised
    images: tuple[Image, ...] = ()


def parse_release(row: Mapping[str, Any], agency: str) -> tuple[Release, list[str]]:
    """Parse the release of a line, and return it with the names of the fields that are not imported.

    Raises FieldError if a field is invalid.
    """
    if row.get("agency") not in (None, agency):
        raise FieldError("agency", f"is {row['agency']!r}, not {agency!r}")
    url = parse_url_field(row, "url")
    title = parse_text_field(row, "title", single_line=True)
    if not title:
        raise FieldError("title", "is missing")
    lead = parse_text_field(row, "lead")
    body = strip_lead(parse_body(row, url), lead)
    parts = {name: parse_parts(row, name) for name in PART_TYPES}
    usable_images = [image for image in body.images if is_web_url(image.url)]
    release = Release(
        agency=agency,
        url=url,
        title=title,
        lead=lead,
        body=body.text,
        body_html=body.html,
        kind=parse_kind(parse_text_field(row, "kind", single_line=True)),
        published=parse_time_field(row, "published"),
        published_text=parse_text_field(row, "published", single_line=True),
        updated=parse_time_field(row, "updated"),
        updated_text=parse_text_field(row, "updated", single_line=True),
        language=parse_language_field(row),
        tags=parse_tags_field(row),
        **{**parts, "images": (*parts["images"], *usable_images)},
    )
    unknown_fields = [name for name in row if name not in KNOWN_FIELDS and row[name] not in (None, [], "")]
    if len(usable_images) < len(body.images):
        unknown_fields.append(UNUSABLE_IMAGES)
    unknown_fields += [f"{name} (control characters)" for name in row if has_control_characters(row[name])]
    return release, unknown_fields


def has_control_characters(value: object) -> bool:
    """Return whether a text, or a text in a list or object, has characters such as NUL, which are left out."""
    if isinstance(value, str):
        return CONTROL_CHARACTERS.search(value) is not None
    parts = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    return any(map(has_control_characters, parts))


def shorten(text: str) -> str:
    """Return text for a message: without line breaks and the like, and without the middle if it is long.

    >>> shorten("a\\nb"), len(shorten("a" * 1000))
    ('a\\\\nb', 301)
    """
    printable = text if text.isprintable() else repr(text)[1:-1]
    return printable if len(printable) <= MAX_SHOWN_LENGTH else f"{printable[:200]}…{printable[-100:]}"


def parse_text_field(row: Mapping[str, Any], name: str, *, single_line: bool = False, parent: str = "") -> str | None:
    """Return a cleaned text, or None if it is absent or empty; raise FieldError if it is not text.

    parent: the path of the object, for the error.
    """
    value = row.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise FieldError(parent + name, "is not text")
    check_characters(parent + name, value)
    return (clean_line(value) if single_line else clean_text(value)) or None


def check_characters(name: str, text: str) -> None:
    """Raise FieldError if a text cannot be stored, or would take too long to normalise."""
    if LONE_SURROGATE.search(text):
        raise FieldError(name, "contains half of a UTF-16 surrogate pair")
    for signs in SIGN_RUN.findall(strip_invisible(text)):
        if sum(unicodedata.combining(sign) > 0 for sign in signs) >= MAX_COMBINING_CHARACTERS:
            raise FieldError(name, f"has {MAX_COMBINING_CHARACTERS} combining characters or more in a row")


def parse_url_field(row: Mapping[str, Any], name: str) -> str:
    """Return a URL in canonical form, as the crawler stores it; raise FieldError if it is invalid."""
    text = parse_text_field(row, name, single_line=True)
    if not text:
        raise FieldError(name, "is missing")
    if len(text) > MAX_URL_LENGTH:
        raise FieldError(name, f"is longer than {MAX_URL_LENGTH} characters")
    if has_control_characters(row[name]):
        raise FieldError(name, f"{row[name]!r} contains a control character")
    try:
        parts, url = urlsplit(text), canonical_url(text)
    except ValueError as error:
        raise FieldError(name, f"{text!r} is not a URL: {error}") from error
    if not is_web_url(text) or not parts.hostname or " " in text:
        raise FieldError(name, f"{text!r} is not a URL that begins with http:// or https://")
    return url


def parse_kind(text: str | None) -> str | None:
    """Return the English word for a kind of release. An unknown word is returned unchanged.

    >>> parse_kind("Pressmeddelanden"), parse_kind("artiklar"), parse_kind("Telegram"), parse_kind(None)
    ('press release', 'article', 'Telegram', None)
    """
    return KINDS_BY_WORD.get(text.casefold(), text) if text else None


def parse_time_field(row: Mapping[str, Any], name: str) -> datetime | date | None:
    """Return a datetime with UTC offset, a day, a month or None; raise FieldError if it is invalid."""
    text = parse_text_field(row, name, single_line=True)
    if text is None:
        return None
    try:
        value = parse_time(text)
    except ValueError as error:
        problem = f"{text!r} is not a time like 2024-03-15T09:30:00+01:00, 2024-03-15 or 2024-03"
        raise FieldError(name, problem) from error
    if isinstance(value, datetime) and value.tzinfo is None:
        raise FieldError(name, f"{text!r} has no UTC offset, such as +01:00")
    if value and not MIN_YEAR <= value.year <= MAX_YEAR:
        raise FieldError(name, f"{text!r} is not in a year from {MIN_YEAR} to {MAX_YEAR}")
    return value


def parse_language_field(row: Mapping[str, Any]) -> str | None:
    text = parse_text_field(row, "language", single_line=True)
    if text and not LANGUAGE_TAG.fullmatch(text):
        raise FieldError("language", f"{text!r} is not a language tag like sv or en-GB")
    return text


def parse_tags_field(row: Mapping[str, Any]) -> tuple[str, ...]:
    tags = parse_list_field(row, "tags")
    if not all(isinstance(tag, str) for tag in tags):
        raise FieldError("tags", "is not a list of strings")
    for index, tag in enumerate(tags):
        check_characters(f"tags[{index}]", tag)
    return tuple(dict.fromkeys(filter(None, map(clean_line, tags))))


def parse_list_field(row: Mapping[str, Any], name: str) -> list[Any]:
    value = row.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise FieldError(name, "is not a list")
    return value


def parse_body(row: Mapping[str, Any], url: str) -> ImportedBody:
    """Convert the body: `body` is Markdown, or the plain text of `body_html` if there is one."""
    markup, text = parse_text_field(row, "body_html"), parse_text_field(row, "body")
    name = "body" if markup is None else "body_html"
    try:
        if markup is None:
            return parse_markdown(text or "", url)
        body = sanitise_html(markup, url)
        return ImportedBody(text=text or body.text, html=body.html)
    except RecursionError as error:
        raise FieldError(name, "is nested too deeply") from error
    except ValueError as error:
        problem = error.problem if isinstance(error, FieldError) else f"contains an invalid URL: {error}"
        raise FieldError(name, problem) from error


def strip_lead(body: ImportedBody, lead: str | None) -> ImportedBody:
    """Remove the first paragraph of the body if it is the lead."""
    first, _, rest = body.text.partition("\n\n")
    head, end, tail = body.html.partition("</p>")
    if not lead or first.split() != lead.split() or html_to_text(head + end) != first:
        return body
    return ImportedBody(text=rest, html=tail.strip(), images=body.images)


def parse_parts(row: Mapping[str, Any], name: str) -> tuple[Any, ...]:
    """Parse a list field into objects such as Question or Image. Questions are numbered in order."""
    parts = parse_list_field(row, name)
    return tuple(parse_part(f"{name}[{index}]", part, PART_TYPES[name], index + 1) for index, part in enumerate(parts))


def parse_part(field_path: str, part: object, part_type: type[Any], position: int) -> Any:
    """Parse one object of a list field; raise FieldError for a member that the archive would lose."""
    if not isinstance(part, dict):
        raise FieldError(field_path, "is not an object")
    is_required = {part_field.name: part_field.default is MISSING for part_field in fields(part_type)}
    if unknown := set(part) - set(is_required):
        raise FieldError(f"{field_path}.{min(unknown)}", f"is not one of its fields: {', '.join(is_required)}")
    numbering = {"position": position} if "position" in is_required else {}
    values: dict[str, Any] = {
        name: parse_text_field(part, name, parent=f"{field_path}.") for name in is_required if name not in numbering
    }
    for name, value in values.items():
        if is_required[name] and not value:
            raise FieldError(f"{field_path}.{name}", "is missing")
    if "url" in values and not is_web_url(values["url"]):
        raise FieldError(f"{field_path}.url", f"{values['url']!r} is not a web address")
    if not any(values.values()):
        raise FieldError(field_path, "is empty")
    return part_type(**numbering, **values)


def is_web_url(url: str) -> bool:
    return url.lower().startswith(("http://", "https://"))


def parse_markdown(text: str, url: str) -> ImportedBody:
    """Convert CommonMark with tables. Line breaks are kept, and HTML in the text is shown as text.

    url: the release's URL, against which relative URLs are resolved.

    >>> parse_markdown("## Bakgrund\\n\\n- Det är bra, säger hon.\\n\\n* ett\\n* [två](/b)", "https://a.se/x").text
    'Bakgrund\\n\\n- Det är bra, säger hon.\\n\\n• ett\\n• två'
    """
    tokens = MARKDOWN.parse(escape_speech_hyphens(clean_text(text)))
    if any(token.nesting == 1 and token.level >= MAX_NESTING - 1 for token in tokens):
        raise FieldError(None, f"is nested deeper than {MAX_NESTING} levels")
    images = tuple(
        Image(url=urljoin(url, str(part.attrs["src"])), alt=part.content or None)
        for token in tokens
        for part in token.children or ()
        if part.type == "image"
    )
    return sanitise_html(MARKDOWN.renderer.render(tokens, MARKDOWN.options, {}), url, images)


def escape_speech_hyphens(text: str) -> str:
    """Escape a hyphen that starts only one line of a paragraph, because it marks speech, not a list.

    >>> escape_speech_hyphens("- Nej, säger hon.\\n\\n- ett\\n- två")
    '\\\\- Nej, säger hon.\\n\\n- ett\\n- två'
    """
    paragraphs = text.split("\n\n")
    return "\n\n".join(
        HYPHEN.sub(r"\\- ", paragraph) if len(HYPHEN.findall(paragraph)) == 1 else paragraph for paragraph in paragraphs
    )


def sanitise_html(text: str, url: str, images: tuple[Image, ...] = ()) -> ImportedBody:
    """Sanitise HTML and extract its text. h1 becomes h2, because the release already has a title."""
    demoted = re.sub(r"<(/?)h1\b", r"<\1h2", text, flags=re.IGNORECASE)
    if len(demoted) + demoted.lower().count("href") * len(url) > MAX_HTML_LENGTH:
        raise FieldError(None, f"would be longer than {MAX_HTML_LENGTH} characters with complete URLs in its links")
    clean = nh3.clean(
        demoted,
        tags=ALLOWED_TAGS,
        clean_content_tags=REMOVED_ELEMENTS,
        attributes=ALLOWED_ATTRIBUTES,
        attribute_filter=filter_attribute,
        url_schemes=ALLOWED_SCHEMES,
        url_relative=("rewrite_with_base", url),
    )
    clean = EMPTY_PARAGRAPH.sub("", clean).strip()
    return ImportedBody(text=html_to_text(clean), html=clean, images=images)


def html_to_text(markup: str) -> str:
    """Convert sanitised HTML to plain text, with one line per list item (• or number) or table row.

    >>> html_to_text("<p>a<br>b</p><ol><li>c</li></ol><table><tr><th>d</th><td>e</td></tr></table>")
    'a\\nb\\n\\n1. c\\n\\nd | e'
    """
    if not markup.strip():
        return ""
    root = html.fragment_fromstring(markup, create_parent="div", parser=HTML_PARSER)
    if faults := HTML_PARSER.error_log.filter_from_fatals():
        raise FieldError(None, f"cannot be read as HTML: {faults[0].message}")
    return "\n\n".join(block for block in iter_block_texts(root) if block)


def iter_block_texts(parent: Any) -> Iterator[str]:
    """Yield the text of each block in an element. Text between blocks counts as a block, too."""
    inline_text = parent.text or ""
    for child in parent:
        if child.tag in BLOCK_TAGS:
            yield tidy_lines(inline_text)
            inline_text = ""
            if child.tag in ("ul", "ol"):
                yield "\n".join(iter_list_items(child, "•"))
            elif child.tag == "table":
                yield "\n".join(iter_table_rows(child))
            else:
                yield from iter_block_texts(child)
        else:
            inline_text += read_inline_text(child)
        inline_text += child.tail or ""
    yield tidy_lines(inline_text)


def iter_list_items(parent: Any, bullet: str) -> Iterator[str]:
    """Yield a list's items, one per line, each followed by the items of its nested lists."""
    for number, item in enumerate(parent.findall("li"), int(parent.get("start") or 1)):
        nested = [child for child in item if child.tag in ("ul", "ol")]
        for child in nested:
            item.remove(child)
        if own := collapse_space(" ".join(iter_block_texts(item))):
            yield f"{f'{number}.' if parent.tag == 'ol' else bullet} {own}"
        for child in nested:
            yield from iter_list_items(child, "◦")


def iter_table_rows(table: Any) -> Iterator[str]:
    """Yield a table's caption and rows, one per line, with a bar between cells."""
    for row in table.iter("caption", "tr"):
        cells = [row] if row.tag == "caption" else [cell for cell in row if cell.tag in ("td", "th")]
        line = " | ".join(collapse_space(read_inline_text(cell)) for cell in cells)
        if line.strip(" |"):
            yield line


def read_inline_text(element: Any) -> str:
    """Return the text of an element, including line breaks."""
    if element.tag == "br":
        return "\n"
    return (element.text or "") + "".join(read_inline_text(child) + (child.tail or "") for child in element)


def tidy_lines(text: str) -> str:
    """Collapse white space in each line and remove empty lines."""
    return "\n".join(filter(None, map(collapse_space, text.split("\n"))))


def collapse_space(text: str) -> str:
    return " ".join(text.split())


def clean_line(text: str) -> str:
    """Return text as one line: in NFC, without invisible characters, white space collapsed."""
    return collapse_space(unicodedata.normalize("NFC", strip_invisible(text)))


def clean_text(text: str) -> str:
    """Return text with one blank line between paragraphs. Indentation is kept, because Markdown uses it.

    >>> clean_text("Sam\\u00adhälle\\r\\n\\r\\n\\r\\n  två ")
    'Samhälle\\n\\n  två'
    """
    plain = unicodedata.normalize("NFC", strip_invisible(text)).replace("\r\n", "\n").replace("\r", "\n")
    return BLANK_LINES.sub("\n\n", plain.replace("\u00a0", " ")).strip("\n").rstrip()


def strip_invisible(text: str) -> str:
    """Return text without control and invisible characters."""
    return INVISIBLE_CHARACTERS.sub("", CONTROL_CHARACTERS.sub("", text))


# Reading the file
GZIP_MAGIC = b"\x1f\x8b"
MAX_LINE_BYTES = 20_000_000  # per line

# Writing
LINES_PER_TRANSACTION = 200
MAX_BATCH_BYTES = 4_000_000  # of lines in a transaction, so that long lines need little memory and progress is seen
FIRST_CHECK_AFTER = timedelta(days=1)  # until the first checks of imported releases
CHECK_SPREAD_DAYS = 90  # the first checks are spread over these days, so that no site gets them all at once
AGENCY_FIELDS = ("name", "name_en", "org_number", "home")  # columns set from agencies.toml

IS_FILLED_SQL = (
    "select exists (select 1 from releases) or exists (select 1 from crawls) or exists (select 1 from frontier)"
)
STORED_RELEASE_SQL = (  # also finds a release by a URL that it has moved from
    "select id, agency from releases where id = coalesce((select id from releases where url = :url),"
    " (select release from frontier where url = :url))"
)

NumberedLine = tuple[int, "bytes | FieldError"]
Outcome = Literal["new", "revised", "unchanged", "already_crawled", "withheld"]


class LineError(ArchiveError):
    """A line that cannot be imported. The message names file, line and field."""

    def __init__(self, file: Path, line: int, error: FieldError) -> None:
        self.line, self.field = line, error.field
        key = error.field and shorten(error.field)
        super().__init__(file, shorten(error.problem), table=f"line {line}", key=key)


@dataclass(slots=True, kw_only=True)
class ImportResult:
    """The counts of an import.

    Each line counts as new, revised, unchanged, already_crawled or withheld, or is in errors. Lines of a transaction
    that was rolled back are not counted.
    """

    lines: int = 0  # without blank lines
    new: int = 0
    revised: int = 0  # imported before, but different now
    unchanged: int = 0  # already stored with the same content
    already_crawled: int = 0  # different on the agency's own page, so left unchanged
    withheld: int = 0  # hidden or redacted by the archive they come from, and left out
    withheld_elsewhere: list[int] = field(
        default_factory=list
    )  # ids of stored releases that the other archive has withheld since
    without_body: int = 0  # new and revised lines without a body
    unknown_fields: Counter[str] = field(default_factory=Counter)  # field → number of lines
    # (host that is not the agency's, slug of the agency that it belongs to, or "") → numbers of the lines
    foreign_hosts: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    errors: list[LineError] = field(default_factory=list)
    last_line: int = 0  # the number of the last line that is stored or reported
    stopped: bool = False  # whether `should_stop` ended the import before the end of the file
    failure: ArchiveError | None = None  # what else ended it


# a line's release and the names of its fields that are not imported, or the URL of a release whose text was taken down
# by the archive that it comes from, or an error
PreparedLine = tuple[PreparedRelease, list[str]] | str | FieldError


def import_file(
    archive: Archive,
    file: Path,
    agency: str,
    imported_at: datetime,
    progress: ProgressCallback | None = None,
    *,
    host_owners: Mapping[str, str] | None = None,
    processes: int = 0,
    should_stop: Callable[[], bool] = lambda: False,
    report_error: Callable[[LineError], None] = lambda _: None,
) -> ImportResult:
    """Import a file with releases of one stored agency.

    With `processes`, other processes parse the lines and analyse their text; this one writes, in the order of the file.
    host_owners: host without www → slug; releases whose host is not the agency's are imported and counted. should_stop:
    called before each transaction. report_error: called with each error, after the transaction. Raises ArchiveError if
    the agency is not stored. Whatever ends the import later (the file is truncated, the disk is full) is the result's
    `failure`, and the lines before it are kept.
    """
    agencies = [slug for (slug,) in archive.db.execute("select slug from agencies order by 1")]
    if agency not in agencies:
        problem = f"is not stored; stored agencies: {', '.join(agencies) or 'none'}"
        raise ArchiveError(archive.path, problem, table="agencies", key=agency)
    result, prepare = ImportResult(), partial(prepare_lines, agency, archive.path)
    save = partial(save_line, archive, imported_at=imported_at, parser_version=f"{IMPORT_PREFIX}{file.name}")
    batches = batch_lines(iter_import_lines(file, progress))
    try:
        with closing(map_in_order(batches, prepare, to_payload=list, processes=processes)) as prepared_batches:
            for _, lines in prepared_batches:
                if lines and should_stop():
                    result.stopped = True
                    break
                for (number, line), outcome in zip(lines, save_batch(archive, lines, save), strict=True):
                    result.lines += 1
                    result.last_line = number
                    if isinstance(outcome, FieldError):
                        result.errors.append(LineError(file, number, outcome))
                        report_error(result.errors[-1])
                    else:
                        count_line(archive, result, (number, line), outcome, host_owners)
    except ArchiveError as error:
        result.failure = error
    except BrokenProcessPool:
        result.failure = ArchiveError(file, "a process that reads lines was killed; perhaps the memory is full")
    except OSError as error:
        result.failure = ArchiveError(file, f"cannot be read: {error}")
    except sqlite3.Error as error:
        result.failure = ArchiveError(archive.path, f"cannot be written: {error}")
    return result


def save_batch(
    archive: Archive, lines: Sequence[tuple[int, PreparedLine]], save: Callable[[PreparedLine], Outcome | FieldError]
) -> list[Outcome | FieldError]:
    """Save lines in one transaction, or each in its own if one of them cannot be saved.

    Raises sqlite3.Error if no line can be saved, for example because the disk is full.
    """
    try:
        with archive.bulk():
            return [save(line) for _, line in lines]
    except (ArchiveError, sqlite3.IntegrityError, sqlite3.DataError, ValueError) as error:
        if len(lines) == 1:
            return [FieldError(None, f"cannot be saved: {error}")]
    return [outcome for line in lines for outcome in save_batch(archive, [line], save)]


def save_line(
    archive: Archive, line: PreparedLine, *, imported_at: datetime, parser_version: str
) -> Outcome | FieldError:
    """Save a line, and return what became of it."""
    if isinstance(line, str):
        return "withheld"
    if isinstance(line, FieldError):
        return line
    try:
        return import_release(archive, line[0], imported_at, parser_version)
    except FieldError as error:
        return error


def count_line(
    archive: Archive,
    result: ImportResult,
    numbered: tuple[int, PreparedLine],
    outcome: Outcome,
    host_owners: Mapping[str, str] | None,
) -> None:
    """Count a line that was saved, or is withheld, and what the summary says of it."""
    number, line = numbered
    setattr(result, outcome, getattr(result, outcome) + 1)
    if not isinstance(line, tuple):
        if release_id := archive.find_release_id(str(line)):
            result.withheld_elsewhere.append(release_id)
        return
    release, unknown_fields = line[0].release, line[1]
    result.without_body += outcome in ("new", "revised") and not release.body
    result.unknown_fields.update(unknown_fields)
    host = strip_www(urlsplit(release.url).hostname or "")
    owner = release.agency if host_owners is None else find_host_owner(host, host_owners)
    if owner != release.agency:
        result.foreign_hosts.setdefault((host, owner), []).append(number)


def find_host_owner(host: str, host_owners: Mapping[str, str]) -> str:
    """Return the slug of the agency that a host or one of its parent domains belongs to; "" if none is known.

    >>> find_host_owner("press.fyr.example", {"fyr.example": "fyr"}), find_host_owner("a.example", {})
    ('fyr', '')
    """
    while host and host not in host_owners:
        host = host.partition(".")[2]
    return host_owners.get(host, "")


def iter_import_lines(file: Path, progress: ProgressCallback | None = None) -> Iterator[NumberedLine]:
    """Yield the number and bytes of each non-blank line, or an error instead of the bytes if the line is too long.

    Raises ArchiveError if the file is truncated, OSError if it cannot be opened. progress: called with the bytes read
    and the size of the file.
    """
    size, number = file.stat().st_size, 0
    with file.open("rb") as raw:
        is_gzip = raw.peek(len(GZIP_MAGIC)).startswith(GZIP_MAGIC)
        stream = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if is_gzip else raw
        try:
            while line := stream.readline(MAX_LINE_BYTES + 1):
                number += 1
                if len(line) > MAX_LINE_BYTES:
                    while line and not line.endswith(b"\n"):  # skip the rest of an overlong line
                        line = stream.readline(MAX_LINE_BYTES)
                    yield number, FieldError(None, f"is longer than {MAX_LINE_BYTES} bytes")
                elif line.removeprefix(codecs.BOM_UTF8).strip():
                    yield number, line
                if progress and (number % 100 == 0 or len(line) > MAX_BATCH_BYTES // 10):
                    progress(file.name, raw.tell(), size)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ArchiveError(file, f"cannot be unpacked after line {number}: {error}") from error


def batch_lines(lines: Iterable[NumberedLine]) -> Iterator[list[NumberedLine]]:
    """Yield lines in batches, one per transaction.

    If the file is truncated, the lines read so far are yielded before the error is raised.
    """
    batch: list[NumberedLine] = []
    size = 0
    try:
        for line in lines:
            batch.append(line)
            size += len(line[1]) if isinstance(line[1], bytes) else 0
            if len(batch) == LINES_PER_TRANSACTION or size > MAX_BATCH_BYTES:
                yield batch
                batch, size = [], 0
    except ArchiveError:
        yield batch
        raise
    yield batch


def prepare_lines(agency: str, archive: Path, batch: list[NumberedLine]) -> list[tuple[int, PreparedLine]]:
    """Prepare lines, each with its number."""
    prepared: list[tuple[int, PreparedLine]] = []
    with closing(open_readonly(archive)) as archive_db:
        for number, line in batch:
            try:
                if isinstance(line, FieldError):
                    raise line
                prepared.append((number, prepare_line(agency, archive_db, parse_line(line))))
            except FieldError as error:
                prepared.append((number, error))
            except (ValueError, RecursionError) as error:  # one line never ends the import
                prepared.append((number, FieldError(None, f"cannot be read: {error}")))
    return prepared


def parse_line(line: bytes) -> dict[str, Any]:
    """Parse a line as a JSON object; raise FieldError if it is not one, or has a name twice."""
    try:
        # no field is a number; int() refuses those of more than 4,300 digits. Each of several joined files has a BOM
        row = json.loads(line.decode("utf-8-sig"), parse_int=float, object_pairs_hook=build_object)
    except UnicodeDecodeError as error:
        raise FieldError(None, f"is not UTF-8: {error.reason} at byte {error.start}") from error
    except RecursionError as error:
        raise FieldError(None, "is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise FieldError(None, f"is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise FieldError(None, "is not a JSON object")
    return row


def build_object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of a JSON object; raise FieldError if a name is repeated, because one value would be lost."""
    built = dict(members)
    if len(built) < len(members):
        (name, _), *_ = Counter(name for name, _ in members).most_common(1)
        raise FieldError(name, "is given more than once")
    return built


def prepare_line(agency: str, archive_db: sqlite3.Connection, row: Mapping[str, Any]) -> PreparedLine:
    """Parse a line. Its text is analysed here only if its URL is not stored yet."""
    if row.get("takedown") in TAKEDOWN_KINDS.values():
        try:
            return parse_url_field(row, "url")
        except FieldError:
            return ""
    release, unknown_fields = parse_release(row, agency)
    is_new = archive_db.execute("select 1 from releases where url = ?", [release.url]).fetchone() is None
    return prepare_release(release, with_features=is_new), unknown_fields


def import_release(archive: Archive, prepared: PreparedRelease, imported_at: datetime, parser_version: str) -> Outcome:
    """Save a release unless it is stored already; raise FieldError if its URL is another agency's."""
    release = prepared.release
    stored = archive.db.execute(STORED_RELEASE_SQL, {"url": release.url}).fetchone()
    release_id, agency = stored or (None, release.agency)
    if agency != release.agency:
        raise FieldError("url", f"{release.url} is stored as a release of {agency}")
    states = archive.db.execute("select cause, hash from revisions where release = ?", [release_id]).fetchall()
    if any(known_hash == prepared.hash for _, known_hash in states):
        return "unchanged"
    if any(cause != "import" for cause, _ in states):
        return "already_crawled"
    saved = archive.save(release, seen_at=imported_at, cause="import", parser_version=parser_version, prepared=prepared)
    if saved is SaveResult.UNCHANGED:
        return "unchanged"
    if release_id is not None:
        return "revised"
    schedule_first_check(archive, release, imported_at)
    return "new"


def schedule_first_check(archive: Archive, release: Release, imported_at: datetime) -> None:
    """Mark a release's URL as stored in the frontier, and schedule its first check.

    The day depends on the URL, so that the checks of many releases are spread out.
    """
    release_id = archive.find_release_id(release.url)
    assert release_id is not None  # noqa: S101 - it was just saved
    archive.db.execute(
        "insert or ignore into frontier (url, agency, role, state, first_seen, release)"
        " values (?, ?, 'release', 'stored', ?, ?)",
        [release.url, release.agency, to_iso(imported_at), release_id],
    )
    days = zlib.crc32(release.url.encode()) % CHECK_SPREAD_DAYS
    archive.set_next_check(release_id, imported_at + FIRST_CHECK_AFTER + timedelta(days=days))


# Other functions of the command


@contextmanager
def open_or_create_archive(path: Path) -> Iterator[Archive]:
    """Open an archive, creating it if needed. If a new archive is still empty at the end, it is deleted."""
    files = [path, Captures.path_beside(path)]
    new_files = [] if path.exists() else [file for file in files if not file.exists()]
    is_filled = True
    try:
        with Archive(path) as archive:
            try:
                yield archive
            finally:
                (is_filled,) = archive.db.execute(IS_FILLED_SQL).fetchone()
    finally:
        for file in new_files if not is_filled else ():
            for suffix in ("", "-wal", "-shm"):
                file.with_name(f"{file.name}{suffix}").unlink(missing_ok=True)


def ensure_agency(archive: Archive, slug: str, agencies_file: Path) -> None:
    """Store an agency from agencies.toml unless it is already stored; raise ArchiveError if it is unknown."""
    stored = {row[0] for row in archive.db.execute("select slug from agencies")}
    if slug in stored:
        return
    listed = read_agencies_file(agencies_file)
    facts = listed.get(slug)
    if not isinstance(facts, dict) or not {"name", "home"} <= facts.keys():
        near = difflib.get_close_matches(slug, stored | listed.keys(), n=3)
        hint = f"; perhaps {', '.join(near)}" if near else ""
        problem = f"is neither stored nor in {agencies_file}{hint}"
        raise ArchiveError(archive.path, problem, table="agencies", key=slug)
    archive.add_agency(slug, **{name: facts[name] for name in AGENCY_FIELDS if name in facts})


def find_host_owners(archive: Archive, agencies_file: Path) -> dict[str, str]:
    """Return the slug of the agency that each host belongs to, for stored and listed agencies."""
    owners: dict[str, str] = {}
    stored = {slug: {"home": home} for slug, home in archive.db.execute("select slug, home from agencies")}
    for slug, facts in (*read_agencies_file(agencies_file).items(), *stored.items()):
        home = urlsplit(str(facts.get("home", ""))).hostname or ""
        owners |= {strip_www(host): slug for host in (home, *facts.get("aliases", ())) if host}
    return owners


def read_agencies_file(path: Path) -> dict[str, Any]:
    """Return the tables of agencies.toml by slug, or an empty dict if there is no such file."""
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ArchiveError(path, f"is not TOML: {error}") from error


def format_import_report(file: Path, result: ImportResult) -> Iterator[str]:
    """Yield a summary that counts every line."""
    yield (
        f"{file}: {result.lines} lines: {result.new} new, {result.revised} revised, {result.unchanged} unchanged,"
        f" {result.already_crawled} already crawled, {len(result.errors)} errors"
    )
    if result.already_crawled:
        yield f"already crawled: {result.already_crawled} differ from the agency's own page, whose text is kept"
    for (host, owner), lines in sorted(result.foreign_hosts.items(), key=lambda item: -len(item[1])):
        problem = f"belongs to {owner}: is --agency right?" if owner else "belongs to no agency that is known here"
        yield f"warning: {len(lines)} of them are at {shorten(host)}, which {problem} (first: line {lines[0]})"
    if result.withheld:
        yield f"withheld: {result.withheld} are hidden or redacted in the archive they come from, and left out"
    if result.withheld_elsewhere:
        release_ids = ", ".join(map(str, result.withheld_elsewhere))
        yield f"withheld there, but shown here: releases {release_ids}; the reasons are at /-/takedowns of that archive"
    if result.without_body:
        yield f"without a text: {result.without_body} have a title and no body"
    for name, number in sorted(result.unknown_fields.items()):
        yield f"field {shorten(name)}: left out in {number} lines"
    if result.stopped or result.failure:
        yield f"{file}: stored or reported up to line {result.last_line}; the same command continues after it"
