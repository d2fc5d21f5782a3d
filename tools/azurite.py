"""Azurite, Microsoft's storage emulator, installed from npm into the cache."""

import re
import shutil
import subprocess
from pathlib import Path

from tools import cache, locate, versions
from tools.host import Host
from tools.problem import SetupProblem

PINS = Path(__file__).with_name("npm")
OLDEST_NODE = 20


def provide(host: Host) -> None:
    """Put the pinned Azurite into the cache unless a complete copy is there."""
    folder = cache.entry("azurite", versions.AZURITE)
    if cache.complete(folder):
        return
    with cache.locked("azurite", lambda: host.say("another set-up is installing Azurite; waiting for it …")):
        if not cache.complete(folder):
            if folder.exists():
                host.say(f"{folder} is not complete; installing it again")
            cache.build(folder, lambda partial: install(host, partial))


def install(host: Host, folder: Path) -> None:
    """`npm ci` from the committed lock; no package of it needs its install script."""
    refuse_old_node()
    for name in ("package.json", "package-lock.json"):
        shutil.copy2(PINS / name, folder / name)
    command = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=http")
    host.run(*command, doing=f"installing Azurite {versions.AZURITE} from npm", cwd=folder)
    if not (folder / "node_modules/.bin/azurite").exists():
        raise SetupProblem("npm ended well but left no Azurite: look at its log in the cache's logs folder.")


def refuse_old_node() -> None:
    node = locate.find("node")
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout if node else ""
    major = re.match(r"v(\d+)", said)
    if not major or int(major[1]) < OLDEST_NODE:
        raise SetupProblem(
            f"Azurite needs Node.js {OLDEST_NODE} or newer; {node or 'none'} says {said.strip() or 'nothing'}. "
            "Install one from https://nodejs.org/en/download or your package manager and run the same command again."
        )
