"""`healthz` for Front Door's probes (service, state and dependencies), `livez` for the platform (the process alone)."""

import asyncio
import time
from dataclasses import asdict
from typing import Any

import azure.functions as func
import orjson

from shipments.control import is_serving
from triggers.process import build, settings, worker

blueprint = func.Blueprint()

FRESH = 1.0
"""Seconds that an answer is kept: probes come from every edge location."""
NEEDED = {"database", "queues"}
"""Without these the worker does no work; without the others it is slower, or waits with large commands."""

_lock = asyncio.Lock()
_known: tuple[float, bool, dict[str, Any]] = (0.0, False, {})


@blueprint.function_name("healthz")
@blueprint.route("healthz", methods=["GET", "HEAD"], trigger_arg_name="request")
async def healthz(request: func.HttpRequest) -> func.HttpResponse:
    """200 or 503, with what leads to it."""
    global _known
    async with _lock:
        if time.monotonic() >= _known[0]:
            _known = (time.monotonic() + FRESH, *await _look())
    return _answer(request, 200 if _known[1] else 503, _known[2])


@blueprint.function_name("livez")
@blueprint.route("livez", methods=["GET", "HEAD"], trigger_arg_name="request")
async def livez(request: func.HttpRequest) -> func.HttpResponse:
    """200 as long as the process answers."""
    return _answer(request, 200, _self())


async def _look() -> tuple[bool, dict[str, Any]]:
    running = await worker()
    state, dependencies = await asyncio.gather(running.control(), running.health())
    missing = [entry.name for entry in dependencies if entry.name in NEEDED and not entry.ok]
    told = {**_self(), "state": state.state, "epoch": state.epoch, "reason": state.reason,
            "dependencies": [asdict(entry) for entry in dependencies]}
    return is_serving(state, settings()) and not missing, told


def _self() -> dict[str, Any]:
    return {"service": settings().service, "region": settings().region, "build": build()}


def _answer(request: func.HttpRequest, status: int, body: dict[str, Any]) -> func.HttpResponse:
    content = b"" if request.method == "HEAD" else orjson.dumps(body)
    return func.HttpResponse(content, status_code=status, mimetype="application/json",
                             headers={"Cache-Control": "no-store"})
