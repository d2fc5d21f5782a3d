"""Doing a plan, step after step, each verified before the next; what is done is not done again."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from failover.configuration import Configuration, Manual
from failover.errors import OperatorError
from failover.observe import Rooms
from failover.planner.request import Plan
from failover.steps import (
    Applies,
    AwaitValidity,
    Confirm,
    Decide,
    EdgeLeads,
    GeoRedundant,
    MoveAccount,
    Origin,
    Promote,
    Rebuild,
    ScaleUp,
    Step,
    SwapPrimary,
)

State = Literal["begins", "done", "failed", "yours"]
SLACK = 1.2
"""A step is given up a little after its own limit, in case that it does not keep to it."""


@dataclass(frozen=True)
class Event:
    """A step that begins, or how it ended; "yours": somebody has to do what `detail` says."""

    step: Step
    number: int
    state: State
    detail: str = ""
    seconds: float = 0.0


Tell = Callable[[Event], None]


class Executor:
    """One run of one plan."""

    def __init__(self, rooms: Rooms):
        self.rooms = rooms
        self._decided: float | None = None
        self._acts: dict[type[Step], Callable[[Any], Awaitable[str | None]]] = {
            Decide: self._decide, AwaitValidity: self._validity, EdgeLeads: rooms.edge.leads,
            Promote: rooms.databases.promote, Rebuild: rooms.databases.rebuild, Applies: rooms.journals.applies,
            Confirm: rooms.journals.confirm, ScaleUp: rooms.compute.scale_up, Origin: rooms.edge.set_origin,
            GeoRedundant: rooms.accounts.make_geo_redundant, MoveAccount: rooms.accounts.move,
            SwapPrimary: Configuration(rooms.cloud).swap}

    async def run(self, plan: Plan, tell: Tell) -> list[Event]:
        """The events that ended the steps.  Nothing follows a failed step but what was begun already."""
        ended: list[Event] = []
        beside: list[asyncio.Task[Event]] = []
        try:
            for number, step in enumerate(plan.steps, 1):
                tell(Event(step, number, "begins"))
                if step.at_once:
                    beside.append(asyncio.create_task(self._step(step, number, tell)))
                    continue
                ended.append(await self._step(step, number, tell))
                if ended[-1].state == "failed":
                    break
            return ended + list(await asyncio.gather(*beside))
        finally:
            for task in beside:
                task.cancel()

    async def _step(self, step: Step, number: int, tell: Tell) -> Event:
        began = time.monotonic()
        state: State = "done"
        try:
            async with asyncio.timeout(step.limit * SLACK + 30):
                detail = await self._acts[type(step)](step) or ""
        except Manual as manual:
            state, detail = "yours", str(manual)
        except OperatorError as error:
            state, detail = "failed", str(error)
        except TimeoutError:
            state, detail = "failed", f"not done after {step.limit:.0f} s; run the same verb again."
        event = Event(step, number, state, detail, time.monotonic() - began)
        tell(event)
        return event

    async def _decide(self, step: Decide) -> None:
        try:
            await self.rooms.control.decide(step)
        finally:
            self._decided = time.monotonic()

    async def _validity(self, step: AwaitValidity) -> None:
        """Counted from the last write of this run; whoever resumes does not know when that was and waits all of it."""
        since = time.monotonic() - (self._decided or time.monotonic())
        await asyncio.sleep(max(0.0, step.seconds - since))
