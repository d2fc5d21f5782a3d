"""The daemon as the commands see it: started detached, asked over its control protocol, ended."""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import subprocess
import sys
import time
from typing import Any

import httpx
import psutil

from twin.home import CHECKOUT, Home, read_json
from twin.runner import end_leftovers
from twin.runner.system import rotate, tail
from twin.services.appsettings import EXTRA
from twin.services.base import TwinError

START_WITHIN = 180.0
"""Seconds for starting again everything that an earlier daemon ran."""
STOP_WITHIN = 90.0
SHUTDOWN_WITHIN = 10.0
"""Seconds for a daemon to say that it will stop; one that hangs is killed, and its processes are ended from here."""
REQUEST_WITHIN = 600.0
POLL = 0.1
CODE = ("cloud", "functionshost", "runner", "services")


class Daemon:
    """The daemon of one home; what it refuses becomes a TwinError."""

    def __init__(self, home: Home):
        self._home, self._log = home, home.logs / "cloud.log"

    def alive(self) -> bool:
        """Whether one runs, ready or not: it holds its lock for as long as it lives."""
        try:
            with (self._home.run / "daemon.lock").open() as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return False
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return False

    def suits(self) -> bool:
        """Whether the one that runs has this code and this PORT."""
        control = read_json(self._home.control, {})
        return (control.get("code"), control.get("edge_port")) == (fingerprint(), self._home.edge_port)

    def start(self) -> None:
        """Starts one if none runs; returns when everything that ran before runs again."""
        child = None if self.alive() else self._spawn()
        deadline = time.monotonic() + START_WITHIN
        while not self._home.control.exists():
            if child and child.poll() is not None:
                raise TwinError(f"the control plane did not start:\n{tail(self._log, 3).rpartition('error: ')[2]}")
            if time.monotonic() > deadline:
                raise TwinError(f"the control plane was not ready within {START_WITHIN:.0f} s; see {self._log}.")
            time.sleep(POLL)

    def stop(self) -> list[str]:
        """Ends it with all its processes; returns the names of those that only this call could end."""
        answers = False
        with contextlib.suppress(TwinError, httpx.HTTPError):
            answers = self.ask("POST", "/twin/shutdown", SHUTDOWN_WITHIN) is not None
        if pid := self._pid():
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(pid)
                process.terminate()
                with contextlib.suppress(psutil.TimeoutExpired):
                    process.wait(STOP_WITHIN if answers or not self._home.control.exists() else SHUTDOWN_WITHIN)
                process.kill()
                process.wait(SHUTDOWN_WITHIN)
        self._home.control.unlink(missing_ok=True)
        return asyncio.run(end_leftovers(self._home))

    def ask(self, method: str, path: str, within: float = REQUEST_WITHIN, body: Any = None) -> dict[str, Any]:
        """The answer of the control protocol; TwinError when there is no daemon or it refuses."""
        control = read_json(self._home.control, None) if self.alive() else None
        if not control:
            raise TwinError(f"the twin in {self._home.root} is not running; `make up` starts it.")
        with httpx.Client(base_url=control["url"], timeout=within, trust_env=False) as client:
            answer = client.request(method, path, json=body, headers={"Authorization": f"Bearer {control['token']}"})
        if answer.is_error:
            raise TwinError(f"{path}: {answer.json()['error']['message']}")
        return answer.json() if answer.content else {}

    def _pid(self) -> int | None:
        with contextlib.suppress(FileNotFoundError, ValueError):
            return int((self._home.run / "daemon.lock").read_text()) if self.alive() else None
        return None

    def _spawn(self) -> subprocess.Popen[bytes]:
        self._home.control.unlink(missing_ok=True)
        rotate(self._log)
        with self._log.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "twin.cloud"], cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True, env={**os.environ, **self._home.environment})


def fingerprint() -> str:
    """Changes with the code that the daemon runs: one of older code is replaced by the next `up`."""
    files = [file for folder in CODE for file in sorted((CHECKOUT / "twin" / folder).rglob("*.*"))
             if file.suffix != ".pyc"]
    facts = [f"{file} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files]
    facts.append(os.environ.get(EXTRA, ""))  # the sites' environment is part of what it runs
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()
