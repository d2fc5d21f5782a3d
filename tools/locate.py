"""Where the tools are that `make setup` provides: paths, or a SetupProblem that names the next act."""

import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

from tools import cache, versions
from tools.problem import SetupProblem

# Debian keeps servers in /usr/sbin, which is not on an ordinary user's PATH; Homebrew has two prefixes.
EXTRA_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin", "/opt/homebrew/sbin", "/usr/local/bin")
POSTGRES_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/usr/pgsql-*/bin",
)
POSTGRES_PROGRAMS = ("postgres", "initdb", "pg_ctl", "pg_basebackup", "psql")
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROME_ON_MACOS = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")


def find(*names: str) -> Path | None:
    """The first of the programs `names` on PATH or in the folders where servers hide."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *EXTRA_FOLDERS))
    found = (shutil.which(name, path=path) for name in names)
    return next((Path(program) for program in found if program), None)


def required(path: Path | None, what: str) -> Path:
    if path is None:
        raise SetupProblem(f"{what} was not found on this machine: run `make setup`, which installs it or says how.")
    return path


def redis_server() -> Path:
    """The redis-server program."""
    return required(find("redis-server"), "redis-server")


def haproxy() -> Path:
    """The haproxy program."""
    return required(find("haproxy"), "haproxy")


def postgres_bin() -> Path:
    """The folder of PostgreSQL's server programs, the newest version that has all of them."""
    return required(newest_postgres(), "PostgreSQL's server programs (initdb, pg_basebackup, …)")


def toxiproxy() -> Path:
    """The toxiproxy-server program."""
    return required(found_toxiproxy(), "Toxiproxy")


def found_toxiproxy() -> Path | None:
    """The one on PATH if it is of the pinned major version, else the cached one if that copy is whole."""
    on_path, folder = find("toxiproxy-server"), cache.entry("toxiproxy", versions.TOXIPROXY)
    if on_path and suits(said(on_path, "-version"), f"{versions.TOXIPROXY.split('.')[0]}.0.0"):
        return on_path
    return folder / "toxiproxy-server" if cache.complete(folder) else None


def go() -> Path | None:
    """The Go tool, which its installer does not put on PATH."""
    return find("go") or find("/usr/local/go/bin/go")


def chromium() -> Path:
    """Chromium or Chrome, which only the browser tests need."""
    return required(find_chromium(), "Chromium")


def azurite() -> Path:
    """Azurite's start program in the cache."""
    return required(cached_azurite(), "Azurite")


def cached_azurite() -> Path | None:
    """The same, if the cached copy is whole."""
    folder = cache.entry("azurite", versions.AZURITE)
    program = folder / "azurite"
    return program if program.exists() and cache.complete(folder) else None


def pulumi() -> Path:
    """The Pulumi CLI: the one on PATH if its version suits the SDK's, else the one in the cache."""
    folder = cache.entry("pulumi", versions.PULUMI)
    return required(pulumi_on_path() or (folder / "pulumi" if cache.complete(folder) else None), "The Pulumi CLI")


def pulumi_on_path() -> Path | None:
    """The CLI on PATH, if it is usable with the pinned SDK: the same major version, and not older."""
    program = shutil.which("pulumi")
    return Path(program) if program and suits(cli_version(program)) else None


@functools.cache
def cli_version(program: str) -> str:
    """What `program version` says, e.g. `v3.250.0`; empty when it does not run."""
    return said(program, "version")


def said(program: Path | str, *arguments: str) -> str:
    """What a program prints; empty when it does not run."""
    quiet = os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "true"}
    command = [program, *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20, env=quiet, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def suits(version: str, wanted: str = versions.PULUMI) -> bool:
    """Whether a CLI that calls itself `version` can run the SDK `wanted`."""
    have, need = (tuple(map(int, re.findall(r"\d+", text)[:3])) for text in (version, wanted))
    return have[:1] == need[:1] and have >= need


def find_chromium() -> Path | None:
    return find(*CHROMIUM_NAMES) or (CHROME_ON_MACOS if CHROME_ON_MACOS.exists() else None)


def newest_postgres() -> Path | None:
    on_path = find("initdb")
    folders = [path for pattern in POSTGRES_FOLDERS for path in Path("/").glob(pattern[1:])]
    usable = [path for path in (*folders, *([on_path.parent] if on_path else ())) if has_postgres(path)]
    return max(usable, key=postgres_version, default=None)


def has_postgres(folder: Path) -> bool:
    return all((folder / program).exists() for program in POSTGRES_PROGRAMS)


def postgres_version(folder: Path) -> int:
    number = re.search(r"(\d+)/bin$", str(folder))
    return int(number[1]) if number else 0
