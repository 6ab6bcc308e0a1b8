"""An alert by webhook: JSON, by POST."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from scraper.alerts.message import Message

WEBHOOK_TIMEOUT = 20  # seconds


class NoRedirect(HTTPRedirectHandler):
    """A redirect would turn the POST into a GET, and the message would be lost: it is an error."""

    def redirect_request(self, *_: Any) -> None:
        """Nothing is asked instead."""


def post(address: str, message: Message) -> None:
    """Deliver a message; OSError or HTTPException where the other end did not take it. The address may be secret."""
    body = json.dumps(message.to_json(), ensure_ascii=False).encode()
    request = Request(address, body, {"Content-Type": "application/json"})  # noqa: S310 - http(s), by scraper.alerts.ways
    try:
        with build_opener(NoRedirect).open(request, timeout=WEBHOOK_TIMEOUT) as answer:
            answer.read(1000)
    except OSError as error:
        raise OSError(f"{urlsplit(address).hostname}: {error}") from None
