"""The controller: keeps worker processes alive, adds some while the queues are long, stops them all in order.

It uses the standard library only and holds the HTTP socket, so that requests wait while worker 0 is replaced.
"""

import asyncio
import signal
import socket
import sys
import time
from argparse import Namespace

from .logs import log

REFUSED = 78
"""A worker's exit code when the package cannot run: there is no use in trying again."""
SCALE_IN_AFTER = 10.0
"""Seconds for which fewer workers must be wanted before one is removed."""
HEALTHY_AFTER, LONGEST_DELAY = 30.0, 30.0
"""Seconds of life after which a worker's death is replaced without delay again; else delays double up to the second."""


class Controller:
    """Worker `n` has a keeper, a task that starts it again; keepers are added and retired at the list's end."""

    def __init__(self, options: Namespace) -> None:
        self._options = options
        self._keepers: list[asyncio.Task[None]] = []
        self._processes: dict[int, asyncio.subprocess.Process] = {}
        self._enough_since = time.monotonic()
        self._code = 0

    async def run(self) -> int:
        """Until SIGTERM or SIGINT, or until a worker refuses the package; returns the exit code."""
        port, self._stopping = self._options.port, asyncio.Event()
        try:
            self._socket = socket.create_server(("127.0.0.1", port), backlog=512)
        except OSError as error:
            log("refused", "error", reason=f"port {port} cannot be used ({error.strerror}): free it or give another")
            return 1
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stopping.set)
        self._add()
        await self._stopping.wait()
        while self._keepers:
            self._retire()
        await asyncio.gather(*(self._end(process) for process in self._processes.values()))
        return self._code

    def _add(self) -> None:
        self._keepers.append(asyncio.create_task(self._keep(len(self._keepers))))

    def _retire(self) -> None:
        """Stop the youngest worker; it finishes what it runs, while its keeper no longer replaces it."""
        self._keepers.pop().cancel()
        process = self._processes.get(len(self._keepers))
        if process and process.returncode is None:
            process.terminate()

    async def _keep(self, number: int) -> None:
        """Start worker `number` again whenever it ends, more slowly when it keeps ending."""
        delay = 0.5
        while True:
            if retired := self._processes.get(number):
                await retired.wait()
            started = time.monotonic()
            process, channel = await self._start(number)
            await self._listen(channel)
            code = await process.wait()
            if code == REFUSED:
                self._code = code
                self._stopping.set()
                return
            delay = 0.5 if time.monotonic() - started > HEALTHY_AFTER else min(LONGEST_DELAY, delay * 2)
            log("worker_ended", "error", number=number, code=code, again_in=delay)
            await asyncio.sleep(delay)

    async def _start(self, number: int) -> tuple[asyncio.subprocess.Process, socket.socket]:
        ours, theirs = socket.socketpair()
        options, listen = self._options, self._socket.fileno() if number == 0 else -1
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "twin.functionshost", f"--package={options.package}", f"--worker={number}",
                f"--channel={theirs.fileno()}", f"--listen={listen}", f"--lease={options.lease}",
                f"--stop-within={options.stop_within}", stdin=asyncio.subprocess.DEVNULL,
                pass_fds=[descriptor for descriptor in (theirs.fileno(), listen) if descriptor >= 0],
            )
        self._processes[number] = process
        return process, ours

    async def _listen(self, channel: socket.socket) -> None:
        """Worker 0 says every second how many workers the queues want; the end of the stream is the worker's end."""
        reports, writer = await asyncio.open_connection(sock=channel)
        above = 0
        async for line in reports:
            wanted = min(int(line), self._options.max_workers)
            above = above + 1 if wanted > len(self._keepers) else 0
            if above > 1:  # not for a moment's burst
                self._add()
                log("scaled_out", workers=len(self._keepers), wanted=wanted)
            self._scale_in(wanted)
        writer.close()

    def _scale_in(self, wanted: int) -> None:
        now = time.monotonic()
        if wanted < len(self._keepers) and now - self._enough_since > SCALE_IN_AFTER:
            self._retire()
            log("scaled_in", workers=len(self._keepers), wanted=wanted)
        elif wanted < len(self._keepers):
            return
        self._enough_since = now

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        """Wait for one that was told to stop; it ends itself in time, else it is killed."""
        try:
            await asyncio.wait_for(process.wait(), self._options.stop_within + 5)
        except TimeoutError:
            process.kill()
            await process.wait()
