"""The supervisor."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress

from twin.home import Home, read_json, write_json
from twin.runner.ports import require_free
from twin.runner.spec import Process, ProcessSpec
from twin.runner.system import System, bound, tail
from twin.services.base import Held, TwinError

log = logging.getLogger(__name__)

READY_POLL = 0.1
BACKOFF = (0.2, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before the n-th restart in a row; the last one goes on."""
CRASH_LOOP = 4
"""Restarts in a row from which on a process is reported as being in a crash loop."""
STEADY = 60.0
"""Seconds of running after which a crash counts as a first one again."""
LEFTOVER_WITHIN = 5.0


HELD = {"kill": "killed", "freeze": "frozen"}
"""Fault -> state of a process that it holds."""


class Runner:
    """Starts and watches the processes of one home; <home>/run/processes.json tells the next one what it left."""

    held: Callable[[ProcessSpec], str] = staticmethod(lambda _: "")
    """"kill" or "freeze" for what must not run now; "" for all else."""

    def __init__(self, home: Home, system: System | None = None):
        self._home, self._system = home, system or System()
        self._processes: dict[str, Process] = {}
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._watchers: dict[str, asyncio.Task] = {}
        self._closing = False

    def get(self, name: str) -> Process | None:
        """The process of that name, in whatever state."""
        return self._processes.get(name)

    def all(self) -> list[Process]:
        """Every process, in the order of their first start."""
        return list(self._processes.values())

    def owns(self, port: int) -> bool:
        """Whether a process of ours, running or being restarted, is meant to listen there."""
        return any(port in process.spec.ports for process in self.all())

    async def start(self, spec: ProcessSpec) -> Process:
        """Returns once ready; the same spec already running: nothing; another one of that name: replaced.

        Raises TwinError with the end of its log when it exits or is not ready in time, or when another
        process holds one of its ports; Held when a fault keeps it from running."""
        async with self._locks[spec.name]:
            known = self._processes.get(spec.name)
            if fault := self.held(spec):
                self._processes.setdefault(spec.name, Process(spec, HELD[fault]))
                raise Held(f"{spec.name} is {HELD[fault]} by a fault; `python -m twin fault heal` releases it.")
            if known and known.spec == spec and known.state == "ready":
                return known
            if known:
                await self._end(known)
                self._forget(spec.name)
            for port in spec.ports:
                require_free(port, spec.name)
            process = self._processes[spec.name] = Process(spec)
            try:
                child = await self._launch(process)
            except TwinError:
                await self._end(process)
                self._forget(spec.name)
                raise
            self._watchers[spec.name] = asyncio.create_task(self._watch(process, child), name=spec.name)
            return process

    async def stop(self, name: str) -> None:
        """Ends the process and its group: its stop signal, KILL after `stop_within`; forgets it."""
        async with self._locks[name]:
            if process := self._processes.get(name):
                await self._end(process)
                self._forget(name)

    async def stop_all(self) -> None:
        """Ends everything, for good: services in the reverse order of their start, a service's processes at once."""
        self._closing = True
        services: dict[str, list[str]] = defaultdict(list)
        for process in self.all():
            services[process.spec.service].append(process.spec.name)
        for names in reversed(services.values()):
            await asyncio.gather(*map(self.stop, names))

    async def hold(self, processes: list[Process], fault: str) -> None:
        """Kills or freezes them all at once; what is killed stays so until `start` may start it again.  Azure's storage
        is durable, so its servers end by their own quick closing; all else ends in the middle of whatever it does."""
        processes = [process for process in processes if process.pid or fault == "kill"]
        orderly = [process for process in processes if process.pid and process.spec.service == "storage"]
        hit = [process.pid for process in processes if process.pid and not (fault == "kill" and process in orderly)]
        for process in processes:
            process.state = HELD[fault]
            if fault == "kill" and (watcher := self._watchers.pop(process.spec.name, None)):
                watcher.cancel()
        if fault == "freeze":
            await self._system.freeze(hit)
            return
        await asyncio.gather(self._system.slay(hit), *(
            self._system.end(process.pid, process.spec.stop_signal, process.spec.stop_within) for process in orderly))
        for process in processes:
            process.pid = None
        self._record()

    def release(self, processes: list[Process]) -> None:
        """Lets the frozen ones go on; those that were killed are started by whoever started them first."""
        self._system.thaw([process.pid for process in processes if process.pid])
        for process in processes:
            if process.state == "frozen" and process.pid:
                process.state = "ready"

    async def pulse(self, process: Process, seconds: float) -> None:
        """Stops it for a moment."""
        if process.pid and process.state == "ready":
            leaders = [process.pid]
            try:
                await self._system.freeze(leaders)
                await self._system.sleep(seconds)
            finally:
                self._system.thaw(leaders)

    def reload(self, name: str, number: int) -> None:
        """Signals the process itself (not its group), e.g. HAProxy's master with USR2."""
        process = self._processes.get(name)
        if process and process.pid and process.state == "ready":
            self._system.kill(process.pid, number, group=False)

    def bound_logs(self) -> None:
        """Cuts the logs that grew too large since their process started."""
        for file in self._home.logs.glob("*.log"):
            bound(file)

    def _log(self, process: Process):
        return self._home.logs / f"{process.spec.name}.log"

    async def _launch(self, process: Process) -> asyncio.subprocess.Process:
        """Starts it and waits until it is ready; TwinError otherwise."""
        spec, system = process.spec, self._system
        if self._closing:
            raise TwinError(f"{spec.name} was not started: the twin is going down.")
        if self.held(spec):
            raise Held(f"{spec.name} is held by a fault.")
        process.state, process.exit_code = "starting", None
        try:
            child = await system.spawn(spec, self._log(process))
        except OSError as error:
            why = f"{spec.name} cannot be started: {spec.command[0]}: {error.strerror}; run `make setup`."
            raise TwinError(why) from error
        process.pid, process.created, process.started = child.pid, system.created(child.pid), system.now()
        self._record()
        while not (await spec.ready() if spec.ready else True):
            waited = system.now() - process.started
            if self._closing:
                raise TwinError(f"{spec.name} was not started: the twin is going down.")
            if child.returncode is not None or waited > spec.ready_within:
                what = f"was not ready within {spec.ready_within:.0f} s" if child.returncode is None \
                    else f"ended with code {child.returncode}"
                raise TwinError(f"{spec.name} {what}. The end of {self._log(process)}:\n{tail(self._log(process))}")
            await system.sleep(READY_POLL)
        process.state = "ready"
        return child

    async def _watch(self, process: Process, child: asyncio.subprocess.Process) -> None:
        """Waits for its end and starts it again, later each time."""
        spec, crashes = process.spec, 0
        while True:
            process.exit_code = await child.wait()
            log.warning("%s ended with code %s", spec.name, process.exit_code)
            await self._system.end(child.pid, spec.stop_signal, spec.stop_within)
            if not spec.restart:
                process.state, process.pid = "exited", None
                return
            crashes = 0 if self._system.now() - process.started > STEADY else crashes
            child, crashes = await self._relaunch(process, crashes)

    async def _relaunch(self, process: Process, crashes: int) -> tuple[asyncio.subprocess.Process, int]:
        """Tries until it is ready again; returns the child and the restarts in a row so far."""
        while True:
            process.state = "backoff" if crashes < CRASH_LOOP else "crash loop"
            process.pid = None
            await self._system.sleep(BACKOFF[min(crashes, len(BACKOFF) - 1)])
            crashes += 1
            process.restarts += 1
            try:
                return await self._launch(process), crashes
            except TwinError as error:
                log.warning("restart %d in a row: %s", crashes, error)
                if process.pid:
                    await self._system.end(process.pid, process.spec.stop_signal, process.spec.stop_within)

    async def _end(self, process: Process) -> None:
        process.state = "stopping"
        if watcher := self._watchers.pop(process.spec.name, None):
            watcher.cancel()
            with suppress(asyncio.CancelledError):
                await watcher
        if process.pid and not await self._system.end(process.pid, process.spec.stop_signal, process.spec.stop_within):
            log.warning("%s did not end within %s s and was killed", process.spec.name, process.spec.stop_within)

    def _forget(self, name: str) -> None:
        self._processes.pop(name, None)
        self._record()

    def _record(self) -> None:
        with suppress(FileNotFoundError):  # the home was deleted: what runs must be ended all the same
            write_json(self._home.run / "processes.json", [
                {"name": process.spec.name, "pid": process.pid, "created": process.created,
                 "signal": int(process.spec.stop_signal)}
                for process in self.all() if process.pid])


async def end_leftovers(home: Home, system: System | None = None) -> list[str]:
    """Ends what a killed daemon left running; returns the names. A process number that was reused is left alone."""
    system, file, ours = system or System(), home.run / "processes.json", []
    for record in read_json(file, []):
        created = system.created(record["pid"])
        reused = created and abs(created - record["created"]) > 0.01
        if not reused and system.members(record["pid"]):
            ours.append(record)
    await asyncio.gather(*(system.end(record["pid"], record["signal"], LEFTOVER_WITHIN) for record in ours))
    file.unlink(missing_ok=True)
    return [record["name"] for record in ours]
