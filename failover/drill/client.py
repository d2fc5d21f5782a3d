"""One request, one record: what a client of the platform sends, and what came of it."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
import orjson

from failover.drill.history import WRITES, Attempt, History

PATIENCE = {"read": 5.0, "write": 10.0, "large": 30.0}
"""Seconds that a client waits for an answer."""
LARGE = 1 << 20
KEPT_HEADERS = ("Retry-After", "X-Cache", "Content-Range", "Content-Type")


@dataclass(frozen=True)
class Answer:
    """The attempt as recorded, and of the answer what the next act may need."""

    attempt: Attempt
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def retry_after(self) -> float | None:
        """Seconds; None where the answer does not say."""
        text = self.headers.get("Retry-After", "")
        return float(text) if text.isdecimal() else None


class Client:
    """Sends to the edge or to a region's own door, and adds every attempt to the history."""

    def __init__(self, portal: str, doors: Mapping[str, Mapping[str, str]], history: History):
        """`doors`: region -> {"web": url, "api": url ending in /api}, as `endpoints.json` has them."""
        self.portal, self.doors, self.history = portal.rstrip("/"), doors, history
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), trust_env=False,
                                              auto_decompress=False, max_line_size=32768)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    def url(self, path: str, door: str = "edge") -> str:
        """`path` from the root, as the edge has it: /api/… goes to the API, everything else to the portal."""
        if door == "edge":
            return self.portal + path
        urls = self.doors[door]
        return urls["api"] + path.removeprefix("/api") if path.startswith("/api/") else urls["web"] + path

    async def send(self, kind: str, path: str, *, op: str, method: str = "GET", door: str = "edge", number: int = 1,
                   shipment: str = "", body: bytes | None = None, media: str = "application/json",
                   headers: Mapping[str, str] | None = None, record: bool = True) -> Answer:
        """Never raises for what the network or the platform does."""
        sent = dict(headers or {}) | ({"Content-Type": media} if body is not None else {})
        told: dict[str, Any] = {}
        content, answered = b"", {}
        start = time.time()
        try:
            async with asyncio.timeout(_patience(kind, body)), self._session.request(
                    method, self.url(path, door), data=body, headers=sent, allow_redirects=False) as response:
                content = await response.read()
                answered = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
                told = {"status": response.status, "durability": response.headers.get("Shipment-Durability", ""),
                        "region": response.headers.get("X-Served-By", "").partition("/")[0]}
                told |= _seen(kind, response.status, content)
        except TimeoutError:
            told = {"error": "timeout"}
        except (aiohttp.ClientError, OSError) as error:
            told = {"error": "connection", "note": f"{type(error).__name__}: {str(error)[:120]}"}
        except (ValueError, KeyError, TypeError):
            told = {"error": "connection", "note": f"an answer that cannot be read: {content[:80]!r}"}
        attempt = Attempt(op, kind, start, time.time(), door=door, number=number, shipment=shipment, **told)
        if record:
            self.history.add(attempt)
        return Answer(attempt, content, answered)


def _patience(kind: str, body: bytes | None) -> float:
    if kind not in WRITES:
        return PATIENCE["read"]
    return PATIENCE["large" if body and len(body) >= LARGE else "write"]


def _seen(kind: str, status: int, content: bytes) -> dict[str, Any]:
    """What the record keeps of a body."""
    if kind == "track":
        if status == 404:
            return {"version": 0}
        return {"version": len(orjson.loads(content)["timeline"])} if status == 200 else {"note": _reason(content)}
    if kind == "state" and status == 200:
        return {"epoch": orjson.loads(content).get("epoch")}
    if kind in WRITES and status < 300:
        return {"command": orjson.loads(content)["command"]}
    return {"note": _reason(content)} if status >= 400 else {}


def _reason(content: bytes) -> str:
    """Why it was refused, in the platform's words where these are its own."""
    try:
        return str(orjson.loads(content)["detail"])[:160]
    except (ValueError, KeyError, TypeError):
        return content[:80].decode(errors="replace")
