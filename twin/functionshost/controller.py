"""The controller: keeps worker processes alive, adds some while the queues are long, stops them all in order.

It uses the standard library only and holds the HTTP socket, so that requests wait while worker 0 is replaced.
"""

import asyncio
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from .logs import log

REFUSED = 78
SCALE_IN_AFTER = 10.0
"""Seconds for which fewer workers must be wanted before one is removed."""
LONGEST_BACKOFF = 30.0
HEALTHY_AFTER = 30.0
"""Seconds of life after which a worker's death starts the restart delays anew."""


@dataclass(frozen=True)
class Options:
    package: Path
    port: int
    max_workers: int
    lease: float
    stop_within: float


class Controller:
    def __init__(self, options: Options) -> None:
        self._options = options
        self._keepers: list[asyncio.Task[None]] = []
        self._processes: dict[int, asyncio.subprocess.Process] = {}
        self._enough_since = time.monotonic()
        self._code = 0

    async def run(self) -> int:
        """Until SIGTERM or SIGINT, or until worker 0 refuses the package; returns the exit code."""
        try:
            self._socket = socket.create_server(("127.0.0.1", self._options.port), backlog=512)
        except OSError as error:
            log(
                "refused",
                "error",
                reason=f"port {self._options.port} cannot be used ({error}): free it or give another",
            )
            return 1
        self._stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stopping.set)
        self._add()
        await self._stopping.wait()
        while self._keepers:
            self._retire()
            await asyncio.sleep(0)
        await asyncio.gather(*(self._end(process) for process in list(self._processes.values())))
        return self._code

    def _add(self) -> None:
        number = len(self._keepers)
        self._keepers.append(asyncio.create_task(self._keep(number)))

    def _retire(self) -> None:
        """Stop the youngest worker; it finishes what it runs, while its keeper no longer replaces it."""
        number = len(self._keepers) - 1
        self._keepers.pop().cancel()
        if process := self._processes.get(number):
            _terminate(process)

    async def _keep(self, number: int) -> None:
        """Start worker `number` again whenever it ends, more slowly when it keeps ending."""
        delay = 0.5
        while True:
            if previous := self._processes.get(number):
                await previous.wait()  # a retired one of the same number
            started = time.monotonic()
            process, reports = await self._start(number)
            await self._listen(number, reports)
            code = await process.wait()
            if code == REFUSED:
                self._code = code
                self._stopping.set()
                return
            delay = 0.5 if time.monotonic() - started > HEALTHY_AFTER else min(LONGEST_BACKOFF, delay * 2)
            log("worker_ended", "error", number=number, code=code, again_in=delay)
            await asyncio.sleep(delay)

    async def _start(self, number: int) -> tuple[asyncio.subprocess.Process, asyncio.StreamReader]:
        ours, theirs = socket.socketpair()
        options, listen = self._options, self._socket.fileno() if number == 0 else -1
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "twin.functionshost", f"--package={options.package}", f"--worker={number}"),
                *(f"--channel={theirs.fileno()}", f"--listen={listen}", f"--lease={options.lease}"),
                f"--stop-within={options.stop_within}",
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), *((listen,) if number == 0 else ())),
            )
        self._processes[number] = process
        reader, self._writer = await asyncio.open_connection(sock=ours)
        return process, reader

    async def _listen(self, number: int, reports: asyncio.StreamReader) -> None:
        """Worker 0 says every second how many workers the queues want; the end of the stream is the worker's end."""
        above = 0
        async for line in reports:
            wanted = min(int(line), self._options.max_workers)
            above = above + 1 if wanted > len(self._keepers) else 0
            if above > 1:  # not for a moment's burst
                self._add()
                log("scaled_out", workers=len(self._keepers), wanted=int(line))
            self._scale_in(wanted)

    def _scale_in(self, wanted: int) -> None:
        now = time.monotonic()
        if wanted >= len(self._keepers):
            self._enough_since = now
        elif now - self._enough_since > SCALE_IN_AFTER:
            self._retire()
            self._enough_since = now
            log("scaled_in", workers=len(self._keepers), wanted=wanted)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        """Wait for one that was told to stop; it ends itself in time, else it is killed."""
        try:
            await asyncio.wait_for(process.wait(), self._options.stop_within + 5)
        except TimeoutError:
            process.kill()
            await process.wait()


def _terminate(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
