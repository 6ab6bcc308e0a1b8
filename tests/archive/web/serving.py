"""A site with its own limits, and a client that may be slow or leave."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
