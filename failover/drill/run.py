"""One drill: a scenario's steps done to the platform under load, then everything healed, then the verdict."""

import asyncio
import random
import signal
import time
from asyncio.subprocess import Process
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import orjson

from failover.drill import changes
from failover.drill.checker import check
from failover.drill.client import Client
from failover.drill.conditions import Conditions
from failover.drill.history import History, Mark
from failover.drill.load import Load, Rates
from failover.drill.readback import read_back
from failover.drill.restore import restore
from failover.drill.result import Result, judge
from failover.drill.sampler import Sampler
from failover.drill.steps import (
    Ask,
    Backlog,
    Doors,
    Fault,
    Heal,
    LargeCapture,
    Photo,
    Scenario,
    Step,
    StillTrue,
    Until,
    Verb,
    Wait,
)
from failover.drill.target import Done, Target

LOOK = 0.25
SETTLED = 120.0
"""Seconds after the load's end within which everything acknowledged must be visible."""
Say = Callable[[str], None]


class Failed(Exception):
    """A step did not go as the scenario says; what follows it would mean nothing."""


@dataclass
class Run:
    """One scenario with one seed; everything about it lies in `folder` afterwards."""

    target: Target
    scenario: Scenario
    seed: int
    folder: Path
    say: Say
    rate: float = 1.0
    """Of the scenario's own requests a second, for machines that are slower or faster."""
    stuck: bool = False
    """Whether the platform could not be brought back to where it was."""

    @property
    def record(self) -> Path:
        return self.folder / "history.jsonl"

    async def go(self) -> Result:
        """Never raises for what the platform does: that is in the result.  The platform is restored in any case."""
        self.folder.mkdir(parents=True, exist_ok=True)
        started, self.problems = time.time(), list[str]()
        self.history, self.chance = History(self.record), random.Random(self.seed)
        try:
            async with Client(self.target.portal, self.target.doors, self.history) as client:
                await self._drill(client)
                self.say("reading back")
                await read_back(client, self.history.attempts, SETTLED)
        finally:
            self.history.close()
        verdict = check(self.history.attempts, self.history.found, self.history.samples)
        return judge(self.scenario, self.seed, started, self.history, verdict, self.problems, self.target.platform)

    async def _drill(self, client: Client) -> None:
        rates = Rates(**{kind: each * self.rate for kind, each in (vars(Rates()) | self.scenario.rates).items()})
        self.load = Load(client, self.seed, rates)
        self.conditions = Conditions(self.target, client, self.load)
        async with Sampler(self.target, self.history):
            try:
                await self.load.prepare()
                await self._until(Until("processing", 30))
                self._mark("load", "load begins")
                self.load.start()
                for step in self.scenario.steps:
                    await self._step(step)
            except Failed as failed:
                self._problem(str(failed))
            finally:
                await self.load.stop()
                self._mark("end", "load ends")
                self.say("restoring")
                in_the_way = await restore(self.target, lambda text: self._mark("heal", text))
                self.stuck = bool(in_the_way)
                self.problems += in_the_way
        if self.load.dropped:
            self._problem(f"{self.load.dropped} requests were not sent: this machine was too slow for the load")

    async def _step(self, step: Step) -> None:
        match step:
            case Wait(seconds, jitter):
                await asyncio.sleep(seconds + jitter * self.chance.random())
            case Fault(arguments):
                await self._command("fault", " ".join(arguments), self.target.fault(*arguments))
            case Heal(arguments):
                await self._command("heal", " ".join(("heal", *arguments)), self.target.fault("heal", *arguments))
            case Verb():
                await self._verb(step)
            case Until():
                await self._until(step)
            case LargeCapture(size):
                self._taken(f"a capture of {size} bytes", (await self.load.large_capture(size)).acknowledged)
            case Photo(size):
                self._taken(f"a photo of {size} bytes", (await self.load.photo(size)).acknowledged)
            case Backlog(count):
                self._mark("check", f"{count} commands are queued")
                await self.load.backlog(count)
            case Doors(shares):
                self.load.doors = {self.target.named(region): share for region, share in shares.items()}
            case Ask():
                await self._ask(step)
            case StillTrue():
                await self._still_true()

    async def _verb(self, verb: Verb) -> None:
        """Runs it to its end; an interrupted one is killed at its first step, then at its second, …"""
        text, reached = "failover " + " ".join(verb.arguments), 0
        while True:
            reached += 1
            seen = _Killer(reached) if verb.interrupted else None
            try:
                done = await asyncio.wait_for(self._command(
                    "verb", text, self.target.failover(*verb.arguments, watch=seen), codes=None), verb.within)
            except TimeoutError:
                raise Failed(f"`{self.target.named(text)}` took longer than {verb.within:.0f} s") from None
            if not (seen and seen.killed):
                break
            self._mark("check", f"killed at step {reached}")
        if done.code not in verb.codes:
            raise Failed(f"`{self.target.named(text)}` ended with {done.code}, expected {verb.codes}: {done.tail}")

    async def _command(self, what: str, text: str, command, codes: tuple[int, ...] | None = (0,)) -> Done:
        text = self.target.named(text)
        self._mark(what, text)
        done = await command
        self.history.add(Mark(done.end, "done", text, done.end - done.start))
        if codes and done.code not in codes:
            raise Failed(f"`{text}` ended with {done.code}: {done.tail}")
        return done

    async def _until(self, step: Until) -> None:
        started, seen = time.time(), "nothing yet"
        arguments = [self.target.named(argument) for argument in step.arguments]
        text = " ".join((step.condition, *arguments))
        while (left := started + step.within - time.time()) > 0:
            try:
                seen = await asyncio.wait_for(self.conditions[step.condition](*arguments), left)
            except TimeoutError:
                break
            if not seen:
                self.history.add(Mark(time.time(), "wait", text, time.time() - started))
                self.say(f"{text}: after {time.time() - started:.1f} s")
                return
            await asyncio.sleep(LOOK)
        raise Failed(f"{text}: not within {step.within:.0f} s; {seen}")

    async def _ask(self, step: Ask) -> None:
        answer = await self.load.client.send("probe", self.target.named(step.path), op="ask", method=step.method,
                                             headers=step.headers, door=self.target.named(step.door),
                                             body=b"drill" if step.method in ("PUT", "POST") else None, record=False)
        got = answer.attempt.status or answer.attempt.outcome
        self._mark("check", f"{step.what}: {got}")
        if got not in step.expect:
            self._problem(f"{step.what}: {step.method} {step.path} was answered {got}, expected {step.expect}")

    async def _still_true(self) -> None:
        done = await self._command("check", "preview", self.target.preview(), codes=None)
        found = changes.harmful(done.out) if done.code == 0 else [f"it ended with {done.code}: {done.tail}"]
        for change in found:
            self._problem(f"the stack's preview is not true any more: {change}")

    def _taken(self, what: str, taken: bool) -> None:
        self._mark("check", f"{what} acknowledged" if taken else f"{what} not taken")
        if not taken:
            raise Failed(f"{what} was not acknowledged")

    def _problem(self, text: str) -> None:
        self.say(text)
        self.problems.append(text)

    def _mark(self, what: str, text: str) -> None:
        self.history.add(Mark(time.time(), what, self.target.named(text)))
        self.say(self.target.named(text))


class _Killer:
    """Kills a verb when it says that it begins its n-th step of this run."""

    def __init__(self, step: int):
        self.left, self.killed = step, False

    def __call__(self, process: Process, line: str) -> None:
        try:
            told = orjson.loads(line)
        except orjson.JSONDecodeError:
            return
        if isinstance(told, dict) and told.get("event") == "step":
            self.left -= 1
            if self.left == 0:
                self.killed = True
                process.send_signal(signal.SIGKILL)
