"""What a broken or malicious server sends on the bare connection."""

from __future__ import annotations

import asyncio

from tests.site.knobs import Speech

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n"
CHUNK = b"<p>Och sedan kom det ett stycke till, och ett till.</p>\n" * 1200
WAITING = 1_000_000  # bytes that may wait to be sent


def say(*parts: bytes) -> Speech:
    """Send these bytes and nothing more."""

    async def speech(transport: asyncio.Transport) -> None:
        transport.write(b"".join(parts))

    return speech


def drip(head: bytes, body: bytes, seconds: float) -> Speech:
    """Send one byte after another, with pauses."""

    async def speech(transport: asyncio.Transport) -> None:
        transport.write(head)
        for byte in body:
            if transport.is_closing():
                return
            transport.write(bytes((byte,)))
            await asyncio.sleep(seconds)

    return speech


def pour(head: bytes, piece: bytes, times: int, *, chunked: bool = False) -> Speech:
    """Send the same piece many times, as fast as it is received."""
    framed = b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece

    async def speech(transport: asyncio.Transport) -> None:
        transport.write(head + b"\r\n")
        for _ in range(times):
            while transport.get_write_buffer_size() > WAITING and not transport.is_closing():
                await asyncio.sleep(0.01)
            if transport.is_closing():
                return
            transport.write(framed)

    return speech
