"""The Pulumi CLI, by the first way that works: PATH, the cache, the official installer, a build of its Go module."""

import os
import shutil
import socket
from pathlib import Path

from tools import cache, locate, versions
from tools.environment import CHECKOUT
from tools.host import Host
from tools.problem import SetupProblem

INSTALLER_HOST = ("get.pulumi.com", 443)
MODULE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
# The SDK's own way: it fetches https://get.pulumi.com/install.sh and runs it with --no-edit-path --install-root.
# https://www.pulumi.com/docs/reference/pkg/python/pulumi/#pulumi.automation.PulumiCommand.install
OFFICIAL = (
    "import sys, semver; from pulumi.automation import PulumiCommand; "
    "PulumiCommand.install(root=sys.argv[1], version=semver.VersionInfo.parse(sys.argv[2]))"
)


def provide(host: Host, venv: Path = CHECKOUT / ".venv") -> None:
    """Make sure that a usable CLI is on PATH or in the cache."""
    folder = cache.entry("pulumi", versions.PULUMI)
    if locate.pulumi_on_path() or cache.complete(folder):
        return
    with cache.locked("pulumi", lambda: host.say("another set-up is getting the Pulumi CLI; waiting for it …")):
        if not cache.complete(folder):
            if folder.exists():
                host.say(f"{folder} is not complete; getting it again")
            cache.build(folder, lambda partial: obtain(host, venv, partial))


def obtain(host: Host, venv: Path, folder: Path) -> None:
    """Fill `folder` with the CLI, as `folder/pulumi`."""
    if reachable():
        try:
            install_official(host, venv, folder)
        except SetupProblem as problem:
            host.say(f"the official installer did not work; building instead. {problem}")
            build(host, folder)
    else:
        host.say(f"{INSTALLER_HOST[0]} cannot be reached; building the CLI from its Go module instead")
        build(host, folder)
    said = locate.cli_version(str(folder / "pulumi"))
    if not locate.suits(said):
        raise SetupProblem(
            f"The Pulumi CLI says it is {said or 'nothing'}; the SDK needs {versions.PULUMI} or newer, 3.x."
        )


def reachable(address: tuple[str, int] = INSTALLER_HOST, timeout: float = 5.0) -> bool:
    """Whether a host, or a proxy that leads to it, answers at all."""
    if os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy"):
        return True
    try:
        with socket.create_connection(address, timeout):
            return True
    except OSError:
        return False


def install_official(host: Host, venv: Path, folder: Path) -> None:
    """Run the SDK's installer and keep what it put into `bin`: the CLI with its language hosts."""
    scratch = folder / "scratch"
    command = (venv / "bin/python", "-c", OFFICIAL, scratch, versions.PULUMI)
    host.run(*command, doing=f"installing Pulumi {versions.PULUMI} by its official installer", timeout=300)
    for program in (scratch / "bin").iterdir():
        shutil.move(program, folder / program.name)
    shutil.rmtree(scratch)


def build(host: Host, folder: Path) -> None:
    """Build the CLI in a small module of its own; the version must be set, or the Automation API refuses it."""
    go = locate.go()
    if go is None:
        raise SetupProblem(
            f"No Pulumi CLI: none on PATH that suits {versions.PULUMI}, {INSTALLER_HOST[0]} does not serve it, and "
            "there is no Go to build it. Install Go (https://go.dev/doc/install), or the CLI "
            "(https://www.pulumi.com/docs/iac/download-install/), and run the same command again."
        )
    module = folder / "module"
    module.mkdir()
    flags = f"-s -w -X {VERSION_VARIABLE}={versions.PULUMI}"
    settings = {"GOFLAGS": "-mod=mod -buildvcs=false", "GO111MODULE": "on", "GOWORK": "off"}
    host.run(go, "mod", "init", "engine", doing="naming a Go module for the Pulumi CLI", cwd=module)
    get = (go, "get", f"{MODULE}@v{versions.PULUMI}")
    host.run(*get, doing="fetching the Pulumi CLI's Go modules", cwd=module, environment=settings)
    compile_ = ("nice", go, "build", "-v", "-trimpath", "-ldflags", flags, "-o", folder / "pulumi", MODULE)
    minutes = "building the Pulumi CLI, once (4 to 5 minutes on two cores)"
    host.run(*compile_, doing=minutes, cwd=module, environment=settings)
    shutil.rmtree(module)
