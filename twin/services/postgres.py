"""A PostgreSQL server of this machine: its folder, configuration, process, and the service's own connection to it.

The settings that matter for failover are those that were measured: an asynchronous replica over a physical slot, and
`wal_retrieve_retry_interval` of 200 ms, without which a promotion waits up to 5 s.
"""

import asyncio
import functools
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg

from twin.runner import ProcessSpec
from twin.services.base import Cloud, Resource, TwinError

SUPERUSER = "azuresu"
"""Azure's own superuser, which customers never get."""
NAMESPACE = ("unshare", "--user", "--map-user=65534", "--map-group=65534", "--")
CONFIGURATION = """listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
ssl = on
ssl_cert_file = 'server.crt'
ssl_key_file = 'server.key'
password_encryption = 'scram-sha-256'
max_connections = 200
shared_buffers = 64MB
wal_level = replica
max_wal_senders = 10
max_replication_slots = 10
max_slot_wal_keep_size = 2GB
max_wal_size = 512MB
hot_standby = on
hot_standby_feedback = on
wal_retrieve_retry_interval = 200ms
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m %u@%d '
"""
ACCESS = """hostssl all all 127.0.0.1/32 scram-sha-256
hostssl replication azuresu 127.0.0.1/32 scram-sha-256
"""


@dataclass(frozen=True)
class Server:
    """One server of the twin and how the service itself reaches it."""

    cloud: Cloud
    resource: Resource
    port: int

    @classmethod
    async def of(cls, cloud: Cloud, resource: Resource) -> "Server":
        """With the server's own port."""
        return cls(cloud, resource, await cloud.ports.of(f"postgres-{resource.name}"))

    @property
    def name(self) -> str:
        """Name of the process."""
        return f"postgres-{self.resource.name}"

    @property
    def root(self) -> Path:
        """Folder of the server."""
        return self.cloud.home.data / self.resource.name

    @property
    def data(self) -> Path:
        """PostgreSQL's data folder; there once the server is complete."""
        return self.root / "pgdata"

    @property
    def environment(self) -> dict[str, str]:
        """Its home is its own folder: libpq looks for certificates there, and may not look into root's."""
        return {**self.cloud.environment, "LC_ALL": "C", "HOME": str(self.root)}

    async def connect(self, database: str = "postgres") -> psycopg.AsyncConnection:
        """A connection as superuser, autocommit, at most 5 s."""
        return await psycopg.AsyncConnection.connect(
            host="localhost", hostaddr="127.0.0.1", port=self.port, dbname=database, user=SUPERUSER,
            password=self.password(), sslmode="verify-full", sslrootcert=str(self.cloud.tls.own_ca), connect_timeout=5,
            autocommit=True, application_name="twin")

    async def query(self, text: Any, *values: Any, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Runs one statement; [] when it returns no rows. Raises psycopg.Error."""
        async with await self.connect(database) as connection:
            cursor = await connection.execute(text, values or None)
            return await cursor.fetchall() if cursor.description else []

    async def ready(self) -> bool:
        """Whether it answers."""
        try:
            return bool(await self.query("select 1"))
        except psycopg.Error:
            return False

    def running(self) -> bool:
        """Whether its process is up."""
        process = self.cloud.runner.get(self.name)
        return process is not None and process.state == "ready"

    async def initialise(self) -> None:
        """A new, empty server. Made aside and renamed, so that an interrupted one is begun again."""
        draft = self.draft()
        file = self.root / "superuser.password"
        await self.tool("initdb", "-D", str(draft), "-U", SUPERUSER, "--pwfile", str(file), "--auth=scram-sha-256",
                        "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
        draft.rename(self.data)

    async def copy(self, source: "Server") -> None:
        """A streaming replica of `source`, with a physical replication slot of its own there."""
        draft, slot = self.draft(source.password()), self.slot()
        await source.query("select pg_create_physical_replication_slot(%s) where not exists"
                           " (select from pg_replication_slots where slot_name = %s)", slot, slot)
        await self.tool("pg_basebackup", "-D", str(draft), "-R", "-X", "stream", "-S", slot, "--checkpoint=fast",
                        "--no-sync", "-d", f"host=localhost hostaddr=127.0.0.1 port={source.port} user={SUPERUSER}"
                        f" sslmode=verify-full sslrootcert={self.cloud.tls.own_ca} application_name={slot}",
                        PGPASSWORD=source.password())
        draft.rename(self.data)

    def slot(self) -> str:
        """Name of this replica's slot on its source."""
        return "".join(character if character.isalnum() else "_" for character in self.resource.name.lower())

    def draft(self, password: str | None = None) -> Path:
        """The folder to build in, emptied; with the superuser's password beside it (a replica has its source's)."""
        self.root.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(draft := self.root / "pgdata.partial", ignore_errors=True)
        file = self.root / "superuser.password"
        file.touch(mode=0o600)
        file.write_text(password or secrets.token_urlsafe(24))
        draft.mkdir(mode=0o700)
        own(self.root)
        return draft

    def forget_lock(self) -> None:
        """Removes the lock file of a server that was killed: its process number may be another process's by now."""
        file = self.data / "postmaster.pid"
        try:
            holder = psutil.Process(int(file.read_text().split()[0]))
            if str(self.data) not in holder.cmdline():
                file.unlink()
        except (FileNotFoundError, IndexError, ValueError, psutil.Error):
            file.unlink(missing_ok=True)

    def password(self) -> str:
        """The superuser's password, known to this service alone."""
        return (self.root / "superuser.password").read_text()

    async def tool(self, name: str, *arguments: str, **environment: str) -> None:
        """Runs one of PostgreSQL's programs; TwinError with what it said when it fails."""
        process = await asyncio.create_subprocess_exec(
            *prefix(), str(self.cloud.tools.postgres / name), *arguments, cwd=self.root, user=account(),
            env={**self.environment, **environment},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
        said, _ = await process.communicate()
        if process.returncode:
            raise TwinError(f"{name} for {self.resource.name} failed: {said.decode(errors='replace').strip()[-2000:]}")

    async def start(self) -> None:
        """Starts the server; returns when it answers."""
        if not self.running():
            self.forget_lock()
        (self.data / "postgresql.conf").write_text(CONFIGURATION.format(port=self.port))
        (self.data / "pg_hba.conf").write_text(ACCESS)
        shutil.copyfile(self.cloud.tls.cert, self.data / "server.crt")
        key = self.data / "server.key"
        key.touch(mode=0o600)
        shutil.copyfile(self.cloud.tls.key, key)
        own(self.data)
        await self.cloud.runner.start(ProcessSpec(
            name=self.name, command=(*prefix(), str(self.cloud.tools.postgres / "postgres"), "-D", str(self.data)),
            cwd=self.root, environment=self.environment, user=account(),
            region=self.resource.location, service="database", ports=(self.port,), ready=self.ready, ready_within=60,
            stop_signal=signal.SIGINT, stop_within=20, resource_id=self.resource.id))


@functools.cache
def prefix() -> tuple[str, ...]:
    """PostgreSQL refuses to run as root. As root, a user namespace in which root is "nobody" satisfies it: the files
    stay root's, wherever they are. () for other users, and where such namespaces are not allowed."""
    if os.geteuid() or not shutil.which("unshare"):
        return ()
    return NAMESPACE if subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode == 0 else ()


@functools.cache
def account() -> str | None:
    """The unprivileged user to become when root has no user namespace; None otherwise."""
    if os.geteuid() or prefix():
        return None
    return next(name for name in ("postgres", "nobody") if name in {entry.pw_name for entry in pwd.getpwall()})


def own(folder: Path) -> None:
    """Gives a folder to `account`, after checking that it can reach it; TwinError when it cannot."""
    if not (user := account()):
        return
    for above in folder.resolve().parents:
        if not above.stat().st_mode & stat.S_IXOTH:
            raise TwinError(f"PostgreSQL does not run as root, and the user {user} cannot enter {above}. "
                            f"`chmod o+x {above}`, set TWIN_HOME to a folder elsewhere, or run as another user.")
    entry = pwd.getpwnam(user)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, entry.pw_uid, entry.pw_gid)
