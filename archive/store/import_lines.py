"""Parses a line of an import file (JSON with Markdown or HTML) into a release.

If a library would silently shorten or drop content, an error is raised that names the field.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

from lxml import html
from markdown_it import MarkdownIt

from archive.database.models import Attachment, Contact, Image, Question, Release
from archive.database.stored_text import (
    BLANK_LINES,
    INVISIBLE_CHARACTERS,
    clean_line,
    clean_lines,
    sanitise_html,
    strip_invisible,
)
from archive.times import Month, parse_time
from archive.urls import canonical_url

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
KINDS_BY_WORD = {
    word: kind for kind, words in KIND_WORDS.items() for word in (kind, *words.split(" "))
}

# Text
CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]+")
# in a row, because normalising them takes quadratic time; no script has more than ten
MAX_COMBINING_CHARACTERS = 1000
# \w has no combining characters
SIGN_RUN = re.compile(rf"[^\w\s\x00-\x7f]{{{MAX_COMBINING_CHARACTERS},}}")
HYPHEN = re.compile("^- ", re.MULTILINE)
EMPTY_PARAGRAPH = re.compile(r"<p>\s*</p>\s*")
BLOCK_TAGS = {
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "p",
    "blockquote",
    "ul",
    "ol",
    "dl",
    "dt",
    "dd",
    "table",
    "div",
}
MAX_NESTING = 100  # lists and blockquotes; markdown-it leaves out what is nested deeper
MARKDOWN = (
    MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": MAX_NESTING})
    .enable("table")
    .disable(["html_block", "html_inline"])
)  # they do nothing without `html`
# libxml2 without huge_tree leaves out paragraphs of more than 10,000,000 characters
HTML_PARSER = html.HTMLParser(huge_tree=True)
# characters, with complete URLs in its links; SQLite stores 1,000,000,000 bytes at most
MAX_HTML_LENGTH = 300_000_000

# Fields
PART_TYPES: dict[str, type[Any]] = {
    "questions": Question,
    "images": Image,
    "attachments": Attachment,
    "contacts": Contact,
}
KNOWN_FIELDS = {
    *(
        "agency",
        "url",
        "title",
        "lead",
        "body",
        "body_html",
        "kind",
        "published",
        "updated",
        "language",
        "tags",
        "seen",
    ),
    *PART_TYPES,
}
LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
# the same range as in the crawler; systems write years outside it for an unknown date
MIN_YEAR, MAX_YEAR = (1900, 2099)
TIME_EXAMPLES = "2024-03-15T09:30:00+01:00, 2024-03-15 or 2024-03"
READING_EXAMPLES = "2024-03-15T09:30:00+01:00 or 2024-03-15"
MAX_URL_LENGTH = 2_083  # characters; Scrapy requests no longer ones
UNUSABLE_IMAGES = "body (images without a web address)"
MAX_SHOWN_LENGTH = 300  # characters of a message or of the name of a field


class FieldError(ValueError):
    """An error in a field that cannot be imported or, if `field` is None, in a whole line."""

    def __init__(self, field: str | None, problem: str) -> None:
        self.field, self.problem = field, problem
        super().__init__(field, problem)  # so that it can be pickled

    def __str__(self) -> str:
        return self.problem


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedBody:
    """A body in the form in which the archive stores it."""

    text: str  # plain, with a blank line between paragraphs
    html: str  # sanitised
    images: tuple[Image, ...] = ()


def parse_release(row: Mapping[str, Any], agency: str) -> tuple[Release, list[str]]:
    """Return the release in a line, and the names of the line's fields that are not imported.

    Raises FieldError if a field is invalid.
    """
    if row.get("agency") not in (None, agency):
        raise FieldError("agency", f"is {row['agency']!r}, not {agency!r}")
    url = parse_url_field(row, "url")
    title = _parse_text_field(row, "title", single_line=True)
    if not title:
        raise FieldError("title", "is missing")
    lead = _parse_text_field(row, "lead")
    body = _strip_lead(_parse_body(row, url), lead)
    parts = {name: _parse_parts(row, name) for name in PART_TYPES}
    usable_images = [image for image in body.images if _is_web_url(image.url)]
    release = Release(
        agency=agency,
        url=url,
        title=title,
        lead=lead,
        body=body.text,
        body_html=body.html,
        kind=_parse_kind(_parse_text_field(row, "kind", single_line=True)),
        published=_parse_time_field(row, "published"),
        published_text=_parse_text_field(row, "published", single_line=True),
        updated=_parse_time_field(row, "updated"),
        updated_text=_parse_text_field(row, "updated", single_line=True),
        language=_parse_language_field(row),
        tags=_parse_tags_field(row),
        **{**parts, "images": (*parts["images"], *usable_images)},
    )
    unknown_fields = _list_unknown_fields(row)
    if len(usable_images) < len(body.images):
        unknown_fields.append(UNUSABLE_IMAGES)
    unknown_fields += [
        f"{name} (control characters)" for name in row if _has_control_characters(row[name])
    ]
    return release, unknown_fields


def _list_unknown_fields(row: Mapping[str, Any]) -> list[str]:
    return [name for name in row if name not in KNOWN_FIELDS and row[name] not in (None, [], "")]


def _has_control_characters(value: object) -> bool:
    """Return whether a value contains control characters such as NUL, which are not stored.

    value: a text, or a list or object that may contain texts.
    """
    if isinstance(value, str):
        return CONTROL_CHARACTERS.search(value) is not None
    parts = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    return any(map(_has_control_characters, parts))


def shorten_message(text: str) -> str:
    """Return a text on one line for a message. The middle of a long text is left out.

    >>> shorten_message("a\\nb"), len(shorten_message("a" * 1000))
    ('a\\\\nb', 301)
    """
    printable = text if text.isprintable() else repr(text)[1:-1]
    return (
        printable if len(printable) <= MAX_SHOWN_LENGTH else f"{printable[:200]}…{printable[-100:]}"
    )


def _parse_text_field(
    row: Mapping[str, Any], name: str, *, single_line: bool = False, parent: str = ""
) -> str | None:
    """Return the cleaned text of a field, or None if the field is absent or empty.

    Raises FieldError if the value is not a text.

    parent: the path of the object that contains the field, for the error message.
    """
    value = row.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise FieldError(parent + name, "is not text")
    _check_characters(parent + name, value)
    text = CONTROL_CHARACTERS.sub("", value)
    return (clean_line(text) if single_line else _clean_markdown(text)) or None


def _check_characters(name: str, text: str) -> None:
    """Raise FieldError if a text cannot be stored, or would take too long to normalise."""
    try:
        more_bytes = len(text.encode()) - len(text)
    except UnicodeEncodeError as error:
        raise FieldError(name, "contains half of a UTF-16 surrogate pair") from error
    if more_bytes < MAX_COMBINING_CHARACTERS:  # each has two bytes or more
        return
    visible = INVISIBLE_CHARACTERS.sub("", CONTROL_CHARACTERS.sub("", text))
    for signs in SIGN_RUN.findall(visible):
        if sum(unicodedata.combining(sign) > 0 for sign in signs) >= MAX_COMBINING_CHARACTERS:
            raise FieldError(
                name, f"has {MAX_COMBINING_CHARACTERS} combining characters or more in a row"
            )


def parse_url_field(row: Mapping[str, Any], name: str) -> str:
    """Return the URL in a field, in the canonical form in which the crawler stores URLs.

    Raises FieldError if the URL is missing or invalid.
    """
    text = _parse_text_field(row, name, single_line=True)
    if not text:
        raise FieldError(name, "is missing")
    if len(text) > MAX_URL_LENGTH:
        raise FieldError(name, f"is longer than {MAX_URL_LENGTH} characters")
    if _has_control_characters(row[name]):
        raise FieldError(name, f"{row[name]!r} contains a control character")
    try:
        parts, url = urlsplit(text), canonical_url(text)
    except ValueError as error:
        raise FieldError(name, f"{text!r} is not a URL: {error}") from error
    if not _is_web_url(text) or not parts.hostname or " " in text:
        raise FieldError(name, f"{text!r} is not a URL that begins with http:// or https://")
    return url


def _parse_kind(text: str | None) -> str | None:
    """Return the English word for a type of release. An unknown word is returned unchanged.

    >>> words = ("Pressmeddelanden", "artiklar", "Telegram", None)
    >>> tuple(map(_parse_kind, words))
    ('press release', 'article', 'Telegram', None)
    """
    return KINDS_BY_WORD.get(text.casefold(), text) if text else None


def _parse_time_field(
    row: Mapping[str, Any], name: str, examples: str = TIME_EXAMPLES
) -> datetime | date | None:
    """Return the time in a field: a datetime with a UTC offset, a day or a month.

    Returns None if the field is absent or empty. Raises FieldError if the text is invalid.

    examples: valid times, for the error message.
    """
    text = _parse_text_field(row, name, single_line=True)
    if text is None:
        return None
    try:
        value = parse_time(text)
    except ValueError as error:
        raise FieldError(name, f"{text!r} is not a time like {examples}") from error
    if isinstance(value, datetime) and value.tzinfo is None:
        raise FieldError(name, f"{text!r} has no UTC offset, such as +01:00")
    if value and not MIN_YEAR <= value.year <= MAX_YEAR:
        raise FieldError(name, f"{text!r} is not in a year from {MIN_YEAR} to {MAX_YEAR}")
    return value


def parse_reading_time(row: Mapping[str, Any]) -> datetime | date | None:
    """Return when a collection read the release in a line, or None if the line does not say when.

    A datetime is returned in UTC. Raises FieldError if the time is invalid or only a month.
    """
    value = _parse_time_field(row, "seen", READING_EXAMPLES)
    if isinstance(value, Month):
        raise FieldError("seen", f"{value.isoformat()} is a month, not a day or a time")
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def _parse_language_field(row: Mapping[str, Any]) -> str | None:
    text = _parse_text_field(row, "language", single_line=True)
    if text and not LANGUAGE_TAG.fullmatch(text):
        raise FieldError("language", f"{text!r} is not a language tag like sv or en-GB")
    return text


def _parse_tags_field(row: Mapping[str, Any]) -> tuple[str, ...]:
    tags = _parse_list_field(row, "tags")
    if not all(isinstance(tag, str) for tag in tags):
        raise FieldError("tags", "is not a list of strings")
    for index, tag in enumerate(tags):
        _check_characters(f"tags[{index}]", tag)
    lines = (clean_line(CONTROL_CHARACTERS.sub("", tag)) for tag in tags)
    return tuple(dict.fromkeys(filter(None, lines)))


def _parse_list_field(row: Mapping[str, Any], name: str) -> list[Any]:
    value = row.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise FieldError(name, "is not a list")
    return value


def _parse_body(row: Mapping[str, Any], url: str) -> ImportedBody:
    """Return the body of the release in a line.

    The field `body` is Markdown. If there is a field `body_html`, `body` is its plain text. Raises
    FieldError if the body cannot be converted.
    """
    markup, text = _parse_text_field(row, "body_html"), _parse_text_field(row, "body")
    name = "body" if markup is None else "body_html"
    try:
        if markup is None:
            return _parse_markdown(text or "", url)
        body = _sanitise_html(markup, url)
        return ImportedBody(text=text or body.text, html=body.html)
    except RecursionError as error:
        raise FieldError(name, "is nested too deeply") from error
    except ValueError as error:
        problem = (
            error.problem if isinstance(error, FieldError) else f"contains an invalid URL: {error}"
        )
        raise FieldError(name, problem) from error


def _strip_lead(body: ImportedBody, lead: str | None) -> ImportedBody:
    """Return the body without its first paragraph if this paragraph is the lead."""
    first, _, rest = body.text.partition("\n\n")
    head, end, tail = body.html.partition("</p>")
    if not lead or first.split() != lead.split() or _html_to_text(head + end) != first:
        return body
    return ImportedBody(text=rest, html=tail.strip(), images=body.images)


def _parse_parts(row: Mapping[str, Any], name: str) -> tuple[Any, ...]:
    """Parse a list field into objects such as Question or Image.

    Questions are numbered in the order of the list, starting with 1.
    """
    parts = _parse_list_field(row, name)
    return tuple(
        _parse_part(f"{name}[{index}]", part, PART_TYPES[name], index + 1)
        for index, part in enumerate(parts)
    )


def _parse_part(field_path: str, part: object, part_type: type[Any], position: int) -> Any:
    """Parse an object in a list field.

    Raises FieldError for an unknown key, because its value would otherwise be lost.
    """
    if not isinstance(part, dict):
        raise FieldError(field_path, "is not an object")
    is_required = {
        part_field.name: part_field.default is MISSING for part_field in fields(part_type)
    }
    if unknown := set(part) - set(is_required):
        raise FieldError(
            f"{field_path}.{min(unknown)}", f"is not one of its fields: {', '.join(is_required)}"
        )
    numbering = {"position": position} if "position" in is_required else {}
    values: dict[str, Any] = {
        name: _parse_text_field(part, name, parent=f"{field_path}.")
        for name in is_required
        if name not in numbering
    }
    _check_part_values(field_path, values, is_required)
    return part_type(**numbering, **values)


def _check_part_values(
    field_path: str, values: Mapping[str, Any], is_required: Mapping[str, bool]
) -> None:
    for name, value in values.items():
        if is_required[name] and not value:
            raise FieldError(f"{field_path}.{name}", "is missing")
    if "url" in values and not _is_web_url(values["url"]):
        raise FieldError(f"{field_path}.url", f"{values['url']!r} is not a web address")
    if not any(values.values()):
        raise FieldError(field_path, "is empty")


def _is_web_url(url: str) -> bool:
    return url.lower().startswith(("http://", "https://"))


def _parse_markdown(text: str, url: str) -> ImportedBody:
    """Convert CommonMark with tables into a body. Line breaks are kept, and HTML is shown as text.

    url: the release's URL, against which relative URLs are resolved.

    >>> text = "## Bakgrund\\n\\n- Det är bra, säger hon.\\n\\n* ett\\n* [två](/b)"
    >>> _parse_markdown(text, "https://a.se/x").text
    'Bakgrund\\n\\n- Det är bra, säger hon.\\n\\n• ett\\n• två'
    """
    tokens = MARKDOWN.parse(_escape_speech_hyphens(text))
    if any(token.nesting == 1 and token.level >= MAX_NESTING - 1 for token in tokens):
        raise FieldError(None, f"is nested deeper than {MAX_NESTING} levels")
    images = tuple(
        Image(url=urljoin(url, str(part.attrs["src"])), alt=part.content or None)
        for token in tokens
        for part in token.children or ()
        if part.type == "image"
    )
    return _sanitise_html(MARKDOWN.renderer.render(tokens, MARKDOWN.options, {}), url, images)


def _escape_speech_hyphens(text: str) -> str:
    """Escape hyphens that mark speech, so that a Markdown parser does not take them for list
    markers.

    A hyphen marks speech if only one line of its paragraph starts with a hyphen.

    >>> _escape_speech_hyphens("- Nej, säger hon.\\n\\n- ett\\n- två")
    '\\\\- Nej, säger hon.\\n\\n- ett\\n- två'
    """
    paragraphs = text.split("\n\n")
    return "\n\n".join(
        HYPHEN.sub(r"\\- ", paragraph) if len(HYPHEN.findall(paragraph)) == 1 else paragraph
        for paragraph in paragraphs
    )


def _sanitise_html(text: str, url: str, images: tuple[Image, ...] = ()) -> ImportedBody:
    """Return the body with sanitised HTML and the text extracted from it.

    An h1 becomes an h2, because the release already has a title.
    """
    demoted = re.sub(r"<(/?)h1\b", r"<\1h2", text, flags=re.IGNORECASE)
    if len(demoted) + demoted.lower().count("href") * len(url) > MAX_HTML_LENGTH:
        raise FieldError(
            None,
            f"would be longer than {MAX_HTML_LENGTH} characters with complete URLs in its links",
        )
    clean = EMPTY_PARAGRAPH.sub("", sanitise_html(demoted, url)).strip()
    _check_characters("body", clean)  # entities have become characters
    return ImportedBody(text=_html_to_text(clean), html=clean, images=images)


def _html_to_text(markup: str) -> str:
    """Convert sanitised HTML into text, with one line per list item (preceded by • or its number)
    or table row.

    >>> table = "<table><tr><th>d</th><td>e</td></tr></table>"
    >>> _html_to_text(f"<p>a<br>b</p><ol><li>c</li></ol>{table}")
    'a\\nb\\n\\n1. c\\n\\nd | e'
    """
    if not markup.strip():
        return ""
    root = html.fragment_fromstring(markup, create_parent="div", parser=HTML_PARSER)
    if faults := HTML_PARSER.error_log.filter_from_fatals():
        raise FieldError(None, f"cannot be read as HTML: {faults[0].message}")
    return "\n\n".join(block for block in _iter_block_texts(root) if block)


def _iter_block_texts(parent: Any) -> Iterator[str]:
    """Yield the text of each block in an element. Text between blocks also counts as a block."""
    inline_text = parent.text or ""
    for child in parent:
        if child.tag in BLOCK_TAGS:
            yield clean_lines(inline_text)
            inline_text = ""
            if child.tag in ("ul", "ol"):
                yield "\n".join(_iter_list_items(child, "•"))
            elif child.tag == "table":
                yield "\n".join(_iter_table_rows(child))
            else:
                yield from _iter_block_texts(child)
        else:
            inline_text += _read_inline_text(child)
        inline_text += child.tail or ""
    yield clean_lines(inline_text)


def _iter_list_items(parent: Any, bullet: str) -> Iterator[str]:
    """Yield each item of a list as one line, followed by the items of its nested lists."""
    for number, item in enumerate(parent.findall("li"), int(parent.get("start") or 1)):
        nested = [child for child in item if child.tag in ("ul", "ol")]
        for child in nested:
            item.remove(child)
        if own := clean_line(" ".join(_iter_block_texts(item))):
            yield f"{f'{number}.' if parent.tag == 'ol' else bullet} {own}"
        for child in nested:
            yield from _iter_list_items(child, "◦")


def _iter_table_rows(table: Any) -> Iterator[str]:
    """Yield the caption and rows of a table, one per line, with vertical bars between cells."""
    for row in table.iter("caption", "tr"):
        cells = (
            [row] if row.tag == "caption" else [cell for cell in row if cell.tag in ("td", "th")]
        )
        line = " | ".join(clean_line(_read_inline_text(cell)) for cell in cells)
        if line.strip(" |"):
            yield line


def _read_inline_text(element: Any) -> str:
    """Return the text of an element, including line breaks."""
    if element.tag == "br":
        return "\n"
    return (element.text or "") + "".join(
        _read_inline_text(child) + (child.tail or "") for child in element
    )


def _clean_markdown(text: str) -> str:
    """Return a text without invisible characters, and with one blank line between paragraphs.

    Indentation is kept, because Markdown needs it.

    >>> _clean_markdown("Sam\\u00adhälle\\r\\n\\r\\n\\r\\n  två ")
    'Samhälle\\n\\n  två'
    """
    plain = strip_invisible(text).replace("\r\n", "\n").replace("\r", "\n")
    return BLANK_LINES.sub("\n\n", plain.replace("\u00a0", " ")).strip("\n").rstrip()


def parse_line(line: bytes) -> dict[str, Any]:
    """Parse a line as a JSON object.

    Raises FieldError if the line is not an object, or if a name occurs twice in it.
    """
    try:
        # no field is a number; int() refuses those of more than 4,300 digits. Each of several
        # joined files has a BOM
        row = json.loads(line.decode("utf-8-sig"), parse_int=float, object_pairs_hook=_build_object)
    except UnicodeDecodeError as error:
        raise FieldError(None, f"is not UTF-8: {error.reason} at byte {error.start}") from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise FieldError(None, f"is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise FieldError(None, "is not a JSON object")
    return row


def _build_object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the items of a JSON object as a dict.

    Raises FieldError if a name is repeated, because a value would be lost.
    """
    built = dict(members)
    if len(built) < len(members):
        (name, _), *_ = Counter(name for name, _ in members).most_common(1)
        raise FieldError(name, "is given more than once")
    return built
