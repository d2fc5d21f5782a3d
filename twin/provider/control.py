"""The provider's line to the twin's control plane: one resource at a time, over loopback HTTP, without dependencies."""

import http.client
import json
import os
import urllib.parse
from pathlib import Path
from typing import Any

REALISE_SECONDS = 900
"""How long one resource may take to become healthy: a database replica or a first npm start are the slow ones."""


class AzureError(Exception):
    """An error as Azure words it: code and message."""

    def __init__(self, code: str, message: str, status: int = 500) -> None:
        super().__init__(f'Status={status} Code="{code}" Message="{message}"')
        self.code, self.status = code, status


def home() -> Path:
    """The twin's folder (TWIN_HOME, default `.twin` in the checkout)."""
    return Path(os.environ.get("TWIN_HOME") or Path(__file__).parents[2] / ".twin").expanduser()


def call(method: str, path: str, body: dict[str, Any] | None = None, **query: str) -> dict[str, Any]:
    """The answer's JSON. Raises AzureError with Azure's code, or TwinNotRunning when no control plane answers."""
    try:
        control = json.loads((home() / "run" / "control.json").read_text())
        address = urllib.parse.urlsplit(control["url"])
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=REALISE_SECONDS)
        headers = {"Authorization": f"Bearer {control['token']}", "Content-Type": "application/json"}
        target = path + ("?" + urllib.parse.urlencode(query) if query else "")
        connection.request(method, target, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise AzureError("TwinNotRunning", f"no control plane answers for {home()} ({type(error).__name__}: {error}); "
                         "start it with `make up`", 503) from error
    return _answered(answer.status, content)


def _answered(status: int, content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content or b"{}")
    except ValueError:
        found = {"error": {"message": content[:200].decode(errors="replace")}}
    if status < 400:
        return found
    error = found.get("error") or {"message": str(found.get("detail", found))}
    raise AzureError(error.get("code", "InternalServerError"), error.get("message", f"status {status}"), status)
