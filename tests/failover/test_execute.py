"""Plans are done step after step; what fails stops them, what is interrupted goes on."""

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from failover.errors import Conflict, NotAsAsked
from failover.execute import Event, Executor
from failover.observation import Observation
from failover.planner import Plan, Request, plan
from failover.planner.effects import after
from failover.settings import Settings
from failover.steps import Step
from tests.failover import platforms
from tests.failover.platforms import EAST, WEST, without

VERBS = {
    "failover": (without(platforms.healthy(), EAST), Request("failover", WEST, by="bob")),
    "switchover": (platforms.healthy(), Request("switchover", by="bob")),
}


@dataclass
class World:
    """Does each step on the model; `breaks` -> what the step of that name raises, once."""

    seen: Observation
    breaks: dict[str, BaseException] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)

    async def act(self, step: Step) -> str:
        if step.name in self.breaks:
            raise self.breaks.pop(step.name)
        self.seen = after(step, self.seen)
        self.done.append(step.name)
        return "so it is"

    @property
    def rooms(self) -> SimpleNamespace:
        act = self.act
        return SimpleNamespace(
            cloud=SimpleNamespace(settings=Settings(), platform=self.seen.platform),
            control=SimpleNamespace(decide=act), journals=SimpleNamespace(applies=act, confirm=act),
            databases=SimpleNamespace(promote=act, rebuild=act), compute=SimpleNamespace(scale_up=act),
            edge=SimpleNamespace(leads=act, set_origin=act),
            accounts=SimpleNamespace(make_geo_redundant=act, move=act))


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    async def at_once(seconds: float) -> None:
        """Nothing is waited for."""
    monkeypatch.setattr("failover.execute.asyncio.sleep", at_once)


async def run(world: World, found: Plan) -> list[Event]:
    return await Executor(world.rooms).run(found, lambda event: None)


@pytest.mark.parametrize("verb", VERBS)
async def test_every_step_is_told_when_it_begins_and_when_it_is_done(verb):
    seen, request = VERBS[verb]
    found, told = plan(seen, request), []
    await Executor(World(seen).rooms).run(found, told.append)
    assert [(event.number, event.state) for event in told] == [
        (number, state) for number in range(1, len(found.steps) + 1) for state in ("begins", "done")], "in order"


@pytest.mark.parametrize("verb", VERBS)
async def test_run_again_after_a_failure_at_any_step_it_reaches_the_same_end(verb):
    seen, request = VERBS[verb]
    whole = World(seen)
    await run(whole, plan(seen, request))
    for name in dict.fromkeys(step.name for step in plan(seen, request).steps if step.name != "await-validity"):
        world = World(seen, {name: NotAsAsked(f"{name} failed")})
        ended = await run(world, plan(seen, request))
        assert ended[-1].state == "failed" and f"{name} failed" in ended[-1].detail, f"{name}: {ended[-1]}"
        again = plan(world.seen, plan(seen, request).request)
        assert isinstance(again, Plan), f"after {name}: {again}"
        await run(world, again)
        assert world.seen.writer.active_region == whole.seen.writer.active_region == WEST, f"after {name}"
        assert world.done.count("promote") == 1, f"{name}: nothing is promoted twice"


async def test_nothing_follows_a_conflict():
    seen, request = VERBS["failover"]
    world = World(seen, {"decide": Conflict("ann wrote epoch 9")})
    ended = await run(world, plan(seen, request))
    assert (world.done, ended[-1].detail) == ([], "ann wrote epoch 9"), "above all no promote"


async def test_what_runs_beside_neither_holds_up_nor_stops_the_rest():
    seen, request = VERBS["failover"]
    small = seen.with_region(WEST, capacity=1)
    world = World(small, {"scale-up": NotAsAsked("no capacity")})
    ended = await run(world, plan(small, request))
    assert world.done == ["decide", "promote", "applies", "edge-leads"], "processing is what counts"
    assert [event.state for event in ended].count("failed") == 1, "but the operator is told"


async def test_an_interruption_ends_what_runs_beside():
    class Slow(World):
        async def act(self, step: Step) -> str:
            if step.name == "scale-up":
                await asyncio.Event().wait()
            if step.name == "promote":
                raise asyncio.CancelledError
            return await super().act(step)

    seen, request = VERBS["failover"]
    small = seen.with_region(WEST, capacity=1)
    with pytest.raises(asyncio.CancelledError):
        await run(Slow(small), plan(small, request))
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task() and not task.cancelling()]
    assert left == [], "nothing goes on behind the operator's back"


async def test_without_a_command_the_configuration_is_the_operators_own_step():
    seen = platforms.healthy(WEST)
    moved = plan(seen, Request("switchover", EAST))
    world = World(seen)
    await run(world, moved)
    ended = await run(world, plan(world.seen, Request("reprotect")))
    assert ended[-1].state == "yours", ended
    assert "pulumi config set -s primary --path 'tracking:platform.primary' eastus" in ended[-1].detail, ended
    assert "pulumi up -s primary --refresh" in ended[-1].detail, ended
