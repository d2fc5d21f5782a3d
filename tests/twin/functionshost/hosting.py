"""What the tests of the functions host share: tokens, certificate, started hosts, and packages to run."""

import base64
import json
import os
import socket
import subprocess
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ResourceNotFoundError
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


class Identity(BaseHTTPRequestHandler):
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


@dataclass
class Running:
    """A started host."""

    process: subprocess.Popen[bytes]
    output: Path
    port: int
    package: Path

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


Start = Callable[..., Running]
"""The fixture `start`: start(code, *options, queues={…}, host={…}, files={…}, **app settings) -> Running."""

PREAMBLE = """
import asyncio, json, os, time
import azure.functions as func
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
def note(**fields):
    with open("notes", "a") as notes:
        notes.write(json.dumps(fields | {"pid": os.getpid(), "at": time.time()}, default=str) + "\\n")
"""

ECHO = """
@app.queue_trigger(arg_name="message", queue_name="%WORK%", connection="QUEUES")
async def echo(message: func.QueueMessage):
    note(body=message.get_body().decode(), id=message.id, count=message.dequeue_count, receipt=message.pop_receipt,
         inserted=message.insertion_time, expires=message.expiration_time, next=message.time_next_visible)
"""
FAIL = """
@app.queue_trigger(arg_name="message", queue_name="%WORK%", connection="QUEUES")
def fail(message: func.QueueMessage):
    note(count=message.dequeue_count)
    raise ValueError(message.get_body().decode())
"""


def name() -> str:
    """A queue's name that no other test uses."""
    return "q" + uuid.uuid4().hex[:12]


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def peeked(queue: QueueClient) -> list[str]:
    """The visible messages; none while the queue does not exist."""
    try:
        return [message.content for message in queue.peek_messages(32)]
    except ResourceNotFoundError:
        return []
