"""A control plane that only remembers, and the provider process spoken to directly as the engine does."""

import contextlib
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import grpc
import pytest

from twin.home import CHECKOUT, Home
from twin.provider.values import plain, protocol, struct

pb, pb_grpc = protocol()


class Cloud:
    """What was put, by id; `outputs` of an id are added to what its inputs give, `refuse` makes a type fail."""

    def __init__(self, home: Home) -> None:
        self.home, self.stored, self.calls = home, {}, []
        self.outputs: dict[str, dict[str, Any]] = {}
        self.refuse: dict[str, tuple[int, str, str]] = {}
        self.seconds = 0.0  # that a put takes
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else {}
                arm_id = body.get("id") or parse_qs(urlsplit(self.path).query)["id"][0]
                allowed = self.headers["Authorization"] == "Bearer secret"
                status, content = cloud.handle(self.command, arm_id, body) if allowed else (401, {})
                self.send_response(status)
                self.end_headers()
                with contextlib.suppress(BrokenPipeError):  # the provider was killed
                    self.wfile.write(json.dumps(content).encode())

            do_PUT = do_GET = do_DELETE = answer

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        home.run.mkdir(parents=True)
        url = f"http://127.0.0.1:{self.server.server_port}"
        home.control.write_text(json.dumps({"url": url, "token": "secret", "pid": 1}))

    def handle(self, method: str, arm_id: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.calls.append((method, arm_id.rsplit("/", 1)[1]))
        if method == "PUT":
            time.sleep(self.seconds)
            if body["type"] in self.refuse:
                status, code, message = self.refuse[body["type"]]
                return status, {"error": {"code": code, "message": message}}
            self.stored[arm_id] = body["inputs"]
        elif arm_id not in self.stored:
            return 404, {"error": {"code": "ResourceNotFound", "message": "gone"}}
        elif method == "DELETE":
            del self.stored[arm_id]
            return 204, {}
        name = arm_id.rsplit("/", 1)[1]
        outputs = {"type": "fake", "provisioningState": "Succeeded", "primaryLocation": "eastus", "name": name}
        return 200, {"inputs": self.stored[arm_id], "outputs": outputs | self.outputs.get(name, {})}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """One remembering control plane per file."""
    made = Cloud(Home(tmp_path_factory.mktemp("twin")))
    yield made
    made.server.shutdown()


@pytest.fixture
def new_cloud(tmp_path: Path) -> Iterator[Cloud]:
    """A control plane of the test's own."""
    made = Cloud(Home(tmp_path))
    yield made
    made.server.shutdown()


class Process:
    """The provider executable, asked over its own protocol."""

    def __init__(self, stub: Any) -> None:
        self.stub = stub

    def check(self, token: str, inputs: dict[str, Any], name: str = "thing", olds: dict[str, Any] | None = None
              ) -> tuple[dict[str, Any], list[str]]:
        """-> (inputs with defaults, reasons of refusal)."""
        urn = f"urn:pulumi:test::tracking::azure-native:{token}::{name}"
        request = pb.CheckRequest(urn=urn, olds=struct(olds or {}), news=struct(inputs), randomSeed=b"seed")
        answer = self.stub.Check(request)
        return plain(answer.inputs), [failure.reason for failure in answer.failures]

    def diff(self, token: str, olds: dict[str, Any], news: dict[str, Any], state: dict[str, Any] | None = None) -> Any:
        urn = f"urn:pulumi:test::tracking::azure-native:{token}::thing"
        return self.stub.Diff(pb.DiffRequest(urn=urn, old_inputs=struct(olds), news=struct(news),
                                             olds=struct(state or {})))


@pytest.fixture(scope="session")
def provider() -> Iterator[Process]:
    """The executable that the engine finds on PATH, started as the engine starts it."""
    shim = Path(CHECKOUT, "twin/shims/pulumi-resource-azure-native")
    process = subprocess.Popen([shim, "127.0.0.1:1"], stdout=subprocess.PIPE, text=True)
    try:
        with grpc.insecure_channel(f"127.0.0.1:{process.stdout.readline().strip()}") as channel:
            yield Process(pb_grpc.ResourceProviderStub(channel))
    finally:
        process.kill()
        process.wait()
