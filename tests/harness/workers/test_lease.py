"""Tests that an agency has one worker at a time, and that a worker without its lease can do no
harm.
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from scrapy import Request
from scrapy.settings import BaseSettings

from archive.times import now
from scraper.distributed.broker import Broker
from scraper.distributed.job_queue import JobQueue
from scraper.distributed.leases import Lease
from scraper.distributed.worker_crawl import LeasedHandler, MessageSender, SendError
from scraper.distributed.worker_messages import WorkerOperation
from scraper.downloader.limits import CrawlStopped

BEGIN = WorkerOperation(name="open_crawl", kwargs={"spider": "news", "at": now()})


def take(broker: Broker, settings: BaseSettings) -> Lease:
    lease = Lease.acquire(broker, settings, "skog.example")
    assert lease
    return lease


def test_a_lease_is_one_workers_until_it_is_left(broker: Broker, settings: BaseSettings) -> None:
    first = take(broker, settings)
    assert Lease.acquire(broker, settings, "skog.example") is None
    assert Lease.acquire(broker, settings, "annan.example")
    assert first.renew()
    assert 29 < first.seconds_left <= 30, "the longest delay of a host is left out"
    first.release(0)
    while not (second := Lease.acquire(broker, settings, "skog.example")):
        pass
    assert second.token > first.token
    assert not first.renew()
    assert first.seconds_left < 0
    assert second.renew(0)


def test_tokens_rise_even_where_the_broker_has_forgotten_all(
    broker: Broker, settings: BaseSettings
) -> None:
    first = take(broker, settings)
    broker.redis.delete(first.key, broker.key("token"))
    while (
        second := take(broker, settings)
    ).token == first.token:  # the same millisecond gives the same token
        broker.redis.delete(first.key, broker.key("token"))
    assert second.token > first.token


def test_whose_lease_is_anothers_can_tell_nothing(broker: Broker, settings: BaseSettings) -> None:
    first = take(broker, settings)
    post = MessageSender(broker, first, "skog")
    post.send(BEGIN)
    broker.redis.delete(first.key)
    take(broker, settings)
    with pytest.raises(SendError, match="another worker has the lease"):
        post.send(BEGIN)
    assert broker.redis.xlen(broker.key("stream")) == 1


def test_what_is_sent_twice_for_want_of_an_answer_is_taken_once(
    broker: Broker, settings: BaseSettings
) -> None:
    lease = take(broker, settings)
    post = MessageSender(broker, lease, "skog")
    post.send(BEGIN)
    post.seq -= 1  # as in a worker that got no response
    post.send(BEGIN)
    assert broker.redis.xlen(broker.key("stream")) == 1
    assert MessageSender(broker, lease, "skog").seq == 1, "the round's next pass goes on counting"


def test_a_worker_waits_for_a_writer_that_is_behind(broker: Broker, settings: BaseSettings) -> None:
    broker.max_backlog = 100
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        broker.redis.set(broker.key("backlog"), 0)  # as if the writer had caught up

    post = MessageSender(broker, take(broker, settings), "skog", wait)
    for _ in range(4):
        post.send(BEGIN)
    assert len(waits) > 0
    assert broker.redis.xlen(broker.key("stream")) == 4


@pytest.mark.parametrize(("left", "asked"), [(5.0, 1), (-0.1, 0)])
def test_nothing_is_asked_for_without_a_lease(left: float, asked: int) -> None:
    sent: list[Request] = []

    async def download_request(request: Request) -> None:
        sent.append(request)

    handler = LeasedHandler.__new__(LeasedHandler)
    handler.handler = SimpleNamespace(download_request=download_request)
    spider = SimpleNamespace(deadline=SimpleNamespace(is_stopping=False))
    books = SimpleNamespace(lease=SimpleNamespace(seconds_left=left))
    handler.crawler = cast("Any", SimpleNamespace(spider=spider, get_extension=lambda kind: books))
    try:
        asyncio.run(handler.download_request(Request("http://skog.example/")))
    except CrawlStopped:
        assert spider.deadline.is_stopping, "the crawl ends"
    assert len(sent) == asked


def test_a_round_is_queued_once(broker: Broker, settings: BaseSettings) -> None:
    queue = JobQueue(broker, settings, lambda slug, host: None if host else 60.0)
    assert [queue.enqueue("skog", "skog.example"), queue.enqueue("skog", "skog.example")] == [
        True,
        False,
    ]
    with pytest.raises(queue.dramatiq_module.Retry):
        queue.process_job("skog", "")
    assert not queue.enqueue("skog", "skog.example"), "it is not done"
    queue.process_job("skog", "skog.example")
    assert queue.enqueue("skog", "skog.example")
    queue.stop()
