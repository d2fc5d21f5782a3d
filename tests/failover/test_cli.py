"""The command as operators and machines use it: what it prints, asks, and ends with."""

import asyncio
import json
import os
import signal
from contextlib import asynccontextmanager

import pytest
from typer.testing import CliRunner

from failover.__main__ import app
from failover.errors import Conflict, Denied, NotAsAsked
from failover.execute import Executor
from failover.operator import Operator
from tests.failover import platforms
from tests.failover.platforms import EAST, WEST, without
from tests.failover.test_execute import World


class Fake(Operator):
    """Observes and changes a world in memory."""

    def __init__(self, world: World):
        self.world = world

    async def observe(self, look=None):
        return self.world.seen

    async def execute(self, plan, tell):
        return await Executor(self.world.rooms).run(plan, tell)


@pytest.fixture
def world(monkeypatch) -> World:
    """A healthy platform; nothing is waited for."""
    made = World(platforms.healthy())

    @asynccontextmanager
    async def connect(settings, credential=None):
        yield Fake(made)

    async def at_once(seconds: float) -> None:
        """Nothing is waited for."""

    monkeypatch.setattr(Operator, "connect", connect)
    monkeypatch.setattr("failover.execute.asyncio.sleep", at_once)
    return made


def invoke(*words: str, answer: str | None = None):
    return CliRunner().invoke(app, list(words), input=answer)


def events(result) -> list[dict]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_status_of_a_healthy_platform_ends_with_0(world):
    result = invoke("status")
    assert result.exit_code == 0 and "protected" in result.output, result.output


def test_status_ends_with_4_when_something_needs_attention(world):
    world.seen = without(world.seen, EAST)
    result = invoke("--json", "status")
    assert result.exit_code == 4 and json.loads(result.stdout)["exit"] == 4, result.output


def test_a_failover_shows_its_plan_does_it_and_ends_with_0(world):
    world.seen = without(world.seen, EAST)
    result = invoke("failover", "--to", WEST, "--yes")
    assert result.exit_code == 0, result.output
    assert result.output.index("promote PostgreSQL") < result.output.index("1/5"), "the plan comes first"
    assert world.seen.writer.active_region == WEST, "and it was done"


def test_machines_follow_it_event_by_event(world):
    result = invoke("--json", "switchover", "--yes")
    told = events(result)
    assert [told[0]["event"], told[-1]["event"]] == ["plan", "result"], told
    assert [one["event"] for one in told[1:-1]] == ["step", "done"] * 6, "each step begins and ends"
    assert told[-1] == {"event": "result", "result": "done", "exit": 0}, told[-1]


def test_a_refusal_ends_with_3_and_the_reason(world):
    result = invoke("failover", "--to", EAST, "--yes")
    assert result.exit_code == 3 and "is it already" in result.output, result.output
    assert events(invoke("--json", "failover", "--to", "mars", "--yes"))[0]["value"] == "'mars' is neither"


def test_wrong_usage_ends_with_2(world):
    assert invoke("failover", "--yes").exit_code == 2, "failover names its target"
    assert invoke("fly").exit_code == 2, "there is no such verb"
    result = invoke("switchover")
    assert result.exit_code == 2 and "--yes" in result.output, "nobody can be asked here"


def test_a_dry_run_changes_nothing(world):
    result = invoke("switchover", "--dry-run")
    assert result.exit_code == 0 and world.done == [], "only the plan is shown"


@pytest.mark.parametrize("error", [Conflict("ann wrote epoch 9 at noon"), Denied("needs the role 'Contributor'"),
                                   NotAsAsked("Azure answered 500")])
def test_a_step_that_fails_ends_with_1_and_what_went_wrong(world, error):
    world.breaks["promote"] = error
    result = invoke("switchover", "--yes")
    assert result.exit_code == 1 and str(error)[:20] in result.output, result.output
    assert "run the same verb again" in " ".join(result.output.split()), "and what to do"


def test_what_cannot_even_be_looked_at_ends_with_1(world, monkeypatch):
    async def denied(self, look=None):
        raise Denied("reading the control documents: your identity may not")
    monkeypatch.setattr(Fake, "observe", denied)
    result = invoke("status")
    assert result.exit_code == 1 and "may not" in result.output, result.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_with_130_and_names_what_goes_on(world, number):
    async def interrupted(step):
        os.kill(os.getpid(), number)
        await asyncio.Event().wait()

    world.act = interrupted
    result = invoke("--json", "switchover", "--yes")
    assert result.exit_code == 130, result.output
    assert events(result)[-1]["again"] == "failover switchover --to westus", "with the region that was found"


def test_what_is_left_to_the_operator_ends_with_4(world):
    assert invoke("switchover", "--yes").exit_code == 0, "it leads away from the configured region"
    result = invoke("reprotect", "--yes")
    assert result.exit_code == 4 and "pulumi up -s primary --refresh" in result.output, result.output


def test_run_again_there_is_nothing_to_do(world):
    result = invoke("reprotect", "--yes")
    assert result.exit_code == 0 and "nothing to do" in result.output, result.output


def test_watch_acts_by_itself_when_told_so(world, monkeypatch):
    """The clock of the model stands still, so the looks are made to be 10 s apart."""
    gone = without(world.seen, EAST).with_region(WEST, journal=platforms.journal(False, peer_seen=False))
    looks = []

    async def observe(self, look=None):
        looks.append(look)
        if world.done:
            return world.seen
        from dataclasses import replace
        from datetime import timedelta
        world.seen = replace(gone, at=platforms.NOW + timedelta(seconds=10 * len(looks)))
        return world.seen

    async def at_once(seconds: float) -> None:
        """Nothing is waited for."""

    monkeypatch.setattr(Fake, "observe", observe)
    monkeypatch.setattr("failover.watching.asyncio.sleep", at_once)
    result = invoke("watch", "--auto", "--seconds", "30", "--times", "3")
    assert result.exit_code == 0 and "doubt" in result.output and "act" in result.output, result.output
    assert world.seen.writer.active_region == WEST and "(watch)" in world.seen.writer.by, "and signs it"
