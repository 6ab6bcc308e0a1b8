"""The ASGI application: hosts, faults, and the site's controls over HTTP."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from tests.site.answers import Answer, to_response
from tests.site.knobs import Asked
from tests.site.newslists import NEWS_LISTS

if TYPE_CHECKING:
    from tests.site.knobs import Break, Speech
    from tests.site.server import Site

OWN_HOSTS = ("127.0.0.1", "localhost", "::1")


class App:
    """Responds to every request to a Site."""

    def __init__(self, site: Site) -> None:
        self.site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        netloc = request.headers.get("host", "").lower()
        host = netloc.rsplit(":", 1)[0] if netloc.rpartition(":")[2].isdigit() else netloc
        if host in OWN_HOSTS:
            response: Response = await self.control(request)
            await response(scope, receive, send)
            return
        raw = scope.get("raw_path") or request.url.path.encode()
        path, query = raw.decode("ascii"), request.url.query
        whole = f"{path}?{query}" if query else path
        self.site.counts.arrive(host, whole, request.headers.get("user-agent", ""))
        status, in_hand, broken = 0, True, False

        def leave() -> None:
            nonlocal in_hand
            if in_hand:
                self.site.counts.leave(host, status)
                if self.site.log is not None:
                    now = self.site.now()
                    self.site.log.append(
                        Asked(moment=now, host=host, path=whole, status=status, fault=broken)
                    )
            in_hand = False

        async def send_counted(message: Message) -> None:
            # counted before the last byte is sent, so that a client that has all of it finds it
            # counted
            if message["type"] == "http.response.body" and not message.get("more_body"):
                leave()
            await send(message)

        try:
            if fault := self.site.find_fault(host, path):
                await self.pause(fault.delay)
                if fault.reset or fault.raw:
                    broken = True
                    leave()
                    await (speak(receive, fault.raw) if fault.raw else cut(receive))
                    return
            found = self.faulty(fault, host, request, netloc) if fault else None
            broken = found is not None
            response = found or await self.respond(request, host, path, query, netloc)
            status = response.status_code
            await response(scope, receive, send_counted)
        finally:
            leave()

    async def respond(
        self, request: Request, host: str, path: str, query: str, netloc: str
    ) -> Response:
        """Return the response of an agency or a mounted host."""
        slug = host.removesuffix(".localhost")
        answer: Answer
        if host.endswith(".localhost") and slug in NEWS_LISTS:
            form = (await request.body()).decode() if request.method == "POST" else ""
            return to_response(
                NEWS_LISTS[slug].answer(path, query, form), request.method, request.headers
            )
        if request.method not in ("GET", "HEAD"):
            return PlainTextResponse("", 405)
        if host.endswith(".localhost") and slug in self.site.agencies:
            answer = self.site.agencies[slug].answer(path, query, f"http://{netloc}")
        elif plain := self.site.plain.get(host):
            answer = plain.answer(path)
        elif web_archive := self.site.web_archives.get(host):
            answer = web_archive.answer(path, query)
        elif wire := self.site.wires.get(host):
            answer = wire.answer(path, query)
        elif mounted := self.site.mounted.get(netloc) or self.site.mounted.get(host):
            answer = mounted.answer(path, query)
        else:
            return PlainTextResponse(f"no site is called {host}\n", 421)
        return to_response(answer, request.method, request.headers)

    def faulty(self, fault: Break, host: str, request: Request, netloc: str) -> Response | None:
        """Return the response of a broken URL, or None if it is only slow."""
        slug = host.removesuffix(".localhost")
        if fault.soft_404 and slug in self.site.agencies:
            lost = self.site.agencies[slug].lost(request.url.path, f"http://{netloc}")
            return HTMLResponse(lost.make(), 200)
        if fault.body is not None or fault.make:
            body = fault.make(request.url.query) if fault.make else fault.body
            return HTMLResponse(body, fault.status or 200, fault.headers)
        if fault.status is not None:
            return HTMLResponse(f"<h1>{fault.status}</h1>", fault.status, fault.headers)
        return None

    async def pause(self, seconds: float) -> None:
        """Sleep, at most until the site stops."""
        end = asyncio.get_running_loop().time() + seconds
        while not self.site.stopping and (left := end - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(min(0.05, left))

    async def control(self, request: Request) -> Response:
        """Respond at the port's own host: controls, counts, and a page that names the agencies."""
        if request.url.path == "/-/counts":
            return JSONResponse(self.site.counts.to_json())
        if request.url.path == "/-/knobs" and request.method == "POST":
            try:
                order = json.loads(await request.body())
                told = self.site.turn_knob(order.pop("do"), order)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)
            return JSONResponse({"ok": told})
        if request.url.path == "/":
            rows = "".join(
                f'<li><a href="{self.site.url(slug)}">{slug}</a></li>'
                for slug in self.site.agencies
            )
            return HTMLResponse(f"<!doctype html><title>Sample site</title><ul>{rows}</ul>")
        return PlainTextResponse("not found\n", 404)


async def speak(receive: Receive, speech: Speech) -> None:
    """Let a function write to the bare connection, then close it."""
    transport = receive.__self__.transport  # type: ignore[attr-defined] # uvicorn's own cycle holds it
    await speech(transport)
    transport.close()
    while (await receive())["type"] != "http.disconnect":
        pass


async def cut(receive: Receive) -> None:
    """Reset the connection (TCP RST), as a broken server does."""
    transport = receive.__self__.transport  # type: ignore[attr-defined] # uvicorn's own cycle holds it
    linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
