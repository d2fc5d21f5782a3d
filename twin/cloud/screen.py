"""What the commands show: stages with their time, and the tables of `status`."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

GOOD = {"ready": "green", "starting": "yellow", "backoff": "yellow"}


@contextlib.contextmanager
def stage(console: Console, name: str) -> Iterator[Callable[[str], None]]:
    """Shows `name` with the time that passes, then the time it took; yields a function that tells a detail.

    Where nobody watches (a pipe, CI) it prints one line at the start and one at the end."""
    began = time.monotonic()
    if not console.is_terminal:
        console.print(f"  … {name}")
    progress = Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console,
                        transient=True, disable=not console.is_terminal)
    with progress:
        task = progress.add_task(name)
        yield lambda detail: progress.update(task, description=f"{name} [dim]{detail[:70]}[/]")
    console.print(f"  [green]✓[/] {name} [dim]{time.monotonic() - began:.1f} s[/]")


def show_status(console: Console, status: dict[str, Any]) -> None:
    """One table of processes by region, and what is not as it should be."""
    regions = sorted({row["region"] for row in status["processes"]} | set(status["resources"]))
    for region in regions:
        rows = [row for row in status["processes"] if row["region"] == region]
        kinds = status["resources"].get(region, {})
        console.print(f"\n[bold]{region}[/]  {sum(kinds.values())} resources, {len(rows)} processes")
        if rows:
            console.print(_table(rows, status["stale"]))
    for fault in status["faults"]:
        console.print(f"[yellow]fault[/]: {described(fault)}")
    for name in status["stale"]:
        console.print(f"[yellow]{name} runs another build than the one that was deployed last.[/]")
    for name, problem in status["problems"].items():
        console.print(f"[red]{name}[/]: {problem}", highlight=False)
    console.print(f"\ncontrol plane and Azure Resource Manager: {status['arm']}, {status['daemon_mib']} MiB"
                  f"\nmemory of all: {status['memory_mib']} MiB    home: {status['home']}", highlight=False)


def described(fault: dict[str, Any]) -> str:
    """One fault in words, such as "kill eastus" or "partition eastus from peer"."""
    unit = {"latency": " ms", "slow": " ms", "lag": " s", "clock": " days ahead"}.get(fault["kind"])
    said = [fault["kind"], fault["region"], fault["service"], fault["side"] and f"from {fault['side']}",
            unit and f"{fault['value']:g}{unit}"]
    return " ".join(filter(None, said))


def _table(rows: list[dict[str, Any]], stale: list[str]) -> Table:
    table = Table("service", "process", "state", "health", "ports", "build", "pid", "MiB", box=None, pad_edge=False)
    for column in table.columns:
        column.no_wrap, column.overflow = column.header != "state", "fold"
    for row in sorted(rows, key=lambda row: (row["service"], row["name"])):
        state = row["state"] + (f" ({row['restarts']} restarts)" if row["restarts"] else "")
        build = f"[yellow]{row['build']}[/]" if row["name"] in stale else row["build"]
        table.add_row(row["service"], row["name"], f"[{GOOD.get(row['state'], 'red')}]{state}[/]",
                      _health(row["health"]), _ports(row["ports"]), build, str(row["pid"] or "-"),
                      str(row["memory_mib"]))
    return table


def _ports(ports: list[int]) -> str:
    """18018-18020,18044: a front end has too many to read one by one."""
    groups: list[list[int]] = []
    for port in sorted(ports):
        if groups and port == groups[-1][-1] + 1:
            groups[-1].append(port)
        else:
            groups.append([port])
    return ",".join(f"{group[0]}-{group[-1]}" if len(group) > 1 else str(group[0]) for group in groups)


def _health(health: dict[str, Any] | None) -> str:
    if health is None:
        return ""
    word = health.get("state") or health.get("error") or ""
    return f"[{'green' if health['code'] == 200 else 'red'}]{health['code'] or 'no answer'}[/] {word}".strip()
