"""A site with its own limits, and a client that may be slow or leave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from datasette.app import DatasetteClient

from archive.web.datasette_versions import IS_NEXT
from tests.archive.sample import Site, served


def configure_plugin(datasette: Any, name: str, values: dict[str, Any]) -> None:
    configuration = datasette.config if IS_NEXT else datasette._metadata_local
    configuration["plugins"] = {name: values}


@contextmanager
def serve_with_limits(path: Path, limits: dict[str, Any], **settings: Any) -> Iterator[Site]:
    """Serve an archive with values of SandboxLimits that differ from the usual ones."""
    with served(path, **settings) as datasette:
        configure_plugin(datasette, "guard", limits)
        # the limits are read when the application is built
        datasette.client = DatasetteClient(datasette)
        yield Site(datasette)


@asynccontextmanager
async def listen(app: Any) -> AsyncIterator[tuple[str, int]]:
    """Serve an application on a socket, and yield its address. The application lives on."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()
    server.should_exit = True
    await task


@dataclass
class FakeClient:
    """Reads `max_messages` messages and then no more; disconnects when told to."""

    max_messages: int = 1_000
    messages: list[dict[str, Any]] = field(default_factory=list)
    disconnected: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, message: dict[str, Any]) -> None:
        if len(self.messages) >= self.max_messages:
            await asyncio.Event().wait()
        self.messages.append(message)

    async def receive(self) -> dict[str, Any]:
        await self.disconnected.wait()
        return {"type": "http.disconnect"}

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)
