"""The pages for following by email, webhook and feed.

- /-/follow: how to follow the search, `person` or `release` in the parameters; POST requests a
    subscription.
- /-/follow/subscription: the subscription whose token is in a link; POST confirms or ends it.
- /-/follow/export: all stored data about a subscription, as JSON.

Nothing is sent here: messages are only stored, and `myndighetsarkivet notify` sends them. GET
changes nothing, because email scanners open links. Responses do not reveal whether an address has
subscriptions. No cookie is set. A client's address is kept only in memory, for an hour, to count
its requests. A server that serves a snapshot cannot store anything, and its page says so.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import replace
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import click
from datasette import NotFound, Response

from archive.database.sqlite_files import ArchiveError
from archive.follow.change_reports import build_url
from archive.follow.followed_changes import (
    FOLLOW_PARAMETERS,
    PERSON_SQL,
    Followed,
    describe_followed,
    parse_followed,
    parse_stored_query,
    read_newest_entry,
)
from archive.follow.sending_times import FREQUENCIES
from archive.follow.subscriptions import (
    CONFIRMATION_TIME,
    MAX_SUBSCRIPTIONS,
    FollowSettings,
    FollowStore,
    Subscription,
    read_follow_settings,
)
from archive.mail_and_webhooks import check_public_url
from archive.search.search_request import SearchRequest, build_search_url
from archive.times import now
from archive.urls import host_to_ascii, parse_ip_address
from archive.views.lists import find_tag
from archive.web import ReaderError, SiteRequest, site_view
from archive.web.request_limits import client_key

MAX_FORM_BYTES = 4_000
MAX_ADDRESS_LENGTH = 254  # RFC 5321
MAX_URL_LENGTH = 1_000
# no quoted local parts, and no encoded words, which the header To would decode
MAIL_ADDRESS = re.compile(r"(?!.*=\?)[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([^@\s]+\.[^@\s]+)")
# per hour, by one client, and by its network if the site is busy; for links to everything: per
# subscription
MAX_CLIENT_REQUESTS = 10
LIMIT_SECONDS = 3_600
ONE_CLICK = b"One-Click"  # in the body of a POST as of RFC 8058, which may be of either form type


def check_follow_settings() -> None:
    """Raise ClickException if a setting for subscriptions is invalid."""
    try:
        read_follow_settings()
    except ArchiveError as error:
        raise click.ClickException(str(error)) from error


class RequestCounter:
    """Counts, in memory, the requests of each client in the last hour."""

    def __init__(self) -> None:
        self.requests: deque[tuple[float, set[str]]] = (
            deque()
        )  # time, and the keys that it is counted for
        self.counts: Counter[str] = Counter()

    def is_allowed(self, client: str, max_requests: int | None = None) -> bool:
        """Return whether a request is allowed. If it is, count it.

        max_requests: the limit for all clients together. Once it is reached, each client may make
            only one request an hour, and all clients of a network together may make only
            MAX_CLIENT_REQUESTS, so that no client can shut out the others.
        """
        moment, network = time.monotonic(), _network_key(client)
        while self.requests and self.requests[0][0] < moment - LIMIT_SECONDS:
            for key in self.requests.popleft()[1]:
                self.counts[key] -= 1
                if not self.counts[key]:
                    del self.counts[key]
        is_busy = max_requests is not None and len(self.requests) >= max_requests
        if self.counts[client] >= (1 if is_busy else MAX_CLIENT_REQUESTS) or (
            is_busy and self.counts[network] >= MAX_CLIENT_REQUESTS
        ):
            return False
        keys = {client, network}  # a client that is no IP address is its own network
        self.requests.append((moment, keys))
        self.counts.update(keys)
        return True


def _network_key(client: str) -> str:
    """Return the network of a client: the largest one around it that a single party is likely to
    own.

    The network is the first 24 bits of an IPv4 address, or the first 48 bits of an IPv6 address.

    >>> [_network_key(client) for client in ("203.0.113.7", "2001:db8:0:1::/64", "unix")]
    ['203.0.113.0/24', '2001:db8::/48', 'unix']
    """
    address = parse_ip_address(client.removesuffix("/64"))
    bits = 24 if isinstance(address, ipaddress.IPv4Address) else 48
    return str(ipaddress.ip_network((str(address), bits), strict=False)) if address else client


REQUESTS = RequestCounter()
# by subscription: only who has a link to one can use up its number
ACCESS_REQUESTS = RequestCounter()


@site_view("/-/follow", parameters=FOLLOW_PARAMETERS)
async def _show_follow(site: SiteRequest) -> Response:
    """Show how to follow a search, person or release.

    For a POST request, store the subscription that the form requests.
    """
    followed, settings = parse_followed(site.args), read_follow_settings()
    what = await describe_followed(site.run, followed, site.language)
    if what is None:
        raise NotFound("there is nothing to follow")
    search, endless = followed.search, replace(followed.search, to_day="")
    is_search = not followed.person and followed.release is None
    context: dict[str, Any] = {
        "what": what,
        "query": followed.query,
        "is_offered": settings is not None,
        "frequencies": FREQUENCIES,
        "feeds": [
            (key, path, site.datasette.absolute_url(site.request, path))
            for key, path in await list_feeds(site, followed)
        ],
        "page": await find_page(site, followed),
        "ended": search.to_day if is_search and search.to_day < now().date().isoformat() else "",
        "endless_url": site.datasette.urls.path(
            build_search_url(endless, site.requested_language, path="/-/follow")
        ),
        "days": CONFIRMATION_TIME.days,
    }
    if site.request.method != "POST":
        return await site.render("follow.html", context)
    status, outcome = await subscribe(site, settings, followed)
    headers = {"cache-control": "no-store"} | (
        {"retry-after": str(LIMIT_SECONDS)} if status == 429 else {}
    )
    return await site.render("follow.html", context | outcome, status=status, headers=headers)


async def subscribe(
    site: SiteRequest, settings: FollowSettings | None, followed: Followed
) -> tuple[int, dict[str, object]]:
    """Store a requested subscription. Returns the HTTP status and the page's template variables."""
    if settings is None:
        raise ReaderError(404, "error.follow_off")
    form = _read_form(site)
    channel, frequency = form.get("channel", "mail"), form.get("frequency", "")
    shown = {"channel": channel, "address": form.get("address", "").strip(), "frequency": frequency}
    if (path := _find_writable_archive(site)) is None:
        site_url = build_url(settings.public_url, f"/-/follow?{followed.query}", site.language)
        return 503, {"problem": "read_only", "site_url": site_url}
    address = _normalise_address(channel, shown["address"], settings)
    if address is None or frequency not in FREQUENCIES:
        return 400, {"problem": "address" if address is None else "frequency", **shown}
    if not REQUESTS.is_allowed(client_key(site.request.scope), settings.max_requests):
        return 429, {"problem": "too_many", **shown}

    def store_request() -> None:
        with FollowStore(path) as store:
            store.request(
                channel=channel,
                address=address,
                query=followed.query,
                frequency=frequency,
                language=site.language,
                now=now(),
            )

    await asyncio.to_thread(store_request)
    return 200, {"requested": channel, "address": address}


def _find_writable_archive(site: SiteRequest) -> Path | None:
    """Return the path of the archive.

    Returns None if the site serves a snapshot, beside which nothing can be stored.
    """
    db = site.datasette.get_database("archive")
    return Path(db.path) if db.is_mutable else None


def _read_form(site: SiteRequest) -> dict[str, str]:
    """Return the fields of a form.

    Raises ReaderError if the body cannot be read, or if the form was sent from another site.
    """
    body = site.request.scope["archive_body"]
    if body.problem or len(body.data) > MAX_FORM_BYTES:
        raise ReaderError(413, "error.follow_form")
    if _is_from_other_site(site):
        raise ReaderError(403, "error.follow_other_site")
    try:
        fields = parse_qs(body.data.decode("ascii"), errors="strict", max_num_fields=10)
    except ValueError:
        raise ReaderError(400, "error.follow_form") from None
    return {name: values[-1] for name, values in fields.items()}


def _is_from_other_site(site: SiteRequest) -> bool:
    """Return whether, according to the browser, a page of another site sent a form.

    Over plain HTTP, browsers send no Sec-Fetch-Site, but all of them send Origin with a form. The
    origin is compared with PUBLIC_URL, not with Host, because the host name of another site may
    resolve to this server (DNS rebinding).
    """
    headers, settings = site.request.headers, read_follow_settings()
    if fetch_site := headers.get("sec-fetch-site"):
        return fetch_site not in ("same-origin", "none")
    if (origin := headers.get("origin")) is None:
        return False
    # "null": of a page that hides where it is from
    return (
        settings is None
        or origin.lower().partition("://")[2] != urlsplit(settings.public_url).netloc.lower()
    )


def _normalise_address(channel: str, text: str, settings: FollowSettings) -> str | None:
    """Return an email address (with its host in ASCII) or a webhook's URL, or None if the text is
    not valid for the channel.

    >>> settings = FollowSettings(public_url="https://a.se", sender="a@a.se")
    >>> [_normalise_address("mail", text, settings)
    ...     for text in ("Ada@Årsta.se", "a@b", "a@b.se, c@d.se")]
    ['Ada@xn--rsta-poa.se', None, None]
    """
    if channel == "webhook":
        try:
            check_public_url(text, settings.private_hosts)
        except ValueError:
            return None
        return text if len(text) <= MAX_URL_LENGTH else None
    found = MAIL_ADDRESS.fullmatch(text)
    if channel != "mail" or found is None:
        return None
    host = host_to_ascii(found[1]).removesuffix(".")
    address = f"{text.rpartition('@')[0]}@{host}"
    is_plain = (
        address.isascii()
        and parseaddr(address)[1] == address
        and len(address) <= MAX_ADDRESS_LENGTH
    )
    return address if is_plain and not re.search(r"[^\w.-]", host, re.ASCII) else None


async def find_page(site: SiteRequest, followed: Followed) -> str:
    if followed.person:
        return site.path(f"/person/{followed.person}")
    if followed.release is not None:
        return site.path(f"/archive/releases/{followed.release}")
    include, search = followed.search.include, followed.search
    if (
        not search.text
        and not search.exclude
        and set(include) == {"agency"}
        and len(include["agency"]) == 1
    ):
        return site.path(f"/agency/{include['agency'][0]}")
    return str(site.datasette.urls.path(build_search_url(search, site.requested_language)))


async def list_feeds(site: SiteRequest, followed: Followed) -> list[tuple[str, str]]:
    """Return the Atom feeds of what is followed, each as (translation key of its label, path)."""
    if followed.release is not None:
        return [("index.edits_atom", site.path("/-/edits.atom", release=followed.release))]
    if followed.person:
        (row,) = await site.run(PERSON_SQL, {"slug": followed.person})
        quotes = site.path("/search.atom", speaker=followed.person, agency=row["agency"])
        return [("index.new_atom", quotes)]
    search = followed.search
    filters = await _find_feed_filters(site, search)
    if filters or not (search.text or search.has_filters):
        paths = {"new": "/new.atom", "edits": "/-/edits.atom", "removed": "/-/removed.atom"}
        return [(f"index.{name}_atom", site.path(path, **filters)) for name, path in paths.items()]
    path = build_search_url(search, site.requested_language, ".atom")
    return [("index.new_atom", str(site.datasette.urls.path(path)))]


async def _find_feed_filters(site: SiteRequest, search: SearchRequest) -> dict[str, Any]:
    """Return, as parameters of a feed, the agency or tag of a search that has no other condition.

    Returns {} for any other search.

    A search for only an agency or a tag has a feed of its own.
    """
    include = search.include
    if search.text or search.exclude or any(len(values) != 1 for values in include.values()):
        return {}
    if set(include) == {"tag"}:
        tag = await find_tag(site.run, include["tag"][0])
        return {"tag": tag["id"]} if tag else {}
    if set(include) <= {"agency"}:
        return {name: values[0] for name, values in include.items()}
    return {}


# The page of a subscription


@site_view("/-/follow/(?:subscription|export)", parameters=("token",))
async def _show_subscription(site: SiteRequest) -> Response:
    """Show or export the subscriptions that a token gives access to, or perform the action that a
    form requests.
    """
    settings, path = read_follow_settings(), _find_writable_archive(site)
    if settings is None:
        raise ReaderError(404, "error.follow_off")
    if path is None:
        raise ReaderError(503, "error.follow_read_only", url=settings.public_url)
    token, (action, own_id) = site.args.get("token") or "", _read_action(site)
    newest = await read_newest_entry(site.run)
    done = await asyncio.to_thread(_act_on_token, path, token, action, own_id, newest)
    if done is None:
        return _no_store(await site.render_error(404, "error.follow_token"))
    subscriptions, is_all, secret, token = done
    described = [
        (each, await describe_followed(site.run, parse_stored_query(each.query), site.language))
        for each in subscriptions
    ]
    if site.request.path.endswith("/export"):
        # each message has a link to one, and may be forwarded or seen by a whole channel
        hidden = {} if is_all else {"address": None}
        rows = [_format_subscription(each, what) | hidden for each, what in described]
        return _no_store(Response.json({"subscriptions": rows, "secret": secret}))
    context = {
        "subscriptions": described,
        "is_all": is_all,
        "action": action,
        "secret": secret,
        "token": token,
        "max_subscriptions": MAX_SUBSCRIPTIONS,
    }
    return _no_store(await site.render("subscription.html", context))


def _read_action(site: SiteRequest) -> tuple[str, str]:
    """Return the action that a form requests, and the id of the subscription to act on.

    A missing value is "".
    """
    if site.request.method != "POST":
        return "", ""
    if ONE_CLICK in site.request.scope["archive_body"].data:
        return "end", ""
    form = _read_form(site)
    if form.get("action") not in ("confirm", "end", "end_all", "access"):
        raise ReaderError(400, "error.follow_form")
    return form["action"], form.get("id", "")


def _act_on_token(
    path: Path, token: str, action: str, own_id: str, newest: tuple[int, str | None]
) -> tuple[list[Subscription], bool, str | None, str] | None:
    """Perform the action that a form with a token requests, and return what the page shows.

    The page shows the token's subscriptions, whether the token is for all subscriptions of an
    address, the secret of a webhook (or None), and the token to use from then on.

    Returns None if the token is not valid, or if it does not give access to the subscription to
    confirm or end. The latter happens if the subscription was requested again after the page was
    shown. Raises ReaderError if a link to one subscription requests an action that only its owner
    may perform.
    """
    with FollowStore(path) as store:
        found = store.read_token(token, now())
        if found is None:
            return None
        subscription, is_all = found
        if not is_all and not _is_open_to_all(action, subscription):
            raise ReaderError(
                400, "error.follow_form"
            )  # the page of such a link does not have this form
        listed = store.list_shown(subscription, is_all=is_all)
        chosen = listed
        if not is_all or action != "end_all":
            wanted = own_id if is_all else own_id or str(subscription.id)
            chosen = _select_by_id(listed, wanted)
        if not chosen and _needs_choice(action, is_all=is_all):
            return None
        _change_subscriptions(store, action, chosen, subscription, newest)
        current = _read_again(store, listed)
        owned = subscription if is_all else _find_first_confirmed(store, action, chosen)
        secret = _build_secret(store, owned)
        if is_all:
            token = _renew_token(store, token, subscription, current)
        return current or listed[:1], is_all, secret, token


def _select_by_id(subscriptions: Iterable[Subscription], wanted: str) -> list[Subscription]:
    return [each for each in subscriptions if str(each.id) == wanted]


def _read_again(store: FollowStore, subscriptions: Iterable[Subscription]) -> list[Subscription]:
    """Return the current state of the subscriptions, without those that have ended."""
    return list(filter(None, [store.find(each.id) for each in subscriptions]))


def _needs_choice(action: str, *, is_all: bool) -> bool:
    """Return whether an action needs a chosen subscription that still exists."""
    return action == "confirm" or (action == "end" and not is_all)


def _is_open_to_all(action: str, subscription: Subscription) -> bool:
    """Return whether an action is allowed to anybody who has a link to the subscription.

    Everybody who gets one of the subscription's messages has such a link.
    """
    return action != "end_all" and (action != "access" or bool(subscription.confirmed))


def _find_first_confirmed(
    store: FollowStore, action: str, chosen: list[Subscription]
) -> Subscription | None:
    """Return the subscription that the action has just confirmed for the first time.

    Returns None if there is no such subscription.

    The page shows a webhook's secret only at the first confirmation, because later anybody who sees
    the webhook's messages has the link to the page.
    """
    is_first = action == "confirm" and chosen[0].confirmed is None
    return store.find(chosen[0].id) if is_first else None


def _build_secret(store: FollowStore, owned: Subscription | None) -> str | None:
    is_webhook = owned is not None and owned.channel == "webhook"
    return store.build_webhook_secret(owned) if owned and is_webhook else None


def _renew_token(
    store: FollowStore, token: str, subscription: Subscription, current: list[Subscription]
) -> str:
    """Return the token or, if its subscription has ended, the token of a remaining subscription."""
    is_ended = current and subscription.id not in {each.id for each in current}
    return store.renew_token(token, current[0]) if is_ended else token


def _change_subscriptions(
    store: FollowStore,
    action: str,
    chosen: list[Subscription],
    subscription: Subscription,
    newest: tuple[int, str | None],
) -> None:
    """Confirm or end the chosen subscriptions.

    The action `access` instead sends the subscriber a link to all subscriptions of the address.
    """
    if action == "confirm":
        store.confirm(chosen[0], subscription.address, *newest, now())
    elif action == "access":
        if not ACCESS_REQUESTS.is_allowed(str(subscription.id)):
            raise ReaderError(429, "follow.problem.too_many")
        store.request_access(subscription, now())
    elif action:
        store.end(chosen)


def _no_store(response: Response) -> Response:
    """Keep a response out of caches, because its URL contains a secret."""
    response.headers["cache-control"] = "no-store"
    return response


def _format_subscription(subscription: Subscription, what: str | None) -> dict[str, object]:
    """Return all stored data about a subscription.

    what: a description of what the subscription follows.
    """
    names = (
        "channel",
        "address",
        "query",
        "frequency",
        "language",
        "created",
        "confirmed",
        "due",
        "rejections",
        "rejected",
        "seconds",
    )
    return {"followed": what, **{name: getattr(subscription, name) for name in names}}
