"""Azurite, Microsoft's storage emulator, installed from npm into the cache."""

import os
import shutil
from pathlib import Path

from tools import cache, locate, node, versions
from tools.host import Host
from tools.problem import SetupProblem

PINS = Path(__file__).with_name("npm")
FILES = ("package.json", "package-lock.json", "azurite")


def provide(host: Host) -> None:
    """Put the pinned Azurite into the cache unless a complete copy is there."""
    folder = cache.entry("azurite", versions.AZURITE)
    if locate.cached_azurite():
        return
    with cache.locked("azurite", lambda: host.say("another set-up is installing Azurite; waiting for it …")):
        if not locate.cached_azurite():
            if folder.exists():
                host.say(f"{folder} is not complete; installing it again")
            npm = node.npm(host)
            cache.build(folder, lambda partial: install(host, npm, partial))


def install(host: Host, npm: tuple[Path, ...], folder: Path) -> None:
    """`npm ci` from the committed lock; no package of it needs its install script."""
    for name in FILES:
        shutil.copy2(PINS / name, folder / name)
    command = (*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    path = os.pathsep.join((str(npm[0].parent), os.environ.get("PATH", os.defpath)))
    doing = f"installing Azurite {versions.AZURITE} from npm"
    host.run(*command, doing=doing, cwd=folder, environment={"PATH": path})
    if not (folder / "node_modules/.bin/azurite").exists():
        raise SetupProblem("npm ended well but left no Azurite: look at its log in the cache's logs folder.")
