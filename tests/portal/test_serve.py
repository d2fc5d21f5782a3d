"""The apps as App Service starts them: alive while everything they need is away, gone when told to."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
NOWHERE = dict.fromkeys(("QUEUES__queueServiceUri", "PEER_QUEUES__queueServiceUri", "BLOBS__blobServiceUri",
                         "PEER_BLOBS__blobServiceUri"), "https://localhost:1/x/")
SETTINGS = NOWHERE | {
    "REGION": "westus", "PEER_REGION": "eastus", "PRIMARY_REGION": "eastus", "AZURE_CLIENT_ID": "an-app",
    "REDIS_HOST": "localhost:1", "REDIS_USER": "an-app", "DATABASE_HOST": "localhost:1",
    "DATABASE_PEER_HOST": "localhost:1", "DATABASE_NAME": "shipments", "DATABASE_USER": "an-app",
    "IDENTITY_ENDPOINT": "http://127.0.0.1:1/msi/token", "IDENTITY_HEADER": "x"}


def start(app: str, folder: Path, **changes: str) -> subprocess.Popen[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "SERVICE": app, "HOST": "127.0.0.1"}
    command = [sys.executable, "-m", "portal.serve", *([app] if app else [])]
    return subprocess.Popen(command, cwd=folder, env=environment | SETTINGS | changes, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(params=["web", "api"])
def running(request: pytest.FixtureRequest, tmp_path: Path, port: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    (tmp_path / "build.json").write_text(json.dumps({"build": "0123456789ab"}))
    process = start(request.param, tmp_path, PORT=str(port))
    yield process, f"http://127.0.0.1:{port}"
    process.kill()
    process.wait()


def answered(url: str, within: float = 60) -> httpx.Response:
    until = time.monotonic() + within
    while True:
        try:
            return httpx.get(url, timeout=30)
        except httpx.TransportError:
            assert time.monotonic() < until, f"{url} answers within {within} seconds"
            time.sleep(0.1)


def test_an_app_lives_without_its_dependencies_and_ends_when_told(running: tuple[subprocess.Popen[str], str]) -> None:
    process, url = running
    alive = answered(f"{url}/livez")
    assert alive.status_code == 200 and alive.json()["build"] == "0123456789ab", "the process lives, of this build"
    ready = httpx.get(f"{url}/healthz", timeout=15)
    assert ready.status_code == 503 and ready.json()["state"] == "standby", "but it can do nothing"
    assert {d["name"] for d in ready.json()["dependencies"] if not d["ok"]} >= {"database", "queues"}, ready.text
    process.send_signal(signal.SIGTERM)
    process.wait(30)
    said = process.stdout.read() if process.stdout else ""
    assert "Traceback" not in said, f"it ends without a failure: {said[-2000:]}"
    assert all(line.startswith("{") for line in said.splitlines()), "every line of its log is JSON"


@pytest.mark.parametrize(("app", "changes", "said"), [
    ("", {}, "usage"), ("shop", {}, "usage"), ("api", {"REDIS_USER": ""}, "app settings missing: REDIS_USER")])
def test_a_wrong_start_says_what_is_wrong(app: str, changes: dict[str, str], said: str, tmp_path: Path) -> None:
    process = start(app, tmp_path, **changes)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2 and said in output, output


def test_a_taken_port_ends_the_start(tmp_path: Path, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        process = start("api", tmp_path, PORT=str(port))
        output, _ = process.communicate(timeout=60)
    assert process.returncode != 0 and "address already in use" in output, output
