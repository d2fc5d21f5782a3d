"""What a process is: how it starts, when it is ready, how it ends."""

import asyncio
import signal
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx


@dataclass(frozen=True)
class Tcp:
    """Ready once something accepts on 127.0.0.1:port."""

    port: int

    async def __call__(self) -> bool:
        """One try."""
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True


@dataclass(frozen=True)
class Http:
    """Ready once a GET of `url` answers `status`; `ca` is the bundle that https is checked with."""

    url: str
    status: int = 200
    ca: Path | None = None

    async def __call__(self) -> bool:
        """One try, at most 2 s."""
        verify = ssl.create_default_context(cafile=self.ca) if self.ca else False
        async with httpx.AsyncClient(verify=verify, timeout=2, trust_env=False) as client:
            try:
                return (await client.get(self.url)).status_code == self.status
            except httpx.HTTPError:
                return False


Ready = Callable[[], Awaitable[bool]]
"""One try at finding out whether the process serves: Tcp, Http, or any such function."""


@dataclass(frozen=True)
class ProcessSpec:
    """One process; equal specs are the same process, so that starting it again does nothing.

    Its log is <home>/logs/<name>.log; its environment is complete, nothing is inherited beside PATH, HOME and LANG.
    """

    name: str
    command: tuple[str, ...]
    cwd: Path
    environment: Mapping[str, str]
    region: str
    service: str
    ports: tuple[int, ...] = ()
    ready: Ready | None = field(default=None, compare=False)
    ready_within: float = field(default=30.0, compare=False)
    stop_signal: int = signal.SIGTERM
    stop_within: float = 10.0
    restart: bool = True
    user: str | None = None
    build: str = ""
    resource_id: str = ""


@dataclass
class Process:
    """A spec and what became of it; `state` is starting, ready, backoff, crash loop, stopping or exited, and while a
    fault holds it killed or frozen."""

    spec: ProcessSpec
    state: str = "starting"
    pid: int | None = None
    created: float = 0.0
    """psutil's create time; with the pid it tells this process from a later one of the same number."""
    started: float = 0.0
    restarts: int = 0
    exit_code: int | None = None
