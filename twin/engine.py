"""Run the real program with the real Pulumi engine against the twin: preview, up, refresh, destroy, export.

The bare CLI has no Python language host; the Automation API serves the program itself
(https://www.pulumi.com/docs/iac/automation-api/). The offline provider is found on PATH ahead of any download
(https://www.pulumi.com/docs/reference/cli/environment-variables/: PULUMI_IGNORE_AMBIENT_PLUGINS,
PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION), and every run checks that it was the one that answered.
"""

import os
import re
import shutil
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml
from pulumi import automation
from pulumi.automation import errors

from tools import locate
from twin.cli import Engine, Line, terminated_as_interrupted
from twin.home import CHECKOUT, Home, read_json, write_json
from twin.outcome import Outcome
from twin.program import Program, in_checkout, whole_program, without_collecting

SHIMS = Path(__file__).with_name("shims")
PLATFORM = "tracking:platform"
PASSPHRASE = "twin"
"""The twin's state holds no secret of anyone's; the engine insists on a passphrase all the same."""


class EngineError(Exception):
    """The engine or the program failed; str() is what to tell the user."""


def preview(home: Home, stack: str, on_output: Line | None = None, program: Program | None = None,
            primary: str = "") -> Outcome:
    """What `up` would do. Without a state of this stack under `home` everything is compared with nothing."""
    primary = primary or kept_primary(home)
    if _checkpoint(home, stack).exists():
        return _run(home, stack, "preview", on_output, program, primary)
    with tempfile.TemporaryDirectory(prefix="preview-") as folder:
        return _run(Home(Path(folder)), stack, "preview", on_output, program, primary)


def up(home: Home, stack: str, on_output: Line | None = None, program: Program | None = None) -> Outcome:
    """Creates and changes what the program says, with the primary region that was kept, if any; the control plane must
    be running."""
    return _run(home, stack, "up", on_output, program)


def refresh(home: Home, stack: str, on_output: Line | None = None, program: Program | None = None) -> Outcome:
    """Takes what the control plane says into the state."""
    return _run(home, stack, "refresh", on_output, program)


def destroy(home: Home, stack: str, on_output: Line | None = None, program: Program | None = None) -> Outcome:
    """Deletes everything of the stack; a resource that the program protects makes it fail, as on Azure."""
    return _run(home, stack, "destroy", on_output, program)


def export(home: Home, stack: str) -> dict[str, Any]:
    """The stack's outputs as the last `up` left them, {} before the first; read from the state, without the engine."""
    checkpoint = read_json(_checkpoint(home, stack), {}).get("checkpoint", {}).get("latest") or {}
    root = next((r for r in checkpoint.get("resources", ()) if r["type"] == "pulumi:pulumi:Stack"), {})
    return root.get("outputs", {})


def keep_primary(home: Home, stack: str, region: str) -> None:
    """From now on `region` is primary, whatever the stack's configuration says; EngineError when it is none of its."""
    _with_primary(_source(stack).read_text(), region, stack)
    write_json(home.primary, region)


def kept_primary(home: Home) -> str:
    """The region that overrides the configuration's; "" for none."""
    return read_json(home.primary, "")


def _run(home: Home, stack: str, verb: str, on_output: Line | None, program: Program | None,
         primary: str | None = None) -> Outcome:
    started, outcome = time.monotonic(), Outcome()
    home.run.mkdir(parents=True, exist_ok=True)
    mark = home.run / f"provider-{os.getpid()}"
    with terminated_as_interrupted(), in_checkout(), without_collecting():
        try:
            chosen = _select(home, stack, program or whole_program(), _environment(home, mark),
                             kept_primary(home) if primary is None else primary)
            result = getattr(chosen, verb)(on_output=on_output, on_event=lambda event: outcome.note(event, verb))
            outcome.count(result)
        except errors.CommandError as error:
            raise EngineError(outcome.explained(error)) from error
        finally:
            ours = mark.exists()
            mark.unlink(missing_ok=True)
    if outcome.asked_azure and not ours:
        raise EngineError("the engine did not load the twin's azure-native provider but another one. Remove `plugins:` "
                          f"entries from Pulumi.yaml and see that nothing hides {SHIMS} on PATH; nothing was checked.")
    outcome.seconds = time.monotonic() - started
    return outcome


def _select(home: Home, stack: str, program: Program, environment: dict[str, str], primary: str) -> automation.Stack:
    """The stack in a copy of the project's settings: the engine writes into them, and the checkout stays as it is."""
    folder = home.root / "project"
    folder.mkdir(parents=True, exist_ok=True)
    (home.root / "state").mkdir(exist_ok=True)
    settings = folder / f"Pulumi.{stack}.yaml"
    salt = re.search(r"^encryptionsalt: .*\n", settings.read_text(), re.MULTILINE) if settings.exists() else None
    wanted = _source(stack).read_text()
    shutil.copy(CHECKOUT / "Pulumi.yaml", folder)
    wanted = _with_primary(wanted, primary, stack) if primary else wanted
    settings.write_text(wanted.rstrip("\n") + "\n" + (salt[0] if salt else ""))
    _recover(home, stack)
    exists = _checkpoint(home, stack).exists()
    workspace = automation.LocalWorkspace(work_dir=str(folder), program=program, env_vars=environment,
                                          pulumi_command=Engine(locate.pulumi()))
    return (automation.Stack.select if exists else automation.Stack.create)(stack, workspace)


def _source(stack: str) -> Path:
    """The stack's own settings."""
    source = CHECKOUT / f"Pulumi.{stack}.yaml"
    if not source.exists():
        known = ", ".join(sorted(p.name.split(".")[1] for p in CHECKOUT.glob("Pulumi.*.yaml")))
        raise EngineError(f"there is no stack {stack}: {source} does not exist; stacks are {known}.")
    return source


def _with_primary(text: str, region: str, stack: str) -> str:
    """The settings with another primary region."""
    settings = yaml.safe_load(text)
    platform = settings["config"][PLATFORM]
    regions = [each["location"] for each in platform["regions"]]
    if region not in regions:
        raise EngineError(f"the primary region must be one of {' and '.join(regions)}, which Pulumi.{stack}.yaml "
                          f"names; got {region!r}. Nothing was changed.")
    platform["primary"] = region
    return yaml.safe_dump(settings, sort_keys=False)


def _environment(home: Home, mark: Path) -> dict[str, str]:
    """For the engine and its plugins: where state and plugins are, whom the deployer is and whom it trusts."""
    control = read_json(home.control, {})
    given = {
        "PATH": os.pathsep.join([str(SHIMS), str(Path(locate.pulumi()).parent), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH", "")])),
        "PULUMI_BACKEND_URL": (home.root / "state").as_uri(), "PULUMI_HOME": str(home.root / "pulumi"),
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE, "PULUMI_IGNORE_AMBIENT_PLUGINS": "false",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true", "PULUMI_SKIP_UPDATE_CHECK": "true",
        "TWIN_HOME": str(home.root), "TWIN_PYTHON": sys.executable, "TWIN_PROVIDER_MARK": str(mark),
        "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential", "AZURE_CLIENT_ID": "",
        "IDENTITY_ENDPOINT": control.get("identity_endpoint"), "IDENTITY_HEADER": control.get("identity_header"),
        "SSL_CERT_FILE": control.get("ca"), "REQUESTS_CA_BUNDLE": control.get("ca"),
    }
    return {k: v for k, v in given.items() if v is not None}


def _checkpoint(home: Home, stack: str) -> Path:
    project = re.search(r"^name: *(\S+)", (CHECKOUT / "Pulumi.yaml").read_text(), re.MULTILINE)[1]
    return home.root / "state/.pulumi/stacks" / project / f"{stack}.json"


def _recover(home: Home, stack: str) -> None:
    """After a killed run: removes its lock, as `pulumi cancel` does, and what it noted as begun; the next run does that
    again (any call to the control plane may be repeated). Locks of engines that still run stay."""
    for lock in (home.root / "state/.pulumi/locks").rglob("*.json"):
        owner = read_json(lock, {})
        if owner.get("hostname") in (None, socket.gethostname()) and not _alive(owner.get("pid", 0)):
            lock.unlink(missing_ok=True)
            state = read_json(_checkpoint(home, stack), {})
            if state.get("checkpoint", {}).get("latest", {}).pop("pending_operations", None):
                write_json(_checkpoint(home, stack), state)


def _alive(pid: int) -> bool:
    """A zombie is not: where nobody reaps orphans, a killed engine stays one for ever."""
    import psutil  # only after a killed run: it is not quick to load

    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, ValueError):
        return False
