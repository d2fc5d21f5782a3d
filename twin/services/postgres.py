"""A PostgreSQL server of this machine: its folder, configuration, process, and the service's own connection to it.

The settings that matter for failover are those that were measured: an asynchronous replica over a physical slot,
`wal_retrieve_retry_interval` of 200 ms, without which a promotion waits up to 5 s, time-outs of 4 s, after which a link
that was cut is opened anew, and `wal_log_hints`, without which pg_rewind refuses.  A dead replica's slot keeps 2 GB.
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
from contextlib import suppress
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
wal_log_hints = on
wal_sender_timeout = 4s
wal_receiver_timeout = 4s
wal_receiver_status_interval = 1s
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m %u@%d '
"""
STANDBY = """primary_conninfo = '{conninfo}'
primary_slot_name = '{slot}'
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

    async def answers(self, within: float = 1.0) -> bool:
        """Whether it answers in time: one that is frozen takes connections and says nothing."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                return await self.ready()
        return False

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
        draft = self.draft(source.password())
        await source.reserve(self)
        await self.tool("pg_basebackup", "-D", str(draft), "-X", "stream", "-S", self.slot(), "--checkpoint=fast",
                        "--no-sync", "-d", await self.route(source))
        for old in (self.data, self.root / "pgdata.rewound"):
            shutil.rmtree(old, ignore_errors=True)
        draft.rename(self.data)
        self.follow()

    async def rewind(self, source: "Server") -> None:
        """Throws away what `source` does not have and takes the rest from it; the server must be stopped.
        TwinError when it has forgotten too much for that (https://www.postgresql.org/docs/15/app-pgrewind.html)."""
        await source.reserve(self)
        await source.query("checkpoint")  # a promotion shows in the source's control file only after one
        aside = self.data.rename(self.root / "pgdata.rewound")  # an interrupted one is no server: it is copied anew
        await self.tool("pg_rewind", "-D", str(aside), "--source-server",
                        f"{await self.route(source)} dbname=postgres", "--no-sync")
        aside.rename(self.data)
        self.follow()

    def follow(self) -> None:
        """Makes a stopped server a replica at its next start."""
        (self.data / "standby.signal").touch(mode=0o600)

    @property
    def follows(self) -> bool:
        """Whether its data is a replica's, whatever is recorded."""
        return (self.data / "standby.signal").exists()

    async def reserve(self, replica: "Server") -> None:
        """Keeps the log from here on for a replica."""
        await self.query("select pg_create_physical_replication_slot(%s, true) where not exists"
                         " (select from pg_replication_slots where slot_name = %s)", replica.slot(), replica.slot())

    async def route(self, source: "Server") -> str:
        """Connection string to a source, over the link between the regions; the password stays in a file."""
        port = await self.cloud.network.through(self.resource.location, source.resource.location, source.port)
        file = self.root / "pgpass"
        file.touch(mode=0o600)
        file.write_text(f"*:*:*:{SUPERUSER}:{source.password()}")
        own(file)
        return (f"host=localhost hostaddr=127.0.0.1 port={port} user={SUPERUSER} passfile={file} sslmode=verify-full"
                f" sslrootcert={self.cloud.tls.own_ca} application_name={self.slot()} connect_timeout=5")

    async def stopped_at(self) -> str:
        """Where the log of a server that was shut down in order ends; "" when it was not."""
        said = await self.tool("pg_controldata", "-D", str(self.data))
        facts = dict(line.split(":", 1) for line in said.splitlines() if ":" in line)
        clean = facts["Database cluster state"].strip() == "shut down"
        return facts["Latest checkpoint location"].strip() if clean else ""

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

    async def tool(self, name: str, *arguments: str) -> str:
        """Runs one of PostgreSQL's programs; returns what it said, in TwinError when it fails."""
        process = await asyncio.create_subprocess_exec(
            *prefix(), str(self.cloud.tools.postgres / name), *arguments, cwd=self.root, user=account(),
            env=self.environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
        said, _ = await process.communicate()
        if process.returncode:
            raise TwinError(f"{name} for {self.resource.name} failed: {said.decode(errors='replace').strip()[-2000:]}")
        return said.decode()

    async def start(self, source: "Server | None" = None) -> None:
        """Starts the server, a replica with where its source is; returns when it answers."""
        if not self.running():
            self.forget_lock()
        standby = STANDBY.format(conninfo=await self.route(source), slot=self.slot()) if source else ""
        (self.data / "postgresql.conf").write_text(CONFIGURATION.format(port=self.port) + standby)
        forget_sources(self.data / "postgresql.auto.conf")
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


def forget_sources(file: Path) -> None:
    """What would override our own say: a copy has its source's."""
    file.write_text("".join(line for line in file.read_text().splitlines(True) if not line.startswith("primary_")))


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
