"""A whole run against a platform in memory: what it does wrong is in the result, and what it does right is not."""

import asyncio
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from failover.drill import run as running
from failover.drill.client import Client
from failover.drill.history import History
from failover.drill.load import Load
from failover.drill.result import Result
from failover.drill.run import Run, _Killer
from failover.drill.scenarios import SCENARIOS
from failover.drill.steps import (
    Ask,
    Deadlines,
    Fault,
    Heal,
    LargeCapture,
    Photo,
    Scenario,
    Until,
    Verb,
    Wait,
)
from failover.drill.target import Target, run
from failover.settings import Settings
from tests.failover.drill.portal import Portal
from tests.failover.platforms import platform

NOTHING = (sys.executable, "-c", "pass")


@pytest.fixture
def drill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable:
    """Runs a scenario against a portal; there is nothing to restore, and no storage to sample."""
    async def restored(*_: object) -> list[str]:
        return []

    monkeypatch.setattr(running, "restore", restored)
    monkeypatch.setattr(running, "SETTLED", 1.0)
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")

    async def go(portal: Portal, *steps, on_fault: Callable[[], None] = lambda: None, **more) -> Result:
        async with portal.served() as url:
            doors = {"eastus": {"web": url, "api": f"{url}/api"}}
            target = Target(Settings(home=tmp_path), platform(), url, doors, NOTHING, "eastus")
            real = Target.fault

            async def fault(self: Target, *arguments: str):
                if arguments[0] != "heal":
                    on_fault()
                return await real(self, *arguments)

            monkeypatch.setattr(Target, "fault", fault)
            scenario = Scenario("test", "A test", "", steps, **more)
            return await Run(target, scenario, 1, tmp_path / "run", lambda _: None).go()
    return go


async def test_a_platform_that_does_right_passes(drill) -> None:
    result = await drill(Portal(), Wait(2), LargeCapture(1_500_000), Photo(200_000),
                         Ask("the state", "/api/state", (200,)), Until("applied", 5))
    assert result.problems == (), "nothing was wrong"
    assert result.acknowledged > 20 and result.requests > 50, "the load was real"
    assert (result.lost, result.duplicated, result.failed) == ((), (), 0), "nothing is found where nothing is"


async def test_what_was_acknowledged_and_dropped_is_found(drill) -> None:
    portal = Portal(forgets=10)
    result = await drill(portal, Wait(2))
    assert len(result.lost) == portal.taken // 10, "every dropped command is found"
    assert any("are lost" in problem for problem in result.problems), "and fails the drill"


async def test_a_repeated_command_that_was_applied_twice_is_found(drill) -> None:
    portal = Portal(forgets_keys=True)
    result = await drill(portal, Wait(1), Fault(("kill", "{home}")), Wait(3), Heal(),
                         on_fault=lambda: portal.break_for(1.0))
    assert result.duplicated, "commands applied behind a 503 came again with their key and were applied again"


async def test_the_time_that_reads_and_writes_were_away_is_measured(drill) -> None:
    portal = Portal()
    result = await drill(portal, Wait(1), Fault(("kill", "{home}")), Wait(6), on_fault=lambda: portal.break_for(2.0),
                         deadlines=Deadlines(read=1.0, acknowledge=60.0))
    assert 1.5 < result.rto["read"] < 4, f"two seconds, and what the load's pace adds: {result.rto}"
    assert result.failed > 10 and not result.lost, "requests failed, and clients that repeated lost nothing"
    assert any(problem.startswith("read:") for problem in result.problems), "the deadline of one second was missed"


async def test_a_condition_that_never_holds_ends_the_steps_in_time(drill) -> None:
    result = await drill(Portal(), Until("served-by", 0.5, ("api", "{other}")), Wait(60))
    assert result.took < 30, "what follows a missed deadline is not done"
    assert "served by eastus" in " ".join(result.problems), "the reason is told"


def verb(tmp_path: Path, steps: int) -> list[str]:
    """A command of so many steps that goes on, when it is run again, where it was killed."""
    file = tmp_path / "verb.py"
    file.write_text(textwrap.dedent(f"""
        import json, pathlib, time
        done = pathlib.Path(__file__).with_suffix(".done")
        left = {steps} - len(done.read_text() if done.exists() else "")
        for number in range(left):
            print(json.dumps({{"event": "step", "number": number}}), flush=True)
            time.sleep(0.2)
            done.open("a").write("x")
        print(json.dumps({{"event": "result"}}), flush=True)
    """))
    return [sys.executable, str(file)]


async def test_a_verb_is_killed_as_its_step_begins(tmp_path: Path) -> None:
    killer = _Killer(2)
    done = await run(verb(tmp_path, 4), killer)
    assert killer.killed and done.code != 0, "it was killed"
    assert (tmp_path / "verb.done").read_text() == "x", "after one step, in the second"
    assert (await run(verb(tmp_path, 4))).code == 0, "run again it ends"
    assert (tmp_path / "verb.done").read_text() == "xxxx", "with the steps that were left"


async def test_an_interrupted_verb_is_repeated_until_it_gets_through(drill, tmp_path, monkeypatch) -> None:
    async def failover(self: Target, *arguments: str, watch=None):
        return await run(verb(tmp_path, 4), watch)

    monkeypatch.setattr(Target, "failover", failover)
    result = await drill(Portal(), Verb(("failover",), interrupted=True))
    assert result.problems == (), "it got through in the end"
    kills = [mark.text for mark in History.read(tmp_path / "run" / "history.jsonl").marks if "killed" in mark.text]
    assert kills == [f"killed at step {number}" for number in (1, 2, 3)], "it was killed at later and later steps"


async def test_the_same_seed_asks_for_the_same() -> None:
    asked = []
    async with Portal().served() as url:
        for _ in range(2):
            history = History()
            async with Client(url, {}, history) as client:
                load = Load(client, 7, run="D")
                load.start()
                await asyncio.sleep(1.5)
                await load.stop()
            begun = sorted(history.attempts, key=lambda attempt: attempt.start)
            asked.append([(attempt.kind, attempt.shipment) for attempt in begun[:20]])
    assert asked[0] == asked[1], "kinds, shipments and payloads follow from the seed"


def test_scenarios_are_named_once_and_explained() -> None:
    names = [scenario.name for scenario in SCENARIOS]
    assert len(set(names)) == len(names), "a name stands for one scenario"
    assert all(scenario.title and scenario.proves and scenario.steps for scenario in SCENARIOS), "each says why it is"
    assert {"switchover", "kill-east", "freeze-east"} <= {one.name for one in SCENARIOS if one.standard}, \
        "the standard set has what matters most"
