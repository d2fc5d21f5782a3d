"""`python -m twin`: up, down, status, preview, destroy, logs, fault.

Exit codes: 0 as asked; 1 not, with the reason on stderr; 2 wrong usage; 3 `status` of a twin that is not running;
130 interrupted.
"""

import contextlib
import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console

from tools import locate
from tools.problem import SetupProblem
from twin import engine, operators
from twin.cloud.client import Daemon
from twin.cloud.screen import described, show_status, stage
from twin.fault import app as faults
from twin.home import Home, read_json, write_json
from twin.runner.ports import require_free
from twin.runner.system import tail
from twin.services.base import TwinError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False,
                  help="The whole platform on this machine. TWIN_HOME, PORT and TWIN_PORTS set folder and ports.")
console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
app.add_typer(faults, name="fault")
Stack = Annotated[str, typer.Option(help="Pulumi stack whose configuration is used.")]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
Primary = Annotated[str, typer.Option(help="Region that comes first, whatever the stack's configuration says; `up` "
                                           "keeps it for this twin until another is named or `down --purge`.")]
PORTAL_WITHIN = 90.0
NOT_RUNNING = 3


@app.command()
def up(stack: Stack = "primary", primary: Primary = "") -> None:
    """Bring the platform up, or to what the program says now; ends when the portal answers."""
    began, home = time.monotonic(), Home.from_environment()
    home.prepare()
    locate.pulumi()
    with _alone(home):
        if primary:
            engine.keep_primary(home, stack, primary)
        with stage(console, "control plane, with what ran before"):
            _start(home)
            _tell_faults(home)
            operators.tell(home)  # also for when the rest fails: a lost region cannot be changed, but operated
        with stage(console, "pulumi up") as tell:
            outcome = _run_engine(home, stack, tell)
        with stage(console, "everything healthy"):
            _settle(home)
        endpoints = _endpoints(home, outcome.outputs)
        with stage(console, "portal and API answer"):
            for url in (endpoints["portal"], endpoints["api"] + "/state"):
                _wait_for(url)
        write_json(home.endpoints, endpoints, 0o644)
        operators.tell(home, outcome.outputs)
    changes = ", ".join(f"{count} {kind}" for kind, count in sorted(outcome.changes.items()) if count)
    for name in ("portal", "api", "arm"):
        console.print(f"  {name:<7} [bold]{endpoints[name]}[/]")
    console.print(f"  {changes}; {time.monotonic() - began:.1f} s in all. "
                  "`make status` shows what runs, `make down` ends it.")


@app.command()
def down(purge: Annotated[bool, typer.Option("--purge", help="Delete all data of this twin, too.")] = False) -> None:
    """Stop everything; no process and no port is left."""
    home = Home.from_environment()
    daemon = Daemon(home)
    if home.run.exists():
        with _alone(home), stage(console, "everything stopped"):
            _tell(daemon.stop())
    home.operator.unlink(missing_ok=True)
    if purge:
        home.purge()
        console.print(f"  deleted the data in {home.root}")


@app.command()
def status(as_json: Json = False) -> None:
    """Regions, services, processes, ports, health, builds and memory. Exit code 1 when something is not well."""
    home = Home.from_environment()
    if not Daemon(home).alive():
        print(json.dumps({"running": False, "home": str(home.root)}) if as_json else f"the twin in {home.root} is not "
              "running; `make up` starts it.")
        raise typer.Exit(NOT_RUNNING)
    found = Daemon(home).ask("GET", "/twin/status") | {"running": True}
    if as_json:
        print(json.dumps(found, indent=1))
    else:
        show_status(console, found)
    well = not any(found[what] for what in ("problems", "stale", "faults"))
    well = well and all(row["state"] == "ready" for row in found["processes"])
    raise typer.Exit(0 if well else 1)


@app.command()
def preview(stack: Stack = "primary", primary: Primary = "", as_json: Json = False) -> None:
    """What the program would create or change; needs no credential and starts no service."""
    outcome = engine.preview(Home.from_environment(), stack, primary=primary)
    if as_json:
        print(json.dumps(outcome.as_json(), indent=1))
    else:
        print("\n".join([*outcome.diagnostics, *outcome.told()]))


@app.command()
def destroy(stack: Stack = "primary") -> None:
    """`pulumi destroy`: delete every resource; what the program protects is refused, as in Azure."""
    home = Home.from_environment()
    with _alone(home):
        with stage(console, "control plane"):
            _start(home)
        with stage(console, "pulumi destroy") as tell:
            outcome = engine.destroy(home, stack, on_output=tell)
    print("\n".join(outcome.told()))


@app.command()
def logs(name: Annotated[str, typer.Argument(help="A process as `status` names it; `cloud`; `pulumi`.")],
         lines: Annotated[int, typer.Option("-n", help="How many lines of its end.")] = 40) -> None:
    """The end of a process's log."""
    folder = Home.from_environment().logs
    if not (folder / f"{name}.log").exists():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.log"))) or "none yet"
        raise TwinError(f"there is no log of {name!r} in {folder}; there are: {known}.")
    print(tail(folder / f"{name}.log", lines))


def _start(home: Home) -> None:
    daemon = Daemon(home)
    if daemon.alive() and home.control.exists() and not daemon.suits():
        daemon.stop()
    if not daemon.alive():
        _tell(daemon.stop())  # what a killed daemon left would hold the edge's port
        require_free(home.edge_port, "edge")
    daemon.start()


def _tell(left: list[str]) -> None:
    if left:
        console.print(f"  ended what a killed run had left: {', '.join(left)}")


def _tell_faults(home: Home) -> None:
    for fault in Daemon(home).ask("GET", "/twin/faults")["faults"]:
        console.print(f"  [yellow]fault[/]: {described(fault)}; what is down cannot be changed until "
                      "`python -m twin fault heal`")


def _run_engine(home: Home, stack: str, tell: Any) -> engine.Outcome:
    with (home.logs / "pulumi.log").open("w") as log:
        def line(text: str) -> None:
            log.write(text + "\n")
            log.flush()
            tell(text.strip())
        if str(home.edge_port) not in read_json(home.endpoints, {}).get("portal", str(home.edge_port)):
            engine.refresh(home, stack, on_output=line)  # another PORT: the state still has the old endpoint
        return engine.up(home, stack, on_output=line)


def _settle(home: Home) -> None:
    if unhealthy := Daemon(home).ask("POST", "/twin/settle")["unhealthy"]:
        raise TwinError("not healthy:\n" + "\n".join(f"  {name}: {why}" for name, why in unhealthy.items()))


def _endpoints(home: Home, outputs: dict[str, Any]) -> dict[str, Any]:
    """The fixed interface of `make up`: where portal, API, ARM and each region's own hosts are."""
    ports = read_json(home.root / "ports.json", {})
    sites = {f"localhost:{port}": name for name, port in ports.items()}
    direct = {host: f"http://localhost:{ports[f'{name}-direct']}" for host, name in sites.items()
              if f"{name}-direct" in ports}
    regions = {region: {"web": direct[hosts["web"]], "api": f"{direct[hosts['api']]}/api"}
               for region, hosts in outputs["regions"].items()}
    portal = outputs["portalUrl"].replace("https://", "http://").rstrip("/")  # the local edge speaks plain HTTP
    return {"portal": portal, "api": f"{portal}/api", "arm": read_json(home.control, {})["arm"], "regions": regions}


def _wait_for(url: str) -> None:
    deadline, answer = time.monotonic() + PORTAL_WITHIN, "no answer"
    while time.monotonic() < deadline:
        try:
            answer = str(httpx.get(url, timeout=10, trust_env=False, follow_redirects=True).status_code)
        except httpx.HTTPError as error:
            answer = type(error).__name__
        if answer == "200":
            return
        time.sleep(0.3)
    raise TwinError(f"{url} did not answer 200 within {PORTAL_WITHIN:.0f} s; the last answer was {answer}. "
                    "`make status` shows what is not well.")


@contextlib.contextmanager
def _alone(home: Home) -> Iterator[None]:
    """One up, down or destroy at a time per home; the lock ends with the process, however that ends."""
    file = home.run / "up.lock"
    with file.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TwinError(f"{file.read_text().strip()} is at work in {home.root}; wait for it, end it, or use "
                            "another TWIN_HOME (with PORT and TWIN_PORTS).") from error
        handle.truncate(0)
        handle.write(f"`{' '.join(sys.argv[1:2])}` with pid {os.getpid()}")
        handle.flush()
        try:
            yield
        except KeyboardInterrupt as interrupt:
            print("interrupted; the next `make up` goes on from here, `make down` ends what runs.", file=sys.stderr)
            raise typer.Exit(130) from interrupt


def main() -> None:
    """Runs the command; errors become one plain message and an exit code."""
    try:
        app()
    except (TwinError, engine.EngineError, SetupProblem) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
