"""The Pulumi CLI as a process that is never left behind."""

import contextlib
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pulumi import automation
from pulumi.automation import errors
from semver import VersionInfo

from tools import locate

END_WITHIN = 60.0
"""Seconds that an interrupted engine gets to finish the resource at hand and save its state."""
Line = Callable[[str], None]


class Engine(automation.PulumiCommand):
    """The CLI in a session of its own, so that Ctrl-C reaches it once, from here, and nothing of it is left behind."""

    def __init__(self, program: Path) -> None:
        self.command = str(program)
        cached = re.fullmatch(r"\d+\.\d+\.\d+", program.parent.name)
        self.version = VersionInfo.parse(cached[0] if cached else locate.cli_version(str(program)).lstrip("v"))

    def run(self, args: list[str], cwd: str, additional_env: Any, on_output: Line | None = None,
            on_error: Line | None = None) -> automation.CommandResult:
        environment = {**os.environ, **additional_env, "PULUMI_AUTOMATION_API": "true"}
        process = subprocess.Popen([self.command, "--non-interactive", *args], cwd=cwd, env=environment, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        kept: tuple[list[str], list[str]] = [], []
        streams = (process.stdout, kept[0], on_output), (process.stderr, kept[1], on_error)
        readers = [threading.Thread(target=_read, args=stream, daemon=True) for stream in streams]
        try:
            for reader in readers:
                reader.start()
            process.wait()
        except BaseException:
            _interrupt(process)
            raise
        finally:
            with contextlib.suppress(ProcessLookupError):  # plugins that outlived the engine hold its output open
                os.killpg(process.pid, signal.SIGKILL)
            for reader in readers:
                reader.join(5)
        result = automation.CommandResult(stdout="\n".join(kept[0]), stderr="\n".join(kept[1]), code=process.returncode)
        if process.returncode:
            raise errors.create_command_error(result)
        return result


def _interrupt(process: subprocess.Popen[str]) -> None:
    """Asks the engine to cancel, which saves the state and frees the lock; what is left after that is killed."""
    with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt, ProcessLookupError):
        process.send_signal(signal.SIGINT)
        process.wait(END_WITHIN)
    if process.poll() is None:
        import psutil  # only now: it is not quick to load

        for child in psutil.Process(process.pid).children(recursive=True):  # plugins have groups of their own
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()


def _read(stream: Any, lines: list[str], on_line: Line | None) -> None:
    for line in stream:
        lines.append(line.rstrip())
        if on_line:
            on_line(lines[-1])


@contextlib.contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """A TERM is treated as Ctrl-C, so that the engine is cancelled and not orphaned."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
