"""What the triggers of one process share: its settings, its worker, its build."""

import asyncio
import json
from functools import cache
from pathlib import Path

from shipments.settings import Settings
from shipments.worker import Worker

_opening: asyncio.Future[Worker] | None = None
_keeping: asyncio.Task[None] | None = None


@cache
def settings() -> Settings:
    return Settings.from_environment()


async def worker() -> Worker:
    """The process's one worker, opened by whichever trigger comes first; the others wait for the same one."""
    global _opening, _keeping
    if _opening is None or (_opening.done() and (_opening.cancelled() or _opening.exception())):
        _opening = asyncio.get_running_loop().create_future()
        _keeping = asyncio.create_task(_keep(_opening))
    return await asyncio.shield(_opening)


async def _keep(opened: asyncio.Future[Worker]) -> None:
    """Holds a worker open until the event loop ends: that cancels this task, which closes the worker's clients."""
    try:
        async with Worker.connect(settings()) as running:
            opened.set_result(running)
            await asyncio.Event().wait()
    except Exception as error:
        if opened.done():
            raise
        opened.set_exception(error)


@cache
def build() -> str:
    """The package's build id, from the file that packaging puts into its root."""
    try:
        return str(json.loads(Path("build.json").read_text())["build"])
    except FileNotFoundError:
        return "unpackaged"
