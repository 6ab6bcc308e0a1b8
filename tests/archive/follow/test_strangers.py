"""Attacks of strangers on following: whatever they request, subscribers get their messages and can
subscribe.
"""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from urllib.parse import quote, urlencode

import httpx
import pytest

from archive.follow import notifications, sending
from archive.follow.subscriptions import CONFIRMATION_PAUSE
from archive.views import follow as follow_page
from tests.archive.follow.life import (
    ADDRESS,
    DAY,
    MINUTE,
    Life,
    build_release,
    find_link,
    post,
    read_text,
    request_mails,
    request_webhook,
    subscribe,
)
from tests.archive.sample import Site
from tests.case_tables import load_cases, load_column
from tests.scraper.receivers import Webhook

TODAY = date(2024, 6, 3)
BRIDGE = build_release("bro", "Bron vid fyren", TODAY)


@contextmanager
def silent_servers(number: int) -> Iterator[list[str]]:
    """Yield the URLs of servers that accept connections and never answer."""
    with ExitStack() as stack:
        servers = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)
        ]
        yield [f"http://127.0.0.1:{server.getsockname()[1]}/" for server in servers]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the time for which a run waits for webhooks, in proportion; mails keep theirs."""
    monkeypatch.setattr(sending, "MAX_ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(sending, "DELIVERY_TIMEOUT", 1.0)
    monkeypatch.setattr(sending, "MAX_WEBHOOK_SECONDS", 1.5)


async def confirm_webhook(site: Site, life: Life, webhook: Webhook) -> None:
    await request_webhook(site, webhook.url)
    life.notify()
    await post(site, find_link(webhook.received.pop()["text"]), action="confirm")


@pytest.mark.slow("waits for slow servers")
@pytest.mark.usefixtures("impatient")
async def test_unconfirmed_webhooks_that_never_answer_delay_no_subscriber(
    life: Life, own_site: Site
) -> None:
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


@pytest.mark.slow("waits for slow servers")
@pytest.mark.usefixtures("impatient")
async def test_confirmed_webhooks_that_no_longer_answer_come_after_those_that_do(
    life: Life, own_site: Site
) -> None:
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


@pytest.mark.slow("waits for slow servers")
@pytest.mark.usefixtures("impatient")
async def test_requests_for_webhooks_delay_no_request_by_mail(life: Life, own_site: Site) -> None:
    with silent_servers(6) as silent:
        for url in silent:
            await request_webhook(own_site, url)
        await subscribe(own_site, life, "q=bron")


class SlowWebhook(Webhook):
    """A webhook that takes every message, after `delay` seconds."""

    delay = 0.0

    def __init__(self) -> None:
        super().__init__()
        webhook, handler = self, self.server.RequestHandlerClass

        class SlowHandler(handler):  # type: ignore[misc, valid-type] # made by Webhook
            def do_POST(self) -> None:  # noqa: N802 - as http.server calls it
                time.sleep(webhook.delay)
                super().do_POST()

        self.server.RequestHandlerClass = SlowHandler


def list_reported(webhook: Webhook) -> set[str]:
    return {event["title"] for message in webhook.received for event in message["data"]["events"]}


@pytest.mark.slow("waits for slow servers")
@pytest.mark.parametrize("delay", [0.3, 0.8])
async def test_webhooks_that_are_slow_but_answer_come_last(
    life: Life, own_site: Site, monkeypatch: pytest.MonkeyPatch, delay: float
) -> None:
    monkeypatch.setattr(sending, "MAX_ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(sending, "DELIVERY_TIMEOUT", 5.0)
    with ExitStack() as stack:
        slow = [stack.enter_context(SlowWebhook()) for _ in range(5)]
        for webhook in slow:  # before the other, so that they are first by age
            await confirm_webhook(own_site, life, webhook)
            webhook.delay = delay
        fast = stack.enter_context(Webhook())
        await confirm_webhook(own_site, life, fast)
        life.crawl(BRIDGE)
        life.notify()
        for webhook in slow:  # one fast answer does not put them before the others again
            webhook.delay = 0.0
        life.moment += 5 * MINUTE
        life.notify()
        life.crawl(build_release("kaj", "Ny kaj", TODAY))
        life.notify()
        monkeypatch.setattr(sending, "MAX_WEBHOOK_SECONDS", delay)
        for webhook in slow:
            webhook.delay = delay
        life.crawl(build_release("hamn", "Ny hamn", TODAY))
        life.notify()
        assert len(fast.received) == 3
        assert not all(len(list_reported(webhook)) == 3 for webhook in slow)  # their time was over
        for webhook in slow:
            webhook.delay = 0.0
        life.moment += DAY
        monkeypatch.setattr(sending, "MAX_WEBHOOK_SECONDS", 600.0)
        life.notify()
        for webhook in slow:  # nothing is lost
            assert list_reported(webhook) == {"Bron vid fyren", "Ny kaj", "Ny hamn"}


# Limits


async def post_from(
    site: Site, client: str, path: str, headers: dict[str, str] | None = None, **fields: str
) -> int:
    """Post a form as a client; return the status."""
    form = {"content-type": "application/x-www-form-urlencoded"} | (headers or {})
    transport = httpx.ASGITransport(app=site.datasette.app(), client=(client, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as sender:
        return (await sender.post(path, content=urlencode(fields), headers=form)).status_code


async def request_mail(site: Site, client: str, address: str = ADDRESS, query: str = "") -> int:
    return await post_from(
        site, client, f"/-/follow?{query}", channel="mail", address=address, frequency="now"
    )


@pytest.mark.slow("hundreds of clients")
@pytest.mark.parametrize(
    "networks",
    [[f"203.0.{n}.7" for n in range(110)], [f"2001:db8:{n:x}::1" for n in range(11)]],
    ids=["v4", "v6"],
)
async def test_nobody_can_use_up_the_requests_of_all(
    life: Life, strict_site: Site, networks: list[str]
) -> None:
    link = await subscribe(strict_site, life, "")
    answers = [
        await request_mail(strict_site, network, f"r{n}-{number}@reader.example")
        for n, network in enumerate(networks)
        for number in range(110 // len(networks))
    ]
    assert answers.count(200) >= 100
    assert await request_mail(strict_site, "198.51.100.7", "new@reader.example") == 200
    assert await request_mail(strict_site, "2001:db8:ffff::7", "newer@reader.example") == 200
    assert await post_from(strict_site, networks[0], link, action="access") == 200
    assert (await post(strict_site, link, action="access")).status_code == 200
    recipients = [mail["To"] for mail in life.take_mails()]
    assert {ADDRESS, "new@reader.example", "newer@reader.example"} <= set(recipients)


async def test_addresses_of_one_network_share_their_requests(strict_site: Site) -> None:
    networks = {
        "2001:db8:1:2:%x::5": 10,
        "::ffff:203.0.113.9": 10,
        "64:ff9b::203.0.113.10": 10,
    }
    for network, allowed in networks.items():
        clients = [network % number if "%" in network else network for number in range(13)]
        answers = [
            await request_mail(strict_site, client, f"r{n}@a.example")
            for n, client in enumerate(clients)
        ]
        assert answers == [200] * allowed + [429] * (13 - allowed)
    for client in ("203.0.113.9", "203.0.113.10"):
        assert await request_mail(strict_site, client) == 429
    assert await request_mail(strict_site, "2001:db8:1:3::5") == 200


@pytest.mark.parametrize("form", ["2001:db8:7:{:x}::1", "203.0.113.{}"])
async def test_one_network_cannot_make_a_request_with_each_address_when_the_site_is_busy(
    strict_site: Site, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setenv("FOLLOW_MAX_REQUESTS", "20")
    for n in range(20):
        assert await request_mail(strict_site, f"198.51.{n}.1", f"a{n}@a.example") == 200
    answers = [
        await request_mail(strict_site, form.format(n), f"r{n}@a.example") for n in range(15)
    ]
    assert answers == [200] * 10 + [429] * 5
    for other in ("192.0.2.1", "2001:db8:8::1", "198.51.0.2"):
        assert await request_mail(strict_site, other, "new@a.example") == 200


def test_counted_requests_are_forgotten_after_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = 0.0
    monkeypatch.setattr("archive.views.follow.time.monotonic", lambda: moment)
    counter = follow_page.RequestCounter()
    assert [counter.is_allowed("203.0.113.1", 100) for _ in range(11)] == [True] * 10 + [False]
    moment = 3_601.0
    assert counter.is_allowed("2001:db8::/64", 1)
    assert not counter.is_allowed("2001:db8::/64", 1)
    assert set(counter.counts) == {"2001:db8::/64", "2001:db8::/48"}


async def test_links_to_everything_are_limited_for_whoever_has_a_link(
    life: Life, strict_site: Site
) -> None:
    links = [
        await subscribe(strict_site, life, "", address)
        for address in (ADDRESS, "bo@reader.example")
    ]
    answers: list[int] = []
    for number in range(12):
        answers.append(
            await post_from(strict_site, f"203.0.113.{number}", links[0], action="access")
        )
        life.notify()
    assert answers == [200] * 10 + [429] * 2
    assert await post_from(strict_site, "203.0.113.0", links[1], action="access") == 200


# Words of strangers


WORDS = load_column(__file__, "words")


@pytest.mark.parametrize(
    "form", ["q={}", "q=bro&tag={}", "agency={}", "agency__not={}", "speaker={}", "tag__not={}"]
)
async def test_no_word_of_a_stranger_is_sent_before_a_confirmation(
    life: Life, own_site: Site, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    with Webhook() as webhook:
        for number, words in enumerate(WORDS):
            query = form.format(quote(words))
            for language in ("sv", "en"):
                address = f"r{number}@{language}.example"
                response = await request_mails(own_site, f"{query}&lang={language}", address)
                assert response.status_code == 200
            await request_webhook(own_site, f"{webhook.url}/{number}", query)
        monkeypatch.setattr(sending, "MAX_WEBHOOK_SECONDS", 600.0)
        mails = life.take_mails()
        assert len(mails) == 2 * len(WORDS)
        texts = {
            re.sub(r"token=\S+", "", f"{mail['Subject']}\n{read_text(mail)}") for mail in mails
        }
        assert len(texts) == 2  # one for each language, whatever was searched for
        payloads = [
            re.sub(r"token=[\w-]+", "", json.dumps({**sent, "timestamp": ""}))
            for sent in webhook.received
        ]
        assert (len(payloads), len(set(payloads))) == (len(WORDS), 1)


async def test_no_title_and_no_name_is_sent_before_a_confirmation(
    life: Life, own_site: Site
) -> None:
    """An agency's words are somebody's, too; a release may be hidden before the message is sent."""
    said = build_release(
        "sagt", "Titel som ingen bad om", TODAY, body="– Vi lyser, säger Siv Åberg, chef."
    )
    life.crawl(said)
    (slug,) = life.archive.db.execute("select slug from people").fetchone()
    for query in (f"release={life.find_id(said.title)}", f"person={slug}"):
        await request_mails(own_site, query)
    sent = "".join(f"{mail['Subject']}\n{read_text(mail)}" for mail in life.take_mails())
    assert "Öppna länken för att se vilket meddelande det gäller." in sent
    assert "Det gäller citat av en person. Öppna länken för att se vem det är." in sent
    assert "Titel" not in sent
    assert "Åberg" not in sent


@pytest.mark.parametrize(
    ("words", "shown"), load_cases(__file__, "chat programs show the words of others as they are")
)
async def test_chat_programs_show_the_words_of_others_as_they_are(
    life: Life, own_site: Site, words: str, shown: str
) -> None:
    with Webhook() as webhook:
        await confirm_webhook(own_site, life, webhook)
        life.crawl(build_release("bro", words, TODAY))
        life.notify()
        (message,) = webhook.received
        assert f"Fyrstyrelsen: {shown}\n" in message["text"].replace("\N{ZERO WIDTH SPACE}", "~")
        assert message["data"]["events"][0]["title"] == words


@pytest.mark.parametrize("query", ["q=bro&lang=en", "q=<b>&agency=fyr", "q=bro&agency=fyr&lang=en"])
async def test_links_in_the_text_of_a_webhook_are_whole(
    life: Life, own_site: Site, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr(notifications, "MAX_EVENTS", 1)
    with Webhook() as webhook:
        await request_webhook(own_site, webhook.url, query)
        life.notify()
        asked = webhook.received.pop()
        assert asked["text"].endswith(asked["data"]["subscription"])
        assert (await post(own_site, find_link(asked["text"]), action="confirm")).status_code == 200
        life.crawl(
            build_release("a", "Bro <b> ett & tu", TODAY), build_release("b", "Bro <b> två", TODAY)
        )
        life.notify()
        (report,) = webhook.received
        assert report["data"]["more"] == 1
        assert report["text"].endswith(f"\n{report['data']['subscription']}")
        assert f"\n{report['data']['page']}\n" in report["text"]
        assert "&lt;b&gt;" in report["text"]


# Forms of other sites


@pytest.mark.parametrize(
    ("headers", "status"),
    load_cases(__file__, "a form of another site subscribes and confirms nothing"),
)
async def test_a_form_of_another_site_subscribes_and_confirms_nothing(
    life: Life, own_site: Site, headers: dict[str, str], status: int
) -> None:
    form = {"channel": "mail", "address": ADDRESS, "frequency": "now"}
    assert await post_from(own_site, "203.0.113.1", "/-/follow", headers, **form) == status
    assert len(life.take_mails()) == (status == 200)
    await post(own_site, "/-/follow?q=x", **form)
    (mail,) = life.take_mails()
    assert (
        await post_from(
            own_site, "203.0.113.1", find_link(read_text(mail)), headers, action="confirm"
        )
        == status
    )


# The owner of an address


async def request_as_stranger(site: Site, number: int, first: int = 0) -> None:
    for n in range(first, first + number):
        assert await request_mail(site, f"2001:db8:{n // 9:x}::1", ADDRESS, f"q=främling{n}") == 200


async def confirm_own(site: Site, link: str, query: str) -> None:
    """Confirm what was requested with a query on the page of a link."""
    page = await site.page(link)
    (form,) = [
        form
        for form in page.cssselect(".subscriptions form")
        if query in form.xpath("string(../h2/a/@href)")
    ]
    fields = {str(field.get("name")): str(field.get("value")) for field in form.cssselect("input")}
    assert (await post(site, str(form.get("action")), **fields)).status_code == 200


@pytest.mark.parametrize(("number", "pause"), [(4, 0), (60, 1)])
async def test_strangers_cannot_lock_out_the_owner_of_an_address(
    life: Life, own_site: Site, number: int, pause: int
) -> None:
    await request_as_stranger(own_site, number)
    life.take_mails()  # which the owner throws away
    assert await request_mail(own_site, "198.51.100.7", ADDRESS, "q=egen") == 200
    await request_as_stranger(own_site, 3, number)
    life.moment += pause * CONFIRMATION_PAUSE
    mail = life.take_mails()[0]
    await confirm_own(own_site, find_link(read_text(mail)), "q=egen")
    life.crawl(
        build_release("egen", "En egen fyr", TODAY), build_release("annan", "Främling1", TODAY)
    )
    assert [mail["Subject"] for mail in life.take_mails() if "nytt" in mail["Subject"]] == [
        "1 nytt: ”egen”"
    ]


async def test_an_earlier_link_shows_a_later_request(life: Life, own_site: Site) -> None:
    await request_as_stranger(own_site, 3)
    link = find_link(read_text(life.take_mails()[0]))
    await request_as_stranger(own_site, 40, 3)
    assert await request_mail(own_site, "198.51.100.7", ADDRESS, "q=egen") == 200
    await confirm_own(own_site, link, "q=egen")
    assert "främling5" not in (await own_site.get(link)).text  # only the newest


@pytest.mark.parametrize("later", [0, 31])
async def test_strangers_cannot_hide_what_was_requested_before(
    life: Life, own_site: Site, later: int
) -> None:
    await request_as_stranger(own_site, 6)
    assert await request_mail(own_site, "198.51.100.7", ADDRESS, "q=egen") == 200
    life.take_mails()
    # the owner's message is sent now, and lost; the next one is a stranger's
    life.moment += CONFIRMATION_PAUSE
    await request_as_stranger(own_site, 1, 6)
    await request_as_stranger(own_site, later, 7)
    life.take_mails()
    life.moment += CONFIRMATION_PAUSE
    (mail,) = life.take_mails()
    await confirm_own(own_site, find_link(read_text(mail)), "q=egen")


@pytest.mark.parametrize("form", load_cases(__file__, "a tag in an address is no other mailbox"))
async def test_a_tag_in_an_address_is_no_other_mailbox(
    life: Life, own_site: Site, form: str
) -> None:
    for n in range(12):
        assert (
            await request_mail(own_site, f"2001:db8:{n:x}::1", form.format(n), f"q=främling{n}")
            == 200
        )
    assert len(life.take_mails()) == 6
    await request_mail(own_site, "198.51.100.7", ADDRESS, "q=egen")
    assert life.take_mails() == []
    for other in ("adam@reader.example", "ada@reader.example.se", "ada-x@reader.example"):
        await request_mail(own_site, "198.51.100.7", other)
    assert len(life.take_mails()) == 3


async def test_a_link_confirms_for_no_other_address_than_its_own(
    life: Life, own_site: Site
) -> None:
    """On a server without tags, somebody else may have the address with one."""
    await request_as_stranger(own_site, 6)
    link = find_link(read_text(life.take_mails()[0]))
    await request_mail(own_site, "198.51.100.7", "ada+egen@reader.example", "q=egen")
    await confirm_own(own_site, link, "q=egen")
    life.crawl(build_release("egen", "En egen fyr", TODAY))
    assert [mail["To"] for mail in life.take_mails() if "nytt" in mail["Subject"]] == [ADDRESS]


@pytest.mark.parametrize(("action", "status"), [("end_all", 400), ("access", 400), ("end", 404)])
async def test_a_page_does_not_claim_what_its_link_cannot_do(
    life: Life, own_site: Site, action: str, status: int
) -> None:
    await request_mails(own_site, "q=bro")
    (mail,) = life.take_mails()
    link = find_link(read_text(mail))
    other = {"id": "99"} if action == "end" else {}
    assert (await post(own_site, link, action=action, **other)).status_code == status
    assert life.take_mails() == []
    assert (await post(own_site, link, action="confirm")).status_code == 200
    if action != "access":
        assert (await post(own_site, link, action=action, **other)).status_code == status


async def test_what_is_gone_since_the_page_was_shown_confirms_nothing_else(
    life: Life, own_site: Site
) -> None:
    await request_as_stranger(own_site, 7)
    link = find_link(read_text(life.take_mails()[0]))
    await request_mail(own_site, "198.51.100.7", ADDRESS, "q=egen")
    before = (await own_site.page(link)).xpath(
        "//li[h2/a[contains(@href, 'egen')]]//input[@name='id']/@value"
    )
    await request_mail(own_site, "203.0.113.7", ADDRESS, "q=egen")  # which replaces it
    assert (await post(own_site, link, action="confirm", id=str(before[0]))).status_code == 404
    assert "är bekräftad" not in (await own_site.get(link)).text
    await confirm_own(own_site, link, "q=egen")


async def test_nobody_can_flood_an_address_with_requests(life: Life, own_site: Site) -> None:
    """Six messages at once, three of the same; then one an hour, for as long as strangers go on."""
    numbers = []
    for hour in range(5):
        await request_as_stranger(own_site, 12, 12 * hour)
        numbers += [len(life.take_mails()) for _ in range(3)]
        life.moment += CONFIRMATION_PAUSE
    assert numbers == [6, 0, 0, *([1, 0, 0] * 4)]


async def test_a_link_to_one_subscription_neither_shows_nor_confirms_what_strangers_request(
    life: Life, own_site: Site
) -> None:
    """The link of a report may be forwarded; what a link may do ends with its own confirmation."""
    link = await subscribe(own_site, life, "q=fyr")
    await request_as_stranger(own_site, 1)
    assert len(life.take_mails()) == 1
    assert "främling" not in (await own_site.get(link)).text
    assert (await post(own_site, link, action="confirm", id="2")).status_code == 404
    life.crawl(build_release("annan", "Främling0", TODAY))
    assert life.take_mails() == []


async def test_a_clock_that_ran_ahead_locks_out_nobody(life: Life, own_site: Site) -> None:
    life.moment += 60 * DAY
    await request_as_stranger(own_site, 5)
    life.moment -= 60 * DAY
    assert await request_mail(own_site, "198.51.100.7", ADDRESS, "q=egen") == 200
    await confirm_own(own_site, find_link(read_text(life.take_mails()[-1])), "q=egen")
