"""Regions and services of a running platform are broken under load: nothing acknowledged is lost or applied twice."""

from pathlib import Path

import pytest

from failover.drill.run import Run
from failover.drill.scenarios import SCENARIOS
from failover.drill.target import Target

ALWAYS = ("switchover", "service-api", "kill-east", "freeze-east")
"""What every run of the suite does; the others are marked `drill_full`."""
OTHERS = [scenario for scenario in SCENARIOS if scenario.name not in ALWAYS and not scenario.loses]


async def drilled(target: Target, name: str, folder: Path) -> None:
    scenario = next(scenario for scenario in SCENARIOS if scenario.name == name)
    told: list[str] = []
    result = await Run(target, scenario, seed=1, folder=folder / name, say=told.append).go()
    story = "\n".join([*told, *result.problems])
    assert not result.lost, f"no acknowledged command may be lost:\n{story}"
    assert not result.duplicated, f"no command may have its effect twice:\n{story}"
    assert not result.travels, f"no read may look back further than was announced:\n{story}"
    assert result.acknowledged > 50, f"the load was real:\n{story}"
    assert result.passed, f"every step and deadline must hold:\n{story}"


@pytest.mark.parametrize("name", ALWAYS)
async def test_drill(target: Target, name: str, tmp_path: Path) -> None:
    await drilled(target, name, tmp_path)


@pytest.mark.drill_full
@pytest.mark.parametrize("name", [scenario.name for scenario in OTHERS])
async def test_long_drill(target: Target, name: str, tmp_path: Path) -> None:
    await drilled(target, name, tmp_path)
