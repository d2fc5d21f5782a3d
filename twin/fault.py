"""`python -m twin fault …`: break the twin on purpose, and heal it."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console

from twin.cloud.client import Daemon
from twin.cloud.screen import described
from twin.home import Home
from twin.services.base import TwinError

app = typer.Typer(no_args_is_help=True, help="Break the twin on purpose: faults stay on, over `down` and `up` too, "
                  "until `heal`.")
console = Console(highlight=False)
Region = Annotated[str, typer.Argument(help="An Azure region of the stack, such as eastus.")]
Service = Annotated[str, typer.Option(help="Only this: web, api, worker, storage, queues, blobs, static, database, "
                                           "cache or frontend; the whole region unless given.")]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


@app.command()
def kill(region: Region, service: Service = "") -> None:
    """End the processes of a region, or of one service there, in the middle of what they do; none is restarted."""
    _inflict("kill", region, service)


@app.command()
def freeze(region: Region, service: Service = "") -> None:
    """Stop them where they are (SIGSTOP): connections stay open and nothing answers."""
    _inflict("freeze", region, service)


@app.command()
def partition(region: Region, side: Annotated[str, typer.Option("--from", help="edge, peer or all.")]) -> None:
    """Cut a region's network: it lives on, but is not reached from the edge, from the other region, or both."""
    _inflict("partition", region, side=side)


@app.command()
def latency(ms: Annotated[float, typer.Argument(help="Round trip between the regions in ms.")]) -> None:
    """Make the way between the regions long."""
    _inflict("latency", value=ms)


@app.command()
def lag(seconds: Annotated[float, typer.Argument(help="Seconds; 2 when no fault is on.")]) -> None:
    """Let storage geo-replication be behind."""
    _inflict("lag", value=seconds)


@app.command()
def slow(region: Region, service: Annotated[str, typer.Option(help="As for kill.")],
         ms: Annotated[float, typer.Option(help="Milliseconds for which it stops again and again.")]) -> None:
    """Stop a service for moments, so that it answers late."""
    _inflict("slow", region, service, value=ms)


@app.command()
def busy(region: Region, service: Annotated[str, typer.Option(help="queues or blobs.")]) -> None:
    """Let storage answer 503 ServerBusy."""
    _inflict("busy", region, service)


@app.command()
def clock(region: Region, days: Annotated[float, typer.Option(help="Days ahead.")] = 8) -> None:
    """Let the region's storage see a later clock: messages with a time to live expire."""
    _inflict("clock", region, value=days)


@app.command()
def heal(region: Annotated[str, typer.Argument(help="Only this region's faults.")] = "") -> None:
    """Take faults off; ends when everything runs again. Exit code 1 when something does not get well."""
    answer = Daemon(Home.from_environment()).ask("DELETE", f"/twin/faults?region={region}")
    _show(answer["healed"], "healed", "there was no fault to heal")
    if answer["unhealthy"]:
        raise TwinError("not healthy:\n" + "\n".join(f"  {name}: {why}" for name, why in answer["unhealthy"].items()))


@app.command("list")
def show(as_json: Json = False) -> None:
    """Which faults are on, and which processes they hold."""
    found = Daemon(Home.from_environment()).ask("GET", "/twin/faults")
    if as_json:
        print(json.dumps(found, indent=1))
        return
    _show(found["faults"], "on", "no fault is on")
    for process in found["held"]:
        console.print(f"  {process['state']}: {process['name']}")


def _inflict(kind: str, region: str = "", service: str = "", side: str = "", value: float = 0.0) -> None:
    fault = {"kind": kind, "region": region, "service": service, "side": side, "value": value}
    _show(Daemon(Home.from_environment()).ask("POST", "/twin/faults", body=fault)["faults"], "on", "")


def _show(faults: list[dict[str, Any]], word: str, otherwise: str) -> None:
    for fault in faults:
        console.print(f"{word}: {described(fault)}")
    if not faults:
        console.print(otherwise)
