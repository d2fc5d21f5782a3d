"""This machine as set-up sees it: how to say something and how to run something. Tests give another one."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tools import cache
from tools.problem import SetupProblem

HEARTBEAT_SECONDS = 15.0


class Host:
    """Runs commands with their output kept in a log, and tells what is going on, with the seconds since the start."""

    def __init__(self, say: Callable[[str], None] = print, clock: Callable[[], float] = time.monotonic) -> None:
        self._say, self._clock, self._start = say, clock, clock()
        self.said = False

    @property
    def elapsed(self) -> float:
        """Seconds since set-up began."""
        return self._clock() - self._start

    def say(self, text: str) -> None:
        """Tell the user what happens now."""
        self.said = True
        self._say(f"[{self.elapsed:6.1f} s] {text}")

    def run(
        self,
        *command: str | Path,
        doing: str,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> None:
        """Run `command`; say `doing` first, its last line every 15 s, and the time at the end.

        Raises SetupProblem with the end of the output when it fails or takes longer than `timeout` seconds.
        """
        began = self.elapsed
        self.say(f"{doing} …")
        log = self.log_of(doing)
        with log.open("wb") as output:
            process = subprocess.Popen(
                [str(part) for part in command],
                cwd=cwd,
                env=os.environ | dict(environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,  # its own group, in the terminal's session: sudo still knows who asks
            )
            self._wait(process, doing, log, timeout)
        if process.returncode:
            raise SetupProblem(f"{doing} failed (exit {process.returncode}); {log} ends with:\n{tail(log)}")
        self.say(f"{doing}: {self.elapsed - began:.1f} s")

    def log_of(self, doing: str) -> Path:
        """The file that keeps the output of the step `doing`, one per process so that two set-ups never share one."""
        folder = cache.root() / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        return (
            folder / f"{'-'.join(''.join(c if c.isalnum() else ' ' for c in doing).split()).lower()}-{os.getpid()}.log"
        )

    def _wait(self, process: subprocess.Popen, doing: str, log: Path, timeout: float | None) -> None:
        end = None if timeout is None else self._clock() + timeout
        try:
            while process.poll() is None:
                self._beat(process, doing, log)
                if end is not None and self._clock() > end:
                    raise SetupProblem(f"{doing} was given up after {timeout:.0f} s; {log} ends with:\n{tail(log)}")
        finally:
            end_group(process)

    def _beat(self, process: subprocess.Popen, doing: str, log: Path) -> None:
        try:
            process.wait(HEARTBEAT_SECONDS)
        except subprocess.TimeoutExpired:
            self.say(f"{doing} … {tail(log, 1)[:80]}")


def end_group(process: subprocess.Popen, patience: float = 5.0) -> None:
    """End `process` with its children if it still runs: TERM, and KILL after `patience` seconds."""
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal_number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of `log`."""
    return "\n".join(log.read_text(errors="replace").strip().splitlines()[-lines:])
