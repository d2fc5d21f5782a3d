"""One bounded JSON line per event on stdout: never a message body, nor an exception's text from a function."""

import json
import logging
import os
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

LONGEST = 500
worker: str = "controller"
invocation: ContextVar[dict[str, str] | None] = ContextVar("invocation", default=None)
"""Function name and invocation id of the code that logs, where it is a function's."""


def log(event: str, level: str = "info", **fields: Any) -> None:
    """Write one line in one call; longer texts are cut, so that lines of several processes never mix."""
    line = {"time": datetime.now(UTC).isoformat(), "level": level, "event": event, "worker": worker}
    line |= (invocation.get() or {}) | {key: _short(value) for key, value in fields.items()}
    os.write(1, json.dumps(line).encode() + b"\n")


def _short(value: Any) -> Any:
    return value if isinstance(value, int | float) or value is None else str(value)[:LONGEST]


def failure(error: BaseException) -> dict[str, str]:
    """Kind and place of an error; not its text, which may quote a message."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = " > ".join(f"{os.path.basename(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames)
    return {"error": f"{type(error).__module__}.{type(error).__qualname__}", "at": places}


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        extra = failure(record.exc_info[1]) if record.exc_info and record.exc_info[1] else {}
        log("log", record.levelname.lower(), logger=record.name, message=record.getMessage(), **extra)


def capture_logging() -> None:
    """Send what functions log to the same lines; the SDKs only from warnings on."""
    logging.basicConfig(level=logging.INFO, handlers=[_Lines()], force=True)
    for noisy in ("azure", "uvicorn", "httpx"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
