"""Run the real program with the real Pulumi engine against the twin: preview, up, refresh, destroy, export.

The bare CLI has no Python language host; the Automation API serves the program itself
(https://www.pulumi.com/docs/iac/automation-api/). The offline provider is found on PATH ahead of any download
(https://www.pulumi.com/docs/reference/cli/environment-variables/: PULUMI_IGNORE_AMBIENT_PLUGINS,
PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION), and every run checks that it was the one that answered.
"""

import contextlib
import copy
import gc
import importlib
import os
import re
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
from pulumi import automation
from pulumi.automation import errors
from semver import VersionInfo

from tools import locate
from twin.home import CHECKOUT, Home, read_json, write_json

SHIMS = Path(__file__).with_name("shims")
PASSPHRASE = "twin"
"""The twin's state holds no secret of anyone's; the engine insists on a passphrase all the same."""
END_WITHIN = 60.0
"""Seconds that an interrupted engine gets to finish the resource at hand and save its state."""
SAME, REPLACED = ("same", "read"), ("create-replacement", "delete-replaced")
SIGNS = {"create": "+", "update": "~", "delete": "-", "read": "<"}

Line = Callable[[str], None]
Program = Callable[[], None]


class EngineError(Exception):
    """The engine or the program failed; str() is what to tell the user."""


@dataclass
class Outcome:
    """What a run did: `changes` counts operations, `steps` has {"op", "type", "name", "urn", "parent", "properties"} of
    all that is not unchanged; `diagnostics` are what the program and the engine said."""

    changes: dict[str, int] = field(default_factory=dict)
    steps: list[dict[str, Any]] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    diagnostics: list[str] = field(default_factory=list)
    seconds: float = 0.0
    asked_azure: bool = False

    @property
    def changed(self) -> bool:
        return any(count for op, count in self.changes.items() if op not in SAME)

    def as_json(self) -> dict[str, Any]:
        return {"changeSummary": self.changes, "steps": self.steps, "outputs": self.outputs,
                "diagnostics": self.diagnostics, "seconds": round(self.seconds, 2)}

    def told(self) -> Iterator[str]:
        """Lines for a person: the changes as a tree of components, then the counts."""
        urns = {step["urn"] for step in self.steps}
        yield from self._below({"", *(s["parent"] for s in self.steps if s["parent"] not in urns)}, "  ")
        counts = ", ".join(f"{count} {op}" for op, count in sorted(self.changes.items()) if count)
        yield f"{sum(self.changes.values())} resources: {counts or 'nothing'} ({self.seconds:.1f} s)"

    def _below(self, parents: set[str], indent: str) -> Iterator[str]:
        for step in sorted(self.steps, key=lambda s: (s["name"], s["op"])):
            if step["parent"] in parents and not step["type"].startswith("pulumi:providers:"):
                changed = f"  [{', '.join(step['properties'])}]" if step["properties"] else ""
                yield f"{indent}{SIGNS.get(step['op'], '±')} {step['name']}  ({step['type']} {step['op']}){changed}"
                yield from self._below({step["urn"]} if step["op"] not in REPLACED else set(), indent + "  ")


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


def preview(home: Home, stack: str, on_output: Line | None = None, program: Program | None = None) -> Outcome:
    """What `up` would do. Without a state of this stack under `home` everything is compared with nothing."""
    if _checkpoint(home, stack).exists():
        return _run(home, stack, "preview", on_output, program)
    with tempfile.TemporaryDirectory(prefix="preview-") as folder:
        return _run(Home(Path(folder)), stack, "preview", on_output, program)


def up(home: Home, stack: str, on_output: Line | None = None, program: Program | None = None) -> Outcome:
    """Creates and changes what the program says; the control plane must be running."""
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


def _run(home: Home, stack: str, verb: str, on_output: Line | None, program: Program | None) -> Outcome:
    started, outcome = time.monotonic(), Outcome()
    home.run.mkdir(parents=True, exist_ok=True)
    mark = home.run / f"provider-{os.getpid()}"
    with _terminated_as_interrupted(), _in_checkout(), _without_collecting():
        try:
            chosen = _select(home, stack, program or _program_preloading(), _environment(home, mark))
            result = getattr(chosen, verb)(on_output=on_output, on_event=lambda event: _note(outcome, event, verb))
            outcome.changes = _counts(result)
            outcome.outputs = {k: v.value for k, v in getattr(result, "outputs", {}).items()}
        except errors.CommandError as error:
            raise EngineError(_explained(outcome, error)) from error
        finally:
            ours = mark.exists()
            mark.unlink(missing_ok=True)
    if outcome.asked_azure and not ours:
        raise EngineError("the engine did not load the twin's azure-native provider but another one. Remove `plugins:` "
                          f"entries from Pulumi.yaml and see that nothing hides {SHIMS} on PATH; nothing was checked.")
    outcome.seconds = time.monotonic() - started
    return outcome


def _select(home: Home, stack: str, program: Program, environment: dict[str, str]) -> automation.Stack:
    """The stack in a copy of the project's settings: the engine writes into them, and the checkout stays as it is."""
    folder = home.root / "project"
    folder.mkdir(parents=True, exist_ok=True)
    (home.root / "state").mkdir(exist_ok=True)
    settings = folder / f"Pulumi.{stack}.yaml"
    salt = re.search(r"^encryptionsalt: .*\n", settings.read_text(), re.MULTILINE) if settings.exists() else None
    source = CHECKOUT / settings.name
    if not source.exists():
        known = ", ".join(sorted(p.name.split(".")[1] for p in CHECKOUT.glob("Pulumi.*.yaml")))
        raise EngineError(f"there is no stack {stack}: {source} does not exist; stacks are {known}.")
    shutil.copy(CHECKOUT / "Pulumi.yaml", folder)
    settings.write_text(source.read_text().rstrip("\n") + "\n" + (salt[0] if salt else ""))
    _recover(home, stack)
    exists = _checkpoint(home, stack).exists()
    workspace = automation.LocalWorkspace(work_dir=str(folder), program=program, env_vars=environment,
                                          pulumi_command=Engine(locate.pulumi()))
    return (automation.Stack.select if exists else automation.Stack.create)(stack, workspace)


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


def _program_preloading() -> Program:
    """The program; what it imports, half of its time, is loaded while the engine starts."""
    loading = threading.Thread(target=_preload, daemon=True)
    loading.start()

    def run() -> None:
        loading.join()  # lazy modules must not be used while another thread loads them
        _program()

    return run


def _program() -> None:
    """`__main__.py` as the official CLI would run it."""
    pulumi.runtime.register_stack_transformation(_without_old_versions)
    sys.path.insert(0, str(CHECKOUT))
    try:
        runpy.run_path(str(CHECKOUT / "__main__.py"), run_name="__main__")
    finally:
        sys.path.remove(str(CHECKOUT))


def _without_old_versions(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
    """Drops the SDK's aliases of each type's former API versions, about thirteen a resource: they serve states that
    older SDKs made, which the twin never has, and their URNs cost a third of a preview."""
    kept = [a for a in args.opts.aliases or () if not _only_a_version(a)]
    if len(kept) == len(args.opts.aliases or ()):
        return None
    opts = copy.copy(args.opts)
    opts.aliases = kept
    return pulumi.ResourceTransformationResult(args.props, opts)


def _only_a_version(alias: Any) -> bool:
    return (isinstance(alias, pulumi.Alias) and alias.name is ... and alias.parent is ...
            and isinstance(alias.type_, str) and alias.type_.startswith("azure-native"))


def _preload() -> None:
    """Imports the components and the SDK's classes that they name; what fails here the program will say better."""
    for file in (CHECKOUT / "components").glob("*.py"):
        with contextlib.suppress(Exception):
            module = importlib.import_module(f"components.{file.stem}")
            for service, name in set(re.findall(r"\b([a-z]\w+)\.([A-Z]\w+)", file.read_text())):
                if getattr(vars(module).get(service), "__name__", "").startswith("pulumi_azure_native."):
                    getattr(vars(module)[service], name)


def _note(outcome: Outcome, event: Any, verb: str) -> None:
    """Keeps the changes of one engine event (a refresh knows them only afterwards), and what is said in it."""
    found = event.res_outputs_event if verb == "refresh" else event.resource_pre_event
    if found:
        step, state = found.metadata, found.metadata.new or found.metadata.old
        outcome.asked_azure |= step.type.startswith("azure-native:")
        if step.op not in SAME:
            outcome.steps.append({
                "op": getattr(step.op, "value", str(step.op)), "type": step.type, "name": step.urn.rsplit("::", 1)[1],
                "urn": step.urn, "parent": getattr(state, "parent", "") or "",
                "properties": sorted(step.detailed_diff or step.diffs or ())})
    said = event.diagnostic_event
    if said and said.severity in ("error", "warning", "info"):
        text = re.sub(r"<\{%.*?%\}>", "", said.message).strip()
        where = said.urn.rsplit("::", 1)[1] + ": " if said.urn else ""
        if not text.startswith("using pulumi-resource-"):  # that is meant
            outcome.diagnostics.append(f"{said.severity}: {where}{text}")


def _counts(result: Any) -> dict[str, int]:
    summary = result.summary.resource_changes if hasattr(result, "summary") else result.change_summary
    return {getattr(op, "value", str(op)): count for op, count in (summary or {}).items()}


def _explained(outcome: Outcome, error: errors.CommandError) -> str:
    """The errors that the engine reported (it repeats the program's as unhandled), else its whole output."""
    told = [d for d in outcome.diagnostics if d.startswith("error") and "an unhandled error occurred:" not in d]
    return "\n".join(dict.fromkeys(told)) or str(error)


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
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return pid > 0


def _interrupt(process: subprocess.Popen[str]) -> None:
    """Asks the engine to cancel, which saves the state and frees the lock; what is left after that is killed."""
    with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt, ProcessLookupError):
        process.send_signal(signal.SIGINT)
        process.wait(END_WITHIN)


def _read(stream: Any, lines: list[str], on_line: Line | None) -> None:
    for line in stream:
        lines.append(line.rstrip())
        if on_line:
            on_line(lines[-1])


@contextlib.contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """A TERM is treated as Ctrl-C, so that the engine is cancelled and not orphaned."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _without_collecting() -> Iterator[None]:
    """A run makes half a million objects that all live until its end: looking for garbage takes a fifth of its time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextlib.contextmanager
def _in_checkout() -> Iterator[None]:
    """The program may use paths relative to the checkout, as it can under the official CLI."""
    before = Path.cwd()
    os.chdir(CHECKOUT)
    try:
        yield
    finally:
        os.chdir(before)
