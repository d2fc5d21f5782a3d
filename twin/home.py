"""Where one twin keeps everything, and the few settings it has.

Environment: `TWIN_HOME` (folder, default `.twin` in the checkout), `PORT` (the edge, default 8080),
`TWIN_PORTS` (first port of the internal range, default 18000).
"""

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twin.services.base import TwinError

CHECKOUT = Path(__file__).resolve().parent.parent
MADE_HERE = frozenset({
    "logs", "run", "data", "apps", "packages", "tls", "project", "state", "pulumi", "drills", "ports.json",
    "endpoints.json", "outputs.json", "operator.env", "primary.json",
    "resources.sqlite", "resources.sqlite-wal", "resources.sqlite-shm"})
MINIMUM_FREE = 1 << 30
"""Bytes that `up` wants free: two databases, accounts, packages and their logs take about half of it."""


def write_json(path: Path, content: Any, mode: int = 0o600) -> None:
    """Replaces the file in one step, so that a kill leaves the old or the new content, never half."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w") as file:
        json.dump(content, file, indent=1)
    os.chmod(name, mode)
    os.replace(name, path)


def read_json(path: Path, default: Any) -> Any:
    """The file's content; `default` when there is none or it does not parse."""
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return default


@dataclass(frozen=True)
class Home:
    """The paths and settings of one twin; two homes never share a process, port or file."""

    root: Path
    edge_port: int = 8080
    first_port: int = 18000

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Home":
        """Raises TwinError for a port that is none."""
        return cls(Path(environment.get("TWIN_HOME") or CHECKOUT / ".twin").expanduser().resolve(),
                   _port(environment, "PORT", 8080), _port(environment, "TWIN_PORTS", 18000))

    @property
    def logs(self) -> Path:
        """One log per process."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """Control file, process records, lock: what describes the running twin."""
        return self.root / "run"

    @property
    def data(self) -> Path:
        """What the services store; a folder per account, server and cluster."""
        return self.root / "data"

    @property
    def apps(self) -> Path:
        """Unpacked code: <site>/<build>/."""
        return self.root / "apps"

    @property
    def packages(self) -> Path:
        """Posted zips: <site>/<build>.zip, with the site's deployments.json."""
        return self.root / "packages"

    @property
    def tls(self) -> Path:
        """The twin's own certificate authority and its server certificate."""
        return self.root / "tls"

    @property
    def control(self) -> Path:
        """{"url", "token", "pid", "arm", "ca", "identity_endpoint", "identity_header", "edge_port", "code"} of the
        running daemon, once it is ready."""
        return self.run / "control.json"

    @property
    def endpoints(self) -> Path:
        """What `make up` tells others (architecture, section 7)."""
        return self.root / "endpoints.json"

    @property
    def outputs(self) -> Path:
        """The stack's outputs after the last `up`."""
        return self.root / "outputs.json"

    @property
    def operator(self) -> Path:
        """Environment of the operations code while this twin runs."""
        return self.root / "operator.env"

    @property
    def primary(self) -> Path:
        """The primary region that overrides the stack's configuration, as JSON; absent when none does."""
        return self.root / "primary.json"

    @property
    def environment(self) -> dict[str, str]:
        """What makes another process find this home."""
        return {"TWIN_HOME": str(self.root), "PORT": str(self.edge_port), "TWIN_PORTS": str(self.first_port)}

    def purge(self) -> None:
        """Deletes what the twin made, and nothing else that may lie in the folder."""
        for entry in self.root.glob("*"):
            if entry.name in MADE_HERE:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def prepare(self) -> None:
        """Makes the folders; raises TwinError when that is impossible or the disk is (nearly) full."""
        try:
            for folder in (self.logs, self.run, self.data, self.apps, self.packages, self.tls):
                folder.mkdir(parents=True, exist_ok=True)
            self.root.chmod(0o755)
            with tempfile.NamedTemporaryFile(dir=self.root) as probe:
                probe.write(b"\0" * 65536)
        except OSError as error:
            reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror
            raise TwinError(f"cannot write to {self.root}: {reason}; nothing was started. "
                            "Make it writable, or set TWIN_HOME to another folder.") from error
        free = shutil.disk_usage(self.root).free
        if free < MINIMUM_FREE:
            raise TwinError(f"{self.root} has {free >> 20} MiB free, the twin needs {MINIMUM_FREE >> 20} MiB; nothing "
                            "was started. Free some space, or set TWIN_HOME to a folder on another disk.")


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise TwinError(f"{name} must be a port, 1 to 65535; got {text!r}. Unset it for {default}.")
    return int(text)
