"""Work that is better done once for many changes: front ends reloaded, instances restarted."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)
DELAY = 0.3


class Later:
    """Runs work per key DELAY seconds after it was last asked for, one at a time per key."""

    def __init__(self, delay: float = DELAY):
        self._delay = delay
        self._due: dict[str, tuple[float, Callable[[], Awaitable[None]]]] = {}
        self._tasks: dict[str, asyncio.Task] = {}
        self.failures: dict[str, str] = {}
        """Key -> what its last run raised."""

    def __call__(self, key: str, work: Callable[[], Awaitable[None]]) -> None:
        """Asks for it; the newest work of a key is what runs."""
        self._due[key] = asyncio.get_running_loop().time() + self._delay, work
        if key not in self._tasks:
            self._tasks[key] = asyncio.create_task(self._run(key))

    async def settled(self) -> None:
        """Returns when nothing is due or running, what the work itself asked for included."""
        while self._tasks:
            await asyncio.wait(self._tasks.values())

    async def _run(self, key: str) -> None:
        clock = asyncio.get_running_loop().time
        while key in self._due:
            if (wait := self._due[key][0] - clock()) > 0:
                await asyncio.sleep(wait)
                continue
            _, work = self._due.pop(key)
            try:
                await work()
                self.failures.pop(key, None)
            except Exception as error:  # whatever it is, settle reports it and the twin goes on
                log.exception("%s failed", key)
                self.failures[key] = str(error) or type(error).__name__
        del self._tasks[key]
