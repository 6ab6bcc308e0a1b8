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

from scraper.distributed.broker import Broker
from scraper.distributed.job_queue import JobQueue
from scraper.distributed.leases import Lease
from scraper.distributed.worker_crawl import LeasedHandler, MessageSender, SendError
from scraper.downloader.limits import CrawlStopped
from tests.scraper.distributed.builders import open_crawl, take_lease


def test_a_lease_is_one_workers_until_it_is_left(broker: Broker, settings: BaseSettings) -> None:
    first = take_lease(broker, settings)
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
    first = second = take_lease(broker, settings)
    while second.token == first.token:  # the same millisecond gives the same token
        broker.redis.delete(first.key, broker.key("token"))
        second = take_lease(broker, settings)
    assert second.token > first.token


def test_a_message_is_taken_once_and_only_with_the_lease(
    broker: Broker, settings: BaseSettings
) -> None:
    lease = take_lease(broker, settings)
    sender = MessageSender(broker, lease, "skog")
    sender.send(open_crawl())
    sender.seq -= 1  # as in a worker that got no response
    sender.send(open_crawl())
    assert broker.redis.xlen(broker.key("stream")) == 1
    assert MessageSender(broker, lease, "skog").seq == 1, "the round's next pass goes on counting"
    broker.redis.delete(lease.key)
    take_lease(broker, settings)
    with pytest.raises(SendError, match="another worker has the lease"):
        sender.send(open_crawl())
    assert broker.redis.xlen(broker.key("stream")) == 1


def test_a_worker_waits_for_a_writer_that_is_behind(broker: Broker, settings: BaseSettings) -> None:
    broker.max_backlog = 100
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        broker.redis.set(broker.key("backlog"), 0)  # as if the writer had caught up

    sender = MessageSender(broker, take_lease(broker, settings), "skog", wait)
    for _ in range(4):
        sender.send(open_crawl())
    assert len(waits) > 0
    assert broker.redis.xlen(broker.key("stream")) == 4


@pytest.mark.parametrize(("left", "is_asked"), [(5.0, True), (-0.1, False)])
def test_nothing_is_asked_for_without_a_lease(left: float, is_asked: bool) -> None:
    sent: list[Request] = []

    async def download_request(request: Request) -> None:
        sent.append(request)

    handler = LeasedHandler.__new__(LeasedHandler)
    handler.handler = SimpleNamespace(download_request=download_request)
    spider = SimpleNamespace(deadline=SimpleNamespace(is_stopping=False))
    stats = SimpleNamespace(lease=SimpleNamespace(seconds_left=left))
    handler.crawler = cast("Any", SimpleNamespace(spider=spider, get_extension=lambda kind: stats))
    try:
        asyncio.run(handler.download_request(Request("http://skog.example/")))
    except CrawlStopped:
        assert spider.deadline.is_stopping, "the crawl ends"
    assert bool(sent) == is_asked


def test_a_round_is_queued_once(broker: Broker, settings: BaseSettings) -> None:
    queue = JobQueue(broker, settings, lambda slug, host: None if host else 60.0)
    assert queue.enqueue("skog", "skog.example")
    assert not queue.enqueue("skog", "skog.example")
    with pytest.raises(queue.dramatiq_module.Retry):
        queue.process_job("skog", "")
    assert not queue.enqueue("skog", "skog.example"), "it is not done"
    queue.process_job("skog", "skog.example")
    assert queue.enqueue("skog", "skog.example")
    queue.stop()
