"""The pages for following: what they offer, what they reject, and that they reveal nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import html

from archive.database.sqlite_files import ArchiveError
from archive.follow.subscriptions import FOLLOW_FILE, FollowStore, read_follow_settings
from archive.store.releases import Archive
from archive.views import follow as follow_page
from tests.archive.follow.life import (
    ADDRESS,
    ENVIRONMENT,
    START,
    Life,
    find_link,
    post,
    read_text,
    subscribe,
)
from tests.archive.page_checks import PageCheck, load_pages
from tests.archive.sample import Site, fill, hrefs, served
from tests.case_tables import load_cases
from tests.scraper.receivers import Webhook

FORM = {"channel": "mail", "address": ADDRESS, "frequency": "week"}


@pytest.fixture
def own_site(life: Life, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with served(life.path) as datasette:
        monkeypatch.setattr("archive.views.follow.now", lambda: life.moment)
        monkeypatch.setattr("archive.views.follow.REQUESTS", follow_page.RequestCounter())
        yield Site(datasette)


async def test_feeds_alone_without_settings(site: Site) -> None:
    page = await site.page("/-/follow?q=f%C3%A5glar")
    assert page.cssselect("form[method=post]") == []
    assert hrefs(page, "main ul a") == ["/search.atom?q=f%C3%A5glar"]
    assert (await post(site, "/-/follow?q=x", **FORM)).status_code == 404
    assert await site.status("/-/follow/subscription?token=1-a") == 404


async def test_only_get_head_and_post(own_site: Site) -> None:
    client = own_site.datasette.client
    assert (await client.head("/-/follow")).status_code == 200
    assert (await client.put("/-/follow")).status_code == 405
    assert (await client.post("/-/follow.json")).status_code == 405


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"address": "ada"}, 400),
        ({"address": "ada@reader.example\nBcc: x@y.example"}, 400),
        ({"address": "ada@reader.example, bo@reader.example"}, 400),
        ({"address": '"a b"@reader.example'}, 400),
        ({"address": "=?utf-8?q?a=40b.example=2C?=@reader.example"}, 400),
        ({"frequency": "hour"}, 400),
        ({"channel": "webhook", "address": "https://127.0.0.1/x"}, 400),
        ({"channel": "webhook", "address": "http://reader.example/x"}, 400),
        ({"channel": "sms"}, 400),
        ({"address": "a" * 5_000}, 413),
        ({"channel": "webhook", "address": "https://reader.example/x"}, 200),
    ],
)
async def test_addresses(own_site: Site, life: Life, fields: dict[str, str], status: int) -> None:
    response = await post(own_site, "/-/follow?q=fyr", **FORM | fields)
    assert response.status_code == status
    assert (life.path.with_name(FOLLOW_FILE).exists(), response.headers.get("set-cookie")) == (
        status == 200,
        None,
    )


async def test_known_and_unknown_addresses_get_the_same_answer(own_site: Site, life: Life) -> None:
    """An address with too many requests gets no more mails, and nobody learns it."""
    answers = {(await post(own_site, "/-/follow?q=fyr", **FORM)).text for _ in range(6)}
    assert len(answers) == 1
    assert len(life.take_mails()) == 3


async def test_limit_per_client(own_site: Site) -> None:
    for number in range(10):
        assert (
            await post(own_site, "/-/follow", **FORM | {"address": f"r{number}@a.example"})
        ).status_code == 200
    response = await post(own_site, "/-/follow", **FORM)
    assert (response.status_code, response.headers["retry-after"]) == (429, "3600")


def test_after_many_requests_each_client_may_make_one() -> None:
    counter = follow_page.RequestCounter()
    assert [counter.is_allowed("10.0.0.0", 3) for _ in range(5)] == [True] * 3 + [False] * 2
    assert [counter.is_allowed(f"10.0.0.{number}", 3) for number in (1, 2, 1, 2, 0, 3)] == [
        *[True] * 2,
        *[False] * 3,
        True,
    ]


async def test_read_only_server_says_where(life: Life, tmp_path: Path) -> None:
    copy = tmp_path / "copy" / "archive.db"
    copy.parent.mkdir()
    fill(copy)
    with Archive(copy) as archive:
        archive.db.execute("pragma journal_mode = delete")
    with served(copy, immutable=True) as datasette:
        response = await post(Site(datasette), "/-/follow?q=fyr&lang=en", **FORM)
        assert response.status_code == 503
        assert 'href="https://arkiv.example/-/follow?q=fyr&amp;lang=en"' in response.text
        assert await Site(datasette).status("/-/follow/subscription?token=1-a") == 503
    assert not copy.with_name(FOLLOW_FILE).exists()


async def test_own_page(own_site: Site, life: Life) -> None:
    """A link shows one subscription; one to all is only sent to the address, expires, exports and
    deletes.
    """
    link = await subscribe(own_site, life, "q=fyr")
    await subscribe(own_site, life, "q=hamn")
    await subscribe(own_site, life, "q=annan", "bo@reader.example")
    response = await own_site.get(link)
    assert "hamn" not in response.text
    assert response.headers["cache-control"] == "no-store"
    exported = await own_site.json(link.replace("subscription", "export"))
    assert [row["query"] for row in exported["subscriptions"]] == ["q=fyr"]
    await post(own_site, link, action="access")
    await post(own_site, link, action="access")
    (mail,) = life.take_mails()
    assert mail["To"] == ADDRESS
    all_link = find_link(read_text(mail))
    rows = (await own_site.json(all_link.replace("subscription", "export")))["subscriptions"]
    assert [(row["query"], row["address"]) for row in rows] == [
        ("q=fyr", ADDRESS),
        ("q=hamn", ADDRESS),
    ]
    page = await own_site.page(all_link)
    ids = [field.get("value") for field in page.cssselect("input[name=id]")]
    assert (
        await post(own_site, all_link, action="end", id="3")
    ).status_code == 200  # that of another address
    assert (await post(own_site, all_link, action="end", id=str(ids[1]))).status_code == 200
    rows = (await own_site.json(all_link.replace("subscription", "export")))["subscriptions"]
    assert [row["query"] for row in rows] == ["q=fyr"]
    await post(own_site, all_link, action="end_all")
    assert await own_site.status(link) == 404
    with FollowStore(life.path) as store:
        assert [each.address for each in store.list_due(life.moment)] == ["bo@reader.example"]


async def test_a_link_to_one_reveals_neither_address_nor_key(
    own_site: Site, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages are forwarded, and a webhook's are seen by a whole channel: its address is a secret,
    too.
    """
    monkeypatch.setenv("FOLLOW_PRIVATE_HOSTS", "127.0.0.1")
    with Webhook() as webhook:
        await post(own_site, "/-/follow", channel="webhook", address=webhook.url, frequency="now")
        life.notify()
        link = find_link(webhook.received[0]["text"])
        export = link.replace("subscription?", "export?")
        answers = [(await post(own_site, link, action="confirm")).text for _ in range(2)]
        assert [("whsec_" in answer) for answer in answers] == [True, False]
        assert webhook.url not in (await own_site.get(export)).text
        await post(own_site, link, action="access")
        life.notify()
        everything = await own_site.json(
            find_link(webhook.received[1]["text"]).replace("subscription?", "export?")
        )
        assert everything["subscriptions"][0]["address"] == webhook.url
        assert everything["secret"] in answers[0]


async def test_ending_the_subscription_that_the_link_to_all_came_from(
    own_site: Site, life: Life
) -> None:
    link = await subscribe(own_site, life, "q=fyr")
    await subscribe(own_site, life, "q=hamn")
    await post(own_site, link, action="access")
    all_link = find_link(read_text(life.take_mails()[0]))
    page = html.fromstring((await post(own_site, all_link, action="end", id="1")).text)
    (form,) = page.cssselect("main form")
    assert (await post(own_site, str(form.get("action")), action="end", id="2")).status_code == 200
    with FollowStore(life.path) as store:
        assert store.list_due(life.moment) == []


@pytest.mark.parametrize(
    "query", ["q=hej+vinn+p%C3%A5+evil.example", "q=https%3A%2F%2Fa", f"q={'ord+' * 60}"]
)
async def test_no_advertisement_is_sent_to_an_address_that_has_not_agreed(
    own_site: Site, life: Life, query: str
) -> None:
    await post(own_site, f"/-/follow?{query}", **FORM)
    (mail,) = life.take_mails()
    assert "Öppna länken för att se vilken sökning det gäller." in read_text(mail)
    sent = f"{mail['Subject']}\n{read_text(mail)}"
    assert not any(words in sent for words in ("evil", "https://a\n", "ord ord"))


async def test_file_of_subscriptions_that_is_damaged(own_site: Site, life: Life) -> None:
    path = life.path.with_name(FOLLOW_FILE)
    path.write_bytes(b"no database " * 1_000)
    with pytest.raises(ArchiveError, match=r"follow\.db: .*begin anew"):
        life.notify()
    response = await post(own_site, "/-/follow?q=fyr", **FORM)
    assert (response.status_code, str(path) in response.text) == (500, False)


async def test_confirming_again_replaces(own_site: Site, life: Life) -> None:
    await subscribe(own_site, life, "q=fyr")
    await subscribe(own_site, life, "q=fyr", frequency="week")
    with FollowStore(life.path) as store:
        assert [each.frequency for each in store.list_due(life.moment.replace(year=2025))] == [
            "week"
        ]


async def test_forged_tokens(own_site: Site, life: Life) -> None:
    path, _, token = (await subscribe(own_site, life, "q=fyr")).partition("?token=")
    last = "0" if token[-1] != "0" else "1"
    for forged in (
        f"{token[:-1]}{last}",
        "",
        f"9{token}",
        f"{token}ö",
        token.replace("-", "-9999999999-"),
    ):
        assert await own_site.status(f"{path}?token={forged}") == 404


async def test_old_requests_and_links_expire(own_site: Site, life: Life) -> None:
    await post(own_site, "/-/follow?q=fyr", **FORM)
    (mail,) = life.take_mails()
    link = await subscribe(own_site, life, "q=hamn")
    await post(own_site, link, action="access")
    (access,) = life.take_mails()
    life.moment = START.replace(month=7)
    life.notify()
    for expired in (mail, access):
        assert await own_site.status(find_link(read_text(expired))) == 404
    assert await own_site.status(link) == 200


@pytest.mark.parametrize(
    ("change", "name"), load_cases(__file__, "invalid settings name the variable")
)
def test_invalid_settings_name_the_variable(change: dict[str, str], name: str) -> None:
    with pytest.raises(ArchiveError, match=f"environment: {name}: ") as caught:
        read_follow_settings(ENVIRONMENT | change)
    assert "secret" not in str(caught.value)


def test_settings() -> None:
    assert read_follow_settings({}) is None
    assert read_follow_settings({"PUBLIC_URL": "https://a.example"}) is None
    settings = read_follow_settings(
        ENVIRONMENT | {"PUBLIC_URL": "https://a.example/arkiv/", "FOLLOW_MAX_REQUESTS": "5"}
    )
    assert settings is not None
    assert (settings.public_url, settings.max_requests) == ("https://a.example/arkiv", 5)


@pytest.mark.parametrize("pages", load_pages(__file__))
async def test_pages(pages: list[PageCheck], site: Site) -> None:
    for page in pages:
        await page.check({"site": site})
