"""Extracts the text of attachments: PDF, Word (DOCX), Excel (XLSX) and OpenDocument text (ODT).

Each file is read by a process of its own (archive/attachment_text_worker.py) with limits of memory, time, output and
open files, because a file from outside may make a parser crash, loop or fill the memory. What the process had written
before it was ended is kept, and the result says that it is not whole.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

WORKER = Path(__file__).with_name("attachment_text_worker.py")
LIMITS = {
    "memory": 512 * 1024 * 1024,  # bytes of address space
    "seconds": 10,  # of processor time
    "output_bytes": 32 * 1024 * 1024,
    "open_files": 16,
    "pages": 500,
    "letters": 2_000_000,
}
MAX_WAIT = 120  # seconds by the clock: many times the processor time, because the process has a low priority
INTERRUPTIONS = (-signal.SIGHUP, -signal.SIGINT, -signal.SIGTERM)  # return codes: no limit ended the process
WITHHELD = "withheld"  # deleted because of a takedown
PROBLEMS = (  # why the text of a file is missing, or is not whole
    "encrypted",  # it needs a password
    "damaged",
    "unsupported",  # it is of another type
    "limits",  # it needs more memory or time than one file may use
    "pages",  # only the first pages were read
    "letters",  # only the first letters were read
    "some_pages",  # single pages could not be read
    WITHHELD,
)


@dataclass(frozen=True, slots=True)
class AttachmentPage:
    """The text of a page of a PDF, of a sheet of a workbook (with its name), or of another document."""

    number: int  # counted from 1
    text: str
    name: str | None = None
    problem: str | None = None  # why it could not be read

    @property
    def letters(self) -> int:
        return sum(map(str.isalnum, self.text))


@dataclass(frozen=True, slots=True)
class AttachmentText:
    """The text of a file. problem: one of PROBLEMS, or None if the text is whole; detail: more about it, in English."""

    kind: str | None = None  # pdf, docx, xlsx or odt; None if the file could not be opened
    page_count: int | None = None  # of the file, also if fewer were read
    pages: tuple[AttachmentPage, ...] = ()
    problem: str | None = None
    detail: str | None = None

    @property
    def letters(self) -> int:
        """Return the number of letters and digits; 0 for a scan without a text layer."""
        return sum(page.letters for page in self.pages)


def extract_text(body: bytes, limits: dict[str, int] | None = None, max_wait: float = MAX_WAIT) -> AttachmentText:
    """Return the text of a file. Its problems are part of the result, and never raised.

    limits: other values than those of LIMITS. Raises RuntimeError if the process failed for a reason of our own, such
    as a library that is not installed, or was asked to end.
    """
    # isolated: neither the working directory nor variables of the environment decide what is imported
    command = [sys.executable, "-I", str(WORKER), json.dumps({**LIMITS, **(limits or {})})]
    with TemporaryFile() as output, TemporaryFile() as errors:  # no pipes, so that the limit of a file's size applies
        with subprocess.Popen(  # noqa: S603 - our own script
            command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=errors,
            env={},
            process_group=0,  # Ctrl-C ends a crawl after its current requests, and must not end this process
        ) as process:
            try:
                process.communicate(body, timeout=max_wait)
            except subprocess.TimeoutExpired:
                process.kill()
        if process.returncode > 0 or process.returncode in INTERRUPTIONS:
            errors.seek(0)
            message = errors.read()[-2000:].decode(errors="replace")
            raise RuntimeError(f"{WORKER.name} ended with {process.returncode}: {message}")
        output.seek(0)
        return read_lines(output, process.returncode)


def read_lines(lines: Iterable[bytes], return_code: int) -> AttachmentText:
    """Return what a worker has written. A process that ended before its last line was ended by a limit."""
    facts: dict[str, Any] = {}
    pages: list[AttachmentPage] = []
    for line in lines:
        if not line.endswith(b"\n"):  # cut by the limit of output
            break
        row = json.loads(line)
        if "page" in row:
            pages.append(AttachmentPage(row["page"], row["text"], row["name"], row["problem"]))
        else:
            facts |= row
    problem, detail = facts.get("problem"), facts.get("detail")
    if problem is None and facts.get("end") in ("pages", "letters"):
        problem = facts["end"]
    elif problem is None and "end" not in facts:
        problem, detail = "limits", f"its process ended with {return_code}"
    elif problem is None and any(page.problem for page in pages):
        problem = "some_pages"
        detail = "; ".join(f"page {page.number}: {page.problem}" for page in pages if page.problem)[:500]
    return AttachmentText(facts.get("kind"), facts.get("pages"), tuple(pages), problem, detail)
