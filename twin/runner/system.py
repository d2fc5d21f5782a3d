"""What the runner asks of the operating system; tests put a pretended one in its place."""

import asyncio
import os
import pwd
import random
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

import psutil

from twin.runner.spec import ProcessSpec

INHERITED = ("PATH", "HOME", "LANG")
LOG_LIMIT = 4 << 20
"""Bytes of a log that is moved aside (to <name>.log.1) when its process starts, or when found larger while it runs."""
POLL = 0.05
STRAYS_WITHIN = 2.0
"""Seconds that descendants outside the group (PostgreSQL's backends) get to follow their parent."""


class System:
    """Clock, processes and groups of this machine."""

    def now(self) -> float:
        """Seconds, monotonic."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """As asyncio's."""
        await asyncio.sleep(seconds)

    async def spawn(self, spec: ProcessSpec, log: Path) -> asyncio.subprocess.Process:
        """Starts it as leader of its own session and group; raises OSError when it cannot be executed."""
        rotate(log)
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        drop = {"user": spec.user, "group": pwd.getpwnam(spec.user).pw_gid, "extra_groups": []} \
            if spec.user and os.geteuid() == 0 else {}
        with log.open("ab") as output:
            return await asyncio.create_subprocess_exec(
                *spec.command, cwd=spec.cwd, env=inherited | dict(spec.environment), start_new_session=True,
                stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=asyncio.subprocess.STDOUT, **drop)

    def created(self, pid: int) -> float:
        """Create time of a process in Unix seconds; 0.0 when there is none."""
        try:
            return psutil.Process(pid).create_time()
        except psutil.NoSuchProcess:
            return 0.0

    def kill(self, pid: int, number: int, group: bool = True) -> None:
        """Signals a group, or one process; without complaint when it is gone."""
        with suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(pid, number)

    def members(self, leader: int) -> list[psutil.Process]:
        """The living processes of the session that `leader` started, and the descendants that left it."""
        return families([leader])[leader]

    async def freeze(self, leaders: list[int]) -> None:
        """Stops all of them with their descendants, in no order, and looks again for those that were just born."""
        deadline = self.now() + STRAYS_WITHIN
        while self.now() < deadline:
            moving = [process for family in families(leaders).values() for process in family if _moving(process)]
            if not moving:
                return
            random.shuffle(moving)
            for process in moving:
                self.kill(process.pid, signal.SIGSTOP, group=False)
            await self.sleep(0.01)

    def thaw(self, leaders: list[int]) -> None:
        """Lets them go on."""
        for process in (process for family in families(leaders).values() for process in family):
            self.kill(process.pid, signal.SIGCONT, group=False)

    async def slay(self, leaders: list[int]) -> None:
        """Kills all of them with their descendants, none of which sees another one die."""
        await self.freeze(leaders)
        killed = [process for family in families(leaders).values() for process in family]
        random.shuffle(killed)
        for process in killed:
            self.kill(process.pid, signal.SIGKILL, group=False)
        deadline = self.now() + STRAYS_WITHIN
        while self.now() < deadline and any(map(_alive, killed)):
            await self.sleep(0.01)

    async def end(self, leader: int, stop_signal: int, within: float) -> bool:
        """Signals the group and waits for all of it, then KILL; True when it went by itself."""
        family = self.members(leader)
        self.kill(leader, stop_signal)
        for process in family:
            self.kill(process.pid, signal.SIGCONT, group=False)
        deadline = self.now() + within
        while self.now() < deadline and any(_session(p.pid) == leader and _alive(p) for p in family):
            await self.sleep(POLL)
        orderly = not any(_session(process.pid) == leader for process in family if _alive(process))
        self.kill(leader, signal.SIGKILL)
        deadline = self.now() + STRAYS_WITHIN
        while self.now() < deadline and any(map(_alive, family)):
            await self.sleep(POLL)
        for process in filter(_alive, family):
            self.kill(process.pid, signal.SIGKILL, group=False)
        return orderly


def families(leaders: list[int]) -> dict[int, list[psutil.Process]]:
    """Leader -> the living processes of its session and all descendants of these, in one look at the machine."""
    parents = {process.pid: process.info["ppid"] for process in psutil.process_iter(["ppid", "status"])
               if process.info["status"] != psutil.STATUS_ZOMBIE}
    sessions = {pid: _session(pid) for pid in parents}
    found = {}
    for leader in leaders:
        family = {pid for pid in parents if leader in (pid, sessions[pid])}
        while children := {pid for pid, parent in parents.items() if parent in family} - family:
            family |= children
        found[leader] = [process for process in map(_process, family) if process]
    return found


def rotate(log: Path, limit: int = LOG_LIMIT) -> None:
    """Moves a log over the limit aside; the one moved before is dropped."""
    if log.exists() and log.stat().st_size > limit:
        log.replace(log.with_suffix(".log.1"))


def bound(log: Path, limit: int = 4 * LOG_LIMIT) -> None:
    """The same for a log that is being appended to: copied aside and emptied in place."""
    if log.exists() and log.stat().st_size > limit:
        shutil.copyfile(log, log.with_suffix(".log.1"))
        os.truncate(log, 0)


def tail(log: Path, lines: int = 15) -> str:
    """The end of a log."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 16384))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return 0


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None


def _moving(process: psutil.Process) -> bool:
    try:
        return process.status() not in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False


def _alive(process: psutil.Process) -> bool:
    """A zombie holds nothing, and where nobody reaps orphans it stays for ever; but one of whose threads some have not
    ended yet still holds its ports."""
    try:
        return process.is_running() and (process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1)
    except psutil.NoSuchProcess:
        return False
