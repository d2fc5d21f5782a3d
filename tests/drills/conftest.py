"""A platform of its own for the drills: it is broken on purpose, so nobody else may use it."""

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from failover.drill.target import Target
from failover.settings import Settings
from tests.e2e.conftest import Platform
from tests.shipments.servers import free_port

FULL = "drill_full"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{FULL}: drills beyond the four that every run does; chosen by -m {FULL}, or "
                            "by DRILLS=full in the environment")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The long ones run only for who asks for them."""
    if FULL in config.option.markexpr or os.environ.get("DRILLS") == "full":
        return
    for item in items:
        if item.get_closest_marker(FULL):
            item.add_marker(pytest.mark.skip(reason=f"a long drill: -m {FULL}, or DRILLS=full"))


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """What `make drill` has: a twin that is up, and the environment that `operator.env` gives."""
    home = tmp_path_factory.mktemp("drilled") / "twin"
    settings = {"TWIN_HOME": str(home), "PORT": str(free_port()),
                "TWIN_PORTS": os.environ.get("TEST_DRILL_PORTS", "31000")}
    made = Platform(home, os.environ | settings)
    with pytest.MonkeyPatch.context() as environment:
        try:
            done = made.run("up", timeout=900)
            assert done.returncode == 0, f"`up` must end well; logs are in {home}/logs:\n{done.stdout}\n{done.stderr}"
            for name, value in (settings | operator(home)).items():
                environment.setenv(name, value)
            yield Target.from_environment(Settings.from_environment())
        finally:
            made.run("down", timeout=120)


def operator(home: Path) -> dict[str, str]:
    """The lines KEY=VALUE of the file that `up` writes for operators."""
    lines = shlex.split((home / "operator.env").read_text(), comments=True)
    return dict(line.split("=", 1) for line in lines if "=" in line)
