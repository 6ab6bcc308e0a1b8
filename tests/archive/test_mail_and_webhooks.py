"""Mail and webhooks: what a recipient rejects, and where a visitor's webhook may be."""

from __future__ import annotations

import base64
import quopri
import random
import re
import socket
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default as default_policy

import pytest

from archive.mail_and_webhooks import (
    MAIL_POLICY,
    PublicConnection,
    RecipientError,
    check_public_url,
    parse_mail_server,
    post_to_public_host,
    send_mail,
)
from tests.scraper.receivers import MailServer, Webhook

SENT = datetime(2024, 6, 3, 8, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://a.se/hook",
            "ftp://a.se/",
            "https://localhost/",
            "https://db.internal/x",
            "https://10.0.0.1/x",
        ),
        *(
            "https://[::1]/",
            "https://user:secret@a.se/",
            "https://a.se:25/",
            "https://a.se/å",
            "https://a.se:x/",
        ),
    ],
)
def test_a_visitor_cannot_name_a_private_webhook(url: str) -> None:
    with pytest.raises(ValueError, match=r"must|has|is not"):
        check_public_url(url)


def test_public_webhooks_are_allowed() -> None:
    for url in ("https://a.se/hook?x=1", "https://a.se:8443/", "https://a.se:443/"):
        assert check_public_url(url).hostname == "a.se"
    assert check_public_url("http://127.0.0.1:8000/", ["127.0.0.1"]).port == 8000


def test_a_public_name_with_a_private_address_is_not_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The connection goes to an address that was checked; one private address among several is
    enough to stop.
    """
    found = [(0, 0, 0, "", ("193.0.6.139", 443)), (0, 0, 0, "", ("127.0.0.1", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("connected"))
    with pytest.raises(OSError, match="not a public address"):
        PublicConnection(check_public_url("https://rebinding.example/x"), ()).connect()
    with pytest.raises(RecipientError, match="OSError"):
        post_to_public_host("https://rebinding.example/x", b"{}", {})


def test_a_webhook_gets_headers_and_body() -> None:
    with Webhook() as webhook:
        post_to_public_host(webhook.url, b'{"a": 1}', {"webhook-id": "x"}, ["127.0.0.1"])
        assert webhook.received == [{"a": 1}]
        for status, gone in ((410, True), (302, False), (500, False), (None, False)):
            webhook.status = status
            with pytest.raises(RecipientError) as caught:
                post_to_public_host(webhook.url, b"{}", {}, ["127.0.0.1"])
            assert (caught.value.is_gone, caught.value.is_permanent) == (gone, False)
            assert webhook.url not in str(caught.value)


def test_a_webhook_cannot_take_longer_than_allowed() -> None:
    """A server that accepts and never answers, or sends a byte now and then."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(RecipientError):
            post_to_public_host(url, b"{}", {}, ["127.0.0.1"], timeout=0.2)


@pytest.mark.parametrize(
    ("answer", "is_permanent"), [("550 5.1.1 unknown", True), ("452 4.2.2 full", False)]
)
def test_a_mail_that_the_recipient_rejects(answer: str, *, is_permanent: bool) -> None:
    with MailServer() as receiver:
        server = parse_mail_server(
            f"smtp://127.0.0.1:{receiver.port}", "Arkivet <arkiv@archive.example>"
        )
        receiver.answer = answer
        with pytest.raises(RecipientError) as caught:
            send_mail(server, ["a@b.example"], subject="S", text="T", message_id="m", sent_at=SENT)
        assert caught.value.is_permanent is is_permanent
        assert "a@b" not in str(caught.value)
        receiver.answer = "250 OK"
        headers = {"List-Unsubscribe": "<https://a.example/x>"}
        send_mail(
            server,
            ["a@b.example"],
            subject="S",
            text="T",
            message_id="m",
            sent_at=SENT,
            headers=headers,
            return_path="bounces+1@archive.example",
        )
    assert receiver.received[-1]["List-Unsubscribe"] == "<https://a.example/x>"
    assert receiver.received[-1]["Message-ID"] == "<m@archive.example>"


def test_headers_as_they_are_sent() -> None:
    """A long URL is neither folded nor encoded, a text cannot begin another header."""
    domain = "arkivet.redaktionen.en-lang-doman.example"
    link = f"https://{domain}/-/follow/subscription?token=12-{'a' * 32}&lang=en"
    with MailServer() as receiver:
        server = parse_mail_server(f"smtp://127.0.0.1:{receiver.port}", f"Arkivet <arkiv@{domain}>")
        subject = "bron\u2028Bcc: x@y.example \x85\0 =?utf-8?q?=0ACc:?="
        headers = {"List-Unsubscribe": f"<{link}>"}
        message = {
            "subject": subject,
            "text": "T",
            "message_id": "m" * 32,
            "sent_at": SENT,
            "headers": headers,
        }
        send_mail(server, ["a@b.example"], **message)  # type: ignore[arg-type]
        (envelope,) = receiver.envelopes
    assert envelope.rcpt_tos == ["a@b.example"]
    assert isinstance(envelope.content, bytes)
    lines = envelope.content.split(b"\r\n")
    assert f"List-Unsubscribe: <{link}>".encode() in lines
    assert f"Message-ID: <{'m' * 32}@{domain}>".encode() in lines
    assert b"Subject: bron Bcc: x@y.example = ?utf-8?q?=0ACc:?=" in lines


WORDS = (
    *(
        "bron",
        "vägen",
        "Åtgärder",
        "för",
        "ändrad",
        "översyn",
        "Sjöfartsverket",
        "älg",
        "”fyr”",
        "·",
        "–",
        "§",
        "på",
    ),
    *(
        "Myndighet:",
        "= ?utf-8?q?=0A?=",
        "12",
        "e\N{COMBINING ACUTE ACCENT}",
        "\N{SAILBOAT}" * 9,
        "å" * 70,
        "i",
    ),
    *("Försäkringskassan", "remissvar", "ett", "två", '"å"', "a,b;", "http://a.se/å"),
)
ENCODED_WORD = re.compile(rb"=\?utf-8\?([bq])\?([!->@-~]*)\?=")


def read_strictly(field: bytes) -> str:
    """Read a header as RFC 2047 has it: each word complete in itself, and no spaces between two of
    them.
    """
    lines = field.split(b"\r\n")
    assert all(line.strip() for line in lines)
    assert all(len(line) <= 76 for line in lines if ENCODED_WORD.search(line))
    unfolded, text = b"".join(lines), ""
    assert all(len(found[0]) <= 75 for found in ENCODED_WORD.finditer(unfolded))
    # spaces between two words are none
    for part in re.split(rb"(?<=\?=)\s+(?==\?)|(\s+)", unfolded):
        found = ENCODED_WORD.fullmatch(part or b"")
        if found and found[1] == b"b":
            text += base64.b64decode(found[2], validate=True).decode()
        elif found:
            text += quopri.decodestring(found[2], header=True).decode()
        else:
            text += (part or b"").decode("ascii")
    return text


@pytest.mark.parametrize(
    ("seed", "number"),
    [(32, 250), pytest.param(33, 1_250, marks=pytest.mark.slow("many random texts"))],
)
def test_subjects_arrive_as_they_were_written(seed: int, number: int) -> None:
    """Python's own policy loses spaces between the encoded words of one subject in ten."""
    draw = random.Random(seed)  # the same ones each time
    for _ in range(number):
        subject = " ".join(draw.choices(WORDS, k=draw.randint(1, 16)))
        mail = EmailMessage(MAIL_POLICY)
        mail["Subject"] = subject
        mail.set_content("Text")
        # as bytes, and as smtplib sends them
        for policy in (
            MAIL_POLICY,
            MAIL_POLICY.clone(linesep="\r\n"),
        ):
            sent = mail.as_bytes(policy=policy)
            assert message_from_bytes(sent, policy=default_policy)["Subject"] == subject
            assert str(make_header(decode_header(message_from_bytes(sent)["Subject"]))) == subject
        (field,) = re.findall(rb"^Subject: .*\r\n(?:[ \t].*\r\n)*", sent, re.MULTILINE)
        assert read_strictly(field.removesuffix(b"\r\n")) == f"Subject: {subject}"


def test_a_slow_lookup_and_connection_count_for_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time may be over before there is a connection that could be shut down."""
    connection = PublicConnection(
        check_public_url("http://127.0.0.1:1/", ["127.0.0.1"]), ["127.0.0.1"]
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        connection.port = server.getsockname()[1]
        connection.abort()
        with pytest.raises(TimeoutError):
            connection.connect()
    connection.close()
