"""`python -m tests.bench.closed_loop PORT SECONDS CONNECTIONS...`: clients that send a request
after each response.

There is one client for each number, with that many connections and a loopback address of its own.
Paths are read from standard input, one per line. For each client, a JSON list of [status, seconds]
is printed on one line; a truncated response has the status 0. Clients use plain sockets, to take
little CPU time from the server.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field

PAUSE = 0.1  # seconds, after a connection that failed


@dataclass(slots=True)
class Client:
    """A client address with its connections, and the responses they got until `end`."""

    address: str
    port: int
    paths: list[str]
    end: float
    answers: list[tuple[int, float]] = field(default_factory=list)

    async def ask(self, seed: int) -> None:
        """Send requests through one connection at a time, until cancelled."""
        turn = seed
        while True:
            try:
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", self.port, local_addr=(self.address, 0)
                )
                keep = True
                while keep:
                    begun, turn = time.perf_counter(), turn + 7
                    path = self.paths[turn % len(self.paths)]
                    status, keep = await ask_once(reader, writer, path)
                    self.note(status, begun)
                writer.close()
            except (OSError, asyncio.IncompleteReadError):
                self.note(0, time.perf_counter())
                await asyncio.sleep(PAUSE)

    def note(self, status: int, begun: float) -> None:
        now = time.perf_counter()
        if now <= self.end:
            self.answers.append((status, now - begun))


async def ask_once(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str
) -> tuple[int, bool]:
    """Read a whole response; return its status, and whether the connection stays open."""
    headers = "Host: arkiv.example\r\nAccept: text/html\r\nAccept-Language: sv"
    writer.write(f"GET {path} HTTP/1.1\r\n{headers}\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b"content-length:" in head:
        await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
    else:
        while size := int(await reader.readuntil(b"\r\n"), 16):
            await reader.readexactly(size + 2)
        await reader.readexactly(2)
    return int(head[9:12]), b"connection: close" not in head


async def ask_all(
    port: int, seconds: float, connections: list[int], paths: list[str]
) -> list[Client]:
    """Run the clients for some seconds, and return them."""
    end = time.perf_counter() + seconds
    clients = [
        Client(f"127.1.{place // 250}.{place % 250 + 1}", port, paths, end)
        for place in range(len(connections))
    ]
    tasks = [
        asyncio.create_task(client.ask(place * 1000 + seed))
        for place, (client, number) in enumerate(zip(clients, connections, strict=True))
        for seed in range(number)
    ]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return clients


def main(arguments: list[str]) -> None:
    port, seconds, connections = int(arguments[0]), float(arguments[1]), map(int, arguments[2:])
    for client in asyncio.run(ask_all(port, seconds, [*connections], sys.stdin.read().split())):
        print(json.dumps(client.answers))


if __name__ == "__main__":
    main(sys.argv[1:])
