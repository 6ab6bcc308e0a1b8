"""Extracts the text of one file in a worker process that attachment_store.py starts.

The file is read from standard input, and its text is written as JSON lines. The process is isolated
(archive.database.isolated_processes), and its resources are limited before it parses anything. The
first line gives the file's type and number of pages. Then there is a line for each page. The last
line says how the extraction ended:

    {"kind": "pdf", "pages": 2}
    {"page": 1, "name": null, "text": "…", "problem": null}
    {"end": "complete"}, or "pages" or "letters" if a limit cut off the rest
    {"problem": "encrypted", "detail": "…"} if the file, or the rest of it, cannot be read

A page is a page of a PDF, a sheet of a workbook, or the whole of another document. Text that is not
visible when the file is opened is left out: hidden sheets, comments and deleted text.
"""

from __future__ import annotations

import io
import json
import re
import signal
import sys
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

PDF_START = b"%PDF-"
MAX_PDF_START = 1024  # bytes; other software also accepts a file with something before its header
PDF_ERRORS = {3: "damaged", 4: "encrypted", 5: "encrypted"}  # FPDF_GetLastError, fpdfview.h
# Word and Excel before 2007, and encrypted files of later versions
OLE_START = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ODT_TYPE = b"application/vnd.oasis.opendocument.text"
WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
WORD_PARTS = ("word/document.xml", "word/footnotes.xml", "word/endnotes.xml")
WORD_BREAKS = {f"{WORD}p": "\n", f"{WORD}br": "\n", f"{WORD}tab": "\t", f"{WORD}noBreakHyphen": "-"}
WORD_SKIPPED = frozenset(  # tab stops, and a second form of the same content for older software
    (f"{WORD}pPr", "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback")
)
ODT_BREAKS = {f"{TEXT}{name}": "\n" for name in ("p", "h", "line-break")}
ODT_BREAKS |= {f"{TEXT}tab": "\t", f"{TEXT}s": " "}
ODT_SKIPPED = frozenset(  # deleted text and comments
    (f"{TEXT}tracked-changes", "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}annotation")
)
MAX_PART_BYTES = 24_000_000  # size of a document's XML; its tree takes several times as much
SPACES = re.compile(r"[ \t\r\n]+")
# hyphens at the end of a line; PDFium replaces most of them with one of the first two
LINE_END_HYPHEN = re.compile(
    r"(?P<before>.{0,2})(?:[\x02\ufffe](?:\r?\n)?|[\u2010\xad]\r?\n)(?P<after>.?)"
)
INVISIBLE_CHARACTERS = re.compile(
    r"[\xad\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]"
)


class PageTextError(Exception):
    """A page that cannot be read. Other pages of the file may be readable."""


class FileTextError(Exception):
    """A file that cannot be read, or can be read only in part.

    problem: one of archive.attachments.attachment_store.PROBLEMS.
    """

    def __init__(self, problem: str, detail: str) -> None:
        super().__init__(detail)
        self.problem = problem


def prepare() -> bytes:
    """Read the file, import the libraries that parse it, and return the file's bytes.

    This runs before the limits apply, so that the imports do not count towards the limit on open
    files.
    """
    body = sys.stdin.buffer.read()
    if _is_pdf(body):
        import pypdfium2  # noqa: F401, PLC0415
    else:
        import openpyxl  # noqa: F401, PLC0415
        from lxml import etree  # noqa: F401, PLC0415
    return body


def run(body: bytes, limits: dict[str, int]) -> None:
    """Write the text of a file as JSON lines (see the module docstring)."""
    # ends the process, as other limits do; Python ignores it
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    try:
        extract(body, limits)
    except FileTextError as error:
        write(problem=error.problem, detail=str(error))
    except MemoryError:
        write(problem="limits", detail="needs more memory than one file may use")
    # a parser may raise anything for a damaged file; it is reported
    except Exception as error:  # noqa: BLE001
        write(problem="damaged", detail=f"{type(error).__name__}: {error}"[:500])


def _is_pdf(body: bytes) -> bool:
    return PDF_START in body[:MAX_PDF_START]


def write(**line: object) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201 - lines that were written survive a kill


def extract(body: bytes, limits: dict[str, int]) -> None:
    """Write the text of a file as JSON lines. The content of the file determines its type."""
    pages_left, letters_left = limits["pages"], limits["letters"]
    for name, read_page in open_file(body):
        if not pages_left:
            return write(end="pages")
        problem = None
        try:
            text, is_whole = read_page(letters_left)
        except PageTextError as error:
            text, is_whole, problem = "", True, str(error)
        text = clean_text(text)
        write(page=limits["pages"] - pages_left + 1, name=name, text=text, problem=problem)
        if not is_whole:
            return write(end="letters")
        pages_left, letters_left = pages_left - 1, letters_left - len(text)
    return write(end="complete")


# The name of a page or None, and a function that returns its text, up to a number of letters, and
# whether it is whole
Page = tuple[str | None, Callable[[int], tuple[str, bool]]]


def open_file(body: bytes) -> Iterator[Page]:
    """Write the first line of the output for a file, and return an iterator over its pages."""
    if _is_pdf(body):
        return _open_pdf(body)
    if body.startswith(OLE_START):
        raise FileTextError("unsupported", "is of Word or Excel before 2007, or encrypted")
    if not body.startswith(b"PK\x03\x04"):
        raise FileTextError(
            "unsupported", "is neither PDF nor a document of Word, Excel or OpenDocument"
        )
    return _open_package(body)


def _open_package(body: bytes) -> Iterator[Page]:
    """Write the first line of the output for a ZIP-based document (DOCX, XLSX or ODT), and return
    its pages.
    """
    package = zipfile.ZipFile(io.BytesIO(body))
    names = set(package.namelist())
    if "word/document.xml" in names:
        return _open_text(
            "docx", [partial(_read_word, package, part) for part in WORD_PARTS if part in names]
        )
    if "xl/workbook.xml" in names:
        return _open_workbook(body)
    if "mimetype" in names and package.open("mimetype").read(100).strip() == ODT_TYPE:
        if b"encryption-data" in package.open("META-INF/manifest.xml").read(1_000_000):
            raise FileTextError("encrypted", "needs a password")
        return _open_text("odt", [partial(_read_opendocument, package, "content.xml")])
    raise FileTextError(
        "unsupported", "is an archive of files, but not a document of Word, Excel or OpenDocument"
    )


def _open_pdf(body: bytes) -> Iterator[Page]:
    import pypdfium2  # noqa: PLC0415

    try:
        document = pypdfium2.PdfDocument(body)
    except pypdfium2.PdfiumError as error:
        code = error.err_code
        raise FileTextError(
            PDF_ERRORS.get(code or 0, "damaged"), f"PDFium: error {code}"
        ) from error
    write(kind="pdf", pages=len(document))

    def read_page(number: int, max_letters: int) -> tuple[str, bool]:
        try:
            text = document[number].get_textpage()
        except pypdfium2.PdfiumError as error:
            raise PageTextError(f"PDFium: {error}") from error
        count = text.count_chars()
        content = text.get_text_range(0, min(count, max_letters)) if count and max_letters else ""
        text.close()
        return LINE_END_HYPHEN.sub(_join_word, content), count <= max_letters

    for number in range(len(document)):
        yield None, partial(read_page, number)


def _join_word(match: re.Match[str]) -> str:
    """Join a word that is hyphenated at the end of a line.

    A hyphen that belongs to the word is kept: EU-länder, a-kassa.
    """
    before, after = match["before"], match["after"]
    last = before[-1:]
    # not after a single letter
    is_divided = last.islower() and after.islower() and before[:-1].isalpha()
    return f"{before}{'' if is_divided or not last.strip() else '-'}{after}"


def _open_text(kind: str, parts: list[Callable[[], Iterator[str]]]) -> Iterator[Page]:
    """Write the first line of the output for a document without fixed pages (DOCX, ODT), and yield
    the document as a single page.
    """
    write(kind=kind, pages=1)

    def read_page(max_letters: int) -> tuple[str, bool]:
        pieces = (piece for part in parts for piece in part())
        return _collect_text(pieces, max_letters)

    yield None, read_page


def _collect_text(pieces: Iterator[str], max_letters: int) -> tuple[str, bool]:
    collected: list[str] = []
    for piece in pieces:
        if len(piece) > max_letters:
            return "".join([*collected, piece[:max_letters]]), False
        collected.append(piece)
        max_letters -= len(piece)
    return "".join(collected), True


def _open_workbook(body: bytes) -> Iterator[Page]:
    import openpyxl  # noqa: PLC0415

    # the values that formulas had when the file was saved; none of them is computed
    workbook = openpyxl.load_workbook(io.BytesIO(body), read_only=True, data_only=True)
    sheets = [sheet for sheet in workbook.worksheets if sheet.sheet_state == "visible"]
    write(kind="xlsx", pages=len(sheets))

    def read_sheet(sheet: Any, max_letters: int) -> tuple[str, bool]:
        sheet.reset_dimensions()  # the declared size may be wrong
        rows = (
            [str(value) for value in row if value is not None]
            for row in sheet.iter_rows(values_only=True)
        )
        return _collect_text(("\t".join(row) + "\n" for row in rows if row), max_letters)

    for sheet in sheets:
        yield sheet.title, partial(read_sheet, sheet)


def _parse_part(package: zipfile.ZipFile, name: str) -> Any:
    from lxml import etree  # noqa: PLC0415

    with package.open(name) as part:
        content = part.read(MAX_PART_BYTES + 1)  # the declared size may be wrong
    if len(content) > MAX_PART_BYTES:
        raise FileTextError("limits", f"{name} unpacks to more than {MAX_PART_BYTES:,} bytes")
    try:
        return etree.fromstring(
            content, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        )
    except etree.XMLSyntaxError as error:
        if not error.lineno:  # so libxml2 reports that there is no memory left
            raise MemoryError from error
        raise


def _walk_text(
    root: Any, breaks: dict[str, str], skipped: frozenset[str], text_tag: str | None
) -> Iterator[str]:
    """Yield the pieces of text in an element.

    breaks: maps a tag to the text that is added at the end of each element with this tag.
    text_tag: yield only the text of elements with this tag. If None, yield all text.
    """
    from lxml import etree  # noqa: PLC0415

    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        if event == "start":
            if element.tag in skipped:
                walk.skip_subtree()
            elif text_tag is None:
                yield SPACES.sub(" ", element.text or "")
            elif element.tag == text_tag:
                yield element.text or ""
        else:
            if element.tag in breaks:
                yield breaks[element.tag]
            if text_tag is None:
                yield SPACES.sub(" ", element.tail or "")


def _read_word(package: zipfile.ZipFile, name: str) -> Iterator[str]:
    return _walk_text(_parse_part(package, name), WORD_BREAKS, WORD_SKIPPED, f"{WORD}t")


def _read_opendocument(package: zipfile.ZipFile, name: str) -> Iterator[str]:
    return _walk_text(_parse_part(package, name), ODT_BREAKS, ODT_SKIPPED, None)


def clean_text(text: str) -> str:
    """Remove invisible characters, spaces at the ends of lines, and repeated blank lines."""
    lines = INVISIBLE_CHARACTERS.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in lines)).strip("\n")
