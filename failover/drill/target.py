"""What is drilled: the platform's URLs, and the commands that break it, operate it and look at its stack.

On top of `failover.settings`: FAILOVER_FAULTS, the command that breaks things (none: scenarios with faults are
refused), and `endpoints.json` beside the outputs, which has the regions' own doors (none: only the edge is asked).
"""

import asyncio
import os
import shlex
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from failover.errors import OperatorError
from failover.platform import Platform
from failover.settings import Settings

INTERRUPTED = 60.0
"""Seconds that an interrupted command gets: an engine saves its state before it ends."""
Doors = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Done:
    """A command that ended: its exit code, what it wrote, and when it ran."""

    code: int
    out: str
    err: str
    start: float
    end: float

    @property
    def tail(self) -> str:
        """The last lines of both, for a message."""
        return "\n".join((self.err.strip() or self.out.strip()).splitlines()[-6:])


@dataclass(frozen=True)
class Target:
    """`home`: the region that is primary by configuration when the drill begins; `other`: its peer."""

    settings: Settings
    platform: Platform
    portal: str
    doors: Doors
    faults: tuple[str, ...]
    home: str
    environment: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_environment(cls, settings: Settings | None = None) -> "Target":
        """Raises OperatorError for what is missing, with the next act."""
        settings = settings or Settings.from_environment()
        platform = settings.platform()
        return cls(settings, platform, settings.portal or platform.portal_url.rstrip("/"), _doors(settings.outputs),
                   tuple(shlex.split(os.environ.get("FAILOVER_FAULTS", ""))), platform.primary)

    @property
    def other(self) -> str:
        return self.platform.peer(self.home)

    @property
    def folder(self) -> Path:
        """Where results lie."""
        return self.settings.home

    def named(self, text: str) -> str:
        """A scenario's text with the regions' names."""
        return text.replace("{home}", self.home).replace("{other}", self.other).replace(
            "{static}", self.platform.static.location)

    def home_of(self, service: str) -> str:
        """Where configuration had that service when the drill began."""
        return self.platform.services[service].primary

    async def fault(self, *arguments: str) -> Done:
        if not self.faults:
            raise OperatorError("FAILOVER_FAULTS names no command, so nothing can be broken here. On the twin, run "
                                "`make drill`; on Azure, drill with `switchover`, or name a command that does it.")
        return await run([*self.faults, *map(self.named, arguments)])

    async def failover(self, *arguments: str, watch: Callable[[Process, str], None] | None = None) -> Done:
        """`python -m failover --json VERB … --yes`; `watch` sees every line of its output as it comes."""
        yes = () if arguments[0] == "status" else ("--yes",)
        return await run([sys.executable, "-m", "failover", "--json", *map(self.named, arguments), *yes], watch)

    async def preview(self) -> Done:
        """The stack's preview as JSON, with the roles as they are now."""
        primary = self.settings.platform().primary
        return await run(shlex.split(self.settings.preview.replace("{primary}", primary)))


async def run(command: list[str], watch: Callable[[Process, str], None] | None = None) -> Done:
    """Runs a command to its end, in a process group of its own that is ended with this task."""
    start = time.time()
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, start_new_session=True,
                                                   limit=1 << 24)
    try:
        out, err = await asyncio.gather(_lines(process, watch), process.stderr.read())
        await process.wait()
    finally:
        await _ended(process)
    return Done(process.returncode or 0, out, err.decode(errors="replace"), start, time.time())


async def _ended(process: Process) -> None:
    """Interrupted as by Ctrl-C, so that what it started in turn can end well; killed when that takes too long."""
    for number, patience in ((signal.SIGINT, INTERRUPTED), (signal.SIGKILL, 5.0)):
        if process.returncode is not None:
            return
        with suppress(ProcessLookupError, TimeoutError):
            os.killpg(process.pid, number)
            await asyncio.wait_for(asyncio.shield(process.wait()), patience)


async def _lines(process: Process, watch: Callable[[Process, str], None] | None) -> str:
    lines = []
    async for line in process.stdout:
        lines.append(line.decode(errors="replace"))
        if watch:
            watch(process, lines[-1])
    return "".join(lines)


def _doors(outputs: Path | None) -> Doors:
    file = (outputs or Path()).parent / "endpoints.json"
    return orjson.loads(file.read_bytes())["regions"] if outputs and file.exists() else {}
