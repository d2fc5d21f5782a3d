"""A real Azurite with tokens from a small managed-identity endpoint, and hosts started on packages written by tests."""

import base64
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from textwrap import dedent

import pytest

from tests.twin.functionshost.hosting import (
    ACCOUNT,
    CACHE,
    PREAMBLE,
    Identity,
    Running,
    Storage,
    certificate,
    free_port,
    until,
)


@pytest.fixture(scope="session")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    folder = tmp_path_factory.mktemp("azurite")
    cert, key = certificate(folder)
    azurite = max(CACHE.glob("azurite/*/node_modules/.bin/azurite"))
    blob, queue, table = free_port(), free_port(), free_port()
    command = [azurite, "--silent", "--skipApiVersionCheck", "--disableTelemetry", "--oauth", "basic"]
    command += ["--cert", cert, "--key", key, "--location", folder]
    command += ["--blobPort", str(blob), "--queuePort", str(queue), "--tablePort", str(table)]
    account = f"{ACCOUNT}:{base64.b64encode(b'0' * 32).decode()}"
    process = subprocess.Popen(command, env=os.environ | {"AZURITE_ACCOUNTS": account})
    identity = ThreadingHTTPServer(("127.0.0.1", 0), Identity)
    threading.Thread(target=identity.serve_forever, daemon=True).start()

    def listening() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", queue)) == 0

    try:
        until(listening, "Azurite listens")
        yield Storage(
            f"https://localhost:{queue}/{ACCOUNT}",
            f"https://localhost:{blob}/{ACCOUNT}",
            cert,
            f"http://127.0.0.1:{identity.server_port}/msi/token",
        )
    finally:
        process.terminate()
        process.wait(10)
        identity.shutdown()


@pytest.fixture
def start(storage: Storage, tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """start(code, queues={...host.json's...}, **app settings) -> Running; all are stopped at the end."""
    running: list[Running] = []

    def start_one(
        code: str, *options: str, queues: dict | None = None, host: dict | None = None,
        files: dict[str, str] | None = None, **settings: str,
    ) -> Running:
        package = tmp_path / f"package{len(running)}"
        package.mkdir()
        document = {"version": "2.0", "extensions": {"queues": {"maxPollingInterval": "00:00:00.5", **(queues or {})}}}
        (package / "host.json").write_text(json.dumps(document | (host or {})))
        for file, text in {"function_app.py": PREAMBLE + dedent(code), **(files or {})}.items():
            (package / file).write_text(text)
        port, output = free_port(), tmp_path / f"output{len(running)}"
        command = [sys.executable, "-m", "twin.functionshost", "--package", package, "--port", str(port), *options]
        environment = storage.environment(settings.pop("site", tmp_path.name.replace("_", "-"))) | settings
        with output.open("wb") as stream:
            process = subprocess.Popen(command, stdout=stream, stderr=stream, env=environment, cwd=package)
        running.append(Running(process, output, port, package))
        return running[-1]

    yield start_one
    for host in running:
        host.process.terminate()
    for host in running:
        try:
            host.process.wait(15)
        except subprocess.TimeoutExpired:
            host.process.kill()
