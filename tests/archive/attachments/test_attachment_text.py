"""The text of files, page by page, and the limits for files that are damaged or made to do harm."""

from __future__ import annotations

import io
import os
import resource
import signal
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from datetime import date
from typing import Any

import openpyxl
import pytest

from archive.attachments import attachment_store as attachment_text
from archive.attachments.attachment_store import (
    LIMITS,
    PROBLEMS,
    AttachmentText,
    extract_text,
    read_lines,
)
from tests.site.files import make_pdf, write_pdf

WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
MC = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
ODF = "urn:oasis:names:tc:opendocument:xmlns"
ODT_TYPE = "application/vnd.oasis.opendocument.text"
DTD_BOMB = (
    '<!DOCTYPE w [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1 if n else str()};" * 10}">' for n in range(9))
    + f"]><w:document {WORD}><w:p><w:t>&a8;</w:t></w:p></w:document>"
)


def make_zip(**parts: str | bytes) -> bytes:
    """Return an archive of parts, whose names have `__` for a slash and `_` for a full stop."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name.replace("__", "/").replace("_", "."), content)
    return file.getvalue()


def make_docx(body: str, **more: str) -> bytes:
    return make_zip(
        word__document_xml=f"<w:document {WORD} {MC}><w:body>{body}</w:body></w:document>", **more
    )


def make_odt(text: str, manifest: str = "<manifest/>") -> bytes:
    content = (
        f'<o:document-content xmlns:o="{ODF}:office:1.0"'
        f' xmlns:t="{ODF}:text:1.0">{text}</o:document-content>'
    )
    return make_zip(mimetype=ODT_TYPE, content_xml=content, **{"META-INF__manifest_xml": manifest})


def make_workbook() -> bytes:
    """Return a workbook of two visible sheets and a hidden one."""
    workbook, file = openpyxl.Workbook(), io.BytesIO()
    sheet = workbook.active
    assert sheet is not None
    sheet.title = "Årsvärden"
    for row in (["Län", "Antal", "Dag"], ["Örebro", 1250, date(2024, 6, 3)], [None, 0.5, None]):
        sheet.append(row)
    workbook.create_sheet("Dolt").append(["hemligt"])
    workbook["Dolt"].sheet_state = "hidden"
    workbook.create_sheet("Metod").append(["Enkät"])
    workbook.save(file)
    return file.getvalue()


def make_flate_bomb(size: int) -> bytes:
    """Return a PDF of one page whose content unpacks to `size` bytes of spaces."""
    packer = zlib.compressobj(1)
    packed = (
        b"".join(packer.compress(b" " * 1_000_000) for _ in range(size // 1_000_000))
        + packer.flush()
    )
    stream = b"<< /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (len(packed), packed)
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>"
    return write_pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            page,
            stream,
        ]
    )


WORD_TEXT = """
    <w:p><w:pPr><w:tabs><w:tab/></w:tabs></w:pPr><w:r><w:t>Be</w:t></w:r><w:r><w:t xml:space="preserve">slut om </w:t>
    <w:t>fyren</w:t></w:r></w:p><w:p><w:del><w:r><w:delText>Struket</w:delText></w:r></w:del><w:ins><w:r><w:t>Nytt</w:t>
    </w:r></w:ins></w:p><w:tbl><w:tr><w:tc><w:p><w:r><w:t>Län</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>7</w:t></w:r>
    </w:p></w:tc></w:tr></w:tbl><mc:AlternateContent><mc:Choice><w:p><w:r><w:t>Ruta</w:t></w:r></w:p></mc:Choice>
    <mc:Fallback><w:p><w:r><w:t>Ruta</w:t></w:r></w:p></mc:Fallback></mc:AlternateContent>"""
ODT_TEXT = """<o:body><o:text><t:tracked-changes><t:p>Struket</t:p></t:tracked-changes>
    <t:h>Beslut</t:h><t:p>om <t:span>den
    nya</t:span> fyren<t:s/>i<t:tab/>Örebro<o:annotation><t:p>Stämmer?</t:p></o:annotation>.</t:p></o:text></o:body>"""


@pytest.mark.parametrize(
    ("body", "kind", "pages"),
    [
        (make_pdf("Beslut om fyren"), "pdf", ["Beslut om fyren"]),
        (
            make_pdf("Första sidan", "", "Tredje\nsidan – slut"),
            "pdf",
            ["Första sidan", "", "Tredje sidan – slut"],
        ),
        (b"\n\n" + make_pdf("Rader före huvudet"), "pdf", ["Rader före huvudet"]),
        (make_docx(WORD_TEXT), "docx", ["Beslut om fyren Nytt Län 7 Ruta"]),
        (
            make_docx(
                "<w:p><w:t>Text</w:t></w:p>",
                word__footnotes_xml=f"<w:footnotes {WORD}><w:p><w:t>Not</w:t></w:p></w:footnotes>",
            ),
            "docx",
            ["Text Not"],
        ),
        (make_odt(ODT_TEXT), "odt", ["Beslut om den nya fyren i Örebro."]),
        (make_workbook(), "xlsx", ["Län Antal Dag Örebro 1250 2024-06-03 00:00:00 0.5", "Enkät"]),
    ],
)
def test_text_of_a_file(body: bytes, kind: str, pages: list[str]) -> None:
    found = extract_text(body)
    assert (found.kind, found.page_count, found.problem) == (kind, len(pages), None), found
    assert [" ".join(page.text.split()) for page in found.pages] == pages
    assert [page.number for page in found.pages] == list(range(1, len(pages) + 1))


def test_sheets_have_names() -> None:
    assert [page.name for page in extract_text(make_workbook()).pages] == ["Årsvärden", "Metod"]


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ("Beslut om rege-\nringens fyr", "Beslut om regeringens fyr"),
        ("Beslut om EU-\nstödet", "Beslut om EU-stödet"),
        ("Beslut om a-\nkassan", "Beslut om a-kassan"),
        ("Beslut den 3-\n4 juni", "Beslut den 3- 4 juni"),
        ("Fyr- och\nbåkverket", "Fyr- och båkverket"),
    ],
)
def test_words_divided_at_line_ends(lines: str, text: str) -> None:
    (page,) = extract_text(make_pdf(lines)).pages
    assert " ".join(page.text.split()) == text


def test_pages_without_text_are_seen() -> None:
    found = extract_text(make_pdf("", "7 fyrar", ""))
    assert [page.letters for page in found.pages] == [0, 6, 0]
    assert (found.letters, found.problem) == (6, None)
    assert extract_text(make_pdf("", "")).letters == 0


@pytest.mark.parametrize(
    ("body", "problem", "detail"),
    [
        (make_pdf("Hemligt", encrypt=True), "encrypted", "PDFium: error 4"),
        (make_pdf("Avhuggen")[:60], "damaged", "PDFium: error 3"),
        (b"%PDF-1.4\n" + bytes(range(256)) * 40, "damaged", "PDFium"),
        (b"<!doctype html><p>Sidan finns inte", "unsupported", "neither PDF"),
        (b"", "unsupported", "neither PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "unsupported", "before 2007"),
        (make_zip(index_html="<p>Hej"), "unsupported", "archive of files"),
        (make_docx("<w:p>")[:-40], "damaged", "BadZipFile"),
        (make_docx("<w:p><w:t>Öppen"), "damaged", "XMLSyntaxError"),
        (make_zip(xl__workbook_xml="<x"), "damaged", ""),
        (make_odt("", "<manifest><encryption-data/></manifest>"), "encrypted", "password"),
        (make_zip(word__document_xml=DTD_BOMB), "damaged", "amplification"),
    ],
)
def test_files_without_readable_text(body: bytes, problem: str, detail: str) -> None:
    found = extract_text(body)
    assert (found.problem, found.letters) == (problem, 0), found
    assert detail in str(found.detail)


def test_only_the_first_pages_and_letters_are_read() -> None:
    body = make_pdf(*(f"Sida {number}" for number in range(1, 601)))
    found = extract_text(body)
    assert (found.page_count, len(found.pages), found.problem) == (600, 500, "pages")
    assert found.pages[-1].text == "Sida 500"
    cut = extract_text(body, {"letters": 14})
    assert ([page.text for page in cut.pages], cut.problem) == (
        ["Sida 1", "Sida 2", "Si"],
        "letters",
    )
    assert (
        extract_text(make_docx("<w:p><w:t>Beslut</w:t></w:p>"), {"letters": 3}).problem == "letters"
    )


@pytest.mark.slow("extreme input")
@pytest.mark.parametrize(
    "make",
    [
        lambda: make_flate_bomb(400_000_000),
        lambda: make_docx("<w:p/>" * 3_900_000),
        lambda: make_zip(word__document_xml=b" " * 40_000_000),
    ],
    ids=["content of a PDF", "elements", "unpacked"],
)
def test_bombs_end_at_the_limits(make: Callable[[], bytes]) -> None:
    body = make()
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    found = extract_text(body)
    assert (found.problem, found.pages) == ("limits", ())
    # Linux counts what the process had before it ran another program: the memory of this one
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    largest = max(before, own, LIMITS["memory"] // 1024)
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss <= largest


@pytest.mark.slow("extreme input")
@pytest.mark.parametrize(
    ("limits", "max_wait"),
    [({"seconds": 1}, 120), ({}, 1.0), ({"output_bytes": 60_000}, 120)],
    ids=["processor time", "clock", "output"],
)
def test_what_was_read_before_a_limit_is_kept(limits: dict[str, int], max_wait: float) -> None:
    body = make_pdf(*(f"Sida {number}\n" + "ord " * 400 for number in range(1, 3000)))
    found = extract_text(body, {"pages": 100_000, "letters": 10**9, **limits}, max_wait)
    assert found.problem == "limits"
    assert "process ended with -" in str(found.detail)
    assert len(found.pages) < 2999
    assert [page.number for page in found.pages] == list(range(1, len(found.pages) + 1))
    # by the clock, a busy computer may not even have started the process
    assert found.pages or max_wait < 120


def test_a_page_that_cannot_be_read_is_named() -> None:
    lines = [
        b'{"kind": "pdf", "pages": 2}\n',
        b'{"page": 1, "name": null, "text": "Hej", "problem": null}\n',
        b'{"page": 2, "name": null, "text": "", "problem": "PDFium: Failed to load page."}\n',
        b'{"end": "complete"}\n',
    ]
    found = read_lines(lines, 0)
    assert (found.problem, found.detail) == ("some_pages", "page 2: PDFium: Failed to load page.")
    assert read_lines(lines[:2], -6).problem == "limits"
    assert read_lines([], -9) == AttachmentText(
        problem="limits", detail="its process ended with -9"
    )


def test_worker_has_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    seen: list[dict[str, str]] = []
    start = subprocess.Popen

    def start_process(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        seen.append(options["env"])
        return start(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", start_process)
    assert extract_text(make_pdf("Hej")).letters == 3
    assert seen == [{}]


def test_a_fault_of_our_own_is_not_one_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archive.attachments.attachment_store.json.dumps", lambda _: "{")
    with pytest.raises(RuntimeError, match="JSONDecodeError"):
        extract_text(make_pdf("Hej"))


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_process_says_nothing_about_the_file(
    monkeypatch: pytest.MonkeyPatch, ending: signal.Signals
) -> None:
    start = subprocess.Popen

    def start_process(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        process = start(*arguments, **options)
        assert os.getpgid(process.pid) != os.getpgid(0)  # Ctrl-C does not reach it
        process.send_signal(ending)
        return process

    monkeypatch.setattr(subprocess, "Popen", start_process)
    # A job in the background of a shell ignores SIGINT, and its processes would inherit that; a
    # handler they do not.
    inherited = signal.signal(ending, lambda *_: None)
    try:
        with pytest.raises(RuntimeError, match=f"ended with -{ending.value}"):
            extract_text(make_pdf("Hej"))
    finally:
        signal.signal(ending, inherited)


def test_worker_imports_nothing_of_the_project() -> None:
    code = (
        "import runpy, sys; runpy.run_path(sys.argv[1]); print([m for m in sys.modules if"
        " m.startswith('archive')])"
    )
    command = [sys.executable, "-I", "-c", code, str(attachment_text.WORKER)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"
    assert len(set(PROBLEMS)) == len(PROBLEMS)
