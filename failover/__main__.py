"""`failover`: see where the platform runs, and move it.

Exit codes: 0 done; 1 not as asked (run the same again); 2 wrong usage; 3 refused, with the reason; 4 something needs
attention; 130 interrupted.
"""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from failover import machine, show
from failover.attention import notes
from failover.observe import EMERGENCY, Look
from failover.operator import Operator
from failover.planner import Request
from failover.session import ATTENTION, DONE, INTERRUPTED, USAGE, Options, again, carry_out, run
from failover.settings import Settings
from failover.watch import Policy
from failover.watching import watch as watch_platform

WITHOUT_STORAGE = Look(accounts=False)
app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
Services = Annotated[list[str] | None, typer.Option("--service", help="Only this one; may be given several times.",
                                                    show_default=False)]
To = Annotated[str, typer.Option(help="The region that shall lead.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Dry = Annotated[bool, typer.Option("--dry-run", help="Show the plan and end.")]
Force = Annotated[bool, typer.Option("--force", help="Accept what the refusal says will be lost.")]
Json = Annotated[bool, typer.Option("--json", help="One event a line, for machines.")]


@app.callback()
def options(context: typer.Context, as_json: Json = False,
            outputs: Annotated[Path | None, typer.Option(help="The stack's outputs as JSON; else FAILOVER_OUTPUTS, "
                                                         "else `pulumi stack output --json`.")] = None) -> None:
    """Fill what all verbs share."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140, stderr=as_json)
    context.obj = Options(Settings.from_environment(outputs), console, as_json)


@app.command()
def status(context: typer.Context, as_json: Json = False) -> None:
    """Regions, services, data and what needs attention (exit code 4)."""
    given = _given(context, as_json)

    async def work() -> int:
        async with Operator.connect(given.settings) as operator:
            seen = await operator.observe()
        found = notes(seen)
        code = ATTENTION if any(note.serious for note in found) else DONE
        given.say(machine.status(seen, found, code), lambda: show.show_status(given.console, seen, found))
        return code

    raise typer.Exit(run(work, given, "failover status"))


@app.command()
def switchover(context: typer.Context, services: Services = None, to: To = "", yes: Yes = False, dry_run: Dry = False,
               as_json: Json = False) -> None:
    """Planned: move services, and the database with the worker, to the other region.  Needs both; loses nothing."""
    _verb(context, Request("switchover", to, tuple(services or ())), yes, dry_run, as_json, WITHOUT_STORAGE)


@app.command()
def failover(context: typer.Context, to: Annotated[str, typer.Option(help="The region that shall take over.")],
             services: Services = None, force: Force = False, yes: Yes = False, dry_run: Dry = False,
             as_json: Json = False) -> None:
    """Unplanned: a region, or one service in it, is lost."""
    static = Look(accounts=False, compute=False, edge=False) if services else EMERGENCY
    _verb(context, Request("failover", to, tuple(services or ()), force), yes, dry_run, as_json, static)


@app.command()
def reprotect(context: typer.Context, force: Force = False, yes: Yes = False, dry_run: Dry = False,
              as_json: Json = False) -> None:
    """After a failover, when the other region is back: make it a true standby, in data and in configuration."""
    _verb(context, Request("reprotect", force=force), yes, dry_run, as_json)


@app.command()
def failback(context: typer.Context, to: To = "", yes: Yes = False, dry_run: Dry = False, as_json: Json = False
             ) -> None:
    """Back to the region that the platform started in: reprotect where needed, switchover, reprotect."""
    _verb(context, Request("failback", to), yes, dry_run, as_json)


@app.command()
def salvage(context: typer.Context, region: Annotated[str, typer.Option(help="The region whose accounts move.")],
            planned: Annotated[bool, typer.Option("--planned", help="Both regions are up; nothing is lost.")] = False,
            force: Force = False, yes: Yes = False, dry_run: Dry = False, as_json: Json = False) -> None:
    """Move a lost region's storage accounts to their copies, for what that region alone has."""
    _verb(context, Request("salvage", force=force, region=region, planned=planned), yes, dry_run, as_json)


@app.command()
def watch(context: typer.Context, auto: Annotated[bool, typer.Option("--auto", help="Fail over by itself.")] = False,
          seconds: Annotated[float, typer.Option(min=10, help="How long the region must have been lost.")] = 30,
          times: Annotated[int, typer.Option(min=3, help="In how many looks in a row.")] = 5,
          every: Annotated[float, typer.Option(min=0.5, help="Seconds between two looks.")] = 3,
          force: Force = False, as_json: Json = False) -> None:
    """Say what changes; with --auto, act on the loss of the leading region seen from two places."""
    given = replace(_given(context, as_json), yes=True)
    policy = Policy(seconds, times, force)
    raise typer.Exit(run(lambda: watch_platform(given, policy, every, auto), given, "failover watch"))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def drill(context: typer.Context) -> None:
    """Break the platform on purpose, under load, and measure: `failover drill --help`."""
    from failover.drill.cli import app as drills

    drills(context.args, prog_name="failover drill")


def _given(context: typer.Context, as_json: bool, yes: bool = False, dry_run: bool = False) -> Options:
    given: Options = context.obj
    console = Console(highlight=False, width=140, stderr=True) if as_json else given.console
    return replace(given, console=console, as_json=given.as_json or as_json, yes=yes, dry_run=dry_run)


def _verb(context: typer.Context, request: Request, yes: bool, dry_run: bool, as_json: bool, look: Look = Look()
          ) -> None:
    given = _given(context, as_json, yes, dry_run)
    if not (yes or dry_run or (sys.stdin.isatty() and not given.as_json)):
        given.console.print("nobody can be asked here: give --yes to do it, or --dry-run to see the plan", style="red")
        raise typer.Exit(USAGE)
    request = replace(request, by=given.settings.by)
    raise typer.Exit(run(lambda: carry_out(request, given, look), given, again(request)))


def main() -> None:
    """The command `failover`."""
    try:
        app()
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


if __name__ == "__main__":
    main()
