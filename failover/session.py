"""One verb from the observation to the exit code: show the plan, ask, do it, say how it ended."""

import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import typer
from rich.console import Console

from failover import machine, show
from failover.errors import OperatorError
from failover.execute import Event
from failover.observation import Observation
from failover.observe import Look
from failover.operator import Operator
from failover.planner import Plan, Refusal, Request, plan
from failover.settings import Settings

DONE, NOT_AS_ASKED, USAGE, REFUSED, ATTENTION, INTERRUPTED = 0, 1, 2, 3, 4, 130
STALE = 20.0
"""Seconds that a question may wait; after that the platform is looked at again before anything is done."""


@dataclass(frozen=True)
class Options:
    """`console` is for people; with `as_json`, standard output gets one event a line instead."""

    settings: Settings
    console: Console
    as_json: bool = False
    yes: bool = False
    dry_run: bool = False

    def say(self, line: str, people: Callable[[], None]) -> None:
        if self.as_json:
            print(line, flush=True)
        else:
            people()


def run(work: Callable[[], Awaitable[int]], options: Options, command: str) -> int:
    """Runs it to its exit code.  Ctrl-C and TERM end it where it is: every verb goes on from what it finds."""
    try:
        return asyncio.run(_terminable(work))
    except OperatorError as error:
        message = str(error)
        options.say(machine.line("result", result="failed", exit=NOT_AS_ASKED, message=message),
                    lambda: options.console.print(message, style="red", markup=False))
        return NOT_AS_ASKED
    except (KeyboardInterrupt, asyncio.CancelledError):
        return _interrupted(options, command)


async def _terminable(work: Callable[[], Awaitable[int]]) -> int:
    task = asyncio.current_task()
    if task and sys.platform != "win32":
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await work()


async def carry_out(request: Request, options: Options, look: Look = Look()) -> int:
    """Observe, plan, show, ask, do.  Returns the exit code.  Raises OperatorError."""
    async with Operator.connect(options.settings) as operator:
        while True:
            found = _planned(await operator.observe(look), request, options)
            if found is None:
                return _end(options, "refused", REFUSED)
            if options.dry_run or not found.steps:
                return _end(options, "planned" if found.steps else "done", DONE)
            asked = time.monotonic()
            if not options.yes and not typer.confirm("do it?", err=options.as_json):
                return _end(options, "declined", NOT_AS_ASKED)
            if time.monotonic() - asked <= STALE:
                return await _do(operator, found, options)
            options.console.print("that took a while; looking again")


def _planned(seen: Observation, request: Request, options: Options) -> Plan | None:
    """The plan, shown; None for a refusal, shown too."""
    found = plan(seen, request)
    if isinstance(found, Refusal):
        options.say(machine.refusal(found), lambda: show.show_refusal(options.console, found))
        return None
    options.say(machine.plan(found), lambda: show.show_plan(options.console, seen, found))
    return found


async def _do(operator: Operator, found: Plan, options: Options) -> int:
    def tell(event: Event) -> None:
        options.say(machine.progress(event), lambda: show.show_event(options.console, event, len(found.steps)))

    try:
        ended = await operator.execute(found, tell)
    except asyncio.CancelledError:
        return _interrupted(options, again(found.request))
    if any(event.state == "failed" for event in ended):
        return _end(options, "failed", NOT_AS_ASKED)
    yours = any(event.state == "yours" for event in ended)
    return _end(options, "yours" if yours else "done", ATTENTION if yours else DONE)


def again(request: Request) -> str:
    """The command that goes on after an interruption."""
    services = "".join(f" --service {name}" for name in request.services)
    region = f" --region {request.region}" if request.region else ""
    return f"failover {request.verb}{f' --to {request.to}' if request.to else ''}{region}{services}"


def _interrupted(options: Options, command: str) -> int:
    options.say(machine.line("result", result="interrupted", exit=INTERRUPTED, again=command),
                lambda: options.console.print(f"\ninterrupted; `{command}` goes on from here", markup=False))
    return INTERRUPTED


def _end(options: Options, result: str, code: int) -> int:
    words: dict[str, Any] = {"done": "[green]done[/]", "planned": "nothing was done (--dry-run)",
                             "declined": "nothing was done", "failed": "[red]not as asked[/]; mend what is named and "
                             "run the same verb again", "yours": "[yellow]the rest is yours[/]"}
    options.say(machine.line("result", result=result, exit=code),
                lambda: options.console.print(words[result]) if result in words else None)
    return code
