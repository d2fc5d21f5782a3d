"""Toxiproxy (https://github.com/Shopify/toxiproxy), the network between the twin's regions: the one on PATH, the cache,
the official release, a build of its Go module."""

import platform
import sys
from pathlib import Path

from tools import cache, engine, locate, versions
from tools.environment import base_python
from tools.host import Host
from tools.problem import SetupProblem

RELEASES = ("github.com", 443)
RELEASE = "https://github.com/Shopify/toxiproxy/releases/download/v{version}/toxiproxy-server-{system}-{machine}"
MODULE = "github.com/Shopify/toxiproxy/v2"
MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
DOWNLOAD = "import sys, urllib.request; urllib.request.urlretrieve(sys.argv[1], sys.argv[2])"


def provide(host: Host) -> None:
    """Make sure that a usable server is on PATH or in the cache."""
    folder = cache.entry("toxiproxy", versions.TOXIPROXY)
    if locate.found_toxiproxy():
        return
    with cache.locked("toxiproxy", lambda: host.say("another set-up is getting Toxiproxy; waiting for it …")):
        if not cache.complete(folder):
            if folder.exists():
                host.say(f"{folder} is not complete; getting it again")
            cache.build(folder, lambda partial: obtain(host, partial))


def obtain(host: Host, folder: Path) -> None:
    """Fill `folder` with the server, as `folder/toxiproxy-server`; raises SetupProblem with the ways out."""
    program = folder / "toxiproxy-server"
    if engine.reachable(RELEASES):
        try:
            download(host, program)
        except SetupProblem as problem:
            host.say(f"the official release could not be used; building instead. {problem}")
            build(host, program)
    else:
        host.say(f"{RELEASES[0]} cannot be reached; building Toxiproxy from its Go module instead")
        build(host, program)


def download(host: Host, program: Path) -> None:
    """The release's own binary for this machine, which must run here and say its version."""
    machine = MACHINES.get(platform.machine().lower(), platform.machine())
    url = RELEASE.format(version=versions.TOXIPROXY, system=sys.platform, machine=machine)
    doing = f"downloading Toxiproxy {versions.TOXIPROXY}"
    host.run(base_python(), "-c", DOWNLOAD, url, program, doing=doing, timeout=120)
    program.chmod(0o755)
    said = locate.said(program, "-version")
    if versions.TOXIPROXY not in said:
        raise SetupProblem(f"{url} says it is {said or 'nothing'}.")


def build(host: Host, program: Path) -> None:
    """`go install`; half a minute on two cores."""
    go = locate.go()
    if go is None:
        raise SetupProblem(
            f"No Toxiproxy {versions.TOXIPROXY}: {RELEASES[0]} does not serve it, and there is no Go to build it. "
            f"Install Go (https://go.dev/doc/install), or put toxiproxy-server (https://{MODULE[:-3]}/releases) on "
            "PATH, and run the same command again."
        )
    settings = {"GOBIN": str(program.parent), "GOFLAGS": "-buildvcs=false", "GO111MODULE": "on", "GOWORK": "off"}
    flags = f"-s -w -X {MODULE}.Version={versions.TOXIPROXY}"
    install = ("nice", go, "install", "-trimpath", "-ldflags", flags, f"{MODULE}/cmd/server@v{versions.TOXIPROXY}")
    host.run(*install, doing="building Toxiproxy, once (half a minute on two cores)", environment=settings)
    (program.parent / "server").rename(program)
