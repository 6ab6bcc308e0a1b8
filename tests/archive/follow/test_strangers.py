"""Attacks of strangers on following: whatever they request, subscribers get their messages and can subscribe."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date

import pytest

from archive import delivery
from archive.follow import sending
from tests.archive.follow.life import ADDRESS, DAY, MINUTE, Life, build_release, find_link, post, subscribe
from tests.archive.sample import Site, find_plugin, served
from tests.scraper.receivers import Webhook

TODAY = date(2024, 6, 3)
BRIDGE = build_release("bro", "Bron vid fyren", TODAY)


@pytest.fixture
def own_site(life: Life, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("FOLLOW_PRIVATE_HOSTS", "127.0.0.1,localhost")
    with served(life.path) as datasette:
        plugin = find_plugin("follow.py")
        monkeypatch.setattr(plugin, "now", lambda: life.moment)
        monkeypatch.setattr(plugin, "REQUESTS", plugin.RequestCounter())
        monkeypatch.setattr(plugin, "MAX_CLIENT_REQUESTS", 100)
        yield Site(datasette)


@contextmanager
def silent_servers(number: int) -> Iterator[list[str]]:
    """Yield the URLs of servers that accept connections and never answer."""
    with ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        yield [f"http://127.0.0.1:{server.getsockname()[1]}/" for server in servers]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the time for which a run waits, in proportion."""
    monkeypatch.setattr(delivery, "DELIVERY_TIMEOUT", 0.2)
    monkeypatch.setattr(sending, "MAX_WEBHOOK_SECONDS", 0.6)


async def request_webhook(site: Site, url: str, query: str = "") -> None:
    response = await post(site, f"/-/follow?{query}", channel="webhook", address=url, frequency="now")
    assert response.status_code == 200


async def confirm_webhook(site: Site, life: Life, webhook: Webhook) -> None:
    await request_webhook(site, webhook.url)
    life.notify()
    await post(site, find_link(webhook.received.pop()["text"]), action="confirm")


@pytest.mark.usefixtures("impatient")
async def test_unconfirmed_webhooks_that_never_answer_delay_no_subscriber(life: Life, own_site: Site) -> None:
    with Webhook() as webhook, silent_servers(6) as silent:
        await confirm_webhook(own_site, life, webhook)
        await subscribe(own_site, life, "")
        for url in silent:
            await request_webhook(own_site, url)
        life.crawl(BRIDGE)
        life.mails.received.clear()
        assert life.notify().sent == 2
        assert [message["type"] for message in webhook.received] == ["subscription.report"]
        assert [mail["To"] for mail in life.mails.received] == [ADDRESS]


@pytest.mark.usefixtures("impatient")
async def test_confirmed_webhooks_that_no_longer_answer_come_after_those_that_do(life: Life, own_site: Site) -> None:
    ports = []
    for _ in range(6):
        with Webhook() as webhook:
            await confirm_webhook(own_site, life, webhook)
            ports.append(webhook.server.server_port)
    with Webhook() as webhook, ExitStack() as stack:
        await confirm_webhook(own_site, life, webhook)
        for port in ports:
            stack.enter_context(socket.create_server(("127.0.0.1", port)))
        life.crawl(BRIDGE)
        for _ in range(3):  # at first, nobody knows which will answer
            life.notify()
            life.moment += 2 * MINUTE
        assert len(webhook.received) == 1
        life.moment += DAY
        life.crawl(build_release("hamn", "Ny hamn", TODAY))
        life.notify()
        assert len(webhook.received) == 2


@pytest.mark.usefixtures("impatient")
async def test_requests_for_webhooks_delay_no_request_by_mail(life: Life, own_site: Site) -> None:
    with silent_servers(6) as silent:
        for url in silent:
            await request_webhook(own_site, url)
        await subscribe(own_site, life, "q=bron")
