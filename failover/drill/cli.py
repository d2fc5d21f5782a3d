"""`failover drill`: break the platform on purpose, under load, and see what it costs."""

import asyncio
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from failover.drill import report
from failover.drill.result import Result
from failover.drill.run import Run
from failover.drill.scenarios import BY_NAME, SCENARIOS
from failover.drill.steps import Scenario
from failover.drill.target import Target
from failover.errors import OperatorError

WIDE = 150
"""Columns where nobody looks: in a log, tables must not be cut."""

app = typer.Typer(add_completion=False)
Names = Annotated[list[str] | None, typer.Argument(help="Scenarios by name; the standard set by default, or `all`.",
                                                   show_default=False)]
Seeds = Annotated[int, typer.Option(min=1, help="Repeat each scenario with this many seeds.")]
First = Annotated[int, typer.Option(help="The first seed.")]
Rate = Annotated[float, typer.Option(min=0.05, help="Times the scenarios' own 38 requests a second.")]


@app.command()
def drill(names: Names = None, seeds: Seeds = 1, first_seed: First = 1, rate: Rate = 1.0,
          list_: Annotated[bool, typer.Option("--list", help="Show the scenarios and end.")] = False) -> None:
    """Runs scenarios against the running platform; each ends with everything healed and back in its place.

    Exit code 1 when something was lost or applied twice, or a deadline was missed; 2 for wrong usage."""
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    chosen = _chosen(names or [])
    if list_:
        console.print(_listed())
        return
    try:
        target = Target.from_environment()
    except OperatorError as error:
        console.print(str(error), style="red", highlight=False)
        raise typer.Exit(2) from None
    results, page = asyncio.run(_drill(target, [(scenario, seed) for seed in range(first_seed, first_seed + seeds)
                                          for scenario in chosen], rate, console))
    console.print(_shown(results))
    if seeds > 1:
        console.print(_summed(results))
    console.print(f"{page}", highlight=False)
    raise typer.Exit(0 if results and all(result.passed for result in results) else 1)


def _chosen(names: list[str]) -> list[Scenario]:
    if unknown := sorted(set(names) - set(BY_NAME) - {"all"}):
        raise typer.BadParameter(f"unknown: {', '.join(unknown)}; known are {', '.join(BY_NAME)}")
    if not names:
        return [scenario for scenario in SCENARIOS if scenario.standard]
    return list(SCENARIOS) if "all" in names else [BY_NAME[name] for name in names]


async def _drill(target: Target, runs: list[tuple[Scenario, int]], rate: float, console: Console
                 ) -> tuple[list[Result], Path]:
    """One after the other; after a run that could not be restored, no other begins."""
    results, records, page = list[Result](), list[Path](), target.folder
    for scenario, seed in runs:
        began, stamp = time.monotonic(), datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        console.rule(f"{scenario.title} ({scenario.name}, seed {seed})", align="left")

        def say(text: str, began: float = began) -> None:
            console.print(f"{time.monotonic() - began:7.1f} s  {text}", highlight=False, markup=False)

        run = Run(target, scenario, seed, target.folder / f"{stamp}-{scenario.name}-{seed}", say, rate)
        results.append(await run.go())
        for problem in results[-1].problems:
            console.print(f"  {problem}", style="red", highlight=False, markup=False)
        records.append(run.record)
        page = report.write(target, results, records)
        if run.stuck:
            console.print("The platform could not be brought back to where it was, so no other drill begins. Look at "
                          "`failover status`.", style="red")
            break
    return results, page


def _listed() -> Table:
    table = Table("scenario", "what happens", "what it proves", "standard")
    for scenario in SCENARIOS:
        table.add_row(scenario.name, scenario.title, scenario.proves, "yes" if scenario.standard else "")
    return table


def _summed(results: list[Result]) -> Table:
    """Over all seeds of a scenario: sums, and the worst times."""
    table = Table("scenario", "runs", "passed", "slowest read", "ack", "process", "requests", "failed", "acked",
                  "one region", "lost", "twice", title="over all seeds")
    for name in dict.fromkeys(one.scenario for one in results):
        runs = [one for one in results if one.scenario == name]
        times = [[one.rto[what] for one in runs] for what in ("read", "acknowledge", "process")]
        table.add_row(name, str(len(runs)), str(sum(one.passed for one in runs)),
                      *("never" if None in seconds else f"{max(seconds):.1f} s" for seconds in times),
                      *(str(sum(figures)) for figures in zip(*(
                          (one.requests, one.failed, one.acknowledged, one.one_region, len(one.lost),
                           len(one.duplicated)) for one in runs), strict=True)))
    return table


def _shown(results: list[Result]) -> Table:
    table = Table("scenario", "seed", "took", "read", "ack", "process", "requests", "failed", "acked", "one region",
                  "lost", "twice", "passed")
    for one in results:
        times = ("never" if one.rto[name] is None else f"{one.rto[name]:.1f} s"
                 for name in ("read", "acknowledge", "process"))
        table.add_row(one.scenario, str(one.seed), f"{one.took:.0f} s", *times, str(one.requests), str(one.failed),
                      str(one.acknowledged), str(one.one_region), str(len(one.lost)), str(len(one.duplicated)),
                      "yes" if one.passed else "no")
    return table
