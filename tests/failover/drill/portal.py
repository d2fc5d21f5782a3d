"""A platform in memory, behind the real paths, with the mistakes that a checker has to find."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web

HEADERS = {"X-Served-By": "eastus/fake", "Shipment-Durability": "two-regions"}


@dataclass
class Portal:
    """`forgets`: of so many commands the last is acknowledged and dropped.  `forgets_keys`: applies a repeated command
    again.  `away_from`, `away_to`: monotonic times between which everything is answered 503."""

    forgets: int = 0
    forgets_keys: bool = False
    away_from: float = 0.0
    away_to: float = 0.0
    timelines: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    taken: int = 0

    def break_for(self, seconds: float) -> None:
        self.away_from, self.away_to = time.monotonic(), time.monotonic() + seconds

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """Its URL while it runs."""
        app = web.Application(client_max_size=1 << 26)
        app.add_routes([web.post("/{path:.*}", self.write), web.get("/{path:.*}", self.read)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]
        finally:
            await runner.cleanup()

    async def write(self, request: web.Request) -> web.Response:
        key, body = request.headers["Idempotency-Key"], await request.read()
        away = self.away_from <= time.monotonic() < self.away_to
        if away and not self.forgets_keys:
            return _json({"detail": "away"}, 503)
        self.taken += 1
        if not (self.forgets and self.taken % self.forgets == 0) and (key not in self.results or self.forgets_keys):
            self._apply(request.path, key, body)
        return _json({"detail": "away"}, 503) if away else _json({"command": key}, 202)

    def _apply(self, path: str, key: str, body: bytes) -> None:
        told = orjson.loads(body) if body[:1] == b"{" else {}
        self.results[key] = datetime.now(UTC).isoformat()
        if path == "/api/capture":
            self.events.append(told["epcisBody"]["eventList"][0]["eventID"])
        elif path == "/api/shipments":
            self._happened(told["trackingNumber"], {"id": key, "kind": "registered"})
        elif path.endswith("/photos"):
            self._happened(path.split("/")[-2], {"id": key, "kind": "comment", "photo": "a.png"})
        else:
            self._happened(path.split("/")[-2], {"id": key, "kind": "comment", "text": told["text"]})

    def _happened(self, name: str, entry: dict[str, Any]) -> None:
        self.timelines.setdefault(name, []).append(entry)

    async def read(self, request: web.Request) -> web.Response:
        room, _, name = request.path.removeprefix("/api/").partition("/")
        if self.away_from <= time.monotonic() < self.away_to:
            return _json({"detail": "away"}, 503)
        if room == "shipments" and request.path.startswith("/api/"):
            return _json({"timeline": self.timelines[name]}) if name in self.timelines else _json({}, 404)
        if room == "commands":
            at = self.results.get(name)
            return _json({"status": "applied" if at else "accepted", "appliedAt": at})
        if room == "events":
            found = [{}] * self.events.count(request.query.get("EQ_eventID", ""))
            return _json({"epcisBody": {"queryResults": {"resultsBody": {"eventList": found}}}})
        return _json({"state": "active", "epoch": 0, "region": "eastus"})


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, headers=HEADERS, content_type="application/json")
