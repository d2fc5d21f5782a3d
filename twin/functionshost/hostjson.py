"""host.json, read and checked.

Keys, defaults and limits: https://learn.microsoft.com/azure/azure-functions/functions-host-json and, for queues,
https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue#host-json-properties
"""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class Refused(Exception):
    """The package cannot run here; the text names what, why and what to do."""


@dataclass(frozen=True)
class Host:
    """What host.json says (durations in seconds), and the host's id in its storage."""

    id: str
    package: Path
    batch_size: int
    new_batch_threshold: int
    max_polling: float
    visibility: float
    max_dequeue: int
    base64: bool
    function_timeout: float | None
    route_prefix: str


def read(package: Path) -> Host:
    """Read `<package>/host.json`; without a functionTimeout Flex Consumption's 30 minutes hold (-1: no limit).

    https://learn.microsoft.com/azure/azure-functions/functions-scale#timeout
    """
    try:
        document = json.loads((package / "host.json").read_text())
    except (OSError, ValueError) as error:
        raise Refused(f"host.json in {package} cannot be read ({error}): every package needs one") from error
    extensions = document.get("extensions", {})
    queues, timeout = extensions.get("queues", {}), document.get("functionTimeout", "00:30:00")
    batch, encoding = _whole(queues, "batchSize", 16, 1, 32), queues.get("messageEncoding", "base64")
    if document.get("version") != "2.0" or encoding not in ("base64", "none"):
        raise Refused(f'host.json: version must be "2.0" (is {document.get("version")!r}) and '
                      f'extensions.queues.messageEncoding "base64" or "none" (is {encoding!r}): change it')
    return Host(
        host_id(), package, batch, _whole(queues, "newBatchThreshold", batch // 2, 0, 10_000),
        max_polling=max(0.1, seconds("maxPollingInterval", queues.get("maxPollingInterval", "00:01:00"))),
        visibility=seconds("visibilityTimeout", queues.get("visibilityTimeout", "00:00:00")),
        max_dequeue=_whole(queues, "maxDequeueCount", 5, 1, 1_000_000),
        base64=encoding == "base64",
        function_timeout=None if timeout in ("-1", None) else seconds("functionTimeout", timeout),
        route_prefix=extensions.get("http", {}).get("routePrefix", "api").strip("/"),
    )


def seconds(name: str, text: str) -> float:
    """A .NET TimeSpan `[d.]hh:mm:ss[.fff]` in seconds.  Refused: anything else."""
    match = re.fullmatch(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2}(?:\.\d+)?)", str(text))
    if not match:
        raise Refused(f"host.json: {name} must be a time span hh:mm:ss, got {text!r}: write for example 00:00:30")
    days, hours, minutes, rest = match.groups(default="0")
    return int(days) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(rest)


def _whole(queues: dict[str, Any], key: str, default: int, low: int, high: int) -> int:
    value = queues.get(key, default)
    if type(value) is not int or not low <= value <= high:
        raise Refused(f"host.json: extensions.queues.{key} must be {low} to {high}, got {value!r}: change it")
    return value


def host_id() -> str:
    """The site's name in lower case, at most 32 characters.

    https://learn.microsoft.com/azure/azure-functions/storage-considerations#host-id-considerations
    """
    return os.environ.get("WEBSITE_SITE_NAME", "functionshost").lower()[:32].rstrip("-")
