"""`python -m tests.bench.attachments`: is the text of files read as it was printed, and what does
that cost?

A hundred PDFs are printed by Chromium from the stored collection, in one and two columns, with
tables and words divided at the ends of lines, and their text is compared with what was printed.
Then files that are damaged or made to do harm.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import resource
from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape

from playwright.sync_api import Page, sync_playwright

from archive.attachments.attachment_store import LIMITS, extract_text
from tests.archive.attachments.test_attachment_text import (
    DTD_BOMB,
    make_docx,
    make_flate_bomb,
    make_zip,
)
from tests.bench.collection import ABSENT, COLLECTION
from tests.bench.figures import Missed, judge
from tests.bench.measure import children_cpu, print_lines
from tests.browser.install import find_chromium
from tests.site.files import make_pdf

SEED, NUMBER = 29, 100
MIN_LETTERS = 400  # of a release that is printed
MIN_F1 = 0.99
# a page, with the start of a process for each file, which takes about a tenth of a second
MAX_MILLISECONDS = 100.0


def measure_attachments() -> Iterator[str]:
    """Yield the lines of the table, or the reason if there is no collection or no Chromium."""
    chromium = find_chromium()
    if not COLLECTION.is_file() or chromium is None:
        yield f"printed files are {ABSENT}, or no Chromium"
    else:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=options)
            # while the browser runs, its memory does not count as that of an ended process
            yield from judge_printed(browser.new_page(), read_texts())
            browser.close()
    for name, body, problem, pages in make_harmful_files():
        before = children_cpu()
        found = extract_text(body)
        line = (
            f"{name}: {found.problem or 'read'}, {len(found.pages)} pages,"
            f" {children_cpu() - before:.1f} s of CPU"
        )
        is_expected = (found.problem, len(found.pages)) == (problem, pages)
        yield line if is_expected else Missed(f"{line}; expected: {problem}, {pages} pages")
    # Linux counts the memory of this process as that of a process that it starts
    most = max(LIMITS["memory"] // 1024, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1024
    yield judge("most memory of a process, with these files", read_peak(), unit="MB", most=most)


def make_harmful_files() -> Iterator[tuple[str, bytes, str | None, int]]:
    """Yield the name of each file, its bytes, its problem and the number of its pages that are
    read.
    """
    yield "cut off", make_pdf("Avhuggen")[:60], "damaged", 0
    yield "encrypted", make_pdf("Hemligt", encrypt=True), "encrypted", 0
    for number, problem in ((500, None), (900, "pages")):
        yield f"{number} pages", make_pdf(*(f"Sida {page}" for page in range(number))), problem, 500
    yield "PDF that unpacks to 400 MB", make_flate_bomb(400_000_000), "limits", 0
    spaces = make_zip(word__document_xml=b" " * 40_000_000)
    yield "Word file that unpacks to 40 MB", spaces, "limits", 0
    yield "Word file with 3.9 million paragraphs", make_docx("<w:p/>" * 3_900_000), "limits", 0
    yield "Word file with exponential entities", make_zip(word__document_xml=DTD_BOMB), "damaged", 0


def read_texts() -> list[list[str]]:
    """Return the paragraphs of each release that is long enough, with its title."""
    with gzip.open(COLLECTION, "rt", encoding="utf-8") as lines:
        rows = map(json.loads, lines)
        return [
            [row["title"], *row["body"].split("\n\n")]
            for row in rows
            if len(row.get("body") or "") > MIN_LETTERS
        ]


def judge_printed(page: Page, texts: Sequence[list[str]]) -> Iterator[str]:
    draw, pages, shared, read, printed = random.Random(SEED), 0, 0, 0, 0
    cpu, worst = 0.0, 1.0
    for number in range(NUMBER):
        body, expected = print_file(page, draw, texts, number)
        before = children_cpu()
        found = extract_text(body)
        cpu += children_cpu() - before
        pages += len(found.pages)
        own, wanted = map(count_grams, ("\n".join(each.text for each in found.pages), expected))
        common = (own & wanted).total()
        worst = min(worst, 2 * common / (own.total() + wanted.total()))
        shared, read, printed = shared + common, read + own.total(), printed + wanted.total()
    yield f"{NUMBER} files of {pages} pages, {printed} sequences of four words"
    f1 = 2 * shared / (read + printed)
    yield judge("F1 of sequences of four words", f1, least=MIN_F1)
    yield f"  {f1:.4f}; precision {shared / read:.4f}, recall {shared / printed:.4f}"
    yield f"  least of a file {worst:.3f}"
    what = "CPU time of a page, with the start of a process"
    yield judge(what, 1000 * cpu / pages, unit="ms", most=MAX_MILLISECONDS)
    yield f"  most memory of a process: {read_peak():.0f} MB"


def print_file(
    page: Page, draw: random.Random, texts: Sequence[list[str]], number: int
) -> tuple[bytes, str]:
    """Return a PDF of some releases, and the text that was printed."""
    chosen = draw.sample(texts, draw.choice([1, 2, 5, 10]))
    printed = [paragraph for text in chosen for paragraph in text]
    body = "".join(
        f"<div>{''.join(f'<p>{escape(each)}</p>' for each in text)}</div>" for text in chosen
    )
    if number % 5 == 0:
        rows = [(draw.choice(chosen)[0].split()[0], draw.randint(1, 9999)) for _ in range(12)]
        body += f"<table>{''.join(f'<tr><td>{escape(word)}<td>{figure}</tr>' for word, figure in rows)}</table>"
        printed += [f"{word} {figure}" for word, figure in rows]
    columns = "column-count: 2;" if number % 2 else ""
    hyphens = "hyphens: auto;" if number % 3 == 0 else ""
    style = f"div {{{columns}}} body {{{hyphens} font: 11pt serif; text-align: justify}}"
    page.set_content(f"<html lang=sv><style>{style}</style>{body}")
    return page.pdf(format="A4"), "\n".join(printed)


def count_grams(text: str) -> Counter[tuple[str, ...]]:
    words = re.findall(r"\w+", text.replace("\xad", ""))
    return Counter(zip(words, words[1:], words[2:], words[3:], strict=False))


def read_peak() -> float:
    """Return the most memory of a process that has ended, in MB."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


if __name__ == "__main__":
    print_lines(measure_attachments())
