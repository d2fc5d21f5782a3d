"""One whole platform for all end-to-end tests: own folder, own ports, stopped at the end whatever happens."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.shipments.servers import free_port

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Platform:
    """A twin that is up, driven by the same commands that `make` runs."""

    home: Path
    environment: dict[str, str]

    def run(self, *arguments: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        """`python -m twin …` in this platform's home; the caller looks at the exit code."""
        return subprocess.run(
            [sys.executable, "-m", "twin", *arguments],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=timeout,
        )

    @property
    def endpoints(self) -> dict:
        return json.loads((self.home / "endpoints.json").read_text())

    @property
    def api(self) -> str:
        return self.endpoints["api"]

    def status(self) -> dict:
        done = self.run("status", "--json")
        assert done.returncode == 0, f"`status` must succeed while all is well: {done.stdout}{done.stderr}"
        return json.loads(done.stdout)

    def register(self, **body) -> dict:
        """Registers a shipment through the edge and waits until it is applied."""
        answer = httpx.post(f"{self.api}/shipments", json=body, headers={"Prefer": "wait=30"}, timeout=40)
        assert answer.status_code in (200, 201), f"registration should be applied within 30 s: {answer.text}"
        return {**answer.json(), "location": answer.headers["Location"]}


@pytest.fixture(scope="package")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    home = tmp_path_factory.mktemp("platform") / "twin"
    environment = {
        **os.environ,
        "TWIN_HOME": str(home),
        "PORT": str(free_port()),
        "TWIN_PORTS": os.environ.get("TEST_TWIN_PORTS", "28000"),
    }
    made = Platform(home, environment)
    try:
        done = made.run("up", timeout=900)
        assert done.returncode == 0, f"`up` must end well; logs are in {home}/logs:\n{done.stdout}\n{done.stderr}"
        yield made
    finally:
        made.run("down", timeout=120)
