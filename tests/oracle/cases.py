"""The commands that are recorded: cases with permanent names, whose steps use the names before the
renames.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

SETTINGS = "-s ARCHIVE={archive} -s AGENCIES={agencies}"
PAGE = (
    "tests/pages/skogsbruksradet/page.html --url http://skogsbruksradet.localhost:{site}/nyheter/x"
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """Commands that run one after another.

    {archive}: a copy of the sample archive; {out}: a folder to be created.
    """

    name: str
    steps: tuple[str, ...]
    given: str = ""  # on standard input


def case(name: str, *steps: str, given: str = "") -> Case:
    """Return a case."""
    return Case(name=name, steps=steps, given=given)


ARCHIVE_COMMANDS = (
    "serve",
    "verify",
    "reindex",
    "backup",
    "restore",
    "snapshot",
    "replica",
    "export-warc",
    "import",
)
SCRAPY_COMMANDS = (
    "probe",
    "extract",
    "reparse",
    "round",
    "health",
    "diagnose",
    "quarantine",
    "enqueue",
    "worker",
    "writer",
)
ASIDE = "skogsbruksradet"  # has quarantined pages in the sample archive
HIDE = "python -m archive takedown hide {key} --reason 'Ett skäl' --archive {archive}"


def cases() -> Iterator[Case]:
    """Yield every case."""
    yield from helped()
    yield from of_archive()
    yield from of_scrapy()


def helped() -> Iterator[Case]:
    """Yield the cases that print the commands' descriptions."""
    yield case(
        "help-archive", "python -m archive --help", "python -m archive", "python -m archive nosuch"
    )
    for name in (*ARCHIVE_COMMANDS, "dataset", "takedown"):
        yield case(
            f"help-archive-{name}",
            f"python -m archive {name} --help",
            f"python -m archive {name} --nosuch",
        )
    for name in ("hide", "redact", "lift", "list"):
        yield case(f"help-archive-takedown-{name}", f"python -m archive takedown {name} --help")
    yield case("help-scrapy", "scrapy", "scrapy nosuch", "scrapy list")
    for name in ("crawl", *SCRAPY_COMMANDS):
        yield case(f"help-scrapy-{name}", f"scrapy {name} --help", f"scrapy {name} --nosuch")


def of_archive() -> Iterator[Case]:
    """Yield the cases of `python -m archive`."""
    yield case(
        "verify",
        "python -m archive verify {archive}",
        "python -m archive verify {archive} --digest",
        "python -m archive verify {archive} --known 0000",
        "python -m archive verify {out}/nosuch.db",
        "python -m archive verify README.md",
    )
    yield case(
        "export-warc",
        "python -m archive export-warc {archive} --to {out}.warc.gz",
        "python -m archive export-warc {archive} --to {out}-one.warc.gz --agency skogsbruksradet",
        "python -m archive export-warc {archive}",
        "python -m archive export-warc {archive} --to {out}-none.warc.gz --agency nosuch",
    )
    yield case(
        "backup",
        "python -m archive backup {archive} --to {out}",
        "python -m archive restore {newest} --to {folder}/again/archive.db",
        "python -m archive restore {newest} --to {archive}",
        "python -m archive restore {newest} --to {archive} --replace",
        "python -m archive restore {folder}/nosuch --to {archive}",
        "python -m archive backup {archive} --to {out} --keep 0",
        "python -m archive verify {archive}",
    )
    yield case(
        "reindex",
        "python -m archive reindex {archive}",
        "python -m archive reindex {out}/nosuch.db",
    )
    yield case(
        "snapshot",
        "python -m archive snapshot {archive} --to {out}",
        "python -m archive snapshot {archive} --to {out}",
        "python -m archive snapshot {archive}",
        "python -m archive replica {folder}/nosuch --port {port}",
    )
    yield case(
        "dataset-search",
        "python -m archive dataset 'skog från:2015' --to {out} --archive {archive}",
        "python -m archive dataset 'skog från:2015' --to {out} --archive {archive}",
        "python -m archive dataset finnsinte --to {out}-none --archive {archive}",
    )
    yield case(
        "dataset-sql",
        "python -m archive dataset 'select id from releases where"
        " id < 9' --to {out} --archive {archive} --only csv",
        "python -m archive dataset 'select"
        " nosuch from releases'"
        " --to {out}-wrong --archive {archive}",
        "python -m archive dataset 'delete from releases' --to {out}-wrong --archive {archive}",
    )
    yield case("dataset-all", "python -m archive dataset --to {out} --archive {archive}")
    yield case(
        "takedown",
        "python -m archive takedown list --archive {archive}",
        HIDE.format(key=3, archive="{archive}"),
        HIDE.format(key=3, archive="{archive}"),
        HIDE.format(key=99999, archive="{archive}"),
        "python -m archive takedown hide 4 --archive {archive}",
        "python -m archive takedown hide 4 --reason ' ' --archive {archive}",
        "python -m archive takedown redact 4 --reason 'Ett skäl' --archive {archive}",
        "python -m archive takedown lift 1 --reason 'Ett skäl' --archive {archive}",
        "python -m archive takedown lift 99 --reason 'Ett skäl' --archive {archive}",
        "python -m archive takedown list --archive {archive}",
        "python -m archive verify {archive}",
        given="finns inte i texten",
    )
    yield case(
        "import",
        "python -m archive import {lines} --agency"
        " skogsbruksradet --agencies {agencies} --archive {archive}",
        "python -m archive import {lines} --agency"
        " skogsbruksradet --agencies {agencies} --archive {archive}",
        "python -m archive import {lines} --agency nosuch --archive {archive}",
        "python -m archive import {folder}/nosuch.jsonl --agency polisen --archive {archive}",
        "python -m archive import {lines} --archive {archive}",
        "python -m archive import {lines} --agency polisen --archive {folder}/new/archive.db",
        "python -m archive verify {archive}",
    )
    yield case(
        "serve-wrong",
        "python -m archive serve {out}/nosuch.db --port {port}",
        "python -m archive serve --port x",
    )


def of_scrapy() -> Iterator[Case]:
    """Yield the cases of `scrapy`."""
    yield case(
        "crawl",
        f"scrapy crawl news -a agency=farledsverket {SETTINGS}",
        f"scrapy crawl revisit -a agency=farledsverket {SETTINGS}",
        f"scrapy crawl audit -a agency=farledsverket {SETTINGS}",
        f"scrapy crawl news -a agency=nosuch {SETTINGS}",
        f"scrapy crawl news -a since=x {SETTINGS}",
        f"scrapy crawl news -a nosuch=1 {SETTINGS}",
        f"scrapy crawl nosuch {SETTINGS}",
        "scrapy crawl",
        "scrapy crawl news -s ARCHIVE={archive} -s AGENCIES=nosuch.toml",
        "scrapy crawl news -s ARCHIVE=README.md -s AGENCIES={agencies}",
        f"scrapy crawl revisit -a agency=farledsverket -s REVISIT_AGES=x {SETTINGS}",
    )
    yield case(
        "crawl-new",
        f"scrapy crawl news -a agency=farledsverket -a since=2020-01-01 {SETTINGS}".replace(
            "{archive}", "{folder}/new.db"
        ),
    )
    yield case(
        "probe",
        f"scrapy probe http://skogsbruksradet.localhost:{{site}}/ {SETTINGS}",
        f"scrapy probe {PAGE} {SETTINGS}",
        f"scrapy probe {PAGE} --store --out {{out}} {SETTINGS}",
        "scrapy probe ftp://nosuch",
        "scrapy probe",
        "scrapy probe nosuch.html --url http://x.example/",
    )
    yield case(
        "extract",
        f"scrapy extract {PAGE}",
        f"scrapy extract {PAGE} --explain {SETTINGS}",
        f"scrapy extract {PAGE} --agency nosuch",
        f"scrapy extract {PAGE} --agency skogsbruksradet --explain -s AGENCIES={{agencies}}",
        "scrapy extract nosuch.html --url http://x.example/",
        "scrapy extract README.md --url http://x.example/",
        "scrapy extract tests/pages/skogsbruksradet/page.html",
    )
    yield case(
        "reparse",
        f"scrapy reparse {SETTINGS}",
        f"scrapy reparse nosuch {SETTINGS}",
        "scrapy reparse -s ARCHIVE={out}.db",
    )
    yield case(
        "reparse-one",
        f"scrapy reparse --agency skogsbruksradet {SETTINGS}",
        "python -m archive verify {archive}",
    )
    yield case(
        "round",
        f"scrapy round --agency farledsverket {SETTINGS}",
        f"scrapy round --fresh 24 {SETTINGS}",
        "scrapy round --fresh 0.001 -s ARCHIVE={folder}/nosuch.db -s AGENCIES={agencies}",
        f"scrapy round --agency nosuch {SETTINGS}",
        f"scrapy round --every 0 {SETTINGS}",
    )
    yield case(
        "round-alert",
        f"ALERT_WEBHOOK=http://127.0.0.1:1/ scrapy round --agency farledsverket {SETTINGS}",
        f"ALERT_WEBHOOK=nosuch scrapy round --agency farledsverket {SETTINGS}",
        f"ALERT_MAIL=nosuch scrapy round --agency farledsverket {SETTINGS}",
    )
    yield case(
        "health",
        f"scrapy health {SETTINGS}",
        f"scrapy health --acknowledge {ASIDE} {SETTINGS}",
        f"scrapy health --acknowledge nosuch {SETTINGS}",
        f"scrapy health {SETTINGS}",
        "scrapy health -s ARCHIVE={out}/nosuch.db",
        "scrapy health -s ARCHIVE={archive}",
    )
    yield case(
        "diagnose",
        f"scrapy diagnose {ASIDE} {SETTINGS}",
        f"scrapy diagnose {ASIDE} --json {SETTINGS}",
        f"scrapy diagnose {ASIDE} --save {{out}} {SETTINGS}",
        f"scrapy diagnose farledsverket {SETTINGS}",
        f"scrapy diagnose nosuch {SETTINGS}",
        "scrapy diagnose",
    )
    yield case(
        "quarantine",
        f"scrapy quarantine {SETTINGS}",
        f"scrapy quarantine --accept {ASIDE} --id 1,2 {SETTINGS}",
        f"scrapy quarantine {ASIDE} --id 3 --drop {SETTINGS}",
        f"scrapy quarantine --accept {ASIDE} {SETTINGS}",
        f"scrapy quarantine {SETTINGS}",
        f"scrapy quarantine --accept {ASIDE} --id x {SETTINGS}",
        f"scrapy quarantine --accept nosuch {SETTINGS}",
        "scrapy quarantine --accept",
        "python -m archive verify {archive}",
    )
    yield case(
        "distributed",
        *(f"scrapy {name} {SETTINGS}" for name in ("enqueue", "worker", "writer")),
        f"scrapy enqueue -s DISTRIBUTED_BROKER=redis://127.0.0.1:1/0 {SETTINGS}",
    )
