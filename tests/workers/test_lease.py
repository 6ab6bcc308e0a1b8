"""An agency is one worker's at a time, and who has lost it can do no harm."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from scrapy import Request
from scrapy.settings import BaseSettings

from archive.dates import now
from scraper.distributed.messages import Operation
from scraper.distributed.queue import Broker, JobDeferral, JobQueue, Lease
from scraper.distributed.worker import LeasedHttpHandler, MessageSender, SendError
from scraper.downloader.errors import CrawlStopped

BEGIN = Operation(name="begin", kwargs={"spider": "news", "at": now()})


def take(crew: Broker, settings: BaseSettings) -> Lease:
    lease = Lease.acquire(crew, settings, "skog.example")
    assert lease
    return lease


def test_a_lease_is_one_workers_until_it_is_left(crew: Broker, settings: BaseSettings) -> None:
    first = take(crew, settings)
    assert Lease.acquire(crew, settings, "skog.example") is None
    assert Lease.acquire(crew, settings, "annan.example")
    assert first.renew()
    assert 29 < first.seconds_left <= 30, "the longest delay of a host is left out"
    first.release(0)
    while not (second := Lease.acquire(crew, settings, "skog.example")):
        pass
    assert second.token > first.token
    assert not first.renew()
    assert first.seconds_left < 0
    assert second.refresh()


def test_tokens_rise_even_where_the_broker_has_forgotten_all(crew: Broker, settings: BaseSettings) -> None:
    first = take(crew, settings)
    crew.redis.delete(first.key, crew.key("token"))
    while (second := take(crew, settings)).token == first.token:  # within one millisecond
        crew.redis.delete(first.key, crew.key("token"))
    assert second.token > first.token


def test_whose_lease_is_anothers_can_tell_nothing(crew: Broker, settings: BaseSettings) -> None:
    first = take(crew, settings)
    post = MessageSender(crew, first, "skog")
    post.send(BEGIN)
    crew.redis.delete(first.key)
    take(crew, settings)
    with pytest.raises(SendError, match="another worker's"):
        post.send(BEGIN)
    assert crew.redis.xlen(crew.key("stream")) == 1


def test_what_is_sent_twice_for_want_of_an_answer_is_taken_once(crew: Broker, settings: BaseSettings) -> None:
    lease = take(crew, settings)
    post = MessageSender(crew, lease, "skog")
    post.send(BEGIN)
    post.seq -= 1  # as one that heard no answer has it
    post.send(BEGIN)
    assert crew.redis.xlen(crew.key("stream")) == 1
    assert MessageSender(crew, lease, "skog").seq == 1, "the round's next pass goes on counting"


def test_a_worker_waits_for_a_writer_that_is_behind(crew: Broker, settings: BaseSettings) -> None:
    crew.max_backlog = 100
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        crew.redis.set(crew.key("backlog"), 0)  # the writer has caught up

    post = MessageSender(crew, take(crew, settings), "skog", wait)
    for _ in range(4):
        post.send(BEGIN)
    assert len(waits) > 0
    assert crew.redis.xlen(crew.key("stream")) == 4


@pytest.mark.parametrize(("left", "asked"), [(5.0, 1), (-0.1, 0)])
def test_nothing_is_asked_for_without_a_lease(left: float, asked: int) -> None:
    sent: list[Request] = []

    async def download_request(request: Request) -> None:
        sent.append(request)

    handler = LeasedHttpHandler.__new__(LeasedHttpHandler)
    handler.handler = SimpleNamespace(download_request=download_request)
    spider = SimpleNamespace(deadline=SimpleNamespace(is_stopping=False))
    books = SimpleNamespace(lease=SimpleNamespace(seconds_left=left))
    handler.crawler = cast("Any", SimpleNamespace(spider=spider, get_extension=lambda kind: books))
    try:
        asyncio.run(handler.download_request(Request("http://skog.example/")))
    except CrawlStopped:
        assert spider.deadline.is_stopping, "the crawl ends"
    assert len(sent) == asked


def test_a_round_is_queued_once(crew: Broker, settings: BaseSettings) -> None:
    queue = JobQueue(crew, settings, lambda slug, host: None if host else JobDeferral(seconds=60))
    assert [queue.enqueue("skog", "skog.example"), queue.enqueue("skog", "skog.example")] == [True, False]
    with pytest.raises(queue.dramatiq_module.Retry):
        queue.process_job("skog", "")
    assert not queue.enqueue("skog", "skog.example"), "it is not done"
    queue.process_job("skog", "skog.example")
    assert queue.enqueue("skog", "skog.example")
    queue.stop()
