"""What the triggers of one process share: its settings, its worker, its build."""

import asyncio
import json
from functools import cache
from pathlib import Path

from shipments.settings import Settings
from shipments.worker import Worker

_opening: asyncio.Task[Worker] | None = None


@cache
def settings() -> Settings:
    return Settings.from_environment()


async def worker() -> Worker:
    """The process's one worker, opened by whichever trigger comes first; the others wait for the same one."""
    global _opening
    if _opening is None or (_opening.done() and (_opening.cancelled() or _opening.exception())):
        _opening = asyncio.create_task(Worker.connect(settings()).__aenter__())
    return await asyncio.shield(_opening)


@cache
def build() -> str:
    """The package's build id, from the file that packaging puts into its root."""
    try:
        return str(json.loads(Path("build.json").read_text())["build"])
    except FileNotFoundError:
        return "unpackaged"
