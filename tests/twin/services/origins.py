"""Origins for the edge that record what reaches them and misbehave on demand."""

import asyncio
import socket
import ssl
import struct
import time

import httpx

from tests.shipments.servers import free_port

PROBE = "/probe"


class Origin:
    """A TLS server; `mood` is well, fenced (probes get 503), hanging, resetting or closing (both once the whole request
    is read); `away()` ends it, `back()` starts it again."""

    def __init__(self, name: str, tls):
        self.name, self.port, self.mood = name, free_port(), "well"
        self.seen: list[tuple[str, str]] = []
        self.probes = 0
        self.slow = 0.0
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(tls.cert, tls.key)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    async def back(self) -> "Origin":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._context)
        return self

    async def away(self) -> None:
        if self._server:
            self._server.close()
            for writer in list(self._open):
                writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while await self._answer(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path, _ = head.split(" ", 2)
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        await reader.readexactly(int(fields.get("content-length", 0)))
        probe = path == PROBE
        self.probes += probe
        if not probe:
            self.seen.append((method, path))
        if self.mood == "hanging":
            await asyncio.sleep(300)
        if self.mood in ("resetting", "closing") and not probe:
            if self.mood == "resetting":
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            return False
        if not probe:
            await asyncio.sleep(self.slow)
        status = "503 Service Unavailable" if probe and self.mood == "fenced" else "200 OK"
        body = "" if method == "HEAD" else self.name
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        await writer.drain()
        return True


class Load:
    """Clients that go on asking the edge, each request with its outcome: (start, end, method, status, who)."""

    def __init__(self, url: str, methods: tuple[str, ...] = ("GET",), clients: int = 4):
        self.url, self.methods, self.clients = url, methods, clients
        self.outcomes: list[tuple[float, float, str, int, str]] = []

    async def __aenter__(self) -> "Load":
        self._stop = asyncio.Event()
        self._tasks = [asyncio.create_task(self._run(number)) for number in range(self.clients)]
        return self

    async def __aexit__(self, *_) -> None:
        self._stop.set()
        await asyncio.gather(*self._tasks)

    async def _run(self, number: int) -> None:
        method = self.methods[number % len(self.methods)]
        async with httpx.AsyncClient(trust_env=False, timeout=40) as client:
            while not self._stop.is_set():
                began = time.monotonic()
                try:
                    answer = await client.request(method, f"{self.url}/{number}/{len(self.outcomes)}")
                    status, who = answer.status_code, answer.text[:10]
                except httpx.HTTPError as error:
                    status, who = 0, type(error).__name__
                self.outcomes.append((began, time.monotonic(), method, status, who))
                await asyncio.sleep(0.02)

    def failed(self, method: str) -> list[tuple[float, float, str, int, str]]:
        return [outcome for outcome in self.outcomes if outcome[2] == method and outcome[3] != 200]

    async def until(self, who: str, method: str = "GET", within: float = 20.0) -> float:
        """When the first of five answers in a row of that origin was asked for."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            last = [outcome for outcome in self.outcomes if outcome[2] == method][-5:]
            if len(last) == 5 and all(outcome[4] == who for outcome in last):
                return last[0][1]
            await asyncio.sleep(0.05)
        raise AssertionError(f"{who} did not answer {method} within {within} s; last were {self.outcomes[-5:]}")
