"""A webhook and a mail server on loopback, that keep what they receive."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class Webhook:
    """A webhook. `status` is what it answers; None: it closes the connection."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.requests: list[
            tuple[Any, bytes]
        ] = []  # headers and body of all, whatever was answered
        self.pings: list[str] = []  # paths that were requested by GET
        self.status: int | None = 200
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                webhook.requests.append((self.headers, body))
                if webhook.status is None:
                    return
                if webhook.status == 200:
                    webhook.received.append(json.loads(body))
                self.send_response(webhook.status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                webhook.pings.append(self.path)
                self.send_response(webhook.status or 500)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def __enter__(self) -> Self:
        self.thread = threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


# aiosmtpd logs each line of a connection, at the end of the tests to whatever handler is left
logging.getLogger("mail.log").setLevel(logging.WARNING)


class AnyPort(Controller):
    """A server at a free port.

    aiosmtpd connects to the port that it was given, here 0, to see whether it runs.
    """

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = int(self.server.sockets[0].getsockname()[1])
        super()._trigger_server()  # type: ignore[no-untyped-call]


class MailServer:
    """A mail server without TLS."""

    def __init__(self) -> None:
        self.received: list[EmailMessage] = []
        self.envelopes: list[Envelope] = []
        self.answer = "250 OK"
        self.delay = 0.0  # seconds before the answer
        self.controller = AnyPort(self, hostname="127.0.0.1", port=0)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep a message, and answer `self.answer`."""
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.received.append(message)
        self.envelopes.append(envelope)
        await asyncio.sleep(self.delay)
        return self.answer

    @property
    def port(self) -> int:

        return int(self.controller.port)

    def __enter__(self) -> Self:
        self.controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.controller.stop()
