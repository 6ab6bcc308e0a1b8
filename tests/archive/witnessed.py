"""A small archive with captures and a chain of manifests, as three days' crawls would leave it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from archive.captures import Captures, select_evidence_headers
from archive.evidence.manifest import write_manifest
from archive.models import Capture, Contact, Image, Question, Release
from archive.store import Archive

BEGUN = datetime(2026, 3, 1, 8, tzinfo=UTC)
DAYS = 3
LINES = ("<li><a href='/sida'>Om oss, kontakt och press</a></li>" * 60, "Fyren tänds.", "Fyren tänds igen, sent.")


def url(number: int) -> str:
    """Where the invented agency has its releases."""
    return f"https://fyr.example/nyheter/{number}"


def body(number: int, day: int) -> bytes:
    """A page as it stood on a day; some were edited on the second and third."""
    edited = day if number % 3 == 0 else 0
    return f"<html><nav>{LINES[0]}</nav><h1>Fyr {number}</h1><p>{LINES[1 + edited % 2]} {edited}</p></html>".encode()


def release(number: int, day: int) -> Release:
    """What is read from it."""
    edited = day if number % 3 == 0 else 0
    text = f"{LINES[1 + edited % 2]} {edited}"
    return Release(
        agency="fyr",
        url=url(number),
        title=f"Fyr {number}",
        body=text,
        body_html=f"<p>{text}</p>",
        published_text="1 mars 2026",
        tags=("Kust", "Båk"),
        questions=(Question(position=1, question="När?", answer="Nu."),),
        images=(Image(url="https://fyr.example/bild.jpg?w=3", credit="Ada Ek"),),
        contacts=(Contact(name="Bo Strand", phone="08-123 45 67"),),
    )


def witness(folder: Path, *, days: int = DAYS, pages: int = 7, manifests: int = DAYS - 1) -> Path:
    """An archive.db with its captures.db; the last days' rows are in no manifest yet."""
    path = folder / "archive.db"
    with Archive(path) as archive, Captures(path) as captures:
        archive.add_agency("fyr", name="Fyrstyrelsen", home="https://fyr.example/")
        for day in range(days):
            for number in range(1, pages + 1):
                look(archive, captures, number, day)
            if day < manifests:
                assert write_manifest(archive.db.conn, captures, (BEGUN + day * timedelta(days=1)).date())
    return path


def look(archive: Archive, captures: Captures, number: int, day: int) -> None:
    """Keep a page as the crawl does: its bytes first, then capture and revision in one transaction."""
    seen, held = BEGUN + timedelta(days=day, minutes=number), archive.get(url(number))
    sha256 = captures.store_body(body(number, day), "fyr.example")
    if held and held.sha256 == sha256:
        return
    headers = select_evidence_headers(
        {"Content-Type": "text/html; charset=utf-8", "ETag": f'"{day}"', "Set-Cookie": "no"}
    )
    with archive.transaction():
        key = archive.add_capture(
            Capture(
                url=url(number), seen=seen, status=200, headers=headers, sha256=sha256, bytes=len(body(number, day))
            )
        )
        archive.save(release(number, day), seen_at=seen, capture_id=key, parser_version="test 1")


def execute(file: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """Straight from a file, or into it, as someone who means harm would; foreign keys are not looked at."""
    with closing(sqlite3.connect(file)) as db, db:
        return db.execute(sql, values).fetchall()
