"""Builds what workers send, and what they hold while they send it."""

from __future__ import annotations

from typing import Any

from scrapy.settings import BaseSettings

from archive.times import now
from scraper.distributed.broker import Broker
from scraper.distributed.leases import Lease
from scraper.distributed.worker_crawl import MessageSender
from scraper.distributed.worker_messages import WorkerOperation


def operation(name: str, /, *args: Any, **kwargs: Any) -> WorkerOperation:
    """Return an operation as a worker sends it."""
    return WorkerOperation(name=name, args=args, kwargs=kwargs)


def open_crawl() -> WorkerOperation:
    return operation("open_crawl", spider="news", at=now())


def take_lease(broker: Broker, settings: BaseSettings, slug: str = "skog") -> Lease:
    lease = Lease.acquire(broker, settings, f"{slug}.example")
    assert lease
    return lease


def start_round(broker: Broker, settings: BaseSettings, slug: str = "skog") -> MessageSender:
    """Request a round as a worker does."""
    sender = MessageSender(broker, take_lease(broker, settings, slug), slug)
    sender.send(operation("start_round"))
    return sender
