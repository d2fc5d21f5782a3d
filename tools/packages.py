"""Server programs from the system's package manager: only what is missing, and none of them is started as a service."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools import cache, locate
from tools.host import Host
from tools.problem import SetupProblem

INSTALLER = Path(__file__).with_name("debian-packages.sh")


@dataclass(frozen=True)
class Need:
    """One program: how to see whether it is there, and what it is called elsewhere."""

    what: str
    there: Callable[[], object]
    debian: str
    brew: str


def can_make_environments() -> bool:
    """Debian splits `ensurepip` off into a package of its own."""
    return importlib.util.find_spec("ensurepip") is not None


NEEDS = (
    Need("redis-server 6 or newer", lambda: locate.find("redis-server"), "redis-server", "redis"),
    Need("haproxy 2.4 or newer", lambda: locate.find("haproxy"), "haproxy", "haproxy"),
    Need("PostgreSQL 14 or newer, with its server programs", locate.newest_postgres, "postgresql", "postgresql@16"),
    Need("Python's venv module", can_make_environments, "python3-venv", "python@3.12"),
)
FOR_BENCH = (Need("wrk, which makes the load", lambda: locate.find("wrk"), "wrk", "wrk"),)
FOR_TESTS = (Need("Chromium, for the browser tests", locate.find_chromium, "chromium", "google-chrome"),)


@dataclass(frozen=True)
class System:
    """What decides how packages are installed here."""

    manager: str  # "apt", "brew" or ""
    root: bool
    sudo: bool  # sudo works without asking

    @classmethod
    def here(cls) -> "System":
        manager = "brew" if sys.platform == "darwin" and shutil.which("brew") else ""
        manager = "apt" if shutil.which("apt-get") and sys.platform == "linux" else manager
        root = os.geteuid() == 0
        return cls(manager, root, not root and bool(shutil.which("sudo")) and sudo_is_silent())


def sudo_is_silent() -> bool:
    return subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0


def for_services(host: Host) -> None:
    """What the platform's processes need."""
    provide(host, NEEDS)


def for_bench(host: Host) -> None:
    """The same, and what makes the load."""
    provide(host, NEEDS + FOR_BENCH)


def for_tests(host: Host) -> None:
    """The same, and a browser. Without one (Ubuntu has it as a snap only) everything but the browser tests can run."""
    provide(host, NEEDS)
    try:
        provide(host, FOR_TESTS)
    except SetupProblem as problem:
        host.say(f"going on without a browser, which the browser tests will miss. {problem}")


def provide(host: Host, needs: tuple[Need, ...], system: System | None = None) -> None:
    """Install what is missing; raises SetupProblem with the exact command when that is not ours to do."""
    if not any_missing(needs):
        return
    with cache.locked("packages", lambda: host.say("another set-up is installing packages; waiting for it …")):
        if missing := any_missing(needs):
            install(host, missing, system or System.here())
    if still := any_missing(needs):
        raise SetupProblem(by_hand(still, "they were installed, but are not found on PATH"))


def any_missing(needs: tuple[Need, ...]) -> list[Need]:
    return [need for need in needs if not need.there()]


def install(host: Host, missing: list[Need], system: System) -> None:
    """Let the package manager install `missing`."""
    command = command_for(missing, system)
    if system.manager == "apt" and not (system.root or system.sudo):
        raise SetupProblem(
            f"Not installed: {names(missing)}. Installing needs root, and sudo asks for a password here. Run\n\n"
            f"  sudo {' '.join(command)}\n\nand then the same make command again."
        )
    if not command:
        raise SetupProblem(by_hand(missing, "neither apt-get nor Homebrew is here to install them"))
    sudo = ["sudo", "-n"] if system.manager == "apt" and not system.root else []
    host.run(*sudo, *command, doing=f"installing {names(missing)}")


def command_for(missing: list[Need], system: System) -> list[str]:
    if system.manager == "apt":
        return ["sh", str(INSTALLER), *(need.debian for need in missing)]
    if system.manager == "brew":
        return ["brew", "install", *(word for need in missing for word in need.brew.split())]
    return []


def names(needs: list[Need]) -> str:
    return "; ".join(need.what for need in needs)


def by_hand(missing: list[Need], why: str) -> str:
    lines = "\n".join(f"  - {need.what} (Debian: {need.debian}; Homebrew: {need.brew})" for need in missing)
    return f"Please install these with your package manager, because {why}:\n{lines}\nThen run the same command again."
