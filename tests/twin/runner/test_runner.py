"""The runner with a pretended operating system: time passes only when it sleeps."""

import asyncio
import signal
from pathlib import Path

import pytest

from twin.home import Home, write_json
from twin.runner import ProcessSpec, Runner, end_leftovers
from twin.runner.runner import CRASH_LOOP
from twin.services.base import TwinError


class Child:
    """A pretended child; `finish` ends it."""

    def __init__(self, pid: int):
        self.pid, self.returncode, self.ended = pid, None, asyncio.Event()

    def finish(self, code: int) -> None:
        self.returncode = code
        self.ended.set()

    async def wait(self) -> int:
        await self.ended.wait()
        return self.returncode


class Machine:
    """Counts what the runner does; `dying` children end as soon as they start."""

    def __init__(self, dying: int = 0):
        self.time, self.children, self.slept, self.ended, self.dying = 0.0, [], [], [], dying
        self.leftovers: dict[int, float] = {}

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)

    async def spawn(self, spec, log) -> Child:
        child = Child(100 + len(self.children))
        self.children.append(child)
        if self.dying:
            self.dying -= 1
            child.finish(3)
        return child

    def created(self, pid: int) -> float:
        return self.leftovers.get(pid, 0.0)

    def members(self, leader: int) -> list[int]:
        return [leader] if leader in self.leftovers else []

    def kill(self, pid, number, group=True) -> None:
        self.ended.append((pid, number, group))

    async def end(self, leader, stop_signal, within) -> bool:
        self.ended.append((leader, stop_signal))
        return True


def spec(name: str = "redis-eastus", **changes) -> ProcessSpec:
    """A process that is ready at once."""
    return ProcessSpec(**{"name": name, "command": ("redis-server",), "cwd": Path("/"), "environment": {},
                          "region": "eastus", "service": "cache"} | changes)


@pytest.fixture
def home(tmp_path) -> Home:
    home = Home(tmp_path)
    home.prepare()
    return home


async def settle() -> None:
    for _ in range(200):
        await asyncio.sleep(0)


async def test_the_same_spec_is_started_once(home):
    machine = Machine()
    runner = Runner(home, machine)
    await runner.start(spec())
    await runner.start(spec())
    assert len(machine.children) == 1, "a second `up` with the same inputs restarts nothing"


async def test_a_changed_spec_replaces_the_process(home):
    machine = Machine()
    runner = Runner(home, machine)
    await runner.start(spec())
    await runner.start(spec(environment={"A": "1"}))
    assert machine.ended == [(100, signal.SIGTERM)], "the old one is told to stop first, its port is needed"
    assert runner.get("redis-eastus").pid == 101, "the new one runs"


async def test_what_is_not_ready_in_time_is_ended_and_told_with_its_log(home):
    async def never() -> bool:
        return False
    machine = Machine()
    (home.logs / "redis-eastus.log").write_text("out of memory\n")
    with pytest.raises(TwinError, match=r"not ready within 3 s.*\n.*out of memory"):
        await Runner(home, machine).start(spec(ready=never, ready_within=3))
    assert machine.ended == [(100, signal.SIGTERM)], "it does not stay behind"


async def test_a_process_that_ends_while_starting_is_told_at_once(home):
    async def never() -> bool:
        return False
    machine = Machine(dying=1)
    with pytest.raises(TwinError, match="ended with code 3"):
        await Runner(home, machine).start(spec(ready=never))
    assert machine.time < 1, "nobody waits for a process that is gone"


async def test_a_crash_is_restarted_later_each_time_and_then_told_as_a_loop(home):
    machine = Machine()
    runner = Runner(home, machine)
    await runner.start(spec())
    for _ in range(CRASH_LOOP):
        machine.children[-1].finish(1)
        await settle()
    assert machine.slept == sorted(machine.slept), "each wait is at least as long as the one before"
    assert runner.get("redis-eastus").restarts == CRASH_LOOP, "every restart is counted"
    states = []
    original = machine.sleep

    async def watched(seconds):
        states.append(runner.get("redis-eastus").state)
        await original(seconds)
    machine.sleep = watched
    machine.children[-1].finish(1)
    await settle()
    assert states == ["crash loop"], "from then on it is reported, and tried only every half minute"


async def test_a_stop_during_the_wait_for_a_restart_ends_the_restarting(home):
    machine = Machine()
    runner = Runner(home, machine)
    await runner.start(spec())

    async def forever(seconds):
        await asyncio.Event().wait()
    machine.sleep = forever
    machine.children[0].finish(1)
    await settle()
    await asyncio.wait_for(runner.stop("redis-eastus"), 1)
    assert runner.all() == [], "it is forgotten"
    assert len(machine.children) == 1, "and not started again"


async def test_everything_ends_in_the_reverse_order_of_services(home):
    machine = Machine()
    runner = Runner(home, machine)
    for name, service in [("a", "storage"), ("b", "database"), ("c", "storage"), ("d", "edge")]:
        await runner.start(spec(name, service=service))
    await runner.stop_all()
    assert [pid for pid, _ in machine.ended] == [103, 101, 100, 102], "edge, then database, then both of storage"


async def test_nothing_is_started_any_more_once_everything_ends(home):
    machine = Machine()
    runner = Runner(home, machine)
    await runner.stop_all()
    with pytest.raises(TwinError, match="going down"):
        await runner.start(spec())
    assert machine.children == [], "late work cannot leave a process behind"


async def test_leftovers_are_ended_unless_their_number_was_reused(home):
    write_json(home.run / "processes.json", [
        {"name": "redis", "pid": 7, "created": 50.0, "signal": 15},
        {"name": "postgres", "pid": 8, "created": 60.0, "signal": 2},
        {"name": "gone", "pid": 9, "created": 70.0, "signal": 15}])
    machine = Machine()
    machine.leftovers = {7: 50.0, 8: 99.0}
    assert await end_leftovers(home, machine) == ["redis"], "only what is still the process that was recorded"
    assert machine.ended == [(7, 15)], "another process with number 8 is none of ours"
