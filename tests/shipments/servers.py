"""Real servers for tests, on loopback, over TLS, with tokens as passwords: clients and paths are those of the cloud."""

import base64
import json
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from azure.core.credentials import AccessToken
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tools import locate

APP, PASSWORD = "app", "token-of-the-app"
ACCOUNTS = ("east", "west")


class Identity:
    """A managed identity whose token for PostgreSQL and Redis is what those servers take as password."""

    async def get_token(self, *scopes: str, **_: object) -> AccessToken:
        expires = int(time.time()) + 3600
        return AccessToken(storage_token(expires) if "storage" in scopes[0] else PASSWORD, expires)

    async def close(self) -> None:
        """Nothing is open."""


def storage_token(expires: int) -> str:
    """A JWT that Azurite's basic OAuth takes: well formed, not signed by anyone it could ask
    (https://learn.microsoft.com/azure/storage/common/storage-use-azurite#oauth-configuration)."""
    claims = {
        "aud": "https://storage.azure.com",
        "iss": "https://sts.windows.net/00000000-0000-4000-8000-000000000002/",
        "iat": expires - 7200,
        "nbf": expires - 7200,
        "exp": expires,
    }
    parts = (json.dumps(part).encode() for part in ({"alg": "RS256", "typ": "JWT"}, claims))
    return ".".join([*(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts), "c2lnbmVk"])


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def certificate(folder: Path) -> None:
    """`server.crt`, which is its own authority, and `server.key`, for localhost."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]),
    )
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "server.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "server.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "server.key").chmod(0o600)


@contextmanager
def folder() -> Iterator[Path]:
    """A new folder that other users may pass through, unlike pytest's own."""
    made = Path(tempfile.mkdtemp(prefix="shipments-"))
    made.chmod(0o755)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@dataclass
class Process:
    """A server that can be stopped and started again."""

    command: Sequence[str]
    port: int
    cwd: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    running: subprocess.Popen[bytes] | None = None

    def start(self) -> "Process":
        self.running = subprocess.Popen(
            self.command,
            cwd=self.cwd,
            user=self.user,
            group=self.user,
            extra_groups=[] if self.user else None,
            env={"PATH": os.environ["PATH"], "HOME": str(self.cwd), "LANG": "C.UTF-8", **self.environment},
            stdout=subprocess.DEVNULL,
            stderr=(self.cwd / f"log-{self.port}").open("ab"),
        )
        eventually(self._answers, f"{self.command[0]} answers on port {self.port}", seconds=120)
        return self

    def stop(self) -> None:
        """At once, as when a machine is lost."""
        if self.running:
            self.running.kill()
            self.running.wait(10)
            self.running = None

    def _answers(self) -> bool:
        assert self.running and self.running.poll() is None, (
            f"{self.command[0]} ended; see log-{self.port} in {self.cwd}"
        )
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def eventually(is_so: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Returns when it is so; fails with `what` otherwise."""
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, f"within {seconds} s: {what}"
        time.sleep(0.05)


def redis(home: Path) -> Process:
    """TLS only, no default user, as Azure Managed Redis with access keys off."""
    port = free_port()
    (home / "users.acl").write_text(f"user default off\nuser {APP} on >{PASSWORD} ~* &* +@all\n")
    return Process(
        (
            str(locate.redis_server()),
            "--port",
            "0",
            "--tls-port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--tls-cert-file",
            "server.crt",
            "--tls-key-file",
            "server.key",
            "--tls-ca-cert-file",
            "server.crt",
            "--tls-auth-clients",
            "no",
            "--aclfile",
            "users.acl",
            "--save",
            "",
            "--appendonly",
            "no",
        ),
        port,
        home,
    )


def azurite(home: Path) -> tuple[Process, int]:
    """Both regions' accounts in one process -> it (its port is that of the queues), port of the blobs."""
    queue, blob = free_port(), free_port()
    key = base64.b64encode(os.urandom(32)).decode()
    return Process(
        (
            str(locate.azurite()),
            "--silent",
            "--disableTelemetry",
            "--skipApiVersionCheck",
            "--inMemoryPersistence",
            "--oauth",
            "basic",
            "--cert",
            "server.crt",
            "--key",
            "server.key",
            "--blobHost",
            "127.0.0.1",
            "--blobPort",
            str(blob),
            "--queueHost",
            "127.0.0.1",
            "--queuePort",
            str(queue),
            "--tableHost",
            "127.0.0.1",
            "--tablePort",
            "0",
        ),
        queue,
        home,
        {"AZURITE_ACCOUNTS": ";".join(f"{account}:{key}" for account in ACCOUNTS)},
    ), blob


class Postgres:
    """A server of its own; `replica_of` another one makes it a streaming standby."""

    def __init__(self, home: Path, name: str, replica_of: "Postgres | None" = None):
        self.port, self.home, self.data = free_port(), home / name, home / name / "data"
        self.user = "postgres" if os.geteuid() == 0 else None
        self.home.mkdir()
        for file in ("server.crt", "server.key"):
            shutil.copy(home / file, self.home / file)
        (self.home / "server.key").chmod(0o600)
        (self.home / "password").write_text(PASSWORD)
        if self.user:
            owner = pwd.getpwnam(self.user)
            for path in (self.home, *self.home.iterdir()):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        self._create(replica_of)
        self.process = Process(
            (str(locate.postgres_bin() / "postgres"), "-D", str(self.data), "-p", str(self.port)),
            self.port,
            self.home,
            user=self.user,
        )

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    def start(self) -> "Postgres":
        self.process.start()
        eventually(
            lambda: self._tool("pg_isready", "-h", "localhost", "-p", str(self.port)) == 0, "PostgreSQL is ready"
        )
        return self

    def promote(self) -> None:
        assert self._tool("pg_ctl", "-D", str(self.data), "promote", "-w") == 0, "the standby is promoted"

    def _create(self, source: "Postgres | None") -> None:
        if source:
            done = self._tool(
                "pg_basebackup",
                "-D",
                str(self.data),
                "-R",
                "-X",
                "stream",
                "-c",
                "fast",
                "-d",
                f"host=localhost port={source.port} user={APP} password={PASSWORD} sslmode=require",
            )
        else:
            done = self._tool(
                "initdb",
                "-D",
                str(self.data),
                "-U",
                APP,
                "--pwfile",
                "password",
                "-E",
                "UTF8",
                "--auth=scram-sha-256",
                "--no-sync",
                "--locale=C",
            )
            (self.data / "postgresql.conf").open("a").write(CONFIGURATION)
            (self.data / "pg_hba.conf").write_text("hostssl all,replication all 127.0.0.1/32 scram-sha-256\n")
        assert done == 0, (self.home / f"{'pg_basebackup' if source else 'initdb'}.log").read_text()

    def _tool(self, name: str, *arguments: str) -> int:
        done = subprocess.run(
            (str(locate.postgres_bin() / name), *arguments),
            cwd=self.home,
            user=self.user,
            group=self.user,
            extra_groups=[] if self.user else None,
            capture_output=True,
            env={"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8"},
        )
        (self.home / f"{name}.log").write_bytes(done.stdout + done.stderr)
        return done.returncode


CONFIGURATION = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
ssl = on
ssl_cert_file = '../server.crt'
ssl_key_file = '../server.key'
fsync = off
timezone = 'UTC'
wal_retrieve_retry_interval = 200ms
max_connections = 60
"""
