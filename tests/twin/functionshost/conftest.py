"""A real Azurite with tokens from a small managed-identity endpoint, and hosts started on packages written by tests."""

import base64
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from textwrap import dedent
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from azure.core.credentials import AccessToken
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueClient
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ROOT = Path(__file__).parents[3]
CACHE = Path(
    os.environ.get("TRACKING_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "two-region-portal"
)
TENANT, ACCOUNT = "00000000-0000-4000-8000-000000000002", "queueseastus"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def until(check: Callable[[], Any], why: str, within: float = 20.0) -> Any:
    """Wait for a true answer and return it; fail with the reason after `within` seconds."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        if answer := check():
            return answer
        time.sleep(0.1)
    pytest.fail(f"not within {within} s: {why}")


def token(resource: str) -> tuple[str, int]:
    now = int(time.time())
    claims = {"aud": resource, "iss": f"https://sts.windows.net/{TENANT}/", "iat": now, "nbf": now, "exp": now + 3600}
    return jwt.encode(claims, "not checked by Azurite", algorithm="HS256"), now + 3600


class _Identity(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        resource = parse_qs(urlsplit(self.path).query)["resource"][0]
        access, expires = token(resource)
        body = {"access_token": access, "expires_on": str(expires), "resource": resource, "token_type": "Bearer"}
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        pass


class Credential:
    def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken(*token("https://storage.azure.com"))


@dataclass
class Storage:
    queue_uri: str
    blob_uri: str
    ca: Path
    identity: str

    def queue(self, name: str, create: bool = True) -> QueueClient:
        client = QueueClient(self.queue_uri, name, credential=Credential(), connection_verify=str(self.ca))
        if create:
            client.create_queue()
        return client

    def blobs(self) -> BlobServiceClient:
        return BlobServiceClient(self.blob_uri, credential=Credential(), connection_verify=str(self.ca))

    def environment(self, site: str) -> dict[str, str]:
        """The app settings that the program gives a function app, and the process basics."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "WEBSITE_SITE_NAME": site,
            "SSL_CERT_FILE": str(self.ca),
            "REQUESTS_CA_BUNDLE": str(self.ca),
            "IDENTITY_ENDPOINT": self.identity,
            "IDENTITY_HEADER": "test",
            "QUEUES__queueServiceUri": self.queue_uri,
            "QUEUES__credential": "managedidentity",
            "QUEUES__clientId": "00000000-0000-4000-8000-00000000000a",
            "BLOBS__blobServiceUri": self.blob_uri,
            "AzureWebJobsStorage__blobServiceUri": self.blob_uri,
            "AzureWebJobsStorage__queueServiceUri": self.queue_uri,
            "PYTHONPATH": str(ROOT),
        }


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain))
    return cert_file, key_file


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
    identity = ThreadingHTTPServer(("127.0.0.1", 0), _Identity)
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


@dataclass
class Running:
    """A started host."""

    process: subprocess.Popen[bytes]
    output: Path
    port: int
    package: Path
    seen: dict[str, Any] = field(default_factory=dict)

    def events(self, name: str = "") -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.output.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if not name or line["event"] == name]

    def calls(self) -> list[dict[str, Any]]:
        """What the package's functions wrote with `note`."""
        notes = self.package / "notes"
        return [json.loads(line) for line in notes.read_text().splitlines()] if notes.exists() else []

    def ready(self) -> "Running":
        def answers() -> bool:
            assert self.process.poll() is None, f"the host ended: {self.output.read_text()}"
            try:
                return httpx.get(f"http://127.0.0.1:{self.port}/admin/host/status").status_code == 200
            except httpx.TransportError:
                return False

        until(answers, "the host answers on its status page", 30)
        return self

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(30)


PREAMBLE = """
import asyncio, json, os, time
import azure.functions as func
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
def note(**fields):
    with open("notes", "a") as notes:
        notes.write(json.dumps(fields | {"pid": os.getpid(), "at": time.time()}, default=str) + "\\n")
"""


@pytest.fixture
def start(storage: Storage, tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """start(code, queues={...host.json's...}, **app settings) -> Running; all are stopped at the end."""
    running: list[Running] = []

    def start_one(
        code: str, *options: str, queues: dict | None = None, host: dict | None = None, **settings: str
    ) -> Running:
        package = tmp_path / f"package{len(running)}"
        package.mkdir()
        document = {"version": "2.0", "extensions": {"queues": {"maxPollingInterval": "00:00:00.5", **(queues or {})}}}
        (package / "host.json").write_text(json.dumps(document | (host or {})))
        (package / "function_app.py").write_text(PREAMBLE + dedent(code))
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
