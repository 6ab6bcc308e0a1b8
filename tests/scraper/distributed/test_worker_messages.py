"""Tests that a worker's messages are read as they were meant, and that nothing else is an
operation.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from scrapy.settings import BaseSettings

from scraper.distributed.broker import Broker, connect_redis
from scraper.distributed.worker_messages import WorkerOperation, pack_operations, unpack_message
from scraper.errors import BrokerError
from scraper.ingest.parsed_page import FetchedPage, ParsedPage
from scraper.items import ImageItem, Provenance, QuestionItem, ReleaseItem
from tests.scraper.distributed.builders import operation

SEEN = datetime(2026, 3, 2, 9, 30, 1, 250, tzinfo=UTC)
URL = "https://skog.example/nyheter/1"
ANSWER = FetchedPage(
    url=URL,
    fetched_at=SEEN,
    status=200,
    headers={"etag": '"å"', "$datetime": "x"},
    body=bytes(range(256)),
)
ITEM = ReleaseItem(
    url=URL,
    title="Räkning av älg \ud800",  # a lone surrogate, as on broken pages
    tags=["älg"],
    questions=[QuestionItem(question="Hur?", answer="Så.")],
    images=[ImageItem(url=f"{URL}.jpg", alt="Älg")],
    evidence={"title": Provenance(rule="h1", element="main > h1")},
)
OPERATIONS = (
    operation("frontier.add", URL, agency="skog", seen=SEEN, source=None),
    operation("hosts.pause", "skog.example", SEEN, "x", first=timedelta(seconds=1.5)),
    operation("save_page", ParsedPage(item=ITEM, url=URL, release_id=None, response=ANSWER)),
)
UNNAMED = {"DISTRIBUTED_BROKER": "", "DISTRIBUTED_PREFIX": "x", "DISTRIBUTED_BACKLOG": 1}


def to_fields(*operations: WorkerOperation) -> dict[bytes, bytes]:
    """Return a message as it is in the stream."""
    text, body = pack_operations(operations)
    return {b"agency": b"skog", b"token": b"7", b"seq": b"1", b"operations": text, b"body": body}


def test_a_message_reads_as_it_was_worded() -> None:
    message = unpack_message(to_fields(*OPERATIONS))
    assert (message.agency, message.token, message.seq) == ("skog", 7, 1)
    assert message.operations == OPERATIONS


@pytest.mark.parametrize(
    "name", ["frontier.db", "recorder.close", "captures.keep", "archive.close", "exec", "__class__"]
)
def test_what_is_no_operation_is_refused(name: str) -> None:
    with pytest.raises(BrokerError, match="is not an operation"):
        unpack_message(to_fields(operation(name)))


@pytest.mark.slow("starts processes")
def test_only_distributed_crawling_needs_a_client_for_the_broker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = "import scraper.commands.enqueue, scraper.commands.worker, scraper.commands.writer, sys"
    code = f"{known}; sys.exit(bool({{'redis', 'dramatiq'}} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    monkeypatch.setitem(sys.modules, "redis", None)
    advice = r"pip install -c constraints\.txt -e '\.\[distributed\]'"
    with pytest.raises(BrokerError, match=advice):
        connect_redis("redis://127.0.0.1:1/0")


def test_a_broker_that_is_not_named_or_away_is_told() -> None:
    with pytest.raises(BrokerError, match="DISTRIBUTED_BROKER is not set"):
        Broker(BaseSettings(UNNAMED))
    url = "redis://:secret@127.0.0.1:1/0"
    with pytest.raises(BrokerError, match=r"^127\.0\.0\.1:1: ") as told:
        Broker(BaseSettings(UNNAMED | {"DISTRIBUTED_BROKER": url})).check_connection()
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("damage", [slice(0, -5), slice(3, None), slice(0, 0)])
def test_a_damaged_message_is_an_error(damage: slice) -> None:
    fields = to_fields(*OPERATIONS)
    with pytest.raises(BrokerError, match="cannot be unpacked"):
        unpack_message({**fields, b"operations": fields[b"operations"][damage]})
