"""`make bench`: preview, ack, track, read, drain; ARGS="read drain" chooses some.

Results: a table and .twin/bench/latest.json.

Exit code 1 when a goal is missed, so that it can gate; the figures are told either way.
"""

import json
import platform
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bench import ack, drain, preview, read, track
from bench.measure import Figure
from bench.twin_up import Twin
from twin.home import Home

BENCHES = {
    "preview": lambda home: preview.run("primary"),
    "ack": lambda home: ack.run(),
    "track": lambda home: track.run(),
    "read": lambda home: read.run(Twin.running(home.root)),
    "drain": lambda home: drain.run(Twin.running(home.root)),
}

Names = Annotated[list[str] | None, typer.Argument(help=f"Which of {', '.join(BENCHES)}; all by default.")]


def main(names: Names = None) -> None:
    """Measures this checkout against the bare parts, in one run. `read` and `drain` need `make up` first."""
    console, home = Console(), Home.from_environment()
    if unknown := set(names or ()) - set(BENCHES):
        raise typer.BadParameter(f"unknown: {', '.join(sorted(unknown))}; known are {', '.join(BENCHES)}")
    figures: list[Figure] = []
    for name in names or BENCHES:
        with console.status(f"measuring {name}"):
            figures += BENCHES[name](home)
    console.print(shown(figures))
    kept = home.root / "bench" / "latest.json"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps({"at": datetime.now(UTC).isoformat(), "machine": platform.platform(),
                                "figures": [figure.row() for figure in figures]}, indent=1))
    raise typer.Exit(0 if all(figure.met for figure in figures) else 1)


def shown(figures: list[Figure]) -> Table:
    table = Table("measured", "ours", "floor", "ratio", "goal", "met")
    for figure in figures:
        goal = f"{'>=' if figure.at_least else '<='} {figure.goal}"
        table.add_row(figure.name, f"{figure.value:.2f} {figure.unit}", f"{figure.floor:.2f} {figure.unit}",
                      f"{figure.ratio:.2f}", goal, "yes" if figure.met else "no")
    return table


if __name__ == "__main__":
    typer.run(main)
