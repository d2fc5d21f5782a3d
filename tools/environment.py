"""The virtual environment `.venv` with exactly the packages of requirements.lock, and the lock itself."""

import contextlib
import hashlib
import os
import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from tools import cache, versions
from tools.host import Host
from tools.problem import SetupProblem

CHECKOUT = Path(__file__).resolve().parent.parent
REQUIREMENT_FILES = (
    "requirements.txt",
    "portal/requirements.txt",
    "functions/requirements.txt",
    "failover/requirements.txt",
    "twin/requirements.txt",
    "requirements-dev.txt",
)
LOCK = "requirements.lock"
STAMP = ".installed"
DIGEST_LINE = "# requirement files: sha256 "


def uv(host: Host) -> Path:
    """The pinned uv in the cache, installed from PyPI when it is not there."""
    folder = cache.entry("uv", versions.UV)
    if not cache.complete(folder):
        with cache.locked("uv", lambda: host.say("another set-up is fetching uv; waiting for it …")):
            if not cache.complete(folder):
                cache.build(folder, lambda partial: fetch_uv(host, partial))
    return folder / "uv"


def fetch_uv(host: Host, folder: Path) -> None:
    """Install uv's wheel into a scratch environment and keep its one binary."""
    scratch = folder / "scratch"
    host.run(base_python(), "-m", "venv", scratch, doing="making a scratch environment for uv")
    pip = (scratch / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    host.run(*pip, f"uv=={versions.UV}", doing=f"fetching uv {versions.UV} from PyPI")
    shutil.copy2(scratch / "bin/uv", folder / "uv")
    shutil.rmtree(scratch)


def provide(host: Host, checkout: Path = CHECKOUT) -> None:
    """Make `.venv` hold what requirements.lock says; nothing happens when its stamp already tells so."""
    refuse_old_lock(checkout)
    venv, wanted = checkout / ".venv", stamp(checkout)
    if installed(venv) == wanted:
        return
    name = "venv-" + hashlib.sha256(str(venv).encode()).hexdigest()[:12]
    with cache.locked(name, lambda: host.say("another set-up is installing into this .venv; waiting for it …")):
        if installed(venv) != wanted:
            fill(host, uv(host), venv, checkout / LOCK)
            (venv / STAMP).write_text(wanted)


def fill(host: Host, program: Path, venv: Path, lock: Path) -> None:
    """Create the environment if it is unusable here, then install, from uv's cache alone if that has everything."""
    settings = {"UV_CACHE_DIR": str(cache.root() / "uv-cache"), "UV_PYTHON_DOWNLOADS": "never", "VIRTUAL_ENV": ""}
    if not fits(venv):
        create = (program, "venv", "--quiet", "--clear", "--python", base_python(), venv)
        host.run(*create, doing="creating .venv", environment=settings)
    sync = (program, "pip", "sync", "--python", venv / "bin/python", "--require-hashes", lock)
    try:
        host.run(*sync, "--offline", doing="installing packages from the cache", environment=settings)
    except SetupProblem:
        host.run(*sync, doing="installing packages from PyPI", environment=settings)
    compile_packages(host, venv)


def compile_packages(host: Host, venv: Path) -> None:
    """Bytecode of what is imported at every start, so that no process compiles it anew where PYTHONDONTWRITEBYTECODE is
    set; of pulumi_azure_native's 260 modules only those that the components name. It only saves time: may fail."""
    components = "".join(path.read_text() for path in (CHECKOUT / "components").glob("*.py"))
    used = re.findall(r"^from pulumi_azure_native(?:\.| import )(\w+(?:, \w+)*)", components, re.MULTILINE)
    names = "|".join(sorted({name for line in used for name in line.split(", ")} | {"__init__", "_utilities"}))
    skipped = rf"pulumi_azure_native/(?!({names})\b)"
    with contextlib.suppress(SetupProblem):
        host.run(
            venv / "bin/python",
            "-m",
            "compileall",
            "-q",
            "-j",
            "0",
            "-x",
            skipped,
            venv / "lib",
            doing="compiling packages",
        )


def fits(venv: Path) -> bool:
    """Whether `.venv` was made at this place, for this interpreter."""
    try:
        settings = dict(
            line.split(" = ", 1) for line in (venv / "pyvenv.cfg").read_text().splitlines() if " = " in line
        )
    except OSError:
        return False
    version = settings.get("version_info") or settings.get("version", "")
    return (venv / "bin/python").exists() and version.startswith(f"{sys.version_info[0]}.{sys.version_info[1]}.")


def base_python() -> str:
    """The interpreter beneath any environment that set-up itself may run in."""
    return getattr(sys, "_base_executable", None) or sys.executable


def stamp(checkout: Path) -> str:
    """What an environment must have been installed from: this lock, this interpreter, this place."""
    digest = hashlib.sha256((checkout / LOCK).read_bytes()).hexdigest()
    return f"{digest} {sys.version_info[0]}.{sys.version_info[1]} {checkout / '.venv'}\n"


def installed(venv: Path) -> str:
    try:
        return (venv / STAMP).read_text() if (venv / "bin/python").exists() else ""
    except OSError:
        return ""


def digest_of_requirements(checkout: Path) -> str:
    return hashlib.sha256(b"\0".join((checkout / name).read_bytes() for name in REQUIREMENT_FILES)).hexdigest()


def refuse_old_lock(checkout: Path) -> None:
    """The lock says which requirement files it was made from; installing an older one would hide a missing package."""
    lock = checkout / LOCK
    first = lock.read_text().partition("\n")[0] if lock.exists() else ""
    if first != DIGEST_LINE + digest_of_requirements(checkout):
        raise SetupProblem(
            f"{LOCK} was not made from the requirement files as they are now ({', '.join(REQUIREMENT_FILES)}): "
            "run `make lock` and commit the result."
        )


def make_lock(host: Host, checkout: Path = CHECKOUT, extra: Iterable[str] = ()) -> None:
    """Resolve all requirement files together, for every platform and Python from 3.11, with hashes."""
    output = checkout / (LOCK + ".partial")
    shutil.copy2(checkout / LOCK, output) if (checkout / LOCK).exists() else None
    resolve = (
        "pip",
        "compile",
        "--universal",
        "--python-version",
        "3.11",
        "--generate-hashes",
        "--no-header",
        "--quiet",
    )
    host.run(
        *(uv(host), *resolve, *extra, "--output-file", output, *REQUIREMENT_FILES),
        doing="resolving the requirement files",
        cwd=checkout,
        environment={"UV_CACHE_DIR": str(cache.root() / "uv-cache")},
    )
    output.write_text(f"{DIGEST_LINE}{digest_of_requirements(checkout)}\n{output.read_text()}")
    os.replace(output, checkout / LOCK)
