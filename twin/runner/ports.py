"""Ports by name: free when first asked for, the same ever after, never fought over."""

import socket
from collections.abc import Callable
from contextlib import suppress

import psutil

from twin.home import Home, read_json, write_json
from twin.services.base import TwinError

RANGE = 500
"""How many ports from TWIN_PORTS on belong to one twin."""


class PortBook:
    """Keeps <home>/ports.json; `ours` tells whether a port is held by a process of this twin."""

    def __init__(self, home: Home, ours: Callable[[int], bool]):
        self._home, self._ours, self._file = home, ours, home.root / "ports.json"
        self._given: dict[str, int] = read_json(self._file, {})

    def all(self) -> dict[str, int]:
        """Name -> port."""
        return self._given | {"edge": self._home.edge_port}

    async def of(self, name: str) -> int:
        """The port of that name; TwinError when something else holds it, or the range is used up."""
        port = self._home.edge_port if name == "edge" else self._given.get(name)
        if port is None:
            port = self._given[name] = self._next()
            write_json(self._file, self._given)
        elif not self._ours(port):
            require_free(port, name)
        return port

    def _next(self) -> int:
        taken = {*self._given.values(), self._home.edge_port}
        first = self._home.first_port
        for port in range(first, min(first + RANGE, 65536)):
            if port not in taken and is_free(port):
                return port
        raise TwinError(f"no free port from {first} to {first + RANGE - 1}; set TWIN_PORTS to another first port.")


def is_free(port: int) -> bool:
    """Whether 127.0.0.1:port can be listened on; connections that linger do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def require_free(port: int, name: str) -> None:
    """Raises TwinError that names who listens there and what to do."""
    if is_free(port):
        return
    act = "or choose another with PORT=<port>" if name == "edge" else \
        "or move this twin: `make down ARGS=--purge`, then TWIN_PORTS=<first port> make up"
    raise TwinError(f"port {port} for {name} is taken by {owner(port)}; end that process, {act}.")


def owner(port: int) -> str:
    """"pid 4711 (python -m http.server 8080)" of whoever listens on the port, as far as it may be seen."""
    with suppress(psutil.AccessDenied):  # macOS tells only root
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return describe(connection.pid)
    return "a process that this user may not see"


def describe(pid: int) -> str:
    """"pid 4711 (its command)", cut at 100 characters."""
    try:
        command = " ".join(psutil.Process(pid).cmdline())[:100]
    except psutil.Error:
        return f"pid {pid}"
    return f"pid {pid} ({command})"
